//! Shards are the pictures they hold, wherever these lie, and nothing that is wrong with one goes unsaid.

use std::io::Write;
use std::path::Path;

use super::super::testing::{lines, write};
use super::super::{Decoder, LabelChoice, LabelOptions};
use super::*;

/// A tar file with these files.
fn tar(path: &Path, files: &[(&str, &[u8])]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut archive = tar::Builder::new(std::fs::File::create(path).unwrap());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, *content).unwrap();
    }
    archive.finish().unwrap();
}

/// A picture of one colour.
fn png(red: u8) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::RgbImage::from_pixel(3, 2, image::Rgb([red, 7, 9]))
        .write_to(&mut bytes, image::ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}

fn open(data: &Path) -> Result<Dataset, DatasetError> {
    Dataset::open(data, &LabelOptions::default())
}

#[test]
fn shards_are_the_unpacked_folder() {
    let folder = tempfile::tempdir().unwrap();
    let (unpacked, packed) = (folder.path().join("unpacked"), folder.path().join("packed"));
    let names = ["cat/1.png", "cat/2.png", "dog/1.png", "dog/7.png", "dog/9.v2.png"];
    let pictures: Vec<(&str, Vec<u8>)> =
        names.into_iter().enumerate().map(|(i, name)| (name, png(40 * i as u8))).collect();
    pictures.iter().for_each(|(name, bytes)| drop(write(&unpacked, name, bytes)));
    let some = |numbers: &[usize]| -> Vec<(&str, &[u8])> {
        numbers.iter().map(|&i| (pictures[i].0, pictures[i].1.as_slice())).collect()
    };
    tar(&packed.join("s-00.tar"), &some(&[4, 0]));
    tar(&packed.join("s-01.tar"), &some(&[2, 3, 1]));
    let as_files = open(&unpacked).unwrap();
    for data in [packed.clone(), packed.join("s-{00..01}.tar")] {
        let dataset = open(&data).unwrap();
        assert_eq!(lines(&dataset), lines(&as_files));
        assert_eq!(dataset.digest(), as_files.digest());
        let (mut here, mut there) = (Decoder::default(), Decoder::default());
        for i in 0..names.len() {
            assert_eq!(dataset.read(i, &mut here).unwrap(), as_files.read(i, &mut there).unwrap());
        }
    }
    let one = open(&packed.join("s-01.tar")).unwrap();
    assert_eq!(lines(&one), ["cat/2.png: cat", "dog/1.png: dog", "dog/7.png: dog"]);
}

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
fn names_that_come_twice_are_told_apart_by_their_shards() {
    let folder = tempfile::tempdir().unwrap();
    for (shard, class) in [("0", b"x"), ("1", b"y")] {
        tar(&folder.path().join(format!("{shard}.tar")), &[("0001.jpg", b"" as &[u8]), ("0001.cls", class)]);
    }
    assert_eq!(lines(&open(folder.path()).unwrap()), ["0/0001.jpg: x", "1/0001.jpg: y"]);
    let by_name = LabelOptions { source: Some(LabelChoice::Prefix), ..LabelOptions::default() };
    let error = Dataset::open(folder.path(), &by_name).unwrap_err().to_string();
    assert!(error.contains("1.tar: 0001.jpg is in 0.tar too"), "{error}");
    tar(&folder.path().join("1.tar"), &[("x.jpg", b"" as &[u8]), ("x.cls", b"x"), ("x.jpg", b"")]);
    let error = open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("1.tar: it has two files called x.jpg"), "{error}");
}

#[test]
fn parts_are_folders_of_shards() {
    let folder = tempfile::tempdir().unwrap();
    for part in ["train", "test"] {
        let files: Vec<(String, &[u8])> =
            ["cat/1.jpg", "dog/1.jpg"].iter().map(|name| (name.to_string(), b"" as &[u8])).collect();
        let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
        tar(&folder.path().join(part).join("0.tar"), &files);
    }
    let found = lines(&open(folder.path()).unwrap());
    assert_eq!(found[0], "test/cat/1.jpg: cat [Test]");
    assert_eq!(found[3], "train/dog/1.jpg: dog [Train]");
}

