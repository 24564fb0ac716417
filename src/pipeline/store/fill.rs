//! Making a store, or going on with one.

use std::path::Path;

use super::before::{Before, whereabouts};
use super::keeper::Keeper;
use super::labels::{cell, labels_of};
use super::plan::{Step, plan};
use super::work::{Stopped, Work};
use super::{Extraction, StoreOptions};
use crate::backend::{Backend, DeviceKind, Pictures};
use crate::dataset::{DECODER, Dataset, Part, reading_order};
use crate::error::{Error, Result};
use crate::features::store::{
    Entry, FORMAT, Folder, Hash, Header, Labels, Meta, NotLookedInto, Writer, write_samples,
};
use crate::features::{
    Budget, Bytes, Descriptor, Extracted, FeaturesError, MAX_PIXELS, Matrix, Npy, PictureMemory, Skipped,
    Target, extract,
};
use crate::names;
use crate::pipeline::pictures::histogram;
use crate::pipeline::reading::Reading;
use crate::pipeline::tolerance::Errors;
use crate::progress::Progress;
use crate::report::grouped;

/// A store that is finished.
pub(in crate::pipeline) struct Filled<B: Backend> {
    /// All rows on the device, where they were all made just now and asked for.
    pub(in crate::pipeline) matrix: Option<Matrix<B>>,
    /// All rows, those of this store and not of one that took its place since.
    pub(in crate::pipeline) numbers: Npy,
    pub(in crate::pipeline) extraction: Extraction,
    /// Of the content of each picture's file, where it could be read.
    pub(in crate::pipeline) hashes: Vec<Option<Hash>>,
}

/// Bytes of features, at most, that are also left on the device that made them where no budget is given: what is larger may not fit, and
/// to read it from the store again takes little beside making it.
const ON_DEVICE: u64 = 1 << 30;

