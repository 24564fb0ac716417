//! Measuring a device: every stage and the whole way, against the CPU and against what the device reaches at most.
//!
//! [`bench()`] first holds each stage against the reference, on the very arrays that are timed; then it warms up, samples
//! the device, all threads of the CPU and one of them in turns, and returns a [`Run`]: raw samples with all that is
//! needed to [`compare`] them later. [`text`] is the report of a run, [`changes`] that of a comparison.
//!
//! The stages are those of [`stages`], for `cargo bench` too.

mod baseline;
mod break_even;
mod ceiling;
mod check;
mod conditions;
mod costs;
mod end_to_end;
mod error;
mod fits;
mod format;
mod inputs;
mod measure;
mod report;
mod run;
mod sample;
mod stage;
pub mod stages;

pub use baseline::{Change, Comparison, Verdict, compare};
pub use break_even::{BreakEven, Cost, Line, Measured, Wins, wins};
pub use conditions::{Fingerprint, Host, Inputs, Pulse};
pub use end_to_end::{EndToEnd, Part};
pub use error::BenchError;
pub use inputs::Numbers;
pub use measure::bench;
pub use report::{changes, text};
pub use run::{Ceiling, Ceilings, FORMAT, LeftOut, On, Run, StageRun};
pub use sample::{Effort, LEAST, Ratio, Series, median, quantile, ratio, spread};
pub use stage::{Shape, Stage, Work};
pub use stages::Workloads;

use crate::backend::{Choice, Pictures};
use crate::dataset::Dataset;

/// What is measured.
#[derive(Debug, Clone)]
pub struct Options {
    /// The device, by the name it was opened with: to open it a second time, afresh.
    pub choice: Choice,
    /// Sizes of the learning stages; `None` for the usual ones.
    pub shape: Option<Shape>,
    /// Stages to measure, as `--stage` names them; none for all and the whole way.
    pub stages: Vec<String>,
    /// Samples of everything.
    pub samples: usize,
    /// Less of everything: to see whether it works.
    pub quick: bool,
}

/// What `--stage` takes for the whole way.
pub const END_TO_END: &str = "end-to-end";

impl Options {
    /// Whether `stage` was asked for: by its name, or by the part before the slash.
    #[must_use]
    pub fn wants(&self, stage: Stage) -> bool {
        let matches = |asked: &String| stage.name().split('/').next() == Some(asked);
        self.stages.is_empty() || self.names(stage) || self.stages.iter().any(matches)
    }

    /// Whether `stage` was asked for by its own name, or by that which `huemax verify` has for it.
    #[must_use]
    pub fn names(&self, stage: Stage) -> bool {
        self.stages.iter().any(|asked| asked == stage.name() || Some(&**asked) == stage.verified_as())
    }

    /// Whether the whole way was asked for.
    #[must_use]
    pub fn wants_end_to_end(&self) -> bool {
        self.stages.is_empty() || self.stages.iter().any(|s| s == END_TO_END)
    }

    /// Every name that `--stage` takes.
    #[must_use]
    pub fn all_names() -> Vec<&'static str> {
        let stages = Stage::PICTURES.into_iter().chain(Stage::LEARNING);
        ["describe"].into_iter().chain(stages.map(Stage::name)).chain([END_TO_END]).collect()
    }

    /// Whether `--stage` takes `name`.
    #[must_use]
    pub fn takes(name: &str) -> bool {
        let mut stages = Stage::PICTURES.into_iter().chain(Stage::LEARNING);
        Self::all_names().contains(&name) || stages.any(|stage| stage.verified_as() == Some(name))
    }
}

/// Flat pictures, photographs of `dataset` (or drawn ones) and noise, of the same sizes: at most `most` of each and about
/// `bytes` bytes.
///
/// # Errors
/// None of them can be read.
pub fn pictures(dataset: Option<&Dataset>, most: usize, bytes: usize) -> Result<[Pictures; 3], BenchError> {
    inputs::Source::new(dataset, most).three_kinds(most, bytes)
}
