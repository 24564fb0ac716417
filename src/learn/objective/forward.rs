//! What comes of rows without gradients: scores, losses, probabilities, in the order asked for.

use super::batches::{Batch, FEW};
use super::labelled::Labelled;
use crate::backend::{Backend, DeviceError, Labels, Rows};
use crate::learn::Targets;

/// Rows whose results come back together.
const FORWARD_ROWS: usize = 16_384;

/// Sum of the losses of `rows`, added up in f64.
///
/// # Errors
/// The device was lost or has no memory left.
pub fn loss_sum<B: Backend>(
    backend: &B,
    data: &Labelled<'_, B>,
    rows: &[usize],
    parameters: &B::Array<f32>,
) -> Result<f64, DeviceError> {
    let mut sum = 0.0;
    forward(backend, data, rows, (parameters, true), |batch, rows, room| {
        sum += room.loss_sum(backend, data, (batch, rows))?;
        Ok(())
    })?;
    Ok(sum)
}

/// Both at once: the sum of the losses of `rows`, and their scores.
///
/// # Errors
/// The device was lost or has no memory left.
pub(in crate::learn) fn loss_and_scores<B: Backend>(
    backend: &B,
    data: &Labelled<'_, B>,
    rows: &[usize],
    parameters: &B::Array<f32>,
) -> Result<(f64, Vec<f32>), DeviceError> {
    let (mut sum, mut ordered) = (0.0, Ordered::new(data, rows));
    forward(backend, data, rows, (parameters, true), |batch, rows, room| {
        sum += room.loss_sum(backend, data, (batch, rows))?;
        ordered.put(batch, &backend.download(&room.scores, batch.count * data.outputs)?);
        Ok(())
    })?;
    Ok((sum, ordered.values))
}

/// Scores of `rows`, n×K in the order of `rows`; labels are not looked at.
///
/// # Errors
/// The device was lost or has no memory left.
pub fn scores<B: Backend>(
    backend: &B,
    data: &Labelled<'_, B>,
    rows: &[usize],
    parameters: &B::Array<f32>,
) -> Result<Vec<f32>, DeviceError> {
    let mut ordered = Ordered::new(data, rows);
    forward(backend, data, rows, (parameters, false), |batch, _, Room { scores, .. }| {
        ordered.put(batch, &backend.download(scores, batch.count * data.outputs)?);
        Ok(())
    })?;
    Ok(ordered.values)
}

/// Probabilities of `rows`, n×K in the order of `rows`; labels are not looked at. Of the softmax those of a row add up to 1, of
/// the sigmoid each stands for itself.
///
/// # Errors
/// The device was lost or has no memory left.
///
/// # Panics
/// The loss knows only margins: see [`Loss::probabilistic`](crate::backend::Loss::probabilistic) and [`scores`].
pub fn probabilities<B: Backend>(
    backend: &B,
    data: &Labelled<'_, B>,
    rows: &[usize],
    parameters: &B::Array<f32>,
) -> Result<Vec<f32>, DeviceError> {
    let (loss, outputs) = (data.loss, data.outputs);
    assert!(loss.probabilistic(), "{loss} has no probabilities");
    // A row without a label has its probabilities as its residual.
    let none = Targets::none(loss, outputs, data.matrix.chunk_rows());
    let (words, weights) = (backend.upload(none.words())?, backend.upload(none.weights())?);
    let unlabelled = Labels { loss, words: &words, weights: &weights, models: 1, mask: None };
    let mut ordered = Ordered::new(data, rows);
    forward(
        backend,
        data,
        rows,
        (parameters, true),
        |batch, rows, Room { scores, residual, losses, .. }| {
            backend.loss(rows, &unlabelled, scores, outputs, residual, losses)?;
            ordered.put(batch, &backend.download(residual, batch.count * outputs)?);
            Ok(())
        },
    )?;
    Ok(ordered.values)
}

