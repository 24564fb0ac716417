//! Which picture goes where.

use std::collections::HashSet;

use sha2::{Digest, Sha256};

use super::testing::folder;
use super::{Dataset, DatasetError, LabelOptions, Split, SplitOptions};

fn pets(numbers: impl Iterator<Item = usize> + Clone) -> Dataset {
    let files: Vec<String> =
        ["cat", "dog"].iter().flat_map(|c| numbers.clone().map(move |n| format!("{c}.{n}.jpg"))).collect();
    Dataset::open(folder(&files).path(), &LabelOptions::default()).unwrap()
}

fn split(dataset: &Dataset, test_size: f64, seed: u64) -> Split {
    Split::new(dataset, &SplitOptions { test_size, val_size: 0.0, seed }).unwrap()
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
    let old_names: HashSet<String> = (0..old.samples.len()).map(|i| old.relative_path_string(i)).collect();
    let left = before.difference(&after).count();
    let entered = after.intersection(&old_names).filter(|name| !before.contains(*name)).count();
    // 40 new ones a class put 10 ± 2.7 into the test, where 10 fit: about 2 move, 9 are 3 sigma.
    assert!(left + entered <= 16, "{left} left and {entered} entered, of 200 and 600");
    assert_eq!(after.len(), 220);
}

fn parts(files: &[&str]) -> Result<Split, DatasetError> {
    let data = Dataset::open(folder(files).path(), &LabelOptions::default()).unwrap();
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
    let data = Dataset::open(folder(&files).path(), &LabelOptions::default()).unwrap();
    let error = Split::new(&data, &SplitOptions::default()).unwrap_err().to_string();
    assert!(error.contains("classes \"a\", \"b\", \"c\", \"d\", \"e\" and 3 more"), "{error}");
    let error = parts(&["a/1.jpg", "b/1.jpg", "b/2.jpg"]).unwrap_err();
    assert!(matches!(&error, DatasetError::SinglePicture { classes, .. } if classes == &["a"]));
}

#[test]
fn shares_that_are_none_are_refused_by_name() {
    let data = pets(0..4);
    for test_size in [0.0, 1.0, -0.5, 25.0, f64::NAN, f64::INFINITY] {
        let error = Split::new(&data, &SplitOptions { test_size, val_size: 0.0, seed: 0 }).unwrap_err();
        assert!(error.to_string().starts_with("--test-size "), "{error}");
    }
}
