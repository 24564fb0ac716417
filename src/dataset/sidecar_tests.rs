//! Text files beside pictures.

use super::testing::{folder, lines, write};
use super::{Dataset, DatasetError, LabelChoice, LabelOptions, LabelProblem, LabelSource, Task};

fn open(
    files: &[&str],
    texts: &[(&str, &str)],
    source: Option<LabelChoice>,
) -> Result<Dataset, DatasetError> {
    let root = folder(files);
    texts.iter().for_each(|(name, text)| drop(write(root.path(), name, text)));
    Dataset::open(root.path(), &LabelOptions { source, ..LabelOptions::default() })
}

#[test]
fn a_label_a_line() {
    let texts = [("1.txt", "sea\r\n\r\n big  ship \n"), ("2.jpg.txt", ""), ("3.TXT", "sea\nsea")];
    let data = open(&["1.jpg", "2.jpg", "3.png"], &texts, None).unwrap();
    assert_eq!(lines(&data), ["1.jpg: big  ship, sea", "2.jpg: ", "3.png: sea"]);
    assert_eq!((data.labels, data.task), (LabelSource::Sidecar, Task::Multilabel));
    assert_eq!(data.explained(), "labelled by the file beside each");
    assert!(data.mismatches.is_empty());
}

#[test]
fn sidecars_without_pictures_and_pictures_without_sidecars() {
    let texts =
        [("a/1.txt", "x"), ("b/2.txt", "y"), ("b/none.txt", "z"), ("README.txt", "This is\nno label.")];
    let data = open(&["a/1.jpg", "b/2.jpg", "b/3.jpg"], &texts, Some(LabelChoice::Sidecar)).unwrap();
    assert_eq!(lines(&data), ["a/1.jpg: x", "b/2.jpg: y"]);
    let missing: Vec<&str> = data.mismatches.rows_without_picture.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(missing, ["README", "b/none"]);
    assert_eq!(data.mismatches.pictures_without_row, ["b/3.jpg"]);
    assert!(data.mismatches.rows_without_picture[1].rows[0].ends_with("none.txt"));
    // A text elsewhere that is called as a picture is not beside it.
    let texts = [("1.txt", "x"), ("a/1.txt", "y")];
    let data = open(&["a/1.jpg", "b/1.jpg"], &texts, Some(LabelChoice::Sidecar)).unwrap();
    assert_eq!(lines(&data), ["a/1.jpg: y"]);
}

#[test]
fn two_sidecars_of_one_picture() {
    let texts = |second| [("1.txt", "x"), ("1.jpg.txt", second), ("2.txt", "y")];
    let data = open(&["1.jpg", "2.jpg"], &texts("x"), None).unwrap();
    assert_eq!((data.samples.len(), data.mismatches.duplicates.len()), (2, 1));
    let data = open(&["1.jpg", "2.jpg"], &texts("z"), None).unwrap();
    assert_eq!((data.samples.len(), data.mismatches.conflicts.len()), (1, 1));
}

#[test]
fn folders_and_prefixes_come_first() {
    let texts = [("cat/1.txt", "x"), ("dog/2.txt", "y")];
    assert_eq!(open(&["cat/1.jpg", "dog/2.jpg"], &texts, None).unwrap().labels, LabelSource::Folder);
    let texts = [("cat.1.txt", "x"), ("dog.2.txt", "y")];
    assert_eq!(open(&["cat.1.jpg", "dog.2.jpg"], &texts, None).unwrap().labels, LabelSource::Prefix);
    // A single folder is a class only where nothing better is there.
    let texts = [("images/1.txt", "x"), ("images/2.txt", "y")];
    assert_eq!(open(&["images/1.jpg", "images/2.jpg"], &texts, None).unwrap().labels, LabelSource::Sidecar);
    assert_eq!(open(&["images/1.jpg", "images/2.jpg"], &[], None).unwrap().labels, LabelSource::Folder);
    // One text among many pictures is a note.
    let error = open(&["1.jpg", "2.jpg", "3.jpg"], &[("1.txt", "x")], None).unwrap_err();
    assert!(matches!(error, DatasetError::Undetected { .. }), "{error}");
    assert!(error.to_string().contains("--labels sidecar"), "{error}");
}

