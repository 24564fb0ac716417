//! The folder that a training writes into.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::error::{Error, FileError, Result};
use crate::features::store::{is_store, is_unfinished, remove_store};
use crate::files::{remove_temporary, try_folder};
use crate::learn::checkpoint::{CURRENT, Lock, PREVIOUS};
use crate::pipeline::{LISTS, REFUSED, SKIPPED, other_list};
use crate::sync::lock;

/// Names of the results; see [`Run::save`](crate::pipeline::Run::save).
const RESULTS: [&str; 3] = ["model.safetensors", "metrics.json", "predictions.csv"];

/// Where the results and checkpoints of a training go. Nothing is made before there is something to put in, so that a
/// training that fails leaves nothing behind.
#[derive(Debug)]
pub(super) struct RunFolder {
    /// What was asked for, or `runs/TIME`.
    path: Mutex<PathBuf>,
    /// The lock of the folder, once it is claimed: made by this process, or named by the user.
    claimed: Mutex<Option<Lock>>,
    /// When it was made, by this process and for this training alone.
    made: Mutex<Option<Instant>>,
}

impl RunFolder {
    /// A folder that is there and belongs to this training, which has its lock.
    pub(super) fn of(path: &Path, lock: Lock) -> Self {
        Self { path: Mutex::new(path.into()), claimed: Mutex::new(Some(lock)), made: Mutex::default() }
    }

    /// The folder that `--out` names, ready to be written into, or `runs/TIME`. One that already holds results is refused
    /// unless `force` is set, and so is one with the checkpoint of another training.
    pub(super) fn new(out: Option<&Path>, force: bool) -> Result<Self> {
        let Some(folder) = out else {
            let here = if Path::new("runs").is_dir() { "runs" } else { "." };
            let action = "write results (--out names another folder) into";
            try_folder(Path::new(here)).map_err(FileError::on(action, Path::new(here)))?;
            return Ok(Self {
                path: Mutex::new(timed(Path::new("runs"))),
                claimed: Mutex::default(),
                made: Mutex::default(),
            });
        };
        let unfinished = [CURRENT, PREVIOUS].iter().any(|name| folder.join(name).exists());
        if unfinished && !force {
            let folder = folder.display();
            let problem = format!(
                "{folder} holds the checkpoint of a training that was interrupted; go on with it (--resume {folder}), name another \
                 folder, or add --force"
            );
            return Err(Error::option("--out", problem));
        }
        Ok(Self::of(folder, out_folder(folder, force)?))
    }

    /// The folder, made now if it is not there.
    pub(super) fn path(&self) -> Result<PathBuf, FileError> {
        let mut path = lock(&self.path);
        let mut claimed = lock(&self.claimed);
        if claimed.is_none() {
            *path = claim(&path)?;
            *claimed = Some(Lock::take(&path)?);
            *lock(&self.made) = Some(Instant::now());
        }
        Ok(path.clone())
    }

    /// Removes the folder of a training that has failed, and the features in it, if it was made for this training alone and less than
    /// `kept` ago. Gives it where it stays for its features.
    pub(super) fn abandon(&self, kept: Duration) -> Option<PathBuf> {
        let path = lock(&self.path).clone();
        let made = (*lock(&self.made))?;
        if made.elapsed() >= kept {
            return Some(path);
        }
        // What cannot be removed stays: folders are removed where they are empty.
        let _ = remove_store(&path.join(super::train::CACHE));
        *lock(&self.claimed) = None;
        let _ = std::fs::remove_dir(&path);
        if let Some(runs) = path.parent() {
            let _ = std::fs::remove_dir(runs);
        }
        None
    }
}

/// Where the list of a run goes that was refused: a result that stays keeps its own.
pub(super) fn list_of_refused(folder: &Path) -> PathBuf {
    let stays = is_store(folder) || RESULTS.iter().any(|name| folder.join(name).exists());
    folder.join(if stays { REFUSED } else { SKIPPED })
}

/// Fails where what is to be a folder is something else.
pub(super) fn no_file(option: &'static str, folder: &Path) -> Result<()> {
    // Also where the file is on the way to it.
    let Some(there) = folder.ancestors().find(|path| std::fs::symlink_metadata(path).is_ok()) else {
        return Ok(());
    };
    if there.is_dir() {
        return Ok(());
    }
    let what = if there.is_file() { "a file" } else { "no folder" };
    Err(Error::option(option, format!("{} is {what}; name a folder", there.display())))
}

