//! What is said of a training while it runs: a table on a terminal, sentences elsewhere.

use crate::learn::{Seen, SweptC};

/// The heads of the columns that [`row`] fills.
#[must_use]
pub fn header(seen: &Seen) -> String {
    let (unit, third) =
        if seen.gradient.is_some() { ("iteration", "gradient") } else { ("epoch", "learn. rate") };
    let validation = if seen.validation.is_some() { "    val. loss  val. right" } else { "" };
    format!("{unit:>12}     objective  {third:>11}{validation}     rows/s        left")
}

/// One line: iteration, objective, gradient over the first one (or learning rate), what validation says, speed, and the
/// seconds that are `left`, if that can be said.
#[must_use]
pub fn row(seen: &Seen, left: Option<f64>) -> String {
    let third = seen.gradient.or(seen.learning_rate).map_or("–".into(), |value| format!("{value:.2e}"));
    let validation = seen.validation.map_or(String::new(), |validation| {
        format!("  {:>11.6}  {:>9.2}%", validation.loss, 100.0 * validation.accuracy)
    });
    let left = left.map_or("–".into(), duration);
    format!(
        "{:>12}  {:>12.6}  {third:>11}{validation}  {:>9}  {left:>10}",
        seen.iteration,
        seen.objective,
        speed(seen)
    )
}

/// The same as a sentence, for a log.
#[must_use]
pub fn line(seen: &Seen, left: Option<f64>) -> String {
    let unit = if seen.gradient.is_some() { "iteration" } else { "epoch" };
    let mut text = format!("training: {unit} {} (of {} at most), ", seen.iteration, seen.most);
    text += &status(seen, left);
    text
}

/// What changes from one iteration to the next.
#[must_use]
pub fn status(seen: &Seen, left: Option<f64>) -> String {
    let mut parts = vec![format!("objective {:.6}", seen.objective)];
    if let (Some(gradient), Some(tolerance)) = (seen.gradient, seen.tolerance) {
        parts.push(format!("gradient {gradient:.1e} of the first (until {tolerance:.0e})"));
    }
    if let Some(validation) = seen.validation {
        let (loss, right) = (validation.loss, 100.0 * validation.accuracy);
        parts.push(format!("validation loss {loss:.6}, {right:.2} % right"));
    }
    parts.push(format!("{} rows/s", speed(seen)));
    parts.extend(left.map(|left| format!("about {} left", duration(left))));
    parts.join(", ")
}

/// The heads of the columns that [`sweep_row`] fills.
#[must_use]
pub fn sweep_header(seen: &SweptC) -> String {
    format!(
        "{:>12}  {:>12}  {:>11}  {:>9}  {:>11}  {:>10}",
        "sweep",
        "C",
        "loss",
        seen.measure.name(),
        "evaluations",
        "seconds"
    )
}

/// One line: the number of C, C, mean loss and score on rows held out, evaluations a model, seconds so far.
#[must_use]
pub fn sweep_row(seen: &SweptC) -> String {
    let SweptC { c, number, of, evaluations, loss, score, seconds, .. } = seen;
    let number = format!("{number}/{of}");
    format!("{number:>12}  {c:>12.4e}  {loss:>11.6}  {score:>9.4}  {evaluations:>11.1}  {seconds:>10.1}")
}

/// The same beside a bar.
#[must_use]
pub fn sweep_status(seen: &SweptC) -> String {
    let SweptC { c, loss, score, measure, .. } = seen;
    format!("C = {c:.4}: loss {loss:.6}, {} {score:.4}", measure.name())
}

/// Rows a second: `950`, `12.3 k`, `4.56 M`.
fn speed(seen: &Seen) -> String {
    let rate = seen.rows / seen.seconds.max(1e-9);
    match rate {
        r if r >= 1e9 => format!("{:.2} G", r / 1e9),
        r if r >= 1e6 => format!("{:.2} M", r / 1e6),
        r if r >= 1e3 => format!("{:.1} k", r / 1e3),
        r => format!("{r:.0}"),
    }
}

