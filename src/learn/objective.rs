//! The objective on a device: rows, labels and parameters in; sums, losses and probabilities out.

use super::Targets;
use crate::backend::{Backend, DeviceError, NO_LABEL, Rows};
use crate::features::Matrix;

/// A feature matrix with a label a row, both on the device.
#[derive(Debug)]
pub struct Labelled<'a, B: Backend> {
    /// The features, N×D.
    pub matrix: &'a Matrix<B>,
    /// Labels, chunk by chunk as the matrix has them.
    pub labels: Vec<B::Array<u32>>,
    /// K: how many classes there are.
    pub outputs: usize,
}

impl<'a, B: Backend> Labelled<'a, B> {
    /// Puts `targets` (of N rows) on the device.
    ///
    /// # Errors
    /// The device has no memory left.
    pub fn new(backend: &B, matrix: &'a Matrix<B>, targets: &Targets) -> Result<Self, DeviceError> {
        assert_eq!(targets.rows(), matrix.rows(), "a target a row");
        let outputs = targets.outputs();
        let chunks = targets.words().chunks(matrix.chunk_rows() * targets.loss().words(outputs));
        let labels = chunks.map(|words| backend.upload(words)).collect::<Result<_, _>>()?;
        Ok(Self { matrix, labels, outputs })
    }

    /// Number of parameters: `K·D` weights and K biases.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.outputs * (self.matrix.columns() + 1)
    }

    /// `rows` of the matrix as row indices chunk by chunk, in the order given.
    #[must_use]
    pub fn by_chunk(&self, rows: &[usize]) -> Vec<Vec<u32>> {
        let mut by_chunk = vec![Vec::new(); self.matrix.chunks().len()];
        for &row in rows {
            let (chunk, at) = self.matrix.place(row);
            by_chunk[chunk].push(at as u32);
        }
        by_chunk
    }

    /// The most rows that a batch may have, so that every array of a stage fits the device.
    #[must_use]
    pub fn max_batch(&self, backend: &B) -> usize {
        let numbers = usize::try_from(backend.info().max_array_bytes / 4).unwrap_or(usize::MAX);
        (numbers / self.outputs).max(1)
    }

    /// `count` rows of `chunk`, those that `index` names from `first` on.
    fn rows<'b>(&'b self, chunk: usize, index: &'b B::Array<u32>, first: usize, count: usize) -> Rows<'b, B> {
        let (features, columns) = (&self.matrix.chunks()[chunk], self.matrix.columns());
        Rows { features, columns, index, first, count }
    }
}

/// Rows of one batch, all in one chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// The chunk.
    pub chunk: usize,
    /// Where in the chunk's row indices the batch begins.
    pub first: usize,
    /// How many rows it has.
    pub count: usize,
}

/// Sums of loss and gradient over a batch. Sums, not means, so that batches, chunks and shards can be added.
#[derive(Debug)]
pub struct Objective<'a, B: Backend> {
    backend: &'a B,
    data: &'a Labelled<'a, B>,
    partials: B::Array<f32>,
    /// What lies between stages that are called one by one; none where the device takes them in one pass.
    between: Option<Between<B>>,
}

#[derive(Debug)]
struct Between<B: Backend> {
    scores: B::Array<f32>,
    residual: B::Array<f32>,
    losses: B::Array<f32>,
}

impl<'a, B: Backend> Objective<'a, B> {
    /// For `batches`, and others of the same lengths.
    ///
    /// # Errors
    /// The device has no memory left.
    pub fn new(backend: &'a B, data: &'a Labelled<'a, B>, batches: &[Batch]) -> Result<Self, DeviceError> {
        let (columns, outputs) = (data.matrix.columns(), data.outputs);
        // A shorter batch may have more splits than a longer one: their length is rounded up.
        let splits = batches.iter().map(|b| backend.splits(b.count, columns, outputs).count);
        let partials = backend.zeros(splits.max().unwrap_or(1) * (data.parameters() + 1))?;
        let rows = batches.iter().map(|b| b.count).max().unwrap_or(1);
        let between = if backend.fuses(columns, outputs) {
            None
        } else {
            Some(Between {
                scores: backend.zeros(rows * outputs)?,
                residual: backend.zeros(rows * outputs)?,
                losses: backend.zeros(rows)?,
            })
        };
        Ok(Self { backend, data, partials, between })
    }

