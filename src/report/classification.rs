//! Precision, recall and F1 a class, as text.

use super::width::{display_width, right};
use crate::metrics::{Average, MultiClass};

/// Digits after the point that scikit-learn shows unless told otherwise.
pub const DIGITS: usize = 2;

/// The text of `sklearn.metrics.classification_report(truth, predicted, labels=range(K),
/// target_names=classes, digits=digits, zero_division=0)`, character for character.
///
/// Names are measured by the columns they take on a terminal, so that wide characters stay aligned;
/// scikit-learn counts code points, which is the same for Latin letters. One oddity is not followed: where
/// not a single sample is right, scikit-learn prints the supports as `5.0`.
pub fn classification_report(metrics: &MultiClass, digits: usize) -> String {
    let names = metrics.class_names().map(display_width).max().unwrap_or(0);
    let width = names.max("weighted avg".len()).max(digits);
    let row = |name: &str, p: f64, r: f64, f1: f64, support: usize| {
        format!("{}  {p:>9.digits$} {r:>9.digits$} {f1:>9.digits$} {support:>9}\n", right(name, width))
    };
    let n = metrics.samples;
    let average = |name: &str, a: &Average| row(name, a.precision, a.recall, a.f1, n);

    let mut text = format!("{:width$}  precision    recall  f1-score   support\n\n", "");
    for class in &metrics.per_class {
        text += &row(&class.class, class.precision, class.recall, class.f1, class.support);
    }
    text += "\n";
    text += &format!(
        "{}  {:>9} {:>9} {:>9.digits$} {n:>9}\n",
        right("accuracy", width),
        "",
        "",
        metrics.accuracy
    );
    text += &average("macro avg", &metrics.macro_average);
    text += &average("weighted avg", &metrics.weighted_average);
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::metrics::fixture::cases;

    #[test]
    fn equals_scikit_learn_character_for_character() {
        for case in cases() {
            let reports: BTreeMap<String, String> =
                serde_json::from_value(case.sklearn["reports"].clone()).unwrap();
            assert!(reports.contains_key("2") && reports.contains_key("15"), "{}", case.name);
            for (digits, expected) in &reports {
                let got = classification_report(&case.measure(), digits.parse().unwrap());
                assert_eq!(&got, expected, "{}, {digits} digits\n{got}\n{expected}", case.name);
            }
        }
    }

    #[test]
    fn numbers_round_as_in_python() {
        // '%.2f' of each in Python: exact ties go to the even digit, all else by the exact binary value.
        let expected = ["0.12", "0.38", "0.62", "0.88", "1.00", "0.28", "0.29"];
        let got = [0.125, 0.375, 0.625, 0.875, 1.005, 0.285, 0.295].map(|x| format!("{x:.2}"));
        assert_eq!(got, expected);
    }

    #[test]
    fn wide_names_stay_aligned() {
        let mut metrics = cases()[1].measure();
        metrics.per_class[0].class = "猫".repeat(8);
        metrics.per_class[1].class = "dog\n".into();
        let text = classification_report(&metrics, DIGITS);
        let widths: Vec<_> = text.lines().filter(|line| !line.is_empty()).map(display_width).collect();
        assert_eq!(widths, [widths[0]; 6]);
    }
}
