//! What is in a shard, from its headers.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use tar::Archive;

use super::super::decode::begins_as_picture;
use super::super::find::{FIRST_BYTES, has_no_extension, is_picture, slashed};
use super::super::{LabelOptions, NotPictures};
use super::Stamp;
use super::labels::{self, Beside, MAX_LABELS, label_kind};
use super::other::other;
use crate::files::open_regular;

/// A picture in a shard.
#[derive(Debug)]
pub(super) struct Member {
    /// Its name there.
    pub(super) path: PathBuf,
    /// First byte of its content.
    pub(super) at: u64,
    /// How many bytes it has.
    pub(super) len: u64,
    /// Labels that lie beside it, where they were wanted.
    pub(super) labels: Option<Beside>,
}

/// What is in a shard.
#[derive(Debug, Default)]
pub(super) struct Scanned {
    /// The file, as it was then.
    pub(super) stamp: Stamp,
    pub(super) pictures: Vec<Member>,
    /// Symbolic links that may stand for a picture, its labels or a folder of them. They are not followed.
    pub(super) links: Vec<PathBuf>,
    /// What cannot be read of it.
    pub(super) lost: Vec<Lost>,
    /// Files that are none of all this.
    pub(super) others: NotPictures,
    /// Bytes that were read for that.
    #[cfg(test)]
    pub(super) read: u64,
}

/// What cannot be read of a shard.
#[derive(Debug)]
pub(super) struct Lost {
    /// A file in it; none where it is the shard itself, from some place on, and nobody knows what is there.
    pub(super) name: Option<PathBuf>,
    /// What is wrong, and the way out.
    pub(super) reason: String,
}

/// The contents of files that may hold labels, by their name without and their extension (in lower case).
pub(super) type Contents = HashMap<String, HashMap<&'static str, Vec<u8>>>;

/// Reads the headers of the tar file `file` from front to back, and, where labels are `wanted`, the small files between them that may
/// hold these: they are in memory for as long as the one shard is read. What comes before a place where it cannot be read any further is as good
/// as in a whole one.
pub(super) fn scan(file: &Path, wanted: Option<&LabelOptions>) -> Scanned {
    let (mut found, mut inside) = (Scanned::default(), Inside::default());
    let mut outcome = walk(file, wanted, &mut found, &mut inside);
    if outcome.is_ok() || !found.pictures.is_empty() {
        let late = inside.read_late(file);
        outcome = outcome.and(late);
    }
    if let Err(problem) = outcome {
        let mut reason = told(file, problem);
        if !found.pictures.is_empty() {
            reason += "; what comes before that is used";
        }
        found.lost.push(Lost { name: None, reason });
    }
    // What pictures are links to is no picture of its own.
    found
        .pictures
        .retain(|picture| !(has_no_extension(&picture.path) && inside.targets.contains(&picture.at)));
    if let Some(options) = wanted {
        for picture in &mut found.pictures {
            picture.labels = labels::of(&picture.path, &inside.beside, options);
        }
    }
    found
}

/// What is wrong with the shard `file`, and the way out.
fn told(file: &Path, problem: Problem) -> String {
    let error = match problem {
        Problem::Behind => {
            return "another archive, or something else, follows behind its end (`cat a.tar b.tar`?), and most programs do not see it; \
                    give the files one by one, or unpack it with `tar --ignore-zeros -xf` and pack it again"
                .into();
        }
        Problem::Io(error) => error,
    };
    if error.kind() == io::ErrorKind::PermissionDenied {
        return format!("it cannot be read ({error}); make it readable");
    }
    if let Some(problem) = other(file) {
        return problem;
    }
    let found = file.metadata();
    // Tar files are made of whole blocks.
    let whole = found.as_ref().is_ok_and(|found| found.len().is_multiple_of(512));
    match error.kind() {
        io::ErrorKind::UnexpectedEof if found.is_ok_and(|found| found.len() == 0) => {
            "it is empty; copy it again".to_owned()
        }
        io::ErrorKind::UnexpectedEof => {
            "it ends in the middle: nothing marks its end; copy it again".to_owned()
        }
        _ if !whole => "it ends in the middle; copy it again".to_owned(),
        _ => format!("it is no tar file that can be read ({error}); make it again"),
    }
}

