//! What the arguments of `predict` name.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use crate::cli::data::pictures_not_features;
use crate::dataset::{Below, DatasetError, Lying, Unread};
use crate::error::{Error, FileError, Result};
use crate::features::store::is_store;
use crate::names;

/// Every picture that the arguments name, in their order. One that names nothing that can be read is a picture that cannot be read, unless it is
/// the only one.
pub(super) fn pictures(arguments: &[PathBuf]) -> Result<Below> {
    let mut found = Below::default();
    let (mut first, mut any) = (None, false);
    for argument in arguments {
        if argument == Path::new("-") {
            for line in std::io::stdin().lock().split(b'\n') {
                let line = line.map_err(FileError::on("read", Path::new("standard input")))?;
                let line = line.strip_suffix(b"\r").unwrap_or(&line);
                if !line.trim_ascii().is_empty() {
                    any = true;
                    let line = named(line);
                    add(&mut found, Lying::under(&line).unwrap_or_else(|error| lost(&line, &error)));
                }
            }
            continue;
        }
        pictures_not_features(argument, "")?;
        if is_store(argument) {
            let problem = format!("{} is a store of features; name it alone", argument.display());
            return Err(Error::option("PICTURE", problem));
        }
        match Lying::under(argument) {
            Ok(below) => {
                any = true;
                add(&mut found, below);
            }
            Err(error) => {
                // A link is there, wherever it leads.
                any |= std::fs::symlink_metadata(argument).is_ok_and(|link| link.is_symlink());
                add(&mut found, lost(argument, &error));
                first.get_or_insert(error);
            }
        }
    }
    match (any, first) {
        (false, Some(error)) if arguments.len() == 1 => Err(error.into()),
        _ if found.pictures.is_empty() => Err(Error::option("-", "standard input names no pictures")),
        _ => Ok(found),
    }
}

fn add(found: &mut Below, more: Below) {
    found.pictures.extend(more.pictures);
    found.links_back.extend(more.links_back);
    found.shards.extend(more.shards);
    found.not_pictures.extend(Path::new(""), more.not_pictures);
}

/// What is left of a path that stands for no pictures.
fn lost(path: &Path, error: &DatasetError) -> Below {
    // Of what somebody names one by one it is known how much that is: one argument.
    let reason = |reason| Lying::Lost(Unread { path: path.to_owned(), reason, hides: false });
    let picture = match error {
        // Whoever opens it says what is wrong.
        DatasetError::Missing(_) => Lying::File(path.to_owned()),
        DatasetError::Unreadable(error) => reason(error.source.to_string()),
        DatasetError::Shard { problem, .. } => reason(problem.clone()),
        error => reason(error.to_string()),
    };
    Below { pictures: vec![picture], ..Below::default() }
}

/// The path that a line of a list names: as it is, or as huemax writes names that are no text.
fn named(line: &[u8]) -> PathBuf {
    let plain = bytes_as_path(line);
    let Ok(text) = std::str::from_utf8(line) else { return plain };
    let told = names::path(text);
    if told != plain && std::fs::symlink_metadata(&plain).is_err() { told } else { plain }
}

#[cfg(unix)]
fn bytes_as_path(bytes: &[u8]) -> PathBuf {
    let name: std::ffi::OsString = std::os::unix::ffi::OsStringExt::from_vec(bytes.to_vec());
    name.into()
}

#[cfg(not(unix))]
fn bytes_as_path(bytes: &[u8]) -> PathBuf {
    String::from_utf8_lossy(bytes).into_owned().into()
}
