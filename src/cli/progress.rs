//! Progress on standard error: a bar on a terminal, plain lines elsewhere, nothing when quiet.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressState, ProgressStyle};

use super::output::{harmless, tell};
use super::threads;
use crate::names;
use crate::progress::Progress;

/// Draws progress.
#[derive(Debug)]
pub(super) struct Terminal {
    quiet: bool,
    bar: bool,
    work: Mutex<Option<Work>>,
    done: AtomicU64,
    /// Whether somebody else says how far work is and how long it takes.
    watched: AtomicBool,
}

#[derive(Debug)]
struct Work {
    name: String,
    unit: String,
    total: u64,
    note: String,
    start: Instant,
    last: Instant,
    bar: Option<ProgressBar>,
}

/// The bar on the terminal, for those who come from outside: a signal does not know who draws.
static BAR: Mutex<Option<ProgressBar>> = Mutex::new(None);

fn shown() -> std::sync::MutexGuard<'static, Option<ProgressBar>> {
    BAR.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes the bar off the terminal, if there is one.
pub(super) fn clear() {
    if let Some(bar) = shown().take() {
        bar.finish_and_clear();
    }
}

/// A line on standard error, above the bar if there is one.
pub(super) fn say_aside(line: &str) {
    let bar = shown().clone();
    match bar {
        Some(bar) => bar.println(harmless(line)),
        None => tell(line),
    }
}

/// Time between plain lines.
pub(super) const PLAIN: Duration = Duration::from_secs(5);

impl Terminal {
    pub(super) fn new(quiet: bool) -> Self {
        let bar = std::io::stderr().is_terminal();
        Self { quiet, bar, work: Mutex::new(None), done: AtomicU64::new(0), watched: AtomicBool::new(false) }
    }

    /// Whether nothing is said.
    pub(super) fn quiet(&self) -> bool {
        self.quiet
    }

    /// Whether there is a bar.
    pub(super) fn draws(&self) -> bool {
        self.bar && !self.quiet
    }

    /// Leaves it to somebody else, from now on or no longer, to say how far work is: of work that ends nobody knows when, a
    /// count of what may be left says little.
    pub(super) fn watch(&self, watched: bool) {
        self.watched.store(watched, Ordering::Relaxed);
    }

    /// The word beside the bar of work that is watched.
    pub(super) fn status(&self, text: &str) {
        if let Some(bar) = self.work().as_ref().and_then(|work| work.bar.as_ref()) {
            bar.set_message(names::shown(text).into_owned());
        }
    }

    fn watched(&self) -> bool {
        self.watched.load(Ordering::Relaxed)
    }

    /// Runs `print`, which writes to standard output, with the bar out of its way.
    pub(super) fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        match self.work().as_ref().and_then(|w| w.bar.clone()) {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    fn work(&self) -> std::sync::MutexGuard<'_, Option<Work>> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Digits behind the point, for what comes slowly.
fn digits(rate: f64) -> usize {
    match rate {
        r if r >= 10.0 => 0,
        r if r >= 1.0 => 1,
        _ => 2,
    }
}

/// The unit of one thing, where there is only one: `case`, `value of C`.
fn one(total: u64, unit: &str) -> String {
    let (things, rest) = unit.split_at(unit.find(' ').unwrap_or(unit.len()));
    match things.strip_suffix('s') {
        Some(thing) if total == 1 => format!("{thing}{rest}"),
        _ => unit.to_owned(),
    }
}

impl Work {
    /// `describing: 512/2002 pictures, 840 pictures/s, 2 seconds left`
    fn line(&self, done: u64) -> String {
        let seconds = self.start.elapsed().as_secs_f64();
        let rate = done as f64 / seconds.max(1e-9);
        let left =
            Duration::from_secs_f64(((self.total - done.min(self.total)) as f64 / rate.max(1e-9)).min(1e9));
        let note = if self.note.is_empty() { String::new() } else { format!(", {}", self.note) };
        let Self { name, total, unit, .. } = self;
        let digits = digits(rate);
        format!("{name}: {done}/{total} {unit}, {rate:.digits$} {unit}/s, {} left{note}", HumanDuration(left))
    }
}

impl Progress for Terminal {
    fn begin(&self, work: &str, total: u64, unit: &str) {
        if self.quiet {
            return;
        }
        let unit = &one(total, unit);
        self.done.store(0, Ordering::Relaxed);
        let bar = self.bar.then(|| {
            let bar = ProgressBar::new(total);
            let template = if self.watched() {
                format!("{{prefix:>12}} {{spinner}} {{human_pos}} {unit}  {{wide_msg}}")
            } else {
                format!(
                    "{{prefix:>12}} [{{bar:30}}] {{human_pos}}/{{human_len}} {unit}, {{rate}} {unit}/s, {{eta}} left  {{msg}}"
                )
            };
            // The template is fixed but for the unit, which is a plain word; the default is a bar all the same.
            let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
            let rate = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                // A bar that cannot be written is not worth an error.
                let (rate, digits) = (state.per_sec(), digits(state.per_sec()));
                let _ = write!(out, "{rate:.digits$}");
            };
            bar.set_style(style.with_key("rate", rate).progress_chars("=> "));
            bar.set_prefix(work.to_owned());
            // It also moves when work does.
            if threads::to_spare() {
                bar.enable_steady_tick(Duration::from_millis(200));
            }
            *shown() = Some(bar.clone());
            bar
        });
        let now = Instant::now();
        *self.work() = Some(Work {
            name: work.into(),
            unit: unit.into(),
            total,
            note: String::new(),
            start: now,
            last: now,
            bar,
        });
    }

    fn advance(&self, n: u64) {
        if self.quiet {
            return;
        }
        let done = self.done.fetch_add(n, Ordering::Relaxed) + n;
        if let Some(work) = self.work().as_mut() {
            match &work.bar {
                Some(bar) => bar.set_position(done),
                None if !self.watched() && work.last.elapsed() >= PLAIN => {
                    work.last = Instant::now();
                    tell(&work.line(done));
                }
                None => {}
            }
        }
    }

    fn note(&self, text: &str) {
        if let Some(work) = self.work().as_mut() {
            work.note = text.into();
            if let Some(bar) = work.bar.as_ref().filter(|_| !self.watched()) {
                bar.set_message(names::shown(text).into_owned());
            }
        }
    }

    fn end(&self) {
        let Some(work) = self.work().take() else { return };
        *shown() = None;
        if let Some(bar) = &work.bar {
            bar.finish_and_clear();
        }
        let done = self.done.load(Ordering::Relaxed);
        let seconds = work.start.elapsed().as_secs_f64();
        let rate = done as f64 / seconds.max(1e-9);
        let note = if work.note.is_empty() { String::new() } else { format!(", {}", work.note) };
        let digits = digits(rate);
        tell(&format!(
            "{}: {done} {} in {seconds:.1} s, {rate:.digits$} {}/s{note}",
            work.name, work.unit, work.unit
        ));
    }

    fn say(&self, line: &str) {
        if self.quiet {
            return;
        }
        match self.work().as_ref().and_then(|w| w.bar.as_ref()) {
            Some(bar) => bar.println(harmless(line)),
            None => tell(line),
        }
    }
}
