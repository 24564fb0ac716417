//! The files that a run leaves.

use std::io::Write;
use std::path::Path;

use super::lists::{Lists, passed_over};
use super::summary::Run;
use crate::error::Result;
use crate::files::{FileError, Staged, Writing, folder_of, stage, write_whole};
use crate::names;
use crate::report::{Prediction, write_predictions};

impl Run {
    /// Writes `model.safetensors`, `metrics.json` and `predictions.csv` into `folder`, each whole; makes the folder. Also `skipped.csv` and
    /// `duplicates.csv`, where there is anything to list; such lists of an earlier run are removed where there is not.
    ///
    /// # Errors
    /// The folder or a file cannot be written.
    pub fn save(&mut self, folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder).map_err(FileError::on("create", folder))?;
        let model = folder.join("model.safetensors");
        self.summary.model = Some(names::text(&model));
        // All are written before the first takes its place: a disk that fills up on the way leaves what was there.
        let (mut files, lists) = self.stage_results(folder)?;
        files.push(self.model.stage(&model)?);
        place(folder, files, lists)?;
        Ok(())
    }

    /// Writes `metrics.json` and `predictions.csv` into `folder`, and the lists beside them.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn save_results(&self, folder: &Path) -> Result<()> {
        let (files, lists) = self.stage_results(folder)?;
        place(folder, files, lists)?;
        Ok(())
    }

    fn stage_results(&self, folder: &Path) -> Result<(Vec<Staged>, Lists), FileError> {
        let outputs = self.model.classes.len();
        let metrics = stage(&folder.join("metrics.json"), true, |writer| {
            serde_json::to_writer_pretty(&mut *writer, &self.summary)?;
            writeln!(writer)
        })?;
        let predictions = stage(&folder.join("predictions.csv"), true, |writer| {
            let test = self.held_out.as_ref().map(|_| "test");
            let rows = self.paths.iter().zip(&self.truth).zip(self.values.chunks_exact(outputs));
            let rows = rows.map(|((path, truth), values)| Prediction {
                path,
                part: test,
                truth: Some(truth.as_slice()),
                values,
            });
            let held_out = self.held_out.iter().flat_map(|held| {
                let rows = held.paths.iter().zip(&held.parts).zip(&held.truth);
                rows.zip(held.values.chunks_exact(outputs)).map(|(((path, part), truth), values)| {
                    Prediction { path, part: Some(part), truth: Some(truth.as_slice()), values }
                })
            });
            write_predictions(writer, &self.model.classes, &self.model.output(), rows.chain(held_out))
        })?;
        let data = &self.summary.data;
        let skipped = [&data.skipped[..], &passed_over(&data.mismatches)].concat();
        let lists = Lists::stage(folder, &skipped, &self.duplicates)?;
        Ok((vec![metrics, predictions], lists))
    }
}

/// Lies in a folder while several results take their places there: after a kill some of them may be of the run before.
const PLACING: &str = "results.part";

/// Lets results take their places, and says beside them that they are about to, where there are such already.
fn place(folder: &Path, files: Vec<Staged>, lists: Lists) -> Result<(), FileError> {
    let note = folder.join(PLACING);
    let replaced = files.iter().any(|file| file.path().exists());
    let _writing = Writing::begin();
    if replaced {
        let text = "While this file is here, the results beside it may be of two runs: one of them was ended as it put them in their places.\n";
        write_whole(&note, |to| to.write_all(text.as_bytes()))?;
    }
    lists.persist()?;
    files.into_iter().try_for_each(Staged::persist)?;
    match std::fs::remove_file(&note) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(FileError::on("remove", &note)(error))
        }
        _ => Ok(()),
    }
}

/// What is to be said of the results beside the model `path`, if a run was ended as it put them in their places.
#[must_use]
pub fn half_placed(path: &Path) -> Option<String> {
    let note = folder_of(path).join(PLACING);
    note.is_file().then(|| {
        format!(
            "{} says that a run was ended as its results took their places: the model and what lies beside it may be of two runs; make them anew \
             with the same command and --force",
            note.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two results that take their places in `folder`.
    fn two(folder: &Path, before: impl FnOnce()) -> Result<(), FileError> {
        let file = |name| stage(&folder.join(name), false, |to| to.write_all(b"new"));
        let files = vec![file("metrics.json")?, file("predictions.csv")?];
        let lists = Lists::stage(folder, &[], &[])?;
        before();
        place(folder, files, lists)
    }

    #[test]
    fn results_stay_together_where_one_has_no_place() {
        let at = tempfile::tempdir().unwrap();
        std::fs::write(at.path().join("metrics.json"), "old").unwrap();
        std::fs::create_dir(at.path().join("predictions.csv")).unwrap();
        let error = two(at.path(), || ()).unwrap_err().to_string();
        assert!(error.contains("predictions.csv") && error.contains("it is a folder"), "{error}");
        assert_eq!(std::fs::read(at.path().join("metrics.json")).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(at.path()).unwrap().count(), 2);
    }

    #[test]
    fn results_of_two_runs_are_told() {
        let at = tempfile::tempdir().unwrap();
        let (folder, model) = (at.path(), at.path().join("model.safetensors"));
        // The first ones leave nothing behind.
        two(folder, || ()).unwrap();
        assert_eq!(half_placed(&model), None);
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), 2);
        // The second of two cannot take its place.
        let predictions = folder.join("predictions.csv");
        let in_the_way = || {
            std::fs::remove_file(&predictions).unwrap();
            std::fs::create_dir(&predictions).unwrap();
        };
        assert!(two(folder, in_the_way).is_err());
        assert!(half_placed(&model).unwrap().contains("of two runs"));
        // Both can.
        std::fs::remove_dir(&predictions).unwrap();
        two(folder, || ()).unwrap();
        assert_eq!(half_placed(&model), None);
    }
}
