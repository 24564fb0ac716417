//! Labels from text files beside the pictures: `1.txt` or `1.jpg.txt` beside `1.jpg`, a label a line.

use std::path::Path;

use super::entries::{Entries, Entry};
use super::find::{files_in, slashed};
use super::index::{Index, Lookup};
use super::manifest::text;
use super::{DatasetError, LabelProblem};

/// Whether at least half of `pictures` pictures have a sidecar: what a picture without any folder or prefix is then
/// labelled by.
pub(super) fn there(root: &Path, index: &Index, pictures: usize) -> Result<bool, DatasetError> {
    let leads = |path: &&std::path::PathBuf| index.find_beside(&name(path)) != Lookup::Nothing;
    Ok(files_in(root, is_text)?.0.iter().filter(leads).count() * 2 >= pictures)
}

/// Reads every text file in and below `root`.
pub(super) fn read(root: &Path, index: &Index) -> Result<Entries, DatasetError> {
    let mut entries = Entries::default();
    for relative in files_in(root, is_text)?.0 {
        let (path, name) = (root.join(&relative), name(&relative));
        let file = entries.files.len();
        let mut labels = Vec::new();
        // What belongs to no picture is not read: notes and licences are text too.
        if index.find_beside(&name) != Lookup::Nothing {
            for (line, label) in (1..).zip(text::read(&path)?.lines()) {
                if !label.trim().is_empty() {
                    let label = entries.label(label);
                    labels.push(
                        label.map_err(|problem: LabelProblem| DatasetError::in_file(&path, line, problem))?,
                    );
                }
            }
        }
        labels.sort_unstable();
        labels.dedup();
        entries.files.push((path, String::new()));
        entries.rows.push(Entry { name, labels, part: None, file, line: 0 });
    }
    entries.beside = true;
    Ok(entries)
}

/// What the sidecar is beside: its path without `.txt`.
fn name(relative: &Path) -> String {
    slashed(&relative.with_extension(""))
}

fn is_text(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("txt"))
}
