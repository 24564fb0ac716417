//! Dividing training pictures into folds, each of which is held out in turn.

use super::split::ordered;
use super::stratify::take;
use super::{Dataset, Task};

/// Divides the samples `rows` into `folds` folds (at least 2, at most as many as there are rows) in which each label is as frequent as
/// in all of them, as far as that goes. The fold of each row, from 0, in the order of `rows`. Another `seed` is another division.
///
/// With one label a picture, the pictures of a class are dealt out one by one in the order of their hashes (see
/// [`Split::new`](super::Split::new)), and the next class begins where the last one ended: no fold has more than one
/// picture more than another, of a class and in all. With any number of labels, one fold after the other is taken by iterative
/// stratification.
///
/// # Panics
/// Fewer than 2 folds, or more than rows.
#[must_use]
pub fn folds(dataset: &Dataset, rows: &[usize], folds: usize, seed: u64) -> Vec<u32> {
    assert!(folds >= 2 && folds <= rows.len(), "2 to {} folds", rows.len());
    let order = ordered(dataset, rows.to_vec(), seed);
    let mut fold_of = vec![0; dataset.samples.len()];
    match dataset.task {
        Task::Multiclass => {
            let mut by_class = order;
            by_class.sort_by_key(|&i| dataset.samples[i].labels.first().copied());
            for (at, i) in by_class.into_iter().enumerate() {
                fold_of[i] = (at % folds) as u32;
            }
        }
        Task::Multilabel => {
            let mut left = order;
            for fold in 0..folds - 1 {
                let share = 1.0 / (folds - fold) as f64;
                let (mut taken, _) = take(&dataset.samples, &left, dataset.classes.len(), share);
                // Where labels are so rare that nothing may be taken, a fold is not left empty.
                if taken.is_empty() {
                    taken.push(left[0]);
                }
                left.retain(|i| taken.binary_search(i).is_err());
                taken.into_iter().for_each(|i| fold_of[i] = fold as u32);
            }
            left.into_iter().for_each(|i| fold_of[i] = folds as u32 - 1);
        }
    }
    rows.iter().map(|&i| fold_of[i]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::testing::{folder, write};
    use crate::dataset::{LabelOptions, Split, SplitOptions};

    fn counts(dataset: &Dataset, rows: &[usize], fold_of: &[u32], folds: usize, label: u32) -> Vec<usize> {
        let mut counts = vec![0; folds];
        for (&row, &fold) in rows.iter().zip(fold_of) {
            counts[fold as usize] += usize::from(dataset.samples[row].labels.contains(&label));
        }
        counts
    }

    fn even(counts: &[usize], by: usize) -> bool {
        counts.iter().max().unwrap() - counts.iter().min().unwrap() <= by
    }

    #[test]
    fn classes_are_dealt_out_evenly() {
        let files: Vec<String> =
            (0..47).map(|n| format!("{}.{n}.jpg", ["cat", "cat", "dog", "owl"][n % 4])).collect();
        let data = Dataset::open(folder(&files).path(), &LabelOptions::default()).unwrap();
        let train = Split::new(&data, &SplitOptions::default()).unwrap().train;
        for n in [2, 3, 5, train.len()] {
            let found = folds(&data, &train, n, 1);
            assert_eq!(found.len(), train.len());
            for class in 0..3 {
                let counts = counts(&data, &train, &found, n, class);
                assert!(even(&counts, 1), "{n} folds, class {class}: {counts:?}");
            }
            let all: Vec<usize> =
                (0..n as u32).map(|f| found.iter().filter(|&&of| of == f).count()).collect();
            assert!(even(&all, 1) && all.iter().all(|&n| n > 0), "{n} folds: {all:?}");
        }
        assert_eq!(folds(&data, &train, 5, 1), folds(&data, &train, 5, 1));
        assert_ne!(folds(&data, &train, 5, 1), folds(&data, &train, 5, 2), "another seed, another division");
    }

    #[test]
    fn labels_are_spread_too() {
        let files: Vec<String> = (0..120).map(|n| format!("{n}.jpg")).collect();
        let root = folder(&files);
        let rows: String = (0..120)
            .map(|n| {
                let rare = if n % 12 == 0 { " rare" } else { "" };
                format!("{n}.jpg,{}{rare}\n", ["sea", "sea sand", "wood", ""][n % 4])
            })
            .collect();
        write(root.path(), "metadata.csv", format!("file_name,tags\n{rows}"));
        let data = Dataset::open(root.path(), &LabelOptions::default()).unwrap();
        assert_eq!(data.task, Task::Multilabel);
        let train = Split::new(&data, &SplitOptions::default()).unwrap().train;
        let found = folds(&data, &train, 4, 3);
        for (label, name) in data.classes.iter().enumerate() {
            let counts = counts(&data, &train, &found, 4, label as u32);
            assert!(even(&counts, 2), "{name}: {counts:?}");
        }
        let all: Vec<usize> = (0..4).map(|f| found.iter().filter(|&&of| of == f).count()).collect();
        assert!(even(&all, 3), "{all:?}");
    }
}
