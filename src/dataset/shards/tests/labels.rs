//! Labels in shards: beside the pictures, in their folders, or none.

use super::*;

#[test]
fn labels_lie_beside_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tar");
    tar(
        &path,
        &[
            ("./b.png", b"" as &[u8]),
            ("./b.cls", b"7\n"),
            ("a.cls", b"dog"),
            ("a.txt", b"a caption"),
            ("a.left.JPG", b""),
            ("c.json", br#"{"width": 3, "label": 7}"#),
            ("c.jpg", b""),
            ("d.txt", b" dog \n\n"),
            ("d.jpg", b""),
            ("e.jpg", b""),
            (".hidden.jpg", b""),
            ("README.txt", b"of no picture"),
        ],
    );
    let dataset = open(&path).unwrap();
    assert_eq!(lines(&dataset), ["a.left.JPG: dog", "b.png: 7", "c.jpg: 7", "d.jpg: dog"]);
    assert_eq!(dataset.unlabelled, [Path::new("e.jpg")]);

    tar(
        &path,
        &[
            ("a.jpg", b"" as &[u8]),
            ("a.json", br#"{"tags": ["x", "y"], "good": 1}"#),
            ("b.jpg", b""),
            ("b.json", br#"{"tags": [], "good": false, "bad": true}"#),
        ],
    );
    let several = LabelOptions { task: Some(Task::Multilabel), ..LabelOptions::default() };
    assert_eq!(lines(&Dataset::open(&path, &several).unwrap()), ["a.jpg: x, y", "b.jpg: "]);
    let columns = LabelOptions { label_columns: vec!["good".into(), "bad".into()], ..several };
    assert_eq!(lines(&Dataset::open(&path, &columns).unwrap()), ["a.jpg: good", "b.jpg: bad"]);
}

#[test]
fn labels_that_nobody_wants_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tar");
    let long = "cat\n".repeat(50_000);
    tar(
        &path,
        &[
            ("a.jpg", &[7u8; 3000] as &[u8]),
            ("a.txt", long.as_bytes()),
            ("b.jpg", &[7u8; 3000]),
            ("b.json", b"{\"label\": 3}"),
        ],
    );
    let read = |wanted| scan(&path, wanted);
    // Headers, and the end.
    assert!(read(None).read <= 6 * 512, "{}", read(None).read);
    assert!(read(None).pictures.iter().all(|picture| picture.labels.is_none()));
    let wanted = read(Some(&LabelOptions::default()));
    assert!(wanted.read > long.len() as u64);
    let labels: Vec<_> = wanted.pictures.into_iter().map(|p| p.labels.unwrap().says.unwrap().len()).collect();
    assert_eq!(labels, [50_000, 1]);
}

/// Text files count as they do in a folder.
#[test]
fn labels_of_a_shard_are_those_of_its_folder() {
    let layouts: [&[(&str, &str)]; 13] = [
        // A caption beside each picture, in folders of classes.
        &[("cat/1.jpg", ""), ("cat/1.txt", "on a mat"), ("dog/1.jpg", ""), ("dog/1.txt", "outside")],
        &[("cat.1.jpg", ""), ("cat.1.txt", "on a mat"), ("dog.1.jpg", ""), ("dog.1.txt", "outside")],
        // The whole name, with its extension.
        &[("1.jpg", ""), ("1.jpg.txt", "cat"), ("2.jpg", ""), ("2.jpg.txt", "dog")],
        &[("d/1.jpg", ""), ("d/1.txt", "cat"), ("d/2.jpg", ""), ("d/2.jpg.txt", "dog"), ("d/3.jpg", "")],
        &[
            ("train/1.jpg", ""),
            ("train/1.txt", "cat"),
            ("train/2.jpg", ""),
            ("train/2.txt", "dog"),
            ("test/1.jpg", ""),
            ("test/1.txt", "cat"),
        ],
        // Neither says what is in the pictures.
        &[("1.jpg", ""), ("1.txt", "cat"), ("2.jpg", ""), ("3.jpg", "")],
        // Classes, and fields: in folders of whatever, beside captions, of several kinds, of keys.
        &[("a/1.jpg", ""), ("a/1.cls", "0"), ("b/1.jpg", ""), ("b/1.cls", "1")],
        &[("a/1.jpg", ""), ("a/1.json", r#"{"label": 0}"#), ("b/1.jpg", ""), ("b/1.json", r#"{"label": 1}"#)],
        &[("a/1.jpg", ""), ("a/1.json", r#"{"width": 0}"#), ("b/1.jpg", ""), ("b/1.json", r#"{"width": 1}"#)],
        &[
            ("1.jpg", ""),
            ("1.cls", "cat"),
            ("1.txt", "on a mat"),
            ("1.json", r#"{"label": "dog"}"#),
            ("2.jpg", ""),
            ("2.json", r#"{"label": "dog"}"#),
            ("2.txt", "outside"),
            ("3.jpg", ""),
            ("3.txt", "cow"),
            ("4.jpg", ""),
        ],
        &[("a.left.jpg", ""), ("a.right.jpg", ""), ("a.cls", "0"), ("b.left.jpg", ""), ("b.txt", "1")],
        &[("a.1.jpg", ""), ("a.2.jpg", ""), ("a.txt", "0"), ("b.jpg", ""), ("b.txt", "1")],
        // Masks are no pictures of their own.
        &[
            ("a.jpg", ""),
            ("a.seg.png", ""),
            ("a.cls", "0"),
            ("b.seg.png", ""),
            ("b.cls", "1"),
            ("c.d/e.jpg", ""),
        ],
    ];
    for files in layouts {
        let folder = tempfile::tempdir().unwrap();
        let (unpacked, packed) = (folder.path().join("unpacked"), folder.path().join("packed"));
        files.iter().for_each(|(name, content)| drop(write(&unpacked, name, content)));
        let files: Vec<(&str, &[u8])> = files.iter().map(|(name, c)| (*name, c.as_bytes())).collect();
        tar(&packed.join("x.tar"), &files);
        match (open(&unpacked), open(&packed)) {
            (Ok(unpacked), Ok(packed)) => {
                assert_eq!(lines(&packed), lines(&unpacked));
                assert_eq!((packed.labels, packed.unlabelled), (unpacked.labels, unpacked.unlabelled));
                assert_eq!(packed.mismatches, unpacked.mismatches);
            }
            (
                Err(DatasetError::Undetected { seen: unpacked, .. }),
                Err(DatasetError::Undetected { seen, .. }),
            ) => {
                assert_eq!(seen, unpacked);
            }
            (unpacked, packed) => panic!("{files:?}: {unpacked:?} and {packed:?}"),
        }
    }
    // Labels in .cls, and in a field of .json, count before folders.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tar");
    let two = |beside: [&str; 2], kind: &str| {
        let names: Vec<String> = ["a/1", "b/1"].iter().map(|key| format!("{key}.{kind}")).collect();
        tar(
            &path,
            &[
                ("a/1.jpg", b"" as &[u8]),
                (&names[0], beside[0].as_bytes()),
                ("b/1.jpg", b""),
                (&names[1], beside[1].as_bytes()),
            ],
        );
        open(&path).map(|dataset| lines(&dataset).join(" "))
    };
    assert_eq!(two(["0", "1"], "cls").unwrap(), "a/1.jpg: 0 b/1.jpg: 1");
    assert_eq!(two([r#"{"label": 0}"#, r#"{"label": 1}"#], "json").unwrap(), "a/1.jpg: 0 b/1.jpg: 1");
    // A field that says something else is no label, and folders are.
    assert_eq!(two([r#"{"width": 0}"#, r#"{"width": 1}"#], "json").unwrap(), "a/1.jpg: a b/1.jpg: b");
    assert!(two([r#"{"label": 0}"#, r#"{"width": 1}"#], "json").is_err());
}

#[test]
fn pictures_of_shards_without_labels() {
    let folder = tempfile::tempdir().unwrap();
    for shard in ["0", "1"] {
        tar(&folder.path().join(format!("{shard}.tar")), &[("0001.jpg", b"" as &[u8]), ("0002.jpg", b"")]);
    }
    let dataset = Dataset::open(folder.path(), &LabelChoice::Nothing.into()).unwrap();
    assert_eq!(lines(&dataset), ["0/0001.jpg: ", "0/0002.jpg: ", "1/0001.jpg: ", "1/0002.jpg: "]);
    assert!(dataset.labelled().is_err() && dataset.classes.is_empty());
}
