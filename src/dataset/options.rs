//! What may be said about where labels are, instead of having it detected.

use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;

use super::Task;

/// Where labels were read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LabelSource {
    /// The folder a picture lies in is its class.
    Folder,
    /// The file name up to its first dot is the class (`cat.123.jpg`).
    Prefix,
    /// A table names pictures and their labels (`metadata.csv`).
    Manifest,
    /// An array has the labels of each row.
    Array,
    /// A file beside each picture holds its labels: `123.txt` beside `123.jpg`, a label a line; `123.cls`, a class; `123.json`, a field.
    Sidecar,
    /// They came with features, in the store that these are in (`samples.csv`).
    Store,
    /// Nothing: there are none.
    #[serde(rename = "none")]
    Nothing,
}

impl LabelSource {
    /// In words, for messages and reports.
    #[must_use]
    pub fn explained(self) -> &'static str {
        match self {
            Self::Folder => "labelled by the folder they lie in",
            Self::Prefix => "labelled by their name up to its first dot",
            Self::Manifest => "labelled by a table",
            Self::Array => "labelled by an array",
            Self::Sidecar => "labelled by the file beside each",
            Self::Store => "labelled by samples.csv beside the features",
            Self::Nothing => "taken without labels",
        }
    }
}

/// Where labels are to be read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelChoice {
    /// See [`LabelSource::Folder`].
    Folder,
    /// See [`LabelSource::Prefix`].
    Prefix,
    /// See [`LabelSource::Sidecar`].
    Sidecar,
    /// This table: CSV, TSV or JSON lines.
    Manifest(PathBuf),
    /// Nothing: pictures are taken without labels. They can be described, and neither trained on nor evaluated with.
    Nothing,
}

/// What stands between the labels of a list column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Separator {
    /// Nothing: a cell is one label, whatever is in it.
    Whole,
    /// Any white space.
    Space,
    /// This text, not empty.
    Text(String),
}

impl FromStr for Separator {
    type Err = Infallible;

    /// `none`, `space`, `tab`, `comma`, or the text itself.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "none" | "" => Self::Whole,
            "tab" | "\\t" => Self::Text("\t".into()),
            "comma" => Self::Text(",".into()),
            text if text == "space" || text.trim().is_empty() && !text.contains('\t') => Self::Space,
            text => Self::Text(text.into()),
        })
    }
}

impl Separator {
    /// As it stands in `divided by …`.
    pub(super) fn explained(&self) -> String {
        match self {
            Self::Whole => "nothing".into(),
            Self::Space => "spaces".into(),
            Self::Text(text) if text == "\t" => "tabs".into(),
            Self::Text(text) => format!("`{text}`"),
        }
    }
}

impl serde::Serialize for Separator {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Whole => "none",
            Self::Space => "space",
            Self::Text(text) => text,
        })
    }
}

/// Where labels are. By default everything is detected.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LabelOptions {
    /// Where labels are read from.
    pub source: Option<LabelChoice>,
    /// The column of a manifest that names the pictures.
    pub name_column: Option<String>,
    /// The column that holds the labels; with several, each is a label, and holds 0 or 1. Empty to detect.
    pub label_columns: Vec<String>,
    /// What stands between the labels of a column.
    pub separator: Option<Separator>,
    /// Whether pictures have one label each or any number.
    pub task: Option<Task>,
    /// Whether rows and pictures that do not fit together are an error.
    pub strict: bool,
}

impl From<LabelChoice> for LabelOptions {
    fn from(source: LabelChoice) -> Self {
        Self { source: Some(source), ..Self::default() }
    }
}
