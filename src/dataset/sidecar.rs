//! Labels from files beside the pictures, with the meaning that they have in shards: `1.cls`, a class; `1.json`, a field; `1.txt`, a label a
//! line; or `1.jpg.cls` and so on.
//!
//! Texts may be many to a picture or one to many, and are told where they do not fit; in all else a folder is a shard unpacked.

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::entries::{Entries, Entry, assemble};
use super::find::slashed;
use super::index::{Index, Lookup};
use super::layout::{Base, Found};
use super::manifest::text;
use super::shards::labels::{self, Beside, MAX_LABELS, label_kind, names_beside, parts_of_others};
use super::{Dataset, DatasetError, LabelOptions, LabelProblem};
use crate::files::{FileError, open_file};

/// The files in a folder that may hold labels, and what those say of which it has to be known to decide that they count.
pub(super) struct Sidecars<'a> {
    root: &'a Path,
    options: &'a LabelOptions,
    /// Names of the pictures, with `/`.
    pictures: Vec<String>,
    /// Files by their name without extension, with `/`, and by their kind.
    files: HashMap<String, HashMap<&'static str, &'a Path>>,
    /// Texts, in order.
    texts: Vec<&'a Path>,
    /// For each picture the file that says what it is, if that is none of the texts.
    said: Vec<Option<(&'a Path, Beside)>>,
}

impl<'a> Sidecars<'a> {
    /// Those among `files`, which are relative to `root`, of the pictures `found`. Texts are not read yet.
    ///
    /// # Errors
    /// A file cannot be read.
    pub(super) fn new(
        root: &'a Path,
        files: &'a [PathBuf],
        found: &[Found],
        options: &'a LabelOptions,
    ) -> Result<Self, DatasetError> {
        let mut by_name: HashMap<String, HashMap<&'static str, &Path>> = HashMap::new();
        let mut texts = Vec::new();
        for file in files {
            let Some(kind) = label_kind(file) else { continue };
            by_name.entry(name(file)).or_default().insert(kind, file);
            if kind == "txt" {
                texts.push(file.as_path());
            }
        }
        let pictures: Vec<String> = found.iter().map(|found| slashed(&found.path)).collect();
        let read = |picture: &String| {
            let Some((kind, file)) = ["cls", "json"].into_iter().find_map(|kind| {
                let file =
                    names_beside(picture).into_iter().find_map(|name| by_name.get(name)?.get(kind).copied());
                Some((kind, file?))
            }) else {
                return Ok(None);
            };
            let said = content(&root.join(file))?;
            let said = said.map(|content| (file, labels::read(kind, &content, picture, options)));
            // A JSON file about something else does not stand before a text of labels.
            let text = || {
                names_beside(picture)
                    .into_iter()
                    .any(|name| by_name.get(name).is_some_and(|of| of.contains_key("txt")))
            };
            Ok(said.filter(|(_, beside)| kind != "json" || beside.sure || !text()))
        };
        let said = pictures.par_iter().map(read).collect::<Result<_, _>>()?;
        Ok(Self { root, options, pictures, files: by_name, texts, said })
    }

    /// Whether nothing else can be meant: at least half of the pictures have a class beside them, or a field of labels.
    pub(super) fn sure(&self) -> bool {
        let sure = self.said.iter().flatten().filter(|(_, beside)| beside.sure && beside.says.is_ok());
        2 * sure.count() >= self.pictures.len()
    }

    /// Whether at least half of the pictures have anything: what pictures without any folder or prefix are then labelled by.
    pub(super) fn there(&self) -> bool {
        let has = |(picture, said): (&String, &Option<_>)| said.is_some() || self.text_of(picture).is_some();
        2 * self.pictures.iter().zip(&self.said).filter(|pair| has(*pair)).count() >= self.pictures.len()
    }

