//! What is said of a run that was ended by pictures that cannot be read.

use std::fmt;
use std::path::PathBuf;

use super::{MaxErrors, OnError, SkippedPicture, Tolerance};
use crate::report::grouped;

/// What the reason of a picture says that only takes too much memory.
const MEMORY: &str = "that --memory leaves for one picture";

/// A run that was ended by pictures that cannot be read.
#[derive(Debug)]
pub struct Unreadable {
    /// Those that were met, sorted by path.
    pub skipped: Vec<SkippedPicture>,
    /// Links that were passed over: they stand in the list, and do not count.
    pub passed_over: Vec<SkippedPicture>,
    /// How many pictures were to be read.
    pub pictures: usize,
    /// What was asked for.
    pub tolerance: Tolerance,
    /// The first of those that hide nobody knows how many pictures.
    pub hides: Option<SkippedPicture>,
    /// Rows that a store keeps for the next time, of how many.
    pub kept: Option<(usize, usize)>,
    /// The file that lists them all, where one was written.
    pub list: Option<PathBuf>,
}

impl std::error::Error for Unreadable {}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Examples that are told.
        const SHOWN: usize = 3;
        let Self { skipped, pictures, tolerance, hides, list, .. } = self;
        if tolerance.on_error == OnError::Fail {
            let first = skipped.first().map(ToString::to_string).unwrap_or_default();
            return write!(
                f,
                "{first}; mend or remove it, or leave out what cannot be read (--on-error skip)"
            );
        }
        let count = skipped.len();
        if let Some(hides) = hides.as_ref().filter(|_| tolerance.max_errors.is_share()) {
            return write!(
                f,
                "{hides}; how many pictures that hides is not known. Mend it, or go on without it: --max-errors 100%, or a number that counts it as one"
            );
        }
        let noun = match hides {
            Some(_) => "pictures, or places to look for them,",
            None if *pictures == 1 => "picture",
            None => "pictures",
        };
        let limit = tolerance.max_errors;
        let (so_far, means) = match limit {
            MaxErrors::Count(_) => (" so far", String::new()),
            MaxErrors::Percent(_) => ("", format!(", {}", grouped(limit.of(*pictures)))),
        };
        let (count_text, all) = (grouped(count), grouped(*pictures));
        if count > limit.of(*pictures) {
            writeln!(
                f,
                "{count_text} of {all} {noun} could not be read{so_far}, and --max-errors allows {limit}{means}:"
            )?;
        } else {
            writeln!(f, "{count_text} of {all} {noun} could not be read, and what there is stays as it is:")?;
        }
        skipped.iter().take(SHOWN).try_for_each(|s| writeln!(f, "  {s}"))?;
        if count > SHOWN {
            writeln!(f, "  … and {} more", grouped(count - SHOWN))?;
        }
        if let Some(list) = list {
            writeln!(f, "all of them are listed in {}", list.display())?;
        }
        // With more memory most of these can be read.
        let large = skipped.iter().filter(|s| s.reason.contains(MEMORY)).count();
        let mend = if large == 0 { "mend or remove them" } else { "mend or remove the others" };
        if large > 0 {
            write!(f, "{} of them only take more memory than there is: raise --memory", grouped(large))?;
        }
        if large == count {
            return Ok(());
        }
        let between = if large > 0 { "; " } else { "" };
        write!(f, "{between}{mend}")?;
        match limit {
            // There is no rest.
            _ if count == *pictures => Ok(()),
            // How many more there are is not known.
            MaxErrors::Count(_) if hides.is_some() => {
                write!(f, "; a larger number, or 100%, lets the rest through")
            }
            MaxErrors::Count(_) => {
                write!(f, "; a larger number, or a share such as 50%, lets the rest through")
            }
            MaxErrors::Percent(_) => write!(f, "; --max-errors {count} lets the rest through"),
        }
    }
}