/// Describes the pictures of `dataset` by `descriptor` into the store `folder`; see [`extract_to`](super::extract_to). With `matrix`, their
/// features stay on the device where that can be and none of them were there before. Of pictures that cannot be read those `counted` (ascending)
/// count towards what is tolerated.
pub(in crate::pipeline) fn fill<B: Backend>(
    backend: &B,
    dataset: &Dataset,
    (folder, options): (&Path, &StoreOptions),
    (descriptor, counted): (Descriptor, &[usize]),
    (matrix, budget): (bool, &Budget),
    progress: &dyn Progress,
) -> Result<Filled<B>> {
    let histogram = histogram(descriptor)?;
    let bins = histogram.checked().map_err(|e| Error::option("--bins", e.to_string()))?;
    let scale = histogram.decode_scale().map_err(|problem| Error::option("--decode-scale", problem))?;
    let rows = dataset.samples.len();
    let errors = Errors::of(dataset, counted, options.tolerance)?;
    let saw = |row: usize, reason: &str| match counted.binary_search(&row) {
        Ok(index) => errors.saw(&Skipped { index, reason: reason.to_owned() }),
        Err(_) => true,
    };
    let paths: Vec<String> = (0..rows).map(|row| dataset.relative_path_string(row)).collect();
    let folder = Folder::open(folder)?;
    let wanted = Header {
        format: FORMAT,
        descriptor,
        decoder: DECODER.into(),
        root: names::text(&dataset.root),
        root_xxh3: whereabouts(&dataset.root),
        rows,
        columns: bins.len(),
        paths: Hash::of(paths.join("\0").as_bytes()),
        anew: options.force,
        max_pixels: (budget.pictures.max_pixels != MAX_PIXELS).then_some(budget.pictures.max_pixels),
        file: String::new(),
    };
    let before = Before::read(&folder, &wanted, options)?;
    let interrupted = |done| FeaturesError::Interrupted { folder: folder.path().into(), done, rows };
    let journalled = before.journal.as_ref().map_or(0, |journal| journal.count);
    let memory = PictureMemory::new(budget, rayon::current_num_threads());
    let Some(steps) = plan(dataset, &paths, &before, options, (&memory, scale, budget.pictures), progress)
    else {
        return Err(interrupted(journalled).into());
    };
    let there = steps.iter().filter(|step| matches!(step, Step::Keep(..))).count();
    for (row, step) in steps.iter().enumerate() {
        if let Step::Skip(Entry { skipped: Some(reason), .. }) = step
            && !saw(row, reason)
        {
            return Err(errors.refusal(Some((there, rows))));
        }
    }
    let todo: Vec<usize> = (0..rows).filter(|&row| matches!(steps[row], Step::Read(_))).collect();
    let todo = in_reading_order(dataset, todo);
    let known = steps.iter().any(|step| !matches!(step, Step::Read(_)));
    if !known && !options.force && !options.replace {
        before.of_these_pictures(&folder)?;
    }
    let dropped = before.dropped(&paths);
    let kept = there;
    if kept > 0 {
        let at = folder.path().display();
        progress.say(&format!("features: {} of {} pictures from {at}", grouped(kept), grouped(rows)));
    }

    let work = Work { folder: &folder, before: &before, paths: &paths, steps: &steps, options };
    let writer = match work.nothing_to_write() {
        true => None,
        false => Some(work.begin(&wanted).map_err(|error| match error {
            Stopped::Asked => interrupted(journalled),
            Stopped::Failed(error) => {
                let needed = Bytes(4 * (rows * bins.len()) as u64);
                not_begun((folder.path(), journalled, rows), (before.store.is_some(), needed), error)
            }
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
        let keeper = Keeper::new(writer, (&todo, &paths), &mut entries, options.stop);
        progress.say(&budget.said());
        let reader = || {
            let (mut reading, keeper) = (Reading::new(&memory, scale, budget.pictures), &keeper);
            move |i: usize, pictures: &mut Pictures| {
                let mut hash = None;
                let found = dataset.found(keeper.todo[i]);
                let extent = reading.read(found, pictures, |content| hash = Some(Hash::of(content)))?;
                keeper.seen(i, hash, extent);
                Ok(())
            }
        };
        progress.begin("describing", todo.len() as u64, "pictures");
        let goes_on = |skipped: &Skipped| saw(todo[skipped.index], &skipped.reason);
        let target = Target { matrix, keep: Some(&keeper), goes_on: Some(&goes_on) };
        let extracted = extract(backend, todo.len(), &bins, reader, target, progress);
        progress.end();
        let Extracted { matrix: made, .. } = extracted.map_err(|error| {
            // What was made until now is worth keeping, if that can be.
            let flushed = writer.flush();
            let (path, done) = (folder.path().to_owned(), writer.done());
            folder.discard_empty(writer);
            match (error, flushed) {
                (FeaturesError::Refused, Ok(())) => errors.refusal(Some((done, rows))),
                (FeaturesError::Interrupted { .. }, Ok(())) => interrupted(done).into(),
                (FeaturesError::Interrupted { .. } | FeaturesError::Refused, Err(source)) | (source, _) => {
                    unfinished(&path, done, rows, source).into()
                }
            }
        })?;
        // The device may have had no memory for it.
        matrix_made = Some(made).filter(|made| matrix && made.rows() == rows);
    }

    let mut flushed = Ok(());
    let enough = errors.check(|| {
        // As after an interruption: the store that was there stays, and this one is gone on with.
        flushed = writer.as_ref().map_or(Ok(()), Writer::flush);
        Some((writer.as_ref().map_or(there, Writer::done), rows))
    });
    flushed?;
    enough?;
    // What was read once is worth more than a list of what cannot be read now.
    if rows > 0 && before.store.is_some() && entries.iter().all(|entry| entry.skipped.is_some()) {
        return Err(errors.refusal(None));
    }
    let labels = labels_of(dataset);
    let meta = Meta {
        format: FORMAT,
        descriptor,
        decoder: wanted.decoder,
        rows,
        columns: wanted.columns,
        root: wanted.root,
        root_xxh3: wanted.root_xxh3,
        max_pixels: wanted.max_pixels,
        unread: dataset.unread.iter().map(NotLookedInto::from).collect(),
        labels: labels.clone(),
        samples_xxh3: Hash(0),
        features_xxh3: Hash(0),
    };
    // The files that are copied from must not be open where they are replaced.
    let done = match &writer {
        Some(writer) => brought_to_disk(&folder, writer)?,
        None => 0,
    };
    drop(before);
    let (changed, numbers) = folder
        .commit((writer, options.numbers_will_do), meta, |to| lines(to, dataset, &paths, &labels, &entries))
        .map_err(|source| unfinished(folder.path(), done, rows, source))?;
    let hashes = entries.iter().map(|entry| entry.hash).collect();
    let cut_off: Vec<usize> = (0..rows).filter(|&row| entries[row].cut_off).collect();
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
        cut_off,
        changed,
    };
    Ok(Filled { matrix: matrix_made, numbers, extraction, hashes })
}

/// `rows` in the order in which their pictures lie, where that is not the order of their names.
fn in_reading_order(dataset: &Dataset, rows: Vec<usize>) -> Vec<usize> {
    let Some(shards) = &dataset.shards else { return rows };
    let places: Vec<_> = rows.iter().map(|&row| shards.places[row]).collect();
    reading_order(&places, rayon::current_num_threads()).into_iter().map(|i| rows[i]).collect()
}

/// Brings the rows of `writer` to the disk, and says how many there are.
fn brought_to_disk(folder: &Folder, writer: &Writer) -> Result<usize> {
    let flushed = writer.flush();
    let done = writer.done();
    flushed.map_err(|source| {
        folder.discard_empty(writer);
        unfinished(folder.path(), done, writer.header.rows, source)
    })?;
    Ok(done)
}

fn unfinished(folder: &Path, done: usize, rows: usize, source: FeaturesError) -> FeaturesError {
    FeaturesError::Unfinished { folder: folder.into(), done, rows, source: Box::new(source) }
}

/// What failed before anything was described, and what there is all the same: a store, or rows of one that was being made.
fn not_begun(
    (folder, journalled, rows): (&Path, usize, usize),
    (store, needed): (bool, Bytes),
    source: FeaturesError,
) -> FeaturesError {
    match (store, journalled) {
        (true, _) => FeaturesError::NotBegun { folder: folder.into(), needed, source: Box::new(source) },
        (false, 0) => source,
        (false, done) => unfinished(folder, done, rows, source),
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
    let cut_off = entries.iter().any(|entry| entry.cut_off);
    write_samples(to, (labels.separator.is_some(), cut_off), rows)
}

/// Whether `numbers` features may stay on the device. Where its memory is that of the host, that is for pictures before: what a budget
/// leaves beside them.
fn stays<B: Backend>(backend: &B, budget: &Budget, numbers: usize) -> bool {
    let left = |Bytes(host): Bytes| Bytes(host.saturating_sub(budget.for_pictures().0));
    let given = match backend.info().kind {
        DeviceKind::Cpu | DeviceKind::Software => {
            [budget.device, budget.host.map(left)].into_iter().flatten().min()
        }
        DeviceKind::Hardware => budget.device,
    };
    4 * numbers as u64 <= given.map_or(ON_DEVICE, |bytes| bytes.0)
}
