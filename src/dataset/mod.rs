//! Where pictures and labels come from: the layout of a folder, the split into parts, decoding.
//! This room has never heard of a GPU.

mod decode;
#[cfg(test)]
mod decode_tests;
mod error;
mod find;
mod layout;
#[cfg(test)]
mod layout_tests;
mod pixels;
mod split;
#[cfg(test)]
mod testing;

pub use decode::{Decoder, MAX_PIXELS, Picture, PictureError};
pub use error::DatasetError;
pub use find::{EXTENSIONS, pictures_under};
pub use layout::LabelSource;
pub use split::{Split, SplitOptions};

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// The part of the data a picture belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// The weights are fitted to these.
    Train,
    /// Choices (thresholds, early stopping) are made on these.
    Val,
    /// Reported on, and on nothing else.
    Test,
}

/// What is asked of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// Which one of the labels?
    #[default]
    Multiclass,
    /// Which of the labels, if any?
    Multilabel,
}

/// One picture and its labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Path relative to [`Dataset::root`].
    pub path: PathBuf,
    /// Indices into [`Dataset::classes`], ascending: one, unless the data is multi-label.
    pub labels: Vec<u32>,
    /// The part its folder (`train/`, `val/`, `test/`) puts it in, if the data came so divided: then every
    /// sample has one.
    pub part: Option<Part>,
}

/// Labelled pictures, found but not yet read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// The folder that was opened.
    pub root: PathBuf,
    /// How labels were read from names.
    pub labels: LabelSource,
    /// Class names in sorted order (by code point); labels are indices into it. At least one.
    pub classes: Vec<String>,
    /// The pictures, sorted by [`Dataset::relative_path_string`]. At least one.
    pub samples: Vec<Sample>,
    /// Pictures that the layout gives no label, relative to the root and sorted: loose ones beside class
    /// folders, names without a prefix, those outside `train`, `val` and `test`. Not used; worth telling.
    pub unlabelled: Vec<PathBuf>,
}

impl Dataset {
    /// Finds the pictures in and below the folder `root`, by the extensions in [`EXTENSIONS`] (in any case;
    /// hidden files and folders are skipped, links followed), and reads their labels from their names. With
    /// `labels` as `None` the layout is detected:
    ///
    /// - `DATA/cat/…/1.jpg`: a folder a class, whatever lies deeper in it; also inside a folder or a chain of
    ///   folders that wraps everything (`DATA/images/cat/1.jpg`);
    /// - `DATA/cat.1.jpg`: the class is the name up to its first dot;
    /// - either of them inside `train` (or `training`), `val` (`valid`, `validation`) and `test` (`testing`, `test1`), which then are the
    ///   [`Sample::part`]. `train` without another part divides nothing, it only wraps.
    ///
    /// One class alone is no error here, as it can be evaluated and predicted; [`Split::new`] refuses it.
    ///
    /// # Errors
    /// `root` does not exist, is a file or holds no pictures; a folder in it cannot be read; the layout is
    /// neither of these, or both; no picture has a label of the kind asked for.
    pub fn open(root: &Path, labels: Option<LabelSource>) -> Result<Self, DatasetError> {
        layout::label(root, find::pictures_in(root)?, labels)
    }

    /// How many pictures each class has, in the order of [`Dataset::classes`].
    pub fn class_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        for sample in &self.samples {
            sample.labels.iter().for_each(|&label| counts[label as usize] += 1);
        }
        counts
    }

    /// What this data asks: [`Task::Multilabel`] where any picture has several labels.
    pub fn task(&self) -> Task {
        let several = self.samples.iter().any(|sample| sample.labels.len() > 1);
        if several { Task::Multilabel } else { Task::Multiclass }
    }

    /// Whether the data came divided into `train`, `val` and `test` folders.
    pub fn parts_given(&self) -> bool {
        self.samples.iter().any(|sample| sample.part.is_some())
    }

    /// The path of sample `index` relative to the root, with `/` between its parts on every system: what
    /// files and the split know it by. Panics if there is no such sample.
    pub fn relative_path_string(&self, index: usize) -> String {
        find::slashed(&self.samples[index].path)
    }

    /// Where the picture of sample `index` is. Panics if there is no such sample.
    pub fn path(&self, index: usize) -> PathBuf {
        self.root.join(&self.samples[index].path)
    }

    /// SHA-256 over the relative path, class and size of every picture, as hexadecimal digits: whether data is the same
    /// as before, without reading it. A picture that cannot be looked at counts as one of no size.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for (index, sample) in self.samples.iter().enumerate() {
            let size = std::fs::metadata(self.path(index)).map_or(0, |found| found.len());
            hash.update(self.relative_path_string(index));
            hash.update([0]);
            for &label in &sample.labels {
                hash.update(&self.classes[label as usize]);
                hash.update([0]);
            }
            hash.update(size.to_le_bytes());
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
