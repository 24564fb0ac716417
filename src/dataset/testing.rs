//! Folders for tests.

use tempfile::TempDir;

/// A folder with these files in it, each of them empty.
pub(super) fn folder<T: AsRef<str>>(files: &[T]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for file in files {
        let path = root.path().join(file.as_ref());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, b"").unwrap();
    }
    root
}
