//! Pictures the model was most wrong about, and pictures whose label may be what is wrong.

use ndarray::ArrayView2;
use serde::Serialize;

use super::evaluation::Scored;
use super::sample::{Answer, value};
use super::width::{cut, display_width, left, right};
use crate::dataset::Unit;
use crate::metrics::{MetricsError, Output, label_errors};
use crate::names::shown;

/// How many of each are named.
const SHOWN: usize = 10;

/// Columns of the widest line.
pub(super) const WIDTH: usize = 120;

/// Columns after which a path is cut in the text; `predictions.csv` has it in full.
pub(super) const PATH: usize = 60;

/// A picture the model is wrong about.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Mistake {
    /// The picture, relative to the data folder.
    pub path: String,
    /// Its loss: see [`Output::loss`].
    pub loss: f64,
    /// What it is.
    pub truth: Answer,
    /// What the model says.
    pub predicted: Answer,
    /// What was said of the labels that matter: the class predicted and the true one; of several labels those decided
    /// wrongly, dearest first.
    pub values: Vec<Stated>,
}

/// What was said of one label.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stated {
    /// The label.
    pub label: String,
    /// Its probability; its margin where there are no probabilities.
    pub value: f32,
    /// Whether the picture has it.
    pub truth: bool,
}

/// Pictures that are confidently another class than they are said to be.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabelSuspicion {
    /// How many there are.
    pub found: usize,
    /// How many training pictures are among those looked at, each by models that had not seen it.
    #[serde(skip_serializing_if = "is_none")]
    pub out_of_fold: usize,
    /// The most suspicious, at most ten.
    pub pictures: Vec<Suspicious>,
}

/// Whether there are no training pictures among those looked at.
#[allow(clippy::trivially_copy_pass_by_ref)] // As serde wants it.
fn is_none(count: &usize) -> bool {
    *count == 0
}

/// A picture that is confidently another class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Suspicious {
    /// The picture, relative to the data folder.
    pub path: String,
    /// The class it is said to be.
    pub given: String,
    /// Probability of that class.
    pub given_probability: f64,
    /// The class it probably is.
    pub likely: String,
    /// Probability of that class.
    pub probability: f64,
}

/// The ten pictures of checked `scored` with the largest loss, largest first; only those that are not all right.
pub(super) fn worst(scored: &Scored<'_>) -> Vec<Mistake> {
    let Scored { labels, output, paths, truth, values, .. } = *scored;
    let k = labels.len();
    let row = |i: usize| &values[i * k..(i + 1) * k];
    let mut wrong: Vec<(f64, usize, Vec<usize>)> = (0..paths.len())
        .filter_map(|i| {
            let answer = output.answer(row(i));
            let right = answer.iter().map(|&c| c as u32).eq(truth[i].iter().copied());
            (!right).then(|| (output.loss(row(i), &truth[i]).unwrap_or(0.0), i, answer))
        })
        .collect();
    wrong.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    wrong.truncate(SHOWN);
    let mistake = |(loss, i, answer): (f64, usize, Vec<usize>)| {
        let is = |c: usize| truth[i].contains(&(c as u32));
        let mut told: Vec<usize> = (0..k).filter(|&c| is(c) != answer.contains(&c)).collect();
        // How far a wrong decision is off: what was said of a label that is not there, what was not of one that is.
        let off = |c: usize| if is(c) { -row(i)[c] } else { row(i)[c] };
        let cost = |c: usize| if output.several() && is(c) { 1.0 + off(c) } else { off(c) };
        told.sort_by(|&a, &b| cost(b).total_cmp(&cost(a)));
        let stated = |c: usize| Stated { label: labels[c].clone(), value: row(i)[c], truth: is(c) };
        Mistake {
            path: paths[i].clone(),
            loss,
            truth: Answer::new(labels, output, truth[i].iter().map(|&y| y as usize)),
            predicted: Answer::new(labels, output, answer),
            values: told.into_iter().map(stated).collect(),
        }
    };
    wrong.into_iter().map(mistake).collect()
}

