//! The measurement from beginning to end.

use std::cell::RefCell;
use std::time::Duration;

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::ceiling::{Prober, note};
use super::conditions::{Fingerprint, Inputs, host};
use super::costs::break_even;
use super::end_to_end::{EndToEnd, end_to_end};
use super::fits::fits;
use super::inputs::{Numbers, Source};
use super::run::{FORMAT, LeftOut, On, Run, StageRun};
use super::sample::{self, Effort, in_turns};
use super::stages::{Describing, Learning, Workloads};
use super::{BenchError, Options, Shape, Stage, Work};
use crate::backend::{Backend, Bins, Cpu, Device, DeviceError, DeviceKind, Pictures};
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::features::Histogram;
use crate::progress::Progress;

/// Sizes of the learning stages: EuroSAT's training rows, the usual histogram, its classes.
const USUAL: Shape = Shape { rows: 20_250, columns: 512, outputs: 10 };
/// Sizes of an objective with many outputs, where arithmetic and not memory is the limit.
const MANY: Shape = Shape { rows: 4096, columns: 512, outputs: 1000 };
/// The same for a quick look.
const QUICK: [Shape; 2] =
    [Shape { rows: 2048, columns: 512, outputs: 10 }, Shape { rows: 512, columns: 128, outputs: 100 }];

/// How much of everything.
struct Amounts {
    effort: Effort,
    /// Pictures and bytes of the describe stages.
    described: (usize, usize),
    /// Pictures of the whole way, and how often it is gone.
    whole: (usize, usize),
    /// Samples of a pulse.
    pulse: usize,
}

impl Amounts {
    fn new(options: &Options) -> Self {
        let seconds = if options.quick { (0.4, 0.001) } else { (4.0, 0.005) };
        let [budget, sample] = [seconds.0, seconds.1].map(Duration::from_secs_f64);
        let effort = Effort { samples: options.samples.max(sample::LEAST), budget, sample };
        if options.quick {
            Self { effort, described: (6, 2 << 20), whole: (24, 1), pulse: 1 }
        } else {
            Self { effort, described: (48, 24 << 20), whole: (400, sample::LEAST), pulse: 3 }
        }
    }
}

/// Verifies and times `device`, on pictures of `dataset` or drawn ones.
///
/// # Errors
/// Sizes that do not fit (exit code 2), a stage that is wrong, a device that was lost, pictures that cannot be read.
pub fn bench(
    options: &Options,
    device: &Device,
    dataset: Option<&Dataset>,
    progress: &dyn Progress,
) -> Result<Run> {
    match device {
        Device::Cpu(cpu) => on(options, cpu, None, dataset, progress),
        Device::Gpu(gpu) => on(options, gpu.as_ref(), Some(&Cpu::new()), dataset, progress),
    }
}

