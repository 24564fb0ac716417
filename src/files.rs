//! Files are written whole: under a temporary name beside the target, synced, then renamed. Whoever looks sees the
//! old file or the new one, and a failure on the way leaves the old one.

use std::io::{BufWriter, Write};
use std::path::Path;

use crate::error::FileError;

/// Writes `path` whole with `fill`.
pub(crate) fn write_whole(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<&std::fs::File>) -> std::io::Result<()>,
) -> Result<(), FileError> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || {
        let mut options = tempfile::Builder::new();
        // Readable as any new file is, not by the owner alone as temporary files are.
        #[cfg(unix)]
        options.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = options.prefix(".huemax-").tempfile_in(folder)?;
        let mut writer = BufWriter::new(file.as_file());
        fill(&mut writer)?;
        writer.flush()?;
        drop(writer);
        file.as_file().sync_all()?;
        file.persist(path).map_err(|e| e.error)?;
        Ok(())
    };
    write().map_err(FileError::on("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_what_was_there_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        write_whole(&path, |w| w.write_all(b"old")).unwrap();
        let full = |w: &mut BufWriter<&std::fs::File>| {
            w.write_all(b"new")?;
            Err(std::io::Error::from(std::io::ErrorKind::StorageFull))
        };
        let error = write_whole(&path, full).unwrap_err().to_string();
        assert!(error.contains("cannot write") && error.contains("model"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
