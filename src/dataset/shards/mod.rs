//! Pictures in tar files, as WebDataset has them: `shard-000.tar` to `shard-099.tar`, with `0001.jpg` and `0001.cls` side by side.
//!
//! Nothing is unpacked. The headers of all shards are read once, with the small files that hold labels; after that a picture is a
//! range of bytes in its shard. A picture is called as it would be if each shard had been unpacked into the folder it lies in, so that
//! labels, split and model are those of the unpacked pictures. What only shards have comes first: labels in `.cls`, and in a field of
//! `.json`. Hard links are the files that they lead to; symbolic ones are not followed, and told. What cannot be read of a shard is told too, and
//! what comes before it is used.

pub(super) mod labels;
mod names;
mod order;
mod other;
mod scan;
mod shard;
#[cfg(test)]
mod tests;

pub(super) use names::{Set, compressed, is_tar};
pub use order::reading_order;
pub use shard::{Shard, Stamp};

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use super::entries::{Entries, Entry, assemble};
use super::find::{is_picture, slashed};
use super::index::Index;
use super::layout::{Base, Found, detect, label, unlabelled};
use super::open::is_weak;
use super::{
    Dataset, DatasetError, LabelChoice, LabelOptions, LabelSource, Lying, NotPictures, Task, Unread, manifest,
};
use labels::{Beside, parts_of_others};
use scan::{Lost, Member, Scanned, scan};

/// Where the pictures of a [`Dataset`] lie, if that is in shards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shards {
    /// The tar files, as they were when their headers were read.
    pub files: Vec<Shard>,
    /// Where each sample lies, in their order.
    pub places: Vec<Place>,
}

/// A range of bytes in a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Number of the file.
    pub shard: u32,
    /// First byte.
    pub at: u64,
    /// How many there are.
    pub len: u64,
}

/// A picture by the name it would have unpacked.
struct Picture {
    path: PathBuf,
    place: Place,
    labels: Option<Beside>,
}

/// Opens the shards of `set`; see [`Dataset::open`].
pub(super) fn open(set: &Set, options: &LabelOptions) -> Result<Dataset, DatasetError> {
    let root = &set.root;
    let files: Vec<PathBuf> = set.files.iter().map(|file| root.join(file)).collect();
    let wanted = matches!(options.source, None | Some(LabelChoice::Sidecar)).then_some(options);
    let mut scanned: Vec<Scanned> = files.par_iter().map(|file| scan(file, wanted)).collect();
    let unread = unread(set, &mut scanned);
    let stamped =
        files.iter().zip(&scanned).map(|(path, scanned)| Shard { path: path.clone(), stamp: scanned.stamp });
    let stamped = stamped.collect();
    let links = links(set, &scanned);
    let others = others(set, &mut scanned);
    let mut pictures = pictures(set, scanned);
    if let (true, Some(lost)) = (pictures.is_empty(), unread.first()) {
        return Err(DatasetError::Shard { file: root.join(&lost.path), problem: lost.reason.clone() });
    }
    if let (true, Some(link)) = (pictures.is_empty(), links.first()) {
        let problem = format!("it has no pictures, only symbolic links such as {link}; {DEREFERENCE}");
        return Err(DatasetError::Shard { file: files.first().unwrap_or(root).clone(), problem });
    }
    if pictures.is_empty() {
        return Err(DatasetError::NoPictures(files.first().unwrap_or(root).clone()));
    }
    let beside = match &options.source {
        None => says_beside(root, &pictures),
        Some(source) => *source == LabelChoice::Sidecar,
    };
    let parts_of_others = if beside { without_parts(&mut pictures) } else { Vec::new() };
    name_apart(set, &mut pictures, beside || options.source == Some(LabelChoice::Nothing))?;
    pictures.sort_by_cached_key(|picture| (slashed(&picture.path), picture.path.clone()));

    let found = || -> Vec<Found> { pictures.iter().map(|p| Found::new(p.path.clone())).collect() };
    let (all, base) = (found(), Base::of(&found()));
    let index = || Index::new(root, pictures.iter().map(|p| &p.path));
    let named = |source| {
        let dataset = label(root, found(), Base::of(&all), source)?;
        Ok::<_, DatasetError>(Dataset { task: options.task.unwrap_or(Task::Multiclass), ..dataset })
    };
    let mut dataset = match &options.source {
        Some(LabelChoice::Folder) => named(LabelSource::Folder)?,
        Some(LabelChoice::Prefix) => named(LabelSource::Prefix)?,
        Some(LabelChoice::Nothing) => unlabelled(root, found(), &base),
        Some(LabelChoice::Manifest(path)) => {
            let index = index();
            let (manifest, entries) = manifest::read(std::slice::from_ref(path), &index, options, false)?;
            assemble(root, found(), &base, &index, &entries, Some(manifest), options)?
        }
        _ if beside => {
            let entries = entries(&files, &pictures)?;
            // Which field of a JSON file holds the labels has been seen to.
            assemble(root, found(), &base, &index(), &entries, None, options)?
        }
        _ => named(detect(root, &all, &base)?)?,
    };
    let places: HashMap<&Path, Place> = pictures.iter().map(|p| (p.path.as_path(), p.place)).collect();
    let places = dataset.samples.iter().map(|sample| places[sample.path.as_path()]).collect();
    dataset.unread = unread;
    dataset.mismatches.links = links;
    dataset.mismatches.not_pictures = others;
    dataset.mismatches.parts_of_others = parts_of_others;
    dataset.shards = Some(Shards { files: stamped, places });
    Ok(dataset)
}

