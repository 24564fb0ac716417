//! Shards are the pictures they hold, wherever these lie, and nothing that is wrong with one goes unsaid.

mod broken;
mod labels;

use std::path::Path;

use super::*;
use crate::dataset::testing::{lines, write};
use crate::dataset::{Decoder, LabelChoice, LabelOptions};

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
