//! The stages as WGSL compute shaders through wgpu, one file a stage.
//!
//! Stages record their work; it is submitted when enough has gathered and when something is read back. Every device object
//! is owned by [`Gpu`]. Sizes past a dispatch's 65,535 workgroups and past a binding's limit are dealt with in
//! `dispatch` and by the callers that ask [`DeviceInfo::max_array_bytes`](super::DeviceInfo::max_array_bytes).

mod adam;
mod adapter;
mod array;
mod clock;
mod describe;
mod dispatch;
mod failure;
mod gradient;
mod hinge;
mod loss;
mod memory;
mod normalize;
mod objective;
mod probe;
mod reduce;
mod scores;
mod sigmoid;
mod softmax;
mod source;
mod step;

pub use adapter::{Adapter, STORAGE_BUFFERS, adapters};
pub use array::GpuArray;

use crate::sync::lock;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::{
    Adam, Backend, Bins, DeviceError, DeviceInfo, DeviceKind, Element, Labels, Models, Pictures, Probe, Rows,
    Sparse, SparseRows, Splits, Step, Timed,
};
use dispatch::{Kernel, Recorder};
use failure::Failure;
use memory::Memory;

/// Rows of a partial sum come in multiples of this.
const SPLIT_ROWS: usize = 32;
/// Partial sums of a hardware GPU, at most: a few workgroups for each of its processors.
const FUSED_SPLITS: usize = 512;
/// Workgroups that keep a hardware GPU busy.
const WORKGROUPS: usize = 1024;

/// Rows of a partial sum for a driver that ends loops, at most: eight of them take the gradient 18 turns or less, and two
/// the objective a few.
const SHORT_SPLIT: usize = 16_384;
/// Turns that the loops of an invocation may take together where a driver ends them after 65,535 without a word (Mesa's
/// llvmpipe, `LP_MAX_TGSI_LOOP_ITERATIONS`); some are left to reductions.
const TURNS: usize = 65_000;

/// A GPU, opened, with its kernels.
#[derive(Debug)]
pub struct Gpu {
    info: DeviceInfo,
    device: wgpu::Device,
    queue: wgpu::Queue,
    limits: wgpu::Limits,
    /// Lanes of a subgroup, where subgroup operations may be used and all subgroups are of one size.
    subgroup: Option<usize>,
    /// Whether kernels may load 64 bits at a time, and should.
    pairs: bool,
    /// Whether shaders are compiled with bounds checks on arrays and on loops.
    checked: bool,
    failure: Arc<Failure>,
    memory: Arc<Memory>,
    /// Submissions until the device is given up; see [`Gpu::lose_after`].
    lose_in: AtomicU64,
    recorder: Mutex<Recorder>,
    in_flight: Mutex<VecDeque<(wgpu::SubmissionIndex, u64)>>,
    uploads: Mutex<Vec<describe::Uploads>>,
    pipelines: Mutex<HashMap<dispatch::PipelineKey, Kernel>>,
}

/// Every shader by the name of its stage, as it is compiled in; for tests that hold host and shader together.
pub const SHADERS: [(&str, &str); 13] = [
    describe::SHADER,
    normalize::SHADER,
    scores::SHADER,
    softmax::SHADER,
    sigmoid::SHADER,
    hinge::SHADER,
    gradient::SHADER,
    objective::SHADER,
    objective::SUBGROUP_SHADER,
    reduce::SHADER,
    step::SHADER,
    adam::SHADER,
    probe::SHADER,
];

/// Fields of a structure as the host lays it out: names and byte offsets.
pub type Fields = &'static [(&'static str, usize)];

/// Structures that the host shares with the shader of a stage, by their names there: fields and size in bytes.
#[must_use]
pub fn shared_structures(stage: &str) -> Vec<(&'static str, Fields, usize)> {
    macro_rules! of {
        ($($room:ident::$name:ident),*) => {
            vec![$((stringify!($name), $room::$name::FIELDS, size_of::<$room::$name>())),*]
        };
    }
    match stage {
        "describe" => of![describe::Config, describe::Tile],
        "normalize" => of![normalize::Config],
        "scores" => of![scores::Config],
        "softmax" | "sigmoid" | "hinge" => of![loss::Config],
        "gradient" => of![gradient::Config],
        "objective" | "objective_subgroup" => of![objective::Config],
        "reduce" => of![reduce::Config],
        "step" => of![step::Config],
        "adam" => of![adam::Config],
        "probe" => of![probe::Config],
        _ => Vec::new(),
    }
}

