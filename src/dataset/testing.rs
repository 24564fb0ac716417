//! Folders for tests.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A folder with these files in it, each of them empty.
pub(super) fn folder<T: AsRef<str>>(files: &[T]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for file in files {
        write(root.path(), file.as_ref(), "");
    }
    root
}

/// Writes a file below `root`, and its folders.
pub(super) fn write(root: &Path, file: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = root.join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, content).unwrap();
    path
}

/// Data beside the checkout. Where it is not there, says so and gives none: the test then shows nothing.
pub(super) fn shared(path: &str) -> Option<PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(path);
    if !found.exists() {
        eprintln!("skipped: there is no ../shared/data/{path}");
    }
    found.exists().then_some(found)
}

/// `path: label, label [part]` a sample.
pub(super) fn lines(data: &super::Dataset) -> Vec<String> {
    let line = |(index, sample): (usize, &super::Sample)| {
        let labels: Vec<&str> = sample.labels.iter().map(|&k| data.classes[k as usize].as_str()).collect();
        let part = sample.part.map(|part| format!(" [{part:?}]")).unwrap_or_default();
        format!("{}: {}{part}", data.relative_path_string(index), labels.join(", "))
    };
    data.samples.iter().enumerate().map(line).collect()
}
