//! Finding picture files below a folder.

use std::fs;
use std::path::{Component, Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::DatasetError;
use crate::files::FileError;

/// Extensions a folder is searched for, in lower case; a file's own may be in any case.
pub const EXTENSIONS: [&str; 11] =
    ["jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "bmp", "dib", "tif", "tiff"];

/// The pictures `path` stands for: a file is itself, whatever its extension; a folder is every picture file
/// in and below it, found as [`super::Dataset::open`] finds them, sorted, each path starting with `path`.
///
/// # Errors
/// `path` does not exist, a folder in it cannot be read, or it holds no picture file.
pub fn pictures_under(path: &Path) -> Result<Vec<PathBuf>, DatasetError> {
    if !metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    Ok(pictures_in(path)?.iter().map(|relative| path.join(relative)).collect())
}

/// Picture files in and below the folder `root`: paths relative to it, sorted as text with `/` between the
/// parts, which is the same order on every system. At least one.
pub(super) fn pictures_in(root: &Path) -> Result<Vec<PathBuf>, DatasetError> {
    let found = files_in(root, is_picture)?;
    if found.is_empty() {
        return Err(DatasetError::NoPictures(root.to_owned()));
    }
    Ok(found)
}

/// Files in and below the folder `root` that are `wanted` by their names, found and sorted as pictures are.
pub(super) fn files_in(root: &Path, wanted: fn(&Path) -> bool) -> Result<Vec<PathBuf>, DatasetError> {
    if !metadata(root)?.is_dir() {
        return Err(DatasetError::NotAFolder(root.to_owned()));
    }
    let mut found = Vec::new();
    let visible = |entry: &DirEntry| entry.depth() == 0 || !is_hidden(entry.path());
    for entry in WalkDir::new(root).follow_links(true).into_iter().filter_entry(visible) {
        let path = match entry {
            Ok(entry) if entry.file_type().is_file() => entry.into_path(),
            Ok(_) => continue,
            // A link to a folder it lies in: everything there is found without it.
            Err(error) if error.loop_ancestor().is_some() => continue,
            // A link that leads nowhere: if it is named like a picture, the decoder says that it cannot be
            // read, and one such link does not stop the others.
            Err(error) => match error.path().filter(|path| leads_nowhere(path) && !is_hidden(path)) {
                Some(path) => path.to_owned(),
                None => return Err(unreadable(root, error)),
            },
        };
        if wanted(&path)
            && let Ok(relative) = path.strip_prefix(root)
        {
            found.push(relative.to_owned());
        }
    }
    // Names that are not UTF-8 may look alike as text; the path itself settles their order.
    found.sort_by_cached_key(|path| (slashed(path), path.clone()));
    Ok(found)
}

/// The path as text with `/` between its parts, on every system; what is not Unicode becomes U+FFFD.
pub(super) fn slashed(path: &Path) -> String {
    let mut text = String::new();
    for component in path.components() {
        if !text.is_empty() && !text.ends_with('/') {
            text.push('/');
        }
        match component {
            Component::RootDir => text.push('/'),
            other => text.push_str(&other.as_os_str().to_string_lossy()),
        }
    }
    text
}

fn metadata(path: &Path) -> Result<fs::Metadata, DatasetError> {
    fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => DatasetError::Missing(path.to_owned()),
        _ => DatasetError::Unreadable(FileError::on("read", path)(error)),
    })
}

fn unreadable(root: &Path, error: walkdir::Error) -> DatasetError {
    let path = error.path().unwrap_or(root).to_owned();
    let source = error.into_io_error().unwrap_or_else(|| std::io::ErrorKind::Other.into());
    DatasetError::Unreadable(FileError::on("read", &path)(source))
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
        pictures_in(root).unwrap().iter().map(|path| slashed(path)).collect()
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
        for result in [pictures_in(&gone), pictures_under(&gone)] {
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
        symlink(root.path().join("out"), inner.join("linked")).unwrap();
        symlink("nowhere", inner.join("dead.jpg")).unwrap();
        symlink("nowhere", inner.join("dead-folder")).unwrap();
        symlink("self.jpg", inner.join("self.jpg")).unwrap();
        assert_eq!(names(&inner), ["a.jpg", "dead.jpg", "linked/b.jpg", "self.jpg"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_without_permission_is_named() {
        use std::os::unix::fs::PermissionsExt;
        let root = folder(&["a/1.jpg", "locked/2.jpg"]);
        let locked = root.path().join("locked");
        fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
        let readable_anyway = fs::read_dir(&locked).is_ok(); // the superuser may read everything
        let found = pictures_in(root.path());
        fs::set_permissions(&locked, fs::Permissions::from_mode(0o755)).unwrap();
        if !readable_anyway {
            let error = found.unwrap_err();
            assert!(matches!(error, DatasetError::Unreadable(_)));
            assert!(error.to_string().contains("locked"), "{error}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn names_that_are_not_unicode_are_kept() {
        use std::os::unix::ffi::OsStrExt;
        let root = tempfile::tempdir().unwrap();
        let odd = Path::new(std::ffi::OsStr::from_bytes(b"caf\xe9.jpg"));
        fs::write(root.path().join(odd), b"").unwrap();
        assert_eq!(pictures_in(root.path()).unwrap(), [odd]);
        assert_eq!(slashed(odd), "caf\u{fffd}.jpg");
    }
}
