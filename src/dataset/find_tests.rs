//! Tests of finding pictures.

use std::fs;

use super::super::testing::folder;
use super::*;

/// What is in and below the folder `root`, which is at least one picture.
fn pictures_in(root: &Path) -> Result<Search, DatasetError> {
    let found = pictures_and(root, |_| false)?;
    match found.pictures.is_empty() {
        false => Ok(found),
        true => Err(none_in(root, &found.unread, &found.others)),
    }
}

fn names(root: &Path) -> Vec<String> {
    pictures_in(root).unwrap().pictures.iter().map(|path| slashed(path)).collect()
}

#[test]
fn every_extension_in_any_case_and_nothing_else() {
    let files: Vec<String> = EXTENSIONS
        .iter()
        .flat_map(|e| [format!("a.{e}"), format!("B.{}", e.to_uppercase())])
        .chain(["notes.txt", "jpg", "a.jpg.txt", "noext"].map(String::from))
        .collect();
    let root = folder(&files.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(names(root.path()).len(), 2 * EXTENSIONS.len());
}

#[test]
fn hidden_files_and_folders_are_skipped_but_not_a_hidden_root() {
    let root = folder(&[".data/._x.jpg", ".data/.thumbs/y.jpg", ".data/seen.jpg"]);
    assert_eq!(names(&root.path().join(".data")), ["seen.jpg"]);
}

#[test]
fn sorted_as_text_with_slashes() {
    // By components `a` would come first: `a` < `a-b`; as text `-` < `/`.
    let root = folder(&["a/1.jpg", "a-b/1.jpg", "a0/1.jpg", "A/1.jpg"]);
    let found = names(root.path());
    assert_eq!(found, ["A/1.jpg", "a-b/1.jpg", "a/1.jpg", "a0/1.jpg"]);
}

#[test]
fn missing_empty_and_not_a_folder() {
    let root = folder(&["x.txt"]);
    let gone = root.path().join("gone");
    for result in [pictures_in(&gone).map(|found| found.pictures), pictures_under(&gone)] {
        assert!(matches!(result, Err(DatasetError::Missing(path)) if path == gone));
    }
    let error = pictures_under(root.path()).unwrap_err();
    assert!(matches!(error, DatasetError::NoPictures(_)));
    assert!(error.to_string().contains(".webp"), "{error}");
    let file = root.path().join("x.txt");
    assert!(matches!(pictures_in(&file), Err(DatasetError::NotAFolder(_))));
    assert_eq!(pictures_under(&file).unwrap(), [file]);
}

#[test]
fn a_folder_to_predict_keeps_its_own_path() {
    let root = folder(&["b/2.png", "a/1.png"]);
    let found = pictures_under(root.path()).unwrap();
    assert_eq!(found, [root.path().join("a/1.png"), root.path().join("b/2.png")]);
}

#[cfg(unix)]
#[test]
fn links_are_followed_once_and_dead_ones_are_left_to_the_decoder() {
    use std::os::unix::fs::symlink;
    let root = folder(&["in/a.jpg", "out/b.jpg"]);
    let inner = root.path().join("in");
    symlink(&inner, inner.join("loop")).unwrap();
    symlink(root.path(), inner.join("above")).unwrap();
    symlink(root.path().join("out"), inner.join("linked")).unwrap();
    symlink("nowhere", inner.join("dead.jpg")).unwrap();
    symlink("nowhere", inner.join("dead-folder")).unwrap();
    symlink("self.jpg", inner.join("self.jpg")).unwrap();
    assert_eq!(names(&inner), ["a.jpg", "dead.jpg", "linked/b.jpg", "self.jpg"]);
}

#[cfg(unix)]
#[test]
fn a_folder_without_permission_is_told_and_passed_over() {
    use std::os::unix::fs::PermissionsExt;
    let root = folder(&["a/1.jpg", "locked/2.jpg"]);
    let locked = root.path().join("locked");
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
    let readable_anyway = fs::read_dir(&locked).is_ok(); // the superuser may read everything
    let (found, strict) = (pictures_in(root.path()), pictures_under(root.path()));
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o755)).unwrap();
    if !readable_anyway {
        let Search { pictures, unread, .. } = found.unwrap();
        assert_eq!(pictures, [Path::new("a/1.jpg")]);
        assert_eq!(unread.len(), 1);
        assert_eq!(unread[0].path, Path::new("locked"));
        assert!(unread[0].reason.contains("denied"), "{unread:?}");
        let error = strict.unwrap_err();
        assert!(matches!(error, DatasetError::Unreadable(_)));
        assert!(error.to_string().contains("locked"), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_left_to_the_decoder_and_is_no_text() {
    let root = folder(&["in/a.jpg", "x.jpg/b.jpg"]);
    let make = |name: &str| {
        let made = std::process::Command::new("mkfifo").arg(root.path().join(name)).status().unwrap();
        assert!(made.success());
    };
    ["pipe.jpg", "pipe.txt", ".pipe.jpg"].iter().for_each(|name| make(name));
    let socket = std::os::unix::net::UnixListener::bind(root.path().join("socket.png")).unwrap();
    assert_eq!(names(root.path()), ["in/a.jpg", "pipe.jpg", "socket.png", "x.jpg/b.jpg"]);
    assert!(
        pictures_and(root.path(), |path| path.extension().is_some_and(|e| e == "txt"))
            .unwrap()
            .beside
            .is_empty()
    );
    for (name, what) in [("pipe.jpg", "a pipe"), ("socket.png", "a socket"), ("in", "a folder")] {
        let error = crate::files::open_regular(&root.path().join(name)).unwrap_err().to_string();
        assert_eq!(error, format!("not a regular file but {what}"));
    }
    let error = crate::files::open_regular(Path::new("/dev/null")).unwrap_err().to_string();
    assert_eq!(error, "not a regular file but a device");
    drop(socket);
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_not_unicode_are_kept() {
    use std::os::unix::ffi::OsStrExt;
    let root = tempfile::tempdir().unwrap();
    let odd = Path::new(std::ffi::OsStr::from_bytes(b"caf\xe9.jpg"));
    fs::write(root.path().join(odd), b"").unwrap();
    assert_eq!(pictures_in(root.path()).unwrap().pictures, [odd]);
    assert_eq!(slashed(odd), r"caf\xE9.jpg");
}

#[cfg(unix)]
#[test]
fn ways_that_double_at_every_folder_come_to_an_end() {
    use std::os::unix::fs::symlink;
    let root = folder(&["data/level00/x.jpg", "level12/a.jpg"]);
    let level = |i: usize| match i {
        0 => root.path().join("data/level00"),
        i => root.path().join(format!("level{i:02}")),
    };
    for i in 0..12 {
        fs::create_dir_all(level(i)).unwrap();
        symlink(level(i + 1), level(i).join("one")).unwrap();
        symlink(level(i + 1), level(i).join("two")).unwrap();
    }
    let found = pictures_in(&root.path().join("data")).unwrap();
    // 4,096 without a limit.
    assert_eq!(found.pictures.len(), 1 + MOST_WAYS);
    assert!(!found.unread.is_empty());
    assert!(found.unread.iter().all(|unread| unread.hides && unread.reason.contains("100 other links")));
}

#[cfg(unix)]
#[test]
fn links_that_lead_to_nothing_hide_nothing() {
    use std::os::unix::fs::symlink;
    let root = folder(&["a.jpg"]);
    for (target, link) in [("itself", "itself"), ("gone", "dead"), ("gone", "notes.txt"), ("gone", "b.png")] {
        symlink(target, root.path().join(link)).unwrap();
    }
    let found = pictures_in(root.path()).unwrap();
    assert_eq!(found.pictures.iter().map(|path| slashed(path)).collect::<Vec<_>>(), ["a.jpg", "b.png"]);
    assert_eq!(
        found.unread.iter().map(|unread| slashed(&unread.path)).collect::<Vec<_>>(),
        ["dead", "itself"]
    );
    assert!(found.unread.iter().all(|unread| !unread.hides));
    assert_eq!(found.others, NotPictures { count: 1, first: vec!["notes.txt".into()] });
    assert_eq!(pictures_under(root.path()).unwrap().len(), 2);
}

#[test]
fn names_of_what_is_no_picture_are_text_once_and_the_first() {
    let mut all = NotPictures::default();
    for name in ["d.txt", "b.txt", "e.txt", "a\\xE9.txt", "c.txt"] {
        all.add(Path::new(name));
    }
    let mut outer = NotPictures::default();
    outer.add(Path::new("z.txt"));
    outer.extend(Path::new("in"), all);
    assert_eq!(
        outer,
        NotPictures {
            count: 6,
            first: vec!["in/a\\x5CxE9.txt".into(), "in/b.txt".into(), "in/c.txt".into()]
        }
    );
}
