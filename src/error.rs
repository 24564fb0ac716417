//! One error type for the library. Each room has its own typed error; this is their sum.
//!
//! Every message names the file or the value, the limit it broke and the way out, so that the binary
//! can print it as it is.

use crate::backend::DeviceError;
use crate::bench::BenchError;
use crate::dataset::DatasetError;
use crate::demo::DemoError;
use crate::features::FeaturesError;
pub use crate::files::FileError;
use crate::learn::LearnError;
use crate::learn::checkpoint::CheckpointError;
use crate::metrics::MetricsError;
use crate::model::ModelError;
use crate::pipeline::Unreadable;
use crate::verify::CheckError;

/// What a public function of this library returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Anything that can go wrong, sorted by the room it went wrong in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Pictures, labels or their layout.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// A device that is missing, too small, lost or out of memory.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// Features that nothing can be fitted to.
    #[error(transparent)]
    Features(#[from] FeaturesError),
    /// A stage that is wrong and was not timed, or a baseline that cannot be compared with.
    #[error(transparent)]
    Bench(#[from] BenchError),
    /// The demo data set could not be drawn.
    #[error(transparent)]
    Demo(#[from] DemoError),
    /// A model file that is not one, or does not fit the data.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Predictions and truth that cannot be compared.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// A file or folder that could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// An option with a value that cannot work; usage, so exit code 2.
    #[error("{option}: {problem}")]
    Option {
        /// The option as it is typed, for example `--batch-size`.
        option: &'static str,
        /// What is wrong with the value, and which values are right.
        problem: String,
    },
    /// A solver that was asked for the impossible, or a training that could not end well.
    #[error(transparent)]
    Learn(#[from] LearnError),
    /// A checkpoint that cannot be gone on from.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A device that does not compute what the reference says.
    #[error("verification failed on {}: {failed} of {cases} cases; the report names them, with commands that repeat them", devices.join(" and "))]
    Verify {
        /// Cases that failed, or could not run to their end.
        failed: usize,
        /// Cases that ran.
        cases: usize,
        /// Devices that failed.
        devices: Vec<String>,
    },
    /// Pictures that cannot be read, where none or not so many may be.
    #[error(transparent)]
    Unreadable(Box<Unreadable>),
    /// A device that computes something wrong, or nothing at all, and was not used.
    #[error(transparent)]
    Check(Box<CheckError>),
    /// Of all pictures to predict, none could be read.
    #[error("no picture could be read ({0} skipped); the reasons stand above")]
    NothingPredicted(usize),
}

impl From<CheckError> for Error {
    fn from(error: CheckError) -> Self {
        Self::Check(Box::new(error))
    }
}

impl Error {
    /// A wrong option value: what was typed, why it cannot work and what can.
    pub(crate) fn option(option: &'static str, problem: impl Into<String>) -> Self {
        Self::Option { option, problem: problem.into() }
    }
}
