//! The figures of one label a picture, each beside what it has to beat.

use super::evaluation::Evaluation;
use super::width::cut;
use crate::metrics::{BINS, Calibration, Limit, MultiClass, Temperature};
use crate::names::shown;

/// Accuracy, top-5 accuracy, cross-entropy and their kind, a line each.
pub(super) fn headline(metrics: &MultiClass, evaluation: &Evaluation) -> String {
    let MultiClass { samples, baseline, per_class, .. } = metrics;
    let pictures = if *samples == 1 { evaluation.unit.one() } else { evaluation.unit.many() };
    let mut text = format!(
        "accuracy {:.1} % of {samples} {pictures} (always answering \"{}\": {:.1} %)\n",
        100.0 * metrics.accuracy,
        shown(&baseline.class),
        100.0 * baseline.accuracy,
    );
    if let Some(top_5) = metrics.top_5_accuracy {
        let guess = 100.0 * 5.0 / per_class.len() as f64;
        text += &format!("top-5 accuracy {:.1} % (guessing: {guess:.1} %)\n", 100.0 * top_5);
    }
    let occur = per_class.iter().filter(|class| class.support > 0).count().max(1) as f64;
    let figure = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.3}"));
    text += &format!(
        "balanced accuracy {:.1} % (always one class: {:.1} %), kappa {}, Matthews {:.3} (chance: 0)\n",
        100.0 * metrics.balanced_accuracy,
        100.0 / occur,
        figure(metrics.cohen_kappa),
        metrics.matthews,
    );
    text += &format!(
        "one class against the rest: ROC AUC {} (chance: 0.5), average precision {} (chance: {:.3})\n",
        figure(metrics.roc_auc_ovr_macro),
        figure(metrics.average_precision_macro),
        1.0 / occur,
    );
    match metrics.cross_entropy {
        Some(cross_entropy) => {
            text += &format!(
                "cross-entropy {cross_entropy:.4} (every class equally probable: ln {} = {:.4})\n",
                per_class.len(),
                metrics.uniform_cross_entropy,
            );
        }
        None => {
            text += "scores are margins of a hinge loss and no probabilities: they order classes, no more\n";
        }
    }
    if let Some(Calibration { ece, confidence, frequency, .. }) = &metrics.calibration {
        text += &format!(
            "calibration error {:.1} % ({BINS} bins): {:.1} % sure of its answers on average, and right {:.1} % of the time\n",
            100.0 * ece,
            100.0 * confidence,
            100.0 * frequency,
        );
    }
    if let Some(temperature) = &evaluation.temperature {
        text += &temperature_line(temperature);
    }
    let absent: Vec<_> = metrics.per_class.iter().filter(|class| class.support == 0).collect();
    if !absent.is_empty() {
        let names: Vec<_> = absent.iter().take(5).map(|class| shown(&class.class)).collect();
        let more = if absent.len() > names.len() { ", …" } else { "" };
        text += &format!(
            "no picture here is of {}{more}: no mean ROC AUC; balanced accuracy and average precision leave it out\n",
            cut(&names.join(", "), 24)
        );
    }
    text
}

/// What a temperature did on the validation pictures.
pub(super) fn temperature_line(temperature: &Temperature) -> String {
    let Temperature { temperature: t, limit, samples, before, after } = temperature;
    let why = match limit {
        None => "",
        Some(Limit::Separable) => {
            "  at the limit of what is looked at: every answer there is right, too little to calibrate on; not applied\n"
        }
        Some(Limit::Useless) => {
            "  at the limit of what is looked at: the scores are worse than knowing nothing; not applied\n"
        }
    };
    format!(
        "temperature {t:.3} from {samples} validation pictures: log loss there {:.4} → {:.4}, calibration error {:.1} % → \
         {:.1} %\n{why}",
        before.log_loss,
        after.log_loss,
        100.0 * before.ece,
        100.0 * after.ece,
    )
}
