//! Which pictures are fitted to and which are kept apart.

use sha2::{Digest, Sha256};

use super::{Dataset, DatasetError, Part};

/// Options of a split.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SplitOptions {
    /// Share of the pictures of each class that is kept for the test, 0 < share < 1.
    pub test_size: f64,
    /// Seed of the hash.
    pub seed: u64,
}

impl Default for SplitOptions {
    /// A quarter for the test, seed 42.
    fn default() -> Self {
        Self { test_size: 0.25, seed: 42 }
    }
}

/// Indices into `Dataset::samples`, each list ascending, no index in two of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Split {
    /// Fitted to. Never empty, and holds every class.
    pub train: Vec<usize>,
    /// Chosen on. Empty unless the data came with `train`, `val` and `test` folders.
    pub val: Vec<usize>,
    /// Reported on. Never empty.
    pub test: Vec<usize>,
}

impl Split {
    /// Divides the pictures into those to fit to and those to test.
    ///
    /// Data that came in `train`, `val` and `test` folders stays divided so, whatever the options say. With
    /// `train` and `val` alone, `val` is the test: nothing was chosen on it.
    ///
    /// Otherwise, in each class, the pictures are ordered by SHA-256 of the seed as decimal text, a zero
    /// byte, and [`Dataset::relative_path_string`]; the first `test_size` of them, rounded, are the test, at
    /// least one and at most all but one. The order of two pictures does not depend on any third, so
    /// adding pictures moves few of the old ones from one side to the other.
    ///
    /// # Errors
    /// A share outside 0…1; a single class; a class with one picture; in data that came divided, no
    /// training pictures, or none of a class.
    pub fn new(dataset: &Dataset, options: &SplitOptions) -> Result<Self, DatasetError> {
        let test_size = options.test_size;
        if !(test_size > 0.0 && test_size < 1.0) {
            return Err(DatasetError::TestSize(test_size));
        }
        if let [class] = dataset.classes.as_slice() {
            return Err(DatasetError::OneClass {
                root: dataset.root.clone(),
                class: class.clone(),
                pictures: dataset.samples.len(),
                labels: dataset.labels,
            });
        }
        if dataset.parts_given() { Self::by_folder(dataset) } else { Self::by_hash(dataset, options) }
    }

    fn by_folder(dataset: &Dataset) -> Result<Self, DatasetError> {
        let of = |part| {
            let samples = dataset.samples.iter().enumerate();
            samples.filter(|(_, s)| s.part == Some(part)).map(|(index, _)| index).collect::<Vec<_>>()
        };
        let mut split = Self { train: of(Part::Train), val: of(Part::Val), test: of(Part::Test) };
        if split.train.is_empty() {
            let found = if split.test.is_empty() { "val" } else { "test" };
            let found = if split.test.is_empty() || split.val.is_empty() { found } else { "val` and `test" };
            return Err(DatasetError::NoTrainPart { root: dataset.root.clone(), found: found.into() });
        }
        if split.test.is_empty() {
            split.test = std::mem::take(&mut split.val);
        }
        let mut trained = vec![false; dataset.classes.len()];
        split.train.iter().for_each(|&index| {
            dataset.samples[index].labels.iter().for_each(|&y| trained[y as usize] = true)
        });
        let classes = select(&dataset.classes, |label| !trained[label]);
        if !classes.is_empty() {
            return Err(DatasetError::NotInTrain { root: dataset.root.clone(), classes });
        }
        Ok(split)
    }

    fn by_hash(dataset: &Dataset, options: &SplitOptions) -> Result<Self, DatasetError> {
        let counts = dataset.class_counts();
        let classes = select(&dataset.classes, |label| counts[label] < 2);
        if !classes.is_empty() {
            return Err(DatasetError::SinglePicture { root: dataset.root.clone(), classes });
        }
        let mut order: Vec<(u32, [u8; 32], usize)> = (0..dataset.samples.len())
            .map(|index| (dataset.samples[index].labels[0], key(options.seed, dataset, index), index))
            .collect();
        order.sort_unstable();
        let mut split = Self::default();
        for class in order.chunk_by(|a, b| a.0 == b.0) {
            let test = (options.test_size * class.len() as f64).round() as usize;
            let (test, train) = class.split_at(test.clamp(1, class.len() - 1));
            split.test.extend(test.iter().map(|&(.., index)| index));
            split.train.extend(train.iter().map(|&(.., index)| index));
        }
        split.train.sort_unstable();
        split.test.sort_unstable();
        Ok(split)
    }
}

fn key(seed: u64, dataset: &Dataset, index: usize) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(seed.to_string());
    hash.update([0]);
    hash.update(dataset.relative_path_string(index));
    hash.finalize().into()
}