#[test]
fn what_is_wrong_in_one_has_its_file_and_line() {
    let long = format!("a\n{}", "x".repeat(10_000));
    let error = open(&["1.jpg", "2.jpg"], &[("1.txt", &long), ("2.txt", "a")], None).unwrap_err();
    assert!(matches!(&error, DatasetError::InFile { line: 2, problem: LabelProblem::LongLabel { .. }, .. }));
    assert!(error.to_string().contains("1.txt:2: "), "{error}");
    // One label each, and then one without any.
    let error = open(&["1.jpg", "2.jpg"], &[("1.txt", "a"), ("2.txt", "")], None).unwrap_err();
    assert!(error.to_string().contains("2.txt: \"2\" has no label"), "{error}");
    let error = open(&["1.jpg"], &[], Some(LabelChoice::Sidecar)).unwrap_err().to_string();
    assert!(error.contains("1.jpg") && error.contains(".txt"), "{error}");
}

#[test]
fn a_json_file_about_something_else_does_not_stand_before_a_text() {
    let texts = [
        ("1.json", r#"{"width": 3, "source": "camera"}"#),
        ("1.txt", "sea"),
        ("2.json", r#"{"caption": "a ship"}"#),
        ("2.txt", "ship"),
        ("3.txt", "sea"),
    ];
    for source in [None, Some(LabelChoice::Sidecar)] {
        let data = open(&["1.jpg", "2.jpg", "3.jpg"], &texts, source).unwrap();
        assert_eq!(lines(&data), ["1.jpg: sea", "2.jpg: ship", "3.jpg: sea"]);
    }
}

#[test]
fn classes_and_fields_beside_pictures() {
    let texts = [
        ("a/0.cls", "7\n"),
        ("a/0.txt", "a caption"),
        ("b/1.json", r#"{"width": 3, "label": 7}"#),
        ("b/1.txt", "another"),
        ("b/2.jpg.cls", "dog"),
        ("b/2.cls", "cat"),
        ("b/gone.cls", "cat"),
        ("b/notes.json", "{}"),
    ];
    // Before the folders, which is what they are there for.
    let data = open(&["a/0.jpg", "b/1.jpg", "b/2.jpg", "b/3.jpg"], &texts, None).unwrap();
    assert_eq!(lines(&data), ["a/0.jpg: 7", "b/1.jpg: 7", "b/2.jpg: dog"]);
    assert_eq!((data.labels, data.task), (LabelSource::Sidecar, Task::Multiclass));
    assert_eq!(data.mismatches.pictures_without_row, ["b/3.jpg"]);
    let missing: Vec<&str> = data.mismatches.rows_without_picture.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(missing, ["b/gone"]);
    for (name, text, said) in [
        ("1.cls", " ", "1.cls: the .cls beside 1.jpg is empty"),
        ("1.json", "{", "1.json: the .json beside 1.jpg cannot be read as JSON"),
        ("1.json", r#"{"caption": "x"}"#, "say which one with --label-column"),
        ("1.cls", "a\0b", "1.cls: "),
    ] {
        let error = open(&["1.jpg"], &[(name, text)], Some(LabelChoice::Sidecar)).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    let root = folder(&["1.jpg", "2.jpg"]);
    for (name, text) in
        [("1.json", r#"{"good": 1, "bad": 0}"#), ("2.json", r#"{"good": false, "bad": true}"#)]
    {
        write(root.path(), name, text);
    }
    let columns =
        LabelOptions { label_columns: vec!["good".into(), "bad".into()], ..LabelOptions::default() };
    assert_eq!(lines(&Dataset::open(root.path(), &columns).unwrap()), ["1.jpg: good", "2.jpg: bad"]);
    // What is too large is no label.
    write(root.path(), "1.json", format!("[\"{}\"]", "x".repeat(1 << 20)));
    let data =
        Dataset::open(root.path(), &LabelOptions { source: Some(LabelChoice::Sidecar), ..columns }).unwrap();
    assert_eq!(lines(&data), ["2.jpg: bad"]);
}
