//! Finding picture files below a folder.

use std::collections::HashMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use rayon::prelude::*;
use walkdir::{DirEntry, WalkDir};

use super::decode::begins_as_picture;
use super::{DatasetError, NotPictures};
use crate::files::{FileError, open_regular};
use crate::names;

/// Extensions a folder is searched for, in lower case; a file's own may be in any case. Of files without any the content decides.
pub const EXTENSIONS: [&str; 11] =
    ["jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "bmp", "dib", "tif", "tiff"];

/// Something that pictures may be in and that could not be looked into, such as a folder, a link or a tar file; or a file of a tar file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// Its path, relative to the folder that was searched.
    pub path: PathBuf,
    /// What it is, and what was wrong with it.
    pub reason: String,
    /// Whether it may hide any number of pictures; else it is one that is missing.
    pub hides: bool,
}

/// What is in and below a folder. Paths are relative to it, and sorted as text with `/` between the parts, which is the same order on every
/// system.
#[derive(Debug, Default)]
pub(super) struct Search {
    /// Pictures by their names, or, where these have no extension, by their first bytes. What is named like a picture and is no file (a pipe, a
    /// socket, a link that leads nowhere) is among them, for the decoder to say so.
    pub(super) pictures: Vec<PathBuf>,
    /// Regular files beside them that are wanted too.
    pub(super) beside: Vec<PathBuf>,
    /// What could not be looked into.
    pub(super) unread: Vec<Unread>,
    /// Links to a folder that they lie in: everything there is found without them.
    pub(super) links_back: Vec<PathBuf>,
    /// What is none of all this.
    pub(super) others: NotPictures,
}

/// The pictures `path` stands for: a file is itself, whatever its extension; a folder is every picture file
/// in and below it, found as [`super::Dataset::open`] finds them, sorted, each path starting with `path`.
///
/// # Errors
/// `path` does not exist, a folder in it cannot be read, or it holds no picture file.
pub fn pictures_under(path: &Path) -> Result<Vec<PathBuf>, DatasetError> {
    let found = under(path, |_| false)?;
    let hidden: Vec<Unread> = found.unread.into_iter().filter(|unread| unread.hides).collect();
    match (found.pictures.is_empty(), hidden.is_empty()) {
        (false, true) => Ok(found.pictures),
        (true, true) => Err(DatasetError::NoPictures(path.to_owned())),
        (_, false) => Err(unreadable(path, &hidden)),
    }
}

/// The same with all else that is there, perhaps no picture; pictures start with `path`, as do links.
pub(super) fn under(path: &Path, wanted: fn(&Path) -> bool) -> Result<Search, DatasetError> {
    if !metadata(path)?.is_dir() {
        return Ok(Search { pictures: vec![path.to_owned()], ..Search::default() });
    }
    let mut found = pictures_and(path, wanted)?;
    let whole = |relative: &mut PathBuf| *relative = path.join(&*relative);
    found.pictures.iter_mut().for_each(whole);
    found.links_back.iter_mut().for_each(whole);
    Ok(found)
}

/// Why there are no pictures in `root`, where `others` are.
pub(super) fn none_in(root: &Path, unread: &[Unread], others: &NotPictures) -> DatasetError {
    match others.compressed() {
        _ if unread.iter().any(|unread| unread.hides) => unreadable(root, unread),
        Some((name, way_out)) => {
            DatasetError::Compressed { root: root.to_owned(), name: name.into(), way_out }
        }
        None => DatasetError::NoPictures(root.to_owned()),
    }
}

