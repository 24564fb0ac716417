//! The whole text, read with one's own eyes and then kept.

use ndarray::Array2;

use super::*;
use crate::backend::Loss;
use crate::metrics::fixture::cases;
use crate::metrics::{Output, ThresholdRule, fit_temperature_sigmoid, tune};

/// The evaluation of a case of the fixture: n pictures named by their class and number.
fn evaluation(case: &str, output: &Output) -> Evaluation {
    let cases = cases();
    let case = cases.iter().find(|c| c.name == case).unwrap();
    let (truth, p) = case.given();
    let truth: Vec<Vec<u32>> = truth.iter().map(|&y| vec![y]).collect();
    let paths: Vec<String> =
        truth.iter().enumerate().map(|(i, y)| format!("{}/{i}.jpg", case.classes[y[0] as usize])).collect();
    let counts = vec![1; case.classes.len()];
    let scored = Scored {
        labels: &case.classes,
        output,
        paths: &paths,
        truth: &truth,
        values: &p.iter().map(|&p| p as f32).collect::<Vec<_>>(),
        train_counts: &counts,
        train_pictures: counts.len(),
    };
    Evaluation::new(&scored, 42).unwrap()
}

/// Twelve pictures with any of four labels; the model never sees a ship, and nobody has seen a dock.
fn harbour() -> Evaluation {
    let labels = ["sea", "ship", "sand", "dock"].map(String::from);
    let truth: Vec<Vec<u32>> = (0..12_u32)
        .map(|i| {
            [(0, i % 2 == 0), (1, i % 4 == 0), (2, i % 3 == 0)].iter().filter(|l| l.1).map(|l| l.0).collect()
        })
        .collect();
    let scores = Array2::from_shape_fn((12, 4), |(i, c)| {
        let is = truth[i].contains(&(c as u32));
        let wobble = ((7 * i + 5 * c) % 11) as f64 / 5.0 - 1.0;
        wobble + if is { [2.0, -2.0, 1.0, 0.0][c] } else { [-2.0, -3.0, -0.5, -4.0][c] }
    });
    let is = Array2::from_shape_fn((12, 4), |(i, c)| truth[i].contains(&(c as u32)));
    let temperature = fit_temperature_sigmoid(scores.view(), is.view()).unwrap();
    let p = crate::metrics::sigmoid(scores.view(), temperature.temperature).mapv(|p| p as f32);
    let tuned = tune(ThresholdRule::F2, is.view(), p.mapv(f64::from).view()).unwrap();
    // One threshold is not used as tuned, so that there are mistakes of both kinds.
    let mut thresholds: Vec<f64> = tuned.iter().map(|t| t.threshold).collect();
    thresholds[0] = 0.9;
    let output = Output::Sigmoid { thresholds };
    let paths: Vec<String> = (0..12).map(|i| format!("harbour/{i}.jpg")).collect();
    let scored = Scored {
        labels: &labels,
        output: &output,
        paths: &paths,
        truth: &truth,
        values: p.as_slice().unwrap(),
        train_counts: &[50, 25, 33, 2],
        train_pictures: 100,
    };
    let mut evaluation = Evaluation::new(&scored, 42).unwrap();
    evaluation.temperature = Some(temperature);
    evaluation.thresholds = Some(Thresholds { rule: ThresholdRule::F2, pictures: 12, per_label: tuned });
    evaluation
}

/// No line is wider than a terminal; with `--nocapture` the text can be looked at.
fn seen(evaluation: &Evaluation) -> String {
    let text = text(evaluation);
    for line in text.lines() {
        assert!(display_width(line) <= 120, "{} columns: {line}", display_width(line));
    }
    println!("{text}");
    text
}

