//! Rows and pictures that do not fit together.

use std::path::Path;

use serde::Serialize;

use super::find::slashed;
use super::shards::compressed;
use crate::names;

/// A name, and the rows (`FILE:LINE`) that use it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mention {
    /// The name as the row has it, or the picture's path relative to the data.
    pub name: String,
    /// Where it stands.
    pub rows: Vec<String>,
}

/// Files that are neither pictures nor known to say something of such: by their extensions, or, where they have none, by their first bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct NotPictures {
    /// How many they are.
    pub count: usize,
    /// The names of the first, sorted.
    pub first: Vec<String>,
}

impl NotPictures {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Counts the file `path`, unless it is a table, as labels may stand in one.
    pub(super) fn add(&mut self, path: &Path) {
        const TABLES: [&str; 4] = ["csv", "tsv", "jsonl", "parquet"];
        let table = |found: &std::ffi::OsStr| TABLES.iter().any(|known| found.eq_ignore_ascii_case(known));
        if path.extension().is_some_and(table) {
            return;
        }
        self.count += 1;
        self.name(slashed(path));
    }

    /// One more name, of which the first few are kept, in whatever order they come.
    fn name(&mut self, name: String) {
        let at = self.first.partition_point(|known| *known <= name);
        if at < SHOWN {
            self.first.insert(at, name);
            self.first.truncate(SHOWN);
        }
    }

    /// Counts those of `other` too, which lie in the folder `folder`.
    pub(crate) fn extend(&mut self, folder: &Path, other: Self) {
        self.count += other.count;
        for name in other.first {
            // The name is text already.
            let folder = slashed(folder);
            self.name(if folder.is_empty() { name } else { format!("{folder}/{name}") });
        }
    }

    /// What is to be said of them, if there are any.
    #[must_use]
    pub fn said(&self) -> Option<String> {
        let said = line(
            "file is no picture, by its extension or its first bytes",
            "files are no pictures, by their extensions or their first bytes",
            self.count,
            self.first.iter().map(|name| short(name)),
        )?;
        Some(match self.compressed() {
            Some((name, way_out)) => format!("{said}; {} is a compressed tar file: {way_out}", short(name)),
            None => said,
        })
    }

    /// A compressed tar file among the first, and how to unpack it.
    pub(super) fn compressed(&self) -> Option<(&str, &'static str)> {
        self.first.iter().find_map(|name| Some((name.as_str(), compressed(Path::new(name))?)))
    }
}

/// What did not fit together. None of it is used for training; all of it is kept here, to be shown.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Mismatches {
    /// Rows (or sidecars) whose name leads to no picture, or to more than one.
    pub rows_without_picture: Vec<Mention>,
    /// Pictures that no row (or sidecar) names.
    pub pictures_without_row: Vec<String>,
    /// Pictures that several rows give the same labels; used once.
    pub duplicates: Vec<Mention>,
    /// Pictures that several rows give different labels or parts; left out.
    pub conflicts: Vec<Mention>,
    /// Symbolic links in tar files, which are not followed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
    /// Symbolic links to a folder that they lie in, which are not followed: what is there is found without them. No error, whatever is asked
    /// for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links_back: Vec<String>,
    /// Files that are no pictures. No error, whatever is asked for.
    #[serde(skip_serializing_if = "NotPictures::is_empty")]
    pub not_pictures: NotPictures,
    /// Pictures that are parts of the sample of another, as `key.seg.png` is beside `key.jpg`; see [`Dataset::open`](super::Dataset::open).
    /// No error, whatever is asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts_of_others: Vec<String>,
    /// Tar files beside the pictures, which are not read. No error, whatever is asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shards: Vec<String>,
    /// Labels that only rows without a picture have, or columns without a single 1. No error, whatever is asked for.
    pub unused_labels: Vec<String>,
}

