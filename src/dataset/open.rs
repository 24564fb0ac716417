//! Opening a folder: which of the places that labels come from it uses.

use std::path::{Path, PathBuf};

use super::entries::assemble;
use super::find::{Search, none_in, pictures_and, slashed};
use super::index::Index;
use super::layout::{Base, Found, detect, label, unlabelled};
use super::shards::labels::label_kind;
use super::sidecar::Sidecars;
use super::{
    Dataset, DatasetError, LabelChoice, LabelOptions, LabelProblem, LabelSource, Task, manifest, shards,
};

pub(super) fn open(root: &Path, options: &LabelOptions) -> Result<Dataset, DatasetError> {
    if let Some(set) = shards::Set::named(root)? {
        return shards::open(&set, options);
    }
    // Files with labels and tar files may lie beside pictures, and are found on the same way.
    let wanted = |path: &Path| label_kind(path).is_some() || shards::is_tar(path);
    let Search { pictures, beside, unread, links_back, others } = pictures_and(root, wanted)?;
    let (shards, beside): (Vec<PathBuf>, Vec<PathBuf>) =
        beside.into_iter().partition(|path| shards::is_tar(path));
    if pictures.is_empty() {
        let set = shards::Set::of(root, shards).ok_or_else(|| none_in(root, &unread, &others))?;
        let mut dataset = shards::open(&set, options)?;
        dataset.unread.splice(0..0, unread);
        dataset.mismatches.links_back = links_back.iter().map(|path| slashed(path)).collect();
        dataset.mismatches.not_pictures.extend(Path::new(""), others);
        return Ok(dataset);
    }
    let mut dataset = of_pictures(root, pictures, &beside, options)?;
    dataset.unread = unread;
    dataset.mismatches.links_back = links_back.iter().map(|path| slashed(path)).collect();
    dataset.mismatches.not_pictures = others;
    dataset.mismatches.shards = shards.iter().map(|path| slashed(path)).collect();
    Ok(dataset)
}

/// The `pictures` in `root`, labelled by what is said of them in `beside` or elsewhere.
fn of_pictures(
    root: &Path,
    pictures: Vec<PathBuf>,
    beside: &[PathBuf],
    options: &LabelOptions,
) -> Result<Dataset, DatasetError> {
    let found: Vec<Found> = pictures.into_iter().map(Found::new).collect();
    let base = Base::of(&found);
    let index = || Index::new(root, found.iter().map(|found| &found.path));
    let named = |found: Vec<Found>, base: Base, source| {
        let dataset = label(root, found, base, source)?;
        Ok(Dataset { task: options.task.unwrap_or(Task::Multiclass), ..dataset })
    };
    match &options.source {
        Some(LabelChoice::Folder) => named(found, base, LabelSource::Folder),
        Some(LabelChoice::Prefix) => named(found, base, LabelSource::Prefix),
        Some(LabelChoice::Nothing) => Ok(unlabelled(root, found, &base)),
        Some(LabelChoice::Sidecar) => Sidecars::new(root, beside, &found, options)?.label(found),
        Some(LabelChoice::Manifest(path)) => {
            let index = index();
            let (manifest, entries) = manifest::read(std::slice::from_ref(path), &index, options, false)?;
            assemble(root, found, &base, &index, &entries, Some(manifest), options)
        }
        None => {
            let layout = detect(root, &found, &base);
            let tables = manifest::beside(root, &found, &base);
            if !tables.is_empty() {
                let index = index();
                match (manifest::read(&tables, &index, options, true), &layout) {
                    // A table of something else beside pictures that the layout labels, such as captions.
                    (Err(DatasetError::InFile { problem, .. }), Ok(_)) if about_columns(&problem) => {}
                    (outcome, _) => {
                        let (manifest, entries) = outcome?;
                        return assemble(root, found, &base, &index, &entries, Some(manifest), options);
                    }
                }
            }
            if !beside.is_empty() {
                let sidecars = Sidecars::new(root, beside, &found, options)?;
                if sidecars.sure() || is_weak(&layout, &base) && sidecars.there() {
                    return sidecars.label(found);
                }
            }
            named(found, base, layout?)
        }
    }
}

/// The pictures `paths` (sorted, at least one), relative to `root`, which need not be there: see [`Dataset::of_paths`].
pub(super) fn of_paths(
    root: &Path,
    paths: Vec<PathBuf>,
    options: &LabelOptions,
) -> Result<Dataset, DatasetError> {
    let found: Vec<Found> = paths.into_iter().map(Found::new).collect();
    let base = Base::of(&found);
    match &options.source {
        Some(LabelChoice::Manifest(path)) => {
            let index = Index::new(root, found.iter().map(|found| &found.path));
            let (manifest, entries) = manifest::read(std::slice::from_ref(path), &index, options, false)?;
            assemble(root, found, &base, &index, &entries, Some(manifest), options)
        }
        Some(LabelChoice::Folder) => label(root, found, base, LabelSource::Folder),
        Some(LabelChoice::Prefix) => label(root, found, base, LabelSource::Prefix),
        Some(LabelChoice::Sidecar | LabelChoice::Nothing) | None => Ok(unlabelled(root, found, &base)),
    }
}

/// Whether the names of pictures say little enough of what is in them for texts beside them to count.
pub(super) fn is_weak(layout: &Result<LabelSource, DatasetError>, base: &Base) -> bool {
    match layout {
        // Plain names in a single folder are one class, which is next to nothing.
        Ok(LabelSource::Folder) => !base.divided && base.folders < 2,
        Ok(_) => false,
        Err(_) => true,
    }
}

/// Whether a table has no columns that could be used, as opposed to something wrong in those it has.
fn about_columns(problem: &LabelProblem) -> bool {
    matches!(problem, LabelProblem::LabelColumn(_) | LabelProblem::NameColumn(_))
}
