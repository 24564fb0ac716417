//! From pictures that are described into the file of a store.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Mutex;

use crate::dataset::Extent;
use crate::features::store::{Entry, Hash, Writer};
use crate::features::{FeaturesError, Keep, Skipped};
use crate::sync::lock;

/// Takes rows as they are made.
pub(super) struct Keeper<'a> {
    writer: &'a Writer,
    /// Rows of the store that are made, in the order in which their pictures are read.
    pub(super) todo: &'a [usize],
    paths: &'a [String],
    /// Of pictures that were read and whose rows have not come yet, by their places in `todo`.
    seen: Mutex<HashMap<usize, (Option<Hash>, Extent)>>,
    /// Of all rows; those that are made have size and time.
    entries: Mutex<&'a mut Vec<Entry>>,
    stop: fn() -> bool,
}

impl<'a> Keeper<'a> {
    /// Gives the rows `todo` to `writer`, and what was seen of their pictures, which have these `paths`, to `entries`, until `stop`.
    pub(super) fn new(
        writer: &'a Writer,
        (todo, paths): (&'a [usize], &'a [String]),
        entries: &'a mut Vec<Entry>,
        stop: fn() -> bool,
    ) -> Self {
        Self { writer, todo, paths, seen: Mutex::default(), entries: Mutex::new(entries), stop }
    }

    /// So much of the picture at place `i` of `todo` was read, and its content has this hash.
    pub(super) fn seen(&self, i: usize, hash: Option<Hash>, extent: Extent) {
        lock(&self.seen).insert(i, (hash, extent));
    }
}

impl Keep for Keeper<'_> {
    fn keep(&self, first: usize, rows: &[f32], skipped: &[Skipped]) -> Result<(), FeaturesError> {
        let columns = self.writer.header.columns;
        let mut from = first;
        let end = first + rows.len() / columns;
        while from < end {
            // Rows beside each other are written at once.
            let count = (from..end).take_while(|&i| self.todo[i] == self.todo[from] + (i - from)).count();
            let row = self.todo[from];
            let mut made = Vec::with_capacity(count);
            {
                let (mut entries, mut seen) = (lock(&self.entries), lock(&self.seen));
                for i in from..from + count {
                    let entry = &mut entries[self.todo[i]];
                    let (hash, extent) = seen.remove(&i).unwrap_or((None, Extent::Whole));
                    (entry.hash, entry.cut_off) = (hash, extent == Extent::CutOff);
                    entry.skipped = skipped.iter().find(|s| s.index == i).map(|s| s.reason.clone());
                    made.push((self.paths[self.todo[i]].clone(), entry.clone()));
                }
            }
            let values = &rows[(from - first) * columns..(from - first + count) * columns];
            self.writer.put(row, values, made.into_iter())?;
            from += count;
        }
        if (self.stop)() {
            let (done, rows) = (self.writer.done(), self.writer.header.rows);
            return Err(FeaturesError::Interrupted { folder: PathBuf::new(), done, rows });
        }
        Ok(())
    }
}
