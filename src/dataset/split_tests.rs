//! Which picture goes where.

use std::collections::HashSet;

use sha2::{Digest, Sha256};

use super::testing::{folder, shared, write};
use super::{Dataset, DatasetError, LabelChoice, LabelOptions, Split, SplitOptions, Task};

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
    all.sort_unstable();
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

/// Pictures in one folder, the labels of each in a table, a line a picture.
fn tagged(rows: &[&str]) -> Dataset {
    let files: Vec<String> = (0..rows.len()).map(|n| format!("{n}.jpg")).collect();
    let root = folder(&files);
    let rows: String = rows.iter().enumerate().map(|(n, tags)| format!("{n},{tags}\n")).collect();
    write(root.path(), "metadata.csv", format!("file_name,tags\n{rows}"));
    let options = LabelOptions { task: Some(Task::Multilabel), ..LabelOptions::default() };
    Dataset::open(root.path(), &options).unwrap()
}

fn shares(dataset: &Dataset, test_size: f64, val_size: f64) -> Result<Split, DatasetError> {
    Split::new(dataset, &SplitOptions { test_size, val_size, seed: 42 })
}

/// Whether every sample is in one part.
fn complete(data: &Dataset, split: &Split) -> bool {
    let mut all = [split.train.clone(), split.val.clone(), split.test.clone()].concat();
    all.sort_unstable();
    all.into_iter().eq(0..data.samples.len())
}

#[test]
fn a_validation_part_leaves_the_test_as_it_is() {
    let data = pets(0..40);
    let [without, with] = [0.0, 0.2].map(|val_size| shares(&data, 0.25, val_size).unwrap());
    assert_eq!(with.test, without.test);
    assert_eq!((with.train.len(), with.val.len()), (44, 16));
    assert!(complete(&data, &with));
    // Of two pictures none is left to choose on, of three one.
    let of = |n| shares(&pets(0..n), 0.25, 0.1).unwrap();
    assert_eq!((of(2).val.len(), of(3).val.len(), of(3).train.len()), (0, 2, 2));
    for (test_size, val_size) in [(0.5, 0.5), (0.2, -0.1), (0.2, f64::NAN), (0.2, 1.0)] {
        let error = shares(&data, test_size, val_size).unwrap_err().to_string();
        assert!(error.starts_with("--val-size "), "{error}");
    }
}

#[test]
fn a_part_that_is_not_given_is_taken_out_of_train() {
    let files = |part: &str, n: usize| -> Vec<String> {
        ["a", "b"].iter().flat_map(|c| (0..n).map(move |i| format!("{part}/{c}/{i}.jpg"))).collect()
    };
    let open = |files: Vec<String>| Dataset::open(folder(&files).path(), &LabelOptions::default()).unwrap();
    let data = open([files("train", 10), files("test", 4)].concat());
    let split = shares(&data, 0.25, 0.2).unwrap();
    assert_eq!((split.train.len(), split.val.len(), split.test.len()), (16, 4, 8));
    assert!(complete(&data, &split));
    let data = open([files("train", 10), files("test", 4), files("val", 3)].concat());
    let split = shares(&data, 0.25, 0.2).unwrap();
    assert_eq!((split.train.len(), split.val.len(), split.test.len()), (20, 6, 8));
}

