//! `features.json`.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Hash, META};
use crate::features::{Descriptor, FeaturesError, Source};
use crate::files::read_file;

/// Version of the format of a store.
pub const FORMAT: u32 = 1;

/// What a store holds, and how it was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// [`FORMAT`] when it was written.
    pub format: u32,
    /// What a row is made of.
    pub descriptor: Descriptor,
    /// What decoded the pictures.
    pub decoder: String,
    /// N.
    pub rows: usize,
    /// D.
    pub columns: usize,
    /// The folder of the pictures, as it was typed.
    pub root: String,
    /// XXH3-128 of where that is, absolute and without links: another folder may be typed alike. None where that is not known, and in
    /// stores of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_xxh3: Option<Hash>,
    /// Pictures that declare more pixels have no rows; none where that is [`MAX_PIXELS`](crate::features::MAX_PIXELS), and in stores of older
    /// versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_pixels: Option<u64>,
    /// What could not be looked into when the pictures were looked for, so that none of its pictures has a row.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<NotLookedInto>,
    /// Labels and how they stand in `samples.csv`.
    pub labels: Labels,
    /// XXH3-128 of `samples.csv`.
    pub samples_xxh3: Hash,
    /// XXH3-128 of some of the rows of `features.npy`: enough to notice numbers that are not those of `samples.csv`, without reading them all.
    pub features_xxh3: Hash,
}

/// Something that pictures may be in, such as a folder, a link or a tar file, or a file of a tar file, that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotLookedInto {
    /// Its path, relative to the folder of the pictures, as in `samples.csv`.
    pub path: String,
    /// What it is, and what was wrong with it.
    pub reason: String,
    /// Whether it may hide any number of pictures; else it is one that is missing.
    pub hides: bool,
}

/// Labels, and how they stand in a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Labels {
    /// `multiclass`: a column `label` with one label a row; `multilabel`: a column `labels` with any number.
    pub task: String,
    /// Names, in the order of their numbers.
    pub classes: Vec<String>,
    /// What stands between the labels of a row, where there may be several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub separator: Option<String>,
    /// Where they were read from (`folder`, `prefix`, …).
    pub source: String,
}

impl Meta {
    /// Reads that of the store `folder`; none if it has none.
    ///
    /// # Errors
    /// It cannot be read, is none, or is one of another version.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, FeaturesError> {
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let path = folder.join(META);
        let wrong = |problem| FeaturesError::Format { path: path.clone(), problem };
        let text = match read_file(&path, u64::MAX) {
            Ok(text) => text,
            Err(error) if error.source.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(wrong(format!("it cannot be read ({}); {ANEW}", error.source))),
        };
        let damaged = |error| wrong(format!("it is no description of a feature store ({error}); {ANEW}"));
        let Version { format } = serde_json::from_slice(&text).map_err(damaged)?;
        if format != FORMAT {
            return Err(wrong(format!(
                "the store has format {format}, and this huemax reads format {FORMAT}; {ANEW}"
            )));
        }
        serde_json::from_slice(&text).map(Some).map_err(damaged)
    }
}

/// What helps with a store that is of no use.
pub(crate) const ANEW: &str = "make it anew with `huemax extract DATA --out STORE --force`";

/// XXH3-128 over up to 64 rows, spread evenly over all: whether numbers are those that are meant, without reading all of them.
///
/// # Errors
/// A row cannot be read.
pub(super) fn probe(source: &dyn Source) -> Result<Hash, FeaturesError> {
    const PROBED: usize = 64;
    let (rows, columns) = (source.rows(), source.columns());
    let count = rows.min(PROBED);
    let mut values = vec![0f32; count * columns];
    for (i, row) in values.chunks_exact_mut(columns).enumerate() {
        source.read(i * (rows - 1) / (count - 1).max(1), row)?;
    }
    Ok(Hash::of(bytemuck::cast_slice(&values)))
}
