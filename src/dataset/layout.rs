//! Labels from the names of files and folders.
//!
//! Class folders and part folders are looked for at the *base*: the root, or, as long as everything lies in
//! one single folder, the folder inside it (`DATA/images/cat/…` has its classes in `images`).
//!
//! - **Parts**: `train`, `val` (also `valid`, `validation`) and `test`, in any case, divide the data where
//!   `train` stands beside one of the others, or where all folders have such names. `train` alone divides
//!   nothing, and neither does a part without a single label: the pictures of the rest count as undivided.
//! - **Folder**: the class is the first folder below the base or part folder; deeper ones belong to it.
//! - **Prefix**: the class is the file name up to its first dot, if another dot stands before the extension.
//!
//! Pictures that the layout gives no label or no part are set apart, not an error, unless no other is left.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::find::slashed;
use super::{Dataset, DatasetError, LabelSource, Mismatches, Part, Sample, Task, Unit};
use crate::names;

/// A picture by its names: all that a label can be read from.
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// The folders between root and file, outermost first.
    pub(super) folders: Vec<String>,
    prefix: Option<String>,
}

impl Found {
    pub(super) fn new(path: PathBuf) -> Self {
        let name = names::text(path.file_name().unwrap_or_default());
        let stem = name.rsplit_once('.').map_or("", |(stem, _extension)| stem);
        let prefix = stem.split_once('.').map(|(prefix, _)| prefix).filter(|p| !p.is_empty());
        let prefix = prefix.map(str::to_owned);
        let folders = path.parent().into_iter().flat_map(Path::components);
        let folders = folders.map(names::text).collect();
        Self { path, folders, prefix }
    }
}

/// Where class folders or part folders begin.
pub(super) struct Base {
    /// So many folders wrap everything.
    pub(super) depth: usize,
    /// The folders at this depth are parts.
    pub(super) divided: bool,
    /// How many folders with pictures lie at this depth.
    pub(super) folders: usize,
}

impl Base {
    pub(super) fn of(found: &[Found]) -> Self {
        let mut depth = 0;
        loop {
            let names: BTreeSet<&str> =
                found.iter().filter_map(|f| f.folders.get(depth)).map(String::as_str).collect();
            let loose = found.iter().any(|f| f.folders.len() == depth);
            let divided = divides(&names, loose);
            if divided || loose || names.len() != 1 {
                return Self { depth, divided, folders: names.len() };
            }
            depth += 1;
        }
    }

    /// The part of a picture (`Ok(None)` in undivided data; `Err` for one outside the parts), and the
    /// depth below which its class folder would be.
    pub(super) fn place(&self, found: &Found) -> Result<(Option<Part>, usize), ()> {
        if !self.divided {
            return Ok((None, self.depth));
        }
        let part = found.folders.get(self.depth).and_then(|name| part_named(name));
        part.map(|part| (Some(part), self.depth + 1)).ok_or(())
    }
}

pub(super) fn part_named(folder: &str) -> Option<Part> {
    match folder.to_ascii_lowercase().as_str() {
        "train" | "training" => Some(Part::Train),
        "val" | "valid" | "validation" => Some(Part::Val),
        "test" | "testing" | "test1" => Some(Part::Test),
        _ => None,
    }
}

fn divides(names: &BTreeSet<&str>, loose: bool) -> bool {
    let parts: BTreeSet<Part> = names.iter().filter_map(|name| part_named(name)).collect();
    match parts.contains(&Part::Train) {
        // `train` alone wraps the data; a class called `train` (the vehicle) has no `test` beside it.
        true => parts.len() > 1,
        false => !loose && !parts.is_empty() && names.iter().all(|name| part_named(name).is_some()),
    }
}

