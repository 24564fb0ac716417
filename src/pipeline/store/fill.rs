//! Making a store, or going on with one.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::before::Before;
use super::labels::{cell, labels_of};
use super::plan::{From, Step, plan};
use super::{Extraction, StoreOptions};
use crate::backend::{Backend, DeviceKind, Pictures};
use crate::dataset::{DECODER, Dataset, Part, reading_order};
use crate::error::{Error, Result};
use crate::features::store::{Entry, FORMAT, Folder, Hash, Header, Labels, Meta, Writer, write_samples};
use crate::features::{
    Budget, Descriptor, Extracted, FeaturesError, Keep, Matrix, PictureMemory, Skipped, Source, Target,
    extract,
};
use crate::pipeline::input::histogram;
use crate::pipeline::reading::Reading;
use crate::progress::Progress;
use crate::report::grouped;

/// A store that is finished.
pub(in crate::pipeline) struct Filled<B: Backend> {
    /// All rows on the device, where they were all made just now and asked for.
    pub(in crate::pipeline) matrix: Option<Matrix<B>>,
    pub(in crate::pipeline) extraction: Extraction,
}

/// Bytes of features, at most, that are also left on the device that made them where no budget is given: what is larger may not fit, and
/// to read it from the store again takes little beside making it.
const ON_DEVICE: u64 = 1 << 30;
/// Bytes of rows that are copied at a time.
const COPIED: usize = 4 << 20;

