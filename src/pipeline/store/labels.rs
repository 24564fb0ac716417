//! Labels as they stand in the table of a store.

use crate::dataset::{Dataset, Task};
use crate::features::store::Labels;

/// How the labels of `dataset` are written.
pub(super) fn labels_of(dataset: &Dataset) -> Labels {
    let name = |value: serde_json::Result<serde_json::Value>| {
        value.ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
    };
    Labels {
        task: name(serde_json::to_value(dataset.task)),
        classes: dataset.classes.clone(),
        separator: (dataset.task == Task::Multilabel).then(|| separator(&dataset.classes)),
        source: name(serde_json::to_value(dataset.labels)),
    }
}

/// The labels of a sample as they stand in the table.
pub(super) fn cell(dataset: &Dataset, sample: usize, labels: &Labels) -> String {
    let names: Vec<&str> =
        dataset.samples[sample].labels.iter().map(|&k| dataset.classes[k as usize].as_str()).collect();
    names.join(labels.separator.as_deref().unwrap_or_default())
}

/// A text that is in no label, so that labels can be told apart again.
fn separator(classes: &[String]) -> String {
    let free = |text: &str| !classes.iter().any(|class| class.contains(text));
    let usual = ["|", ";", ",", "\t"].into_iter().find(|text| free(text)).map(str::to_owned);
    // Of these no end is the beginning of one, so that what a label ends with cannot be taken for a part of it.
    usual.or_else(|| (1..).map(|n| format!("<{n}>")).find(|text| free(text))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_can_be_told_apart_whatever_is_in_them() {
        for (classes, expected) in [
            (vec!["a", "b"], "|"),
            (vec!["a|b", "b;"], ","),
            (vec!["|", ";", ",", "\t", "x<1"], "<1>"),
            (vec!["|", ";", ",", "\t", "x<1>"], "<2>"),
        ] {
            let classes: Vec<String> = classes.into_iter().map(String::from).collect();
            let separator = separator(&classes);
            assert_eq!(separator, expected);
            assert_eq!(classes.join(&separator).split(&separator).collect::<Vec<_>>(), classes);
        }
    }
}
