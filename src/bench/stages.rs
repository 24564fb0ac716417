//! What is timed: every stage of the backend, recorded once by one function, for `huemax bench` and `cargo bench` alike.

use super::inputs::Numbers;
use super::stage::{Shape, Stage, Work};
use crate::backend::{
    Adam, Backend, Bins, DeviceError, Labels, Loss, Models, Pictures, Rows, Sparse, Splits, Step,
};

/// Stages of one kind on one device, with their arrays.
pub trait Workloads: Send {
    /// The sizes, for people.
    fn size(&self) -> String;
    /// What one run of `stage` has to do.
    fn work(&self, stage: Stage) -> Work;
    /// Records one run of `stage`.
    ///
    /// # Errors
    /// The device was lost or has no memory left.
    fn record(&mut self, stage: Stage) -> Result<(), DeviceError>;
    /// Runs `stage` on the very arrays that are timed and holds the result against the reference.
    ///
    /// # Errors
    /// What is wrong, or a device that was lost.
    fn check(&mut self, stage: Stage) -> Result<(), super::BenchError>;
    /// Runs `stage` `repeats` times, in one go.
    ///
    /// # Errors
    /// As for [`record`](Self::record).
    fn timed(&mut self, stage: Stage, repeats: usize) -> Result<crate::backend::Timed, DeviceError>;
}

/// Pictures and their counts on a device.
#[derive(Debug)]
pub struct Describing<'a, B: Backend> {
    pub(super) backend: &'a B,
    pub(super) bins: &'a Bins,
    /// Flat, photographs and noise, of the same sizes.
    pub(super) pictures: &'a [Pictures; 3],
    pub(super) counts: B::Array<u32>,
    pub(super) features: B::Array<f32>,
}

impl<'a, B: Backend> Describing<'a, B> {
    /// Makes the arrays for `pictures`: flat, photographs and noise.
    ///
    /// # Errors
    /// The device has no memory left.
    pub fn new(backend: &'a B, bins: &'a Bins, pictures: &'a [Pictures; 3]) -> Result<Self, DeviceError> {
        let len = pictures[1].len() * bins.len();
        Ok(Self { backend, bins, pictures, counts: backend.zeros(len)?, features: backend.zeros(len)? })
    }

    /// The pictures that `stage` is about; photographs for those that need some counts.
    pub(super) fn pictures(&self, stage: Stage) -> &'a Pictures {
        match stage {
            Stage::DescribeFlat => &self.pictures[0],
            Stage::DescribeNoise => &self.pictures[2],
            _ => &self.pictures[1],
        }
    }
}

impl<B: Backend> Workloads for Describing<'_, B> {
    fn size(&self) -> String {
        format!("{} pictures", self.pictures[1].len())
    }

    fn work(&self, stage: Stage) -> Work {
        let pictures = self.pictures(stage);
        let numbers = (pictures.len() * self.bins.len()) as u64;
        let pixels = pictures.spans().iter().map(|s| s.pixels as u64).sum::<u64>();
        match stage {
            Stage::Normalize => {
                Work { bytes: 8 * numbers, operations: 3 * numbers, items: numbers, unit: "number" }
            }
            _ => Work { bytes: 3 * pixels + 4 * numbers, operations: 0, items: pixels, unit: "pixel" },
        }
    }

    fn record(&mut self, stage: Stage) -> Result<(), DeviceError> {
        let pictures = self.pictures(stage);
        if stage == Stage::Normalize {
            return self.backend.normalize(&self.counts, pictures.len(), self.bins.len(), &mut self.features);
        }
        self.backend.describe(pictures, self.bins, &mut self.counts)
    }

    fn check(&mut self, stage: Stage) -> Result<(), super::BenchError> {
        super::check::describing(self, stage)
    }

    fn timed(&mut self, stage: Stage, repeats: usize) -> Result<crate::backend::Timed, DeviceError> {
        self.backend.timed(&mut || (0..repeats).try_for_each(|_| self.record(stage)))
    }
}

/// The step that is timed: small enough that parameters stay what they are.
pub(super) const STEP: Step =
    Step { learning_rate: 1e-6, momentum: 0.9, nesterov: false, l2: 1e-3, l1: 0.0, scale: 1e-4 };

