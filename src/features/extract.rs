//! From pictures to a feature matrix: every core reads a share of the pictures, and the device describes it while the
//! core reads the next. Memory depends on the number of cores, not of pictures.

use crate::sync::lock;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::shares::Shares;
use super::{FeaturesError, Matrix};
use crate::backend::{Backend, Bins, DeviceError, DeviceKind, Pictures};
use crate::progress::Progress;

/// A picture that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Skipped {
    /// Its number among the pictures.
    pub index: usize,
    /// Why.
    pub reason: String,
}

/// Who is given features as they are made.
pub trait Keep: Sync {
    /// The rows of the pictures from `first` on (whole rows, on the host), and those of them that could not be read, whose rows are
    /// zero. Called from many threads, in no order, once for each picture.
    ///
    /// # Errors
    /// They cannot be kept; the extraction ends.
    fn keep(&self, first: usize, rows: &[f32], skipped: &[Skipped]) -> Result<(), FeaturesError>;
}

/// Where features go.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    /// Whether they become a matrix on the device. Where that has no memory for one, they do not, if somebody else is given them.
    pub matrix: bool,
    /// Who else is given them.
    pub keep: Option<&'a dyn Keep>,
    /// Who is told of a picture that cannot be read, as soon as that is known, and says whether to go on.
    pub goes_on: Option<&'a (dyn Fn(&Skipped) -> bool + Sync)>,
}

impl Target<'_> {
    /// A matrix on the device, and nothing else.
    pub const MATRIX: Self = Self { matrix: true, keep: None, goes_on: None };
}

/// What came of reading pictures.
#[derive(Debug)]
pub struct Extracted<B: Backend> {
    /// A row a picture; rows of skipped pictures are zero. Of no rows where none was asked for, or none could be made.
    pub matrix: Matrix<B>,
    /// Pictures that could not be read, in order.
    pub skipped: Vec<Skipped>,
}

/// Bytes of pixels after which pictures are handed to a GPU: enough to be worth a submission, while several cores together hold
/// little.
const UPLOAD_BYTES: usize = 8 << 20;
/// The same on the CPU: pixels are counted while they are still in the core's cache.
const CACHE_BYTES: usize = 128 << 10;
/// Pictures that a core takes at least of many, for a GPU: fewer tiles are hardly worth a dispatch.
const WORTH_A_DISPATCH: usize = 32;

/// A batch whose features are made, or are being made, and not yet read back.
struct Made {
    first: usize,
    count: usize,
    skipped: Vec<Skipped>,
}

