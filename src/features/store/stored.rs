//! A store that is finished.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::meta::{ANEW, Meta, probe};
use super::samples::{Sample, read_samples};
use super::{COMMIT, FEATURES, Hash, META, SAMPLES};
use crate::features::{FeaturesError, Npy, Source};
use crate::files::{FileError, read_file};

/// A store that is finished, or what NumPy and pandas wrote in the same form.
#[derive(Debug)]
pub struct Stored {
    /// The folder.
    pub folder: PathBuf,
    /// How it was made; none where huemax did not make it.
    pub meta: Option<Meta>,
    /// The numbers.
    pub numbers: Arc<Npy>,
    /// `samples.csv`.
    samples: Vec<u8>,
}

impl Stored {
    /// Opens the store `folder`.
    ///
    /// # Errors
    /// Files are missing, damaged or do not belong together.
    pub fn open(folder: &Path) -> Result<Self, FeaturesError> {
        let unfinished = || -> Result<(), FeaturesError> {
            if !folder.join(COMMIT).exists() {
                return Ok(());
            }
            let problem = "whoever wrote it was interrupted at the very end, or is not done; once that is sure, run the same command \
                           (`huemax extract DATA --out STORE`, or `train` with this --cache) again, which takes a moment";
            Err(FeaturesError::Format { path: folder.into(), problem: problem.into() })
        };
        unfinished()?;
        let meta = Meta::read(folder)?;
        let anew = if meta.is_some() { ANEW } else { "write or copy it again" };
        let helped = |path: &Path, problem: String| FeaturesError::Format {
            path: path.into(),
            problem: format!("{problem}; {anew}"),
        };
        let path = folder.join(SAMPLES);
        let unreadable =
            |error: FileError| helped(&error.path, format!("it cannot be read ({})", error.source));
        let samples = read_file(&path, u64::MAX).map_err(unreadable)?;
        let numbers = Npy::open(&folder.join(FEATURES)).map_err(|error| match error {
            FeaturesError::File(error) => unreadable(error),
            FeaturesError::Format { path, problem } => helped(&path, problem),
            other => other,
        })?;
        if let Some(meta) = &meta {
            let wrong = |name: &str, problem: String| FeaturesError::Format {
                path: folder.join(name),
                problem: format!(
                    "{problem}; {ANEW}, or remove {META} to use {FEATURES} and {SAMPLES} as they are"
                ),
            };
            if Hash::of(&samples) != meta.samples_xxh3 {
                let problem = format!("it is not the table that {META} was written for");
                return Err(wrong(SAMPLES, problem));
            }
            if (numbers.rows(), numbers.columns()) != (meta.rows, meta.columns) {
                let problem = format!(
                    "it holds {} × {} numbers, and {META} speaks of {} × {}",
                    numbers.rows(),
                    numbers.columns(),
                    meta.rows,
                    meta.columns
                );
                return Err(wrong(FEATURES, problem));
            }
            if probe(&numbers)? != meta.features_xxh3 {
                return Err(wrong(
                    FEATURES,
                    format!("these are not the numbers that {META} was written for"),
                ));
            }
            if meta.descriptor.len() != meta.columns {
                let problem =
                    format!("{} columns do not fit the descriptor ({})", meta.columns, meta.descriptor);
                return Err(wrong(META, problem));
            }
        }
        // Whoever replaced files meanwhile has left another note, or another description.
        unfinished()?;
        if Meta::read(folder)? != meta {
            let problem = "it was replaced while it was read; run the command again";
            return Err(FeaturesError::Format { path: folder.into(), problem: problem.into() });
        }
        Ok(Self { folder: folder.into(), meta, numbers: Arc::new(numbers), samples })
    }

    /// The lines of `samples.csv`, of a store that huemax made.
    ///
    /// # Errors
    /// They are none, or not as many as there are rows.
    pub fn lines(&self) -> Result<Vec<Sample>, FeaturesError> {
        let several = self.meta.as_ref().is_some_and(|meta| meta.labels.separator.is_some());
        let lines = read_samples(&self.samples, &self.folder, several)?;
        if lines.len() != self.numbers.rows() {
            let problem =
                format!("it has {} rows, and {FEATURES} has {}; {ANEW}", lines.len(), self.numbers.rows());
            return Err(FeaturesError::Format { path: self.folder.join(SAMPLES), problem });
        }
        Ok(lines)
    }
}