/// Reads a label for each of `found` (sorted, relative to `root`, at least one) from its folder, or with `labels` as
/// [`LabelSource::Prefix`] from its name.
pub(super) fn label(
    root: &Path,
    found: Vec<Found>,
    mut base: Base,
    labels: LabelSource,
) -> Result<Dataset, DatasetError> {
    if labels == LabelSource::Folder && !base.divided && base.folders < 2 {
        // The single folder that holds the pictures themselves is a class, not a wrapper.
        base.depth = base.depth.saturating_sub(1);
    }

    let pictures = found.len();
    let example = found.first().map(|f| slashed(&f.path)).unwrap_or_default();
    let mut named: Vec<(PathBuf, String, Option<Part>)> = Vec::with_capacity(pictures);
    let mut unlabelled = Vec::new();
    for mut found in found {
        let Ok((part, depth)) = base.place(&found) else {
            unlabelled.push(found.path);
            continue;
        };
        let class = match labels {
            LabelSource::Folder => found.folders.get_mut(depth).map(std::mem::take),
            _ => found.prefix,
        };
        match class {
            Some(class) => named.push((found.path, class, part)),
            None => unlabelled.push(found.path),
        }
    }
    if named.is_empty() {
        return Err(DatasetError::NoLabels { root: root.to_owned(), labels, pictures, example });
    }

    let classes: BTreeSet<&String> = named.iter().map(|(_, class, _)| class).collect();
    let classes: Vec<String> = classes.into_iter().cloned().collect();
    let only_train = named.iter().all(|(.., part)| *part == Some(Part::Train));
    let samples = named
        .into_iter()
        .map(|(path, class, part)| Sample {
            path,
            // Every class was collected from these very names.
            labels: vec![classes.binary_search(&class).unwrap_or_default() as u32],
            part: part.filter(|_| !only_train),
            size: None,
        })
        .collect();
    Ok(Dataset {
        unit: Unit::Picture,
        root: root.to_owned(),
        labels,
        manifest: None,
        task: Task::Multiclass,
        classes,
        samples,
        unlabelled,
        mismatches: Mismatches::default(),
        shards: None,
        unread: Vec::new(),
    })
}

/// All of `found` (sorted, relative to `root`, at least one), without labels. They are in parts where each is in one.
pub(super) fn unlabelled(root: &Path, found: Vec<Found>, base: &Base) -> Dataset {
    let parts: Option<Vec<Part>> =
        found.iter().map(|f| base.place(f).ok().and_then(|(part, _)| part)).collect();
    let parts = parts.filter(|parts| parts.iter().any(|part| *part != Part::Train));
    let part = |i: usize| parts.as_ref().map(|parts| parts[i]);
    let sample = |(i, found): (usize, Found)| Sample {
        path: found.path,
        labels: Vec::new(),
        part: part(i),
        size: None,
    };
    Dataset {
        unit: Unit::Picture,
        root: root.to_owned(),
        labels: LabelSource::Nothing,
        manifest: None,
        task: Task::Multiclass,
        classes: Vec::new(),
        samples: found.into_iter().enumerate().map(sample).collect(),
        unlabelled: Vec::new(),
        mismatches: Mismatches::default(),
        unread: Vec::new(),
        shards: None,
    }
}

/// Decides between folders and prefixes by the pictures that are trained on: a `test` folder often holds
/// pictures without any label.
pub(super) fn detect(root: &Path, found: &[Found], base: &Base) -> Result<LabelSource, DatasetError> {
    let placed: Vec<(&Found, Option<Part>, usize)> =
        found.iter().filter_map(|f| base.place(f).ok().map(|(part, depth)| (f, part, depth))).collect();
    let has_train = placed.iter().any(|(_, part, _)| *part == Some(Part::Train));
    let decisive = placed.iter().filter(|(_, part, _)| !has_train || *part == Some(Part::Train));
    let decisive = decisive.map(|(found, _, depth)| (*found, found.folders.len() > *depth));
    let (nested, loose): (Vec<(&Found, bool)>, Vec<_>) = decisive.partition(|(_, nested)| *nested);
    let prefixed = loose.iter().filter(|(found, _)| found.prefix.is_some()).count();

    if nested.is_empty() && prefixed == loose.len() {
        return Ok(LabelSource::Prefix);
    }
    // Pictures that lie beside class folders and carry no prefix (a preview, say) are no sign of another
    // layout; neither are plain names in a single folder, which is then the one class.
    let one_folder = nested.is_empty() && !base.divided && base.depth > 0;
    if prefixed == 0 && (!nested.is_empty() || one_folder) {
        return Ok(LabelSource::Folder);
    }
    let beside = loose.iter().find(|(found, _)| found.prefix.is_none() || !nested.is_empty());
    let example = |found: Option<&(&Found, bool)>| found.map(|f| slashed(&f.0.path)).unwrap_or_default();
    let seen = match nested.len() {
        0 => format!(
            "there are no class folders, and {} of {} names have no prefix, for example {}",
            loose.len() - prefixed,
            loose.len(),
            example(beside)
        ),
        inside => format!(
            "{inside} lie in folders, for example {}, and {} beside these folders, for example {}",
            example(nested.first()),
            loose.len(),
            example(beside)
        ),
    };
    Err(DatasetError::Undetected { root: root.to_owned(), seen })
}
