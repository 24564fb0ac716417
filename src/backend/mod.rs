//! Where arithmetic happens: the stages of the pipeline on a device. This room has never heard of a file.
//!
//! Each stage has one name and stands in five places under it: a paragraph of [`mod@reference`] (the
//! specification, in f64), a file in `cpu/`, a file in `gpu/`, a WGSL file in `shaders/`, and a test file.
//! [`Backend`] is the seam between them and everything above: arrays that live on the device, and stages
//! from arrays to arrays. Nothing is read back until [`Backend::download`] is called.

mod bins;
pub mod cpu;
mod device;
pub mod gpu;
mod info;
mod lend;
mod loss;
mod pictures;
pub mod reference;
mod shapes;
mod sparse;
mod targets;
mod update;

pub use bins::{Bins, BinsError, MAX_BINS, reciprocals};
pub use cpu::Cpu;
pub use device::{Choice, Device, Found, Listing, list};
pub use gpu::Gpu;
pub use info::{DeviceError, DeviceInfo, DeviceKind, Lack};
pub use lend::Lend;
pub use loss::Loss;
pub use pictures::{NoRoom, Pictures};
pub use shapes::Splits;
pub use sparse::{Sparse, SparseRows};
pub use targets::Targets;
pub use update::{Adam, Step};

use std::sync::Arc;
use std::time::Duration;

/// What a device array may hold: 4-byte plain numbers.
pub trait Element: bytemuck::Pod + Send + Sync + std::fmt::Debug + 'static {}
impl Element for f32 {}
impl Element for u32 {}

/// The label of a row that has none: its loss is zero, its residual its probability (of the hinges, zero).
pub const NO_LABEL: u32 = u32::MAX;

/// Some rows of a feature chunk, in the order in which a stage is to see them.
#[derive(Debug)]
pub struct Rows<'a, B: Backend + ?Sized> {
    /// Features of the chunk, rows × `columns`, row-major.
    pub features: &'a B::Array<f32>,
    /// D, the length of a row.
    pub columns: usize,
    /// Row indices into the chunk.
    pub index: &'a B::Array<u32>,
    /// Where in `index` these rows begin.
    pub first: usize,
    /// How many there are: n.
    pub count: usize,
}

/// What is true of the rows of a chunk, and which loss asks for it: [`Targets`] on a device.
#[derive(Debug)]
pub struct Labels<'a, B: Backend + ?Sized> {
    /// The loss.
    pub loss: Loss,
    /// Targets by chunk row, [`Loss::words`] words each; see [`Loss::exclusive`].
    pub words: &'a B::Array<u32>,
    /// Weights of the labels, 2·K; see [`Targets::weighted`].
    pub weights: &'a B::Array<f32>,
    /// M: how many models these labels are for. Each has K of the outputs; labels and weights are the same for all.
    pub models: usize,
    /// Which rows count for which model: ⌈M/32⌉ words a row of the chunk, bit m % 32 of word m / 32 where it counts for model m.
    /// `None`: every row for every model.
    pub mask: Option<&'a B::Array<u32>>,
}

impl<B: Backend + ?Sized> Labels<'_, B> {
    /// What [`Backend::fuses`] asks of the models.
    #[must_use]
    pub fn models(&self) -> Models {
        Models { count: self.models, masked: self.mask.is_some() }
    }
}

/// How many models are computed side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Models {
    /// M.
    pub count: usize,
    /// Whether there are rows that do not count for all of them.
    pub masked: bool,
}

impl Models {
    /// A single model, for which every row counts.
    pub const ONE: Self = Self { count: 1, masked: false };
}

/// How long some work took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timed {
    /// What the device itself worked on its stages, by its own clock: without uploads, copies and waiting. `None` where it
    /// has no such clock, or one that cannot be believed.
    pub device: Option<Duration>,
    /// From the first call to the end of the work.
    pub wall: Duration,
}

/// Multiplications and additions that wait for nothing else: each of `lanes` lanes i takes [`Probe::CHAINS`] numbers
/// `x = i mod 64 + j` through `x ← factor·x + addend`, `rounds` times, and `sums[i]` is what they add up to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Probe {
    /// Length of the result.
    pub lanes: usize,
    /// How often each number is multiplied and added to.
    pub rounds: u32,
    /// What it is multiplied by.
    pub factor: f32,
    /// What is added.
    pub addend: f32,
}

impl Probe {
    /// Numbers of a lane.
    pub const CHAINS: usize = 12;

    /// Floating-point operations of the whole.
    #[must_use]
    pub fn operations(&self) -> u64 {
        2 * (Self::CHAINS * self.lanes) as u64 * u64::from(self.rounds)
    }
}

