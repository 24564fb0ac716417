//! An [`Explanation`] for people.

use super::{Explanation, Row};
use crate::report::display_width;

/// The table of scores, powers, probabilities and losses, and below it which question each of them answers. Ends with a
/// line break.
#[must_use]
pub fn text(explanation: &Explanation) -> String {
    let mut text = table(explanation);
    for paragraph in [softmax(explanation), sigmoid(explanation), hinge(explanation)] {
        text += "\n";
        text += &paragraph;
    }
    text
}

/// Columns flush right but the first; sums and losses below the rows.
fn table(explanation: &Explanation) -> String {
    let rows = &explanation.rows;
    let head = ["label", "true", "score", "exp", "softmax", "-ln", "sigmoid", "-ln"];
    let mut lines = vec![head.map(String::from)];
    lines.extend(rows.iter().map(|row| {
        [
            row.label.clone(),
            if row.truth { "yes".into() } else { "-".into() },
            plain(row.score),
            power(row.score),
            figure(row.softmax),
            figure(row.softmax_loss),
            figure(row.sigmoid),
            figure(row.sigmoid_loss),
        ]
    }));
    let sum = |of: fn(&Row) -> f64| figure(rows.iter().map(of).sum());
    let powers: Option<f64> = rows.iter().map(|row| row.exp).sum();
    let powers = powers.filter(|sum| sum.is_finite()).map_or_else(String::new, figure);
    let none = String::new;
    lines.push([
        "sum".into(),
        none(),
        none(),
        powers,
        sum(|row| row.softmax),
        none(),
        sum(|row| row.sigmoid),
        none(),
    ]);
    lines.push([
        "loss".into(),
        none(),
        none(),
        none(),
        none(),
        explanation.cross_entropy.map_or_else(|| "none".into(), figure),
        none(),
        figure(explanation.binary_cross_entropy),
    ]);

    let mut widths = [0; 8];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = display_width(cell).max(*width);
        }
    }
    // What belongs to the sigmoid stands a little apart.
    widths[6] += 3;
    let ruled = widths.iter().sum::<usize>() + 2 * (widths.len() - 1);
    let mut text = String::new();
    for (i, line) in lines.iter().enumerate() {
        let mut shown = String::new();
        for (column, (cell, width)) in line.iter().zip(widths).enumerate() {
            let gap = " ".repeat(width - display_width(cell));
            shown += &if column == 0 { format!("{cell}{gap}") } else { format!("  {gap}{cell}") };
        }
        text += shown.trim_end();
        text += "\n";
        if i == 0 || i == rows.len() {
            text += &"-".repeat(ruled);
            text += "\n";
        }
    }
    text
}

fn softmax(explanation: &Explanation) -> String {
    let Explanation { rows, cross_entropy, .. } = explanation;
    let best = rows.iter().fold(&rows[0], |best, row| if row.score > best.score { row } else { best });
    let mut text = format!(
        "softmax asks which ONE of the {} labels it is: they share 1, and what one gains the others lose.\n\
         \x20 Most probable: {} ({}).\n",
        rows.len(),
        best.label,
        figure(best.softmax)
    );
    let truths: Vec<&str> = truths(rows);
    text += &match cross_entropy {
        Some(loss) => {
            let p = rows.iter().find(|row| row.truth).map_or(0.0, |row| row.softmax);
            format!(
                "  Loss, cross-entropy: -ln of the true label's share alone, -ln {} = {}.\n",
                figure(p),
                figure(*loss)
            )
        }
        None if truths.is_empty() => {
            "  Loss: none. It has to name a label, and no label is true here.\n".to_owned()
        }
        None => format!(
            "  Loss: none. It is for one true label, and {} are true here: they would have to share the 1.\n",
            join(&truths)
        ),
    };
    if rows.iter().any(|row| row.exp.is_none()) {
        text += "  Powers this large are beyond floating point: it is computed as exp(s - max) / sum of exp(s - max),\n\
                 \x20 which are the same shares.\n";
    }
    text
}

fn sigmoid(explanation: &Explanation) -> String {
    let Explanation { rows, binary_cross_entropy, .. } = explanation;
    let above: Vec<&str> = rows.iter().filter(|row| row.score > 0.0).map(|row| row.label.as_str()).collect();
    let above = if above.is_empty() { "no label".to_owned() } else { join(&above) };
    format!(
        "sigmoid asks of EACH label by itself whether it is there, yes or no: any number may be, even none.\n\
         \x20 More probable than not: {above}.\n\
         \x20 Loss, binary cross-entropy: -ln p where the label is true, -ln (1 - p) where not, summed: {}.\n",
        figure(*binary_cross_entropy)
    )
}

fn hinge(explanation: &Explanation) -> String {
    match (explanation.hinge, explanation.squared_hinge) {
        (Some(hinge), Some(squared)) => format!(
            "hinge {}, squared hinge {}: how far the true score is from being 1 ahead of each other score, summed.\n\
             \x20 Margins are not probabilities: they say who is ahead, not how sure one may be.\n",
            figure(hinge),
            figure(squared)
        ),
        _ => "hinge and squared hinge want one true label that is ahead of all others: no loss here.\n\
              \x20 Their scores are margins, not probabilities.\n"
            .to_owned(),
    }
}

fn truths(rows: &[Row]) -> Vec<&str> {
    rows.iter().filter(|row| row.truth).map(|row| row.label.as_str()).collect()
}

/// `a`, `a and b`, `a, b and c`.
fn join(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// A score with as many digits as it was given.
fn plain(x: f64) -> String {
    if x == 0.0 || (1e-4..1e7).contains(&x.abs()) { format!("{x}") } else { format!("{x:e}") }
}

/// Four digits after the point, as in the post; very small and very large numbers as powers of ten.
fn figure(x: f64) -> String {
    if x == 0.0 || (5e-5..1e7).contains(&x.abs()) { format!("{x:.4}") } else { format!("{x:.1e}") }
}

/// e to the power of `score`, also where floating point knows only 0 or infinity: from its logarithm.
fn power(score: f64) -> String {
    if score.abs() < 700.0 {
        return figure(score.exp());
    }
    let log = score * std::f64::consts::LOG10_E;
    let mut mantissa = format!("{:.1}", 10f64.powf(log - log.floor()));
    let mut exponent = log.floor();
    if mantissa == "10.0" {
        "1.0".clone_into(&mut mantissa);
        exponent += 1.0;
    }
    format!("{mantissa}e{exponent}")
}