/// Fails where one of the files `names`, or of the lists, that are to be written into `folder` is a folder there.
pub(super) fn no_folders(option: &'static str, folder: &Path, names: &[&str]) -> Result<()> {
    let is_folder =
        |name: &&&str| std::fs::symlink_metadata(folder.join(name)).is_ok_and(|there| there.is_dir());
    match names.iter().chain(&LISTS).find(is_folder) {
        Some(name) => {
            let at = folder.join(name);
            let problem = format!("{} is a folder; remove it, or name another folder", at.display());
            Err(Error::option(option, problem))
        }
        None => Ok(()),
    }
}

/// Fails where features cannot be kept in the folder `cache` of its own: it is a file, holds results, or is that of the results `out`.
pub(super) fn apart_from(cache: &Path, out: Option<&Path>) -> Result<()> {
    no_file("--cache", cache)?;
    apart_from_results("--cache", cache)?;
    let whole = |path: &Path| path.canonicalize().or_else(|_| std::path::absolute(path)).ok();
    if out.is_some_and(|out| whole(out).is_some_and(|out| whole(cache) == Some(out))) {
        let cache = cache.display();
        let problem = format!(
            "{cache} is --out too; name a folder of its own for the features, such as {cache}/features"
        );
        return Err(Error::option("--cache", problem));
    }
    Ok(())
}

/// Fails where features are to be kept among the results of a training: two things in one folder, of which neither is then read as what
/// it is.
pub(super) fn apart_from_results(option: &'static str, store: &Path) -> Result<()> {
    let there = RESULTS.iter().chain(&[CURRENT, PREVIOUS]).find(|name| store.join(name).exists());
    match there {
        Some(there) => {
            let store = store.display();
            let problem = format!(
                "{store} holds results ({there}); name a folder of its own for the features, such as {store}/features"
            );
            Err(Error::option(option, problem))
        }
        None => Ok(()),
    }
}

/// Makes sure that `folder` can be written into, holds no results unless `force` is set, and nobody else writes results there: that is so as long as
/// what comes out lives.
pub(super) fn out_folder(folder: &Path, force: bool) -> Result<Lock> {
    no_file("--out", folder)?;
    no_folders("--out", folder, &RESULTS)?;
    if is_store(folder) || is_unfinished(folder) {
        let problem = format!("{} is a store of features; name a folder of its own", folder.display());
        return Err(Error::option("--out", problem));
    }
    if folder.is_dir() {
        // What is said of the results there holds from here on.
        let lock = Lock::take(folder)?;
        free(folder, force)?;
        // Left by whoever was killed there.
        let _ = remove_temporary(folder);
        return Ok(lock);
    }
    std::fs::create_dir_all(folder).map_err(FileError::on("create", folder))?;
    try_folder(folder).map_err(FileError::on("write into", folder))?;
    Ok(Lock::take(folder)?)
}

/// Fails where there are results in `folder` that are not to be replaced, or it cannot be written into.
fn free(folder: &Path, force: bool) -> Result<()> {
    if let Some(there) = RESULTS.iter().find(|name| !force && folder.join(name).exists()) {
        let problem =
            format!("{} already holds {there}; name another folder, or add --force", folder.display());
        return Err(Error::option("--out", problem));
    }
    if let Some(list) = other_list(folder).filter(|_| !force) {
        let problem = format!(
            "{} holds a {list} that huemax did not write; name another folder, or add --force",
            folder.display()
        );
        return Err(Error::option("--out", problem));
    }
    // Better now than after an hour of training.
    try_folder(folder).map_err(FileError::on("write into", folder))?;
    Ok(())
}

/// `runs/2026-11-22T14-05-31`, made.
pub(super) fn timed_folder(runs: &Path) -> Result<PathBuf, FileError> {
    claim(&timed(runs))
}

fn timed(runs: &Path) -> PathBuf {
    runs.join(jiff::Zoned::now().strftime("%Y-%m-%dT%H-%M-%S").to_string())
}

/// Makes `folder`, or the same with a number behind it where that is taken. Making a folder is what claims it, so that
/// trainings of the same second do not write into each other's.
fn claim(folder: &Path) -> Result<PathBuf, FileError> {
    let runs = folder.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(runs).map_err(FileError::on("create", runs))?;
    let mut numbered = folder.to_owned();
    let mut n = 1u64;
    loop {
        match std::fs::create_dir(&numbered) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                n += 1;
                let mut name = folder.as_os_str().to_owned();
                name.push(format!("-{n}"));
                numbered = name.into();
            }
            outcome => return outcome.map(|()| numbered.clone()).map_err(FileError::on("create", &numbered)),
        }
    }
}