fn on<B: Backend>(
    options: &Options,
    backend: &B,
    cpu: Option<&Cpu>,
    dataset: Option<&Dataset>,
    progress: &dyn Progress,
) -> Result<Run> {
    let shapes = shapes(options, backend)?;
    let amounts = Amounts::new(options);
    let bins = Histogram::default().checked().map_err(|e| Error::option("--bins", e.to_string()))?;
    let left_out = left_out(options, backend, &shapes)?;
    let host = host();
    let one = one_thread()?;
    let mut probers = (
        Prober::new(backend, On::Device, amounts.pulse)?,
        cpu.map(|cpu| Prober::new(cpu, On::Cpu, amounts.pulse)).transpose()?,
    );
    progress.say(&format!("device: {}", backend.info()));

    let wanted = |stages: &[Stage]| stages.iter().copied().filter(|&s| options.wants(s)).collect::<Vec<_>>();
    let learning = wanted(&Stage::LEARNING);
    let describing = wanted(&Stage::PICTURES);
    let source = Source::new(dataset, amounts.whole.0.max(amounts.described.0));
    let kinds = if describing.is_empty() {
        None
    } else {
        Some(source.three_kinds(amounts.described.0, amounts.described.1)?)
    };
    let mut pictures = Inputs {
        about: source.about(),
        there: source.there(),
        described: kinds.as_ref().map(|[_, photographs, _]| Fingerprint::of(photographs)),
        whole: None,
    };
    let tasks = 1 + describing.len() + learning.len() + shapes.len() - 1 - left_out.len();
    progress.begin("measuring", tasks as u64, "stages");
    progress.note("ceilings");
    let ceilings = probers.0.ceilings(amounts.effort)?;
    progress.advance(1);
    let mut pulse = || -> Result<(), DeviceError> {
        probers.0.pulse()?;
        probers.1.as_mut().map_or(Ok(()), Prober::pulse)
    };
    pulse()?;
    let mut context =
        Context { backend, cpu, one: one.as_ref(), amounts: &amounts, progress, pulse: &mut pulse };
    let mut stages = Vec::new();
    if let Some(kinds) = &kinds {
        stages.extend(context.describing(&bins, kinds, &describing)?);
    }
    for (i, &shape) in shapes.iter().enumerate() {
        // Of further shapes the objective alone: what it is made of has been seen.
        let stages_of = if i == 0 { learning.clone() } else { wanted(&[Stage::Objective]) };
        stages.extend(context.learning(shape, &stages_of)?);
    }
    progress.end();

    let (mut ways, mut from) = (Vec::new(), None);
    if options.wants_end_to_end() {
        progress.say("measuring the whole way, from files to a model");
        ways = context.ways(options, &source, &bins, &mut pictures.whole)?;
        if let (Some(cpu), Some(way)) = (cpu, ways.first()) {
            from = Some(break_even(backend, cpu, way, &source, &bins, shapes.first().copied())?);
        }
        pulse()?;
    }
    Ok(Run {
        format: FORMAT,
        huemax: env!("CARGO_PKG_VERSION").into(),
        commit: env!("HUEMAX_COMMIT").into(),
        optimised: !cfg!(debug_assertions),
        date: jiff::Zoned::now().strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
        device: backend.info().clone(),
        host,
        pictures,
        shapes,
        ceilings,
        pulses: probers.0.pulses().chain(probers.1.into_iter().flat_map(Prober::pulses)).collect(),
        stages,
        left_out,
        end_to_end: ways,
        break_even: from,
    })
}

/// What is wanted, and not there on this device.
///
/// # Errors
/// It was asked for by name (exit code 2).
fn left_out<B: Backend>(options: &Options, backend: &B, shapes: &[Shape]) -> Result<Vec<LeftOut>> {
    let stage = Stage::ObjectiveSparse;
    let Some(shape) = shapes.first().filter(|_| options.wants(stage)) else { return Ok(Vec::new()) };
    if backend.sparse_below(shape.rows, shape.columns, shape.outputs).is_some() {
        return Ok(Vec::new());
    }
    let reason = "it has no pass over features without their zeros";
    if options.names(stage) {
        let device = &backend.info().name;
        let problem = format!("{} cannot be measured on {device}: {reason}; --device cpu has", stage.name());
        return Err(Error::option("--stage", problem));
    }
    Ok(vec![LeftOut { stage: stage.name().into(), size: shape.to_string(), reason: reason.into() }])
}

/// Sizes of the learning stages that were asked for, or those of the usual ones that fit.
fn shapes<B: Backend>(options: &Options, backend: &B) -> Result<Vec<Shape>> {
    if let Some(shape) = options.shape {
        fits(backend, shape)?;
        return Ok(vec![shape]);
    }
    let [usual, many] = if options.quick { QUICK } else { [USUAL, MANY] };
    fits(backend, usual)?;
    Ok(if fits(backend, many).is_ok() && options.wants(Stage::Objective) {
        vec![usual, many]
    } else {
        vec![usual]
    })
}

/// A pool of one thread; none where the CPU backend has no more anyway.
fn one_thread() -> Result<Option<ThreadPool>> {
    if rayon::current_num_threads() == 1 {
        return Ok(None);
    }
    let pool = ThreadPoolBuilder::new().num_threads(1).build();
    // The system refuses a thread: that is its memory or a limit on processes.
    Ok(Some(pool.map_err(|e| DeviceError::OutOfMemory {
        device: "CPU".into(),
        asked: " for another thread".into(),
        reason: e.to_string(),
        way_out: "end other programs",
    })?))
}

/// What stays the same from stage to stage.
struct Context<'a, B: Backend> {
    backend: &'a B,
    /// The CPU to compare with, if the device is not it.
    cpu: Option<&'a Cpu>,
    one: Option<&'a ThreadPool>,
    amounts: &'a Amounts,
    progress: &'a dyn Progress,
    /// Looks how fast the machine is now.
    pulse: &'a mut dyn FnMut() -> Result<(), DeviceError>,
}

/// Stages somewhere: on the device, on the CPU, on one thread of it.
struct Subject<'a> {
    on: On,
    workloads: &'a RefCell<dyn Workloads + 'a>,
    pool: Option<&'a ThreadPool>,
}