    fn text_of(&self, picture: &str) -> Option<&'a Path> {
        names_beside(picture).into_iter().find_map(|name| self.files.get(name)?.get("txt").copied())
    }

    /// The pictures `found`, with what they are said to be.
    ///
    /// # Errors
    /// What a file says cannot be used.
    pub(super) fn label(self, mut found: Vec<Found>) -> Result<Dataset, DatasetError> {
        let parts = parts_of_others(self.pictures.iter().map(String::as_str));
        let mut is_part = parts.iter().copied();
        let taken = found.extract_if(.., |_| is_part.next() == Some(true));
        let taken: Vec<String> = taken.map(|found| slashed(&found.path)).collect();
        let (index, base) = (Index::new(self.root, found.iter().map(|found| &found.path)), Base::of(&found));
        let entries = self.entries(&index, &parts)?;
        let mut dataset = assemble(self.root, found, &base, &index, &entries, None, self.options)?;
        dataset.mismatches.parts_of_others = taken;
        Ok(dataset)
    }

    /// What the files say of the pictures in `index`, which are those that are no `parts` of others.
    fn entries(&self, index: &Index, parts: &[bool]) -> Result<Entries, DatasetError> {
        let mut entries = Entries::default();
        entries.beside = true;
        let (mut used, mut unread) = (HashSet::new(), HashSet::new());
        for ((picture, said), _) in
            self.pictures.iter().zip(&self.said).zip(parts).filter(|(_, part)| !**part)
        {
            let text = self.text_of(picture);
            match said {
                Some((file, beside)) => {
                    used.insert(*file);
                    // A text beside a class is a caption.
                    unread.extend(names_beside(picture).map(str::to_owned));
                    let path = self.root.join(file);
                    let problem = |problem: String| DatasetError::Sidecar { file: path.clone(), problem };
                    let says = beside.says.as_ref().map_err(|wrong| problem(wrong.clone()))?;
                    let labels = says.iter().map(|label| entries.label(label)).collect::<Result<Vec<_>, _>>();
                    let labels = labels.map_err(|wrong| problem(wrong.to_string()))?;
                    push(&mut entries, path, picture.clone(), labels);
                }
                // One of its key alone; those of its name follow.
                None => {
                    if let Some(text) = text.filter(|text| index.find_beside(&name(text)) == Lookup::Nothing)
                    {
                        used.insert(text);
                        let path = self.root.join(text);
                        let labels = lines(&path, &mut entries)?;
                        push(&mut entries, path, picture.clone(), labels);
                    }
                }
            }
        }
        for text in self.texts.iter().filter(|text| !used.contains(**text) && !unread.contains(&name(text))) {
            let (path, name) = (self.root.join(text), name(text));
            // What belongs to no picture is not read: notes and licences are text too.
            let labels = match index.find_beside(&name) {
                Lookup::Nothing => Vec::new(),
                _ => lines(&path, &mut entries)?,
            };
            push(&mut entries, path, name, labels);
        }
        // A class is there for a picture.
        let mut alone: Vec<_> =
            self.files.iter().filter_map(|(name, kinds)| Some((name, *kinds.get("cls")?))).collect();
        alone.retain(|(_, file)| !used.contains(file));
        alone.sort_unstable();
        for (name, file) in alone {
            if index.find_beside(name) == Lookup::Nothing {
                push(&mut entries, self.root.join(file), name.clone(), Vec::new());
            }
        }
        Ok(entries)
    }
}

/// Adds what the file `path` says of the picture `name`.
fn push(entries: &mut Entries, path: PathBuf, name: String, mut labels: Vec<u32>) {
    labels.sort_unstable();
    labels.dedup();
    let file = entries.files.len();
    entries.files.push((path, String::new()));
    entries.rows.push(Entry { name, labels, part: None, file, line: 0 });
}

/// The labels in a text, one a line.
fn lines(path: &Path, entries: &mut Entries) -> Result<Vec<u32>, DatasetError> {
    let mut labels = Vec::new();
    for (line, label) in (1..).zip(text::read(path)?.lines()) {
        if !label.trim().is_empty() {
            let label = entries.label(label);
            labels.push(label.map_err(|problem: LabelProblem| DatasetError::in_file(path, line, problem))?);
        }
    }
    Ok(labels)
}

/// All of the file `path`; none where it is too large to hold labels.
fn content(path: &Path) -> Result<Option<Vec<u8>>, DatasetError> {
    let mut bytes = Vec::new();
    let (file, _) = open_file(path).map_err(DatasetError::LabelFileUnreadable)?;
    file.take(MAX_LABELS + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| DatasetError::LabelFileUnreadable(FileError::on("read", path)(error)))?;
    Ok(Some(bytes).filter(|bytes| bytes.len() as u64 <= MAX_LABELS))
}

/// What the sidecar is beside: its path without extension.
fn name(relative: &Path) -> String {
    slashed(&relative.with_extension(""))
}