/// A device and the stages on it.
///
/// Shapes: n rows, D columns (features), K outputs, P partial sums. Matrices are row-major. Parameters, gradients
/// and velocities are one array of `K·D + K` values: the weights (K×D), then the biases (K).
///
/// Many models are columns: where [`Labels::models`] is M, the `outputs` of every stage are M·K, model m has those from m·K on,
/// and one pass over the features serves all. Parameters are the weights of all models' outputs (M·K×D), then all biases (M·K).
/// A row that [`Labels::mask`] leaves out of a model has there no loss and residuals of 0, whatever its scores are.
///
/// Every stage writes all of its output and reads nothing of what was there (except where it says `accumulate`).
/// Arrays may be longer than the shapes ask for; never shorter (that is a caller's mistake, and panics).
///
/// # Errors
/// Every method fails with [`DeviceError`] when the device is lost, has no memory left, or refuses a command. A GPU may
/// notice at a later call than the one that caused it, at the latest when something is read back.
#[allow(clippy::missing_errors_doc)] // said here, for all of them
pub trait Backend: Sync {
    /// An array in the memory of the device.
    type Array<T: Element>: Send + Sync + std::fmt::Debug;

    /// What this device is and what it can hold.
    fn info(&self) -> &DeviceInfo;

    /// An array of `len` zeros.
    fn zeros<T: Element>(&self, len: usize) -> Result<Self::Array<T>, DeviceError>;

    /// An array holding `values`.
    fn upload<T: Element>(&self, values: &[T]) -> Result<Self::Array<T>, DeviceError>;

    /// The numbers of `owner` as an array that is only read, without a copy, where this device computes in the memory of the host;
    /// else `None`.
    fn lend(&self, _owner: Arc<dyn Lend>) -> Option<Self::Array<f32>> {
        None
    }