/// The likely label errors of pictures of one class each.
pub(super) fn suspicions(
    scored: &Scored<'_>,
    truth: &[u32],
    probabilities: ArrayView2<'_, f64>,
) -> Result<LabelSuspicion, MetricsError> {
    let found = label_errors(truth, probabilities)?;
    let name = |c: usize| scored.labels[c].clone();
    let pictures = found.iter().take(SHOWN).map(|e| Suspicious {
        path: scored.paths[e.sample].clone(),
        given: name(truth[e.sample] as usize),
        given_probability: e.given,
        likely: name(e.likely),
        probability: e.probability,
    });
    Ok(LabelSuspicion { found: found.len(), out_of_fold: 0, pictures: pictures.collect() })
}

/// The most mistaken pictures as a table of one label a picture, or as two lines a picture for several.
pub(super) fn mistakes_text(mistakes: &[Mistake], output: Kind, what: Unit) -> String {
    let unit = match output {
        Kind::Margins => "the hinge loss of each",
        Kind::Softmax => "−ln p(truth) of each",
        Kind::Sigmoid => "the sum of its labels' binary cross-entropies",
    };
    let mut text = format!("Most mistaken {} (by loss: {unit})\n\n", what.many());
    let paths: Vec<String> = mistakes.iter().map(|m| cut(&m.path, PATH)).collect();
    let longest = paths.iter().map(|path| display_width(path)).max().unwrap_or(0);
    for (mistake, path) in mistakes.iter().zip(&paths) {
        let loss = right(&format!("{:.2}", mistake.loss), 7);
        let told = |stated: &Stated| format!("{} {}", shown(&stated.label), value(output, stated.value));
        let list = |truth: bool| {
            mistake.values.iter().filter(|v| v.truth == truth).map(told).collect::<Vec<_>>().join(", ")
        };
        if output == Kind::Sigmoid {
            text += &cut(&format!("{loss}  {path} is {}", mistake.truth), WIDTH);
            let lines = [("missed", list(true)), ("wrongly said", list(false))];
            let parts: Vec<_> =
                lines.iter().filter(|l| !l.1.is_empty()).map(|l| format!("{} {}", l.0, l.1)).collect();
            text += &format!("\n{}\n", cut(&format!("         {}", parts.join("; ")), WIDTH));
        } else {
            let line = format!("{loss}  {}  said {}, is {}", left(path, longest), list(false), list(true));
            text += &format!("{}\n", cut(&line, WIDTH));
        }
    }
    text
}

/// Likely label errors as a list, with how good the judge is.
pub(super) fn suspicions_text(suspicion: &LabelSuspicion, accuracy: f64) -> String {
    let more = match suspicion.found - suspicion.pictures.len() {
        0 => String::new(),
        _ => format!("; the {} most suspicious of {}", suspicion.pictures.len(), suspicion.found),
    };
    let mut text = format!(
        "Likely label errors (confidently another class{more}), by a model right {:.1} % of the time\n",
        100.0 * accuracy
    );
    if suspicion.out_of_fold > 0 {
        text += &format!(
            "Training pictures ({}) were looked at too, each by models that had not seen it\n",
            suspicion.out_of_fold
        );
    }
    text += "\n";
    let paths: Vec<String> = suspicion.pictures.iter().map(|s| cut(&s.path, PATH)).collect();
    let longest = paths.iter().map(|path| display_width(path)).max().unwrap_or(0);
    for (picture, path) in suspicion.pictures.iter().zip(&paths) {
        let line = format!(
            "{}  labelled {} {:.1}%, looks like {} {:.1}%",
            left(path, longest),
            shown(&picture.given),
            100.0 * picture.given_probability,
            shown(&picture.likely),
            100.0 * picture.probability,
        );
        text += &format!("{}\n", cut(&line, WIDTH));
    }
    text
}

/// What a value is, where thresholds do not matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Softmax,
    Sigmoid,
    Margins,
}

impl From<&Output> for Kind {
    fn from(output: &Output) -> Self {
        match output {
            Output::Softmax => Self::Softmax,
            Output::Sigmoid { .. } => Self::Sigmoid,
            Output::Margins { .. } => Self::Margins,
        }
    }
}
