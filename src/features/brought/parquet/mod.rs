//! Parquet: a column of lists of floats, or columns of floats. Row groups are unpacked one at a time, and kept as long as there is
//! room.

mod columns;
mod leaf;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use columns::{Leaves, leaves, names};

use super::{BringOptions, some};
use crate::features::{Bytes, FeaturesError, Source};
use crate::files::Mapped;
use crate::files::parquet::{Reader, damaged, guarded};

/// Feature rows in a Parquet file.
pub(super) struct Parquet {
    path: PathBuf,
    reader: Arc<Reader>,
    /// What the columns are called, if each of them is one of the file, and nobody named it.
    names: Option<Vec<String>>,
    /// Whether a column was asked for.
    keyed: bool,
    /// The first row of each row group, and the number of all rows.
    firsts: Vec<usize>,
    columns: usize,
    leaves: Leaves,
    /// Row groups that are unpacked, or are just being so, the oldest first.
    unpacked: Mutex<VecDeque<(usize, Arc<Unpacked>)>>,
    /// Held while a large one is unpacked and looked at.
    large: Mutex<()>,
    /// How many were unpacked.
    #[cfg(test)]
    unpackings: std::sync::atomic::AtomicUsize,
}

/// The rows of a group once they are unpacked, or what is wrong with them. Whoever wants them meanwhile waits.
type Unpacked = OnceLock<Result<Vec<f32>, String>>;

/// Of row groups that take more than this share of the room there is one at a time: there are about as many threads that read.
const LARGE: u64 = 16;

impl std::fmt::Debug for Parquet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { path, firsts, columns, leaves, .. } = self;
        f.debug_struct("Parquet")
            .field("path", path)
            .field("firsts", firsts)
            .field("columns", columns)
            .field("leaves", leaves)
            .finish_non_exhaustive()
    }
}

/// Fails where `rows` of `columns` numbers are more bytes than there can be.
fn countable(rows: usize, columns: usize) -> Result<(), String> {
    let bytes = rows.checked_mul(columns).and_then(|numbers| numbers.checked_mul(size_of::<f32>()));
    match bytes.filter(|&bytes| isize::try_from(bytes).is_ok()) {
        Some(_) => Ok(()),
        None => Err(damaged(&format!("{rows} rows of {columns} numbers are more than can be counted"))),
    }
}

impl Parquet {
    /// The feature columns of the file `path`, which `map` is.
    pub(super) fn open(path: &Path, map: Mapped, options: &BringOptions) -> Result<Self, String> {
        // The other half is for the rows where they are wanted.
        let room = options.budget.free_bytes() / 2;
        let reader = Reader::open(map, room, "give a larger --memory, or ")?;
        let metadata = reader.metadata();
        let mut firsts = vec![0usize];
        for group in metadata.row_groups() {
            let rows = usize::try_from(group.num_rows())
                .map_err(|_| damaged(&"a row group of less than no rows"))?;
            let next = firsts[firsts.len() - 1].checked_add(rows);
            firsts.push(next.ok_or_else(|| damaged(&"more rows than can be counted"))?);
        }
        if firsts[firsts.len() - 1] == 0 {
            return Err("it has no rows, and nothing can be learned from that".into());
        }
        let leaves = leaves(&reader, options)?;
        let columns = match &leaves {
            Leaves::Columns(columns) => columns.len(),
            Leaves::List(leaf) => {
                let group = (0..firsts.len() - 1).find(|&g| firsts[g + 1] > firsts[g]);
                guarded(|| leaf::list_length(&reader, group.unwrap_or(0), *leaf))?
            }
        };
        countable(firsts[firsts.len() - 1], columns)?;
        let keyed = options.key.is_some();
        let names = match &leaves {
            Leaves::Columns(leaves) if !keyed => names(&reader, leaves),
            _ => None,
        };
        Ok(Self {
            path: path.into(),
            reader: Arc::new(reader),
            names,
            keyed,
            firsts,
            columns,
            leaves,
            unpacked: Mutex::default(),
            large: Mutex::default(),
            #[cfg(test)]
            unpackings: 0.into(),
        })
    }

    /// The columns of these names; none where columns are not known by names.
    fn select(&self, names: &[String]) -> Result<Option<Self>, String> {
        if self.keyed {
            return Ok(None);
        }
        let lists = matches!(self.leaves, Leaves::List(_));
        let Some(leaves) = columns::named(&self.reader, names, lists)? else { return Ok(None) };
        countable(self.firsts[self.firsts.len() - 1], names.len())?;
        Ok(Some(Self {
            path: self.path.clone(),
            reader: self.reader.clone(),
            names: Some(names.to_vec()),
            keyed: false,
            firsts: self.firsts.clone(),
            columns: names.len(),
            leaves: Leaves::Columns(leaves),
            unpacked: Mutex::default(),
            large: Mutex::default(),
            #[cfg(test)]
            unpackings: 0.into(),
        }))
    }

