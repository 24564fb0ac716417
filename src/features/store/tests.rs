//! What is left by whoever was stopped at any point.

use std::path::Path;
use std::time::Duration;

use super::*;
use crate::features::{Descriptor, Given, Npy, Source};

const ROWS: usize = 5;
const COLUMNS: usize = 3;

fn header() -> Header {
    Header {
        format: FORMAT,
        descriptor: Descriptor::Given(Given { columns: COLUMNS }),
        decoder: "none".into(),
        root: "pictures".into(),
        root_xxh3: Some(Hash::of(b"/pictures")),
        rows: ROWS,
        columns: COLUMNS,
        paths: Hash::of(b"paths"),
        anew: false,
        max_pixels: None,
        file: String::new(),
    }
}

fn entry(row: usize, seed: usize) -> Entry {
    let hash = Some(Hash::of(&[row as u8, seed as u8]));
    Entry {
        size: 7 + row as u64,
        modified: -3,
        hash,
        skipped: (row == 2).then(|| "a, \"b\"\nc".into()),
        cut_off: row == 1,
    }
}

fn row(row: usize, seed: usize) -> Vec<f32> {
    (0..COLUMNS).map(|c| (100 * seed + 10 * row + c) as f32).collect()
}

fn put(writer: &Writer, rows: impl Iterator<Item = usize>, seed: usize) {
    for r in rows {
        writer.put(r, &row(r, seed), std::iter::once((format!("{r}.jpg"), entry(r, seed)))).unwrap();
    }
}

fn meta() -> Meta {
    Meta {
        format: FORMAT,
        descriptor: Descriptor::Given(Given { columns: COLUMNS }),
        decoder: "none".into(),
        rows: ROWS,
        columns: COLUMNS,
        root: "pictures".into(),
        root_xxh3: Some(Hash::of(b"/pictures")),
        max_pixels: None,
        unread: Vec::new(),
        labels: Labels {
            task: "multiclass".into(),
            classes: vec![" x".into()],
            separator: None,
            source: "folder".into(),
        },
        samples_xxh3: Hash(0),
        features_xxh3: Hash(0),
    }
}

fn commit(folder: &Folder, writer: Writer, seed: usize) -> (bool, Npy) {
    let entries: Vec<Entry> = (0..ROWS).map(|r| entry(r, seed)).collect();
    let paths: Vec<String> = (0..ROWS).map(|r| format!("{r}.jpg")).collect();
    let lines = |to: &mut dyn std::io::Write| {
        write_samples(
            to,
            (false, true),
            paths.iter().zip(&entries).map(|(path, entry)| (path.as_str(), " x".into(), "", entry)),
        )
    };
    folder.commit((Some(writer), false), meta(), lines).unwrap()
}

/// A store in `at`, made from nothing, and its numbers.
fn make(at: &Path, seed: usize) -> Npy {
    let folder = Folder::open(at).unwrap();
    let writer = folder.begin(header(), None, Duration::ZERO).unwrap();
    writer.install().unwrap();
    put(&writer, (0..ROWS).rev(), seed);
    let (changed, numbers) = commit(&folder, writer, seed);
    assert!(changed);
    numbers
}

fn check(at: &Path, seed: usize) {
    let stored = Stored::open(at).unwrap();
    let mut values = vec![0.0; ROWS * COLUMNS];
    stored.numbers.read(0, &mut values).unwrap();
    assert_eq!(values, (0..ROWS).flat_map(|r| row(r, seed)).collect::<Vec<_>>());
    for (r, line) in stored.lines().unwrap().into_iter().enumerate() {
        let expected = Sample {
            path: format!("{r}.jpg"),
            labels: " x".into(),
            part: String::new(),
            entry: entry(r, seed),
        };
        assert_eq!(line, expected);
    }
}

#[test]
fn what_was_written_is_read() {
    let at = tempfile::tempdir().unwrap();
    make(at.path(), 1);
    check(at.path(), 1);
    let mut names: Vec<_> = std::fs::read_dir(at.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, [META, FEATURES, SAMPLES]);
}

/// Whoever made a store has its numbers, whatever takes its place once the lock is let go.
#[test]
fn numbers_stay_those_that_were_made() {
    let at = tempfile::tempdir().unwrap();
    let numbers = make(at.path(), 1);
    make(at.path(), 2);
    let mut values = vec![0.0; ROWS * COLUMNS];
    numbers.read(0, &mut values).unwrap();
    assert_eq!(values, (0..ROWS).flat_map(|r| row(r, 1)).collect::<Vec<_>>());
    check(at.path(), 2);
}