#[test]
fn the_text_of_a_small_run() {
    let expected = "\
accuracy 87.5 % of 8 pictures (always answering \"left\": 62.5 %)
balanced accuracy 83.3 % (always one class: 50.0 %), kappa 0.714, Matthews 0.745 (chance: 0)
one class against the rest: ROC AUC 1.000 (chance: 0.5), average precision 1.000 (chance: 0.500)
cross-entropy 0.4738 (every class equally probable: ln 2 = 0.6931)
calibration error 37.3 % (15 bins): 62.7 % sure of its answers on average, and right 87.5 % of the time

              precision    recall  f1-score   support

        left       0.83      1.00      0.91         5
       right       1.00      0.67      0.80         3

    accuracy                           0.88         8
   macro avg       0.92      0.83      0.85         8
weighted avg       0.90      0.88      0.87         8

Confusion matrix (rows: truth, columns: predicted, zeros as dots)

        left   right
 left     [5]      .
right      1      [2]

Most mistaken pictures (by loss: −ln p(truth) of each)

   0.69  right/2.jpg  said left 50.0%, is right 50.0%

Pictures drawn at random

left/5.jpg   left=59.4%, right=40.6%, actual=left
left/3.jpg   left=68.8%, right=31.2%, actual=left
right/0.jpg  left=45.3%, right=54.7%, actual=right
left/7.jpg   left=60.9%, right=39.1%, actual=left
right/6.jpg  left=32.8%, right=67.2%, actual=right
";
    assert_eq!(seen(&evaluation("eighths", &Output::Softmax)), expected);
}

#[test]
fn a_weak_judge_of_labels_says_so() {
    let evaluation = evaluation("four classes", &Output::Softmax);
    assert_eq!(evaluation.mistakes.len(), 10);
    assert!(evaluation.mistakes.is_sorted_by(|a, b| a.loss >= b.loss));
    let text = seen(&evaluation);
    assert!(text.contains("\n  14.54  dog/1.jpg    said boat 92.1%, is dog 0.0%\n"));
    assert!(text.contains(
        "\nLikely label errors (confidently another class; the 10 most suspicious of 99), \
         by a model right 43.0 % of the time\n\n\
         cat/21.jpg    labelled cat 0.3%, looks like boat 99.6%\n"
    ));
}

#[test]
fn margins_are_never_told_as_probabilities() {
    for loss in [Loss::Hinge, Loss::SquaredHinge] {
        let evaluation = evaluation("four classes", &Output::new(loss, 4));
        let text = seen(&evaluation);
        let after = text.split_once("Confusion").unwrap().1;
        assert!(!after.contains('%'), "{after}");
        for word in ["cross-entropy", "log loss", "calibration", "Likely", "sure of"] {
            assert!(!text.contains(word), "{word}");
        }
        assert!(text.contains("\nscores are margins of a hinge loss and no probabilities"));
        assert!(text.contains("boat=0.970") && text.contains(", is dog 0.000\n"));
        let json = serde_json::to_value(&evaluation).unwrap();
        assert!(json["examples"][0].get("probabilities").is_none());
        assert!(json["metrics"]["cross_entropy"].is_null() && json["metrics"]["calibration"].is_null());
        assert!(json["label_errors"].is_null());
    }
}

#[test]
fn a_class_that_is_absent_is_named() {
    let text = seen(&evaluation("twenty classes", &Output::Softmax));
    assert!(text.contains("ROC AUC - (chance: 0.5), average precision 0.862 (chance: 0.053)\n"));
    assert!(text.contains("\nno picture here is of c03: no mean ROC AUC"));
    assert!(text.contains("\ntop-5 accuracy 90.0 % (guessing: 25.0 %)\n"));
}

