//! Lists beside the results: pictures that could not be read, and pictures that are there more than once.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::{Duplicate, SkippedPicture};
use crate::dataset::{DEREFERENCE, Mismatches, Part};
use crate::error::FileError;
use crate::files::{Staged, open_regular, stage};

/// The file that lists pictures that could not be read, and why.
pub const SKIPPED: &str = "skipped.csv";
/// The same of a run that was refused for them, beside the result of an earlier one, whose list stays.
pub const REFUSED: &str = "skipped.refused.csv";
/// The file that lists pictures that are there more than once.
pub const DUPLICATES: &str = "duplicates.csv";
/// All of them.
pub const LISTS: [&str; 3] = [SKIPPED, DUPLICATES, REFUSED];

/// Links of a data set that were not followed. They stand in lists, and are no errors: what they lead to is found without them, or was never
/// packed.
#[must_use]
pub fn passed_over(mismatches: &Mismatches) -> Vec<SkippedPicture> {
    let told = |reason: &str| {
        let reason = reason.to_owned();
        move |path: &String| SkippedPicture { path: path.clone(), reason: reason.clone() }
    };
    let packed = format!("a symbolic link in a tar file, which is not followed; {DEREFERENCE}");
    let back = mismatches.links_back.iter().map(told(LINK_BACK));
    back.chain(mismatches.links.iter().map(told(&packed))).collect()
}

/// What is said of a link to a folder that it lies in.
pub const LINK_BACK: &str =
    "a link back to a folder that it lies in, which is not followed; what is there is found without it";

/// What the columns of the lists are called.
const COLUMNS: [(&str, &[&str]); 3] = [
    (SKIPPED, &["path", "reason"]),
    (DUPLICATES, &["kind", "part", "path", "other_part", "other_path", "same_labels"]),
    (REFUSED, &["path", "reason"]),
];

/// A list in `folder` that somebody else made, and that is not to be written over.
#[must_use]
pub fn other_list(folder: &Path) -> Option<&'static str> {
    let other = |(name, columns): &(&'static str, &[&str])| {
        let path = folder.join(name);
        std::fs::symlink_metadata(&path).is_ok() && !is_ours(&path, columns)
    };
    COLUMNS.iter().find(|list| other(list)).map(|(name, _)| *name)
}

/// Writes `skipped.csv` into `folder`, or removes the one that an earlier run left there where there is nothing to list, and the list of one
/// that was refused. Gives its path if there is one.
///
/// # Errors
/// The file cannot be written, or not be removed.
pub fn save_skipped(folder: &Path, skipped: &[SkippedPicture]) -> Result<Option<PathBuf>, FileError> {
    let path = folder.join(SKIPPED);
    save_skipped_as(&path, skipped)?;
    remove_ours(&folder.join(REFUSED), COLUMNS[2].1)?;
    Ok((!skipped.is_empty()).then_some(path))
}

/// The same with a name of its own.
///
/// # Errors
/// As for [`save_skipped`].
pub fn save_skipped_as(path: &Path, skipped: &[SkippedPicture]) -> Result<(), FileError> {
    if !skipped.is_empty() && lists(path, skipped) {
        // A disk that cannot be written to holds it already.
        return Ok(());
    }
    match stage_skipped(path, skipped)? {
        Some(file) => file.persist(),
        None => remove_ours(path, COLUMNS[0].1),
    }
}

/// Whether the file `path` is the list of `skipped`.
fn lists(path: &Path, skipped: &[SkippedPicture]) -> bool {
    let Ok((file, _)) = open_regular(path) else { return false };
    let mut reader = csv::Reader::from_reader(file);
    let mut told = skipped.iter();
    let same = reader.headers().is_ok_and(|head| head == COLUMNS[0].1.to_vec())
        && reader.records().all(|row| {
            row.is_ok_and(|row| told.next().is_some_and(|s| row == [s.path.as_str(), s.reason.as_str()][..]))
        });
    same && told.next().is_none()
}

/// Whether the file `path` is there and no list of skipped pictures, so that it is somebody's.
#[must_use]
pub fn is_somebodys(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok() && !is_ours(path, COLUMNS[0].1)
}

fn stage_skipped(path: &Path, skipped: &[SkippedPicture]) -> Result<Option<Staged>, FileError> {
    let rows = skipped.iter().map(|s| [s.path.as_str(), s.reason.as_str()]);
    stage_list(path, COLUMNS[0].1, rows)
}

/// Both lists, written and not yet in their places.
pub(super) struct Lists {
    skipped: Option<Staged>,
    duplicates: Option<Staged>,
    folder: PathBuf,
}

impl Lists {
    pub(super) fn stage(
        folder: &Path,
        skipped: &[SkippedPicture],
        duplicates: &[Duplicate],
    ) -> Result<Self, FileError> {
        let part = |part| match part {
            Part::Train => "train",
            Part::Val => "val",
            Part::Test => "test",
        };
        let rows = duplicates.iter().map(|d| {
            let labels = if d.same_labels { "true" } else { "false" };
            let kind = match d.kind {
                super::Equal::Exact => "exact",
                super::Equal::Features => "features",
            };
            [kind, part(d.part), &d.path, part(d.other_part), &d.other_path, labels]
        });
        Ok(Self {
            skipped: stage_skipped(&folder.join(SKIPPED), skipped)?,
            duplicates: stage_list(&folder.join(DUPLICATES), COLUMNS[1].1, rows)?,
            folder: folder.into(),
        })
    }

    /// Puts them into their places. A list of an earlier run that has nothing to list any more is removed.
    pub(super) fn persist(self) -> Result<(), FileError> {
        for ((name, columns), file) in COLUMNS.iter().zip([self.skipped, self.duplicates, None]) {
            match file {
                Some(file) => file.persist()?,
                None => remove_ours(&self.folder.join(name), columns)?,
            }
        }
        Ok(())
    }
}

fn stage_list<'a, const N: usize>(
    path: &Path,
    columns: &[&str],
    rows: impl ExactSizeIterator<Item = [&'a str; N]>,
) -> Result<Option<Staged>, FileError> {
    if rows.len() == 0 {
        return Ok(None);
    }
    let write = |to: &mut dyn Write| -> io::Result<()> {
        let mut csv = csv::Writer::from_writer(to);
        csv.write_record(columns)?;
        rows.into_iter().try_for_each(|row| csv.write_record(row))?;
        csv.flush()
    };
    stage(path, true, |to| write(to)).map(Some)
}

/// Removes the list `path`, if it is one.
fn remove_ours(path: &Path, columns: &[&str]) -> Result<(), FileError> {
    if is_ours(path, columns) {
        std::fs::remove_file(path).map_err(FileError::on("remove", path))?;
    }
    Ok(())
}

/// Whether the file `path` begins as such a list does.
fn is_ours(path: &Path, columns: &[&str]) -> bool {
    let head = columns.join(",") + "\n";
    let mut found = Vec::new();
    let mut read = || open_regular(path)?.0.take(head.len() as u64).read_to_end(&mut found);
    read().is_ok() && found == head.as_bytes()
}
