//! Linear image classifiers on any GPU or on the CPU.

pub mod backend;
pub mod dataset;
pub mod demo;
pub mod error;
pub mod metrics;
pub mod model;
pub mod progress;
pub mod report;

pub use error::{Error, Result};
