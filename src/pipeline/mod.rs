//! The way of the data: pictures → features → scores → predictions, for training, evaluating and predicting.

mod answer;
mod choose;
mod data;
mod evaluate;
mod measure;
mod predict;
mod session;
mod summary;
mod train;
mod weights;

pub use choose::Choices;
pub use evaluate::evaluate;
pub use predict::{Predicted, predict};
pub use session::{Begin, Onlooker, Session};
pub use summary::{DataSummary, Run, Seconds, SkippedPicture, Summary, TrainSummary};
pub use train::{TrainOptions, train, train_watched};
pub use weights::Weighting;

use std::path::Path;

use crate::backend::{Backend, Bins, Device, DeviceError, Pictures};
use crate::dataset::Decoder;
use crate::features::{Extracted, extract};
use crate::progress::Progress;

/// Runs `$body` with `$backend` as whichever backend the device is.
macro_rules! on_device {
    ($device:expr, $backend:ident => $body:expr) => {
        match $device {
            $crate::backend::Device::Cpu($backend) => $body,
            $crate::backend::Device::Gpu(boxed) => {
                let $backend = boxed.as_ref();
                $body
            }
        }
    };
}
use on_device;

/// Reads `paths` on every core and describes them on the device.
fn describe<B: Backend>(
    backend: &B,
    paths: &[impl AsRef<Path> + Sync],
    bins: &Bins,
    progress: &dyn Progress,
) -> Result<Extracted<B>, DeviceError> {
    let reader = || {
        let mut decoder = Decoder::default();
        move |i: usize, pictures: &mut Pictures| {
            let picture = decoder.read(paths[i].as_ref()).map_err(|e| e.to_string())?;
            pictures.push(picture.rgb);
            Ok(())
        }
    };
    extract(backend, paths.len(), bins, reader, progress)
}

/// The sentence about the device that heads a run.
fn about(device: &Device) -> String {
    format!("device: {}", device.info())
}
