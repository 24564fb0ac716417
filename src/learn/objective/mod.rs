//! The objective on a device: rows, labels and parameters in; sums, losses and probabilities out.

mod batches;
mod forward;
mod labelled;

pub use batches::Batch;
pub(super) use batches::{batches, that_fit};
pub(super) use forward::loss_and_scores;
pub use forward::{loss_sum, probabilities, scores};
pub use labelled::Labelled;

use crate::backend::{Backend, DeviceError, Labels, Models, Rows, Sparse};

/// Models that are evaluated side by side, as columns of one score matrix.
#[derive(Debug)]
pub struct Columns<'m, B: Backend> {
    /// M.
    pub models: usize,
    /// Chunk by chunk which rows count for which: see [`Labels::mask`]. None: every row for every model.
    pub masks: Option<&'m [B::Array<u32>]>,
}

impl<B: Backend> Columns<'_, B> {
    /// A single model, for which every row counts.
    pub const ONE: Self = Self { models: 1, masks: None };
}

/// Sums of loss and gradient over a batch. Sums, not means, so that batches, chunks and shards can be added.
#[derive(Debug)]
pub struct Objective<'a, B: Backend> {
    backend: &'a B,
    data: &'a Labelled<'a, B>,
    partials: B::Array<f32>,
    /// Chunks that are mostly zeros, without them.
    sparse: Vec<Option<Sparse<B>>>,
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
        Self::for_models(backend, data, batches, Models::ONE)
    }

    /// The same for `models`, or fewer, at a time.
    ///
    /// # Errors
    /// The device has no memory left.
    pub fn for_models(
        backend: &'a B,
        data: &'a Labelled<'a, B>,
        batches: &[Batch],
        models: Models,
    ) -> Result<Self, DeviceError> {
        let (columns, outputs) = (data.matrix.columns(), data.outputs);
        // A shorter batch may have more splits than a longer one: their length is rounded up. So may fewer models.
        let numbers = |models: usize| {
            let splits = batches.iter().map(|b| backend.splits(b.count, columns, models * outputs).count);
            splits.max().unwrap_or(1) * models * (data.parameters() + 1)
        };
        let partials = backend.zeros((1..=models.count).map(numbers).max().unwrap_or(1))?;
        let rows = batches.iter().map(|b| b.count).max().unwrap_or(1);
        let of = |count: usize| Models { count, ..models };
        let fused = (1..=models.count).all(|count| backend.fuses(columns, count * outputs, of(count)));
        let between = if fused {
            None
        } else {
            let outputs = models.count * outputs;
            Some(Between {
                scores: backend.zeros(rows * outputs)?,
                residual: backend.zeros(rows * outputs)?,
                losses: backend.zeros(rows * models.count)?,
            })
        };
        // Decided once: models that are left alone by others find the rows as they are.
        let below = backend.sparse_below(rows, columns, models.count * outputs);
        let sparse = data.matrix.sparse(backend, below)?;
        Ok(Self { backend, data, partials, sparse, between })
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
        self.sums_of(&Columns::ONE, (batch, index), parameters, sums)
    }

    /// The same for the models `columns`, with M·K for K; the sums of the losses are M.
    ///
    /// # Errors
    /// The device was lost or has no memory left.
    pub fn sums_of(
        &mut self,
        columns: &Columns<'_, B>,
        (batch, index): (Batch, &B::Array<u32>),
        parameters: &B::Array<f32>,
        sums: &mut B::Array<f32>,
    ) -> Result<(), DeviceError> {
        let Self { backend, data, partials, sparse, .. } = self;
        let models = columns.models;
        let mask = columns.masks.map(|masks| &masks[batch.chunk]);
        let labels = Labels { models, mask, ..data.labels(batch.chunk) };
        if let Some(Some(sparse)) = sparse.get(batch.chunk) {
            let (outputs, len) = (models * data.outputs, models * data.parameters());
            let rows = sparse.rows(index, batch.first, batch.count);
            let splits = backend.splits(batch.count, rows.width, outputs).count;
            backend.objective_sparse(&rows, &labels, parameters, outputs, partials)?;
            return backend.reduce(partials, splits, len + models, sums, 0, false);
        }
        let chunk = data.matrix.chunk(*backend, batch.chunk)?;
        let rows = data.rows(&chunk, index, batch.first, batch.count);
        self.sums_with(&rows, &labels, parameters, sums)
    }

    /// The same of `rows` with their `labels`, wherever they are.
    ///
    /// # Errors
    /// The device was lost or has no memory left.
    pub(in crate::learn) fn sums_with(
        &mut self,
        rows: &Rows<'_, B>,
        labels: &Labels<'_, B>,
        parameters: &B::Array<f32>,
        sums: &mut B::Array<f32>,
    ) -> Result<(), DeviceError> {
        let Self { backend, data, partials, between, .. } = self;
        let models = labels.models;
        let (outputs, len) = (models * data.outputs, models * data.parameters());
        let splits = backend.splits(rows.count, rows.columns, outputs).count;
        let fused = backend.fuses(rows.columns, outputs, labels.models());
        let Some(Between { scores, residual, losses }) = between.as_mut().filter(|_| !fused) else {
            backend.objective(rows, labels, parameters, outputs, partials)?;
            return backend.reduce(partials, splits, len + models, sums, 0, false);
        };
        backend.scores(rows, parameters, outputs, scores)?;
        backend.loss(rows, labels, scores, outputs, residual, losses)?;
        backend.gradient(rows, residual, outputs, partials)?;
        backend.reduce(partials, splits, len, sums, 0, false)?;
        backend.reduce(losses, rows.count, models, sums, len, false)
    }
}