/// Describes the pictures of `dataset` by `descriptor` into the store `folder`; see [`extract_to`](super::extract_to). With `matrix`, their
/// features stay on the device where that can be and none of them were there before.
pub(in crate::pipeline) fn fill<B: Backend>(
    backend: &B,
    dataset: &Dataset,
    (folder, options): (&Path, &StoreOptions),
    descriptor: Descriptor,
    (matrix, budget): (bool, &Budget),
    progress: &dyn Progress,
) -> Result<Filled<B>> {
    let histogram = histogram(descriptor)?;
    let bins = histogram.checked().map_err(|e| Error::option("--bins", e.to_string()))?;
    let scale = histogram.decode_scale().map_err(|problem| Error::option("--decode-scale", problem))?;
    let rows = dataset.samples.len();
    let paths: Vec<String> = (0..rows).map(|row| dataset.relative_path_string(row)).collect();
    let folder = Folder::open(folder)?;
    let wanted = Header {
        format: FORMAT,
        descriptor,
        decoder: DECODER.into(),
        root: dataset.root.to_string_lossy().into_owned(),
        rows,
        columns: bins.len(),
        paths: Hash::of(paths.join("\0").as_bytes()),
        anew: options.force,
        file: String::new(),
    };
    let before = Before::read(&folder, &wanted, options)?;
    let interrupted = |done| FeaturesError::Interrupted { folder: folder.path().into(), done, rows };
    let journalled = before.journal.as_ref().map_or(0, |journal| journal.count);
    let Some(steps) = plan(dataset, &paths, &before, options, progress) else {
        return Err(interrupted(journalled).into());
    };
    let todo: Vec<usize> = (0..rows).filter(|&row| matches!(steps[row], Step::Read(_))).collect();
    let todo = in_reading_order(dataset, todo);
    let dropped = before.dropped(&paths);
    let kept = steps.iter().filter(|step| matches!(step, Step::Keep(..))).count();
    if kept > 0 {
        let at = folder.path().display();
        progress.say(&format!("features: {} of {} pictures from {at}", grouped(kept), grouped(rows)));
    }

    let mut work = Work { folder: &folder, before: &before, paths: &paths, steps: &steps, options };
    let writer = match work.nothing_to_write() {
        true => None,
        false => Some(work.begin(&wanted).map_err(|error| match error {
            Stopped::Asked => interrupted(journalled),
            Stopped::Failed(error) => error,
        })?),
    };
    let mut entries: Vec<Entry> = steps
        .iter()
        .map(|step| match step {
            Step::Keep(_, entry) | Step::Skip(entry) | Step::Read(entry) => entry.clone(),
        })
        .collect();
    let mut matrix_made = None;
    if let Some(writer) = writer.as_ref().filter(|_| !todo.is_empty()) {
        let matrix =
            matrix && todo.len() == rows && todo.is_sorted() && stays(backend, budget, rows * bins.len());
        let keeper = Keeper {
            writer,
            todo: &todo,
            paths: &paths,
            hashes: Mutex::new(HashMap::new()),
            entries: Mutex::new(&mut entries),
            stop: options.stop,
        };
        progress.say(&budget.said());
        let memory = PictureMemory::new(budget, rayon::current_num_threads());
        let reader = || {
            let (mut reading, keeper) = (Reading::new(&memory, scale), &keeper);
            move |i: usize, pictures: &mut Pictures| {
                let mut hash = None;
                let found = dataset.found(keeper.todo[i]);
                reading.read(found, pictures, |content| hash = Some(Hash::of(content)))?;
                lock(&keeper.hashes).extend(hash.map(|hash| (i, hash)));
                Ok(())
            }
        };
        progress.begin("describing", todo.len() as u64, "pictures");
        let target = Target { matrix, keep: Some(&keeper) };
        let extracted = extract(backend, todo.len(), &bins, reader, target, progress);
        progress.end();
        let Extracted { matrix: made, .. } = extracted.map_err(|error| {
            // What was made until now is worth keeping, if that can be.
            let flushed = writer.flush();
            let (path, done) = (folder.path().to_owned(), writer.done());
            match (error, flushed) {
                (FeaturesError::Interrupted { .. }, Ok(())) => interrupted(done),
                (FeaturesError::Interrupted { .. }, Err(source)) | (source, _) => {
                    FeaturesError::Unfinished { folder: path, done, rows, source: Box::new(source) }
                }
            }
        })?;
        matrix_made = matrix.then_some(made);
    }

    let labels = labels_of(dataset);
    let meta = Meta {
        format: FORMAT,
        descriptor,
        decoder: wanted.decoder,
        rows,
        columns: wanted.columns,
        root: wanted.root,
        labels: labels.clone(),
        samples_xxh3: Hash(0),
        features_xxh3: Hash(0),
    };
    // The files that are copied from must not be open where they are replaced.
    let done = writer.as_ref().map_or(0, Writer::done);
    drop(before);
    let changed = folder
        .commit(writer, meta, |to| lines(to, dataset, &paths, &labels, &entries))
        .map_err(|source| unfinished(folder.path(), done, rows, source))?;
    let skipped: Vec<Skipped> = entries
        .into_iter()
        .enumerate()
        .filter_map(|(index, entry)| Some(Skipped { index, reason: entry.skipped? }))
        .collect();
    let extraction = Extraction {
        folder: folder.path().into(),
        descriptor,
        kept,
        read: rows - kept - skipped.len(),
        dropped,
        skipped,
        changed,
    };
    Ok(Filled { matrix: matrix_made, extraction })
}

/// `rows` in the order in which their pictures lie, where that is not the order of their names.
fn in_reading_order(dataset: &Dataset, rows: Vec<usize>) -> Vec<usize> {
    let Some(shards) = &dataset.shards else { return rows };
    let places: Vec<_> = rows.iter().map(|&row| shards.places[row]).collect();
    reading_order(&places, rayon::current_num_threads()).into_iter().map(|i| rows[i]).collect()
}

fn unfinished(folder: &Path, done: usize, rows: usize, source: FeaturesError) -> FeaturesError {
    FeaturesError::Unfinished { folder: folder.into(), done, rows, source: Box::new(source) }
}

/// Why nothing could be begun.
enum Stopped {
    Asked,
    Failed(FeaturesError),
}

impl std::convert::From<FeaturesError> for Stopped {
    fn from(error: FeaturesError) -> Self {
        Self::Failed(error)
    }
}

/// A store to be made, and what it is made from.
struct Work<'a> {
    folder: &'a Folder,
    before: &'a Before,
    paths: &'a [String],
    steps: &'a [Step],
    options: &'a StoreOptions,
}

