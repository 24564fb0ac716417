//! Data of cases, and how they lie on a device and in the reference.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::backend::{Backend, DeviceError, Labels, Loss, NO_LABEL, Rows, Targets};

/// Shapes by rule: one, a workgroup or tile less one, itself, one more, primes.
pub(super) const SIZES: [usize; 9] = [1, 2, 15, 16, 17, 63, 64, 65, 131];

/// Which numbers a case draws.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Values {
    /// Evenly from −size to size.
    Uniform(f32),
    /// From −4 to 4: products and sums of them are exact in f32 in any order, so that a lost term cannot hide in a bound.
    Integers,
}

impl Values {
    pub(super) fn draw(self, random: &mut ChaCha8Rng, n: usize) -> Vec<f32> {
        match self {
            Self::Uniform(size) => (0..n).map(|_| random.random_range(-size..=size)).collect(),
            Self::Integers => (0..n).map(|_| random.random_range(-4i32..=4) as f32).collect(),
        }
    }

    /// `bound`, or none where the arithmetic is exact.
    pub(super) fn bound(self, mut bound: Vec<f64>) -> Vec<f64> {
        if self == Self::Integers {
            bound.fill(0.0);
        }
        bound
    }

    /// The end of a case's name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Integers => "/integers",
            Self::Uniform(size) if size > 10.0 => "/wide",
            Self::Uniform(_) => "",
        }
    }
}

/// Labels below `outputs`, one row in seven without.
pub(super) fn labels(random: &mut ChaCha8Rng, n: usize, outputs: usize) -> Vec<u32> {
    let label = |i| if i % 7 == 3 { NO_LABEL } else { random.random_range(0..outputs as u32) };
    (0..n).map(label).collect()
}

/// Rows with the `labels`, one each or [`NO_LABEL`], for any loss.
pub(super) fn one_label(loss: Loss, outputs: usize, labels: &[u32]) -> Targets {
    let rows: Vec<&[u32]> =
        labels.iter().map(|y| if *y == NO_LABEL { &[][..] } else { std::slice::from_ref(y) }).collect();
    Targets::new(loss, outputs, &rows)
}

/// Targets of `n` rows: of a loss of one label a row [`labels`]; of the sigmoid a third of the labels, of one row in seven none
/// and of one in seven all.
pub(super) fn targets(random: &mut ChaCha8Rng, loss: Loss, n: usize, outputs: usize) -> Targets {
    if loss.exclusive() {
        return one_label(loss, outputs, &labels(random, n, outputs));
    }
    let mut row = |i: usize| -> Vec<u32> {
        let has = |random: &mut ChaCha8Rng| random.random_range(0..3u32) == 0;
        (0..outputs as u32).filter(|_| i % 7 == 5 || (has(random) && i % 7 != 3)).collect()
    };
    let rows: Vec<_> = (0..n).map(&mut row).collect();
    Targets::new(loss, outputs, &rows)
}

/// Targets of `n` rows of which each has a label: a row of the softmax without one has a residual and no loss.
pub(super) fn every_row(random: &mut ChaCha8Rng, loss: Loss, n: usize, outputs: usize) -> Targets {
    if loss.exclusive() {
        let labels: Vec<u32> = (0..n).map(|_| random.random_range(0..outputs as u32)).collect();
        return one_label(loss, outputs, &labels);
    }
    targets(random, loss, n, outputs)
}

/// Weights of labels, 2·K, other than 1.
pub(super) fn weights(random: &mut ChaCha8Rng, outputs: usize) -> Vec<f32> {
    (0..2 * outputs).map(|_| random.random_range(0.1f32..8.0)).collect()
}

/// [`Targets`] on a device.
pub(super) struct DeviceTargets<B: Backend> {
    loss: Loss,
    words: B::Array<u32>,
    weights: B::Array<f32>,
    models: usize,
    mask: Option<B::Array<u32>>,
}

impl<B: Backend> DeviceTargets<B> {
    pub(super) fn new(backend: &B, targets: &Targets) -> Result<Self, DeviceError> {
        let (words, weights) = (backend.upload(targets.words())?, backend.upload(targets.weights())?);
        let mask = targets.mask().map(|mask| backend.upload(mask)).transpose()?;
        Ok(Self { loss: targets.loss(), words, weights, models: targets.models(), mask })
    }

    pub(super) fn labels(&self) -> Labels<'_, B> {
        let Self { loss, words, weights, models, mask } = self;
        Labels { loss: *loss, words, weights, models: *models, mask: mask.as_ref() }
    }
}

/// [`Rows`] on the host.
#[derive(Debug, Clone)]
pub(super) struct HostRows {
    pub(super) features: Vec<f32>,
    pub(super) columns: usize,
    pub(super) index: Vec<u32>,
    pub(super) first: usize,
    pub(super) count: usize,
}

