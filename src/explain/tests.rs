use super::*;
use crate::error::Error;

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn example(truth: &[&str]) -> Explanation {
    let labels = strings(&["dog", "cat", "boat", "airplane"]);
    Explanation::new(&[-3.44, 1.16, -0.81, 3.91], &labels, &strings(truth)).unwrap()
}

/// Four digits of a column, as they are printed.
fn column(explanation: &Explanation, of: fn(&Row) -> f64) -> Vec<String> {
    explanation.rows.iter().map(|row| format!("{:.4}", of(row))).collect()
}

#[test]
fn the_posts_example_is_reproduced() {
    let explanation = example(&["airplane"]);
    let exp = column(&explanation, |row| row.exp.unwrap());
    assert_eq!(exp, ["0.0321", "3.1899", "0.4449", "49.8990"]);
    assert_eq!(column(&explanation, |row| row.softmax), ["0.0006", "0.0596", "0.0083", "0.9315"]);
    assert_eq!(format!("{:.4}", explanation.cross_entropy.unwrap()), "0.0709");
    assert_eq!((explanation.hinge, explanation.squared_hinge), (Some(0.0), Some(0.0)));
}

#[test]
fn the_sigmoid_of_the_same_scores() {
    // By hand: 1 / (1 + e^3.44) and so on; the loss −ln p of the airplane, −ln (1 − p) of the others.
    let explanation = example(&["airplane"]);
    assert_eq!(column(&explanation, |row| row.sigmoid), ["0.0311", "0.7613", "0.3079", "0.9804"]);
    assert_eq!(column(&explanation, |row| row.sigmoid_loss), ["0.0316", "1.4327", "0.3680", "0.0198"]);
    assert_eq!(format!("{:.4}", explanation.binary_cross_entropy), "1.8521");
}

#[test]
fn several_truths_or_none_are_for_the_sigmoid_alone() {
    for truth in [&["cat", "airplane"][..], &[]] {
        let explanation = example(truth);
        assert_eq!(
            (explanation.cross_entropy, explanation.hinge, explanation.squared_hinge),
            (None, None, None)
        );
        let by_hand: f64 = (explanation.rows.iter())
            .map(|row| if row.truth { -row.sigmoid.ln() } else { -(1.0 - row.sigmoid).ln() })
            .sum();
        assert!((explanation.binary_cross_entropy - by_hand).abs() < 1e-12);
    }
    let said = text(&example(&["cat", "airplane"]));
    assert!(said.contains("cat and airplane are true here"), "{said}");
    assert!(text(&example(&[])).contains("no label is true here"));
}

#[test]
fn hinges_count_what_is_lacking() {
    // The cat is 2.75 behind the airplane and ahead of the others by more than 1: 3.75, and its square.
    let explanation = example(&["cat"]);
    assert!((explanation.hinge.unwrap() - 3.75).abs() < 1e-12);
    assert!((explanation.squared_hinge.unwrap() - 3.75 * 3.75).abs() < 1e-12);
}

#[test]
fn scores_far_apart_overflow_nowhere() {
    for size in [50.0, 710.0, 1000.0, MAX_SCORE] {
        let explanation =
            Explanation::new(&[-size, size, 0.0], &strings(&["a", "b", "c"]), &strings(&["a"])).unwrap();
        let sum: f64 = explanation.rows.iter().map(|row| row.softmax).sum();
        assert!((sum - 1.0).abs() < 1e-9, "{sum}");
        assert!((explanation.cross_entropy.unwrap() - 2.0 * size).abs() < 1e-9 * size);
        assert!(explanation.rows.iter().all(|row| row.sigmoid_loss.is_finite() && row.sigmoid.is_finite()));
        let said = text(&explanation);
        assert!(!said.contains("inf") && !said.contains("NaN"), "{said}");
        assert_eq!(said.contains("exp(s - max)"), size > 709.0, "{said}");
    }
    let said = text(&Explanation::new(&[1000.0, -1000.0], &strings(&["a", "b"]), &strings(&["a"])).unwrap());
    assert!(said.contains(" 2.0e434 ") && said.contains(" 5.1e-435 "), "{said}");
}

#[test]
fn the_text_of_the_example() {
    let expected = "\
label     true  score      exp  softmax     -ln     sigmoid     -ln
-------------------------------------------------------------------
dog          -  -3.44   0.0321   0.0006  7.4209      0.0311  0.0316
cat          -   1.16   3.1899   0.0596  2.8209      0.7613  1.4327
boat         -  -0.81   0.4449   0.0083  4.7909      0.3079  0.3680
airplane   yes   3.91  49.8990   0.9315  0.0709      0.9804  0.0198
-------------------------------------------------------------------
sum                    53.5658   1.0000              2.0806
loss                                     0.0709              1.8521

softmax asks which ONE of the 4 labels it is: they share 1, and what one gains the others lose.
  Most probable: airplane (0.9315).
  Loss, cross-entropy: -ln of the true label's share alone, -ln 0.9315 = 0.0709.

sigmoid asks of EACH label by itself whether it is there, yes or no: any number may be, even none.
  More probable than not: cat and airplane.
  Loss, binary cross-entropy: -ln p where the label is true, -ln (1 - p) where not, summed: 1.8521.

hinge 0.0000, squared hinge 0.0000: how far the true score is from being 1 ahead of each other score, summed.
  Margins are not probabilities: they say who is ahead, not how sure one may be.
";
    assert_eq!(text(&example(&["airplane"])), expected);
}

#[test]
fn wrong_input_names_the_option() {
    for (scores, labels, truth, option, said) in [
        (&[][..], &[][..], &[][..], "--scores", "no score leaves nothing to choose"),
        (&[1.0], &["a"], &["a"], "--scores", "one score alone"),
        (&[1.0, f64::NAN], &["a", "b"], &["a"], "--scores", "NaN is not a number"),
        (&[1.0, f64::INFINITY], &["a", "b"], &["a"], "--scores", "inf is not a number"),
        (&[1.0, -1e7], &["a", "b"], &["a"], "--scores", "-10000000 is not a number from -1000000 to 1000000"),
        (&[1.0, 2.0], &["a"], &["a"], "--labels", "1 label for 2 scores"),
        (&[1.0, 2.0], &["a", " "], &["a"], "--labels", "a label is empty"),
        (&[1.0, 2.0], &["a", "a"], &["a"], "--labels", "\"a\" is there twice"),
        (&[1.0, 2.0], &["a", "b\n"], &["a"], "--labels", "cannot be printed"),
        (&[1.0, 2.0], &["a", "b"], &["c"], "--truth", "\"c\" is none of the labels (a, b)"),
        (&[1.0, 2.0], &["a", "b"], &["b", "b"], "--truth", "\"b\" is there twice"),
    ] {
        let error = Explanation::new(scores, &strings(labels), &strings(truth)).unwrap_err();
        assert!(matches!(&error, Error::Option { option: named, .. } if *named == option), "{error}");
        assert!(error.to_string().contains(said), "{error}");
    }
}