/// The same by Adam, as its tenth step.
pub(super) const ADAM: Adam = Adam {
    learning_rate: 1e-6,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    l2: 1e-3,
    l1: 0.0,
    scale: 1e-4,
    correction1: 1.535_34,
    correction2: 100.450_83,
};

/// Features, parameters and all that lies between them on a device. Rows are taken in their order.
#[derive(Debug)]
pub struct Learning<'a, B: Backend> {
    pub(super) backend: &'a B,
    pub(super) shape: Shape,
    pub(super) numbers: &'a Numbers,
    features: B::Array<f32>,
    /// Where the device takes features without their zeros.
    sparse: Option<Sparse<B>>,
    index: B::Array<u32>,
    /// One label a row, and several.
    labels: B::Array<u32>,
    tags: B::Array<u32>,
    /// Of the labels.
    weights: B::Array<f32>,
    pub(super) parameters: B::Array<f32>,
    /// Of step; of Adam the first moments.
    pub(super) velocity: B::Array<f32>,
    /// The second moments.
    pub(super) second: B::Array<f32>,
    pub(super) scores: B::Array<f32>,
    pub(super) residual: B::Array<f32>,
    pub(super) losses: B::Array<f32>,
    pub(super) partials: B::Array<f32>,
    pub(super) sums: B::Array<f32>,
}

impl<'a, B: Backend> Learning<'a, B> {
    /// Uploads the first `shape.rows` rows of `numbers`, which are of this shape or of more rows.
    ///
    /// # Errors
    /// The device has no memory left.
    pub fn new(backend: &'a B, shape: Shape, numbers: &'a Numbers) -> Result<Self, DeviceError> {
        let Shape { rows, columns, outputs } = shape;
        let splits = backend.splits(rows, columns, outputs).count;
        let between = if backend.fuses(columns, outputs, Models::ONE) && numbers.whole_only {
            0
        } else {
            rows * outputs
        };
        let len = shape.parameters();
        let sparse = match backend.sparse_below(rows, columns, outputs) {
            Some(_) => {
                let [offsets, of] = &numbers.sparse;
                let (offsets, there) = (&offsets[..=rows], offsets[rows] as usize);
                Some(Sparse::upload(backend, columns, offsets, &of[..there], &numbers.values[..there])?)
            }
            None => None,
        };
        Ok(Self {
            backend,
            shape,
            numbers,
            sparse,
            features: backend.upload(&numbers.features[..rows * columns])?,
            index: backend.upload(&(0..rows as u32).collect::<Vec<_>>())?,
            labels: backend.upload(&numbers.labels[..rows])?,
            tags: backend.upload(&numbers.tags[..rows * Loss::Sigmoid.words(outputs)])?,
            weights: backend.upload(&vec![1f32; 2 * outputs])?,
            parameters: backend.upload(&numbers.parameters)?,
            velocity: backend.zeros(len)?,
            second: backend.zeros(len)?,
            scores: backend.zeros(between)?,
            residual: backend.zeros(between)?,
            losses: backend.zeros(rows)?,
            partials: backend.zeros(splits * (len + 1))?,
            sums: backend.zeros(len + 1)?,
        })
    }

    /// Whether the objective is one pass over the features here.
    #[must_use]
    pub fn fused(&self) -> bool {
        self.backend.fuses(self.shape.columns, self.shape.outputs, Models::ONE)
    }

    /// Whether the device has this stage.
    #[must_use]
    pub fn has(&self, stage: Stage) -> bool {
        stage != Stage::ObjectiveSparse || self.sparse.is_some()
    }

    /// Partial sums of the rows.
    #[must_use]
    pub fn splits(&self) -> Splits {
        let Shape { rows, columns, outputs } = self.shape;
        self.backend.splits(rows, columns, outputs)
    }
}