/// Constants of a stage that stand in its shader and on the host: name in the shader, value on the host.
#[must_use]
pub fn shared_constants(stage: &str) -> Vec<(&'static str, u64)> {
    match stage {
        "scores" | "gradient" => vec![("LANES", scores::LANES as u64)],
        "softmax" | "sigmoid" | "hinge" => vec![("WORKGROUP", loss::WORKGROUP as u64)],
        "reduce" => vec![("WORKGROUP", reduce::WORKGROUP as u64)],
        "normalize" => vec![("LANES", normalize::LANES as u64)],
        "step" => vec![("LANES", step::LANES as u64)],
        "adam" => vec![("LANES", adam::LANES as u64)],
        "probe" => vec![("LANES", probe::LANES as u64)],
        _ => Vec::new(),
    }
}

impl Gpu {
    /// Whether its kernels load two numbers at a time: so that a test knows what it compares.
    #[doc(hidden)]
    #[must_use]
    pub fn loads_pairs(&self) -> bool {
        self.pairs
    }

    /// Whether its driver ends long loops: of software drivers that is assumed.
    fn ends_loops(&self) -> bool {
        self.info.kind == DeviceKind::Software
    }

    /// Fails where a row of `found` of `what` would take an invocation more turns than the driver lets it: `passes` loops
    /// over them, `a_turn` at a time.
    fn turns(
        &self,
        found: usize,
        what: &'static str,
        a_turn: usize,
        passes: usize,
    ) -> Result<(), DeviceError> {
        let most = TURNS / passes * a_turn;
        if self.ends_loops() && found > most {
            return Err(DeviceError::TooLong { device: self.info.name.clone(), what, found, most });
        }
        Ok(())
    }

    /// Gives the device up, as a driver does that was reset or unplugged: to test what happens then.
    pub fn lose(&self) {
        self.device.destroy();
    }

    /// The same once it was handed work another `submissions` times: to test it at any moment of a run.
    #[doc(hidden)]
    pub fn lose_after(&self, submissions: u64) {
        self.lose_in.store(submissions, Ordering::Relaxed);
    }

    /// How often it will still be handed work before it is given up.
    #[doc(hidden)]
    #[must_use]
    pub fn loses_in(&self) -> u64 {
        self.lose_in.load(Ordering::Relaxed)
    }

    /// Bytes of its memory that this program has taken.
    #[must_use]
    pub fn taken_bytes(&self) -> u64 {
        self.memory.taken()
    }

    /// Counts a submission.
    fn submits(&self) {
        let left = |left: u64| if left == u64::MAX { None } else { left.checked_sub(1) };
        if self.lose_in.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left) == Ok(1) {
            self.lose();
        }
    }
}

impl Backend for Gpu {
    type Array<T: Element> = GpuArray<T>;

    fn info(&self) -> &DeviceInfo {
        &self.info
    }

    fn zeros<T: Element>(&self, len: usize) -> Result<GpuArray<T>, DeviceError> {
        self.allocate(len)
    }

    fn upload<T: Element>(&self, values: &[T]) -> Result<GpuArray<T>, DeviceError> {
        let mut array = self.allocate(values.len())?;
        // Nothing recorded so far can use a new array, so this write need not wait for it.
        self.write_unordered(&mut array, 0, values);
        Ok(array)
    }

    fn bound_uploads(&self, bytes: u64) {
        lock(&self.recorder).bound_uploads(bytes);
    }

    fn write<T: Element>(&self, array: &mut GpuArray<T>, at: usize, values: &[T]) -> Result<(), DeviceError> {
        // A queue's writes happen before the next submission: what is recorded must be submitted first.
        self.flush()?;
        self.write_unordered(array, at, values);
        Ok(())
    }

    fn copy<T: Element>(
        &self,
        from: (&GpuArray<T>, usize),
        to: (&mut GpuArray<T>, usize),
        len: usize,
    ) -> Result<(), DeviceError> {
        self.copy_array(from, to, len)
    }

    fn download<T: Element>(&self, array: &GpuArray<T>, len: usize) -> Result<Vec<T>, DeviceError> {
        self.read_back(array, len)
    }

    fn describe(
        &self,
        pictures: &Pictures,
        bins: &Bins,
        counts: &mut GpuArray<u32>,
    ) -> Result<(), DeviceError> {
        describe::describe(self, pictures, bins, counts)
    }

    fn normalize(
        &self,
        counts: &GpuArray<u32>,
        rows: usize,
        columns: usize,
        features: &mut GpuArray<f32>,
    ) -> Result<(), DeviceError> {
        normalize::normalize(self, counts, rows, columns, features)
    }

