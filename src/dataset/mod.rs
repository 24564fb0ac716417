//! Where pictures and labels come from: the layout of a folder, the split into parts, decoding.
//! This room has never heard of a GPU.

mod array;
mod decode;
mod entries;
mod error;
mod find;
mod folds;
mod index;
mod layout;
#[cfg(test)]
mod layout_tests;
mod lying;
mod manifest;
mod mismatch;
mod open;
#[cfg(test)]
mod open_tests;
mod options;
mod pixels;
mod problem;
mod rows;
mod shards;
mod sidecar;
#[cfg(test)]
mod sidecar_tests;
mod split;
#[cfg(test)]
mod split_tests;
mod stratify;
#[cfg(test)]
mod testing;

pub use crate::rules::{MAX_PIXELS, PictureRules, Truncated};
pub use decode::{DECODER, Decoder, Extent, Found, Opened, Picture, PictureError};
pub use error::DatasetError;
pub use find::{EXTENSIONS, Unread, pictures_under};
pub use folds::folds;
pub use lying::{Below, Lying};
pub use manifest::{LabelColumns, Manifest};
pub use mismatch::{Mention, Mismatches, NotPictures};
pub use options::{LabelChoice, LabelOptions, LabelSource, Separator};
pub use problem::{LabelProblem, MAX_LABEL_BYTES};
pub use rows::{Brought, Named};
pub use shards::{DEREFERENCE, Place, Shard, Shards, Stamp, reading_order};
pub use split::{Split, SplitOptions};

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::files::open_regular;

/// The part of the data a picture belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
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

/// What samples are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Pictures.
    #[default]
    Picture,
    /// Rows of features that were brought from elsewhere, called by a name if they have one, else by their number (`row 17`, from 0).
    Row,
}

impl Unit {
    /// What several are called.
    #[must_use]
    pub const fn many(self) -> &'static str {
        match self {
            Self::Picture => "pictures",
            Self::Row => "rows",
        }
    }

    /// What one is called.
    #[must_use]
    pub const fn one(self) -> &'static str {
        match self {
            Self::Picture => "picture",
            Self::Row => "row",
        }
    }
}

/// One picture and its labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Path relative to [`Dataset::root`].
    pub path: PathBuf,
    /// Indices into [`Dataset::classes`], ascending: one, or in multi-label data any number, also none.
    pub labels: Vec<u32>,
    /// The part that its folder (`train/`, `val/`, `test/`) or a column of its table (`split`) puts it in, if the data
    /// came so divided: then every sample has one.
    pub part: Option<Part>,
    /// Bytes of the file, where they are known; else they are asked for.
    pub size: Option<u64>,
}

/// Labelled pictures, found but not yet read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// The folder that was opened; of rows, the file that holds them.
    pub root: PathBuf,
    /// What samples are.
    pub unit: Unit,
    /// What labels were read from.
    pub labels: LabelSource,
    /// The table they were read from, if it was one.
    pub manifest: Option<Manifest>,
    /// Whether a picture has one label or any number.
    pub task: Task,
    /// Class names in sorted order (by code point); labels are indices into it. At least one, unless nobody asked for labels
    /// ([`LabelChoice::Nothing`]).
    pub classes: Vec<String>,
    /// The pictures, sorted by [`Dataset::relative_path_string`]; of rows, in the order of the rows. At least one.
    pub samples: Vec<Sample>,
    /// Pictures that were given no label, relative to the root and sorted: loose ones beside class folders, names
    /// without a prefix, those outside `train`, `val` and `test`, those no row names or rows contradict each other on.
    /// Not used; worth telling. A picture whose row says that it has none of the labels is a sample.
    pub unlabelled: Vec<PathBuf>,
    /// Rows and pictures that do not fit together, where labels are in a table or in sidecars.
    pub mismatches: Mismatches,
    /// Where the pictures lie, if that is in tar files.
    pub shards: Option<Shards>,
    /// What could not be looked into, in order: folders, links, tar files, and files of such. What is in them is not known.
    pub unread: Vec<Unread>,
}