impl Mismatches {
    /// Whether all rows and pictures fit together.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows_without_picture.is_empty()
            && self.pictures_without_row.is_empty()
            && self.duplicates.is_empty()
            && self.conflicts.is_empty()
            && self.links.is_empty()
    }

    /// A line for each kind that there is: how many, and the first three.
    #[must_use]
    pub fn describe(&self) -> Vec<String> {
        let rows = |one: &str, many: &str, found: &[Mention]| {
            line(one, many, found.len(), found.iter().map(|m| format!("{} ({})", short(&m.name), m.places())))
        };
        let names = |one: &str, many: &str, found: &[String]| {
            line(one, many, found.len(), found.iter().map(|name| short(name)))
        };
        [
            rows("row has no picture", "rows have no picture", &self.rows_without_picture),
            names("picture has no row", "pictures have no row", &self.pictures_without_row),
            rows(
                "picture has several rows, all alike",
                "pictures have several rows, all alike",
                &self.duplicates,
            ),
            rows(
                "picture has rows that contradict each other, and is left out",
                "pictures have rows that contradict each other, and are left out",
                &self.conflicts,
            ),
            names(
                "symbolic link in a tar file is not followed",
                "symbolic links in tar files are not followed",
                &self.links,
            ),
            names(
                "link leads back to a folder that it lies in, and is not followed",
                "links lead back to folders that they lie in, and are not followed",
                &self.links_back,
            ),
            self.not_pictures.said(),
            names(
                "picture belongs to another of its key, as in WebDataset, and is no sample",
                "pictures belong to others of their keys, as in WebDataset, and are no samples",
                &self.parts_of_others,
            ),
            names(
                "tar file beside the pictures is not read; name it alone to have what is in it",
                "tar files beside the pictures are not read; name them alone to have what is in them",
                &self.shards,
            ),
            names("label has no picture", "labels have no picture", &self.unused_labels),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// Examples in a line of [`Mismatches::describe`].
const SHOWN: usize = 3;

impl Mention {
    fn places(&self) -> String {
        let more = if self.rows.len() > SHOWN { ", …" } else { "" };
        self.rows.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ") + more
    }
}

/// `3 LABELS: a, b, c, …`; none if there are none.
pub(super) fn line(
    one: &str,
    many: &str,
    count: usize,
    names: impl Iterator<Item = String>,
) -> Option<String> {
    let noun = if count == 1 { one } else { many };
    let shown: Vec<String> = names.take(SHOWN).collect();
    let more = if count > SHOWN { ", …" } else { "" };
    (count > 0).then(|| format!("{count} {noun}: {}{more}", shown.join(", ")))
}

/// A name on one line, and not a long one.
pub(super) fn short(name: &str) -> String {
    const LONGEST: usize = 80;
    let first: String = name.chars().take(LONGEST).collect();
    let mut text = names::shown(&first).into_owned();
    if name.chars().nth(LONGEST).is_some() {
        text.push('…');
    }
    if text.is_empty() { "(no name)".into() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_a_kind_with_three_examples() {
        let mention = |n: usize| Mention { name: format!("p{n}"), rows: vec![format!("a.csv:{n}")] };
        let found = Mismatches {
            rows_without_picture: (2..7).map(mention).collect(),
            conflicts: vec![Mention { name: "x\n".into(), rows: (2..9).map(|n| format!("f:{n}")).collect() }],
            unused_labels: vec!["y".repeat(200)],
            ..Mismatches::default()
        };
        let lines = found.describe();
        assert_eq!(lines[0], "5 rows have no picture: p2 (a.csv:2), p3 (a.csv:3), p4 (a.csv:4), …");
        assert!(lines[1].ends_with("left out: x\\n (f:2, f:3, f:4, …)"), "{}", lines[1]);
        assert!(lines[2].len() < 120 && lines.len() == 3, "{lines:?}");
        assert!(!found.is_empty());
        let only_unused = Mismatches { unused_labels: vec!["a".into()], ..Mismatches::default() };
        assert!(only_unused.is_empty() && Mismatches::default().describe().is_empty());
    }
}
