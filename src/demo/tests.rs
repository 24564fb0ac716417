use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Mutex;

use super::*;
use crate::progress::Quiet;

/// Every file below `dir`, with its path relative to it.
pub(super) fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found: Vec<_> = walkdir::WalkDir::new(dir)
        .into_iter()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| (entry.path().strip_prefix(dir).unwrap().to_owned(), fs::read(entry.path()).unwrap()))
        .collect();
    found.sort();
    found
}

pub(super) fn pictures(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    files(dir).into_iter().filter(|(path, _)| path.extension().is_some_and(|e| e == "jpg")).collect()
}

fn drawn_with(seed: u64, threads: usize) -> Vec<(PathBuf, Vec<u8>)> {
    let dir = tempfile::tempdir().unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| draw(dir.path(), &DrawOptions { seed, per_class: 2 }, &Quiet)).unwrap();
    pictures(dir.path())
}

/// Remembers what was said.
#[derive(Default)]
struct Listener {
    said: Mutex<Vec<String>>,
    advanced: Mutex<u64>,
}

impl Progress for Listener {
    fn begin(&self, _: &str, _: u64, _: &str) {}
    fn advance(&self, n: u64) {
        *self.advanced.lock().unwrap() += n;
    }
    fn note(&self, _: &str) {}
    fn end(&self) {}
    fn say(&self, line: &str) {
        self.said.lock().unwrap().push(line.to_owned());
    }
}

#[test]
fn the_seed_decides_the_bytes_and_threads_do_not() {
    let one = drawn_with(1, 1);
    assert_eq!(one.len(), 2 * KINDS.len());
    assert!(one == drawn_with(1, 1), "same seed, other pictures");
    assert!(one == drawn_with(1, 3), "the number of threads changed the pictures");
    let other = drawn_with(2, 3);
    for (a, b) in one.iter().zip(&other) {
        assert_eq!(a.0, b.0);
        assert!(a.1 != b.1, "{} is the same for another seed", a.0.display());
    }
    let distinct: BTreeSet<_> = one.iter().chain(&other).map(|(_, bytes)| bytes).collect();
    assert_eq!(distinct.len(), 2 * one.len(), "two pictures of a set are the same");
}

#[test]
fn a_larger_set_begins_with_the_smaller() {
    let (small, large) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    draw(small.path(), &DrawOptions { per_class: 1, ..Default::default() }, &Quiet).unwrap();
    draw(large.path(), &DrawOptions { per_class: 2, ..Default::default() }, &Quiet).unwrap();
    let large = pictures(large.path());
    assert!(pictures(small.path()).iter().all(|picture| large.contains(picture)));
}

#[test]
fn all_kinds_are_there_decodable_and_of_mixed_size() {
    let dir = tempfile::tempdir().unwrap();
    let listener = Listener::default();
    let set = draw(dir.path(), &DrawOptions { per_class: 4, ..Default::default() }, &listener).unwrap();
    assert_eq!((set.drawn, set.reused, set.dir.as_path()), (4 * KINDS.len(), 0, dir.path()));
    assert_eq!(*listener.advanced.lock().unwrap(), set.drawn as u64);
    assert_eq!(set.classes, KINDS.map(|kind| kind.name));
    assert!(set.classes.is_sorted());

    let (mut sizes, mut square) = (BTreeSet::new(), 0);
    for class in &set.classes {
        for number in 1..=4 {
            let picture = image::open(dir.path().join(format!("{class}/{class}-{number:03}.jpg"))).unwrap();
            let (width, height) = (picture.width(), picture.height());
            assert!((96..=256).contains(&width) && (96..=256).contains(&height), "{width}×{height}");
            square += usize::from(width == height);
            sizes.insert((width, height));
        }
    }
    assert!(sizes.len() > set.drawn / 2 && square > 0 && square < set.drawn);
    let attribution = fs::read_to_string(dir.path().join("ATTRIBUTION.txt")).unwrap();
    assert!(attribution.contains("Twitter, Inc and other contributors") && attribution.contains("CC-BY 4.0"));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), KINDS.len() + 2, "a temporary file was left");
}

