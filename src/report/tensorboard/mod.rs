//! Scalars as event files that TensorBoard reads: records of TFRecord's framing, each a protobuf `Event`. The crates that
//! write them bring a protobuf runtime and are no longer looked after; what scalars need of the format is this page.

mod record;

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use record::{Message, record};

use crate::error::FileError;

/// What the first event of a file must say for TensorBoard to read it.
const VERSION: &str = "brain.Event:2";

/// Writes scalars to an event file, one event a step.
///
/// Tags and what they hold: see [`EventWriter::scalars`]. The format is that of TensorFlow's `event.proto` and
/// `summary.proto` with `simple_value`, which every TensorBoard reads.
#[derive(Debug)]
pub struct EventWriter<W: Write> {
    out: W,
}

impl EventWriter<File> {
    /// A new file in `folder`, which is made if need be: `events.out.tfevents.SECONDS.HOST.PROCESS.N`. TensorBoard takes
    /// a folder for a run and reads all such files in it, in the order of their names; none that is there is written to.
    ///
    /// # Errors
    /// The folder or the file cannot be made or written.
    pub fn create(folder: &Path) -> Result<Self, FileError> {
        std::fs::create_dir_all(folder).map_err(FileError::on("create", folder))?;
        let host = sysinfo::System::host_name().unwrap_or_default();
        // A host's name becomes part of a file's name, and dots are what divides that.
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' };
        let host: String =
            if host.is_empty() { "localhost".into() } else { host.chars().map(plain).collect() };
        let (seconds, process) = (now(), std::process::id());
        let mut n = 0u64;
        loop {
            let name = format!("events.out.tfevents.{:010}.{host}.{process}.{n}", seconds as u64);
            let path = folder.join(name);
            match File::options().write(true).create_new(true).open(&path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => n += 1,
                file => {
                    return file
                        .and_then(|file| Self::new(file, seconds))
                        .map_err(FileError::on("write", &path));
                }
            }
        }
    }
}

impl<W: Write> EventWriter<W> {
    /// A writer that begins the file, at `wall_time` (seconds since 1970, as in all of these).
    ///
    /// # Errors
    /// What `out` reports.
    pub fn new(mut out: W, wall_time: f64) -> io::Result<Self> {
        let mut event = Message::default();
        event.double(1, wall_time);
        event.text(3, VERSION);
        out.write_all(&record(event.bytes()))?;
        Ok(Self { out })
    }

    /// Says that a training goes on at `step` (`SessionLog.START`): what files before this one hold of `step` and later
    /// is no longer shown.
    ///
    /// # Errors
    /// What the writer reports.
    pub fn resume(&mut self, wall_time: f64, step: u64) -> io::Result<()> {
        let mut session = Message::default();
        session.number(1, 1);
        let mut event = Message::default();
        event.double(1, wall_time);
        event.number(2, step);
        event.message(7, &session);
        self.write(&event)
    }

    /// One event: the values of `tags` at `step`. It is handed on at once, so that it is seen while training runs.
    ///
    /// # Errors
    /// What the writer reports.
    pub fn scalars(&mut self, wall_time: f64, step: u64, tags: &[(&str, f64)]) -> io::Result<()> {
        let mut summary = Message::default();
        for &(tag, value) in tags {
            let mut scalar = Message::default();
            scalar.text(1, tag);
            scalar.float(2, value as f32);
            summary.message(1, &scalar);
        }
        let mut event = Message::default();
        event.double(1, wall_time);
        event.number(2, step);
        event.message(5, &summary);
        self.write(&event)
    }

    fn write(&mut self, event: &Message) -> io::Result<()> {
        // In one piece: a kill then leaves whole records, or one cut record at the end, which readers pass over.
        self.out.write_all(&record(event.bytes()))?;
        self.out.flush()
    }
}

/// Seconds since 1970.
#[must_use]
pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
