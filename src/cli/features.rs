//! Arguments that name features that were made elsewhere, in place of pictures.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::features::{BringOptions, Budget, bring};
use crate::pipeline::Rows;

/// What these arguments stand under in the help.
const HEADING: &str = "Features";

/// Where features are.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct FeatureArgs {
    /// Rows of features in place of pictures: .npy, .npz, .safetensors or .parquet, of f16, f32 or f64
    #[arg(long, help_heading = HEADING, value_name = "FILE")]
    features: Option<PathBuf>,

    /// The array, tensor or column of the file [default: the only one; of tensors also the only one of two dimensions; of Parquet the column of lists, or all columns of floats]
    #[arg(long, help_heading = HEADING, value_name = "NAME")]
    features_key: Option<String>,
}

impl FeatureArgs {
    /// The file.
    ///
    /// # Errors
    /// An array of it is named, and no file.
    pub(super) fn file(&self) -> Result<Option<&Path>> {
        if self.features.is_none() && self.features_key.is_some() {
            return Err(Error::option(
                "--features-key",
                "it names an array of --features FILE, which is not given",
            ));
        }
        Ok(self.features.as_deref())
    }

    /// The same, typed in `folder`.
    pub(super) fn seen_from(self, folder: &Path) -> Self {
        Self { features: self.features.map(|file| folder.join(file)), ..self }
    }

    /// Takes over the file that was typed anew.
    pub(super) fn renew(&mut self, anew: &Self) {
        self.features.clone_from(&anew.features);
    }

    /// Opens `file`, of which the columns `except` are no features.
    pub(super) fn open(&self, file: &Path, except: &[String], budget: Budget) -> Result<Rows> {
        if file.is_dir() {
            let problem = format!("{} is a folder; name the file in it", file.display());
            return Err(Error::option("--features", problem));
        }
        let options = BringOptions { key: self.features_key.clone(), except: except.to_vec(), budget };
        Ok(Rows::given(bring(file, &options)?))
    }
}
