//! The folder of a set: whose it is, and files that are whole or absent.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::kinds::{BASKET, KINDS};
use super::{BasketOptions, DemoError, DrawOptions};
use crate::files::{FileError, read_file, write_whole, write_whole_unsynced};

/// Raised whenever a change to the drawing changes the pictures of a seed.
const VERSION: u32 = 1;
const MARKER: &str = "demo.json";
/// Its bytes, which are a few hundred, at most.
const MAX_MARKER: u64 = 1 << 16;
const ATTRIBUTION: &str = "\
The pictures in this folder were drawn by `huemax demo` from Twemoji graphics.

Twemoji graphics: Copyright 2020 Twitter, Inc and other contributors
Licence: Creative Commons Attribution 4.0 International (CC-BY 4.0)
         https://creativecommons.org/licenses/by/4.0/
Source:  Twemoji 17.0.2, https://github.com/jdecked/twemoji, by way of the crate twemoji-assets 1.5.1,
         https://github.com/cptpiepmatz/twemoji-assets
Changes: the graphics were turned, scaled, tinted, shaded, given shadows, laid on drawn backgrounds and
         saved as JPEG.

The graphics come without warranties, as the licence says. Whoever passes these pictures on must keep this
attribution.
";

/// What `demo.json` says: which set the folder holds.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marker {
    program: String,
    version: u32,
    seed: u64,
    /// Pictures of each kind, where each shows one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    per_class: Option<usize>,
    /// Pictures, where each shows several kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    baskets: Option<usize>,
    kinds: Vec<String>,
}

impl Marker {
    pub(super) fn of_classes(options: &DrawOptions) -> Self {
        let kinds = KINDS.iter().map(|kind| kind.name.to_owned()).collect();
        Self { per_class: Some(options.per_class), ..Self::of(options.seed, kinds) }
    }

    pub(super) fn of_baskets(options: &BasketOptions) -> Self {
        let kinds = BASKET.iter().map(|&kind| KINDS[kind].name.to_owned()).collect();
        Self { baskets: Some(options.pictures), ..Self::of(options.seed, kinds) }
    }

    fn of(seed: u64, kinds: Vec<String>) -> Self {
        Self { program: "huemax demo".into(), version: VERSION, seed, per_class: None, baskets: None, kinds }
    }

    fn describe(&self) -> String {
        let Self { version, seed, per_class, baskets, kinds, .. } = self;
        let pictures = match (per_class, baskets) {
            (Some(pictures), _) => format!("{pictures} pictures"),
            (None, baskets) => format!("{} baskets", baskets.unwrap_or(0)),
        };
        format!("seed {seed}, {pictures} of {} kinds, version {version}", kinds.len())
    }
}

/// Makes `dir` the folder of this set, or finds that it already is. Anything else in it is an error.
///
/// The marker is written before the pictures: it says whose the folder is, so that a drawing which was cut
/// short can go on in its own folder. That it is finished shows by the pictures, each of which is whole or
/// absent.
pub(super) fn claim(dir: &Path, marker: &Marker) -> Result<(), DemoError> {
    fs::create_dir_all(dir).map_err(FileError::on("create", dir))?;
    let marker_path = dir.join(MARKER);
    match read_file(&marker_path, MAX_MARKER) {
        Ok(bytes) => match serde_json::from_slice::<Marker>(&bytes) {
            Ok(found) if found == *marker => {}
            Ok(found) if found.program == marker.program => {
                let (found, asked) = (found.describe(), marker.describe());
                return Err(DemoError::OtherSet { dir: dir.to_owned(), found, asked });
            }
            _ => return Err(DemoError::Foreign { dir: dir.to_owned() }),
        },
        Err(error) if error.source.kind() == io::ErrorKind::NotFound => {
            if fs::read_dir(dir).map_err(FileError::on("read", dir))?.next().is_some() {
                return Err(DemoError::Foreign { dir: dir.to_owned() });
            }
            let text = serde_json::to_string_pretty(marker)
                .map_err(|error| FileError::on("write", &marker_path)(error.into()))?;
            write_whole(&marker_path, |file| writeln!(file, "{text}"))?;
        }
        Err(error) => return Err(error.into()),
    }
    let attribution = dir.join("ATTRIBUTION.txt");
    if !is_whole(&attribution) {
        write_whole(&attribution, |file| file.write_all(ATTRIBUTION.as_bytes()))?;
    }
    Ok(())
}

/// Makes a folder for each kind.
pub(super) fn make_classes(dir: &Path) -> Result<(), FileError> {
    KINDS
        .iter()
        .map(|kind| dir.join(kind.name))
        .try_for_each(|class| fs::create_dir_all(&class).map_err(FileError::on("create", &class)))
}

/// Where picture `number` (from 1) of a kind belongs.
pub(super) fn picture_path(dir: &Path, kind: &str, number: usize) -> PathBuf {
    dir.join(kind).join(format!("{kind}-{number:03}.jpg"))
}

/// Whether a file written by [`write_picture`] is there. One of no length is what a power cut may leave.
pub(super) fn is_whole(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() > 0)
}

/// Not synced: more than a thousand waits for the disk would cost more than drawing again what a power cut
/// took.
pub(super) fn write_picture(path: &Path, jpeg: &[u8]) -> Result<(), FileError> {
    write_whole_unsynced(path, jpeg)
}
