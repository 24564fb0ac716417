//! What is in a shard, from its headers.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use tar::Archive;

use super::super::DatasetError;
use super::super::LabelOptions;
use super::super::find::{is_picture, slashed};
use super::Stamp;
use super::labels::{self, Labels};

/// A picture in a shard.
#[derive(Debug)]
pub(super) struct Member {
    /// Its name there.
    pub(super) path: PathBuf,
    /// First byte of its content.
    pub(super) at: u64,
    /// How many bytes it has.
    pub(super) len: u64,
    /// Labels beside it or what is wrong with them, where there are any and they were wanted.
    pub(super) labels: Option<Result<Labels, String>>,
}

/// What is in a shard.
#[derive(Debug, Default)]
pub(super) struct Scanned {
    /// The file, as it was then.
    pub(super) stamp: Stamp,
    pub(super) pictures: Vec<Member>,
    /// Bytes that were read for that.
    #[cfg(test)]
    pub(super) read: u64,
}

/// The contents of files that may hold labels, by their name without and their extension (in lower case).
pub(super) type Contents = HashMap<String, HashMap<&'static str, Vec<u8>>>;

/// Extensions of files that hold labels, the one that counts first.
pub(super) const LABELS: [&str; 3] = ["cls", "json", "txt"];
/// A file with labels that is larger is none.
const MAX_LABELS: u64 = 1 << 20;

/// Reads the headers of the tar file `file` from front to back, and, where labels are `wanted`, the small files between them that may
/// hold these: they are in memory for as long as the one shard is read.
///
/// # Errors
/// It cannot be read, is no tar file, or ends before its end is marked.
pub(super) fn scan(file: &Path, wanted: Option<&LabelOptions>) -> Result<Scanned, DatasetError> {
    walk(file, wanted).map_err(|error| {
        let found = file.metadata();
        // Tar files are made of whole blocks.
        let whole = found.as_ref().is_ok_and(|found| found.len().is_multiple_of(512));
        let problem = match error.kind() {
            io::ErrorKind::UnexpectedEof if found.is_ok_and(|found| found.len() == 0) => {
                "it is empty; copy it again".to_owned()
            }
            io::ErrorKind::UnexpectedEof => {
                "it ends in the middle: nothing marks its end; copy it again".to_owned()
            }
            _ if !whole => "it ends in the middle; copy it again".to_owned(),
            _ => format!("it is no tar file that can be read ({error}); make it again"),
        };
        DatasetError::Shard { file: file.to_owned(), problem }
    })
}

fn walk(file: &Path, wanted: Option<&LabelOptions>) -> io::Result<Scanned> {
    let opened = File::open(file)?;
    let stamp = Stamp::of(&opened.metadata()?);
    let mut archive = Archive::new(Watched::new(opened));
    let mut beside = Contents::new();
    let mut found = Scanned { stamp, ..Scanned::default() };
    for entry in archive.entries_with_seek()? {
        let mut entry = entry?;
        let (at, len) = (entry.raw_file_position(), entry.size());
        if at.checked_add(len).is_none_or(|end| end > stamp.len) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        // Anything but plain files: folders, links, devices; sparse files do not lie in one piece.
        if !entry.header().entry_type().is_file() && !entry.header().entry_type().is_contiguous() {
            continue;
        }
        let Some(path) = plain(&entry.path()?) else { continue };
        if is_picture(&path) {
            found.pictures.push(Member { path, at, len, labels: None });
            continue;
        }
        let kind = path.extension().map(|e| e.to_ascii_lowercase());
        let kind = LABELS.into_iter().find(|known| kind.as_deref().is_some_and(|e| e == *known));
        if let (Some(_), Some(kind), 0..=MAX_LABELS) = (wanted, kind, len) {
            let mut content = Vec::new();
            entry.read_to_end(&mut content)?;
            if (content.len() as u64) < len {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            beside.entry(slashed(&path.with_extension(""))).or_default().insert(kind, content);
        }
    }
    // A block of zeros marks the end. Where the file ended in its place, nobody knows what is missing.
    let file = archive.into_inner();
    if file.ended {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    #[cfg(test)]
    {
        found.read = file.read;
    }
    if let Some(options) = wanted {
        for picture in &mut found.pictures {
            picture.labels = labels::of(&picture.path, &beside, options).transpose();
        }
    }
    Ok(found)
}

/// A file, and whether it came to its end when it was read last.
struct Watched {
    file: File,
    ended: bool,
    #[cfg(test)]
    read: u64,
}

impl Watched {
    fn new(file: File) -> Self {
        Self {
            file,
            ended: false,
            #[cfg(test)]
            read: 0,
        }
    }
}

impl Read for Watched {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(to)?;
        self.ended = count == 0 && !to.is_empty();
        #[cfg(test)]
        {
            self.read += count as u64;
        }
        Ok(count)
    }
}

impl Seek for Watched {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// The path without `.` and a leading `/`; none for hidden files, and for those that would lead out of the folder.
fn plain(path: &Path) -> Option<PathBuf> {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) if name.as_encoded_bytes().starts_with(b".") => return None,
            Component::Normal(name) => plain.push(name),
            Component::ParentDir => return None,
            _ => {}
        }
    }
    plain.file_name().is_some().then_some(plain)
}
