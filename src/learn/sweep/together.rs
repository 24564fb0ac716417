//! The objective of many models, each at a point of its own, in one pass over the features.

use super::super::full::Evaluation;
use super::super::objective::{Batch, Columns, Objective, that_fit};
use super::super::{Labelled, LearnError};
use super::Member;
use crate::backend::{Backend, DeviceError, Models};

/// Bytes that the parameters of the models of one pass may take, and as many their gradients: past what the caches of processors
/// hold, a pass over many models is no faster than several over few.
const PASS_BYTES: usize = 4 << 20;

/// Models on a device.
pub(super) struct Together<'a, B: Backend> {
    backend: &'a B,
    data: &'a Labelled<'a, B>,
    members: &'a [Member],
    objective: Objective<'a, B>,
    batches: Vec<Batch>,
    /// Rows of any model; those that count for the same models lie together.
    index: Vec<B::Array<u32>>,
    parameters: B::Array<f32>,
    sums: B::Array<f32>,
    /// Models of a pass, at most.
    most: usize,
    /// Whether there are rows that do not count for every model.
    masked: bool,
    /// The models that the masks are for, and the masks.
    masks: (Vec<usize>, Vec<B::Array<u32>>),
}

impl<'a, B: Backend> Together<'a, B> {
    pub(super) fn new(
        backend: &'a B,
        data: &'a Labelled<'a, B>,
        members: &'a [Member],
    ) -> Result<Self, DeviceError> {
        let (rows, masked) = ordered(members, data.matrix.rows());
        let chunks = data.by_chunk(&rows);
        let most =
            models_a_pass(data.parameters() + data.outputs, members.len(), backend.info().max_array_bytes);
        let models = Models { count: most, masked };
        let (objective, batches) = that_fit(&chunks, (data.max_batch(backend) / most).max(1), |batches| {
            Objective::for_models(backend, data, batches, models)
        })?;
        Ok(Self {
            backend,
            data,
            members,
            objective,
            batches,
            index: chunks.iter().map(|rows| backend.upload(rows)).collect::<Result<_, _>>()?,
            parameters: backend.zeros(most * data.parameters())?,
            sums: backend.zeros(most * (data.parameters() + 1))?,
            most,
            masked,
            masks: (Vec::new(), Vec::new()),
        })
    }

    /// Objective and gradient of each of the models `active`, with the penalty `l2[i]`, at `points[i]`.
    pub(super) fn at(
        &mut self,
        active: &[usize],
        points: &[&[f64]],
        l2: &[f64],
    ) -> Result<Vec<Evaluation>, LearnError> {
        let mut found = Vec::with_capacity(active.len());
        for ((active, points), l2) in
            active.chunks(self.most).zip(points.chunks(self.most)).zip(l2.chunks(self.most))
        {
            found.extend(self.pass(active, points, l2)?);
        }
        Ok(found)
    }

    fn pass(
        &mut self,
        active: &[usize],
        points: &[&[f64]],
        l2: &[f64],
    ) -> Result<Vec<Evaluation>, LearnError> {
        let (models, len) = (active.len(), self.data.parameters());
        let weights = self.data.outputs * self.data.matrix.columns();
        let biases = len - weights;
        // The weights of all models, then all biases.
        let packed =
            points.iter().flat_map(|p| &p[..weights]).chain(points.iter().flat_map(|p| &p[weights..]));
        let packed: Vec<f32> = packed.map(|&p| p as f32).collect();
        self.backend.write(&mut self.parameters, 0, &packed)?;
        if self.masked && self.masks.0 != active {
            self.masks = (active.to_vec(), self.mask(active)?);
        }
        let mut gradients = vec![vec![0.0; len]; models];
        let mut losses = vec![0.0; models];
        for &batch in &self.batches {
            let Self { backend, objective, index, parameters, sums, masks, masked, .. } = self;
            let columns = Columns { models, masks: masked.then_some(&masks.1[..]) };
            objective.sums_of(&columns, (batch, &index[batch.chunk]), parameters, sums)?;
            self.data.matrix.prepare(*backend)?;
            let sums = backend.download(sums, models * (len + 1))?;
            let (of_weights, rest) = sums.split_at(models * weights);
            let (of_biases, of_losses) = rest.split_at(models * biases);
            for (m, gradient) in gradients.iter_mut().enumerate() {
                let parts = of_weights[m * weights..(m + 1) * weights].iter();
                let parts = parts.chain(&of_biases[m * biases..(m + 1) * biases]);
                gradient.iter_mut().zip(parts).for_each(|(g, &s)| *g += f64::from(s));
                losses[m] += f64::from(of_losses[m]);
            }
        }
        let found = gradients.into_iter().enumerate().map(|(m, mut gradient)| {
            let n = self.members[active[m]].train.len() as f64;
            gradient.iter_mut().for_each(|g| *g /= n);
            let mut squares = 0.0;
            for (g, &w) in gradient[..weights].iter_mut().zip(&packed[m * weights..]) {
                let w = f64::from(w);
                *g += l2[m] * w;
                squares += w * w;
            }
            let loss = losses[m] / n;
            Evaluation { objective: loss + 0.5 * l2[m] * squares, loss, gradient }
        });
        Ok(found.collect())
    }

