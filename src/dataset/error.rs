//! What can be wrong with a folder of pictures.

use std::path::{Path, PathBuf};

use super::{LabelProblem, LabelSource, Unit};
use crate::files::FileError;

/// Pictures, labels or their layout that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// Nothing is there.
    #[error("{} does not exist; check the path, it must lead to the pictures", .0.display())]
    Missing(PathBuf),
    /// A file where a folder is needed.
    #[error("{} is a file; give the folder that holds the pictures", .0.display())]
    NotAFolder(PathBuf),
    /// A folder that cannot be searched.
    #[error("{0}; make it readable, or move it out of the folder of pictures")]
    Unreadable(FileError),
    /// A folder without pictures.
    #[error("there are no pictures in {} or below it (looked for {}, and for what begins as a picture among files without an extension; \
        hidden files and folders are skipped)",
        .0.display(), extensions())]
    NoPictures(PathBuf),
    /// A folder without pictures, in which there are tar files that are compressed.
    #[error("there are no pictures in {} or below it, but {name}, a compressed tar file: {way_out}; tar files are read as they are", root.display())]
    Compressed {
        /// The folder.
        root: PathBuf,
        /// The first of them.
        name: String,
        /// How to unpack it.
        way_out: &'static str,
    },
    /// The layout does not say where the labels are.
    #[error("cannot tell how the pictures in {} are labelled: {seen}; give `--labels folder` if each class \
        has a folder of its own, `--labels prefix` if names begin with the class, as in `cat.123.jpg`, `--labels FILE` if a \
        CSV, TSV or JSON lines file names them, or `--labels sidecar` if a text file beside each does",
        root.display())]
    Undetected {
        /// The folder.
        root: PathBuf,
        /// How many pictures lie where, and an example of what does not fit.
        seen: String,
    },
    /// No picture has a label of the kind that was asked for.
    #[error("none of the {pictures} pictures in {} has a label: {}",
        root.display(), no_label(*labels, example))]
    NoLabels {
        /// The folder.
        root: PathBuf,
        /// What was asked for.
        labels: LabelSource,
        /// How many pictures there are.
        pictures: usize,
        /// One of them, relative to the folder, with `/`.
        example: String,
    },
    /// Labels are needed, and nobody asked for any.
    #[error("the pictures in {} are taken without labels, which is enough for `extract` and `predict` alone; leave `--labels none` out, or \
        name a table of their labels with --labels FILE", root.display())]
    Unlabelled {
        /// The folder.
        root: PathBuf,
    },
    /// A table of labels that names none of the pictures.
    #[error("{}: no row gives a label to any of the {pictures} pictures in {}: a row names {row:?}, a picture is {example:?}; names \
        are relative to the file or to the folder, with or without extension: say with --name-column which column holds them",
        file.display(), root.display())]
    NothingNamed {
        /// The folder.
        root: PathBuf,
        /// How many pictures there are.
        pictures: usize,
        /// One of them, relative to the folder, with `/`.
        example: String,
        /// The table.
        file: PathBuf,
        /// What its first row names.
        row: String,
    },
    /// A tar file with pictures, or a pattern of such, that cannot be used.
    #[error("{}: {problem}", file.display())]
    Shard {
        /// The file, or the pattern.
        file: PathBuf,
        /// What is wrong, and the way out.
        problem: String,
    },
    /// An option about a table, and no table.
    #[error("{option} is about a table of labels, but the pictures are {}; name the table with --labels FILE", labels.explained())]
    NoTable {
        /// The option.
        option: &'static str,
        /// What labels were read from.
        labels: LabelSource,
    },
    /// A file with labels that cannot be opened.
    #[error("{0}; name a readable CSV, TSV or JSON lines file with --labels")]
    LabelFileUnreadable(FileError),
    /// What a file with labels says cannot be used.
    #[error("{}{}: {problem}", file.display(), if *line == 0 { String::new() } else { format!(":{line}") })]
    InFile {
        /// The file.
        file: PathBuf,
        /// The line, from 1; 0 where it is about the whole file.
        line: u64,
        /// What is wrong.
        problem: LabelProblem,
    },
    /// What a file beside a picture says cannot be used.
    #[error("{}: {problem}", file.display())]
    Sidecar {
        /// The file.
        file: PathBuf,
        /// What is wrong, and the way out.
        problem: String,
    },
    /// An array of labels that cannot be used.
    #[error("{}: {problem}", file.display())]
    Array {
        /// The file.
        file: PathBuf,
        /// What is wrong with it, and what can be done.
        problem: String,
    },
    /// A Parquet file that labels cannot be read from.
    #[error("{0}")]
    LabelTable(String),
    /// Labels for more rows than there are, or fewer.
    #[error("{} has labels for {labels} rows, and {} has {rows} rows of features; give the labels of the same rows in the same order{}",
        file.display(), features.display(),
        if *labels + 1 == *rows { " (the first line of a table names its columns and is no row)" } else { "" })]
    Lengths {
        /// Where the labels are.
        file: PathBuf,
        /// How many rows they are for.
        labels: usize,
        /// Where the features are.
        features: PathBuf,
        /// How many rows they have.
        rows: usize,
    },
    /// Labels out of names and folders, for rows that have none.
    #[error("{} holds rows of features, which lie in no folders; give --labels an array (.npy) or a table (CSV, TSV, JSON lines, \
        Parquet) with a label for each of them", features.display())]
    NoPlaceForLabels {
        /// Where the features are.
        features: PathBuf,
    },
    /// Rows and pictures that do not fit together, where they have to.
    #[error("{}: {}; correct them, or leave out --strict to train without them", root.display(), problems.join("; "))]
    Strict {
        /// The folder.
        root: PathBuf,
        /// A line for each kind, with examples.
        problems: Vec<String>,
    },
    /// Nothing to tell apart.
    #[error("{} has only one class, {class:?} ({pictures} {}, {}); training needs at least two: {}",
        root.display(), unit.many(), labels.explained(), second_class(*labels))]
    OneClass {
        /// The folder.
        root: PathBuf,
        /// The class.
        class: String,
        /// How many pictures it has.
        pictures: usize,
        /// What they are.
        unit: Unit,
        /// How labels were read.
        labels: LabelSource,
    },
    /// Classes that cannot be both fitted to and tested.
    #[error("{} has only a single {} each of {}; a class needs at least 2, one to train on and one to \
        test: add {} or take the class out", root.display(), unit.one(), some_classes(classes), unit.many())]
    SinglePicture {
        /// What samples are.
        unit: Unit,
        /// The folder.
        root: PathBuf,
        /// The classes, in sorted order.
        classes: Vec<String>,
    },
    /// The data came divided, without pictures to fit to.
    #[error("{} has no labelled {} in a part `train`, only in `{found}`; add `train`, or {} to have all divided by \
        `--test-size`", root.display(), unit.many(), instead(*unit, found))]
    NoTrainPart {
        /// What samples are.
        unit: Unit,
        /// The folder.
        root: PathBuf,
        /// The part folders there are.
        found: String,
    },
    /// The data came divided, and what is tested was never trained on.
    #[error("{} has {} to test but none in its part `train` of {}: add some or take the class out",
        root.display(), unit.many(), some_classes(classes))]
    NotInTrain {
        /// What samples are.
        unit: Unit,
        /// The folder.
        root: PathBuf,
        /// The classes, in sorted order.
        classes: Vec<String>,
    },
    /// After unreadable pictures were left out, too few are left.
    #[error("{}{}", nothing_readable(root, *skipped, classes),
        example.as_ref().map_or_else(String::new, |(path, why)| format!(" (for example {}: {why})", path.display())))]
    NothingReadable {
        /// The folder.
        root: PathBuf,
        /// How many pictures could not be read.
        skipped: usize,
        /// Classes of which no picture to train on is left; empty where no picture is left to test.
        classes: Vec<String>,
        /// A picture that could not be read, and why.
        example: Option<(PathBuf, String)>,
    },
    /// A share that is none.
    #[error(
        "--test-size {0}: give the share of each class that is kept for the test, above 0 and below 1, \
        for example 0.25"
    )]
    TestSize(f64),
    /// A share for the validation that is none, or too large.
    #[error(
        "--val-size {val_size}: give the share of the pictures that choices are made on, 0 for none; with the \
        --test-size of {test_size} it must stay below 1"
    )]
    ValSize {
        /// The share.
        val_size: f64,
        /// The share of the test beside it; 0 where the test is given.
        test_size: f64,
    },
    /// Labels so rare that every picture is needed for training.
    #[error("{} has {pictures} {many} and none to spare for the test: each has a label that no other has; \
        add {many}, or take rare labels out", root.display(), many = unit.many())]
    NothingToTest {
        /// What samples are.
        unit: Unit,
        /// The folder.
        root: PathBuf,
        /// How many pictures there are.
        pictures: usize,
    },
}

