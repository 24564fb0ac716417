//! Event files for TensorBoard, made when there is something to put in.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::FileError;
use crate::files::try_folder;
use crate::report::tensorboard::{EventWriter, now};

/// The event file of one run, as TensorBoard has it: a folder.
#[derive(Debug)]
pub(super) struct Events {
    folder: PathBuf,
    /// Whether the first event goes on from one that an earlier process wrote.
    resumed: bool,
    writer: Option<EventWriter<File>>,
}

impl Events {
    /// Nothing is made yet.
    pub(super) fn new(folder: &Path, resumed: bool) -> Self {
        Self { folder: folder.into(), resumed, writer: None }
    }

    /// Writes the values of `tags` at `step`.
    pub(super) fn write(&mut self, step: u64, tags: &[(&str, f64)]) -> Result<(), FileError> {
        let time = now();
        let mut writer = match self.writer.take() {
            Some(writer) => writer,
            None => EventWriter::create(&self.folder)?,
        };
        let first = std::mem::take(&mut self.resumed);
        let begun = if first { writer.resume(time, step) } else { Ok(()) };
        let written = begun.and_then(|()| writer.scalars(time, step, tags));
        written.map_err(FileError::on("write events into", &self.folder))?;
        self.writer = Some(writer);
        Ok(())
    }
}

/// Fails where event files could not be made in `folder`; makes nothing.
pub(super) fn check(folder: &Path) -> Result<(), FileError> {
    let there = std::path::absolute(folder).map_err(FileError::on("create", folder))?;
    // The nearest that is there, in which the others would be made.
    let Some(there) = there.ancestors().find(|path| path.exists()) else { return Ok(()) };
    if !there.is_dir() {
        let problem = io::Error::new(
            io::ErrorKind::NotADirectory,
            format!("{} is a file; name a folder", there.display()),
        );
        return Err(FileError::on("write event files into", folder)(problem));
    }
    try_folder(there).map_err(FileError::on("write event files into", folder))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_made_before_the_first_event() {
        let folder = tempfile::tempdir().unwrap();
        let (runs, file) = (folder.path().join("tb/one"), folder.path().join("file"));
        std::fs::write(&file, b"").unwrap();
        check(&runs).unwrap();
        assert!(check(&file.join("one")).is_err() && check(&file).is_err());
        let mut events = Events::new(&runs, true);
        assert!(!folder.path().join("tb").exists());
        events.write(3, &[("loss", 0.5)]).unwrap();
        events.write(4, &[("loss", 0.4)]).unwrap();
        assert_eq!(std::fs::read_dir(&runs).unwrap().count(), 1);
    }
}
