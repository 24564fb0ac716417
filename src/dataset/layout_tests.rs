//! Every layout, and what belongs to none.

use super::testing::folder;
use super::{Dataset, DatasetError, LabelChoice, LabelOptions, LabelSource};
use LabelSource::{Folder, Prefix};

fn open(files: &[&str], labels: Option<LabelSource>) -> Result<Dataset, DatasetError> {
    let source =
        labels.map(|labels| if labels == Folder { LabelChoice::Folder } else { LabelChoice::Prefix });
    Dataset::open(folder(files).path(), &LabelOptions { source, ..LabelOptions::default() })
}

/// `class path [part]` a sample, as text.
fn lines(data: &Dataset) -> Vec<String> {
    let line = |(index, sample): (usize, &super::Sample)| {
        let part = sample.part.map(|part| format!(" {part:?}")).unwrap_or_default();
        format!("{} {}{part}", data.classes[sample.labels[0] as usize], data.relative_path_string(index))
    };
    data.samples.iter().enumerate().map(line).collect()
}

fn detected(files: &[&str]) -> (LabelSource, Vec<String>, usize) {
    let data = open(files, None).unwrap();
    assert!(data.classes.is_sorted());
    (data.labels, lines(&data), data.unlabelled.len())
}

#[test]
fn a_folder_a_class() {
    let (labels, lines, unlabelled) = detected(&["dog/1.jpg", "cat/2.png", "cat/1.jpg", "cat/notes.txt"]);
    assert_eq!((labels, unlabelled), (Folder, 0));
    assert_eq!(lines, ["cat cat/1.jpg", "cat cat/2.png", "dog dog/1.jpg"]);
}

#[test]
fn whatever_lies_deeper_belongs_to_the_class() {
    let (_, lines, _) = detected(&["cat/in/1.jpg", "cat/out/far/2.jpg", "dog/3.jpg"]);
    assert_eq!(lines, ["cat cat/in/1.jpg", "cat cat/out/far/2.jpg", "dog dog/3.jpg"]);
}

#[test]
fn folders_that_wrap_everything_are_no_class() {
    let (_, lines, _) = detected(&["data/images/cat/1.jpg", "data/images/dog/2.jpg"]);
    assert_eq!(lines, ["cat data/images/cat/1.jpg", "dog data/images/dog/2.jpg"]);
    let (labels, lines, _) = detected(&["train/cat.1.jpg", "train/dog.1.jpg"]);
    assert_eq!((labels, lines), (Prefix, vec!["cat train/cat.1.jpg".into(), "dog train/dog.1.jpg".into()]));
}

#[test]
fn a_single_folder_of_plain_names_is_the_one_class() {
    let (labels, lines, _) = detected(&["pets/cat/1.jpg", "pets/cat/2.jpg"]);
    assert_eq!((labels, lines.len()), (Folder, 2));
    assert!(lines[0].starts_with("cat "), "{lines:?}");
    // One folder inside the class does not make the class a wrapper.
    let (_, lines, unlabelled) = detected(&["cat/1.jpg", "cat/kittens/2.jpg"]);
    assert!(lines.iter().all(|line| line.starts_with("cat ")), "{lines:?}");
    assert_eq!(unlabelled, 0);
}

#[test]
fn prefixes() {
    let (labels, lines, unlabelled) = detected(&["cat.1.jpg", "dog.1.tar.JPG", "cat.0.webp"]);
    assert_eq!((labels, unlabelled), (Prefix, 0));
    assert_eq!(lines, ["cat cat.0.webp", "cat cat.1.jpg", "dog dog.1.tar.JPG"]);
}

#[test]
fn parts() {
    let files = ["Train/cat/1.jpg", "Train/dog/1.jpg", "validation/cat/a/2.jpg", "test/dog/3.jpg", "x/y.jpg"];
    let data = open(&files, None).unwrap();
    let expected = [
        "cat Train/cat/1.jpg Train",
        "dog Train/dog/1.jpg Train",
        "dog test/dog/3.jpg Test",
        "cat validation/cat/a/2.jpg Val",
    ];
    assert_eq!(lines(&data), expected);
    assert!(data.parts_given());
    assert_eq!(data.unlabelled.len(), 1, "{:?}", data.unlabelled);
    assert_eq!(data.class_counts(), [2, 2]);
}