impl Dataset {
    /// Finds the pictures in and below the folder `root`, by the extensions in [`EXTENSIONS`] (in any case; of files without an extension
    /// the first bytes decide; hidden files and folders are skipped, links followed), and reads their labels. What `options` leave open is
    /// detected, in this order:
    ///
    /// - `DATA/metadata.csv` or `DATA/metadata.jsonl`, in a folder that wraps everything, or in each of the folders `train`,
    ///   `val` and `test`: a table that names pictures, if one of its columns is clearly labels;
    /// - `DATA/cat/…/1.jpg`: a folder a class, whatever lies deeper in it; also inside a folder or a chain of
    ///   folders that wraps everything (`DATA/images/cat/1.jpg`);
    /// - `DATA/cat.1.jpg`: the class is the name up to its first dot;
    /// - either of them inside `train` (or `training`), `val` (`valid`, `validation`) and `test` (`testing`, `test1`), which then are the
    ///   [`Sample::part`]. `train` without another part divides nothing, it only wraps;
    /// - `DATA/1.txt` or `DATA/1.jpg.txt` beside `DATA/1.jpg`, for at least half of the pictures: a label a line.
    ///
    /// Before folders and names counts what is there for nothing else, as WebDataset has it, where at least half of the pictures have
    /// it: `1.cls` (a class) or `1.json` (a field `label` or `labels`) beside `1.jpg`. Of several kinds `.cls` counts first and `.txt` last, and
    /// `a.cls` is beside `a.left.jpg` too. Where labels lie beside pictures, a picture such as `a.seg.png` is no sample where there is an `a.jpg`:
    /// see [`Mismatches::parts_of_others`].
    ///
    /// `root` may also be a tar file, a pattern of such (`shard-{000..099}.tar`), or a folder with tar files and no pictures. A picture in a
    /// shard is called as if the shard had been unpacked into the folder it lies in, and labelled as it would be there. Tables are not
    /// looked for in shards or beside them.
    ///
    /// A table names pictures relative to its own folder or to `root`, with or without extension, or by the name of the
    /// file alone where only one file has it.
    ///
    /// One class alone is no error here, as it can be evaluated and predicted; [`Split::new`] refuses it.
    ///
    /// # Errors
    /// `root` does not exist, is a file, cannot be read or holds no pictures; the layout is
    /// none of these, or several; no picture has a label of the kind asked for. A table or sidecar that cannot be
    /// read, with its line; in multi-class data, a row with no label or with several. With
    /// [`LabelOptions::strict`], pictures without labels and anything in [`Dataset::mismatches`].
    pub fn open(root: &Path, options: &LabelOptions) -> Result<Self, DatasetError> {
        Self::checked(open::open(root, options)?, options)
    }

    /// Pictures whose `paths`, relative to `root`, are known (sorted, at least one), and which need not be there: their features may. Those
    /// that are given no label are [`Dataset::unlabelled`]. Labels beside pictures are not looked for, nor detected: there are then none.
    ///
    /// # Errors
    /// As for [`Dataset::open`].
    pub fn of_paths(root: &Path, paths: Vec<PathBuf>, options: &LabelOptions) -> Result<Self, DatasetError> {
        let dataset = open::of_paths(root, paths, options)?;
        let task = if dataset.manifest.is_some() { None } else { options.task };
        Self::checked(Self { task: task.unwrap_or(dataset.task), ..dataset }, options)
    }

    /// Fails where there are no labels, for those who need them.
    ///
    /// # Errors
    /// It was opened with [`LabelChoice::Nothing`].
    pub fn labelled(&self) -> Result<(), DatasetError> {
        match self.classes.is_empty() {
            true => Err(DatasetError::Unlabelled { root: self.root.clone() }),
            false => Ok(()),
        }
    }

    fn checked(dataset: Self, options: &LabelOptions) -> Result<Self, DatasetError> {
        // It names a field of JSON files too.
        let fields = dataset.shards.is_some() || dataset.labels == LabelSource::Sidecar;
        let of_table = [
            ("--name-column", options.name_column.is_some()),
            ("--label-column", !options.label_columns.is_empty() && !fields),
            ("--separator", options.separator.is_some()),
        ];
        if let (None, Some((option, _))) = (&dataset.manifest, of_table.into_iter().find(|(_, set)| *set)) {
            return Err(DatasetError::NoTable { option, labels: dataset.labels });
        }
        let fits = dataset.mismatches.is_empty() && dataset.unlabelled.is_empty();
        if options.strict && !fits {
            let mut problems = dataset.mismatches.describe();
            if let (true, Some(first)) = (problems.is_empty(), dataset.unlabelled.first()) {
                let count = dataset.unlabelled.len();
                problems.push(format!("pictures without a label: {count}, for example {}", first.display()));
            }
            return Err(DatasetError::Strict { root: dataset.root, problems });
        }
        Ok(dataset)
    }

