//! Holding a device against the reference: the comparator, and how far f32 may be from f64.

pub mod bounds;
pub mod compare;

pub use compare::{Difference, exact, within};