/// The pictures in the shards of `set`, one shard after the other, as they lie there, with what cannot be read of each behind its own; and what
/// was passed over.
pub(super) fn members(set: &Set) -> Result<(Vec<Lying>, NotPictures), DatasetError> {
    let files: Vec<PathBuf> = set.files.iter().map(|file| set.root.join(file)).collect();
    let mut scanned: Vec<Scanned> = files.par_iter().map(|file| scan(file, None)).collect();
    let others = others(set, &mut scanned);
    let unread = unread(set, &mut scanned);
    // A single one by its own name.
    let named = if let [file] = &files[..] { file.clone() } else { set.root.clone() };
    let none = || match unread.first() {
        Some(lost) => DatasetError::Shard { file: set.root.join(&lost.path), problem: lost.reason.clone() },
        None => DatasetError::NoPictures(named.clone()),
    };
    let mut pictures = Vec::new();
    for (shard, (path, scanned)) in files.into_iter().zip(scanned).enumerate() {
        let file = Arc::new(Shard { path, stamp: scanned.stamp });
        let lying = scanned.pictures.into_iter().map(|member| {
            let place = Place { shard: shard as u32, at: member.at, len: member.len };
            Lying::Part(file.clone(), place, member.path)
        });
        pictures.extend(lying);
        let links = scanned.links.into_iter().filter(|link| is_picture(link));
        pictures.extend(links.map(|link| Lying::Link(file.clone(), link)));
    }
    if pictures.is_empty() {
        return Err(none());
    }
    pictures.extend(
        unread.into_iter().map(|lost| Lying::Lost(Unread { path: set.root.join(lost.path), ..lost })),
    );
    Ok((pictures, others))
}

/// What cannot be read of the shards of `set`, as `shard.tar` or `shard.tar/name`.
fn unread(set: &Set, scanned: &mut [Scanned]) -> Vec<Unread> {
    let of = |(file, scanned): (&PathBuf, &mut Scanned)| {
        let lost = std::mem::take(&mut scanned.lost);
        let unread = |lost: Lost| match lost.name {
            Some(name) => Unread { path: file.join(name), reason: lost.reason, hides: false },
            None => Unread { path: file.clone(), reason: lost.reason, hides: true },
        };
        lost.into_iter().map(unread).collect::<Vec<_>>()
    };
    set.files.iter().zip(scanned).flat_map(of).collect()
}

/// Files in the shards of `set` that are no pictures.
fn others(set: &Set, scanned: &mut [Scanned]) -> NotPictures {
    let mut others = NotPictures::default();
    for (file, scanned) in set.files.iter().zip(scanned) {
        others.extend(file, std::mem::take(&mut scanned.others));
    }
    others
}

/// All pictures of all shards, with the labels beside them.
fn pictures(set: &Set, scanned: Vec<Scanned>) -> Vec<Picture> {
    let mut pictures = Vec::new();
    for (shard, scanned) in scanned.into_iter().enumerate() {
        let folder = set.files[shard].parent().unwrap_or(Path::new(""));
        for Member { path, at, len, labels } in scanned.pictures {
            let place = Place { shard: shard as u32, at, len };
            pictures.push(Picture { path: folder.join(path), place, labels });
        }
    }
    pictures
}