    /// Of each row of each chunk, which of the models `active` it counts for.
    fn mask(&self, active: &[usize]) -> Result<Vec<B::Array<u32>>, DeviceError> {
        let matrix = self.data.matrix;
        let words = active.len().div_ceil(32);
        let mut masks = vec![vec![0u32; matrix.chunk_rows() * words]; matrix.chunk_count()];
        for (bit, &m) in active.iter().enumerate() {
            for &row in &self.members[m].train {
                let (chunk, at) = matrix.place(row);
                masks[chunk][at * words + bit / 32] |= 1 << (bit % 32);
            }
        }
        masks.iter().map(|mask| self.backend.upload(mask)).collect()
    }
}

/// Rows of any member, those of the same members together; and whether some do not count for all.
fn ordered(members: &[Member], rows: usize) -> (Vec<usize>, bool) {
    let words = members.len().div_ceil(32);
    let mut bits = vec![0u32; rows * words];
    for (m, member) in members.iter().enumerate() {
        member.train.iter().for_each(|&row| bits[row * words + m / 32] |= 1 << (m % 32));
    }
    let of = |row: usize| &bits[row * words..(row + 1) * words];
    let counted = |row: usize| of(row).iter().map(|word| word.count_ones() as usize).sum::<usize>();
    let mut any: Vec<usize> = (0..rows).filter(|&row| counted(row) > 0).collect();
    any.sort_by(|&a, &b| of(a).cmp(of(b)));
    let masked = any.iter().any(|&row| counted(row) < members.len());
    (any, masked)
}

/// How many of `models` models, of `numbers` numbers each, one pass takes: as many as fit an array of the device and
/// [`PASS_BYTES`], in passes of about the same size.
pub(crate) fn models_a_pass(numbers: usize, models: usize, max_array_bytes: u64) -> usize {
    let bytes = usize::try_from(max_array_bytes).unwrap_or(usize::MAX).min(PASS_BYTES);
    let fit = (bytes / 4 / numbers.max(1)).clamp(1, models.max(1));
    models.max(1).div_ceil(models.max(1).div_ceil(fit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_the_same_folds_lie_together() {
        let member = |train: &[usize]| Member { train: train.to_vec(), val: Vec::new() };
        let (rows, masked) = ordered(&[member(&[0, 2, 4, 6]), member(&[1, 2, 5, 6])], 8);
        assert_eq!((rows, masked), (vec![0, 4, 1, 5, 2, 6], true));
        assert_eq!(ordered(&[member(&[1, 3])], 5), (vec![1, 3], false));
    }

    #[test]
    fn passes_fit_the_device_and_are_even() {
        assert_eq!(models_a_pass(5140, 5, u64::MAX), 5);
        assert_eq!(models_a_pass(5140, 1000, 1 << 20), 50, "20 passes of 50, not 19 of 51 and one of 31");
        assert_eq!(models_a_pass(1 << 20, 7, 1 << 20), 1, "at least one");
    }
}
