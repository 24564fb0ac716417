//! The whole objective at one point: every row, mean loss and penalty, and the gradient, added up on the host in f64.

use super::{Batch, Labelled, Objective};
use crate::backend::{Backend, DeviceError};

/// The objective over some rows of a feature matrix.
#[derive(Debug)]
pub struct Full<'a, B: Backend> {
    backend: &'a B,
    data: &'a Labelled<'a, B>,
    objective: Objective<'a, B>,
    batches: Vec<Batch>,
    index: Vec<B::Array<u32>>,
    parameters: B::Array<f32>,
    sums: B::Array<f32>,
    rows: usize,
}

impl<'a, B: Backend> Full<'a, B> {
    /// Over `rows`, which are looked at chunk by chunk, in ascending order.
    ///
    /// # Errors
    /// The device has no memory left.
    pub fn new(backend: &'a B, data: &'a Labelled<'a, B>, rows: &[usize]) -> Result<Self, DeviceError> {
        let chunks = data.by_chunk(rows);
        let (objective, batches) = super::objective::that_fit(&chunks, data.max_batch(backend), |batches| {
            Objective::new(backend, data, batches)
        })?;
        Ok(Self {
            backend,
            data,
            objective,
            batches,
            index: chunks.iter().map(|rows| backend.upload(rows)).collect::<Result<_, _>>()?,
            parameters: backend.zeros(data.parameters())?,
            sums: backend.zeros(data.parameters() + 1)?,
            rows: rows.len(),
        })
    }

    /// The parameters that were evaluated last.
    #[must_use]
    pub fn parameters(&self) -> &B::Array<f32> {
        &self.parameters
    }

    /// Mean loss plus `l2/2·‖W‖²` at `parameters`, and the mean gradient with it; the mean loss alone as well.
    ///
    /// One readback a batch, and a batch is all that an array of the device holds, or a piece of the features that pass through it:
    /// the next piece is on its way meanwhile.
    ///
    /// # Errors
    /// The device was lost or has no memory left.
    pub fn at(&mut self, parameters: &[f64], l2: f64) -> Result<Evaluation, DeviceError> {
        let len = parameters.len();
        let narrow: Vec<f32> = parameters.iter().map(|&p| p as f32).collect();
        self.backend.write(&mut self.parameters, 0, &narrow)?;
        let mut gradient = vec![0.0; len];
        let mut loss = 0.0;
        for &batch in &self.batches {
            let Self { objective, index, parameters, sums, .. } = self;
            objective.sums(batch, &index[batch.chunk], parameters, sums)?;
            self.data.matrix.prepare(self.backend)?;
            let sums = self.backend.download(&self.sums, len + 1)?;
            gradient.iter_mut().zip(&sums).for_each(|(g, &s)| *g += f64::from(s));
            loss += f64::from(sums[len]);
        }
        let n = self.rows as f64;
        let loss = loss / n;
        gradient.iter_mut().for_each(|g| *g /= n);
        let weights = self.data.outputs * self.data.matrix.columns();
        // What the device had, not what was asked for: the objective and its gradient are of the same point.
        let mut squares = 0.0;
        for (g, &w) in gradient[..weights].iter_mut().zip(&narrow) {
            let w = f64::from(w);
            *g += l2 * w;
            squares += w * w;
        }
        Ok(Evaluation { objective: loss + 0.5 * l2 * squares, loss, gradient })
    }
}

/// What [`Full::at`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Mean loss and L2 penalty.
    pub objective: f64,
    /// Mean loss.
    pub loss: f64,
    /// Gradient of the objective.
    pub gradient: Vec<f64>,
}
