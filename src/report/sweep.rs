//! What a sweep over C found: a line a value, the choice, and why.

use serde::Serialize;

use super::width::right;

/// A sweep over values of C.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SweepTable {
    /// Which rows models were judged by.
    pub judged_on: JudgedOn,
    /// What is minimised, and chosen by: `log loss`; of the hinges, `loss`; where labels do not count alike, `weighted` before it.
    pub loss: &'static str,
    /// What is said beside it: `accuracy` or `macro F1`.
    pub score: &'static str,
    /// For each C, ascending.
    pub values: Vec<SweepRow>,
    /// The C that was chosen.
    pub best: f64,
    /// Why, in words.
    pub reason: String,
    /// What is wrong with the choice, if anything is.
    pub warning: Option<String>,
}

/// Rows that were not fitted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "rows", rename_all = "kebab-case")]
pub enum JudgedOn {
    /// Those of the validation.
    Validation {
        /// How many pictures there are.
        pictures: usize,
    },
    /// The training rows, each fold of them by models fitted to the others.
    Folds {
        /// Folds of a division.
        folds: usize,
        /// How often the rows were divided, each time differently.
        divisions: usize,
    },
}

/// What the models of one C did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SweepRow {
    /// C.
    pub c: f64,
    /// Mean loss.
    pub loss: Spread,
    /// Accuracy, or macro F1.
    pub score: Spread,
    /// How often a model's objective and gradient were computed, on average.
    pub evaluations: f64,
    /// Models that used up all iterations before they reached their optimum.
    pub unfinished: usize,
}

/// Numbers of several models.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Spread {
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation (n − 1); none of a single one.
    pub deviation: Option<f64>,
    /// The numbers: all folds of the first division, then of the next.
    pub each: Vec<f64>,
}

impl Spread {
    /// Of `each`, one at least.
    #[must_use]
    pub fn new(each: Vec<f64>) -> Self {
        let n = each.len() as f64;
        let mean = each.iter().sum::<f64>() / n;
        let squares: f64 = each.iter().map(|v| (v - mean).powi(2)).sum();
        let deviation = (each.len() > 1).then(|| (squares / (n - 1.0)).sqrt());
        Self { mean, deviation, each }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.4}", self.mean)?;
        self.deviation.map_or(Ok(()), |deviation| write!(f, " ± {deviation:.4}"))
    }
}

impl SweepTable {
    /// The table of `values` (ascending in C, one at least) of which the one number `best` was chosen.
    #[must_use]
    pub fn new(
        judged_on: JudgedOn,
        (loss, score): (&'static str, &'static str),
        values: Vec<SweepRow>,
        best: usize,
    ) -> Self {
        let chosen = &values[best];
        let reason = match values.len() {
            1 => format!("C = {} was given: there is nothing to choose", short(chosen.c)),
            _ => format!("C = {} has the least mean validation {loss}, {}", short(chosen.c), chosen.loss),
        };
        let least = values.first().filter(|_| best == 0).map(|row| ("smallest", "below", row.c));
        let most = values.last().filter(|_| best + 1 == values.len()).map(|row| ("largest", "above", row.c));
        let warning = least.or(most).filter(|_| values.len() > 1).map(|(end, beyond, c)| {
            format!("the best C is the {end} that was tried: a better one may lie {beyond} {}", short(c))
        });
        Self { judged_on, loss, score, best: chosen.c, reason, warning, values }
    }

    /// The table for a terminal; ends with a line break.
    #[must_use]
    pub fn text(&self) -> String {
        let on = match self.judged_on {
            JudgedOn::Validation { pictures } => format!("on {pictures} validation pictures"),
            JudgedOn::Folds { folds, divisions: 1 } => format!("on {folds} folds, each held out in turn"),
            JudgedOn::Folds { folds, divisions } => {
                format!("on {folds} folds, each held out in turn, in {divisions} divisions")
            }
        };
        let spread = if self.values.iter().any(|row| row.loss.deviation.is_some()) {
            " (mean ± standard deviation)"
        } else {
            ""
        };
        let mut text = format!("Sweep over C, {on}{spread}\n\n");
        let line = |mark: &str, cells: [&str; 3]| {
            format!("{mark} {}  {}  {}\n", right(cells[0], 10), right(cells[1], 18), right(cells[2], 18))
        };
        text += &line("  ", ["C", self.loss, self.score]);
        for row in &self.values {
            let mark = if row.c == self.best { "→ " } else { "  " };
            text += &line(mark, [&short(row.c), &row.loss.to_string(), &row.score.to_string()]);
        }
        text += &format!("\n{}\n", self.reason);
        if let Some(warning) = &self.warning {
            text += &format!("warning: {warning}\n");
        }
        let unfinished: usize = self.values.iter().map(|row| row.unfinished).sum();
        if unfinished > 0 {
            let models: usize = self.values.iter().map(|row| row.loss.each.len()).sum();
            text += &format!(
                "warning: {unfinished} of {models} models used up all iterations (--max-iter) before they reached their optimum\n"
            );
        }
        text
    }
}

/// `c` to four digits.
fn short(c: f64) -> String {
    format!("{c:.3e}").parse::<f64>().map_or_else(|_| c.to_string(), |c| c.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(losses: &[&[f64]], best: usize) -> SweepTable {
        let row = |(i, losses): (usize, &&[f64])| SweepRow {
            c: 0.316_227_766 * 10f64.powi(i as i32),
            loss: Spread::new(losses.to_vec()),
            score: Spread::new(losses.iter().map(|l| 1.0 - l / 4.0).collect()),
            evaluations: 3.0,
            unfinished: 0,
        };
        let values = losses.iter().enumerate().map(row).collect();
        SweepTable::new(JudgedOn::Folds { folds: 2, divisions: 1 }, ("log loss", "accuracy"), values, best)
    }

    #[test]
    fn models_that_did_not_arrive_are_counted() {
        let mut table = table(&[&[1.0, 1.2], &[0.8, 0.8]], 1);
        assert!(!table.text().contains("--max-iter"));
        table.values[0].unfinished = 2;
        assert!(
            table.text().contains("warning: 2 of 4 models used up all iterations (--max-iter)"),
            "{}",
            table.text()
        );
    }

    #[test]
    fn a_table_with_its_choice_and_a_warning_at_the_end() {
        let table = table(&[&[1.0, 1.2], &[0.8, 0.8], &[0.7, 0.9]], 1);
        assert_eq!(
            table.text(),
            "Sweep over C, on 2 folds, each held out in turn (mean ± standard deviation)\n\n\
             \u{20}           C            log loss            accuracy\n\
             \u{20}      0.3162     1.1000 ± 0.1414     0.7250 ± 0.0354\n\
             →       3.162     0.8000 ± 0.0000     0.8000 ± 0.0000\n\
             \u{20}       31.62     0.8000 ± 0.1414     0.8000 ± 0.0354\n\n\
             C = 3.162 has the least mean validation log loss, 0.8000 ± 0.0000\n"
        );
        let first = self::table(&[&[0.5], &[0.8]], 0);
        assert!(first.warning.as_ref().is_some_and(|w| w.contains("below 0.3162")), "{first:?}");
        let last = self::table(&[&[0.9], &[0.8]], 1);
        assert!(last.text().ends_with(
            "warning: the best C is the largest that was tried: a better one may lie above 3.162\n"
        ));
        assert_eq!(self::table(&[&[0.9]], 0).warning, None);
    }
}
