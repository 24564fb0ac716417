//! The file of a store: whether one is written, what it goes on from, and the rows that are copied.

use super::StoreOptions;
use super::before::Before;
use super::plan::{From, Step};
use crate::features::store::{Entry, Folder, Header, Writer};
use crate::features::{FeaturesError, Source};

/// Bytes of rows that are copied at a time.
const COPIED: usize = 4 << 20;

/// Why nothing could be begun.
pub(super) enum Stopped {
    Asked,
    Failed(FeaturesError),
}

impl std::convert::From<FeaturesError> for Stopped {
    fn from(error: FeaturesError) -> Self {
        Self::Failed(error)
    }
}

/// A store to be made, and what it is made from.
pub(super) struct Work<'a> {
    pub(super) folder: &'a Folder,
    pub(super) before: &'a Before,
    pub(super) paths: &'a [String],
    pub(super) steps: &'a [Step],
    pub(super) options: &'a StoreOptions,
}

impl Work<'_> {
    /// Whether the finished store has all rows, in their places.
    pub(super) fn nothing_to_write(&self) -> bool {
        let Some(store) = &self.before.store else { return false };
        let in_place = |(row, step): (usize, &Step)| match step {
            Step::Keep(From::Store(at), _) => *at == row,
            // Another row has numbers, or has had some.
            Step::Skip(_) => {
                let there = store.at.get(&self.paths[row]);
                there.is_some_and(|(at, entry)| *at == row && entry.skipped.is_some())
            }
            _ => false,
        };
        store.numbers.rows() == self.steps.len() && self.steps.iter().enumerate().all(in_place)
    }

    /// Whether all that the journal names is just what is wanted, where it is wanted; or skipped, and is written again.
    fn goes_on(&self, wanted: &Header) -> bool {
        let (Some(journal), Some(part)) = (&self.before.journal, &self.before.part) else { return false };
        let header =
            Header { anew: journal.header.anew, file: journal.header.file.clone(), ..wanted.clone() };
        let holds = |(path, (row, entry)): (&String, &(usize, Entry))| {
            let kept = matches!(&self.steps[*row], Step::Keep(_, kept) if kept == entry);
            self.paths[*row] == *path && (entry.skipped.is_some() || kept && self.is_there(*row))
        };
        journal.header == header && part.at.iter().all(holds)
    }

    /// Whether a row need not be written where the journal is gone on with. What that says of a picture that was skipped may be outdated:
    /// its row may be in the finished store, or may have been written, and not have come into the journal.
    fn is_there(&self, row: usize) -> bool {
        matches!(self.steps[row], Step::Keep(From::Part(at), _) if at == row)
    }

    /// A writer whose store has all rows that are kept.
    pub(super) fn begin(&self, wanted: &Header) -> Result<Writer, Stopped> {
        if let Some(journal) = self.before.journal.as_ref().filter(|_| self.goes_on(wanted)) {
            let is_there = |row: &usize| self.is_there(*row);
            // What is written again counts when it is.
            let mut journal = journal.clone();
            journal.count = (0..self.steps.len()).filter(is_there).count();
            let writer = self.folder.go_on(&journal, self.options.every)?;
            self.copy(&writer, |row| self.is_there(row))?;
            return Ok(writer);
        }
        let header = Header { anew: self.before.anew, ..wanted.clone() };
        let writer = self.folder.begin(header, self.before.journal.as_ref(), self.options.every)?;
        let outcome = self.copy(&writer, |_| false).and_then(|()| Ok(writer.install()?));
        if outcome.is_err() {
            // The disk may be full, and what was there before is still what the journal names.
            self.folder.discard(&writer);
        }
        outcome.map(|()| writer)
    }

    /// Writes all rows but those that are made and those that are `there`: rows that are kept, and zeros for pictures that are skipped.
    fn copy(&self, writer: &Writer, there: impl Fn(usize) -> bool) -> Result<(), Stopped> {
        let columns = writer.header.columns;
        let most = (COPIED / 4 / columns).max(1);
        let mut block = Vec::new();
        let mut first = 0;
        let is_copied = |row: usize| !matches!(self.steps[row], Step::Read(_)) && !there(row);
        while first < self.steps.len() {
            if !is_copied(first) {
                first += 1;
                continue;
            }
            if (self.options.stop)() {
                return Err(Stopped::Asked);
            }
            let count = (first..self.steps.len()).take(most).take_while(|&row| is_copied(row)).count();
            block.clear();
            block.resize(count * columns, 0.0);
            let (mut pictures, rows) = (Vec::with_capacity(count), block.chunks_exact_mut(columns));
            for (row, to) in (first..).zip(rows) {
                let entry = match &self.steps[row] {
                    Step::Keep(from, entry) => {
                        let (source, at) = match from {
                            From::Store(at) => (&self.before.store, at),
                            From::Part(at) => (&self.before.part, at),
                        };
                        if let Some(source) = source {
                            source.numbers.read(*at, to)?;
                        }
                        entry
                    }
                    Step::Skip(entry) | Step::Read(entry) => entry,
                };
                pictures.push((self.paths[row].clone(), entry.clone()));
            }
            writer.put(first, &block, pictures.into_iter())?;
            first += count;
        }
        Ok(())
    }
}