    /// The rows of group `group`, in the memory of `old` where that will do.
    fn unpack(&self, group: usize, mut old: Vec<f32>) -> Result<Vec<f32>, String> {
        #[cfg(test)]
        self.unpackings.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        old.clear();
        let first = self.firsts[group];
        let rows = self.firsts[group + 1] - first;
        let bytes = self.bytes(group);
        if bytes > self.reader.room() {
            return Err(format!(
                "its row group {group} takes {} unpacked, and there is memory for {}; give a larger --memory, or write smaller ones \
                 (pyarrow: write_table(…, row_group_size=10000))",
                Bytes(bytes),
                Bytes(self.reader.room())
            ));
        }
        match &self.leaves {
            Leaves::List(leaf) => {
                leaf::numbers(&self.reader, group, *leaf, (first, rows), (self.columns, old))
            }
            Leaves::Columns(leaves) => {
                let mut all = old;
                for (column, &leaf) in leaves.iter().enumerate() {
                    let numbers = leaf::numbers(&self.reader, group, leaf, (first, rows), (1, Vec::new()))?;
                    // Only once one column was found to be as long as it says.
                    all.resize(rows * self.columns, 0.0);
                    let to = all.iter_mut().skip(column).step_by(self.columns);
                    to.zip(numbers).for_each(|(to, number)| *to = number);
                }
                Ok(all)
            }
        }
    }

    /// Gives `take` the rows of group `group`, from memory where they are still there.
    fn with<T>(&self, group: usize, take: impl FnOnce(&[f32]) -> T) -> Result<T, FeaturesError> {
        // Until nobody looks at a large one any more, no other is unpacked.
        let large = self.bytes(group) > self.reader.room() / LARGE;
        let _alone = large.then(|| self.large.lock().unwrap_or_else(PoisonError::into_inner));
        let (slot, old) = self.slot(group);
        match slot.get_or_init(|| guarded(|| self.unpack(group, old))) {
            Ok(rows) => Ok(take(rows)),
            Err(problem) => Err(FeaturesError::Format { path: self.path.clone(), problem: problem.clone() }),
        }
    }

    /// The group that row `row` is in.
    fn group_of(&self, row: usize) -> usize {
        self.firsts.partition_point(|&first| first <= row) - 1
    }

    /// Bytes of a group once it is unpacked.
    fn bytes(&self, group: usize) -> u64 {
        let rows = self.firsts[group + 1] - self.firsts[group];
        (rows as u64).saturating_mul(4 * self.columns as u64)
    }

    /// The place of a group in memory, and memory of one that had to go. To unpack it takes long, and those who want others do not wait for that.
    fn slot(&self, group: usize) -> (Arc<Unpacked>, Vec<f32>) {
        let mut unpacked = self.unpacked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, slot)) = unpacked.iter().find(|(known, _)| *known == group) {
            return (slot.clone(), Vec::new());
        }
        // A quarter of the room: the rows are about to be copied to where they are wanted.
        let mut spare = Vec::new();
        let mut kept: u64 = unpacked.iter().map(|(group, _)| self.bytes(*group)).sum();
        while kept + self.bytes(group) > self.reader.room() / 4 {
            let Some((oldest, rows)) = unpacked.pop_front() else { break };
            kept -= self.bytes(oldest);
            // Allocators keep large blocks that are given back, and take others for larger ones.
            if let Some(Ok(rows)) = Arc::into_inner(rows).and_then(OnceLock::into_inner) {
                spare = rows;
            }
        }
        let slot = Arc::new(Unpacked::new());
        unpacked.push_back((group, slot.clone()));
        (slot, spare)
    }
}

impl Source for Parquet {
    fn rows(&self) -> usize {
        self.firsts[self.firsts.len() - 1]
    }

    fn columns(&self) -> usize {
        self.columns
    }

    fn names(&self) -> Option<&[String]> {
        self.names.as_deref()
    }

    fn in_blocks(&self) -> bool {
        true
    }

    fn beside(&self) -> u64 {
        (0..self.firsts.len() - 1).map(|group| self.bytes(group)).max().unwrap_or(0)
    }

    fn named(&self, names: &[String]) -> Result<Option<Arc<dyn Source>>, FeaturesError> {
        let selected = self
            .select(names)
            .map_err(|problem| FeaturesError::Format { path: self.path.clone(), problem })?;
        Ok(selected.map(|selected| Arc::new(selected) as Arc<dyn Source>))
    }

    fn file(&self) -> Option<&Path> {
        Some(&self.path)
    }

    fn read(&self, first: usize, to: &mut [f32]) -> Result<(), FeaturesError> {
        let (columns, mut row, mut to) = (self.columns, first, to);
        while !to.is_empty() {
            let group = self.group_of(row);
            let count = (self.firsts[group + 1] - row).min(to.len() / columns);
            let at = (row - self.firsts[group]) * columns;
            let (here, rest) = to.split_at_mut(count * columns);
            self.with(group, |rows| here.copy_from_slice(&rows[at..at + count * columns]))?;
            (row, to) = (row + count, rest);
        }
        Ok(())
    }

    fn gather(&self, rows: &[usize], to: &mut [f32]) -> Result<(), FeaturesError> {
        // In the order of the file, so that each row group is unpacked once.
        let columns = self.columns;
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_unstable_by_key(|&i| rows[i]);
        for same in order.chunk_by(|&a, &b| self.group_of(rows[a]) == self.group_of(rows[b])) {
            let group = self.group_of(rows[same[0]]);
            self.with(group, |unpacked| {
                for &i in same {
                    let at = (rows[i] - self.firsts[group]) * columns;
                    to[i * columns..(i + 1) * columns].copy_from_slice(&unpacked[at..at + columns]);
                }
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
