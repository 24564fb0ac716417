//! Which place labels are taken from where nobody says.

use super::testing::{folder, lines, write};
use super::{Dataset, DatasetError, LabelChoice, LabelOptions, LabelSource, Task};

fn open(files: &[&str], texts: &[(&str, &str)]) -> Result<Dataset, DatasetError> {
    open_with(files, texts, &LabelOptions::default())
}

fn open_with(
    files: &[&str],
    texts: &[(&str, &str)],
    options: &LabelOptions,
) -> Result<Dataset, DatasetError> {
    let root = folder(files);
    texts.iter().for_each(|(name, text)| drop(write(root.path(), name, text)));
    Dataset::open(root.path(), options)
}

#[test]
fn metadata_is_found_by_itself() {
    let csv = "file_name,label\n1.jpg,a\n2.jpg,b\n";
    let json = "{\"file_name\": \"1.jpg\", \"label\": \"a\"}\n{\"file_name\": \"2.jpg\", \"label\": \"b\"}\n";
    for (name, text) in [("metadata.csv", csv), ("metadata.jsonl", json)] {
        let data = open(&["1.jpg", "2.jpg"], &[(name, text)]).unwrap();
        assert_eq!(lines(&data), ["1.jpg: a", "2.jpg: b"], "{name}");
        for wrapper in ["train", "data/images"] {
            let files = [format!("{wrapper}/1.jpg"), format!("{wrapper}/2.jpg")];
            let files = files.each_ref().map(String::as_str);
            let data = open(&files, &[(&format!("{wrapper}/{name}"), text)]).unwrap();
            assert_eq!(lines(&data), [format!("{wrapper}/1.jpg: a"), format!("{wrapper}/2.jpg: b")]);
            assert!(!data.parts_given());
        }
    }
}

#[test]
fn metadata_in_each_part() {
    let files = ["train/1.jpg", "train/2.jpg", "test/1.jpg"];
    let texts = [("train/metadata.csv", "file_name,label\n1.jpg,a\n2.jpg,b\n")];
    let test = ("test/metadata.csv", "label,file_name\nb,1.jpg\n");
    let data = open(&files, &[texts[0], test]).unwrap();
    assert_eq!(lines(&data), ["test/1.jpg: b [Test]", "train/1.jpg: a [Train]", "train/2.jpg: b [Train]"]);
    assert_eq!(data.manifest.as_ref().unwrap().files.len(), 2);
    // A test part without labels, whether its table says so or is not there: nothing is divided.
    for test in [Some(("test/metadata.csv", "file_name\n1.jpg\n")), None] {
        let texts: Vec<_> = texts.into_iter().chain(test).collect();
        let data = open(&files, &texts).unwrap();
        assert_eq!(lines(&data), ["train/1.jpg: a", "train/2.jpg: b"]);
        assert_eq!(data.mismatches.pictures_without_row, ["test/1.jpg"]);
    }
}

#[test]
fn metadata_of_something_else_leaves_the_layout_alone() {
    let captions = "file_name,text\na/1.jpg,a cat\nb/2.jpg,a dog\n";
    let data = open(&["a/1.jpg", "b/2.jpg"], &[("metadata.csv", captions)]).unwrap();
    assert_eq!((data.labels, data.classes.len()), (LabelSource::Folder, 2));
    // Where there is no layout either, what is wrong with the table is the help that is needed.
    let error = open(&["1.jpg", "2.jpg"], &[("metadata.csv", captions)]).unwrap_err().to_string();
    assert!(error.contains("--label-column"), "{error}");
    let error =
        open(&["a/1.jpg", "b/2.jpg"], &[("metadata.csv", "file_name,label\na/1.jpg,\"x\n")]).unwrap_err();
    assert!(matches!(error, DatasetError::InFile { line: 2, .. }), "{error}");
}

#[test]
fn a_labels_file_of_a_contest_names_files_in_train() {
    let files = ["train/x1.jpg", "train/x2.jpg", "test/y.jpg"];
    let options = LabelOptions::default();
    let root = folder(&files);
    let path = write(root.path(), "labels.csv", "id,breed\nx1,a\nx2,b\n");
    let options = LabelOptions { source: Some(LabelChoice::Manifest(path)), ..options };
    let data = Dataset::open(root.path(), &options).unwrap();
    assert_eq!(lines(&data), ["train/x1.jpg: a", "train/x2.jpg: b"]);
}

#[test]
fn options_about_a_table_need_one() {
    let options = LabelOptions { label_columns: vec!["x".into()], ..LabelOptions::default() };
    let error = open_with(&["a/1.jpg", "b/2.jpg"], &[], &options).unwrap_err().to_string();
    assert!(error.starts_with("--label-column is about a table"), "{error}");
}

#[test]
fn folders_may_be_asked_for_with_any_task_and_strictly() {
    let files = ["a/1.jpg", "b/2.jpg", "loose.jpg"];
    let mut options = LabelOptions { task: Some(Task::Multilabel), ..LabelOptions::default() };
    assert_eq!(open_with(&files, &[], &options).unwrap().task, Task::Multilabel);
    options.strict = true;
    assert!(open_with(&files[..2], &[], &options).is_ok());
    let error = open_with(&files, &[], &options).unwrap_err().to_string();
    assert!(error.contains("loose.jpg") && error.contains("--strict"), "{error}");
}

#[test]
fn the_digest_covers_labels() {
    let digest = |table: &str| {
        let options = LabelOptions { task: Some(Task::Multilabel), ..LabelOptions::default() };
        open_with(&["1.jpg", "2.jpg"], &[("metadata.csv", table)], &options).unwrap().digest()
    };
    let first = digest("file_name,tags\n1.jpg,a b\n2.jpg,b\n");
    assert_eq!(first, digest("file_name,tags\n2.jpg,b\n1.jpg,b a\n"));
    assert_ne!(first, digest("file_name,tags\n1.jpg,a b\n2.jpg,a\n"));
    assert_ne!(first, digest("file_name,tags\n1.jpg,a b\n2.jpg,\n"));
}