/// Rows come chunk by chunk; here they go where they belong in the order asked for.
struct Ordered {
    /// By chunk, the place of each of its rows.
    places: Vec<Vec<usize>>,
    outputs: usize,
    /// n×K.
    values: Vec<f32>,
}

impl Ordered {
    fn new<B: Backend>(data: &Labelled<'_, B>, rows: &[usize]) -> Self {
        let mut places = vec![Vec::new(); data.matrix.chunk_count()];
        for (i, &row) in rows.iter().enumerate() {
            places[data.matrix.place(row).0].push(i);
        }
        Self { places, outputs: data.outputs, values: vec![0.0; rows.len() * data.outputs] }
    }

    fn put(&mut self, batch: Batch, found: &[f32]) {
        let outputs = self.outputs;
        for (row, &to) in found.chunks_exact(outputs).zip(&self.places[batch.chunk][batch.first..]) {
            self.values[to * outputs..(to + 1) * outputs].copy_from_slice(row);
        }
    }
}

/// Room for what comes of a batch of rows.
struct Room<B: Backend> {
    /// Rows of a batch, at most.
    most: usize,
    scores: B::Array<f32>,
    /// What losses leave; of no length where nobody asks for it.
    residual: B::Array<f32>,
    losses: B::Array<f32>,
}

impl<B: Backend> Room<B> {
    /// Sum of the losses of a batch whose scores are here, added up in f64.
    fn loss_sum(
        &mut self,
        backend: &B,
        data: &Labelled<'_, B>,
        (batch, rows): (Batch, &Rows<'_, B>),
    ) -> Result<f64, DeviceError> {
        let (labels, Self { scores, residual, losses, .. }) = (data.labels(batch.chunk), self);
        backend.loss(rows, &labels, scores, data.outputs, residual, losses)?;
        Ok(backend.download(losses, batch.count)?.into_iter().map(f64::from).sum())
    }

    /// Room for as many of `rows` as come back together, or fewer where the device has no memory for so many.
    fn new(
        backend: &B,
        data: &Labelled<'_, B>,
        rows: &[usize],
        with_losses: bool,
    ) -> Result<Self, DeviceError> {
        let mut most = data.max_batch(backend).min(FORWARD_ROWS).min(rows.len().max(1));
        loop {
            let make = || {
                let (cells, losses) = if with_losses { (most * data.outputs, most) } else { (0, 0) };
                Ok(Self {
                    most,
                    scores: backend.zeros(most * data.outputs)?,
                    residual: backend.zeros(cells)?,
                    losses: backend.zeros(losses)?,
                })
            };
            match make() {
                Err(DeviceError::OutOfMemory { .. }) if most > FEW => most = (most / 2).max(FEW),
                made => return made,
            }
        }
    }
}

/// Scores `rows` chunk by chunk in batches that fit the device; `take` is given each batch and, in its room, the scores.
fn forward<B: Backend>(
    backend: &B,
    data: &Labelled<'_, B>,
    rows: &[usize],
    (parameters, with_losses): (&B::Array<f32>, bool),
    mut take: impl FnMut(Batch, &Rows<'_, B>, &mut Room<B>) -> Result<(), DeviceError>,
) -> Result<(), DeviceError> {
    let mut room = Room::new(backend, data, rows, with_losses)?;
    let most = room.most;
    for (chunk, index) in data.by_chunk(rows).iter().enumerate().filter(|(_, index)| !index.is_empty()) {
        let device_index = backend.upload(index)?;
        for first in (0..index.len()).step_by(most) {
            let count = most.min(index.len() - first);
            let features = data.matrix.chunk(backend, chunk)?;
            let batch = data.rows(&features, &device_index, first, count);
            backend.scores(&batch, parameters, data.outputs, &mut room.scores)?;
            // While it computes, before anything is read back.
            data.matrix.prepare(backend)?;
            take(Batch { chunk, first, count }, &batch, &mut room)?;
        }
    }
    Ok(())
}