#[test]
fn several_labels_are_stratified_and_deterministic() {
    let Some(root) = shared("ucmerced-multilabel") else { return };
    let table = LabelChoice::Manifest(root.join("train_v2.csv"));
    let data = Dataset::open(&root.join("train-jpg"), &table.into()).unwrap();
    let all = data.class_counts();
    for (test_size, val_size) in [(0.25, 0.0), (0.1, 0.1), (0.5, 0.25)] {
        let split = shares(&data, test_size, val_size).unwrap();
        assert!(complete(&data, &split));
        assert_eq!(split, shares(&data, test_size, val_size).unwrap());
        assert_eq!(split.test, shares(&data, test_size, 0.0).unwrap().test);
        for (part, share) in [(&split.test, test_size), (&split.val, val_size)] {
            let n = part.len() as f64;
            assert!((n - share * 2100.0).abs() <= 21.0, "{n} pictures for a share of {share}");
            let mut counts = vec![0; all.len()];
            part.iter().flat_map(|&i| &data.samples[i].labels).for_each(|&k| counts[k as usize] += 1);
            for (k, (&count, &all)) in counts.iter().zip(&all).enumerate() {
                // By chance the standard deviation is sqrt(share · (1 − share) · all): for a quarter of 100 it is 4.3, where
                // 2.5 are allowed here, and for 17 labels at once that does not happen.
                let off = (f64::from(count) - share * all as f64).abs();
                assert!(off <= 1.5 + 0.01 * all as f64, "{}: {count} of {all} for {share}", data.classes[k]);
            }
        }
    }
    let other = Split::new(&data, &SplitOptions { seed: 43, ..SplitOptions::default() }).unwrap();
    assert_ne!(other.test, shares(&data, 0.25, 0.0).unwrap().test);
}

#[test]
fn rare_labels_are_trained_on() {
    let rows = ["a once", "a", "a", "a", "a b", "b", "b", "b", "", "", "", ""];
    let data = tagged(&rows);
    let once = data.classes.iter().position(|class| class == "once").unwrap() as u32;
    for test_size in [0.1, 0.25, 0.5, 0.9] {
        let split = shares(&data, test_size, 0.05).unwrap();
        assert!(complete(&data, &split) && !split.train.is_empty() && !split.test.is_empty());
        assert!(split.unseen(&data).is_empty(), "{test_size}: {split:?}");
        assert!(split.train.iter().any(|&i| data.samples[i].labels.contains(&once)), "{test_size}");
        let notes = split.notes(&data);
        assert!(
            notes.iter().any(|note| note.contains("once") && note.contains("no picture in the test")),
            "{notes:?}"
        );
    }
    // Both labels of two pictures in one: neither may be only in the test.
    let data = tagged(&["x y", "x y", "x", "y", "z", "z"]);
    for test_size in [0.3, 0.6, 0.95] {
        assert!(
            shares(&data, test_size, 0.0).is_ok_and(|split| split.unseen(&data).is_empty()),
            "{test_size}"
        );
    }
    let error = shares(&tagged(&["a", "b c", "d"]), 0.5, 0.0).unwrap_err();
    assert!(matches!(error, DatasetError::NothingToTest { pictures: 3, .. }), "{error}");
    // A single label is something to tell from none of it.
    let data = tagged(&["a", "a", "a", "a", "", "", "", ""]);
    let split = shares(&data, 0.5, 0.0).unwrap();
    assert_eq!(split.test.iter().filter(|&&i| data.samples[i].labels == [0]).count(), 2);
    assert_eq!(split.test.len(), 4);
}

#[test]
fn a_tag_that_training_never_saw_is_told() {
    let root = folder(&["1.jpg", "2.jpg", "3.jpg"]);
    let table = "file_name,tags,split\n1,a b,train\n2,a,train\n3,a new,test\n";
    write(root.path(), "metadata.csv", table);
    let data = Dataset::open(root.path(), &LabelOptions::default()).unwrap();
    let split = Split::new(&data, &SplitOptions::default()).unwrap();
    assert_eq!(split, Split { train: vec![0, 1], val: vec![], test: vec![2] });
    assert_eq!(split.unseen(&data), [2]);
    let notes = split.notes(&data);
    assert_eq!(notes[0], "1 label is tested or chosen on but never trained on: new");
    assert_eq!(notes[1], "1 label has no picture in the test: b");
}

#[test]
fn many_rare_labels_are_placed_in_time() {
    let rows: Vec<String> =
        (0..2000).map(|n| (0..50).map(|k| format!("l{} ", n * 25 + k)).collect()).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let data = tagged(&rows);
    assert_eq!(data.classes.len(), 50_025);
    let start = std::time::Instant::now();
    let split = shares(&data, 0.25, 0.0).unwrap();
    // It takes a tenth of a second; with a search for the rarest label at each step it would be minutes.
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
    assert!(complete(&data, &split) && split.unseen(&data).is_empty());
}