/// Describes `count` pictures on the device. `reader` makes, for each core, a function that reads the i-th picture
/// and pushes its pixels, or says why it cannot. The features go to `target`. `progress` is told of every picture that is done.
///
/// # Errors
/// The device was lost or has no memory for batches, or none for a matrix that is the only place for the features; features could not be
/// kept. A picture that cannot be read is no error by itself; [`FeaturesError::Refused`] where `target` says not to go on. What was described
/// by then is kept.
pub fn extract<B: Backend, R: FnMut(usize, &mut Pictures) -> Result<(), String>>(
    backend: &B,
    count: usize,
    bins: &Bins,
    reader: impl Fn() -> R + Sync,
    target: Target<'_>,
    progress: &dyn Progress,
) -> Result<Extracted<B>, FeaturesError> {
    let columns = bins.len();
    let array_rows =
        usize::try_from(backend.info().max_array_bytes / (4 * columns as u64)).unwrap_or(usize::MAX);
    let (batch_bytes, least) = match backend.info().kind {
        DeviceKind::Cpu => (CACHE_BYTES, 1),
        DeviceKind::Hardware | DeviceKind::Software => (UPLOAD_BYTES, WORTH_A_DISPATCH),
    };
    let shares = Shares::new(count, rayon::current_num_threads(), least, array_rows);
    let most = shares.largest();
    let matrix = match Matrix::zeros(backend, if target.matrix { count } else { 0 }, columns) {
        Err(DeviceError::OutOfMemory { .. }) if target.keep.is_some() => Matrix::zeros(backend, 0, columns)?,
        matrix => matrix?,
    };
    let has_rows = matrix.rows() > 0;
    let matrix = Mutex::new(matrix);
    let skipped = Mutex::new(Vec::new());
    let failed = Mutex::new(None);
    let stop = AtomicBool::new(false);

    let worker = || -> Result<(), FeaturesError> {
        let mut read = reader();
        let mut pictures = Pictures::new();
        let mut counts = backend.zeros::<u32>(most * columns)?;
        // Of two, so that one is read back while the device works on the other and this core on the pictures after it.
        let mut features = [backend.zeros::<f32>(most * columns)?, backend.zeros::<f32>(most * columns)?];
        let mut made: Option<Made> = None;
        let mut turn = 0;
        let mut refused = false;
        let finish = |made: Made, features: &B::Array<f32>| -> Result<(), FeaturesError> {
            if let Some(keep) = target.keep {
                let rows = backend.download(features, made.count * columns)?;
                keep.keep(made.first, &rows, &made.skipped)?;
            }
            if !made.skipped.is_empty() {
                lock(&skipped).extend(made.skipped);
            }
            progress.advance(made.count as u64);
            Ok(())
        };
        'shares: while !stop.load(Ordering::Relaxed) {
            let Some(Range { start, end }) = shares.take() else { break };
            let mut first = start;
            let mut here = Vec::new();
            for i in start..end {
                if let Err(reason) = read(i, &mut pictures) {
                    let skipped = Skipped { index: i, reason };
                    if target.goes_on.is_some_and(|goes_on| !goes_on(&skipped)) {
                        stop.store(true, Ordering::Relaxed);
                        refused = true;
                        break 'shares;
                    }
                    here.push(skipped);
                    pictures.push(&[]);
                }
                if !pictures.is_full(batch_bytes) && i + 1 < end {
                    continue;
                }
                backend.describe(&pictures, bins, &mut counts)?;
                backend.normalize(&counts, pictures.len(), columns, &mut features[turn])?;
                if has_rows {
                    lock(&matrix).put(backend, first, &features[turn], pictures.len())?;
                }
                let before =
                    made.replace(Made { first, count: pictures.len(), skipped: std::mem::take(&mut here) });
                pictures.clear();
                first = i + 1;
                turn = 1 - turn;
                if let Some(before) = before {
                    finish(before, &features[turn])?;
                }
            }
        }
        if let Some(last) = made {
            finish(last, &features[1 - turn])?;
        }
        if refused { Err(FeaturesError::Refused) } else { Ok(()) }
    };
    // One on each thread, and not a job that a thread takes while it waits for another: that would wait in turn for what the thread
    // itself holds, the lock of the matrix or memory for its pictures.
    rayon::broadcast(|_| {
        if let Err(error) = worker() {
            stop.store(true, Ordering::Relaxed);
            let mut failed = lock(&failed);
            // A disk that is full counts for more than a picture.
            if matches!(*failed, None | Some(FeaturesError::Refused)) {
                *failed = Some(error);
            }
        }
    });
    if let Some(error) = into_inner(failed) {
        return Err(error);
    }
    let mut skipped = into_inner(skipped);
    skipped.sort_by_key(|s: &Skipped| s.index);
    Ok(Extracted { matrix: into_inner(matrix), skipped })
}

fn into_inner<T>(mutex: Mutex<T>) -> T {
    mutex.into_inner().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::backend::Cpu;

    thread_local!(static AT_WORK: Cell<bool> = const { Cell::new(false) });

    /// What a worker has from its beginning to its end.
    struct AtWork;

    impl AtWork {
        fn begin() -> Self {
            assert!(!AT_WORK.replace(true), "a worker inside another");
            Self
        }
    }

    impl Drop for AtWork {
        fn drop(&mut self) {
            AT_WORK.set(false);
        }
    }

    #[test]
    fn no_worker_begins_while_another_waits_on_its_thread() {
        // Pictures that are divided over the threads, most of which have something else to do at first: the others wait for each
        // other while workers have not begun.
        let pool = rayon::ThreadPoolBuilder::new().num_threads(12).build().unwrap();
        let picture = vec![7u8; 3 * ((8 << 20) + 5)];
        let reader = || {
            let at_work = AtWork::begin();
            let picture = &picture;
            move |_: usize, pictures: &mut Pictures| {
                let _ = &at_work;
                pictures.push(picture);
                Ok(())
            }
        };
        let bins = Bins::new([2, 2, 2]).unwrap();
        for _ in 0..2 {
            for i in 1..11 {
                pool.spawn(move || std::thread::sleep(std::time::Duration::from_millis(40 * i)));
            }
            let found = pool
                .install(|| extract(&Cpu::new(), 64, &bins, reader, Target::MATRIX, &crate::progress::Quiet));
            let features = found.unwrap().matrix.download(&Cpu::new()).unwrap();
            assert!(features.chunks(8).all(|row| row == &features[..8]));
        }
    }
}
