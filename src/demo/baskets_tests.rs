use std::collections::BTreeSet;
use std::fs;

use super::baskets::*;
use super::tests::{files, pictures};
use super::*;
use crate::progress::Quiet;

fn options(seed: u64, pictures: usize) -> BasketOptions {
    BasketOptions { seed, pictures }
}

/// Names and tags of a manifest.
fn manifest(path: &Path) -> Vec<(String, Vec<String>)> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    assert_eq!(reader.headers().unwrap(), vec!["image_name", "tags"]);
    (reader.records())
        .map(|row| row.unwrap())
        .map(|row| (row[0].to_owned(), row[1].split(' ').map(String::from).collect()))
        .collect()
}

#[test]
fn the_seed_decides_the_baskets_and_threads_do_not() {
    let drawn = |seed: u64, threads: usize| {
        let dir = tempfile::tempdir().unwrap();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| draw_baskets(dir.path(), &options(seed, 6), &Quiet)).unwrap();
        files(dir.path())
    };
    let one = drawn(1, 1);
    assert!(one == drawn(1, 3), "the number of threads changed the baskets");
    assert!(one != drawn(2, 3), "another seed draws the same");
}

#[test]
fn a_larger_set_of_baskets_begins_with_the_smaller() {
    let (small, large) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    draw_baskets(small.path(), &options(42, 2), &Quiet).unwrap();
    draw_baskets(large.path(), &options(42, 4), &Quiet).unwrap();
    let all = pictures(large.path());
    assert!(pictures(small.path()).iter().all(|picture| all.contains(picture)));
    assert_eq!(manifest(&small.path().join("baskets.csv")), manifest(&large.path().join("baskets.csv"))[..2]);
}

#[test]
fn the_manifest_names_each_picture_and_one_to_five_kinds() {
    let dir = tempfile::tempdir().unwrap();
    let set = draw_baskets(dir.path(), &options(42, 60), &Quiet).unwrap();
    assert_eq!((set.drawn, set.reused), (60, 0));
    assert_eq!((set.pictures, set.manifest), (dir.path().join("baskets"), dir.path().join("baskets.csv")));
    assert!(set.kinds.is_sorted() && set.kinds.iter().all(|kind| !kind.contains([' ', ','])));

    let rows = manifest(&dir.path().join("baskets.csv"));
    let names: BTreeSet<String> = rows.iter().map(|(name, _)| format!("baskets/{name}.jpg")).collect();
    let there: BTreeSet<String> =
        pictures(dir.path()).iter().map(|(path, _)| path.to_string_lossy().replace('\\', "/")).collect();
    assert_eq!(names, there);
    let mut counts = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for (_, tags) in &rows {
        assert!(tags.is_sorted_by(|a, b| a < b), "{tags:?}");
        counts.insert(tags.len());
        seen.extend(tags.iter().cloned());
    }
    assert_eq!(counts, BTreeSet::from([1, 2, 3, 4, 5]));
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), set.kinds);
    let attribution = fs::read_to_string(dir.path().join("baskets/ATTRIBUTION.txt")).unwrap();
    assert!(attribution.contains("CC-BY 4.0"));
}

#[test]
fn its_own_baskets_are_reused_and_mended() {
    let dir = tempfile::tempdir().unwrap();
    draw_baskets(dir.path(), &options(42, 3), &Quiet).unwrap();
    let before = files(dir.path());
    let again = draw_baskets(dir.path(), &options(42, 3), &Quiet).unwrap();
    assert_eq!((again.drawn, again.reused), (0, 3));
    fs::remove_file(dir.path().join("baskets/basket-0002.jpg")).unwrap();
    fs::remove_file(dir.path().join("baskets.csv")).unwrap();
    let mended = draw_baskets(dir.path(), &options(42, 3), &Quiet).unwrap();
    assert_eq!((mended.drawn, mended.reused), (1, 2));
    assert!(files(dir.path()) == before);
}

#[test]
fn what_is_not_of_this_set_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("baskets.csv"), "mine").unwrap();
    let error = draw_baskets(dir.path(), &options(42, 3), &Quiet).unwrap_err();
    assert!(matches!(error, DemoError::OtherManifest { .. }), "{error}");
    assert_eq!(files(dir.path()), [(PathBuf::from("baskets.csv"), b"mine".to_vec())]);

    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("baskets")).unwrap();
    fs::write(dir.path().join("baskets/weave.txt"), "mine").unwrap();
    let error = draw_baskets(dir.path(), &options(42, 3), &Quiet).unwrap_err();
    assert!(matches!(error, DemoError::Foreign { .. }), "{error}");
    assert_eq!(files(dir.path()).len(), 1);

    // The folder of a set of single kinds is not one of baskets.
    let dir = tempfile::tempdir().unwrap();
    draw(&dir.path().join("baskets"), &DrawOptions { seed: 42, per_class: 1 }, &Quiet).unwrap();
    let error = draw_baskets(dir.path(), &options(42, 3), &Quiet).unwrap_err();
    assert!(error.to_string().contains("seed 42, 1 pictures of 12 kinds"), "{error}");
    assert!(error.to_string().contains("asked for seed 42, 3 baskets of 6 kinds"), "{error}");
}

#[test]
fn an_impossible_number_of_baskets_is_refused_before_anything_is_made() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("set");
    for pictures in [0, MAX_BASKETS + 1] {
        let error = draw_baskets(&dir, &options(42, pictures), &Quiet).unwrap_err();
        assert!(error.to_string().contains("give 1 to 1000000"), "{error}");
    }
    assert!(!dir.exists());
}