impl<B: Backend> Workloads for Learning<'_, B> {
    fn size(&self) -> String {
        self.shape.to_string()
    }

    fn work(&self, stage: Stage) -> Work {
        let [n, d, k] = [self.shape.rows, self.shape.columns, self.shape.outputs].map(|v| v as u64);
        let (len, splits) = (self.shape.parameters() as u64, self.splits().count as u64);
        let rows = |numbers: u64, operations| Work { bytes: 4 * numbers, operations, items: n, unit: "row" };
        let numbers =
            |numbers: u64, operations, items| Work { bytes: 4 * numbers, operations, items, unit: "number" };
        let words = stage.loss().words(self.shape.outputs) as u64;
        let each = match stage.loss() {
            Loss::Softmax => 4,
            Loss::Sigmoid => 8,
            Loss::Hinge => 5,
            Loss::SquaredHinge => 7,
        };
        match stage {
            // Softmax: difference, power, sum, division. Sigmoid: power and the division with its sum, a weight; product with
            // the sign, logarithm and two sums. Hinge: two of a margin, a weight, two sums; squared, two more.
            _ if stage.is_loss() => rows(2 * n * k + n + n * words, each * n * k),
            // A value, its column, and the ends of the row.
            Stage::ObjectiveSparse => {
                let there = u64::from(self.numbers.sparse[0][self.shape.rows]);
                rows(2 * there + 2 * n + 2 * len, 4 * there * k + each * n * k)
            }
            Stage::Gradient => rows(n * d + n * k + splits * len, 2 * n * d * k),
            _ if stage.is_objective() => rows(n * d + n * words + 2 * len, 4 * n * d * k + each * n * k),
            Stage::Reduce => numbers((splits + 1) * len, splits * len, splits * len),
            Stage::Step => numbers(5 * len, 7 * len, len),
            // The gradient with its penalty 3, moments 3 and 4, root and its product and sum 3, division 1, the move 3.
            Stage::Adam => numbers(7 * len, 17 * len, len),
            Stage::Readback => numbers(len + 1, 0, len + 1),
            _ => rows(n * d + len + n * k, 2 * n * d * k),
        }
    }

    fn record(&mut self, stage: Stage) -> Result<(), DeviceError> {
        let fused = self.fused();
        let splits = self.splits().count;
        let Self {
            backend, shape, features, sparse, index, labels, tags, weights, parameters, velocity, ..
        } = self;
        let Self { second, scores, residual, losses, partials, sums, .. } = self;
        let Shape { rows: count, columns, outputs } = *shape;
        let len = shape.parameters();
        let rows = Rows { features, columns, index, first: 0, count };
        let loss = stage.loss();
        let words = if loss.exclusive() { labels } else { tags };
        let labels = &Labels { loss, words, weights, models: 1, mask: None };
        match stage {
            _ if stage.is_loss() => backend.loss(&rows, labels, scores, outputs, residual, losses),
            Stage::Gradient => backend.gradient(&rows, residual, outputs, partials),
            Stage::Reduce => backend.reduce(partials, splits, len, sums, 0, false),
            Stage::ObjectiveSparse => {
                let Some(sparse) = sparse else { return Ok(()) };
                let rows = sparse.rows(index, 0, count);
                backend.objective_sparse(&rows, labels, parameters, outputs, partials)?;
                backend.reduce(partials, splits, len + 1, sums, 0, false)
            }
            _ if stage.is_objective() && fused => {
                backend.objective(&rows, labels, parameters, outputs, partials)?;
                backend.reduce(partials, splits, len + 1, sums, 0, false)
            }
            _ if stage.is_objective() => {
                backend.scores(&rows, parameters, outputs, scores)?;
                backend.loss(&rows, labels, scores, outputs, residual, losses)?;
                backend.gradient(&rows, residual, outputs, partials)?;
                backend.reduce(partials, splits, len, sums, 0, false)?;
                backend.reduce(losses, count, 1, sums, len, false)
            }
            Stage::Step => backend.step(parameters, velocity, sums, outputs * columns, len, STEP),
            Stage::Adam => backend.adam(parameters, [velocity, second], sums, outputs * columns, len, ADAM),
            Stage::Readback => backend.download(sums, len + 1).map(|v| drop(std::hint::black_box(v))),
            _ => backend.scores(&rows, parameters, outputs, scores),
        }
    }

    fn check(&mut self, stage: Stage) -> Result<(), super::BenchError> {
        super::check::learning(self, stage)
    }

    fn timed(&mut self, stage: Stage, repeats: usize) -> Result<crate::backend::Timed, DeviceError> {
        self.backend.timed(&mut || (0..repeats).try_for_each(|_| self.record(stage)))
    }
}