    /// How labels were found, in words: ``labelled by train.csv, names in `image`, labels in `label` ``.
    #[must_use]
    pub fn explained(&self) -> String {
        match &self.manifest {
            Some(manifest) => format!("labelled by {}", manifest.explained()),
            None => self.labels.explained().into(),
        }
    }

    /// How many pictures each class has, in the order of [`Dataset::classes`].
    #[must_use]
    pub fn class_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        for sample in &self.samples {
            sample.labels.iter().for_each(|&label| counts[label as usize] += 1);
        }
        counts
    }

    /// Whether the data came divided into `train`, `val` and `test`.
    #[must_use]
    pub fn parts_given(&self) -> bool {
        self.samples.iter().any(|sample| sample.part.is_some())
    }

    /// The path of sample `index` relative to the root, with `/` between its parts on every system: what
    /// files and the split know it by. Panics if there is no such sample.
    #[must_use]
    pub fn relative_path_string(&self, index: usize) -> String {
        match self.unit {
            Unit::Picture => find::slashed(&self.samples[index].path),
            Unit::Row => self.samples[index].path.to_string_lossy().into_owned(),
        }
    }

    /// Reads the picture of sample `index` with `decoder`, from its file or from its shard. Panics if there is no such sample.
    ///
    /// # Errors
    /// As for [`Decoder::read`].
    pub fn read<'d>(&self, index: usize, decoder: &'d mut Decoder) -> Result<Picture<'d>, PictureError> {
        decoder.read_found(self.found(index)?)
    }

    /// The file of sample `index`, opened, or its part of a shard. Panics if there is no such sample.
    ///
    /// # Errors
    /// It cannot be opened; the shard is not the one whose headers were read.
    pub fn found(&self, index: usize) -> Result<Found, PictureError> {
        let Some(shards) = &self.shards else { return Found::open(&self.path(index)) };
        let place = shards.places[index];
        shards.files[place.shard as usize].part(place)
    }

    /// The file that sample `index` lies in: its own, or its shard. Panics if there is no such sample.
    #[must_use]
    pub fn file(&self, index: usize) -> PathBuf {
        match &self.shards {
            Some(shards) => shards.files[shards.places[index].shard as usize].path.clone(),
            None => self.path(index),
        }
    }

    /// The content of the file of sample `index`, as it is, to be read. Panics if there is no such sample.
    ///
    /// # Errors
    /// It cannot be opened; the shard is not the one whose headers were read.
    pub fn reader(&self, index: usize) -> std::io::Result<impl Read + use<>> {
        let Some(shards) = &self.shards else {
            return Ok(open_regular(&self.path(index))?.0.take(u64::MAX));
        };
        let Place { shard, at, len } = shards.places[index];
        let mut file = shards.files[shard as usize].open()?;
        file.seek(SeekFrom::Start(at))?;
        Ok(file.take(len))
    }

    /// How many bytes the file of sample `index` has, if it can be looked at. Panics if there is no such sample.
    #[must_use]
    pub fn file_size(&self, index: usize) -> Option<u64> {
        match &self.shards {
            Some(shards) => Some(shards.places[index].len),
            None => self.samples[index]
                .size
                .or_else(|| std::fs::metadata(self.path(index)).ok().map(|found| found.len())),
        }
    }

    /// Where the picture of sample `index` is; of one in a tar file, where it would be unpacked. Panics if there is no such sample.
    #[must_use]
    pub fn path(&self, index: usize) -> PathBuf {
        self.root.join(&self.samples[index].path)
    }

    /// SHA-256 over the relative path, labels and size of every picture, as hexadecimal digits: whether data is the same
    /// as before, without reading it. A picture that cannot be looked at counts as one of no size. Of rows it is the size of their file.
    #[must_use]
    pub fn digest(&self) -> String {
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |found| found.len());
        let of_file = size(&self.root);
        let mut hash = Sha256::new();
        for (index, sample) in self.samples.iter().enumerate() {
            let size = match self.unit {
                Unit::Picture => self.file_size(index).unwrap_or(0),
                Unit::Row => of_file,
            };
            hash.update(self.relative_path_string(index));
            hash.update([0]);
            for &label in &sample.labels {
                hash.update(&self.classes[label as usize]);
                hash.update([0]);
            }
            // Labels and size must not run into each other where there is not exactly one label.
            if sample.labels.len() != 1 {
                hash.update((sample.labels.len() as u64).to_le_bytes());
            }
            hash.update(size.to_le_bytes());
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
