//! Shards that are broken, cut off, or not what they were when they were opened.

use std::io::Write;

use super::*;

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