/// What is learned of a shard on the way.
#[derive(Default)]
struct Inside {
    beside: Contents,
    /// Where every file lies, as hard links lead to files before them.
    all: HashMap<PathBuf, (u64, u64)>,
    /// Contents that such links lead to.
    late: Vec<(String, &'static str, u64, u64)>,
    /// Where pictures lie that links lead to.
    targets: HashSet<u64>,
}

impl Inside {
    /// Reads what links to labels lead to.
    fn read_late(&mut self, file: &Path) -> Result<(), Problem> {
        if self.late.is_empty() {
            return Ok(());
        }
        let (mut file, _) = open_regular(file)?;
        for (key, kind, at, len) in std::mem::take(&mut self.late) {
            file.seek(SeekFrom::Start(at))?;
            self.beside.entry(key).or_default().insert(kind, content((&mut file).take(len), len)?);
        }
        Ok(())
    }
}

fn walk(
    file: &Path,
    wanted: Option<&LabelOptions>,
    found: &mut Scanned,
    seen: &mut Inside,
) -> Result<(), Problem> {
    // A pipe of this name has no end, and perhaps no beginning.
    let (opened, about) = open_regular(file)?;
    let stamp = Stamp::of(&about);
    found.stamp = stamp;
    let mut archive = Archive::new(Watched::new(opened));
    for entry in archive.entries_with_seek()? {
        let mut entry = entry?;
        let (mut at, mut len) = (entry.raw_file_position(), entry.size());
        let (kind, path) = (entry.header().entry_type(), entry.path()?.into_owned());
        let name = if is_hidden(&path) { None } else { plain(&path) };
        let outside = leads_out(&path);
        let (mut picture, labels) =
            name.as_deref().map_or((false, None), |name| (is_picture(name), label_kind(name)));
        if at.checked_add(len).is_none_or(|end| end > stamp.len) {
            if picture {
                found.lost.push(Lost {
                    name,
                    reason: "the tar file ends in the middle of it; copy it again".into(),
                });
            }
            return Err(Problem::Io(io::ErrorKind::UnexpectedEof.into()));
        }
        // Folders and devices are none; sparse files do not lie in one piece.
        if !(kind.is_file() || kind.is_contiguous() || kind.is_hard_link() || kind.is_symlink()) {
            continue;
        }
        if kind.is_symlink() {
            found.links.extend(name.filter(|name| picture || labels.is_some() || name.extension().is_none()));
            continue;
        }
        // Some writers put the content beside a link too.
        let linked = kind.is_hard_link() && len == 0;
        if linked {
            let target = entry.link_name()?.unwrap_or_default().into_owned();
            match plain(&target).and_then(|target| seen.all.get(&target)) {
                Some(&place) => (at, len) = place,
                None if picture || labels.is_some() => {
                    let reason = format!(
                        "a hard link to {}, which is not before it; make the tar file again with both of them",
                        target.display()
                    );
                    found.lost.push(Lost { name, reason });
                    continue;
                }
                None => continue,
            }
            if picture && !outside {
                seen.targets.insert(at);
            }
        }
        if let Some(path) = plain(&path) {
            seen.all.insert(path, (at, len));
        }
        let unnamed = name.as_deref().is_some_and(has_no_extension);
        if unnamed && !linked {
            let mut first = Vec::new();
            (&mut entry).take(FIRST_BYTES).read_to_end(&mut first)?;
            picture = begins_as_picture(&first);
        }
        if outside && picture {
            found.lost.push(Lost { name, reason: OUTSIDE.into() });
            continue;
        }
        match (name, labels, wanted) {
            (Some(path), ..) if picture => found.pictures.push(Member { path, at, len, labels: None }),
            (Some(path), Some(kind), Some(_)) if len <= MAX_LABELS && !outside => {
                let key = slashed(&path.with_extension(""));
                if linked {
                    seen.late.push((key, kind, at, len));
                } else {
                    seen.beside.entry(key).or_default().insert(kind, content(&mut entry, len)?);
                }
            }
            (Some(path), None, _) if !linked => found.others.add(&path),
            _ => {}
        }
    }
    // A block of zeros marks the end. Where the file ended in its place, nobody knows what is missing.
    let mut file = archive.into_inner();
    if file.ended {
        return Err(Problem::Io(io::ErrorKind::UnexpectedEof.into()));
    }
    if !only_zeros(&mut file)? {
        return Err(Problem::Behind);
    }
    #[cfg(test)]
    {
        found.read = file.read;
    }
    Ok(())
}

/// What is wrong with a shard.
enum Problem {
    Io(io::Error),
    /// Something is behind the end.
    Behind,
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Whether nothing but zeros is left to read in `from`, as writers of tapes leave.
fn only_zeros(from: &mut impl Read) -> io::Result<bool> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(true),
            Ok(count) if buffer[..count].iter().any(|&byte| byte != 0) => return Ok(false),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The `len` bytes that come from `from`.
fn content(mut from: impl Read, len: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    match from.read_to_end(&mut content)? as u64 == len {
        true => Ok(content),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
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

/// What is wrong with a picture whose path [`leads_out`].
const OUTSIDE: &str = "its path has `..` in it, which can lead out of where the tar file is unpacked; make the tar file again without that \
                       (tar -C FOLDER …)";

/// The path without `.` and a leading `/`; none where it names no file.
fn plain(path: &Path) -> Option<PathBuf> {
    path.file_name()?;
    let part = |part: &Component| matches!(part, Component::Normal(_) | Component::ParentDir);
    Some(path.components().filter(part).collect())
}

/// Whether the path could lead out of the folder that it is unpacked into.
fn leads_out(path: &Path) -> bool {
    path.components().any(|part| part == Component::ParentDir)
}

/// Whether the file is hidden, or lies in a folder that is.
fn is_hidden(path: &Path) -> bool {
    let hidden = |part| matches!(part, Component::Normal(name) if name.as_encoded_bytes().starts_with(b"."));
    path.components().any(hidden)
}
