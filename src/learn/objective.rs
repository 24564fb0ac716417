//! The objective on a device: rows, labels and parameters in; sums, losses and probabilities out.

use super::Targets;
use crate::backend::{Backend, DeviceError, Labels, Loss, Models, Rows, Sparse};
use crate::features::{Chunk, Matrix};

/// A feature matrix with the labels of its rows, both on the device.
#[derive(Debug)]
pub struct Labelled<'a, B: Backend> {
    /// The features, N×D.
    pub matrix: &'a Matrix<B>,
    /// Targets, chunk by chunk as the matrix has them.
    pub words: Vec<B::Array<u32>>,
    /// Weights of the labels, 2·K; see [`Targets::weighted`].
    pub weights: B::Array<f32>,
    /// The largest of them.
    pub largest_weight: f64,
    /// The loss.
    pub loss: Loss,
    /// K: how many classes there are.
    pub outputs: usize,
    /// What is true of the rows, on the host.
    pub targets: &'a Targets,
    /// Whether every row has exactly one label, whatever the loss.
    pub one_label: bool,
}

impl<'a, B: Backend> Labelled<'a, B> {
    /// Puts `targets` (of N rows) on the device.
    ///
    /// # Errors
    /// The device has no memory left.
    pub fn new(backend: &B, matrix: &'a Matrix<B>, targets: &'a Targets) -> Result<Self, DeviceError> {
        assert_eq!(targets.rows(), matrix.rows(), "a target a row");
        let outputs = targets.outputs();
        // Four bytes or more a row, however few of the features are there: they stay.
        let chunks = targets.words().chunks(matrix.chunk_rows() * targets.loss().words(outputs));
        let words = chunks.map(|words| backend.upload(words)).collect::<Result<_, _>>()?;
        let weights = backend.upload(targets.weights())?;
        let one_label = has_one_label_a_row(targets);
        let (loss, largest_weight) = (targets.loss(), targets.largest_weight());
        Ok(Self { matrix, words, weights, largest_weight, loss, outputs, targets, one_label })
    }

    /// Labels of the rows of `chunk`.
    fn labels(&self, chunk: usize) -> Labels<'_, B> {
        Labels { loss: self.loss, words: &self.words[chunk], weights: &self.weights, models: 1, mask: None }
    }

    /// Number of parameters: `K·D` weights and K biases.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.outputs * (self.matrix.columns() + 1)
    }

    /// `rows` of the matrix as row indices chunk by chunk, in the order given.
    #[must_use]
    pub fn by_chunk(&self, rows: &[usize]) -> Vec<Vec<u32>> {
        by_chunks_of(rows, self.matrix.chunk_rows(), self.matrix.rows())
    }

    /// The same with the chunks of a matrix that is on the device as a whole.
    pub(super) fn by_whole_chunk(&self, rows: &[usize]) -> Vec<Vec<u32>> {
        by_chunks_of(rows, self.matrix.whole_rows(), self.matrix.rows())
    }

    /// The most rows that a batch may have, so that every array of a stage fits the device.
    #[must_use]
    pub fn max_batch(&self, backend: &B) -> usize {
        let numbers = usize::try_from(backend.info().max_array_bytes / 4).unwrap_or(usize::MAX);
        (numbers / self.outputs).max(1)
    }

    /// `count` rows of `chunk`: those that `index` names from `first` on.
    fn rows<'b>(
        &self,
        chunk: &'b Chunk<'_, B>,
        index: &'b B::Array<u32>,
        first: usize,
        count: usize,
    ) -> Rows<'b, B> {
        Rows { features: chunk, columns: self.matrix.columns(), index, first, count }
    }
}

/// `rows`, of `all`, as row indices by chunks of `each`.
fn by_chunks_of(rows: &[usize], each: usize, all: usize) -> Vec<Vec<u32>> {
    let mut counts = vec![0; all.div_ceil(each)];
    rows.iter().for_each(|row| counts[row / each] += 1);
    let mut chunks: Vec<Vec<u32>> = counts.into_iter().map(Vec::with_capacity).collect();
    rows.iter().for_each(|row| chunks[row / each].push((row % each) as u32));
    chunks
}

/// Whether every row has exactly one label.
fn has_one_label_a_row(targets: &Targets) -> bool {
    let bits = |words: &[u32]| words.iter().map(|word| word.count_ones()).sum::<u32>();
    targets.loss().exclusive()
        || targets.words().chunks_exact(targets.loss().words(targets.outputs())).all(|words| bits(words) == 1)
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

/// Cuts every chunk into as few batches of at most `size` rows as possible, of even length.
pub(super) fn batches(chunks: &[Vec<u32>], size: usize) -> Vec<Batch> {
    let cut = |(chunk, rows): (usize, &Vec<u32>)| {
        let (len, parts) = (rows.len(), rows.len().div_ceil(size));
        (0..parts).map(move |p| {
            let (first, end) = (p * len / parts, (p + 1) * len / parts);
            Batch { chunk, first, count: end - first }
        })
    };
    chunks.iter().enumerate().flat_map(cut).collect()
}

/// Batches are not made smaller than this for want of memory.
const FEW: usize = 256;

/// What `make` makes for batches of `chunks`, of at most `size` rows, and the batches: of half as many rows each where the device has no
/// memory for what lies between the stages of larger ones, down to a few. Sums over them are the same up to rounding.
pub(super) fn that_fit<T>(
    chunks: &[Vec<u32>],
    size: usize,
    make: impl Fn(&[Batch]) -> Result<T, DeviceError>,
) -> Result<(T, Vec<Batch>), DeviceError> {
    let longest = chunks.iter().map(Vec::len).max().unwrap_or(1);
    let mut size = size.min(longest).max(1);
    loop {
        let batches = batches(chunks, size);
        match make(&batches) {
            Err(DeviceError::OutOfMemory { .. }) if size > FEW => size = (size / 2).max(FEW),
            made => return made.map(|made| (made, batches)),
        }
    }
}

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
    pub(super) fn sums_with(
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
pub(super) fn loss_and_scores<B: Backend>(
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
/// The loss knows only margins: see [`Loss::probabilistic`] and [`scores`].
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_cover_every_row_once_and_evenly() {
        for (lengths, size) in [(vec![10], 3), (vec![7, 0, 5], 4), (vec![1], 100), (vec![8192, 1], 8192)] {
            let chunks: Vec<Vec<u32>> = lengths.iter().map(|&n| (0..n).collect()).collect();
            let batches = batches(&chunks, size);
            for (c, rows) in chunks.iter().enumerate() {
                let mut next = 0;
                for batch in batches.iter().filter(|b| b.chunk == c) {
                    assert_eq!(batch.first, next);
                    assert!(batch.count > 0 && batch.count <= size);
                    next += batch.count;
                }
                assert_eq!(next, rows.len());
            }
        }
    }
}
