//! Writing to standard output, where a closed pipe is no error.

use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::dataset::Unit;
use crate::error::{Error, FileError, Result};
use crate::names;
use crate::pipeline::{
    DUPLICATES, Duplicates, OnError, SKIPPED, SkippedPicture, Summary, Unreadable, cut_off_note,
    save_skipped_as,
};

/// The name of standard output in errors.
const STDOUT: &str = "standard output";

/// Prints text for people, which already ends its lines.
pub(super) fn print(text: &str) -> Result<()> {
    print_raw(&harmless(text))
}

fn print_raw(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(failed)
}

/// Prints a value as indented JSON.
pub(super) fn print_json(value: &impl serde::Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(|e| failed(e.into()))?;
    print_raw(&format!("{text}\n"))
}

/// Prints a value as a line of JSON.
pub(super) fn print_line(value: &impl serde::Serialize) -> Result<()> {
    let text = serde_json::to_string(value).map_err(|e| failed(e.into()))?;
    print_raw(&format!("{text}\n"))
}

/// A line on standard error. Nobody may be reading it (`2>&1 | head`), which is no reason to stop working.
///
/// Names of files can hold anything: see [`names::shown`].
pub(super) fn tell(line: &str) {
    let _ = writeln!(io::stderr(), "{}", harmless(line));
}

/// `text` as it can be shown, line by line.
pub(super) fn harmless(text: &str) -> String {
    text.split('\n').map(names::shown).collect::<Vec<_>>().join("\n")
}

/// An error of writing to standard output.
pub(super) fn failed(source: io::Error) -> Error {
    FileError { action: "write", path: STDOUT.into(), source }.into()
}

/// Whether an error only says that nobody reads standard output any more.
pub(super) fn closed(error: &Error) -> bool {
    matches!(error, Error::File(FileError { path, source, .. })
        if path == Path::new(STDOUT) && source.kind() == ErrorKind::BrokenPipe)
}

/// Pictures shown in a list of those skipped.
const SKIPPED_SHOWN: usize = 20;

/// Says on standard error what was left out of a run and why, also when all else is quiet: it changes what the result
/// means.
pub(super) fn tell_skipped(summary: &Summary, first_unlabelled: Option<&Path>, folder: Option<&Path>) {
    let unit = summary.evaluation.unit;
    let list = |name| folder.map(|folder| folder.join(name));
    let skipped = list(SKIPPED);
    tell_left_out(&summary.data.skipped, unit, summary.data.unlabelled, first_unlabelled, skipped.as_deref());
    cut_off_note(&summary.data.cut_off).iter().for_each(|note| tell(note));
    tell_duplicates(&summary.data.duplicates, list(DUPLICATES).as_deref());
}

/// The same of pictures that could not be read, which `list` lists, and so many without a label.
pub(super) fn tell_left_out(
    skipped: &[SkippedPicture],
    unit: Unit,
    unlabelled: usize,
    first_unlabelled: Option<&Path>,
    list: Option<&Path>,
) {
    if let Some(example) = first_unlabelled {
        let noun = if unlabelled == 1 { "picture has" } else { "pictures have" };
        tell(&format!("{unlabelled} {noun} no label and stayed out, for example {}", example.display()));
    }
    if skipped.is_empty() {
        return;
    }
    let noun = if skipped.len() == 1 { unit.one() } else { unit.many() };
    tell(&format!("{} {noun} could not be read and stayed out:", skipped.len()));
    skipped.iter().take(SKIPPED_SHOWN).for_each(|s| tell(&format!("  {s}")));
    if skipped.len() > SKIPPED_SHOWN {
        tell(&format!("  … and {} more", skipped.len() - SKIPPED_SHOWN));
    }
    match list {
        Some(list) => tell(&format!("all are listed in {}", list.display())),
        None if skipped.len() > SKIPPED_SHOWN => {
            tell("--json has all of them, and skipped.csv with --out DIR");
        }
        None => {}
    }
}

/// Says which pictures are there more than once, also when all else is quiet: a test on what was trained on is none.
pub(super) fn tell_duplicates(duplicates: &Duplicates, list: Option<&Path>) {
    let lines = duplicates.said();
    lines.iter().for_each(|line| tell(line));
    if let (false, Some(list)) = (lines.is_empty(), list) {
        tell(&format!("all are listed in {}", list.display()));
    }
}

/// Says what a store in `folder` keeps of a run that was ended by pictures that cannot be read.
pub(super) fn tell_kept(unreadable: &Unreadable, folder: &Path) {
    if let Some((done, rows)) = unreadable.kept.filter(|(done, _)| *done > 0) {
        let folder = folder.display();
        tell(&format!(
            "stopped: {done} of {rows} pictures are kept in {folder}; the same command goes on from there, once less cannot be read or more is allowed"
        ));
    }
}

/// Writes down what could not be read where too much could not, to `list`, and says so in the error that it is. Whatever becomes of that,
/// the error stays.
pub(super) fn list_unreadable(error: Error, list: impl FnOnce() -> Result<PathBuf>) -> Error {
    let Error::Unreadable(mut unreadable) = error else { return error };
    // Of the first one all has been said.
    if unreadable.tolerance.on_error == OnError::Skip {
        let written = list().and_then(|path| {
            save_skipped_as(&path, &[&unreadable.skipped[..], &unreadable.passed_over].concat())?;
            Ok(path)
        });
        match written {
            Ok(path) => unreadable.list = Some(path),
            Err(error) => tell(&format!("the list of them could not be written: {error}")),
        }
    }
    Error::Unreadable(unreadable)
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn names_cannot_drive_the_terminal() {
        assert_eq!(harmless("ein Bär\nund 猫\n"), "ein Bär\nund 猫\n");
        assert_eq!(harmless("a\u{1b}[31mred\r.jpg\t\u{202e}"), "a\\u{1b}[31mred\\r.jpg\\t\\u{202e}");
    }
}
