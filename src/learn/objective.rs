//! The objective on a device: rows, labels and parameters in; sums, losses and probabilities out.

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
    /// Puts `labels` (N; below `outputs`, or [`NO_LABEL`]) on the device.
    ///
    /// # Errors
    /// The device has no memory left.
    pub fn new(
        backend: &B,
        matrix: &'a Matrix<B>,
        labels: &[u32],
        outputs: usize,
    ) -> Result<Self, DeviceError> {
        assert_eq!(labels.len(), matrix.rows(), "a label a row");
        assert!(labels.iter().all(|&y| y == NO_LABEL || (y as usize) < outputs), "labels below {outputs}");
        let mut by_chunk = vec![Vec::new(); matrix.chunks().len()];
        for (row, &label) in labels.iter().enumerate() {
            by_chunk[matrix.place(row).0].push(label);
        }
        let labels = by_chunk.iter().map(|labels| backend.upload(labels)).collect::<Result<_, _>>()?;
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
        let partials = (numbers / self.parameters()).saturating_mul(crate::backend::GRADIENT_ROWS);
        (numbers / self.outputs).min(partials).max(1)
    }
}

/// What the model says of some rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Forward {
    /// Softmax of the scores, n×K, in the order of the rows asked for.
    pub probabilities: Vec<f32>,
    /// Cross-entropy of each row, n.
    pub losses: Vec<f32>,
}

/// Rows of a forward pass whose results come back together.
const FORWARD_ROWS: usize = 16_384;

impl Forward {
    /// Scores `rows` with `parameters`: their losses, and with `probabilities` those too.
    ///
    /// # Errors
    /// The device was lost or has no memory left.
    pub fn new<B: Backend>(
        backend: &B,
        data: &Labelled<'_, B>,
        rows: &[usize],
        parameters: &B::Array<f32>,
        probabilities: bool,
    ) -> Result<Self, DeviceError> {
        let (outputs, columns) = (data.outputs, data.matrix.columns());
        let most = data.max_batch(backend).min(FORWARD_ROWS).min(rows.len().max(1));
        let mut scores = backend.zeros::<f32>(most * outputs)?;
        let mut residual = backend.zeros::<f32>(most * outputs)?;
        let mut losses = backend.zeros::<f32>(most)?;
        // A row without a label has its probabilities as its residual.
        let unlabelled = backend.upload(&vec![NO_LABEL; data.matrix.chunk_rows()])?;
        let mut forward = Self::default();
        let mut order = Vec::with_capacity(rows.len());
        let mut places = vec![Vec::new(); data.matrix.chunks().len()];
        for (i, &row) in rows.iter().enumerate() {
            places[data.matrix.place(row).0].push(i);
        }
        for (chunk, index) in data.by_chunk(rows).iter().enumerate() {
            order.extend(&places[chunk]);
            let device_index = backend.upload(index)?;
            for first in (0..index.len()).step_by(most) {
                let count = most.min(index.len() - first);
                let features = &data.matrix.chunks()[chunk];
                let batch = Rows { features, columns, index: &device_index, first, count };
                backend.scores(&batch, parameters, outputs, &mut scores)?;
                backend.softmax(&batch, &data.labels[chunk], &scores, outputs, &mut residual, &mut losses)?;
                forward.losses.extend(backend.download(&losses, count)?);
                if probabilities {
                    backend.softmax(&batch, &unlabelled, &scores, outputs, &mut residual, &mut losses)?;
                    forward.probabilities.extend(backend.download(&residual, count * outputs)?);
                }
            }
        }
        Ok(forward.reordered(&order, outputs))
    }

    /// Sum of the losses.
    #[must_use]
    pub fn loss_sum(&self) -> f64 {
        self.losses.iter().map(|&l| f64::from(l)).sum()
    }

    /// From the order of the chunks back to the order asked for: `order[i]` is where result i belongs.
    fn reordered(self, order: &[usize], outputs: usize) -> Self {
        if order.is_sorted() {
            return self;
        }
        let mut sorted = self.clone();
        for (i, &to) in order.iter().enumerate() {
            sorted.losses[to] = self.losses[i];
            if !self.probabilities.is_empty() {
                sorted.probabilities[to * outputs..(to + 1) * outputs]
                    .copy_from_slice(&self.probabilities[i * outputs..(i + 1) * outputs]);
            }
        }
        sorted
    }
}
