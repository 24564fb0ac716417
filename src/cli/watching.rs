//! Looks on at a training for the command line: a table or lines on standard error, JSON on standard output, event files for
//! TensorBoard, and checkpoints now and then and at Ctrl-C.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::events::{self, Events};
use super::interrupt::{self, Savable};
use super::output;
use super::progress::{PLAIN, Terminal};
use super::run_folder::RunFolder;
use crate::error::{FileError, Result};
use crate::learn::checkpoint::{Belongs, CURRENT, Checkpoint, Store};
use crate::learn::{LearnError, Remaining, Seen, State, SweptC, Watch};
use crate::pipeline::Onlooker;
use crate::progress::Progress;
use crate::report::training::{Rows, header, line, row, status, sweep_header, sweep_row, sweep_status};

/// What is looked on with.
#[derive(Debug)]
pub(super) struct Watching<'a> {
    terminal: &'a Terminal,
    folder: &'a RunFolder,
    /// Iterations as JSON on standard output.
    json: bool,
    /// Time between checkpoints; none but the one at Ctrl-C where there is none.
    every: Option<Duration>,
    /// What checkpoints keep of the command line.
    keep: serde_json::Value,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Option<Store>,
    /// Event files of the fit, and of the sweep before it: they count different things, and TensorBoard forgets what is counted beyond
    /// the place where a run goes on.
    events: [Option<Events>; 2],
    /// Whether training goes on from the middle.
    resumed: bool,
    remaining: Remaining,
    rows: Rows,
    /// The iteration that comes next, as far as can be told.
    next: usize,
    /// When a row or a line was shown last.
    shown: Option<Instant>,
    saved: Instant,
    savable: Option<Savable>,
}

/// Time between rows of the table, at least: a training that is done in the blink of an eye needs none.
const BETWEEN_ROWS: Duration = Duration::from_millis(50);

/// A line of `--json`.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Event<'a> {
    Iteration {
        #[serde(flatten)]
        seen: &'a Seen,
        #[serde(skip_serializing_if = "Option::is_none")]
        seconds_left: Option<f64>,
    },
    Sweep {
        #[serde(flatten)]
        seen: &'a SweptC,
    },
    Note {
        text: &'a str,
    },
    Checkpoint {
        path: String,
        iteration: Option<u64>,
    },
}

impl<'a> Watching<'a> {
    /// A new training, or one that goes on where `store` has its checkpoints.
    pub(super) fn new(
        (terminal, folder): (&'a Terminal, &'a RunFolder),
        json: bool,
        every: Option<Duration>,
        keep: serde_json::Value,
        store: Option<Store>,
    ) -> Self {
        let inner = Inner {
            resumed: store.is_some(),
            store,
            events: [None, None],
            remaining: Remaining::default(),
            rows: Rows::default(),
            next: 0,
            shown: None,
            saved: Instant::now(),
            savable: None,
        };
        Self { terminal, folder, json, every, keep, inner: Mutex::new(inner) }
    }

    /// Writes event files into `folder` too, once there is something to write.
    pub(super) fn with_tensorboard(self, folder: &Path) -> Result<Self, FileError> {
        events::check(folder)?;
        let resumed = self.lock().resumed;
        let folders = [folder.to_owned(), folder.join("sweep")];
        self.lock().events = folders.map(|folder| Some(Events::new(&folder, resumed)));
        Ok(self)
    }

    /// The checkpoint that was written last.
    pub(super) fn checkpoint(&self) -> Option<PathBuf> {
        self.lock().store.as_ref().map(|store| store.folder().join(CURRENT))
    }

    /// Removes the checkpoints of a training whose results are in `folder`.
    pub(super) fn remove_checkpoints(&self, folder: &Path) -> Result<(), FileError> {
        self.lock().store.take().unwrap_or_else(|| Store::new(folder)).remove()
    }

    fn save(&self, store: &mut Option<Store>, checkpoint: &Checkpoint) -> Result<PathBuf, FileError> {
        let mut saving = match store.take() {
            Some(store) => store,
            None => Store::new(&self.folder.path()?),
        };
        let saved = saving.save(checkpoint);
        let path = saving.folder().join(CURRENT);
        // Also where that failed: those before it are still there.
        *store = Some(saving);
        saved.map(|()| path)
    }