impl<B: Backend> Context<'_, B> {
    fn describing(&mut self, bins: &Bins, kinds: &[Pictures; 3], stages: &[Stage]) -> Result<Vec<StageRun>> {
        let device = RefCell::new(Describing::new(self.backend, bins, kinds)?);
        match self.cpu {
            Some(cpu) => {
                let cpu = RefCell::new(Describing::new(cpu, bins, kinds)?);
                self.stages(&device, Some(&cpu), false, stages)
            }
            None => self.stages(&device, None, false, stages),
        }
    }

    fn learning(&mut self, shape: Shape, stages: &[Stage]) -> Result<Vec<StageRun>> {
        if stages.is_empty() {
            return Ok(Vec::new());
        }
        let numbers = Numbers::new(shape, stages.iter().all(|s| s.is_objective()));
        let device = Learning::new(self.backend, shape, &numbers)?;
        let fused = device.fused();
        let has = |stage: &Stage| device.has(*stage);
        let stages = &stages.iter().copied().filter(has).collect::<Vec<_>>()[..];
        let device = RefCell::new(device);
        match self.cpu {
            Some(cpu) => {
                let cpu = RefCell::new(Learning::new(cpu, shape, &numbers)?);
                self.stages(&device, Some(&cpu), fused, stages)
            }
            None => self.stages(&device, None, fused, stages),
        }
    }

    /// Verifies all of `stages`, then times them.
    fn stages<'s>(
        &mut self,
        device: &'s RefCell<dyn Workloads + 's>,
        cpu: Option<&'s RefCell<dyn Workloads + 's>>,
        fused: bool,
        stages: &[Stage],
    ) -> Result<Vec<StageRun>> {
        for &stage in stages {
            self.progress.note(&format!("verifying {}", stage.name()));
            for workloads in [Some(device), cpu].into_iter().flatten() {
                workloads.borrow_mut().check(stage)?;
            }
        }
        let mut subjects = vec![Subject { on: On::Device, workloads: device, pool: None }];
        subjects.extend(cpu.map(|workloads| Subject { on: On::Cpu, workloads, pool: None }));
        if let Some(pool) = self.one {
            let workloads = cpu.unwrap_or(device);
            subjects.push(Subject { on: On::OneThread, workloads, pool: Some(pool) });
        }
        let timed = |&stage: &Stage| {
            (self.pulse)()?;
            self.progress.note(stage.name());
            let series = timed(stage, &subjects, self.amounts.effort)?;
            let clock = series.first().is_some_and(|s| !s.device.is_empty());
            let Work { bytes, operations, items, unit } = device.borrow().work(stage);
            let (note, size) = (note(stage, fused, clock), device.borrow().size());
            self.progress.advance(1);
            let (stage, unit) = (stage.name().into(), unit.into());
            Ok(StageRun { stage, size, note, bytes, operations, items, unit, series })
        };
        stages.iter().map(timed).collect()
    }

    fn ways(
        &mut self,
        options: &Options,
        source: &Source<'_>,
        bins: &Bins,
        found: &mut Option<Fingerprint>,
    ) -> Result<Vec<EndToEnd>> {
        let rounds = self.amounts.whole.1;
        let gpu = self.cpu.is_some().then_some(&options.choice);
        let pulse = &mut *self.pulse;
        let mut ways =
            vec![end_to_end(self.backend, (On::Device, gpu), (source, found), bins, (rounds, pulse))?];
        if let Some(cpu) = self.cpu {
            ways.push(end_to_end(cpu, (On::Cpu, None), (source, found), bins, (rounds, pulse))?);
        }
        Ok(ways)
    }
}

/// Samples of a stage wherever it runs.
fn timed(stage: Stage, subjects: &[Subject<'_>], effort: Effort) -> Result<Vec<sample::Series>, BenchError> {
    let mut runs: Vec<(On, sample::Run<'_>)> = Vec::new();
    for Subject { on, workloads, pool } in subjects {
        runs.push((
            *on,
            Box::new(move |repeats| {
                let mut workloads = workloads.borrow_mut();
                let workloads: &mut (dyn Workloads + '_) = &mut *workloads;
                match pool {
                    Some(pool) => pool.install(|| workloads.timed(stage, repeats)),
                    None => workloads.timed(stage, repeats),
                }
            }),
        ));
    }
    Ok(in_turns(&mut runs, effort)?)
}

/// Whether the device is a software driver, whose figures say nothing of a GPU.
pub(super) fn software(run: &Run) -> bool {
    run.device.kind == DeviceKind::Software
}
