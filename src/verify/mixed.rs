//! Finding a fault: a short training of which the CPU computes the first stages and the device the rest, or the reverse.

use std::time::Instant;

use serde::Serialize;

use super::case::Run;
use super::chain::{Problem, walk};
use super::data::parameter;
use super::report::{Failure, StageReport};
use super::side::{On, Side};
use super::stages::training::{MIXED, Size, check, name, problem, when};
use super::{Options, Stage};
use crate::backend::{Backend, Cpu, DeviceError, DeviceInfo, Models};

/// Who computes which stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mixed {
    /// The CPU every stage before this one, the device this one and those after it.
    CpuUntil(Stage),
    /// The device every stage before this one, the CPU this one and those after it.
    DeviceUntil(Stage),
}

impl Mixed {
    /// Whether the device computes `stage`.
    #[must_use]
    pub fn on_device(self, stage: Stage) -> bool {
        match self {
            Self::CpuUntil(first) => stage >= first,
            Self::DeviceUntil(first) => stage < first,
        }
    }
}

/// A short training on two devices, every stage compared on the inputs it really had.
#[derive(Debug, Clone, Serialize)]
pub struct MixedReport {
    /// The device beside the CPU.
    pub device: DeviceInfo,
    /// The name of the training.
    pub case: String,
    /// Every stage of it, in order.
    pub stages: Vec<StageOn>,
    /// How the parameters at the end differ from those of the CPU alone.
    pub parameters: ParameterDifference,
}

impl MixedReport {
    /// The first comparison that failed, if one did.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        self.stages.iter().find_map(|s| s.report.failures.first())
    }
}

/// A stage of a mixed training.
#[derive(Debug, Clone, Serialize)]
pub struct StageOn {
    /// Whether the device computed it, or the CPU.
    pub on_device: bool,
    /// What was found; `cases` is how often the stage ran and was compared.
    #[serde(flatten)]
    pub report: StageReport,
}

/// How parameters of the mixed run differ from those of the CPU alone. Roundings make differences of the size of 10⁻⁷;
/// a fault makes larger ones.
#[derive(Debug, Clone, Serialize)]
pub struct ParameterDifference {
    /// How many parameters there are.
    pub parameters: usize,
    /// How many of them differ in any bit.
    pub differ: usize,
    /// The step (from 1) after which the first of them differed; `None` where none did.
    pub first_step: Option<usize>,
    /// The largest difference at the end; `None` (JSON `null`) where one is no number.
    pub largest: Option<f64>,
    /// The parameter with the largest difference, with both values, in words.
    pub at: String,
}

/// Runs the trainings that the device takes: stage by stage, and with `objective` where it takes that.
///
/// # Errors
/// The device was lost, has no memory left, or refused a command.
pub fn mixed<B: Backend>(
    device: &B,
    cpu: &Cpu,
    mixed: Mixed,
    options: &Options,
) -> Result<Vec<MixedReport>, DeviceError> {
    let (Mixed::CpuUntil(until) | Mixed::DeviceUntil(until)) = mixed;
    // A training has one loss, and one way to step: that which divides it, or the softmax and momentum.
    let size = Size { loss: until.loss().unwrap_or_default(), adam: until == Stage::Adam, ..MIXED };
    let mut reports = Vec::new();
    for fused in [false, true] {
        let taken = !fused || device.fuses(size.columns(), size.outputs, Models::ONE);
        let alone = until.loss().is_some() || matches!(until, Stage::Scores | Stage::Gradient);
        // A stage that is not part of a training cannot divide it.
        if taken && !(fused && alone) && (fused || until != Stage::Objective) {
            reports.extend(one(device, cpu, mixed, options, (size, fused))?);
        }
    }
    Ok(reports)
}

fn one<B: Backend>(
    device: &B,
    cpu: &Cpu,
    mixed: Mixed,
    options: &Options,
    (size, fused): (Size, bool),
) -> Result<Option<MixedReport>, DeviceError> {
    let case = format!("{}/{}", Stage::Training, name(size, fused));
    let mut unused = StageReport::new(Stage::Training);
    let mut random = Run::new(device, options.seed, Stage::Training, &case, &mut unused).random;
    let Some(problem) = problem(&mut random, size, fused) else { return Ok(None) };

    let mut alone = Vec::new();
    let mut side = On::new(cpu, &problem)?;
    walk(&problem, &mut [&mut side], &|_| 0, &mut |stage, _, _, _, after| {
        if matches!(stage, Stage::Step | Stage::Adam) {
            alone.push(after.parameters.clone());
        }
    })?;

    let (mut on_cpu, mut on_device) = (On::new(cpu, &problem)?, On::new(device, &problem)?);
    let sides: &mut [&mut dyn Side] = &mut [&mut on_cpu, &mut on_device];
    let mut stages: Vec<StageOn> = Vec::new();
    let (mut first_step, mut steps) = (None, 0);
    let who = |stage| usize::from(mixed.on_device(stage));
    let mut begin = Instant::now();
    let last = walk(&problem, sides, &who, &mut |stage, at, batch, before, after| {
        let place = stages.iter().position(|s| s.report.stage == stage).unwrap_or_else(|| {
            stages.push(StageOn { on_device: mixed.on_device(stage), report: StageReport::new(stage) });
            stages.len() - 1
        });
        // What comes after a fault has wrong inputs, and says nothing.
        if stages.iter().all(|s| s.report.pass()) {
            let report = &mut stages[place].report;
            let mut run = Run::new(device, options.seed, stage, &case, report);
            run.blame(stage, when(at));
            check(&mut run, &problem, stage, batch, before, after);
            let failure = run.finish();
            report.cases += 1;
            report.failures.extend(failure);
        }
        stages[place].report.seconds += begin.elapsed().as_secs_f64();
        if matches!(stage, Stage::Step | Stage::Adam) {
            if first_step.is_none() && differ(&alone[steps], &after.parameters) > 0 {
                first_step = Some(steps + 1);
            }
            steps += 1;
        }
        begin = Instant::now();
    })?;
    let none = Vec::new();
    let expected = alone.last().unwrap_or(&none);
    let parameters = difference(&problem, expected, &last.parameters, first_step);
    Ok(Some(MixedReport { device: device.info().clone(), case, stages, parameters }))
}

fn differ(a: &[f32], b: &[f32]) -> usize {
    a.iter().zip(b).filter(|(a, b)| a.to_bits() != b.to_bits()).count()
}

fn difference(
    problem: &Problem,
    expected: &[f32],
    got: &[f32],
    first_step: Option<usize>,
) -> ParameterDifference {
    let distance = |(e, g): (&f32, &f32)| {
        let distance = (f64::from(*g) - f64::from(*e)).abs();
        if distance.is_nan() { f64::INFINITY } else { distance }
    };
    let distances: Vec<f64> = expected.iter().zip(got).map(distance).collect();
    let (j, largest) =
        distances.iter().copied().enumerate().fold((0, 0.0), |a, b| if b.1 > a.1 { b } else { a });
    let name = parameter(j, problem.columns(), problem.outputs);
    ParameterDifference {
        parameters: got.len(),
        differ: differ(expected, got),
        first_step,
        largest: Some(largest).filter(|l| l.is_finite()),
        at: format!("{name}: {} instead of {}", got[j], expected[j]),
    }
}
