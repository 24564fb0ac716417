//! Holding a device against the reference: every stage, on data that are hard for it, with a tolerance that is derived
//! ([`bounds`]) or none ([`compare`]).
//!
//! ```
//! use huemax::backend::Cpu;
//! use huemax::verify::{Devices, Options, Stage, verify};
//! use huemax::Quiet;
//!
//! let cpu = Cpu::new();
//! let options = Options { quick: true, only: Some("step/255+1".into()), ..Options::default() };
//! let report = verify(&Devices::of(&cpu), &options, &Quiet, &mut |stage| {
//!     println!("{}: {} cases, {} elements", stage.stage, stage.cases, stage.elements);
//! });
//! assert!(report.pass() && report.stages[0].stage == Stage::Step);
//! ```
//!
//! Every case has a name (`scores/131x512x10/integers`). Its data are drawn from the seed and that name alone, so that one
//! case repeated by itself ([`Options::only`]) sees what it saw in the whole set. Outputs are filled with garbage before
//! a stage writes them, and so are the elements behind them, which must stay as they were.

pub mod bounds;
mod case;
mod chain;
pub mod compare;
mod data;
mod mixed;
mod report;
mod side;
mod stages;
pub(crate) mod used;

pub use compare::{Agreement, Difference, exact, within};
pub use mixed::{Mixed, MixedReport, ParameterDifference, StageOn, mixed};
pub use report::{Failure, Report, Skipped, StageReport};
pub use used::{CheckError, Fitting, Passed, Use, Wrong, check, check_on};

use std::str::FromStr;
use std::time::Instant;

use case::Case;

use crate::backend::{Backend, Cpu, Loss};
use crate::progress::Progress;

/// A stage, in the order of the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Pictures to histograms.
    Describe,
    /// Histograms to features.
    Normalize,
    /// Features to scores.
    Scores,
    /// Scores to residuals and losses of the softmax.
    Softmax,
    /// The same of the sigmoid.
    Sigmoid,
    /// The same of the hinge.
    Hinge,
    /// The same of the squared hinge.
    SquaredHinge,
    /// Residuals to partial sums of the gradient.
    Gradient,
    /// Features to partial sums of gradient and loss, in one pass.
    Objective,
    /// The same of features without their zeros.
    ObjectiveSparse,
    /// Partial sums to sums.
    Reduce,
    /// Sums to new parameters, with momentum.
    Step,
    /// The same by Adam.
    Adam,
    /// All of them in a row, for some steps.
    Training,
}

impl Stage {
    /// All of them, in the order of the pipeline.
    pub const ALL: [Self; 14] = [
        Self::Describe,
        Self::Normalize,
        Self::Scores,
        Self::Softmax,
        Self::Sigmoid,
        Self::Hinge,
        Self::SquaredHinge,
        Self::Gradient,
        Self::Objective,
        Self::ObjectiveSparse,
        Self::Reduce,
        Self::Step,
        Self::Adam,
        Self::Training,
    ];

    /// The stage of a loss.
    #[must_use]
    pub const fn of(loss: Loss) -> Self {
        match loss {
            Loss::Softmax => Self::Softmax,
            Loss::Sigmoid => Self::Sigmoid,
            Loss::Hinge => Self::Hinge,
            Loss::SquaredHinge => Self::SquaredHinge,
        }
    }

    /// The loss that this stage is.
    #[must_use]
    pub fn loss(self) -> Option<Loss> {
        Loss::ALL.into_iter().find(|&loss| Self::of(loss) == self)
    }

    /// As it is written everywhere: `describe`, `normalize`, …
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Describe => "describe",
            Self::Normalize => "normalize",
            Self::Scores => "scores",
            Self::Softmax => Loss::Softmax.name(),
            Self::Sigmoid => Loss::Sigmoid.name(),
            Self::Hinge => Loss::Hinge.name(),
            Self::SquaredHinge => Loss::SquaredHinge.name(),
            Self::Gradient => "gradient",
            Self::Objective => "objective",
            Self::ObjectiveSparse => "objective-sparse",
            Self::Reduce => "reduce",
            Self::Step => "step",
            Self::Adam => "adam",
            Self::Training => "training",
        }
    }
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Stage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = Self::ALL.map(Self::name);
        (Self::ALL.into_iter().find(|s| s.name() == text))
            .ok_or_else(|| format!("{text:?} is no stage; the stages are {}", names.join(", ")))
    }
}

