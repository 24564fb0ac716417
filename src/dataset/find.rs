//! Finding picture files below a folder.

use std::fs;
use std::path::{Component, Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::DatasetError;
use crate::files::FileError;
use crate::names;

/// Extensions a folder is searched for, in lower case; a file's own may be in any case.
pub const EXTENSIONS: [&str; 11] =
    ["jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "bmp", "dib", "tif", "tiff"];

/// A folder below the one that was searched, or a link in it, that could not be looked into, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// Its path, relative to the folder that was searched.
    pub path: PathBuf,
    /// What the system said.
    pub reason: String,
}

/// The pictures `path` stands for: a file is itself, whatever its extension; a folder is every picture file
/// in and below it, found as [`super::Dataset::open`] finds them, sorted, each path starting with `path`.
///
/// # Errors
/// `path` does not exist, a folder in it cannot be read, or it holds no picture file.
pub fn pictures_under(path: &Path) -> Result<Vec<PathBuf>, DatasetError> {
    match under(path)? {
        (found, unread) if unread.is_empty() => Ok(found),
        (_, unread) => Err(unreadable(path, &unread)),
    }
}

/// The same, with the folders below `path` that cannot be read.
pub(super) fn under(path: &Path) -> Result<(Vec<PathBuf>, Vec<Unread>), DatasetError> {
    if !metadata(path)?.is_dir() {
        return Ok((vec![path.to_owned()], Vec::new()));
    }
    let (found, unread) = pictures_in(path)?;
    Ok((found.iter().map(|relative| path.join(relative)).collect(), unread))
}

/// Picture files in and below the folder `root`: paths relative to it, sorted as text with `/` between the
/// parts, which is the same order on every system. At least one. What is named like a picture and is no file (a pipe, a socket, a link
/// that leads nowhere) is among them, for the decoder to say so. And the folders that cannot be read.
pub(super) fn pictures_in(root: &Path) -> Result<(Vec<PathBuf>, Vec<Unread>), DatasetError> {
    let (found, unread) = search(root, is_picture, is_picture)?;
    match (found.is_empty(), unread.is_empty()) {
        (false, _) => Ok((found, unread)),
        (true, true) => Err(DatasetError::NoPictures(root.to_owned())),
        (true, false) => Err(unreadable(root, &unread)),
    }
}

/// Pictures in and below the folder `root`, as [`pictures_in`] finds them, but perhaps none; regular files beside them that are `wanted`
/// too; and the folders that cannot be read.
pub(super) fn pictures_and(
    root: &Path,
    wanted: fn(&Path) -> bool,
) -> Result<(Vec<PathBuf>, Vec<Unread>), DatasetError> {
    search(root, wanted, is_picture)
}

/// Regular files in and below the folder `root` that are `wanted` by their names, found and sorted as pictures are; and the folders that
/// cannot be read.
pub(super) fn files_in(
    root: &Path,
    wanted: fn(&Path) -> bool,
) -> Result<(Vec<PathBuf>, Vec<Unread>), DatasetError> {
    search(root, wanted, |_| false)
}

/// What is `wanted` in and below the folder `root`: regular files, and where a name is `whatever` anything that is no folder.
fn search(
    root: &Path,
    wanted: fn(&Path) -> bool,
    whatever: fn(&Path) -> bool,
) -> Result<(Vec<PathBuf>, Vec<Unread>), DatasetError> {
    if !metadata(root)?.is_dir() {
        return Err(DatasetError::NotAFolder(root.to_owned()));
    }
    let (mut found, mut unread) = (Vec::new(), Vec::new());
    let whole = fs::canonicalize(root).ok();
    // A link to the root, or to what that lies in, would bring everything once more.
    let leads_out = |entry: &DirEntry| {
        entry.path_is_symlink()
            && entry.file_type().is_dir()
            && fs::canonicalize(entry.path())
                .is_ok_and(|target| whole.as_ref().is_some_and(|whole| whole.starts_with(target)))
    };
    let visible = |entry: &DirEntry| entry.depth() == 0 || !is_hidden(entry.path()) && !leads_out(entry);
    for entry in WalkDir::new(root).follow_links(true).into_iter().filter_entry(visible) {
        let path = match entry {
            Ok(entry) if entry.file_type().is_file() => entry.into_path(),
            Ok(entry) if !entry.file_type().is_dir() && whatever(entry.path()) => entry.into_path(),
            Ok(_) => continue,
            // A link to a folder it lies in: everything there is found without it.
            Err(error) if error.loop_ancestor().is_some() => continue,
            Err(error) => match error.path().map(Path::to_owned) {
                // What is hidden is not looked at, be it broken.
                Some(path) if error.depth() > 0 && is_hidden(&path) => continue,
                // A link that leads nowhere: if it is named like a picture, the decoder says that it cannot be
                // read, and one such link does not stop the others.
                Some(path) if leads_nowhere(&path) => {
                    if !whatever(&path) {
                        continue;
                    }
                    path
                }
                Some(path) if error.depth() > 0 => {
                    let relative = path.strip_prefix(root).unwrap_or(&path).to_owned();
                    let source = error.into_io_error();
                    let reason = source.map_or_else(|| "it cannot be looked into".into(), |e| e.to_string());
                    unread.push(Unread { path: relative, reason });
                    continue;
                }
                _ => {
                    let source = error.into_io_error().unwrap_or_else(|| std::io::ErrorKind::Other.into());
                    return Err(DatasetError::Unreadable(FileError::on("read", root)(source)));
                }
            },
        };
        if wanted(&path)
            && let Ok(relative) = path.strip_prefix(root)
        {
            found.push(relative.to_owned());
        }
    }
    found.sort_by_cached_key(|path| slashed(path));
    unread.sort_by_cached_key(|unread| slashed(&unread.path));
    Ok((found, unread))
}

/// The path as text with `/` between its parts, on every system; see [`names`].
pub(super) fn slashed(path: &Path) -> String {
    let mut text = String::new();
    for component in path.components() {
        if !text.is_empty() && !text.ends_with('/') {
            text.push('/');
        }
        match component {
            Component::RootDir => text.push('/'),
            other => text.push_str(&names::text(other)),
        }
    }
    text
}

/// The first of some folders that cannot be read, as an error.
pub(super) fn unreadable(root: &Path, unread: &[Unread]) -> DatasetError {
    let (path, reason) = unread.first().map_or((root.to_owned(), ""), |u| (root.join(&u.path), &*u.reason));
    DatasetError::Unreadable(FileError {
        action: "read",
        path,
        source: std::io::Error::other(reason.to_owned()),
    })
}

fn metadata(path: &Path) -> Result<fs::Metadata, DatasetError> {
    fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => DatasetError::Missing(path.to_owned()),
        _ => DatasetError::Unreadable(FileError::on("read", path)(error)),
    })
}

fn leads_nowhere(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|link| link.is_symlink()) && fs::metadata(path).is_err()
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

pub(super) fn is_picture(path: &Path) -> bool {
    path.extension().is_some_and(|found| EXTENSIONS.iter().any(|known| found.eq_ignore_ascii_case(known)))
}

#[cfg(test)]
mod tests {
    use super::super::testing::folder;
    use super::*;

    fn names(root: &Path) -> Vec<String> {
        pictures_in(root).unwrap().0.iter().map(|path| slashed(path)).collect()
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
        for result in [pictures_in(&gone).map(|(found, _)| found), pictures_under(&gone)] {
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
            let (found, unread) = found.unwrap();
            assert_eq!(found, [Path::new("a/1.jpg")]);
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
            files_in(root.path(), |path| path.extension().is_some_and(|e| e == "txt")).unwrap().0.is_empty()
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
        assert_eq!(pictures_in(root.path()).unwrap().0, [odd]);
        assert_eq!(slashed(odd), r"caf\xE9.jpg");
    }
}
