//! One picture through two models: the difference between softmax and sigmoid, as bars beside each other.

use crate::report::display_width;

/// What a model says of a picture.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// The labels it knows.
    pub labels: &'a [String],
    /// Their probabilities, in the same order, 0 to 1 each.
    pub probabilities: &'a [f32],
}

impl Answer<'_> {
    fn of(&self, label: &str) -> Option<f64> {
        let place = self.labels.iter().position(|known| known == label)?;
        self.probabilities.get(place).copied().map(f64::from)
    }

    fn sum(&self) -> f64 {
        self.probabilities.iter().copied().map(f64::from).sum()
    }

    /// The most probable label; the first of equals.
    fn best(&self) -> Option<&str> {
        let mut best: Option<(&String, f32)> = None;
        for (label, &p) in self.labels.iter().zip(self.probabilities) {
            if best.is_none_or(|(_, most)| p > most) {
                best = Some((label, p));
            }
        }
        best.map(|(label, _)| label.as_str())
    }
}

/// Columns of a bar that means 100 %.
const BAR: usize = 24;

/// Of samples with so many labels each, the first with three: more than softmax can name, few enough to be seen at once.
/// Where none has three, the first that is nearest to it. By the truth alone, so that nothing is chosen for looking good.
#[must_use]
pub fn basket_to_show(labels: &[usize]) -> Option<usize> {
    (0..labels.len()).min_by_key(|&i| labels[i].abs_diff(3))
}

/// A picture's `truth` beside what softmax and sigmoid say of it, as a table with a bar for each probability, and below
/// it what to see there. `thresholds` are those of the sigmoid's labels: a label is named from its threshold on. Ends with a line
/// break.
///
/// Labels that the sigmoid does not know are added up in one row, unless they are true or softmax's answer.
#[must_use]
pub fn beside(
    picture: &str,
    truth: &[String],
    softmax: Answer<'_>,
    sigmoid: Answer<'_>,
    thresholds: &[f32],
) -> String {
    let best = softmax.best();
    let mut labels: Vec<&str> = sigmoid.labels.iter().map(String::as_str).collect();
    for label in truth.iter().map(String::as_str).chain(best) {
        if !labels.contains(&label) {
            labels.push(label);
        }
    }
    labels.sort_unstable();
    let is_true = |label: &str| truth.iter().any(|known| known == label);
    let (mut rows, mut named) = (Vec::new(), Vec::new());
    for &label in &labels {
        let place = sigmoid.labels.iter().position(|known| known == label);
        let threshold = place.and_then(|k| thresholds.get(k)).map_or(0.5, |&t| f64::from(t));
        let yes = sigmoid.of(label).is_some_and(|p| p >= threshold);
        if yes {
            named.push(label);
        }
        let verdict = if sigmoid.of(label).is_none() {
            ""
        } else if yes {
            "yes"
        } else {
            "no"
        };
        rows.push(Line {
            label: label.to_owned(),
            mark: if is_true(label) { "*" } else { "" },
            softmax: cell(softmax.of(label), None, if best == Some(label) { "this one" } else { "" }),
            sigmoid: cell(sigmoid.of(label), Some(threshold), verdict),
        });
    }
    let others: Vec<&String> = softmax.labels.iter().filter(|l| !labels.contains(&l.as_str())).collect();
    if !others.is_empty() {
        let sum: f64 = others.iter().filter_map(|label| softmax.of(label)).sum();
        let label = format!("{} other{}", others.len(), if others.len() == 1 { "" } else { "s" });
        rows.push(Line {
            label,
            mark: "",
            softmax: cell(Some(sum), None, ""),
            sigmoid: cell(None, None, ""),
        });
    }
    let total = |answer: Answer<'_>| format!("{:>5.0} %", 100.0 * answer.sum());
    rows.push(Line { label: "sum".into(), mark: "", softmax: total(softmax), sigmoid: total(sigmoid) });

    let width = rows.iter().map(|row| display_width(&row.label)).max().unwrap_or(0);
    let half = rows.iter().map(|row| display_width(&row.softmax)).max().unwrap_or(0);
    let mut text = format!("{picture}: {} in it (*)\n\n", list(truth, "nothing"));
    let head = Line {
        label: String::new(),
        mark: "",
        softmax: "softmax: which ONE is it?".into(),
        sigmoid: "sigmoid: is it there? (| from here on: yes)".into(),
    };
    for row in std::iter::once(&head).chain(&rows) {
        text += &row.print(width, half);
    }
    let found = named.iter().filter(|label| is_true(label)).count();
    let one = usize::from(best.is_some_and(is_true));
    let wrong = named.len() - found;
    text += &format!(
        "\nsoftmax has one 100 % to share out and names one label, {}: {one} of the {} in the picture.\n\
         sigmoid asks for each label anew and names {}: {found} of the {}",
        best.unwrap_or("none"),
        truth.len(),
        list(&named, "none"),
        truth.len(),
    );
    text += &if wrong == 0 { ".\n".to_owned() } else { format!(", and {wrong} not in it.\n") };
    text
}

