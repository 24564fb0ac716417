//! The arithmetic of one row of scores, written out: what softmax, sigmoid and the hinges make of the same numbers.
//!
//! In f64 and for people to follow; what trains and predicts is in [`backend`](crate::backend).

#[cfg(test)]
mod tests;
mod text;

pub use text::text;

use std::collections::HashSet;

use serde::Serialize;

use crate::error::{Error, Result};

/// Scores may be this far from 0. It is far beyond where every probability is 0 or 1 in f64, and close enough for
/// e to their power to be shown.
pub const MAX_SCORE: f64 = 1e6;

/// What one label gets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The label.
    pub label: String,
    /// Whether it is true of the picture.
    pub truth: bool,
    /// Its score.
    pub score: f64,
    /// e to the power of the score; none where f64 cannot hold it.
    pub exp: Option<f64>,
    /// Its share of the sum of all those powers.
    pub softmax: f64,
    /// −ln of that share: the cross-entropy, if this is the true label.
    pub softmax_loss: f64,
    /// 1 ÷ (1 + e to the power of minus the score): how probable it is, whatever the others are.
    pub sigmoid: f64,
    /// −ln of the probability that the sigmoid gives to what is true of this label.
    pub sigmoid_loss: f64,
}

/// Scores of one picture, and what each loss makes of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// A row a label, in the order they were given.
    pub rows: Vec<Row>,
    /// Softmax's loss; none unless exactly one label is true.
    pub cross_entropy: Option<f64>,
    /// The sigmoid's loss, summed over the labels.
    pub binary_cross_entropy: f64,
    /// By how much the true score fails to be 1 ahead of the others, summed over them; none unless exactly one label is
    /// true.
    pub hinge: Option<f64>,
    /// The same with every term squared.
    pub squared_hinge: Option<f64>,
}

impl Explanation {
    /// Works out everything for `labels` with `scores`, of which those in `truth` are true: one, several or none.
    ///
    /// # Errors
    /// Fewer than two scores, a score that is no number or beyond ±[`MAX_SCORE`], another number of labels than of scores,
    /// labels that are empty, alike or not printable, a truth that is no label or is named twice. The error names the
    /// option of `huemax explain`.
    ///
    /// # Examples
    /// ```
    /// use huemax::explain::Explanation;
    ///
    /// let labels = ["dog", "cat", "boat", "airplane"].map(String::from);
    /// let explanation = Explanation::new(&[-3.44, 1.16, -0.81, 3.91], &labels, &labels[3..])?;
    /// assert_eq!(format!("{:.4}", explanation.rows[3].softmax), "0.9315");
    /// assert_eq!(format!("{:.4}", explanation.cross_entropy.unwrap()), "0.0709");
    /// # Ok::<(), huemax::Error>(())
    /// ```
    pub fn new(scores: &[f64], labels: &[String], truth: &[String]) -> Result<Self> {
        check(scores, labels, truth)?;
        let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // The same shares as without the maximum, and no power above 1.
        let ln_sum = max + scores.iter().map(|s| (s - max).exp()).sum::<f64>().ln();
        let rows: Vec<Row> = (scores.iter().zip(labels))
            .map(|(&score, label)| {
                let is_true = truth.contains(label);
                Row {
                    label: label.clone(),
                    truth: is_true,
                    score,
                    exp: Some(score.exp()).filter(|power| power.is_finite()),
                    softmax: (score - ln_sum).exp(),
                    softmax_loss: ln_sum - score,
                    sigmoid: (-softplus(-score)).exp(),
                    sigmoid_loss: softplus(if is_true { -score } else { score }),
                }
            })
            .collect();
        let one = if truth.len() == 1 { rows.iter().position(|row| row.truth) } else { None };
        let lacking = |y: usize| {
            let others = scores.iter().enumerate().filter(move |&(j, _)| j != y);
            others.map(move |(_, s)| (s - scores[y] + 1.0).max(0.0))
        };
        Ok(Self {
            cross_entropy: one.map(|y| rows[y].softmax_loss),
            binary_cross_entropy: rows.iter().map(|row| row.sigmoid_loss).sum(),
            hinge: one.map(|y| lacking(y).sum()),
            squared_hinge: one.map(|y| lacking(y).map(|m| m * m).sum()),
            rows,
        })
    }
}

/// ln(1 + eˣ), which is −ln of sigmoid(−x), without overflow.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

fn check(scores: &[f64], labels: &[String], truth: &[String]) -> Result<()> {
    if scores.len() < 2 {
        let given = if scores.is_empty() { "no score" } else { "one score alone" };
        return Err(Error::option(
            "--scores",
            format!("{given} leaves nothing to choose: give at least two"),
        ));
    }
    if let Some(score) = scores.iter().find(|score| score.is_nan() || score.abs() > MAX_SCORE) {
        return Err(Error::option(
            "--scores",
            format!("{score} is not a number from -{MAX_SCORE} to {MAX_SCORE}"),
        ));
    }
    if labels.len() != scores.len() {
        return Err(Error::option(
            "--labels",
            format!(
                "{} for {}: give a label for each score",
                counted(labels.len(), "label"),
                counted(scores.len(), "score")
            ),
        ));
    }
    let mut seen = HashSet::new();
    for label in labels {
        if label.trim().is_empty() {
            return Err(Error::option("--labels", "a label is empty: name each of them"));
        }
        if label.contains(char::is_control) {
            return Err(Error::option("--labels", format!("{label:?} cannot be printed: use ordinary text")));
        }
        if !seen.insert(label) {
            return Err(Error::option(
                "--labels",
                format!("\"{label}\" is there twice: give each label its own name"),
            ));
        }
    }
    let mut named = HashSet::new();
    for label in truth {
        if !seen.contains(label) {
            let known = labels.join(", ");
            return Err(Error::option("--truth", format!("{label:?} is none of the labels ({known})")));
        }
        if !named.insert(label) {
            return Err(Error::option("--truth", format!("\"{label}\" is there twice: name it once")));
        }
    }
    Ok(())
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