/// The three files are renamed one after the other; whoever stops between them, the next one finishes it.
#[test]
fn new_files_take_the_place_of_old_ones_or_it_is_said_that_they_have_not() {
    for renamed in 0..=3 {
        let [at, new] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        make(at.path(), 1);
        make(new.path(), 2);
        let parts =
            [(FEATURES, "features.npy.part2"), (SAMPLES, "samples.csv.part"), (META, "features.json.part")];
        for (n, (name, part)) in parts.into_iter().enumerate() {
            let to = if n < renamed { name } else { part };
            std::fs::copy(new.path().join(name), at.path().join(to)).unwrap();
        }
        std::fs::write(at.path().join(COMMIT), r#"{"features":"features.npy.part2"}"#).unwrap();
        std::fs::write(at.path().join(JOURNAL), "left over").unwrap();
        let error = Stored::open(at.path()).unwrap_err().to_string();
        assert!(error.contains("run the same command"), "{error}");
        drop(Folder::open(at.path()).unwrap());
        check(at.path(), 2);
        assert_eq!(std::fs::read_dir(at.path()).unwrap().count(), 3, "{renamed} renamed");
    }
}

#[test]
fn a_half_written_line_is_passed_over_and_written_over() {
    let at = tempfile::tempdir().unwrap();
    let folder = Folder::open(at.path()).unwrap();
    let writer = folder.begin(header(), None, Duration::ZERO).unwrap();
    writer.install().unwrap();
    put(&writer, 0..2, 1);
    drop(writer);
    let path = at.path().join(JOURNAL);
    let whole = std::fs::read(&path).unwrap();
    for half in [&b"{\"row\":4,\"pa"[..], b"{\"row\":4}\n", b"\0\0\0\0\n{}\n", b""] {
        std::fs::write(&path, [&whole, half].concat()).unwrap();
        let (journal, _) = folder.journal().unwrap().unwrap();
        assert_eq!(journal.done.len(), 2);
        assert_eq!(journal.done["1.jpg"], (1, entry(1, 1)));
        drop(folder.go_on(&journal, Duration::ZERO).unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), whole);
    }
    let (journal, _) = folder.journal().unwrap().unwrap();
    let writer = folder.go_on(&journal, Duration::ZERO).unwrap();
    assert_eq!(writer.done(), 2);
    put(&writer, 2..ROWS, 1);
    assert!(commit(&folder, writer, 1).0);
    check(at.path(), 1);
    // A journal that broke off before it named anything, and one whose numbers are gone, name nothing.
    std::fs::write(&path, &whole[..20]).unwrap();
    assert!(folder.journal().unwrap().is_none());
    std::fs::write(&path, &whole).unwrap();
    assert!(folder.journal().unwrap().is_none());
    std::fs::write(&path, String::from_utf8(whole).unwrap().replace("features.npy.part", "../x")).unwrap();
    assert!(folder.journal().unwrap_err().to_string().contains("../x"));
}

#[test]
fn hashes_of_pieces_are_those_of_the_whole() {
    let bytes: Vec<u8> = (0..200_000u32).map(|i| (i.wrapping_mul(i) / 7) as u8).collect();
    for length in [0, 1, 240, 241, 65_535, 65_536, 65_537, 131_072, 200_000] {
        let (whole, half) = (&bytes[..length], length / 2);
        assert_eq!(Hash::of_all(whole).unwrap(), Hash::of(whole), "{length}");
        let pieces = std::io::Read::chain(&whole[..half], &whole[half..]);
        assert_eq!(Hash::of_all(pieces).unwrap(), Hash::of(whole), "{length}");
    }
}

#[test]
fn hashes_are_digits() {
    assert_eq!(Hash::of(b"").to_string(), "99aa06d3014798d86001c324468d497f");
    assert_eq!("99aa06d3014798d86001c324468d497f".parse(), Ok(Hash::of(b"")));
    for wrong in ["", "99", "+9aa06d3014798d86001c324468d497f", "x9aa06d3014798d86001c324468d497f"] {
        assert!(wrong.parse::<Hash>().is_err(), "{wrong}");
    }
}

#[test]
fn a_store_that_cannot_be_written_is_there_to_be_read() {
    let at = tempfile::tempdir().unwrap();
    let refused = |kind: std::io::ErrorKind| {
        move |path: &Path| Err(FileError::on("write", &path.join(LOCK))(kind.into()))
    };
    let denied = std::io::ErrorKind::PermissionDenied;
    Folder::locked(at.path(), refused(denied)).unwrap_err();
    make(at.path(), 1);
    for kind in [denied, std::io::ErrorKind::ReadOnlyFilesystem] {
        let folder = Folder::locked(at.path(), refused(kind)).unwrap();
        assert!(folder.is_read_only() && folder.stored().unwrap().is_some());
        let error = folder.begin(header(), None, Duration::ZERO).unwrap_err().to_string();
        assert!(error.contains("not brought up to date"), "{error}");
        let other = Meta { root: "elsewhere".into(), ..meta() };
        folder.commit((None, false), other.clone(), |_| Ok(())).unwrap_err();
        assert!(!folder.commit((None, true), other, |_| Ok(())).unwrap().0);
    }
    // Somebody else at work there is another matter.
    Folder::locked(at.path(), refused(std::io::ErrorKind::ResourceBusy)).unwrap_err();
}
