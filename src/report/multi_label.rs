//! The figures of several labels a picture: beside two answers that never look at one, then label by label.

use super::evaluation::Evaluation;
use super::headline::temperature_line;
use super::width::{cut, display_width, left, right};
use crate::metrics::{BINS, Figures, MultiLabel, ThresholdRule};

/// Columns after which a label is cut.
const NAME: usize = 40;

/// One line of the table of figures.
type Line = (&'static str, fn(&Figures) -> Option<f64>);

/// What is told of a model and of both baselines. Higher is better but for the last three.
const LINES: [Line; 14] = [
    ("macro F1", |f| Some(f.macro_average.f1)),
    ("macro F2", |f| Some(f.macro_average.f2)),
    ("micro F1", |f| Some(f.micro_average.f1)),
    ("micro F2", |f| Some(f.micro_average.f2)),
    ("sample F1", |f| Some(f.sample_average.f1)),
    ("sample F2", |f| Some(f.sample_average.f2)),
    ("mAP (macro)", |f| f.mean_average_precision),
    ("average precision (micro)", |f| f.micro_average_precision),
    ("label ranking average precision", |f| Some(f.label_ranking_average_precision)),
    ("ROC AUC (macro)", |f| f.roc_auc_macro),
    ("subset accuracy", |f| Some(f.subset_accuracy)),
    ("Hamming loss (lower is better)", |f| Some(f.hamming_loss)),
    ("log loss (lower is better)", |f| Some(f.log_loss)),
    ("calibration error (lower is better)", |f| Some(f.calibration_error)),
];

/// The figures beside both baselines.
pub(super) fn headline(metrics: &MultiLabel, evaluation: &Evaluation) -> String {
    let MultiLabel { samples, model, predicts_nothing, predicts_frequency, .. } = metrics;
    let thresholds = match &evaluation.thresholds {
        None => String::new(),
        Some(chosen) if chosen.rule == ThresholdRule::Half => "; a label is said from p = 0.5 on".into(),
        Some(chosen) => format!(
            "; thresholds for the best {} of {} validation {}",
            chosen.rule.name().to_uppercase(),
            chosen.pictures,
            evaluation.unit.many()
        ),
    };
    let mut text = format!(
        "{samples} {}, {} labels, {:.2} of them a {}{thresholds}\n\n",
        if *samples == 1 { evaluation.unit.one() } else { evaluation.unit.many() },
        metrics.per_label.len(),
        metrics.labels_per_sample,
        evaluation.unit.one(),
    );
    let width = LINES.iter().map(|line| display_width(line.0)).max().unwrap_or(0);
    let row = |name: &str, cells: [String; 3]| {
        let [a, b, c] = cells.map(|cell| right(&cell, 9));
        format!("{}  {a}  {b}  {c}\n", left(name, width))
    };
    text += &row("", ["model", "nothing", "frequency"].map(String::from));
    for (name, figure) in LINES {
        text += &row(name, [model, predicts_nothing, predicts_frequency].map(|f| number(figure(f), 4)));
    }
    text += "\nnothing: an answer without labels, every p = 0; frequency: each label's share of the training pictures as its p,\n\
             said from 0.5 on, and always where thresholds are tuned, as the best F there is.\n\
             Hamming loss and subset accuracy say something only beside \"nothing\", which is right about every absent label.\n";
    text += &format!(
        "Of all decisions, p is {:.1} % on average and {:.1} % of the labels are there (calibration error: {BINS} bins of p).\n",
        100.0 * metrics.calibration.confidence,
        100.0 * metrics.calibration.frequency
    );
    if let Some(temperature) = &evaluation.temperature {
        text += &temperature_line(temperature);
    }
    text
}

/// One line a label, by name.
pub(super) fn table(metrics: &MultiLabel, evaluation: &Evaluation) -> String {
    let mut order: Vec<usize> = (0..metrics.per_label.len()).collect();
    order.sort_by(|&a, &b| metrics.per_label[a].label.cmp(&metrics.per_label[b].label));
    let names: Vec<String> = metrics.label_names().map(|name| cut(name, NAME)).collect();
    let width = names.iter().map(|name| display_width(name)).max().unwrap_or(0);
    let row = |name: &str, cells: [String; 8]| {
        let cells = cells.map(|cell| format!(" {}", right(&cell, 9))).concat();
        format!("{} {cells}\n", right(name, width))
    };
    let heads = ["precision", "recall", "F1", "F2", "AP", "support", "said", "threshold"];
    let mut text = row("", heads.map(String::from));
    text.push('\n');
    for &c in &order {
        let label = &metrics.per_label[c];
        let scores = label.scores;
        text += &row(
            &names[c],
            [
                number(Some(scores.precision), 2),
                number(Some(scores.recall), 2),
                number(Some(scores.f1), 2),
                number(Some(scores.f2), 2),
                number(label.average_precision, 2),
                label.support.to_string(),
                label.predicted.to_string(),
                format!("{:.4}", label.threshold),
            ],
        );
    }
    if !metrics.without_positives.is_empty() {
        text += &format!(
            "\nNo picture here has {}: 0 in macro F1 and F2, left out of mAP and ROC AUC.\n",
            some(&metrics.without_positives)
        );
    }
    if let Some(chosen) = evaluation.thresholds.as_ref().filter(|t| t.rule != ThresholdRule::Half) {
        let absent = chosen.per_label.iter().zip(&names).filter(|(tuned, _)| tuned.positives == 0);
        let absent: Vec<String> = absent.map(|(_, name)| name.clone()).collect();
        if !absent.is_empty() {
            text += &format!("\nNo validation picture has {}: threshold 0.5, not tuned.\n", some(&absent));
        }
    }
    text
}

/// Enough names for a line.
fn some(names: &[String]) -> String {
    let more = if names.len() > 5 { format!(" and {} more", names.len() - 5) } else { String::new() };
    cut(&names[..names.len().min(5)].join(", "), 36) + &more
}

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or("-".into(), |value| format!("{value:.digits$}"))
}