#[test]
fn what_is_wrong_with_a_shard_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tar");
    // As an error, or beside what comes before.
    let says = |part: &str| {
        let told = match open(&path) {
            Ok(dataset) => {
                let lost = dataset.unread.last().expect("something that is told");
                format!("{}: {}", lost.path.display(), lost.reason)
            }
            Err(error) => error.to_string(),
        };
        assert!(told.contains("x.tar") && told.contains(part), "{told}");
    };
    let content = vec![7u8; 3000];
    tar(&path, &[("cat.1.jpg", &content), ("dog.1.jpg", &content)]);
    let whole = std::fs::read(&path).unwrap();
    // In the content of the second, in its header, in the content of the first.
    for cut in [512 + 3072 + 512 + 100, 512 + 3072 + 17, 700] {
        std::fs::write(&path, &whole[..cut]).unwrap();
        says("ends in the middle");
    }
    let mut flipped = whole.clone();
    flipped[3] ^= 1;
    std::fs::write(&path, flipped).unwrap();
    says("no tar file");
    std::fs::write(&path, b"this is text and no tar file at all, whatever its name says").unwrap();
    says("ends in the middle");
    std::fs::write(&path, vec![b'x'; 4096]).unwrap();
    says("no tar file");
    says("which is with \"xxxxxxxxxxxxxxxx\"");
    for (magic, said) in [
        (&[0x1F, 0x8B, 8][..], "`gunzip`"),
        (&[0xFD, b'7', b'z', b'X', b'Z', 0], "`unxz`"),
        (b"BZh91AY&SY", "`bunzip2`"),
        (&[0x28, 0xB5, 0x2F, 0xFD], "`unzstd`"),
        (b"PK\x03\x04", "a ZIP archive"),
        (&[0x8B, 0x02], "which is with 8b 02 a7 a7"),
        (&[0x8B, 0x02], "`brotli -d`"),
    ] {
        let mut bytes = vec![0xA7; 5000];
        bytes[..magic.len()].copy_from_slice(magic);
        std::fs::write(&path, bytes).unwrap();
        says(said);
    }
    // Two behind each other; zeros alone are as some writers leave them.
    for (behind, wrong) in [(whole.clone(), true), (vec![0; 20_000], false), (b"\n".to_vec(), true)] {
        std::fs::write(&path, [&whole[..], &behind].concat()).unwrap();
        match wrong {
            true => says("`tar --ignore-zeros -xf`"),
            false => assert_eq!(open(&path).unwrap().samples.len(), 2),
        }
    }
    tar(&path, &[("notes.md", b"" as &[u8])]);
    says("no pictures");
    tar(&path, &[("a.jpg", b"" as &[u8]), ("a.cls", b" ")]);
    says("the .cls beside a.jpg is empty");
    tar(&path, &[("a.jpg", b"" as &[u8]), ("a.json", br#"{"caption": "x"}"#)]);
    says("say which one with --label-column");
    tar(&path, &[("a.jpg", b"" as &[u8]), ("a.json", b"{")]);
    says("cannot be read as JSON");
    tar(&path, &[("a.jpg", b"" as &[u8]), ("a.txt", b"\xff\xfe\xff")]);
    says("not UTF-8");
}

#[test]
fn a_shard_that_shrinks_after_it_was_opened_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tar");
    tar(&path, &[("cat.1.png", &png(1)), ("dog.1.png", &png(2))]);
    let dataset = open(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::File::create(&path).unwrap().write_all(&bytes[..520]).unwrap();
    let mut decoder = Decoder::default();
    for i in 0..2 {
        assert!(dataset.read(i, &mut decoder).is_err(), "{i}");
    }
}

/// Writes a tar file with pictures, files, and links (`name -> target`; symbolic where `=>` stands).
fn tar_with_links(path: &Path, files: &[(&str, &[u8])]) {
    let mut archive = tar::Builder::new(std::fs::File::create(path).unwrap());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        let link = [("->", tar::EntryType::Link), ("=>", tar::EntryType::Symlink)].into_iter();
        let mut link = link.filter_map(|(arrow, kind)| Some((name.split_once(arrow)?, kind)));
        match link.next() {
            Some(((name, target), kind)) => {
                header.set_entry_type(kind);
                header.set_size(0);
                archive.append_link(&mut header, name.trim(), target.trim()).unwrap();
            }
            None => {
                header.set_size(content.len() as u64);
                archive.append_data(&mut header, name, *content).unwrap();
            }
        }
    }
    archive.finish().unwrap();
}

#[test]
fn a_shard_that_lacks_its_end_is_cut_off_wherever_that_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tar");
    let files: Vec<(String, Vec<u8>)> =
        (0..4).map(|i| (format!("{}.{i}.jpg", ["cat", "dog"][i % 2]), vec![7u8; 300 * i + 100])).collect();
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (name.as_str(), &bytes[..])).collect();
    tar(&path, &files);
    let whole = std::fs::read(&path).unwrap();
    let mut ends = vec![0];
    files
        .iter()
        .for_each(|(_, content)| ends.push(ends[ends.len() - 1] + 512 + content.len().next_multiple_of(512)));
    // Without any of the two blocks that end it, and with padding or a part of such a block alone.
    let cuts = ends.iter().flat_map(|&end| [end, end + 1, end + 100, end + 511]);
    for cut in cuts.chain([ends[4] - 40]) {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let there = (1..5).filter(|&i| ends[i] <= cut).count();
        if there == 0 {
            for error in [open(&path).unwrap_err(), Lying::under(&path).unwrap_err()] {
                let error = error.to_string();
                let wanted = if cut == 0 { "it is empty" } else { "it ends in the middle" };
                assert!(
                    error.contains("x.tar") && error.contains(wanted) && error.contains("copy it again"),
                    "{cut}: {error}"
                );
            }
            continue;
        }
        // What comes before is used, and what is missing is told.
        let (dataset, lying) = (open(&path).unwrap(), Lying::under(&path).unwrap());
        assert_eq!(
            (dataset.samples.len(), lying.pictures.len() - dataset.unread.len()),
            (there, there),
            "{cut}"
        );
        let last = dataset.unread.last().unwrap();
        assert!(last.hides && last.reason.contains("it ends in the middle"), "{last:?}");
        assert_eq!(
            dataset.unread[0].path,
            Path::new(if cut == ends[4] - 40 { "x.tar/dog.3.jpg" } else { "x.tar" })
        );
    }
    // One block is enough.
    std::fs::write(&path, &whole[..ends[4] + 512]).unwrap();
    assert_eq!(open(&path).unwrap().samples.len(), 4);
}