impl HostRows {
    /// `count` rows out of a chunk of a few more, in an order of their own, some twice, from the middle of the index.
    pub(super) fn draw(random: &mut ChaCha8Rng, count: usize, columns: usize, values: Values) -> Self {
        let (chunk, first) = (count + 3, 2);
        let features = values.draw(random, chunk * columns);
        let index = (0..count + first).map(|_| random.random_range(0..chunk as u32)).collect();
        Self { features, columns, index, first, count }
    }

    /// How many rows the chunk has.
    pub(super) fn chunk(&self) -> usize {
        self.features.len() / self.columns
    }

    /// Chunk rows in the order of the batch.
    pub(super) fn picked(&self) -> &[u32] {
        &self.index[self.first..self.first + self.count]
    }

    /// The rows in f64, n×D.
    pub(super) fn matrix(&self) -> Array2<f64> {
        let mut x = Array2::zeros((self.count, self.columns));
        for (mut to, &row) in x.axis_iter_mut(Axis(0)).zip(self.picked()) {
            let at = row as usize * self.columns;
            let from = &self.features[at..at + self.columns];
            to.iter_mut().zip(from).for_each(|(to, &from)| *to = f64::from(from));
        }
        x
    }

    /// `by_row` (by chunk row) in the order of the batch.
    pub(super) fn pick(&self, by_row: &Targets) -> Targets {
        by_row.pick(self.picked().iter().map(|&row| row as usize))
    }

    /// Puts features and index on a device.
    pub(super) fn upload<B: Backend>(&self, backend: &B) -> Result<DeviceRows<B>, DeviceError> {
        let (features, index) = (backend.upload(&self.features)?, backend.upload(&self.index)?);
        let Self { columns, first, count, .. } = *self;
        Ok(DeviceRows { features, columns, index, first, count })
    }

    /// Row `i` of the batch, in words.
    pub(super) fn name(&self, i: usize) -> String {
        let row = self.index[self.first + i];
        format!("row {i} of {} (row {row} of the chunk), D {}", self.count, self.columns)
    }
}

/// Features and index on a device.
pub(super) struct DeviceRows<B: Backend> {
    features: B::Array<f32>,
    columns: usize,
    index: B::Array<u32>,
    first: usize,
    count: usize,
}

impl<B: Backend> DeviceRows<B> {
    pub(super) fn rows(&self) -> Rows<'_, B> {
        let Self { features, columns, index, first, count } = self;
        Rows { features, columns: *columns, index, first: *first, count: *count }
    }
}

/// Parameters (K·D weights, K biases) in f64.
#[derive(Debug, Clone)]
pub(super) struct Linear {
    weight: Array2<f64>,
    bias: Array1<f64>,
}

impl Linear {
    pub(super) fn new(parameters: &[f32], columns: usize, outputs: usize) -> Self {
        let at = |k: usize, d: usize| f64::from(parameters[k * columns + d]);
        let weight = Array2::from_shape_fn((outputs, columns), |(k, d)| at(k, d));
        let bias = Array1::from_shape_fn(outputs, |k| f64::from(parameters[outputs * columns + k]));
        Self { weight, bias }
    }

    pub(super) fn weight(&self) -> ArrayView2<'_, f64> {
        self.weight.view()
    }

    pub(super) fn bias(&self) -> ArrayView1<'_, f64> {
        self.bias.view()
    }

    /// With `by` added to parameter `j`.
    pub(super) fn moved(&self, j: usize, by: f64) -> Self {
        let (mut moved, columns, weights) = (self.clone(), self.weight.ncols(), self.weight.len());
        if j < weights {
            moved.weight[[j / columns, j % columns]] += by;
        } else {
            moved.bias[j - weights] += by;
        }
        moved
    }
}

/// Element `j` of an array of parameters, in words.
pub(super) fn parameter(j: usize, columns: usize, outputs: usize) -> String {
    if j < outputs * columns {
        format!("weight of output {} and column {}", j / columns, j % columns)
    } else if j < outputs * (columns + 1) {
        format!("bias of output {}", j - outputs * columns)
    } else {
        format!("loss of model {}", j - outputs * (columns + 1))
    }
}

/// Values (rows × `columns`) in f64.
pub(super) fn matrix(values: &[f32], columns: usize) -> Array2<f64> {
    Array2::from_shape_fn((values.len() / columns.max(1), columns), |(i, j)| {
        f64::from(values[i * columns + j])
    })
}

/// Values in f64.
pub(super) fn vector(values: &[f32]) -> Array1<f64> {
    values.iter().map(|&v| f64::from(v)).collect()
}

/// Row-major elements.
pub(super) fn flat(matrix: Array2<f64>) -> Vec<f64> {
    matrix.iter().copied().collect()
}