fn select(classes: &[String], wanted: impl Fn(usize) -> bool) -> Vec<String> {
    (0..classes.len()).filter(|&label| wanted(label)).map(|label| classes[label].clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::folder;
    use super::*;
    use std::collections::HashSet;

    fn pets(numbers: impl Iterator<Item = usize> + Clone) -> Dataset {
        let files: Vec<String> = ["cat", "dog"]
            .iter()
            .flat_map(|c| numbers.clone().map(move |n| format!("{c}.{n}.jpg")))
            .collect();
        Dataset::open(folder(&files).path(), None).unwrap()
    }

    fn split(dataset: &Dataset, test_size: f64, seed: u64) -> Split {
        Split::new(dataset, &SplitOptions { test_size, seed }).unwrap()
    }

    fn test_names(dataset: &Dataset, seed: u64) -> HashSet<String> {
        split(dataset, 0.25, seed).test.iter().map(|&i| dataset.relative_path_string(i)).collect()
    }

    #[test]
    fn every_picture_once_and_a_quarter_of_each_class() {
        let data = pets(0..41);
        let split = split(&data, 0.25, 42);
        let mut all = [split.train.clone(), split.test.clone()].concat();
        assert!(split.train.is_sorted() && split.test.is_sorted() && split.val.is_empty());
        all.sort();
        assert_eq!(all, (0..82).collect::<Vec<_>>());
        let cats = split.test.iter().filter(|&&i| data.samples[i].labels == [0]).count();
        assert_eq!((cats, split.test.len()), (10, 20));
    }

    #[test]
    fn always_one_on_either_side() {
        let data = pets(0..2);
        for test_size in [1e-9, 0.25, 0.5, 0.999] {
            let split = split(&data, test_size, 1);
            assert_eq!((split.train.len(), split.test.len()), (2, 2), "{test_size}");
        }
    }

    /// The order is a promise: models trained today must be testable on the same pictures tomorrow.
    #[test]
    fn the_hash_is_sha256_of_seed_zero_path() {
        let data = pets(0..4);
        let mut cats: Vec<(String, usize)> = (0..4)
            .map(|n| {
                let hash = Sha256::digest(format!("42\0cat.{n}.jpg"));
                (hash.iter().map(|byte| format!("{byte:02x}")).collect(), n)
            })
            .collect();
        cats.sort();
        assert_eq!(split(&data, 0.25, 42).test[0], cats[0].1);
    }

    #[test]
    fn the_seed_decides() {
        let data = pets(0..100);
        assert_eq!(test_names(&data, 42), test_names(&data, 42));
        let shared = test_names(&data, 42).intersection(&test_names(&data, 43)).count();
        assert!(shared < 30, "{shared} of 50 stayed, 12.5 are expected");
    }

    #[test]
    fn adding_a_tenth_moves_few() {
        let (old, new) = (pets(0..400), pets(0..440));
        let (before, after) = (test_names(&old, 42), test_names(&new, 42));
        let old_names: HashSet<String> =
            (0..old.samples.len()).map(|i| old.relative_path_string(i)).collect();
        let left = before.difference(&after).count();
        let entered = after.intersection(&old_names).filter(|name| !before.contains(*name)).count();
        // 40 new ones a class put 10 ± 2.7 into the test, where 10 fit: about 2 move, 9 are 3 sigma.
        assert!(left + entered <= 16, "{left} left and {entered} entered, of 200 and 600");
        assert_eq!(after.len(), 220);
    }

    fn parts(files: &[&str]) -> Result<Split, DatasetError> {
        let data = Dataset::open(folder(files).path(), None).unwrap();
        Split::new(&data, &SplitOptions::default())
    }

    #[test]
    fn folders_that_divide_are_respected() {
        let all = ["test/a/1.png", "train/a/1.png", "train/b/1.png", "val/b/1.png"];
        let expected = Split { test: vec![0], train: vec![1, 2], val: vec![3] };
        assert_eq!(parts(&all).unwrap(), expected);
        let expected = Split { test: vec![0], train: vec![1, 2], val: vec![] };
        assert_eq!(parts(&all[..3]).unwrap(), expected);
        let expected = Split { test: vec![2], train: vec![0, 1], val: vec![] };
        assert_eq!(parts(&all[1..]).unwrap(), expected, "val stands in for test");
    }

    #[test]
    fn folders_that_divide_badly() {
        let error = parts(&["test/a/1.png", "test/b/1.png"]).unwrap_err();
        assert!(matches!(&error, DatasetError::NoTrainPart { found, .. } if found == "test"), "{error}");
        let error = parts(&["test/a/1.png", "val/b/1.png"]).unwrap_err();
        assert!(error.to_string().contains("`val` and `test`"), "{error}");
        let error = parts(&["train/a/1.png", "train/b/1.png", "test/c/1.png"]).unwrap_err();
        assert!(matches!(&error, DatasetError::NotInTrain { classes, .. } if classes == &["c"]), "{error}");
    }

    #[test]
    fn one_class_and_single_pictures_are_refused() {
        let error = parts(&["cat/1.jpg", "cat/2.jpg"]).unwrap_err();
        assert!(matches!(&error, DatasetError::OneClass { class, pictures: 2, .. } if class == "cat"));
        assert!(error.to_string().contains("\"cat\" (2 pictures"), "{error}");
        let files: Vec<String> = ('a'..='h').map(|c| format!("{c}/1.jpg")).collect();
        let data = Dataset::open(folder(&files).path(), None).unwrap();
        let error = Split::new(&data, &SplitOptions::default()).unwrap_err().to_string();
        assert!(error.contains("classes \"a\", \"b\", \"c\", \"d\", \"e\" and 3 more"), "{error}");
        let error = parts(&["a/1.jpg", "b/1.jpg", "b/2.jpg"]).unwrap_err();
        assert!(matches!(&error, DatasetError::SinglePicture { classes, .. } if classes == &["a"]));
    }

    #[test]
    fn shares_that_are_none_are_refused_by_name() {
        let data = pets(0..4);
        for test_size in [0.0, 1.0, -0.5, 25.0, f64::NAN, f64::INFINITY] {
            let error = Split::new(&data, &SplitOptions { test_size, seed: 0 }).unwrap_err();
            assert!(error.to_string().starts_with("--test-size "), "{error}");
        }
    }
}
