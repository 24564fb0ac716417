//! Opening a folder: which of the places that labels come from it uses.

use std::path::Path;

use super::entries::assemble;
use super::find::pictures_in;
use super::index::Index;
use super::layout::{Base, Found, detect, label};
use super::{
    Dataset, DatasetError, LabelChoice, LabelOptions, LabelProblem, LabelSource, Task, manifest, shards,
    sidecar,
};

pub(super) fn open(root: &Path, options: &LabelOptions) -> Result<Dataset, DatasetError> {
    if let Some(set) = shards::Set::named(root)? {
        return shards::open(&set, options);
    }
    let (found, unread) = match (pictures_in(root), shards::Set::inside) {
        (Err(none @ DatasetError::NoPictures(_)), inside) => match inside(root)? {
            Some(set) => return shards::open(&set, options),
            None => return Err(none),
        },
        (found, _) => found?,
    };
    let found = found.into_iter().map(Found::new).collect();
    Ok(Dataset { unread, ..labelled(root, found, options)? })
}

/// The pictures that were `found`, with their labels.
fn labelled(root: &Path, found: Vec<Found>, options: &LabelOptions) -> Result<Dataset, DatasetError> {
    let base = Base::of(&found);
    let index = || Index::new(root, found.iter().map(|found| &found.path));
    let named = |found: Vec<Found>, base: Base, source| {
        let dataset = label(root, found, base, source)?;
        Ok(Dataset { task: options.task.unwrap_or(Task::Multiclass), ..dataset })
    };
    match &options.source {
        Some(LabelChoice::Folder) => named(found, base, LabelSource::Folder),
        Some(LabelChoice::Prefix) => named(found, base, LabelSource::Prefix),
        Some(LabelChoice::Sidecar) => {
            let index = index();
            let entries = sidecar::read(root, &index)?;
            assemble(root, found, &base, &index, &entries, None, options)
        }
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
            if is_weak(&layout, &base) {
                let index = index();
                if sidecar::there(root, &index, found.len())? {
                    let entries = sidecar::read(root, &index)?;
                    return assemble(root, found, &base, &index, &entries, None, options);
                }
            }
            named(found, base, layout?)
        }
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
