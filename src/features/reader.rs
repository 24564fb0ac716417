//! Rows that are read beside the work on those before them.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use rayon::prelude::*;

use super::{FeaturesError, Source};
use crate::backend::DeviceError;
use crate::guard;

/// Numbers that a thread reads at a time: 1 MiB.
pub(super) const PIECE: usize = 1 << 18;
/// Threads, at most: a few keep a disk busy, and turn half precision into single as fast as most memories take it.
const THREADS: usize = 8;

/// Which rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// So many from a first one on.
    Run { first: usize, count: usize },
    /// These, in this order.
    Picked(Arc<Vec<usize>>),
}

/// Reads rows of a source on threads of its own, so that they never wait for those that compute, nor those for them.
#[derive(Debug)]
pub(super) struct Reader {
    source: Arc<dyn Source>,
    /// None where the system refuses threads: rows are then read when they are asked for.
    pool: Option<rayon::ThreadPool>,
}

/// Rows on their way.
#[derive(Debug)]
pub(super) struct Pending(Receiver<Result<Vec<f32>, FeaturesError>>);

impl Reader {
    pub(super) fn new(source: Arc<dyn Source>) -> Self {
        let threads = (rayon::current_num_threads() / 2).clamp(1, THREADS);
        // A panic ends the reading of these rows, not the program: see `wait`.
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).panic_handler(|_| {});
        let pool = pool.thread_name(|n| format!("reader {n}")).build().ok();
        Self { source, pool }
    }

    /// Begins to read what is `wanted` into `buffer`, which becomes as long as that.
    pub(super) fn ask(&self, wanted: Wanted, mut buffer: Vec<f32>) -> Pending {
        let (send, receive) = sync_channel(1);
        let source = self.source.clone();
        let work = move || {
            let read = read(source.as_ref(), &wanted, &mut buffer);
            // Whoever asked may be gone.
            drop(send.send(read.map(|()| buffer)));
        };
        match &self.pool {
            Some(pool) => pool.spawn(work),
            None => drop(guard::guarded(work)),
        }
        Pending(receive)
    }
}

impl Pending {
    /// The rows, once they are there.
    ///
    /// # Errors
    /// They cannot be read; one of the numbers is none.
    pub(super) fn wait(self) -> Result<Vec<f32>, FeaturesError> {
        let ended = || DeviceError::Fed { reason: "the reading of features broke off".into() };
        self.0.recv().map_err(|_| ended())?
    }
}

/// Reads what is `wanted` into `buffer`, on all threads of the pool that this is called in.
///
/// # Errors
/// They cannot be read; one of the numbers is none.
pub(super) fn read(source: &dyn Source, wanted: &Wanted, buffer: &mut Vec<f32>) -> Result<(), FeaturesError> {
    let columns = source.columns();
    let rows = match wanted {
        Wanted::Run { count, .. } => *count,
        Wanted::Picked(rows) => rows.len(),
    };
    if buffer.len() != rows * columns {
        if buffer.capacity() < rows * columns {
            // The old numbers are not worth a copy.
            *buffer = Vec::new();
            if buffer.try_reserve_exact(rows * columns).is_err() {
                let reason = format!(
                    "there is no memory for {rows} rows of {columns} features; give a smaller --memory"
                );
                return Err(DeviceError::Fed { reason }.into());
            }
        }
        buffer.resize(rows * columns, 0.0);
    }
    let each = match wanted {
        // Blocks that rows here and there are in are unpacked once, not once for each piece.
        Wanted::Picked(_) if source.in_blocks() => rows.max(1),
        _ => (PIECE / columns).max(1),
    };
    buffer.par_chunks_mut(each * columns).enumerate().try_for_each(|(i, piece)| {
        let from = i * each;
        match wanted {
            Wanted::Run { first, .. } => {
                source.read(first + from, piece)?;
                check_finite(piece, columns, source.file(), |row| first + from + row)
            }
            Wanted::Picked(rows) => {
                source.gather(&rows[from..from + piece.len() / columns], piece)?;
                check_finite(piece, columns, source.file(), |row| rows[from + row])
            }
        }
    })
}

/// Fails at the first number that is none, in rows of which the i-th is row `row(i)` of `file`.
pub(crate) fn check_finite(
    features: &[f32],
    columns: usize,
    file: Option<&Path>,
    row: impl Fn(usize) -> usize,
) -> Result<(), FeaturesError> {
    // Without a way out of the loop it is a few vectors at a time.
    if features.iter().all(|value| value.is_finite()) {
        return Ok(());
    }
    match features.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(at) => {
            let (row, column) = (row(at / columns), at % columns);
            Err(FeaturesError::NotFinite { file: file.map(Into::into), row, column, value: features[at] })
        }
    }
}
