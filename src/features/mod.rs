//! Features: what describes a picture, how long it is, where rows of them come from, and the matrix of them on a device.

mod budget;
mod descriptor;
mod error;
mod extract;
mod mapped;
mod matrix;
mod npy;
mod room;
mod source;
mod survey;

pub use budget::{Budget, Bytes};
pub use descriptor::{Descriptor, Given, Histogram};
pub use error::FeaturesError;
pub use extract::{Extracted, Keep, Skipped, Target, extract};
pub use matrix::Matrix;
pub use npy::Npy;
pub use room::{Held, PictureMemory, Room};
pub use source::{InMemory, Source};
pub use survey::{Survey, survey};