    fn scores(
        &self,
        rows: &Rows<'_, Self>,
        parameters: &GpuArray<f32>,
        outputs: usize,
        scores: &mut GpuArray<f32>,
    ) -> Result<(), DeviceError> {
        scores::scores(self, rows, parameters, outputs, scores)
    }

    fn loss(
        &self,
        rows: &Rows<'_, Self>,
        labels: &Labels<'_, Self>,
        scores: &GpuArray<f32>,
        outputs: usize,
        residual: &mut GpuArray<f32>,
        losses: &mut GpuArray<f32>,
    ) -> Result<(), DeviceError> {
        loss::loss(self, rows, labels, scores, outputs, residual, losses)
    }

    fn gradient(
        &self,
        rows: &Rows<'_, Self>,
        residual: &GpuArray<f32>,
        outputs: usize,
        partials: &mut GpuArray<f32>,
    ) -> Result<(), DeviceError> {
        gradient::gradient(self, rows, residual, outputs, partials)
    }

    fn splits(&self, rows: usize, columns: usize, outputs: usize) -> Splits {
        let width = outputs * (columns + 2);
        let most = if objective::shape(self, columns, outputs).is_some() {
            if self.info.kind == DeviceKind::Software { 64 } else { FUSED_SPLITS }
        } else {
            (WORKGROUPS / gradient::tiles(columns, outputs)).clamp(1, FUSED_SPLITS)
        };
        let most = if self.ends_loops() { most.max(rows.div_ceil(SHORT_SPLIT)) } else { most };
        Splits::new(rows, SPLIT_ROWS, most, width, self.info.max_array_bytes)
    }

    fn fuses(&self, columns: usize, outputs: usize, models: Models) -> bool {
        models == Models::ONE && objective::shape(self, columns, outputs).is_some()
    }

    fn objective(
        &self,
        rows: &Rows<'_, Self>,
        labels: &Labels<'_, Self>,
        parameters: &GpuArray<f32>,
        outputs: usize,
        partials: &mut GpuArray<f32>,
    ) -> Result<(), DeviceError> {
        objective::objective(self, rows, labels, parameters, outputs, partials)
    }

    fn sparse_below(&self, _rows: usize, _columns: usize, _outputs: usize) -> Option<f64> {
        None
    }

    fn compress(
        &self,
        _features: &GpuArray<f32>,
        _rows: usize,
        _columns: usize,
        _below: f64,
    ) -> Result<Option<Sparse<Self>>, DeviceError> {
        Ok(None)
    }

    fn objective_sparse(
        &self,
        _rows: &SparseRows<'_, Self>,
        _labels: &Labels<'_, Self>,
        _parameters: &GpuArray<f32>,
        _outputs: usize,
        _partials: &mut GpuArray<f32>,
    ) -> Result<(), DeviceError> {
        // Why there is none: benches/results/*-objective-sparse.txt.
        let reason = "it has no kernel for rows without their zeros (see `sparse_below`)".into();
        Err(DeviceError::Refused { device: self.info.name.clone(), reason })
    }

    fn reduce(
        &self,
        partials: &GpuArray<f32>,
        rows: usize,
        columns: usize,
        sums: &mut GpuArray<f32>,
        at: usize,
        accumulate: bool,
    ) -> Result<(), DeviceError> {
        reduce::reduce(self, partials, rows, columns, sums, at, accumulate)
    }

    fn timed(&self, work: &mut dyn FnMut() -> Result<(), DeviceError>) -> Result<Timed, DeviceError> {
        self.clocked(work)
    }

    fn probe(&self, probe: Probe, sums: &mut GpuArray<f32>) -> Result<(), DeviceError> {
        probe::probe(self, probe, sums)
    }

    fn step(
        &self,
        parameters: &mut GpuArray<f32>,
        velocity: &mut GpuArray<f32>,
        gradient: &GpuArray<f32>,
        weights: usize,
        len: usize,
        step: Step,
    ) -> Result<(), DeviceError> {
        step::step(self, parameters, velocity, gradient, weights, len, step)
    }

    fn adam(
        &self,
        parameters: &mut GpuArray<f32>,
        moments: [&mut GpuArray<f32>; 2],
        gradient: &GpuArray<f32>,
        weights: usize,
        len: usize,
        adam: Adam,
    ) -> Result<(), DeviceError> {
        adam::adam(self, parameters, moments, gradient, weights, len, adam)
    }
}
