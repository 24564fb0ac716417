//! Where a matrix of features is to be: what fits where, within a budget.

use std::sync::Arc;

use super::matrix::{Held, Matrix};
use super::reader::{Wanted, read};
use super::slot::Block;
use super::stream::Stream;
use super::{Budget, Bytes, FeaturesError, InMemory, Source};
use crate::backend::{Backend, DeviceError, Lend};

/// A piece that passes through a device has so many bytes at most: larger ones only take longer to begin.
const MOST_SLOT: u64 = 256 << 20;
/// Of the memory of the host that features may take, the share of a piece where the host computes: one is read meanwhile.
const HOST_SHARE: u64 = 4;
/// The same where a device has a memory of its own: pieces wait until it takes them, its driver keeps room for others, and a driver
/// that imitates a device has that memory in the host too. On lavapipe ten pieces were seen in memory at a time.
const DRIVER_SHARE: u64 = 16;
/// Bytes a row that are left for what is known of it beside its features: its name and labels, the part it is in, what is said of it.
const BESIDE: u64 = 192;
/// Bytes of a device that must be left for everything else, at least.
const HEADROOM: u64 = 64 << 20;

/// Rows that an array of the device has room for.
///
/// # Errors
/// It has not even room for one.
pub(super) fn rows_of_an_array<B: Backend>(backend: &B, columns: usize) -> Result<usize, DeviceError> {
    let limit = backend.info().max_array_bytes;
    let bytes = 4 * columns as u64;
    match usize::try_from(limit / bytes).unwrap_or(usize::MAX) {
        0 => Err(DeviceError::ArrayTooLarge {
            device: backend.info().name.clone(),
            what: "one row of features".into(),
            bytes,
            limit,
            way_out: "use fewer bins, or --device cpu",
        }),
        rows => Ok(rows),
    }
}

/// Rows of a source that lie in the memory of the host.
#[derive(Debug)]
struct Lying(Arc<dyn Source>);

impl Lend for Lying {
    fn numbers(&self) -> &[f32] {
        self.0.in_place().unwrap_or_default()
    }
}

/// See [`Matrix::load`].
pub(super) fn load<B: Backend>(
    backend: &B,
    source: Arc<dyn Source>,
    budget: &Budget,
) -> Result<Matrix<B>, FeaturesError> {
    let shape = [source.rows(), source.columns()];
    let [rows, columns] = shape;
    let bytes = 4 * rows as u64 * columns as u64;
    let whole = rows_of_an_array(backend, columns)?.min(rows.max(1));
    // However many rows there are, half of it is for features.
    let all = budget.host_bytes();
    let host = all.saturating_sub(BESIDE * rows as u64).max(all / 2);
    // Of a source that is unpacked in blocks one of them is in memory too.
    let host = host.saturating_sub(source.beside()).max(all / 8);
    let lends = backend.lend(Arc::new(Block(Vec::new()))).is_some();
    let of_device = budget.device.map(|Bytes(bytes)| bytes);
    let needs = |option, given| Needs { rows, columns, option, given };

    if lends && whole >= rows {
        // The device is the host: what it computes on is nowhere else.
        let (source, spare, note) = match source.in_place().is_some() {
            true => {
                (source.clone(), host, Some(format!("features: {} are used where they lie", Bytes(bytes))))
            }
            false if bytes <= host.min(of_device.unwrap_or(host)) => {
                (in_memory(source.as_ref())?, host - bytes, None)
            }
            false => {
                let least = of_device.unwrap_or(host).min(host);
                let option = if least < host { "--device-memory" } else { "--memory" };
                let slot = (least / 2).min(host / HOST_SHARE);
                let given = if least < host { least } else { all };
                return streamed(source, needs(option, given), (slot, whole, true));
            }
        };
        if let Some(array) = backend.lend(Arc::new(Lying(source.clone()))) {
            let matrix = Matrix::new(Held::InPlace(array, source), shape, whole, whole).with_spare(spare);
            return Ok(match note {
                Some(note) => matrix.with_note(note),
                None => matrix,
            });
        }
    }

    let (option, given, slot) = match of_device {
        Some(device) if bytes > device => ("--device-memory", device, device / 2),
        given => {
            let (resident, fitted) = resident(backend, shape, given.is_none());
            match resident {
                Ok(mut matrix) => {
                    matrix.fill(backend, source)?;
                    return Ok(matrix.with_spare(host));
                }
                // What was taken before is free again, and other things need some of it. What somebody allows is not always there.
                Err(DeviceError::OutOfMemory { .. }) => {
                    ("the memory that the device has left", fitted, fitted / 4)
                }
                Err(error) => return Err(error.into()),
            }
        }
    };
    // Numbers that need work to be read are read once, if there is room for them.
    let source =
        if source.in_place().is_none() && bytes <= host / 2 { in_memory(source.as_ref())? } else { source };
    let (option, given, slot) = match host / DRIVER_SHARE {
        share if share < slot => ("--memory", all, share),
        _ => (option, given, slot),
    };
    let slot = slot.min(backend.info().max_array_bytes);
    backend.bound_uploads(2 * slot.min(MOST_SLOT));
    streamed(source, needs(option, given), (slot, whole, false))
}