    /// Records the sum of the gradients over `batch` into the first `K·D + K` elements of `sums`, and the sum of the losses
    /// into the one after them. `index` holds the row indices of the batch's chunk.
    ///
    /// # Errors
    /// The device was lost or has no memory left.
    pub fn sums(
        &mut self,
        batch: Batch,
        index: &B::Array<u32>,
        parameters: &B::Array<f32>,
        sums: &mut B::Array<f32>,
    ) -> Result<(), DeviceError> {
        let Self { backend, data, partials, between } = self;
        let (outputs, len) = (data.outputs, data.parameters());
        let rows = data.rows(batch.chunk, index, batch.first, batch.count);
        let labels = &data.labels[batch.chunk];
        let splits = backend.splits(batch.count, rows.columns, outputs).count;
        let Some(Between { scores, residual, losses }) = between else {
            backend.objective(&rows, labels, parameters, outputs, partials)?;
            return backend.reduce(partials, splits, len + 1, sums, 0, false);
        };
        backend.scores(&rows, parameters, outputs, scores)?;
        backend.softmax(&rows, labels, scores, outputs, residual, losses)?;
        backend.gradient(&rows, residual, outputs, partials)?;
        backend.reduce(partials, splits, len, sums, 0, false)?;
        backend.reduce(losses, batch.count, 1, sums, len, false)
    }
}

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
    forward(
        backend,
        data,
        rows,
        parameters,
        |chunk| &data.labels[chunk],
        |batch, _, losses| {
            sum += backend.download(losses, batch.count)?.into_iter().map(f64::from).sum::<f64>();
            Ok(())
        },
    )?;
    Ok(sum)
}

/// Probabilities of `rows`, n×K in the order of `rows`; labels are not looked at.
///
/// # Errors
/// The device was lost or has no memory left.
pub fn probabilities<B: Backend>(
    backend: &B,
    data: &Labelled<'_, B>,
    rows: &[usize],
    parameters: &B::Array<f32>,
) -> Result<Vec<f32>, DeviceError> {
    let outputs = data.outputs;
    // A row without a label has its probabilities as its residual.
    let unlabelled = backend.upload(&vec![NO_LABEL; data.matrix.chunk_rows()])?;
    // Rows come chunk by chunk; where each belongs in the order asked for.
    let mut places = vec![Vec::new(); data.matrix.chunks().len()];
    for (i, &row) in rows.iter().enumerate() {
        places[data.matrix.place(row).0].push(i);
    }
    let mut probabilities = vec![0.0; rows.len() * outputs];
    forward(
        backend,
        data,
        rows,
        parameters,
        |_| &unlabelled,
        |batch, residual, _| {
            let found = backend.download(residual, batch.count * outputs)?;
            for (row, &to) in found.chunks_exact(outputs).zip(&places[batch.chunk][batch.first..]) {
                probabilities[to * outputs..(to + 1) * outputs].copy_from_slice(row);
            }
            Ok(())
        },
    )?;
    Ok(probabilities)
}

/// Scores `rows` chunk by chunk in batches that fit the device; `take` is given residuals and losses of each.
fn forward<'b, B: Backend>(
    backend: &B,
    data: &Labelled<'_, B>,
    rows: &[usize],
    parameters: &B::Array<f32>,
    labels: impl Fn(usize) -> &'b B::Array<u32>,
    mut take: impl FnMut(Batch, &B::Array<f32>, &B::Array<f32>) -> Result<(), DeviceError>,
) -> Result<(), DeviceError>
where
    B::Array<u32>: 'b,
{
    let outputs = data.outputs;
    let most = data.max_batch(backend).min(FORWARD_ROWS).min(rows.len().max(1));
    let mut scores = backend.zeros::<f32>(most * outputs)?;
    let mut residual = backend.zeros::<f32>(most * outputs)?;
    let mut losses = backend.zeros::<f32>(most)?;
    for (chunk, index) in data.by_chunk(rows).iter().enumerate() {
        let device_index = backend.upload(index)?;
        for first in (0..index.len()).step_by(most) {
            let count = most.min(index.len() - first);
            let batch = data.rows(chunk, &device_index, first, count);
            backend.scores(&batch, parameters, outputs, &mut scores)?;
            backend.softmax(&batch, labels(chunk), &scores, outputs, &mut residual, &mut losses)?;
            take(Batch { chunk, first, count }, &residual, &losses)?;
        }
    }
    Ok(())
}
