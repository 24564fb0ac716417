//! Which pictures have changed since their features were made.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::StoreOptions;
use super::before::{Before, Rows};
use crate::backend::Pictures;
use crate::dataset::Dataset;
use crate::features::store::{Entry, Hash};
use crate::features::{PictureMemory, PictureRules, Truncated};
use crate::pipeline::reading::Reading;
use crate::progress::Progress;

/// What is done for a picture.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// Its row is there.
    Keep(From, Entry),
    /// It cannot be read, as before.
    Skip(Entry),
    /// It is read; this is its file as it was before that.
    Read(Entry),
}

/// Where a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    /// In the finished store.
    Store(usize),
    /// In the one that was being made.
    Part(usize),
}

/// What is done for each picture; nothing if that was stopped. Pictures that could not be read are tried again as they would be read now:
/// within `memory`, at 1/`scale`, and following `rules`.
pub(super) fn plan(
    dataset: &Dataset,
    paths: &[String],
    before: &Before,
    options: &StoreOptions,
    (memory, scale, rules): (&PictureMemory, u32, PictureRules),
    progress: &dyn Progress,
) -> Option<Vec<Step>> {
    let sources = [before.part.as_ref().map(|rows| (rows, From::Part as fn(usize) -> From))]
        .into_iter()
        .chain([before.store.as_ref().map(|rows| (rows, From::Store as fn(usize) -> From))]);
    let sources: Vec<_> = sources.flatten().collect();
    // Who has everything made anew does not believe in sizes and times: of what an earlier such run has made, a picture of the same content is
    // not decoded again.
    let rehash = options.rehash || options.force;
    let content = rehash || sources.iter().any(|(rows, _)| !rows.same_root);
    let content = content && !sources.is_empty();
    if content {
        progress.begin("comparing", paths.len() as u64, "pictures");
    }
    let stopped = AtomicUsize::new(0);
    let step = |(row, path): (usize, &String)| {
        if (options.stop)() {
            stopped.fetch_add(1, Ordering::Relaxed);
            return Step::Read(Entry::default());
        }
        let now = look_at(dataset, row);
        let mut look =
            Look { picture: (dataset, row), reading: (memory, scale, rules), now, rehash, hash: None };
        let found = sources.iter().find_map(|(rows, from)| {
            let (row, entry) = rows.at.get(path)?;
            look.unchanged(rows, entry).map(|entry| match entry.skipped {
                Some(_) => Step::Skip(entry),
                None => Step::Keep(from(*row), entry),
            })
        });
        if content {
            progress.advance(1);
        }
        found.unwrap_or(Step::Read(look.now))
    };
    let steps = paths.par_iter().enumerate().map(step).collect();
    if content {
        progress.end();
    }
    (stopped.into_inner() == 0).then_some(steps)
}

/// Size and time of a picture's file as it is now; of one in a shard, its size there and the time that the shard had.
fn look_at(dataset: &Dataset, row: usize) -> Entry {
    match &dataset.shards {
        Some(shards) => {
            let place = shards.places[row];
            // As it was when its headers were read: what is there now is noticed when it is read.
            let modified = shards.files[place.shard as usize].stamp.modified;
            Entry { size: place.len, modified, ..Entry::default() }
        }
        None => Entry::look(&dataset.file(row)),
    }
}

/// A look at a picture's file.
struct Look<'a> {
    picture: (&'a Dataset, usize),
    reading: (&'a PictureMemory, u32, PictureRules),
    now: Entry,
    rehash: bool,
    /// Of its content, once that was looked at; within, none if it cannot be read.
    hash: Option<Option<Hash>>,
}

impl Look<'_> {
    /// What is to be kept of it, if it is as `before`.
    fn unchanged(&mut self, rows: &Rows, before: &Entry) -> Option<Entry> {
        if before.skipped.is_some() {
            // Whatever stood in the way may be gone, without a trace in the file.
            let reason = before.same_stamp(&self.now).then(|| self.refused())??;
            return Some(Entry { skipped: Some(reason), ..self.now.clone() });
        }
        if before.cut_off && self.reading.2.truncated == Truncated::Skip {
            return None;
        }
        let same = match rows.same_root && !self.rehash {
            true => before.same_stamp(&self.now),
            false => before.size == self.now.size && before.hash.is_some() && before.hash == self.hash(),
        };
        let same = same && !self.is_too_large(rows);
        same.then(|| Entry { hash: before.hash, cut_off: before.cut_off, ..self.now.clone() })
    }

    /// Whether it declares too many pixels, where `rows` are of pictures that may.
    fn is_too_large(&self, rows: &Rows) -> bool {
        let ((dataset, row), (memory, scale, rules)) = (self.picture, self.reading);
        rules.max_pixels < rows.max_pixels
            && Reading::new(memory, scale, rules).is_too_large(dataset.found(row))
    }

    /// Why it cannot be read, if so. Whatever that takes is given back at once.
    fn refused(&self) -> Option<String> {
        let ((dataset, row), (memory, scale, rules)) = (self.picture, self.reading);
        Reading::new(memory, scale, rules).read(dataset.found(row), &mut Pictures::new(), |_| ()).err()
    }

    fn hash(&mut self) -> Option<Hash> {
        let (dataset, row) = self.picture;
        *self.hash.get_or_insert_with(|| content(dataset, row).ok())
    }
}

/// The hash of a picture's file, or of its part of a shard.
pub(in crate::pipeline) fn content(dataset: &Dataset, row: usize) -> io::Result<Hash> {
    Hash::of_all(dataset.reader(row)?)
}
