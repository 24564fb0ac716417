//! The way of the data: pictures → features → scores → predictions, for training, evaluating and predicting.

mod answer;
mod choose;
mod columns;
mod data;
mod described;
mod duplicates;
mod evaluate;
mod input;
mod lists;
mod measure;
mod pictures;
mod predict;
mod reading;
mod results;
mod rows;
mod session;
mod store;
mod summary;
mod sweep;
mod tolerance;
mod train;
mod unreadable;
mod used;
mod weights;

pub use choose::Choices;
pub use duplicates::{Duplicate, DuplicateCounts, Duplicates, Equal};
pub use evaluate::evaluate;
pub use input::{Input, Origin};
pub use lists::{
    DUPLICATES, LINK_BACK, LISTS, REFUSED, SKIPPED, is_somebodys, other_list, passed_over, save_skipped,
    save_skipped_as,
};
pub use predict::{Kept, Predicted, predict, predict_rows, predict_within, rows_of_store};
pub use reading::cut_off_note;
pub use results::half_placed;
pub use rows::Rows;
pub use session::{Begin, Onlooker, Session};
pub use store::{Cache, Extraction, StoreOptions, extract_to, open_store};
pub use summary::{DataSummary, HeldOut, Run, Seconds, SkippedPicture, Summary, TrainSummary};
pub use sweep::{FOLDS, SweepOptions};
pub use tolerance::{MaxErrors, OnError, Tolerance};
pub use train::{TrainOptions, train, train_watched};
pub use unreadable::Unreadable;
pub use weights::Weighting;

use crate::backend::Device;

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

/// The sentence about the device that heads a run.
fn about(device: &Device) -> String {
    format!("device: {}", device.info())
}