#[test]
fn parts_inside_a_wrapper_with_prefixes() {
    let (labels, lines, _) =
        detected(&["pets/train/cat.1.jpg", "pets/train/dog.1.jpg", "pets/valid/cat.2.jpg"]);
    assert_eq!(labels, Prefix);
    let expected =
        ["cat pets/train/cat.1.jpg Train", "dog pets/train/dog.1.jpg Train", "cat pets/valid/cat.2.jpg Val"];
    assert_eq!(lines, expected);
}

#[test]
fn a_test_folder_without_labels_divides_nothing() {
    for train in [["train/cat.1.jpg", "train/dog.1.jpg"], ["train/cat/1.jpg", "train/dog/1.jpg"]] {
        let data = open(&[train[0], train[1], "test/1.jpg", "test/2.jpg"], None).unwrap();
        assert!(!data.parts_given());
        assert_eq!((data.samples.len(), data.unlabelled.len()), (2, 2));
    }
}

#[test]
fn a_class_called_train_is_a_class() {
    let (_, lines, _) = detected(&["car/1.jpg", "train/1.jpg", "ship/1.jpg"]);
    assert_eq!(lines, ["car car/1.jpg", "ship ship/1.jpg", "train train/1.jpg"]);
}

#[test]
fn loose_pictures_beside_class_folders_are_set_apart() {
    let data = open(&["cat/1.jpg", "dog/1.jpg", "preview.png"], None).unwrap();
    assert_eq!((data.labels, data.samples.len()), (Folder, 2));
    assert_eq!(data.unlabelled, [std::path::PathBuf::from("preview.png")]);
}

#[test]
fn both_layouts_at_once_are_told_with_an_example_of_each() {
    let error = open(&["cat.1.jpg", "cat/1.jpg", "dog/1.jpg"], None).unwrap_err().to_string();
    for part in ["2 lie in folders, for example cat/1.jpg", "1 beside", "cat.1.jpg", "--labels prefix"] {
        assert!(error.contains(part), "{part:?} is not in: {error}");
    }
}

#[test]
fn names_without_prefix_are_told_with_an_example() {
    let error = open(&["cat.1.jpg", "dog.jpg", "emu.1.jpg"], None).unwrap_err();
    assert!(matches!(error, DatasetError::Undetected { .. }));
    assert!(error.to_string().contains("1 of 3 names have no prefix, for example dog.jpg"), "{error}");
}

#[test]
fn labels_asked_for_are_taken_as_asked() {
    let mixed = ["cat.1.jpg", "a/dog.1.jpg", "b/2.jpg", "x.jpg"];
    let data = open(&mixed, Some(Prefix)).unwrap();
    assert_eq!(lines(&data), ["dog a/dog.1.jpg", "cat cat.1.jpg"]);
    assert_eq!(data.unlabelled.len(), 2);
    let data = open(&mixed, Some(Folder)).unwrap();
    assert_eq!(lines(&data), ["a a/dog.1.jpg", "b b/2.jpg"]);
    assert_eq!(data.unlabelled.len(), 2);
}

#[test]
fn labels_asked_for_that_are_not_there() {
    let error = open(&["cat/1.jpg", "dog/1.jpg"], Some(Prefix)).unwrap_err();
    assert!(matches!(&error, DatasetError::NoLabels { labels: Prefix, pictures: 2, .. }), "{error}");
    assert!(error.to_string().contains("cat/1.jpg"), "{error}");
    let error = open(&["cat.1.jpg", "dog.1.jpg"], Some(Folder)).unwrap_err();
    assert!(error.to_string().contains("--labels prefix"), "{error}");
}

#[test]
fn classes_sort_by_code_point() {
    let data = open(&["é/1.jpg", "z/1.jpg", "Z/1.jpg", "10/1.jpg", "9/1.jpg"], None).unwrap();
    assert_eq!(data.classes, ["10", "9", "Z", "z", "é"]);
}