#[test]
fn the_text_of_several_labels() {
    let evaluation = harbour();
    let text = seen(&evaluation);
    let line = |start: &str| {
        let found = text.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{start}"));
        found.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert!(text.starts_with(
        "12 pictures, 4 labels, 1.08 of them a picture; thresholds for the best F2 of 12 validation pictures\n"
    ));
    assert_eq!(line("macro F1"), "macro F1 0.5114 0.0000 0.3917");
    assert_eq!(line("Hamming"), "Hamming loss (lower is better) 0.1875 0.2708 0.4792");
    assert_eq!(
        line("temperature"),
        "temperature 0.910 from 12 validation pictures: log loss there 1.1790 → 1.1737, \
        calibration error 11.4 % → 13.6 %"
    );
    // By name, not by number.
    let names: Vec<_> =
        ["dock ", "sand ", " sea ", "ship "].iter().map(|name| text.find(name).unwrap()).collect();
    assert!(names.is_sorted());
    assert_eq!(line("ship "), "ship 0.38 1.00 0.55 0.75 0.68 3 8 0.0323");
    assert_eq!(line("dock "), "dock 0.00 0.00 0.00 0.00 - 0 0 0.5000");
    assert!(
        text.contains("\nNo picture here has dock: 0 in macro F1 and F2, left out of mAP and ROC AUC.\n")
    );
    assert!(text.contains("\nNo validation picture has dock: threshold 0.5, not tuned.\n"));
    assert!(text.contains("   2.71  harbour/0.jpg is sea, ship, sand\n         missed sea 75.0%\n"));
    assert!(text.contains("missed sea 87.8%; wrongly said ship 8.2%\n"));
    assert!(text.contains("\nharbour/1.jpg   nothing (sand=41.8%), actual=nothing\n"));
    // What the text says is what the JSON says.
    let json = serde_json::to_value(&evaluation).unwrap();
    assert_eq!(json["metrics"]["task"], "multilabel");
    assert_eq!(json["metrics"]["predicts_nothing"]["macro_average"]["f1"], 0.0);
    assert_eq!(json["metrics"]["per_label"][1]["label"], "ship");
    assert_eq!(json["mistakes"][0]["truth"], serde_json::json!(["sea", "ship", "sand"]));
    assert_eq!(json["thresholds"]["rule"], "f2");
}

#[test]
fn long_and_wide_names_do_not_break_lines() {
    let mut evaluation = harbour();
    let Metrics::MultiLabel(metrics) = &mut evaluation.metrics else { panic!("several labels") };
    metrics.per_label[0].label = "海".repeat(30);
    metrics.without_positives = vec!["a label whose name is very long indeed".into(); 9];
    evaluation.mistakes[0].path = "a/very/long/path/".repeat(9);
    evaluation.mistakes[0].truth = Answer::Several(vec!["some label or other\n".into(); 9]);
    let at_its_limit = evaluation.temperature.as_mut().unwrap();
    at_its_limit.limit = Some(crate::metrics::Limit::Separable);
    let text = seen(&evaluation);
    assert!(text.contains(" and 4 more:") && text.contains("\n  at the limit of what is looked at:"));
}

#[test]
fn of_classes_with_long_names_fewer_are_shown() {
    let mut evaluation = evaluation("four classes", &Output::Softmax);
    let Metrics::MultiClass(metrics) = &mut evaluation.metrics else { panic!("one label") };
    for class in &mut metrics.per_class {
        class.class += " and more of the same name";
    }
    let text = seen(&evaluation);
    let line = text.lines().find(|line| line.starts_with("boat/43.jpg ")).unwrap();
    assert_eq!(line.matches('%').count(), 2, "{line}");
    assert!(line.ends_with("actual=boat"), "{line}");
}

#[test]
fn what_is_wrong_with_a_picture_is_an_error() {
    let paths = ["a".to_owned(), "b".to_owned()];
    let labels = ["cat".to_owned(), "dog".to_owned()];
    let measure = |output: &Output, truth: &[Vec<u32>], values: &[f32], paths: &[String]| {
        let train_counts = &[1, 1];
        let scored =
            Scored { labels: &labels, output, paths, truth, values, train_counts, train_pictures: 2 };
        Evaluation::new(&scored, 0).map(|_| ()).map_err(|error| error.to_string())
    };
    let half = [0.5; 4];
    let hinge = Output::new(Loss::Hinge, 2);
    for output in [&Output::Softmax, &hinge] {
        let error = measure(output, &[vec![0], vec![0, 1]], &half, &paths).unwrap_err();
        assert_eq!(error, "sample 1 has 2 labels, but here every sample has exactly one");
        assert!(measure(output, &[vec![0], vec![]], &half, &paths).unwrap_err().contains("0 labels"));
    }
    let sigmoid = Output::new(Loss::Sigmoid, 2);
    assert_eq!(measure(&sigmoid, &[vec![], vec![0, 1]], &half, &paths), Ok(()));
    let nan = [0.5, f32::NAN, 0.5, 0.5];
    for output in [&Output::Softmax, &hinge, &sigmoid] {
        assert!(
            measure(output, &[vec![0], vec![1]], &nan, &paths)
                .unwrap_err()
                .contains("class 1 of sample 0 is NaN")
        );
        assert!(measure(output, &[vec![0], vec![2]], &half, &paths).unwrap_err().contains("only 2 classes"));
        assert!(measure(output, &[vec![0], vec![1]], &half[..3], &paths).is_err());
        assert!(measure(output, &[vec![0], vec![1]], &half, &paths[..1]).is_err());
        assert!(measure(output, &[], &[], &[]).is_err());
    }
}
