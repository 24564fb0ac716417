//! Labels from the names of files and folders.

/// How labels are read from names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LabelSource {
    /// The folder a picture lies in is its class.
    Folder,
    /// The file name up to its first dot is the class (`cat.123.jpg`).
    Prefix,
}
