//! What is there of a store before pictures are looked at.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::StoreOptions;
use crate::features::store::{ANEW, Entry, FEATURES, FORMAT, Folder, Hash, Header, Journal};
use crate::features::{Descriptor, FeaturesError, MAX_PIXELS, Npy};
use crate::names;

/// Rows that are there, by the path of their picture.
pub(super) struct Rows {
    pub(super) at: HashMap<String, (usize, Entry)>,
    pub(super) numbers: Arc<Npy>,
    /// Whether their pictures were in the folder that the pictures are in now: else size and time say nothing.
    pub(super) same_root: bool,
    /// Pictures of more pixels have none.
    pub(super) max_pixels: u64,
}

/// What is there.
#[derive(Default)]
pub(super) struct Before {
    /// Of a finished store.
    pub(super) store: Option<Rows>,
    /// Of one that was being made.
    pub(super) part: Option<Rows>,
    /// The journal of that one, whose rows are in `part`.
    pub(super) journal: Option<Journal>,
    /// Whether the finished store, if there is one, is not taken from and is to be replaced.
    pub(super) anew: bool,
}

impl Before {
    /// What there is in `folder` that `wanted` can be made from, as `options` say.
    pub(super) fn read(
        folder: &Folder,
        wanted: &Header,
        options: &StoreOptions,
    ) -> Result<Self, FeaturesError> {
        let mut before = Self { anew: options.force, ..Self::default() };
        match part(folder, wanted) {
            Ok(Some((journal, _))) if options.force && !journal.header.anew => {}
            Ok(None) => {}
            Ok(Some((journal, rows))) => {
                before.anew |= journal.header.anew;
                (before.journal, before.part) = (Some(journal), Some(rows));
            }
            Err(_) if options.force || options.replace => before.anew = true,
            Err(error) => return Err(anew(error, folder, wanted)),
        }
        if !before.anew {
            match finished(folder, wanted) {
                Ok(rows) => before.store = rows,
                Err(_) if options.replace => before.anew = true,
                Err(error) => return Err(anew(error, folder, wanted)),
            }
        }
        Ok(before)
    }

    /// Fails where there are rows, of pictures in another folder: with not one picture that is known, to go on would be to throw them away.
    pub(super) fn of_these_pictures(&self, folder: &Folder) -> Result<(), FeaturesError> {
        let there: Vec<&Rows> = self.store.iter().chain(&self.part).collect();
        let rows = there.iter().map(|rows| rows.at.len()).max().unwrap_or(0);
        if rows == 0 || there.iter().any(|rows| rows.same_root) {
            return Ok(());
        }
        let problem = format!(
            "the features there are of {rows} pictures in another folder, and of none of these; name another folder, or write over it with \
             `huemax extract DATA --out STORE --force`"
        );
        Err(FeaturesError::Format { path: folder.path().into(), problem })
    }

    /// Rows of pictures of which none of `paths` is one.
    pub(super) fn dropped(&self, paths: &[String]) -> usize {
        let Some(rows) = self.store.as_ref().or(self.part.as_ref()) else { return 0 };
        let now: std::collections::HashSet<&String> = paths.iter().collect();
        rows.at.keys().filter(|path| !now.contains(path)).count()
    }
}

/// What was being made.
fn part(folder: &Folder, wanted: &Header) -> Result<Option<(Journal, Rows)>, FeaturesError> {
    let Some((mut journal, numbers)) = folder.journal()? else { return Ok(None) };
    if !fits(&journal.header, wanted) {
        return Err(other(folder.path(), &journal.header.descriptor, &journal.header.decoder, wanted));
    }
    let same_root = is_same(journal.header.root_xxh3, wanted);
    let max_pixels = journal.header.max_pixels.unwrap_or(MAX_PIXELS);
    let at = std::mem::take(&mut journal.done);
    let rows = Rows { at, numbers: Arc::new(numbers), same_root, max_pixels };
    Ok(Some((journal, rows)))
}

/// What is finished.
fn finished(folder: &Folder, wanted: &Header) -> Result<Option<Rows>, FeaturesError> {
    let Some(stored) = folder.stored()? else { return Ok(None) };
    let Some(meta) = &stored.meta else {
        let problem = "huemax did not make it (there is no features.json) and does not write over it; name another folder, or add --force";
        let path = folder.path().join(FEATURES);
        return Err(FeaturesError::Format { path, problem: problem.into() });
    };
    if (meta.descriptor, &meta.decoder) != (wanted.descriptor, &wanted.decoder) {
        return Err(other(folder.path(), &meta.descriptor, &meta.decoder, wanted));
    }
    let mut at = HashMap::with_capacity(meta.rows);
    let mut twice = Vec::new();
    for (row, line) in stored.lines()?.into_iter().enumerate() {
        if at.insert(line.path.clone(), (row, line.entry)).is_some() {
            // Names that are not Unicode may look alike as text: which is which is not known.
            twice.push(line.path);
        }
    }
    twice.iter().for_each(|path| drop(at.remove(path)));
    let same_root = is_same(meta.root_xxh3, wanted);
    let max_pixels = meta.max_pixels.unwrap_or(MAX_PIXELS);
    Ok(Some(Rows { at, numbers: stored.numbers, same_root, max_pixels }))
}

/// The error of a store that is of no use, with the ways out of it that work here: the store may be what a training keeps its features in.
fn anew(error: FeaturesError, folder: &Folder, wanted: &Header) -> FeaturesError {
    let FeaturesError::Format { path, problem } = error else { return error };
    let problem = match problem.split_once(ANEW) {
        Some((what, _)) => {
            let (at, typed) = (folder.path().display(), wanted.descriptor.typed());
            let out = names::text(folder.path());
            format!(
                "{what}remove the folder {at}, and its features are made anew; or write over it with `huemax extract DATA --out {} \
                 --force{typed}`",
                names::for_shell(&out)
            )
        }
        None => problem,
    };
    FeaturesError::Format { path, problem }
}

/// Over where the folder of pictures is, however that is typed; none where that cannot be told.
pub(super) fn whereabouts(root: &Path) -> Option<Hash> {
    // A pattern that names tar files is no file.
    let path = std::fs::canonicalize(root).or_else(|_| std::path::absolute(root)).ok()?;
    Some(Hash::of(path.as_os_str().as_encoded_bytes()))
}

/// Whether pictures were `there`, where they are now; if one or the other is not known, they may have been elsewhere.
fn is_same(there: Option<Hash>, wanted: &Header) -> bool {
    there.is_some() && there == wanted.root_xxh3
}

/// Whether rows that were made for `found` are such as are `wanted`.
fn fits(found: &Header, wanted: &Header) -> bool {
    (found.format, found.descriptor, &found.decoder) == (FORMAT, wanted.descriptor, &wanted.decoder)
}

fn other(folder: &Path, descriptor: &Descriptor, decoder: &str, wanted: &Header) -> FeaturesError {
    let Header { descriptor: want, decoder: by, .. } = wanted;
    let (found, asked) = match descriptor == want {
        true => (format!("pictures decoded by {decoder}"), format!("pictures decoded by {by}")),
        false => (descriptor.to_string(), want.to_string()),
    };
    let problem = format!(
        "the features there are others ({found}) than those asked for ({asked}); name another folder, or make it anew with `huemax extract DATA \
         --out {} --force{}`",
        folder.display(),
        want.typed()
    );
    FeaturesError::Format { path: folder.into(), problem }
}
