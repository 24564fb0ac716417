//! Features: what describes a picture, how long it is, where rows of them come from, and the matrix of them on a device.

mod brought;
mod budget;
mod descriptor;
mod error;
mod extract;
mod load;
mod matrix;
mod npy;
mod reader;
mod room;
mod shares;
mod slot;
mod source;
pub mod store;
mod stream;
mod survey;
mod transform;

pub use crate::bytes::Bytes;
pub use crate::rules::{MAX_PIXELS, PictureRules, Truncated};
pub use brought::{BringOptions, bring};
pub use budget::Budget;
pub use descriptor::{Descriptor, Given, Histogram};
pub use error::FeaturesError;
pub use extract::{Extracted, Keep, Skipped, Target, extract};
pub use matrix::{Chunk, Matrix};
pub use npy::Npy;
pub(crate) use reader::check_finite;
pub use room::{Held, PictureMemory, Room};
pub use source::{InMemory, Source};
pub(crate) use stream::Slab;
pub use survey::{Survey, survey};
pub use transform::{Standard, Transform, TransformOptions};