/// What is in and below the folder `root`, which may be no picture, with regular files that are `wanted` by their names; hidden files and folders
/// are passed over.
pub(super) fn pictures_and(root: &Path, wanted: fn(&Path) -> bool) -> Result<Search, DatasetError> {
    if !metadata(root)?.is_dir() {
        return Err(DatasetError::NotAFolder(root.to_owned()));
    }
    let whole = fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
    let mut walk = Walk {
        root,
        whole: &whole,
        wanted,
        found: Search::default(),
        unnamed: Vec::new(),
        ways: HashMap::new(),
    };
    walk.below(root, &whole, &mut Vec::new())?;
    let Walk { mut found, unnamed, .. } = walk;
    // What a name leaves open a look at the file tells, on all cores: a disk that is far away takes its time.
    let looks = unnamed.into_par_iter().map(|path| (is_picture_inside(&root.join(&path)), path));
    for (picture, path) in looks.collect::<Vec<_>>() {
        match picture {
            Ok(true) => found.pictures.push(path),
            Ok(false) => found.others.add(&path),
            // It may be one. To take it for one would hide tar files beside it.
            Err(error) => {
                found.unread.push(Unread {
                    path,
                    reason: format!("it cannot be read: {error}"),
                    hides: false,
                });
            }
        }
    }
    found.pictures.sort_by_cached_key(|path| slashed(path));
    found.beside.sort_by_cached_key(|path| slashed(path));
    found.links_back.sort_by_cached_key(|path| slashed(path));
    found.unread.sort_by_cached_key(|unread| slashed(&unread.path));
    Ok(found)
}

/// A folder that is searched.
struct Walk<'a> {
    root: &'a Path,
    /// The same, without links.
    whole: &'a Path,
    wanted: fn(&Path) -> bool,
    found: Search,
    /// Files whose names have no extension.
    unnamed: Vec<PathBuf>,
    /// How many links were followed to a folder.
    ways: HashMap<PathBuf, usize>,
}

/// Links that are followed to one folder. Folders that each hold two links to the next are few, and the ways through them without number.
const MOST_WAYS: usize = 100;