    fn emit(&self, event: &Event<'_>) {
        if self.json && !self.terminal.quiet() {
            // Whoever read it may have seen enough; the result at the end finds that out.
            let _ = self.terminal.aside(|| output::print_line(event));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a row of the table, or a line where there is none, is due at `iteration`.
    fn shows(&self, inner: &Inner, iteration: usize) -> bool {
        let waited = |least| inner.shown.is_none_or(|shown| shown.elapsed() >= least);
        match (self.terminal.quiet(), self.terminal.draws()) {
            (true, _) => false,
            (_, true) => inner.rows.shows(iteration) && waited(BETWEEN_ROWS),
            (_, false) => waited(PLAIN),
        }
    }

    fn show(&self, inner: &mut Inner, seen: &Seen, left: Option<f64>) {
        if self.shows(inner, seen.iteration) {
            if self.terminal.draws() {
                if inner.shown.is_none() {
                    self.terminal.say(&header(seen));
                }
                self.terminal.say(&row(seen, left));
                inner.rows.showed(seen.iteration);
            } else {
                self.terminal.say(&line(seen, left));
            }
            inner.shown = Some(Instant::now());
        }
        self.terminal.status(&status(seen, left));
    }

    /// Event files are for looking at: one that can no longer be written ends them, not the training.
    fn scalars(&self, inner: &mut Inner, seen: &Seen) {
        let tags = [
            ("objective", Some(seen.objective)),
            ("loss", seen.loss),
            ("gradient_norm", seen.gradient),
            ("learning_rate", seen.learning_rate),
            ("val_loss", seen.validation.map(|validation| validation.loss)),
            ("val_accuracy", seen.validation.map(|validation| validation.accuracy)),
        ];
        let tags: Vec<(&str, f64)> =
            tags.into_iter().filter_map(|(tag, value)| Some((tag, value?))).collect();
        self.event(&mut inner.events[0], seen.iteration, &tags);
    }

    fn event(&self, events: &mut Option<Events>, step: usize, tags: &[(&str, f64)]) {
        if let Some(Err(error)) = events.as_mut().map(|events| events.write(step as u64, tags)) {
            *events = None;
            self.terminal.say(&format!("note: no more event files for TensorBoard: {error}"));
        }
    }
}

impl Watch for Watching<'_> {
    fn validates(&self) -> bool {
        let inner = self.lock();
        let everything = self.json && !self.terminal.quiet() || inner.events[0].is_some();
        everything || self.shows(&inner, inner.next)
    }

    fn saw(&self, seen: &Seen) {
        let mut inner = self.lock();
        let left = inner.remaining.after(seen);
        inner.next = seen.iteration + 1;
        self.show(&mut inner, seen, left);
        self.scalars(&mut inner, seen);
        self.emit(&Event::Iteration { seen, seconds_left: left });
    }

    fn swept(&self, seen: &SweptC) {
        let mut inner = self.lock();
        if self.shows(&inner, seen.number) || seen.number == seen.of && self.terminal.draws() {
            if self.terminal.draws() {
                if inner.shown.is_none() {
                    self.terminal.say(&sweep_header(seen));
                }
                self.terminal.say(&sweep_row(seen));
                inner.rows.showed(seen.number);
            }
            inner.shown = Some(Instant::now());
        }
        // Beside the bar, or in the next line that is printed in its stead.
        self.terminal.note(&sweep_status(seen));
        self.event(
            &mut inner.events[1],
            seen.number,
            &[("sweep_loss", seen.loss), ("sweep_score", seen.score)],
        );
        self.emit(&Event::Sweep { seen });
    }

    fn say(&self, line: &str) {
        self.terminal.say(line);
        self.emit(&Event::Note { text: line });
    }

    fn stop(&self) -> bool {
        interrupt::asked()
    }

    fn due(&self) -> bool {
        self.every.is_some_and(|every| self.lock().saved.elapsed() >= every)
    }
}

impl Onlooker for Watching<'_> {
    fn begins(&self) {
        let mut inner = self.lock();
        inner.savable = Some(Savable::begin());
        inner.saved = Instant::now();
        // Only now is it known that the checkpoint that is there is of this training.
        if let Some(Err(error)) = inner.store.as_ref().map(Store::tidy) {
            self.terminal.say(&format!("note: what a kill left half-written stays: {error}"));
        }
    }

    fn fits(&self) {
        let mut inner = self.lock();
        (inner.rows, inner.shown) = (Rows::default(), None);
        self.terminal.watch(true);
    }

    fn keep(&self, belongs: &Belongs, state: State) -> Result<(), LearnError> {
        let iteration = iteration(&state);
        let checkpoint = Checkpoint { belongs: belongs.clone(), keep: self.keep.clone(), state };
        let mut inner = self.lock();
        let saved = self.save(&mut inner.store, &checkpoint);
        inner.saved = Instant::now();
        drop(inner);
        match saved {
            Ok(path) => self.emit(&Event::Checkpoint { path: crate::names::text(&path), iteration }),
            // Work that goes on is worth more than a checkpoint of it.
            Err(error) if !interrupt::asked() => {
                self.say(&format!(
                    "note: no checkpoint this time, the next one is tried when it is due: {error}"
                ));
            }
            Err(error) => return Err(LearnError::Save(Box::new(error))),
        }
        Ok(())
    }

    fn ends(&self) {
        self.terminal.watch(false);
        self.lock().savable = None;
    }
}

/// How far `state` is. Solvers count what they go through: iterations, epochs, values of C; the fit after a sweep has the counts of
/// both, its own behind `refit.`.
fn iteration(state: &State) -> Option<u64> {
    let names = ["refit.iterations", "refit.epoch", "iterations", "epoch", "done"];
    names.iter().filter_map(|&name| state.numbers.get(name)).find_map(serde_json::Value::as_u64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_fit_after_a_sweep_counts_its_own_iterations() {
        let at = |numbers: serde_json::Value| {
            let numbers = numbers.as_object().unwrap().clone();
            iteration(&State { numbers, ..State::default() })
        };
        assert_eq!(at(json!({ "done": 30, "best": 3, "refit.iterations": 7, "0.iterations": 90 })), Some(7));
        assert_eq!(at(json!({ "done": 30, "refit.epoch": 4 })), Some(4));
        assert_eq!(at(json!({ "done": 12, "0.iterations": 90 })), Some(12));
        assert_eq!(at(json!({ "iterations": 5 })), Some(5));
        assert_eq!(at(json!({})), None);
    }
}