#[test]
fn objects_lie_inside_the_picture() {
    for kind in &KINDS {
        let artwork = Artwork::parse(kind).unwrap();
        let (side, radius) = (101, 48.0);
        for turn in [[1.0, 0.0], [0.6, 0.8], [-0.8, 0.6], [0.0, -1.0]] {
            let drawing = artwork.render(side, radius, turn).unwrap();
            let mut reach = 0.0f32;
            for (i, pixel) in drawing.pixels().iter().enumerate() {
                let (x, y) = ((i as u32 % side) as f32 - 50.0, (i as u32 / side) as f32 - 50.0);
                if pixel.alpha() > 0 {
                    reach = reach.max((x * x + y * y).sqrt());
                }
            }
            assert!(reach <= radius + 1.0 && reach > radius * 0.9, "{}: {reach}", kind.name);
        }
    }
}

#[test]
fn the_background_is_chosen_before_the_objects() {
    // The same generator with and without objects: what no object or shadow covers is drawn alike, but for
    // the grain. Corners are free of objects in most pictures.
    let artwork = Artwork::parse(&KINDS[0]).unwrap();
    let mut same = 0;
    for number in 0..40 {
        let empty = scene::draw(&[], 1, &mut picture_rng(7, 0, number)).unwrap();
        let filled = scene::draw(&[&artwork], 1, &mut picture_rng(7, 0, number)).unwrap();
        assert_eq!(empty.dimensions(), filled.dimensions());
        let (a, b) = (empty.get_pixel(0, 0), filled.get_pixel(0, 0));
        same += usize::from(a.0.iter().zip(b.0).all(|(a, b)| a.abs_diff(b) <= 20));
    }
    assert!(same >= 35, "{same} of 40 corners alike");
}

#[test]
fn a_folder_with_other_files_is_refused_and_left_alone() {
    for (name, text) in [("holiday.txt", "mine"), ("demo.json", "{}"), ("demo.json", "not JSON")] {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(name), text).unwrap();
        let error = draw(dir.path(), &DrawOptions::default(), &Quiet).unwrap_err();
        assert!(matches!(error, DemoError::Foreign { .. }), "{error}");
        assert!(error.to_string().contains("name a new or an empty folder"), "{error}");
        assert_eq!(files(dir.path()), [(PathBuf::from(name), text.as_bytes().to_vec())]);
    }
}

#[test]
fn a_file_in_place_of_the_folder_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("set");
    fs::write(&file, "mine").unwrap();
    let error = draw(&file, &DrawOptions::default(), &Quiet).unwrap_err();
    assert!(error.to_string().contains("cannot create") && error.to_string().contains("set"), "{error}");
    assert_eq!(fs::read(&file).unwrap(), b"mine");
}

#[test]
fn its_own_set_is_reused_and_mended() {
    let dir = tempfile::tempdir().unwrap();
    let options = DrawOptions { per_class: 2, ..Default::default() };
    draw(dir.path(), &options, &Quiet).unwrap();
    let before = files(dir.path());

    let listener = Listener::default();
    let again = draw(dir.path(), &options, &listener).unwrap();
    assert_eq!((again.drawn, again.reused), (0, 2 * KINDS.len()));
    assert!(
        listener.said.lock().unwrap().concat().contains("24 of 24 pictures of this set are here already")
    );

    // Deleted, or left empty by a power cut: drawn again, the rest kept.
    fs::remove_file(dir.path().join("lemon/lemon-001.jpg")).unwrap();
    fs::write(dir.path().join("kiwi/kiwi-002.jpg"), "").unwrap();
    let mended = draw(dir.path(), &options, &Quiet).unwrap();
    assert_eq!((mended.drawn, mended.reused), (2, 2 * KINDS.len() - 2));
    assert!(files(dir.path()) == before);
}

#[test]
fn another_set_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    draw(dir.path(), &DrawOptions { per_class: 1, ..Default::default() }, &Quiet).unwrap();
    let before = files(dir.path());
    for other in [DrawOptions { seed: 43, per_class: 1 }, DrawOptions { seed: 42, per_class: 2 }] {
        let error = draw(dir.path(), &other, &Quiet).unwrap_err();
        assert!(matches!(error, DemoError::OtherSet { .. }), "{error}");
        assert!(error.to_string().contains("seed 42, 1 pictures of 12 kinds"), "{error}");
    }
    assert!(files(dir.path()) == before);
}

#[test]
fn an_impossible_number_of_pictures_is_refused_before_anything_is_made() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("set");
    for per_class in [0, MAX_PER_CLASS + 1, usize::MAX] {
        let error = draw(&dir, &DrawOptions { per_class, ..Default::default() }, &Quiet).unwrap_err();
        assert!(error.to_string().contains("give 1 to 100000"), "{error}");
    }
    assert!(!dir.exists());
}