impl Work<'_> {
    /// Whether the finished store has all rows, in their places.
    fn nothing_to_write(&self) -> bool {
        let Some(store) = &self.before.store else { return false };
        let in_place = |(row, step): (usize, &Step)| match step {
            Step::Keep(From::Store(at), _) => *at == row,
            Step::Skip(_) => store.at.get(&self.paths[row]).is_some_and(|(at, _)| *at == row),
            _ => false,
        };
        store.numbers.rows() == self.steps.len() && self.steps.iter().enumerate().all(in_place)
    }

    /// Whether all that the journal names is just what is wanted, where it is wanted.
    fn goes_on(&self, wanted: &Header) -> bool {
        let (Some(journal), Some(part)) = (&self.before.journal, &self.before.part) else { return false };
        let header =
            Header { anew: journal.header.anew, file: journal.header.file.clone(), ..wanted.clone() };
        let holds = |(path, (row, entry)): (&String, &(usize, Entry))| match &self.steps[*row] {
            Step::Keep(From::Part(at), kept) => at == row && kept == entry && self.paths[*row] == *path,
            // A row of zeros, which may become another any time.
            _ => entry.skipped.is_some() && self.paths[*row] == *path,
        };
        journal.header == header && part.at.iter().all(holds)
    }

    /// A writer whose store has all rows that are kept.
    fn begin(&mut self, wanted: &Header) -> Result<Writer, Stopped> {
        if let Some(journal) = self.before.journal.as_ref().filter(|_| self.goes_on(wanted)) {
            let writer = self.folder.go_on(journal, self.options.every)?;
            let there = |path: &str| self.before.part.as_ref().is_some_and(|part| part.at.contains_key(path));
            self.copy(&writer, there)?;
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

    /// Copies rows that are kept, but those of pictures that are `there`.
    fn copy(&self, writer: &Writer, there: impl Fn(&str) -> bool) -> Result<(), Stopped> {
        let columns = writer.header.columns;
        let most = (COPIED / 4 / columns).max(1);
        let mut block = Vec::new();
        let mut first = 0;
        let is_copied = |row: usize| !matches!(self.steps[row], Step::Read(_)) && !there(&self.paths[row]);
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

/// Takes rows as they are made.
struct Keeper<'a> {
    writer: &'a Writer,
    /// Rows of the store that are made, in the order in which their pictures are read.
    todo: &'a [usize],
    paths: &'a [String],
    /// Of pictures that were read and whose rows have not come yet, by their places in `todo`.
    hashes: Mutex<HashMap<usize, Hash>>,
    /// Of all rows; those that are made have size and time.
    entries: Mutex<&'a mut Vec<Entry>>,
    stop: fn() -> bool,
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
                let (mut entries, mut hashes) = (lock(&self.entries), lock(&self.hashes));
                for i in from..from + count {
                    let entry = &mut entries[self.todo[i]];
                    entry.hash = hashes.remove(&i);
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
            return Err(FeaturesError::Interrupted { folder: Default::default(), done, rows });
        }
        Ok(())
    }
}

/// Writes `samples.csv`.
fn lines(
    to: &mut dyn std::io::Write,
    dataset: &Dataset,
    paths: &[String],
    labels: &Labels,
    entries: &[Entry],
) -> std::io::Result<()> {
    let part = |row: usize| match dataset.samples[row].part {
        None => "",
        Some(Part::Train) => "train",
        Some(Part::Val) => "val",
        Some(Part::Test) => "test",
    };
    let rows = paths.iter().zip(entries).enumerate();
    let rows = rows.map(|(row, (path, entry))| (path.as_str(), cell(dataset, row, labels), part(row), entry));
    write_samples(to, labels.separator.is_some(), rows)
}

/// Whether `numbers` features may stay on the device.
fn stays<B: Backend>(backend: &B, budget: &Budget, numbers: usize) -> bool {
    let given = match backend.info().kind {
        DeviceKind::Cpu => [budget.device, budget.host].into_iter().flatten().min(),
        DeviceKind::Hardware | DeviceKind::Software => budget.device,
    };
    4 * numbers as u64 <= given.map_or(ON_DEVICE, |bytes| bytes.0)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
