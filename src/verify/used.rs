//! Whether a device computes right what a command is about to use it for: its stages, in its shapes, before it begins.

use std::time::Instant;

use super::report::{Failure, StageReport};
use super::stages::Used;
use super::{Devices, Stage};
use crate::backend::{Backend, Device, DeviceError, DeviceInfo, DeviceKind, Loss, Models};
use crate::names::for_shell;

/// What a command computes on a device.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Use {
    /// Bins of pictures that are described; none where features are there.
    pub bins: Option<[u32; 3]>,
    /// D, the length of a row, and K, how many classes there are, where rows are scored.
    pub linear: Option<(usize, usize)>,
    /// What its scores become, and are fitted to.
    pub loss: Option<Loss>,
    /// How it is fitted; none where it is not.
    pub fit: Option<Fitting>,
}

/// How a model is fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fitting {
    /// What moves parameters on the device, where the solver does that there: [`Stage::Step`] or [`Stage::Adam`].
    pub update: Option<Stage>,
    /// Models side by side, at most.
    pub models: usize,
}

/// What was found of a device that computes right.
#[derive(Debug, Clone, PartialEq)]
pub struct Passed {
    /// Stages that were looked at, in the order of the pipeline.
    pub stages: Vec<Stage>,
    /// Numbers that were compared.
    pub elements: usize,
    /// The largest share of a tolerance that was used, 0 to 1.
    pub used: f64,
    /// How long it took.
    pub seconds: f64,
}

/// `describe, normalize, … are what the reference says (…)`
impl std::fmt::Display for Passed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { stages, elements, used, seconds } = self;
        let names: Vec<&str> = stages.iter().map(|stage| stage.name()).collect();
        write!(
            f,
            "{} are what the reference says ({elements} numbers, at most {:.0} % of a tolerance used, {seconds:.1} s)",
            names.join(", "),
            100.0 * used
        )
    }
}

/// A device that must not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// It computes a stage wrong.
    #[error(transparent)]
    Wrong(Box<Wrong>),
    /// It could not compute it at all.
    #[error(transparent)]
    Device(#[from] DeviceError),
}

/// A stage that a device computes wrong.
#[derive(Debug, thiserror::Error)]
#[error(
    "--check: {device} computes {stage} wrong, and nothing was done with it: {message}{}; the largest error is {}, and the tolerance \
     {tolerance}. `{repeat}` shows it again; use --device cpu, another GPU, or another version of its driver ({driver})",
    if input.is_empty() { String::new() } else { format!(" ({input})") },
    largest_error.map_or("no number".into(), |error| format!("{error:.3e}"))
)]
pub struct Wrong {
    /// The device.
    pub device: String,
    /// Its driver.
    pub driver: String,
    /// The stage.
    pub stage: Stage,
    /// What differs: output, element, both values and the tolerance there.
    pub message: String,
    /// What that was computed from.
    pub input: String,
    /// The largest error that was seen; none where something was no number.
    pub largest_error: Option<f64>,
    /// The tolerance and its derivation.
    pub tolerance: &'static str,
    /// The command that repeats it.
    pub repeat: String,
}

/// Runs the stages of `used` on `device` and compares them with the reference. `asked` is what `--device` was.
///
/// # Errors
/// [`CheckError::Wrong`] at the first stage that is wrong; the device was lost or has no memory left.
#[allow(clippy::result_large_err)] // it is made once, at the end of a run
pub fn check(device: &Device, used: &Use, asked: &str) -> Result<Passed, CheckError> {
    match device {
        Device::Cpu(cpu) => check_on(cpu, used, asked),
        Device::Gpu(gpu) => check_on(gpu.as_ref(), used, asked),
    }
}

/// The same of any backend.
///
/// # Errors
/// As for [`check`].
#[allow(clippy::result_large_err)] // as above
pub fn check_on<B: Backend + 'static>(backend: &B, used: &Use, asked: &str) -> Result<Passed, CheckError> {
    let begin = Instant::now();
    let mut passed = Passed { stages: Vec::new(), elements: 0, used: 0.0, seconds: 0.0 };
    let devices = Devices { device: backend, small: Err("none is needed".into()) };
    for stage in used.stages(backend) {
        let Some(case) = stage.case::<B>() else { continue };
        let mut report = StageReport::new(stage.stage());
        let ran = case.run(&devices, 0, &mut report);
        if let Some(failure) = report.failures.first() {
            // A device that fails says why itself.
            ran?;
            return Err(wrong(backend.info(), &report, failure, asked));
        }
        ran?;
        if report.cases > 0 && !passed.stages.contains(&report.stage) {
            passed.stages.push(report.stage);
        }
        passed.elements += report.elements;
        passed.used = passed.used.max(report.used.unwrap_or_default());
    }
    passed.stages.sort_unstable();
    passed.seconds = begin.elapsed().as_secs_f64();
    Ok(passed)
}

fn wrong(info: &DeviceInfo, report: &StageReport, failure: &Failure, asked: &str) -> CheckError {
    // What `auto` takes may be another one tomorrow.
    let device = match (asked, info.kind) {
        (_, DeviceKind::Cpu) => "cpu",
        ("auto", _) => &info.name,
        (asked, _) => asked,
    };
    CheckError::Wrong(Box::new(Wrong {
        device: info.name.clone(),
        driver: info.driver.clone(),
        stage: failure.stage,
        message: failure.message.clone(),
        input: failure.input.clone(),
        largest_error: report.largest_error,
        tolerance: report.tolerance,
        repeat: repeat(device, 0, &failure.case),
    }))
}

/// The command that repeats just one case.
pub(crate) fn repeat(device: &str, seed: u64, case: &str) -> String {
    format!("huemax verify --device {} --seed {seed} --case {case}", for_shell(device))
}

impl Use {
    /// Every stage with its shape, in the order of the pipeline, as `backend` would run it.
    fn stages<B: Backend>(&self, backend: &B) -> Vec<Used> {
        let mut stages = Vec::new();
        if let Some(bins) = self.bins {
            let bins = bins.map(|count| count as usize);
            stages.extend([Used::Describe(bins), Used::Normalize(bins.iter().product())]);
        }
        let (Some((columns, outputs)), Some(loss)) = (self.linear, self.loss) else { return stages };
        // What comes out is made with both, and so is the loss of a model that was fitted.
        stages.extend([Used::Scores([columns, outputs]), Used::Loss(loss, [outputs, 1])]);
        let Some(Fitting { update, models }) = self.fit else { return stages };
        let counts = if models > 1 { vec![1, models] } else { vec![1] };
        for count in counts {
            let of = Models { count, masked: count > 1 };
            let all = outputs * count;
            if backend.fuses(columns, all, of) {
                stages.push(Used::Objective(loss, [columns, outputs, count]));
            } else {
                if count > 1 {
                    stages.extend([Used::Scores([columns, all]), Used::Loss(loss, [outputs, count])]);
                }
                stages.push(Used::Gradient([columns, all]));
            }
            // Of features that are mostly zeros.
            stages.push(Used::Sparse(loss, [columns, outputs, count]));
            stages.push(Used::Reduce(all * (columns + 1) + count));
        }
        let parameters = [outputs * columns, outputs];
        match update {
            Some(Stage::Step) => stages.push(Used::Step(parameters)),
            Some(Stage::Adam) => stages.push(Used::Adam(parameters)),
            _ => {}
        }
        stages
    }
}
