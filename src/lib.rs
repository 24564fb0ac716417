//! Linear image classifiers on any GPU (Vulkan, Metal, DX12) or on the CPU: a folder of pictures becomes a trained,
//! measured, saved model, in one command (`huemax train`) or in ten lines:
//!
//! ```
//! use huemax::{Dataset, Device, LabelOptions, Model, Predicted, Quiet, TrainOptions, demo, predict, report, train};
//!
//! # fn main() -> huemax::Result<()> {
//! # let folder = tempfile::tempdir().expect("a folder");
//! # let folder = folder.path();
//! // Pictures in one folder a class. The demo draws some, so that this runs without a download.
//! let options = demo::DrawOptions { per_class: 8, ..Default::default() };
//! demo::draw(&folder.join("fruit"), &options, &Quiet)?;
//!
//! let dataset = Dataset::open(&folder.join("fruit"), &LabelOptions::default())?;
//! let device = Device::cpu(); // or Device::open(&"auto".parse()?)
//! let mut run = train(&dataset, &TrainOptions::default(), &device, &Quiet)?;
//! println!("{}", report::text(&run.summary.evaluation));
//! run.save(&folder.join("run"))?; // model.safetensors, metrics.json, predictions.csv
//!
//! let model = Model::load(&folder.join("run/model.safetensors"))?;
//! let pictures = [dataset.path(0)];
//! predict(&model, &pictures, &device, &Quiet, &mut |_, says| {
//!     if let Predicted::Values(row) = says {
//!         println!("{}: {:.1} %", model.classes[0], 100.0 * row[0]);
//!     }
//!     Ok(())
//! })?;
//! # assert!(run.summary.evaluation.metrics.accuracy() > 0.2);
//! # Ok(())
//! # }
//! ```
//!
//! # The way of the data
//!
//! ```text
//!  dataset            features                       learn                    model, metrics, report
//!  pictures, labels → RGB batches → matrix N×D       → objective, solver      → predictions, measures, files
//!  (all cores)        (describe, normalize)            (scores, softmax,
//!                                                       gradient, reduce, step)
//! ```
//!
//! A picture is decoded once, a pixel crosses the bus once, and features stay on the device that made them.
//! [`pipeline`] ties the rooms together; the stages in brackets run on a [`backend`], which is the CPU or a GPU, and
//! each is held against [`backend::reference`], the same stage in plain f64.

pub mod backend;
pub mod bench;
mod bytes;
#[doc(hidden)]
pub mod cli;
pub mod dataset;
pub mod demo;
pub mod error;
pub mod explain;
pub mod features;
mod files;
#[doc(hidden)]
pub mod guard;
pub mod learn;
pub mod metrics;
pub mod model;
pub mod names;
pub mod pipeline;
pub mod progress;
pub mod report;
mod rules;
mod sync;
mod tensors;
pub mod verify;

pub use backend::Device;
pub use dataset::{Dataset, LabelOptions};
pub use error::{Error, Result};
pub use model::Model;
pub use pipeline::{Predicted, TrainOptions, evaluate, predict, train};
pub use progress::Quiet;