/// A row of the table.
struct Line {
    label: String,
    mark: &'static str,
    softmax: String,
    sigmoid: String,
}

impl Line {
    fn print(&self, width: usize, half: usize) -> String {
        let Self { label, mark, softmax, sigmoid } = self;
        let gaps = [(label, width), (softmax, half)]
            .map(|(text, to)| " ".repeat(to.saturating_sub(display_width(text))));
        let line = format!("  {label}{} {mark:1}  {softmax}{}   {sigmoid}", gaps[0], gaps[1]);
        format!("{}\n", line.trim_end())
    }
}

/// A probability with its bar, the threshold in it, and a word behind; a dash where the model does not know the label.
fn cell(probability: Option<f64>, threshold: Option<f64>, word: &str) -> String {
    let Some(p) = probability else { return "    -".to_owned() };
    let columns = |share: f64| (share.clamp(0.0, 1.0) * BAR as f64).round() as usize;
    let mut bar: Vec<char> = (0..BAR).map(|i| if i < columns(p) { '█' } else { ' ' }).collect();
    if let Some(threshold) = threshold {
        // Where rounding would put the end of the bar on the wrong side of the threshold, the bar gives way.
        let at = columns(threshold).min(BAR - 1);
        if p < threshold {
            bar[at..].fill(' ');
        }
        bar[at] = '|';
    }
    format!("{:>5.1} %  {}  {word:8}", 100.0 * p, bar.iter().collect::<String>())
}

/// `a`, `a and b`, `a, b and c`.
fn list(names: &[impl AsRef<str>], none: &str) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    match names.as_slice() {
        [] => none.to_owned(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_basket_through_both() {
        let single = strings(&["banana", "broccoli", "carrot", "grapes", "kiwi", "tomato"]);
        let several = strings(&["banana", "grapes", "kiwi", "strawberry"]);
        let text = beside(
            "basket-0007.jpg",
            &strings(&["banana", "grapes", "kiwi"]),
            Answer { labels: &single, probabilities: &[0.093, 0.02, 0.05, 0.21, 0.621, 0.006] },
            Answer { labels: &several, probabilities: &[0.912, 0.48, 0.997, 0.5] },
            &[0.5, 0.25, 0.5, 0.51],
        );
        let expected = "\
basket-0007.jpg: banana, grapes and kiwi in it (*)

                softmax: which ONE is it?                     sigmoid: is it there? (| from here on: yes)
  banana     *    9.3 %  ██                                    91.2 %  ████████████|█████████    yes
  grapes     *   21.0 %  █████                                 48.0 %  ██████|█████              yes
  kiwi       *   62.1 %  ███████████████           this one    99.7 %  ████████████|███████████  yes
  strawberry        -                                          50.0 %  ████████████|             no
  3 others        7.6 %  ██                                       -
  sum             100 %                                         289 %

softmax has one 100 % to share out and names one label, kiwi: 1 of the 3 in the picture.
sigmoid asks for each label anew and names banana, grapes and kiwi: 3 of the 3.
";
        assert_eq!(text, expected);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let single = strings(&["leek", "pea"]);
        let several = strings(&["kiwi", "lemon"]);
        let of = |softmax: &[f32], sigmoid: &[f32], truth: &[&str]| {
            beside(
                "x",
                &strings(truth),
                Answer { labels: &single, probabilities: softmax },
                Answer { labels: &several, probabilities: sigmoid },
                &[0.5, 0.5],
            )
        };
        let text = of(&[0.5, 0.5], &[0.9, 0.9], &["kiwi"]);
        assert!(text.contains("names one label, leek: 0 of the 1"), "{text}");
        assert!(text.contains("names kiwi and lemon: 1 of the 1, and 1 not in it."), "{text}");
        assert!(text.contains("1 other ") && text.contains("  leek "), "{text}");
        let text = of(&[0.1, 0.9], &[0.1, 0.2], &[]);
        assert!(text.contains("x: nothing in it") && text.contains("names none: 0 of the 0."), "{text}");
        assert!(of(&[], &[], &["kiwi"]).contains("names one label, none"));
    }

    #[test]
    fn no_bar_crosses_its_threshold_by_rounding() {
        for threshold in [0.0, 0.01, 0.25, 0.5, 0.499, 0.99, 1.0] {
            for p in [0.0, 0.01, 0.24999, 0.25, 0.49, 0.4999, 0.5, 0.989, 1.0] {
                let shown = cell(Some(p), Some(threshold), "");
                let bar = &shown[shown.find('%').unwrap() + 3..];
                assert_eq!(bar.matches('|').count(), 1);
                assert!(
                    p >= threshold || !bar[bar.find('|').unwrap()..].contains('█'),
                    "{p} {threshold} {shown}"
                );
            }
        }
    }

    #[test]
    fn the_basket_shown_has_three_kinds_if_any_has() {
        assert_eq!(basket_to_show(&[1, 5, 3, 3]), Some(2));
        assert_eq!(basket_to_show(&[5, 1, 4]), Some(2));
        assert_eq!(basket_to_show(&[]), None);
    }
}
