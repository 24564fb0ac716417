//! Linear image classifiers on any GPU or on the CPU.

pub mod backend;
pub mod cli;
pub mod dataset;
pub mod demo;
pub mod error;
pub mod features;
mod files;
pub mod learn;
pub mod metrics;
pub mod model;
pub mod pipeline;
pub mod progress;
pub mod report;
pub mod verify;

pub use error::{Error, Result};