/// Whether labels are those beside the pictures, where nobody says: at least half of them have a class or a field of labels there, which
/// nothing else is for, or a text, and names that say nothing. The latter is so of pictures in folders too.
fn says_beside(root: &Path, pictures: &[Picture]) -> bool {
    let half = |count: usize| 2 * count >= pictures.len();
    let beside = || pictures.iter().filter_map(|picture| picture.labels.as_ref());
    if half(beside().filter(|beside| beside.sure).count()) {
        return true;
    }
    if !half(beside().count()) {
        return false;
    }
    let found: Vec<Found> = pictures.iter().map(|picture| Found::new(picture.path.clone())).collect();
    let base = Base::of(&found);
    is_weak(&detect(root, &found, &base), &base)
}

/// Takes out of `pictures` those that are parts of other samples of their shard, and gives their names.
fn without_parts(pictures: &mut Vec<Picture>) -> Vec<String> {
    let named = |p: &Picture| format!("{}/{}", p.place.shard, slashed(&p.path));
    let names: Vec<String> = pictures.iter().map(named).collect();
    let mut parts = parts_of_others(names.iter().map(String::as_str)).into_iter();
    let taken = pictures.extract_if(.., |_| parts.next() == Some(true));
    taken.map(|picture| slashed(&picture.path)).collect()
}

/// The symbolic links in the shards of `set`, as `shard.tar/name`.
fn links(set: &Set, scanned: &[Scanned]) -> Vec<String> {
    let links = set
        .files
        .iter()
        .zip(scanned)
        .flat_map(|(file, scanned)| scanned.links.iter().map(|link| file.join(link)));
    links.map(|link| slashed(&link)).collect()
}

/// What to do about a symbolic link.
pub const DEREFERENCE: &str = "pack the pictures themselves (tar --dereference)";

/// Puts the name of its shard before that of each picture, where several shards use the same names and these are `free` to change, as no
/// label is read from them.
fn name_apart(set: &Set, pictures: &mut [Picture], free: bool) -> Result<(), DatasetError> {
    let mut known = HashMap::with_capacity(pictures.len());
    let twice =
        pictures.iter().find_map(|p| known.insert(p.path.as_path(), p.place.shard).map(|other| (p, other)));
    let Some((picture, other)) = twice else { return Ok(()) };
    let (shard, name) = (picture.place.shard, slashed(&picture.path));
    if !free || shard == other {
        let problem = if shard == other {
            format!("it has two files called {name}; make the shard again with keys that differ")
        } else {
            format!(
                "{name} is in {} too, and labels are read from these names; make the shards again with keys that differ",
                set.files[other as usize].display()
            )
        };
        return Err(DatasetError::Shard { file: set.root.join(&set.files[shard as usize]), problem });
    }
    drop(known);
    for picture in pictures {
        let shard = &set.files[picture.place.shard as usize];
        let folder = shard.parent().unwrap_or(Path::new(""));
        let inside = picture.path.strip_prefix(folder).unwrap_or(&picture.path);
        picture.path = shard.with_extension("").join(inside);
    }
    Ok(())
}

/// What the files beside the pictures say.
fn entries(files: &[PathBuf], pictures: &[Picture]) -> Result<Entries, DatasetError> {
    let mut entries = Entries::default();
    entries.beside = true;
    entries.files = files.iter().map(|file| (file.clone(), String::new())).collect();
    for picture in pictures {
        let Some(found) = &picture.labels else { continue };
        let file = picture.place.shard as usize;
        let wrong =
            |problem: &String| DatasetError::Shard { file: files[file].clone(), problem: problem.clone() };
        let labels = found.says.as_ref().map_err(wrong)?;
        let mut numbers = Vec::with_capacity(labels.len());
        for label in labels {
            numbers.push(entries.label(label).map_err(|problem| DatasetError::Shard {
                file: files[file].clone(),
                problem: format!("beside {}: {problem}", slashed(&picture.path)),
            })?);
        }
        numbers.sort_unstable();
        numbers.dedup();
        entries.rows.push(Entry { name: slashed(&picture.path), labels: numbers, part: None, file, line: 0 });
    }
    Ok(entries)
}