#[test]
fn a_shard_that_is_replaced_after_it_was_opened_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tar");
    let pictures: Vec<Vec<u8>> = (0..4).map(|i| png(50 * i)).collect();
    tar(&path, &[("cat.1.png", &pictures[0]), ("dog.1.png", &pictures[1])]);
    let (dataset, lying) = (open(&path).unwrap(), Lying::under(&path).unwrap().pictures);
    let then = std::fs::metadata(&path).unwrap();
    // As long as before, and each picture where the other one was.
    tar(&path, &[("dog.1.png", &pictures[2]), ("cat.1.png", &pictures[3])]);
    assert_eq!(std::fs::metadata(&path).unwrap().len(), then.len());
    let later = then.modified().unwrap() + std::time::Duration::from_millis(7);
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
    let mut decoder = Decoder::default();
    for (i, lying) in lying.iter().enumerate() {
        let error = dataset.read(i, &mut decoder).expect_err("another shard").to_string();
        assert!(error.contains("x.tar") && error.contains("changed"), "{error}");
        assert!(dataset.found(i).is_err());
        let error = lying.found().expect_err("another shard").to_string();
        assert!(error.contains("changed"), "{error}");
    }
    // Opened again, it is what it is now.
    assert_eq!(open(&path).unwrap().read(0, &mut decoder).unwrap().rgb[0], 150);
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