/// What pieces are cut from, and what says how large they may be.
struct Needs {
    rows: usize,
    columns: usize,
    option: &'static str,
    given: u64,
}

fn streamed<B: Backend>(
    source: Arc<dyn Source>,
    needs: Needs,
    (slot, whole, lends): (u64, usize, bool),
) -> Result<Matrix<B>, FeaturesError> {
    let Needs { rows, columns, option, given } = needs;
    let row = 4 * columns as u64;
    let slot_rows = usize::try_from(slot.min(MOST_SLOT) / row).unwrap_or(usize::MAX).min(rows);
    if slot_rows < 2 {
        let needed = given.max(1).saturating_mul(2 * row).div_ceil(slot.max(1)).max(2 * HOST_SHARE * row);
        return Err(FeaturesError::Budget {
            option,
            given: Bytes(given),
            row: Bytes(row),
            needed: Bytes(needed),
        });
    }
    let bytes = Bytes(row * rows as u64);
    let (piece, pieces) = (Bytes(row * slot_rows as u64), rows.div_ceil(slot_rows));
    let note = format!(
        "features: {bytes} stay where they are and pass through in {pieces} pieces of {piece} each time ({option}: {})",
        Bytes(given)
    );
    let stream = Stream::new(source.clone(), slot_rows, lends)?;
    let matrix = Matrix::new(Held::Streamed(Box::new(stream), source), [rows, columns], slot_rows, whole);
    Ok(matrix.with_note(note))
}

/// A matrix in the memory of the device; where that is full, how much of it there was.
fn resident<B: Backend>(
    backend: &B,
    [rows, columns]: [usize; 2],
    headroom: bool,
) -> (Result<Matrix<B>, DeviceError>, u64) {
    let (mut chunks, mut fitted) = (Vec::new(), 0);
    let full = |error: &DeviceError| matches!(error, DeviceError::OutOfMemory { .. });
    let chunk_rows = match rows_of_an_array(backend, columns) {
        Ok(chunk_rows) => chunk_rows.min(rows.max(1)),
        Err(error) => return (Err(error), 0),
    };
    for first in (0..rows).step_by(chunk_rows) {
        let len = chunk_rows.min(rows - first) * columns;
        match backend.zeros(len) {
            Ok(chunk) => chunks.push(chunk),
            Err(error) => {
                // Of the last chunk as much as goes.
                let mut part = len / 2;
                while full(&error) && part > 0 && backend.zeros::<f32>(part).is_err() {
                    part /= 2;
                }
                return (Err(error), fitted + 4 * part as u64);
            }
        }
        fitted += 4 * len as u64;
    }
    if headroom {
        let most = backend.info().max_array_bytes;
        let spare = (fitted / 16).max(HEADROOM).min(most) / 4;
        let kept_free = backend.zeros::<f32>(usize::try_from(spare).unwrap_or(usize::MAX));
        if let Err(error) = kept_free {
            return (Err(error), fitted);
        }
    }
    (Ok(Matrix::new(Held::Device(chunks), [rows, columns], chunk_rows, chunk_rows)), fitted)
}

/// All rows of `source`, read into the memory of the host.
fn in_memory(source: &dyn Source) -> Result<Arc<dyn Source>, FeaturesError> {
    let mut values = Vec::new();
    read(source, &Wanted::Run { first: 0, count: source.rows() }, &mut values)?;
    Ok(Arc::new(InMemory::new(values, source.columns())))
}