/// `0.4 s`, `37 s`, `12 min`, `3.5 h`
fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 9.95 => format!("{s:.1} s"),
        s if s < 99.5 => format!("{s:.0} s"),
        s if s < 5970.0 => format!("{:.0} min", s / 60.0),
        s if s < 360_000.0 => format!("{:.1} h", s / 3600.0),
        s => format!("{:.0} days", s / 86_400.0),
    }
}

/// Which iterations a table shows, so that it is long enough to see how training goes and short enough to read: each by a
/// quarter later than the one before.
#[derive(Debug, Default)]
pub struct Rows {
    next: usize,
    shown: usize,
}

/// Rows of a table, at most.
pub const MOST_ROWS: usize = 30;

impl Rows {
    /// Whether the table shows `iteration`.
    #[must_use]
    pub fn shows(&self, iteration: usize) -> bool {
        iteration >= self.next && self.shown < MOST_ROWS
    }

    /// It was shown.
    pub fn showed(&mut self, iteration: usize) {
        self.next = iteration + (iteration / 4).max(1);
        self.shown += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::{Score, Validation};

    fn seen() -> Seen {
        Seen {
            iteration: 120,
            most: 2000,
            objective: 0.512_345_6,
            gradient: Some(3.1e-4),
            tolerance: Some(1e-5),
            rows: 2.4e6,
            seconds: 2.0,
            ..Seen::default()
        }
    }

    #[test]
    fn columns_stand_under_their_heads() {
        let validation = Some(Validation { loss: 0.61, accuracy: 0.725 });
        let epoch = Seen { gradient: None, learning_rate: Some(0.5), ..seen() };
        for seen in [seen(), Seen { validation, ..seen() }, epoch, Seen { validation, ..epoch }] {
            let (header, row) = (header(&seen), row(&seen, Some(8.4)));
            assert_eq!(header.chars().count(), row.chars().count(), "\n{header}\n{row}");
            // Every column ends where its head does.
            let ends = |text: &str| -> Vec<usize> {
                let chars: Vec<char> = text.chars().chain([' ', ' ']).collect();
                (0..text.chars().count())
                    .filter(|&i| chars[i] != ' ' && chars[i + 1] == ' ' && chars[i + 2] == ' ')
                    .collect()
            };
            assert_eq!(ends(&header), ends(&row), "\n{header}\n{row}");
        }
        assert!(row(&seen(), None).ends_with('–'));
    }

    #[test]
    fn a_sweep_has_columns_too() {
        for measure in [Score::Accuracy, Score::MacroF1] {
            let seen = SweptC {
                c: 0.01,
                number: 3,
                of: 30,
                models: 5,
                evaluations: 12.4,
                loss: 0.612_345_6,
                score: 0.75,
                measure,
                seconds: 3.25,
            };
            let (header, row) = (sweep_header(&seen), sweep_row(&seen));
            assert_eq!(header.chars().count(), row.chars().count(), "\n{header}\n{row}");
            assert!(row.contains("3/30") && row.contains("0.612346"), "{row}");
            assert_eq!(sweep_status(&seen), format!("C = 0.0100: loss 0.612346, {} 0.7500", measure.name()));
        }
    }

    #[test]
    fn sentences_say_the_same() {
        let expected = "training: iteration 120 (of 2000 at most), objective 0.512346, gradient 3.1e-4 of the first (until 1e-5), \
                        1.20 M rows/s, about 14 min left";
        assert_eq!(line(&seen(), Some(840.0)), expected);
        let validation = Some(Validation { loss: 0.61, accuracy: 0.725 });
        let epoch = Seen { gradient: None, validation, ..seen() };
        let expected = "training: epoch 120 (of 2000 at most), objective 0.512346, validation loss 0.610000, 72.50 % right, 1.20 M rows/s";
        assert_eq!(line(&epoch, None), expected);
    }

    #[test]
    fn a_table_is_long_enough_and_short_enough() {
        for most in [1, 5, 50, 200, 2000, 1_000_000] {
            let mut rows = Rows::default();
            let shown = (0..=most)
                .filter(|&i| {
                    rows.shows(i) && {
                        rows.showed(i);
                        true
                    }
                })
                .count();
            assert!(shown <= MOST_ROWS && shown >= (most + 1).min(6), "{most}: {shown}");
        }
    }
}