#[test]
fn links_are_what_they_lead_to_or_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tar");
    let pictures: Vec<Vec<u8>> = (0..2).map(|i| png(50 * i)).collect();
    tar_with_links(
        &path,
        &[
            ("store/blob", &pictures[0]),
            ("./cat/1.png", &pictures[1]),
            ("dog/1.png -> cat/1.png", b""),
            ("dog/2.png -> ./dog/1.png", b""),
            ("dog/3.png -> store/blob", b""),
            ("dog/4.png => 3.png", b""),
            ("dog/.hidden.png => 3.png", b""),
        ],
    );
    let dataset = open(&path).unwrap();
    assert_eq!(lines(&dataset), ["cat/1.png: cat", "dog/1.png: dog", "dog/2.png: dog", "dog/3.png: dog"]);
    let mut decoder = Decoder::default();
    for (i, red) in [50, 50, 50, 0].into_iter().enumerate() {
        assert_eq!(dataset.read(i, &mut decoder).unwrap().rgb[0], red, "{i}");
    }
    assert_eq!(
        dataset.mismatches.describe(),
        ["1 symbolic link in a tar file is not followed: x.tar/dog/4.png"]
    );
    let strict = LabelOptions { strict: true, ..LabelOptions::default() };
    let error = Dataset::open(&path, &strict).unwrap_err().to_string();
    assert!(error.contains("dog/4.png"), "{error}");
    let lying = Lying::under(&path).unwrap().pictures;
    let found: Vec<bool> = lying.iter().map(|lying| lying.found().is_ok()).collect();
    assert_eq!(found, [true, true, true, true, false]);
    let error = lying[4].found().unwrap_err().to_string();
    assert!(lying[4].name().ends_with("dog/4.png") && error.contains("symbolic link"), "{error}");

    // Labels may be links too.
    tar_with_links(
        &path,
        &[
            ("a.png", &pictures[0]),
            ("a.cls", b"7"),
            ("b.png", &pictures[0]),
            ("b.cls -> a.cls", b""),
            ("c.png", &pictures[0]),
            ("c.cls", b"8"),
        ],
    );
    assert_eq!(lines(&open(&path).unwrap()), ["a.png: 7", "b.png: 7", "c.png: 8"]);
    tar_with_links(&path, &[("cat.1.png", &pictures[0]), ("dog.1.png -> gone.png", b"")]);
    // One that leads nowhere is one picture that cannot be read.
    let dataset = open(&path).unwrap();
    assert_eq!(lines(&dataset), ["cat.1.png: cat"]);
    let [lost] = &dataset.unread[..] else { panic!("{:?}", dataset.unread) };
    assert!(
        !lost.hides && lost.path == Path::new("x.tar/dog.1.png") && lost.reason.contains("gone.png"),
        "{lost:?}"
    );
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
fn masks_are_no_pictures_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tar");
    tar(
        &path,
        &[
            ("a.jpg", b"" as &[u8]),
            ("a.seg.png", b""),
            ("a.cls", b"0"),
            ("b.seg.png", b""),
            ("b.cls", b"1"),
            ("d/a.seg.png", b""),
            ("d/a.cls", b"1"),
        ],
    );
    let dataset = open(&path).unwrap();
    assert_eq!(lines(&dataset), ["a.jpg: 0", "b.seg.png: 1", "d/a.seg.png: 1"]);
    assert_eq!(dataset.mismatches.parts_of_others, ["a.seg.png"]);
    assert_eq!(
        dataset.mismatches.describe(),
        ["1 picture belongs to another of its key, as in WebDataset, and is no sample: a.seg.png"]
    );
    Dataset::open(&path, &LabelOptions { strict: true, ..LabelOptions::default() }).unwrap();
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

#[test]
fn tar_files_beside_pictures_are_told() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["cat/1.png", "dog/1.png"] {
        write(folder.path(), name, "");
    }
    tar(&folder.path().join("dog/more.tar"), &[("x.png", b"" as &[u8])]);
    let dataset = open(folder.path()).unwrap();
    assert_eq!(lines(&dataset), ["cat/1.png: cat", "dog/1.png: dog"]);
    assert_eq!(
        dataset.mismatches.describe(),
        ["1 tar file beside the pictures is not read; name it alone to have what is in it: dog/more.tar"]
    );
}
