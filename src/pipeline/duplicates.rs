//! Pictures that are there more than once: a test on what was trained on is none.

use std::collections::{HashMap, HashSet};
use std::fmt;

use rayon::prelude::*;
use serde::Serialize;

use super::store::content;
use crate::backend::Backend;
use crate::dataset::{Dataset, Part};
use crate::features::store::Hash;
use crate::features::{FeaturesError, Matrix, Source};
use crate::names::shown;
use crate::report::grouped;

/// What is equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Equal {
    /// All bytes of their files.
    Exact,
    /// Their features, bit by bit, and not their files.
    Features,
}

impl fmt::Display for Equal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exact => "exact",
            Self::Features => "features",
        })
    }
}

/// A picture, and another one that it equals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Duplicate {
    /// What of them is equal.
    pub kind: Equal,
    /// The part that the picture is in.
    pub part: Part,
    /// The picture, relative to the data.
    pub path: String,
    /// The part of the other: the same, or one that is used before it (train, val, test).
    pub other_part: Part,
    /// The other.
    pub other_path: String,
    /// Whether they have the same labels.
    pub same_labels: bool,
}

/// How many pictures equal another one, of one kind of equality. Each is counted once, with the training part before the others.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct DuplicateCounts {
    /// Pictures of the test that are in training.
    pub test_in_train: usize,
    /// Pictures of the test that are in the validation part.
    pub test_in_val: usize,
    /// Pictures of the validation part that are in training.
    pub val_in_train: usize,
    /// Pictures that equal one before them in their own part.
    pub within_a_part: usize,
    /// Of all these, those whose labels differ.
    pub other_labels: usize,
    /// Some of them, those across parts first.
    pub first: Vec<Duplicate>,
}

/// What is known of pictures that are there more than once.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Duplicates {
    /// By their files; none where there are none, as of features from elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exact: Option<DuplicateCounts>,
    /// By their features alone, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub features: Option<DuplicateCounts>,
}

/// Pairs in a summary.
const SHOWN: usize = 5;

impl Duplicates {
    /// What is to be said of them, a line each.
    #[must_use]
    pub fn said(&self) -> Vec<String> {
        let how = [(&self.exact, "byte for byte"), (&self.features, "by their features")];
        how.into_iter().flat_map(|(counts, how)| counts.iter().flat_map(|counts| counts.said(how))).collect()
    }
}

impl DuplicateCounts {
    fn of(found: &[Duplicate]) -> Self {
        let mut counts = Self { first: found.iter().take(SHOWN).cloned().collect(), ..Self::default() };
        for Duplicate { part, other_part, same_labels, .. } in found {
            let count = match (part, other_part) {
                (Part::Test, Part::Train) => &mut counts.test_in_train,
                (Part::Test, Part::Val) => &mut counts.test_in_val,
                (Part::Val, Part::Train) => &mut counts.val_in_train,
                _ => &mut counts.within_a_part,
            };
            *count += 1;
            counts.other_labels += usize::from(!same_labels);
        }
        counts
    }

