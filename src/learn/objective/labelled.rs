//! Feature rows with their labels, on the device.

use crate::backend::{Backend, DeviceError, Labels, Loss, Rows};
use crate::features::{Chunk, Matrix};
use crate::learn::Targets;

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
    ///
    /// # Panics
    /// There are not as many targets as rows.
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
    pub(super) fn labels(&self, chunk: usize) -> Labels<'_, B> {
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
    pub(in crate::learn) fn by_whole_chunk(&self, rows: &[usize]) -> Vec<Vec<u32>> {
        by_chunks_of(rows, self.matrix.whole_rows(), self.matrix.rows())
    }

    /// The most rows that a batch may have, so that every array of a stage fits the device.
    #[must_use]
    pub fn max_batch(&self, backend: &B) -> usize {
        let numbers = usize::try_from(backend.info().max_array_bytes / 4).unwrap_or(usize::MAX);
        (numbers / self.outputs).max(1)
    }

    /// `count` rows of `chunk`: those that `index` names from `first` on.
    pub(super) fn rows<'b>(
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