impl Walk<'_> {
    /// What is below `start`, which without links is `base`. It is reached by a `chain` of links, each of which was met below such a folder: that
    /// one and the folder that the link lies in, without links.
    fn below(
        &mut self,
        start: &Path,
        base: &Path,
        chain: &mut Vec<(PathBuf, PathBuf)>,
    ) -> Result<(), DatasetError> {
        // Links are followed here: whoever walks through them cannot name one that leads to a locked folder.
        let visible = |entry: &DirEntry| !is_hidden(entry.path());
        // Folders on the way to what is looked at.
        let mut way = vec![start.to_owned()];
        for entry in WalkDir::new(start).min_depth(1).into_iter().filter_entry(visible) {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    let depth = error.depth();
                    let path = error.path().map(Path::to_owned);
                    // While the names in a folder are read it says nothing of which one.
                    let path = path.or_else(|| way.get(depth.saturating_sub(1)).or(way.last()).cloned());
                    let path = path.unwrap_or_else(|| start.to_owned());
                    let source = error.into_io_error().unwrap_or_else(|| std::io::ErrorKind::Other.into());
                    if path == self.root {
                        return Err(DatasetError::Unreadable(FileError::on("read", self.root)(source)));
                    }
                    // What is hidden is not looked at, be it broken.
                    if !is_hidden(&path) {
                        self.unread(&path, format!("{FOLDER}: {source}"), true);
                    }
                    continue;
                }
            };
            let kind = entry.file_type();
            if kind.is_dir() {
                way.truncate(entry.depth());
                way.push(entry.into_path());
            } else if kind.is_symlink() {
                self.link(entry.path(), base, chain)?;
            } else {
                self.file(entry.path(), kind.is_file());
            }
        }
        Ok(())
    }

    /// The link `path` was met below `base`.
    fn link(
        &mut self,
        path: &Path,
        base: &Path,
        chain: &mut Vec<(PathBuf, PathBuf)>,
    ) -> Result<(), DatasetError> {
        // By the shortest way: there may be too many links on the long one.
        let parent = path.parent().map(fs::canonicalize).transpose().ok().flatten();
        let place = parent.zip(path.file_name()).map(|(folder, name)| folder.join(name));
        match fs::metadata(place.as_deref().unwrap_or(path)) {
            Ok(found) if found.is_dir() => {}
            Ok(found) => {
                self.file(path, found.is_file());
                return Ok(());
            }
            // Named like a picture it is one, and the decoder says what is wrong with it.
            Err(_) if is_picture(path) => {
                self.file(path, false);
                return Ok(());
            }
            Err(error) => {
                let locked = error.kind() == std::io::ErrorKind::PermissionDenied;
                if !locked && !has_no_extension(path) {
                    // Named like something else it is that.
                    let path = self.relative(path);
                    self.found.others.add(&path);
                    return Ok(());
                }
                let what =
                    if locked { "a link that cannot be followed" } else { "a link that leads nowhere" };
                // Behind one that leads to itself, or to what is gone, there is nothing.
                self.unread(path, format!("{what}: {error}"), locked);
                return Ok(());
            }
        }
        let target = fs::canonicalize(place.as_deref().unwrap_or(path));
        let place = path.parent().map_or_else(|| Ok(base.to_owned()), fs::canonicalize);
        let (target, place) = match (target, place) {
            (Ok(target), Ok(place)) => (target, place),
            (Err(error), _) | (_, Err(error)) => {
                self.unread(path, format!("{FOLDER}: {error}"), true);
                return Ok(());
            }
        };
        // A link to a folder on the way to it, or to the root, or to what that lies in, would bring everything once more.
        chain.push((base.to_owned(), place));
        let on_the_way =
            |(base, place): &(PathBuf, PathBuf)| place.starts_with(&target) && target.starts_with(base);
        if self.whole.starts_with(&target) || chain.iter().any(on_the_way) {
            self.found.links_back.push(self.relative(path));
        } else if self.one_more_way(&target) {
            self.below(path, &target, chain)?;
        } else {
            let reason =
                format!("a link to a folder that {MOST_WAYS} other links lead to; remove some of them");
            self.unread(path, reason, true);
        }
        chain.pop();
        Ok(())
    }

    /// Whether the folder `target` is to be looked into for one more link.
    fn one_more_way(&mut self, target: &Path) -> bool {
        let ways = self.ways.entry(target.to_owned()).or_default();
        *ways += 1;
        *ways <= MOST_WAYS
    }

    /// What is no folder: a regular file, or something else.
    fn file(&mut self, path: &Path, regular: bool) {
        let relative = self.relative(path);
        if is_picture(path) {
            self.found.pictures.push(relative);
        } else if regular && (self.wanted)(path) {
            self.found.beside.push(relative);
        } else if regular && has_no_extension(path) {
            self.unnamed.push(relative);
        } else {
            self.found.others.add(&relative);
        }
    }

    fn unread(&mut self, path: &Path, reason: String, hides: bool) {
        let path = self.relative(path);
        self.found.unread.push(Unread { path, reason, hides });
    }

    fn relative(&self, path: &Path) -> PathBuf {
        path.strip_prefix(self.root).unwrap_or(path).to_owned()
    }
}

/// How the reason of a folder begins.
const FOLDER: &str = "a folder that cannot be looked into";

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

/// The first of what cannot be looked into, as an error.
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

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

pub(super) fn is_picture(path: &Path) -> bool {
    path.extension().is_some_and(|found| EXTENSIONS.iter().any(|known| found.eq_ignore_ascii_case(known)))
}

pub(super) fn has_no_extension(path: &Path) -> bool {
    path.extension().is_none_or(std::ffi::OsStr::is_empty)
}

/// Bytes that are looked at to tell a picture.
pub(super) const FIRST_BYTES: u64 = 64;

/// Whether the file begins as a picture does.
fn is_picture_inside(path: &Path) -> std::io::Result<bool> {
    use std::io::Read;
    let mut bytes = Vec::with_capacity(FIRST_BYTES as usize);
    open_regular(path)?.0.take(FIRST_BYTES).read_to_end(&mut bytes)?;
    Ok(begins_as_picture(&bytes))
}

#[cfg(test)]
#[path = "find_tests.rs"]
mod tests;
