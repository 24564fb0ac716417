//! Features: what describes a picture, how long it is, and the matrix of them on a device.
//! This room has never heard of a file: pictures come to it through a function that reads the i-th.

mod descriptor;
mod error;
mod extract;
mod matrix;
mod survey;

pub use descriptor::Descriptor;
pub use error::FeaturesError;
pub use extract::{Extracted, Skipped, extract};
pub use matrix::Matrix;
pub use survey::{Survey, survey};