/// What to verify, and with which data.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// All random data are drawn from it.
    pub seed: u64,
    /// The quick set: without the cases that take seconds.
    pub quick: bool,
    /// Only the case with this name, or all whose names begin with it (a stage is such a beginning); of these,
    /// `quick` leaves out as it does without.
    pub only: Option<String>,
}

/// A device to verify.
#[derive(Debug)]
pub struct Devices<'a, B: Backend> {
    /// The device.
    pub device: &'a B,
    /// The same, opened with small arrays and no more than the least limits, for what lies past the limit of a binding;
    /// or why there is none, in words.
    pub small: Result<&'a B, String>,
}

impl<'a, B: Backend> Devices<'a, B> {
    /// A device without a limit to its arrays.
    pub fn of(device: &'a B) -> Self {
        Self { device, small: Err("this device has no limit to an array".into()) }
    }
}

/// Names of the cases that `options` select, in the order in which they run. They are the same for every device.
#[must_use]
pub fn cases(options: &Options) -> Vec<String> {
    selected::<Cpu>(options).into_iter().map(|case| case.id).collect()
}

/// Runs every case that `options` select and compares what the device computes with the reference. `on_stage` sees the
/// report of each stage as soon as it ends.
///
/// An error of the device is a failed case of the stage that met it; only when the device can compute no more
/// are later stages left out, and [`Report::stopped`] says so.
pub fn verify<B: Backend + 'static>(
    devices: &Devices<'_, B>,
    options: &Options,
    progress: &dyn Progress,
    on_stage: &mut dyn FnMut(&StageReport),
) -> Report {
    let begin = Instant::now();
    let cases = selected::<B>(options);
    let mut report =
        Report { device: devices.device.info().clone(), stages: Vec::new(), stopped: None, seconds: 0.0 };
    progress.begin("verifying", cases.len() as u64, "cases");
    for cases in cases.chunk_by(|a, b| a.stage == b.stage) {
        let stage = cases[0].stage;
        progress.note(stage.name());
        let (begin, mut found) = (Instant::now(), StageReport::new(stage));
        for case in cases {
            if let Err(error) = case.run(devices, options.seed, &mut found) {
                report.stopped = Some(error.to_string());
                break;
            }
            progress.advance(1);
        }
        found.seconds = begin.elapsed().as_secs_f64();
        on_stage(&found);
        report.stages.push(found);
        if report.stopped.is_some() {
            break;
        }
    }
    progress.note("");
    progress.end();
    report.seconds = begin.elapsed().as_secs_f64();
    report
}

fn selected<B: Backend + 'static>(options: &Options) -> Vec<Case<B>> {
    // Shapes of a command are as many as there are commands.
    if let Some(used) = options.only.as_deref().and_then(stages::Used::parse) {
        return used.case().into_iter().collect();
    }
    let mut cases = stages::all::<B>();
    match &options.only {
        None => cases.retain(|case| case.quick || !options.quick),
        Some(name) if cases.iter().any(|case| case.id == *name) => cases.retain(|case| case.id == *name),
        Some(name) => {
            cases.retain(|case| case.id.starts_with(name.as_str()) && (case.quick || !options.quick));
        }
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_has_a_name_of_its_own_and_every_stage_a_quick_case() {
        let all = cases(&Options::default());
        let mut names = all.clone();
        names.sort();
        for pair in names.windows(2) {
            assert_ne!(pair[0], pair[1]);
        }
        let quick = cases(&Options { quick: true, ..Options::default() });
        for stage in Stage::ALL {
            assert!(quick.iter().any(|id| id.starts_with(&format!("{stage}/"))), "{stage}");
        }
        assert!(quick.len() < all.len() && quick.iter().all(|id| all.contains(id)));
    }

    #[test]
    fn a_name_is_one_case_even_where_others_begin_with_it() {
        let only = |name: &str| cases(&Options { only: Some(name.into()), ..Options::default() });
        assert_eq!(only("scores/1x1x1"), ["scores/1x1x1"]);
        assert!(only("scores/1x1").len() > 1);
        assert!(only("nothing").is_empty());
        // A large case is left out of the quick set, and not where it is asked for by name.
        let large = Options { quick: true, only: Some("scores/64x4096x1000".into()), seed: 0 };
        assert_eq!(cases(&large).len(), 1);
    }

    #[test]
    fn stages_are_read_by_their_names() {
        for stage in Stage::ALL {
            assert_eq!(stage.name().parse(), Ok(stage));
        }
        assert!("tanh".parse::<Stage>().unwrap_err().contains("describe, normalize"));
    }
}