    /// The numbers of `array` where they are, where that is in the memory of the host; else `None`.
    fn seen<'a, T: Element>(&self, _array: &'a Self::Array<T>) -> Option<&'a [T]> {
        None
    }

    /// From here on at most about so many bytes that were uploaded may wait in the memory of the host until the device takes
    /// them, and never less than those of one upload.
    fn bound_uploads(&self, _bytes: u64) {}

    /// `values` into `array`, beginning at element `at`.
    fn write<T: Element>(
        &self,
        array: &mut Self::Array<T>,
        at: usize,
        values: &[T],
    ) -> Result<(), DeviceError>;

    /// `len` elements of `from` into `to`, device to device.
    fn copy<T: Element>(
        &self,
        from: (&Self::Array<T>, usize),
        to: (&mut Self::Array<T>, usize),
        len: usize,
    ) -> Result<(), DeviceError>;

    /// The first `len` elements. Waits for everything recorded so far.
    fn download<T: Element>(&self, array: &Self::Array<T>, len: usize) -> Result<Vec<T>, DeviceError>;

    /// **describe**: HSV joint histogram of each picture, `pictures.len()` × `bins.len()` counts.
    fn describe(
        &self,
        pictures: &Pictures,
        bins: &Bins,
        counts: &mut Self::Array<u32>,
    ) -> Result<(), DeviceError>;

    /// **normalize**: each row of counts (rows × D) divided by its L2 norm; a row of zeros stays zero.
    fn normalize(
        &self,
        counts: &Self::Array<u32>,
        rows: usize,
        columns: usize,
        features: &mut Self::Array<f32>,
    ) -> Result<(), DeviceError>;

    /// **scores**: `scores[i,k] = Σ_d x[i,d]·w[k,d] + b[k]`, n×K.
    fn scores(
        &self,
        rows: &Rows<'_, Self>,
        parameters: &Self::Array<f32>,
        outputs: usize,
        scores: &mut Self::Array<f32>,
    ) -> Result<(), DeviceError>;

    /// **softmax**, **sigmoid**, **hinge** or **squared-hinge**, whichever `labels` name: the loss of each row in each model
    /// (n×M), and its derivatives by the scores, `residual` (n×M·K). Of one model, with y the label of a row, t of output k 1 where the row has label k and
    /// else 0, and w the weight (see [`Targets::weighted`]):
    ///
    /// | | `losses[i]` | `residual[i,k]` |
    /// |---|---|---|
    /// | softmax | −w·ln p_y, p = softmax(s) | w·(p_k − [k = y]) |
    /// | sigmoid | Σ_k w·(max(s_k, 0) − s_k·t + ln(1 + e^−abs(s_k))) | w·(σ(s_k) − t) |
    /// | hinge | w·Σ_{j≠y} max(0, m_j), m_j = s_j − s_y + 1 | w where m_k > 0, else 0; of y, −Σ of the others |
    /// | squared hinge | w·Σ_{j≠y} max(0, m_j)² | 2·w·max(0, m_k); of y, −Σ of the others |
    ///
    /// A row without a label: see [`NO_LABEL`].
    fn loss(
        &self,
        rows: &Rows<'_, Self>,
        labels: &Labels<'_, Self>,
        scores: &Self::Array<f32>,
        outputs: usize,
        residual: &mut Self::Array<f32>,
        losses: &mut Self::Array<f32>,
    ) -> Result<(), DeviceError>;

    /// How this device divides `rows` rows over the partial sums of [`gradient`](Self::gradient) and
    /// [`objective`](Self::objective). It depends on shapes alone.
    fn splits(&self, rows: usize, columns: usize, outputs: usize) -> Splits;

    /// **gradient**: for each of the P [`splits`](Self::splits) `Σ_i residual[i,k]·x[i,d]` and `Σ_i residual[i,k]`,
    /// P × (K·D + K).
    fn gradient(
        &self,
        rows: &Rows<'_, Self>,
        residual: &Self::Array<f32>,
        outputs: usize,
        partials: &mut Self::Array<f32>,
    ) -> Result<(), DeviceError>;

    /// Whether [`objective`](Self::objective) runs for this shape; where it does not, its stages are called one by one.
    fn fuses(&self, columns: usize, outputs: usize, models: Models) -> bool;

    /// **objective**: scores, loss and gradient in one pass over the features. For each of the P
    /// [`splits`](Self::splits) `Σ_i residual[i,k]·x[i,d]`, `Σ_i residual[i,k]` and `Σ_i loss[i,m]`, P × (K·D + K + M).
    fn objective(
        &self,
        rows: &Rows<'_, Self>,
        labels: &Labels<'_, Self>,
        parameters: &Self::Array<f32>,
        outputs: usize,
        partials: &mut Self::Array<f32>,
    ) -> Result<(), DeviceError>;

    /// The share of features that are not zero below which [`objective_sparse`](Self::objective_sparse) of so many rows is
    /// faster here than with the zeros; `None` where the device does not have that stage.
    fn sparse_below(&self, rows: usize, columns: usize, outputs: usize) -> Option<f64>;

    /// The features (rows × `columns`) without their zeros; `None` where the share of the others is `below` or more, or where
    /// the device cannot hold them in this form.
    fn compress(
        &self,
        features: &Self::Array<f32>,
        rows: usize,
        columns: usize,
        below: f64,
    ) -> Result<Option<Sparse<Self>>, DeviceError>;

    /// **objective-sparse**: what [`objective`](Self::objective) is, of rows without their zeros. The same P splits, the same
    /// P × (K·D + K + M) sums; a feature that is zero adds nothing, not even where its weight is infinite.
    fn objective_sparse(
        &self,
        rows: &SparseRows<'_, Self>,
        labels: &Labels<'_, Self>,
        parameters: &Self::Array<f32>,
        outputs: usize,
        partials: &mut Self::Array<f32>,
    ) -> Result<(), DeviceError>;

    /// **reduce**: column sums of `partials` (rows × columns) in a fixed order, into `sums` from element `at`;
    /// with `accumulate`, added to what is there.
    fn reduce(
        &self,
        partials: &Self::Array<f32>,
        rows: usize,
        columns: usize,
        sums: &mut Self::Array<f32>,
        at: usize,
        accumulate: bool,
    ) -> Result<(), DeviceError>;

    /// Runs `work` until the device has done all of it, without reading anything back, and says how long that took.
    /// What other threads record meanwhile is measured with it.
    fn timed(&self, work: &mut dyn FnMut() -> Result<(), DeviceError>) -> Result<Timed, DeviceError>;

    /// **probe**: no stage of the pipeline, but how fast the device multiplies and adds; see [`Probe`].
    fn probe(&self, probe: Probe, sums: &mut Self::Array<f32>) -> Result<(), DeviceError>;

    /// **step**: `g = scale·gradient + l2·w` (no `l2` for the biases), `velocity = momentum·velocity + g`, and
    /// `parameters −= learning_rate·velocity`, with Nesterov's momentum `learning_rate·(g + momentum·velocity)`, as PyTorch's
    /// `SGD`. Then weights are soft-thresholded: `w ← sign(w)·max(|w| − learning_rate·l1, 0)`. The first `weights` parameters
    /// are weights, the rest (up to `len`) biases.
    fn step(
        &self,
        parameters: &mut Self::Array<f32>,
        velocity: &mut Self::Array<f32>,
        gradient: &Self::Array<f32>,
        weights: usize,
        len: usize,
        step: Step,
    ) -> Result<(), DeviceError>;

    /// **adam**: `g` as for [`step`](Self::step), `first = beta1·first + (1 − beta1)·g`, `second = beta2·second + (1 − beta2)·g²`,
    /// `d = √(correction2·second) + epsilon`, `parameters −= learning_rate·correction1·first/d`. Then weights are
    /// soft-thresholded by `learning_rate·l1/d`: the proximal step in the metric in which Adam steps, whose fixed points are
    /// those of the penalised objective (Yun, Lozano and Yang 2021). `moments` are first and second.
    fn adam(
        &self,
        parameters: &mut Self::Array<f32>,
        moments: [&mut Self::Array<f32>; 2],
        gradient: &Self::Array<f32>,
        weights: usize,
        len: usize,
        adam: Adam,
    ) -> Result<(), DeviceError>;
}