    fn said(&self, how: &str) -> Vec<String> {
        let pairs = |wanted: &dyn Fn(&&Duplicate) -> bool| {
            let pairs = self.first.iter().filter(wanted).take(2);
            let pairs: Vec<_> =
                pairs.map(|d| format!("{} is {}", shown(&d.path), shown(&d.other_path))).collect();
            if pairs.is_empty() { String::new() } else { format!(": {}", pairs.join(", ")) }
        };
        let line = |count: usize, one: &str, many: &str, pairs: String| {
            let text = if count == 1 { one } else { many };
            (count > 0).then(|| format!("{} {text}, {how}{pairs}", grouped(count)))
        };
        let between = |part, other| pairs(&|d: &&Duplicate| (d.part, d.other_part) == (part, other));
        [
            line(
                self.test_in_train,
                "picture of the test is in training too",
                "pictures of the test are in training too",
                between(Part::Test, Part::Train),
            ),
            line(
                self.test_in_val,
                "picture of the test is in the validation part too",
                "pictures of the test are in the validation part too",
                between(Part::Test, Part::Val),
            ),
            line(
                self.val_in_train,
                "validation picture is in training too",
                "validation pictures are in training too",
                between(Part::Val, Part::Train),
            ),
            line(
                self.within_a_part,
                "picture is the same as another of its own part",
                "pictures are the same as another of their own part",
                pairs(&|d| d.part == d.other_part),
            ),
            line(
                self.other_labels,
                "of these is labelled otherwise than the picture it equals",
                "of these are labelled otherwise than the picture they equal",
                pairs(&|d| !d.same_labels),
            ),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// What pictures of `dataset` are told apart by: the content of their files, and rows of features where that was asked for.
pub(super) struct Marks {
    pub(super) hashes: Vec<Option<Hash>>,
    pub(super) looks: Vec<Option<Hash>>,
}

impl Marks {
    /// Looks for equal pictures in `parts`, each with the numbers of its samples. The whole list has those across parts first.
    pub(super) fn find(&self, dataset: &Dataset, parts: &[(Part, &[usize])]) -> (Duplicates, Vec<Duplicate>) {
        let counts = |marks: &[Option<Hash>], kind, found: &mut Vec<Duplicate>| {
            (!marks.is_empty()).then(|| {
                let mut equal = self.equal(dataset, parts, kind);
                // Across parts first, and of these the test.
                equal.sort_by(|a, b| {
                    let key = |d: &Duplicate| (d.part == d.other_part, std::cmp::Reverse(d.part));
                    key(a).cmp(&key(b)).then_with(|| a.path.cmp(&b.path))
                });
                let counts = DuplicateCounts::of(&equal);
                found.extend(equal);
                counts
            })
        };
        let mut found = Vec::new();
        let exact = counts(&self.hashes, Equal::Exact, &mut found);
        let features = counts(&self.looks, Equal::Features, &mut found);
        (Duplicates { exact, features }, found)
    }

    fn equal(&self, dataset: &Dataset, parts: &[(Part, &[usize])], kind: Equal) -> Vec<Duplicate> {
        let of = |marks: &[Option<Hash>], i: usize| marks.get(i).copied().flatten();
        let marks = if kind == Equal::Exact { &self.hashes } else { &self.looks };
        let mut groups: HashMap<Hash, Vec<(Part, usize)>> = HashMap::new();
        for &(part, rows) in parts {
            for &i in rows {
                if let Some(mark) = of(marks, i) {
                    groups.entry(mark).or_default().push((part, i));
                }
            }
        }
        let labels = |i: usize| &dataset.samples[i].labels;
        let mut found = Vec::new();
        for mut group in groups.into_values().filter(|group| group.len() > 1) {
            group.sort_unstable();
            let (first, one) = group[0];
            // Those in the first of the parts, the first one of each labels.
            let mut with = HashMap::from([(labels(one), one)]);
            for &(part, i) in &group[1..] {
                // One with the same labels, if there is any.
                let (other_part, other) = (first, with.get(labels(i)).copied().unwrap_or(one));
                if part == first {
                    with.entry(labels(i)).or_insert(i);
                }
                let same_file = of(&self.hashes, i).is_some_and(|hash| of(&self.hashes, other) == Some(hash));
                if kind == Equal::Features && same_file {
                    continue;
                }
                found.push(Duplicate {
                    kind,
                    part,
                    path: dataset.relative_path_string(i),
                    other_part,
                    other_path: dataset.relative_path_string(other),
                    same_labels: labels(i) == labels(other),
                });
            }
        }
        found
    }

    /// Reads those pictures of `dataset` in parts other than that of `picked` whose size is that of one of these, where their content is
    /// not known: others cannot be the same.
    pub(super) fn look_beside(&mut self, dataset: &Dataset, picked: &[usize]) {
        if self.hashes.is_empty() || !dataset.parts_given() {
            return;
        }
        let sizes: HashSet<u64> = picked.iter().filter_map(|&i| dataset.file_size(i)).collect();
        let of = picked.iter().map(|&i| dataset.samples[i].part).next().flatten();
        let hashes = &mut self.hashes;
        hashes.par_iter_mut().enumerate().for_each(|(i, hash)| {
            let beside = hash.is_none() && dataset.samples[i].part != of;
            if beside && dataset.file_size(i).is_some_and(|size| sizes.contains(&size)) {
                *hash = content(dataset, i).ok();
            }
        });
    }
}

/// Rows that are looked at at a time, at most.
const BLOCK: usize = 4096;
/// Numbers that are looked at at a time, where a row has no more of them: 32 MiB.
const BLOCK_NUMBERS: usize = 8 << 20;

/// Rows of so many `columns` that are looked at at a time.
fn block(columns: usize) -> usize {
    (BLOCK_NUMBERS / columns.max(1)).clamp(1, BLOCK)
}

/// A hash of each row.
pub(super) fn looks_of_rows(source: &dyn Source) -> Result<Vec<Option<Hash>>, FeaturesError> {
    let (rows, columns) = (source.rows(), source.columns());
    let mut looks = Vec::with_capacity(rows);
    let mut block = Vec::new();
    let most = self::block(columns);
    for first in (0..rows).step_by(most) {
        block.resize(most.min(rows - first) * columns, 0.0);
        source.read(first, &mut block)?;
        looks.extend(hashes(&block, columns));
    }
    Ok(looks)
}

/// The same of a matrix, whose rows are those of the samples `picked` among `all`.
pub(super) fn looks_of_matrix<B: Backend>(
    backend: &B,
    matrix: &Matrix<B>,
    picked: &[usize],
    all: usize,
) -> Result<Vec<Option<Hash>>, FeaturesError> {
    let rows: Vec<usize> = (0..matrix.rows()).collect();
    let mut looks = vec![None; all];
    let most = block(matrix.columns());
    for (rows, picked) in rows.chunks(most).zip(picked.chunks(most)) {
        let block = matrix.gather(backend, rows)?;
        picked.iter().zip(hashes(&block, matrix.columns())).for_each(|(&i, look)| looks[i] = look);
    }
    Ok(looks)
}

fn hashes(block: &[f32], columns: usize) -> impl Iterator<Item = Option<Hash>> {
    block.chunks_exact(columns).map(|row| Some(Hash::of(bytemuck::cast_slice(row))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// Says how many numbers were asked for at a time.
    #[derive(Debug)]
    struct Wide(usize, Mutex<usize>);

    impl Source for Wide {
        fn rows(&self) -> usize {
            5_000
        }

        fn columns(&self) -> usize {
            self.0
        }

        fn read(&self, first: usize, to: &mut [f32]) -> Result<(), FeaturesError> {
            let mut most = crate::sync::lock(&self.1);
            *most = (*most).max(to.len());
            to.chunks_exact_mut(self.0).zip(first..).for_each(|(row, i)| row[0] = (i / 2) as f32);
            Ok(())
        }
    }

    #[test]
    fn rows_are_looked_at_within_bytes_whatever_their_width() {
        for (columns, most) in [(1, 4096), (2048, 4096 * 2048), (2049, 4094 * 2049), (100_000, 83 * 100_000)]
        {
            let source = Wide(columns, Mutex::new(0));
            let looks = looks_of_rows(&source).unwrap();
            assert_eq!(*source.1.lock().unwrap(), most, "{columns}");
            assert!(looks.len() == 5_000 && looks[0] == looks[1] && looks[1] != looks[2]);
        }
        assert_eq!(block(usize::MAX), 1);
    }
}