impl DatasetError {
    pub(super) fn in_file(file: &Path, line: u64, problem: LabelProblem) -> Self {
        Self::InFile { file: file.to_owned(), line, problem }
    }
}

fn nothing_readable(root: &Path, skipped: usize, classes: &[String]) -> String {
    let root = root.display();
    if classes.is_empty() {
        return format!(
            "{skipped} pictures in {root} cannot be read, and none is left to test with; replace them"
        );
    }
    let classes = some_classes(classes);
    format!(
        "{skipped} pictures in {root} cannot be read, and none is left to train on of {classes}; replace them"
    )
}

/// What to do where nothing is in `train`.
fn instead(unit: Unit, found: &str) -> String {
    match unit {
        Unit::Picture => format!("give the folder inside `{found}`"),
        Unit::Row => "leave the column out".into(),
    }
}

fn extensions() -> String {
    super::EXTENSIONS.map(|extension| format!(".{extension}")).join(", ")
}

fn no_label(labels: LabelSource, example: &str) -> String {
    match labels {
        LabelSource::Folder => format!(
            "with `--labels folder` each class has a folder of its own, but {example} lies in none; \
             move the pictures into such folders, or give `--labels prefix`"
        ),
        LabelSource::Prefix => format!(
            "with `--labels prefix` a name needs two dots, as `cat.123.jpg` has, and {example} has not; \
             rename the pictures, or give `--labels folder`"
        ),
        LabelSource::Sidecar => format!(
            "with `--labels sidecar` the labels of {example} stand in a file beside it that is called as the picture is but for its end: \
             .txt with a label a line, .cls with a class, or .json with a field `label`; write such files, or give `--labels FILE`"
        ),
        LabelSource::Array => "no row of it has one".into(),
        LabelSource::Manifest => format!("no row names {example}; correct the names in the file"),
        LabelSource::Store => format!("{example} has none in samples.csv; write it there"),
        LabelSource::Nothing => "none was asked for".into(),
    }
}

fn second_class(labels: LabelSource) -> &'static str {
    match labels {
        LabelSource::Folder => "give the folder that holds the class folders, or give `--labels prefix`",
        LabelSource::Prefix => "add pictures of another class, or give `--labels folder`",
        LabelSource::Sidecar => {
            "add pictures with another label, or pictures without it and `--task multilabel`"
        }
        LabelSource::Store => {
            "add rows of another class to features.npy and samples.csv, or give `--task multilabel`"
        }
        LabelSource::Nothing => "say with --labels where the labels are",
        LabelSource::Array => "add rows of another class, or give `--task multilabel`",
        LabelSource::Manifest => {
            "add pictures of another class, or say with --label-column where the classes are, or `--task multilabel`"
        }
    }
}

/// `class "a"`, or `classes "a", "b", "c", "d", "e" and 7 more`: enough to find them, never a screenful.
fn some_classes(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("{name:?}")).collect();
    let noun = if names.len() == 1 { "class" } else { "classes" };
    match names.len().saturating_sub(SHOWN) {
        0 => format!("{noun} {}", shown.join(", ")),
        more => format!("{noun} {} and {more} more", shown.join(", ")),
    }
}
