//! Trainings that begin with a model, and what is told while one runs.

use std::path::Path;

use libtest_mimic::Trial;
use serde_json::Value;

use crate::cli::{Ran, TRAIN, fruit, huemax};
use crate::support::plain;
use crate::tensorboard::{shown, with_tensorboard};

pub fn register(trials: &mut Vec<Trial>) {
    plain(trials, "warm::labels_are_matched_by_name", labels_are_matched_by_name);
    plain(trials, "watch::json_has_an_event_a_line", json_has_an_event_a_line);
    with_tensorboard(trials, "watch::tensorboard_shows_a_training", tensorboard_shows_a_training);
}

/// Every line of standard output.
fn events(ran: &Ran) -> Vec<Value> {
    ran.stdout()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect()
}

fn iterations(ran: &Ran) -> u64 {
    let events = events(ran);
    events.last().and_then(|result| result["training"]["iterations"].as_u64()).expect("a result")
}

fn labels_are_matched_by_name() {
    let folder = fruit();
    let at = folder.path();
    huemax(&TRAIN, at).check(0, &[]);
    let from = |more: &[&str]| {
        let arguments = ["train", "fruit", "--device", "cpu", "--out", "warm", "--force", "--json", "--init"];
        huemax(&[&arguments[..], &["run/model.safetensors"], more].concat(), at)
    };
    let cold = iterations(&huemax(&[&TRAIN[..], &["--force", "--json", "-q"]].concat(), at).check(0, &[]));
    let same = from(&[]).check(0, &["weights of a model, for 12 of 12 labels"]);
    assert!(iterations(&same) <= 2 && cold > 5, "{} and {cold}", iterations(&same));

    // Sorted labels: an early one goes, and all others change places.
    std::fs::rename(at.join("fruit/banana"), at.join("banana")).expect("a rename");
    let fewer = from(&[]).check(0, &["for 11 of 11 labels", "only the model has are dropped: banana"]);
    let alone =
        huemax(&["train", "fruit", "--device", "cpu", "--out", "alone", "--json", "-q"], at).check(0, &[]);
    let objective = |ran: &Ran| {
        events(ran).last().and_then(|r| r["training"]["objective"].as_f64()).expect("an objective")
    };
    assert!((objective(&fewer) / objective(&alone) - 1.0).abs() < 1e-5);
    let first = &events(&fewer)[0];
    let zero = &events(&from(&[]))[0]["objective"];
    assert!(first["objective"].as_f64() < Some(11f64.ln() * 0.9) && zero == &first["objective"], "{first}");

    // A label more than the model has.
    std::fs::rename(at.join("banana"), at.join("fruit/zucchini")).expect("a rename");
    from(&[]).check(1, &["--init: the model does not know this label: zucchini", "--grow"]);
    from(&["--grow"]).check(0, &["for 11 of 12 labels", "new labels begin at zero: zucchini"]);
    from(&["--grow", "--bins", "4,4,4"])
        .check(1, &["--init: the model is for HSV histogram", "give --bins 8,8,8"]);
    huemax(&["train", "fruit", "--grow"], at).check(2, &["--init"]);
    huemax(&["train", "fruit", "--init", "nowhere"], at).check(1, &["cannot read nowhere"]);
    for class in std::fs::read_dir(at.join("fruit")).expect("a folder") {
        let class = class.expect("an entry").path();
        let mut other = class.clone().into_os_string();
        other.push("-x");
        if class.is_dir() {
            std::fs::rename(class, other).expect("a rename");
        }
    }
    from(&["--grow"]).check(2, &["have no label in common (it knows", "leave --init out"]);
}

fn json_has_an_event_a_line() {
    let folder = fruit();
    let at = folder.path();
    let ran = huemax(&[&TRAIN[..], &["--json", "--val-size", "0.2"]].concat(), at).check(0, &[]);
    let events = events(&ran);
    let (result, iterations) = events.split_last().expect("a result");
    let iterations: Vec<&Value> = iterations.iter().filter(|e| e["event"] == "iteration").collect();
    assert!(iterations.len() > 5, "{events:?}");
    for (i, event) in iterations.iter().enumerate() {
        assert_eq!(event["iteration"].as_u64(), Some(i as u64));
        for key in ["objective", "loss", "gradient", "rows", "seconds"] {
            assert!(event[key].as_f64().is_some(), "{key} of {event}");
        }
        assert!(event["validation"]["accuracy"].as_f64().is_some(), "{event}");
    }
    assert_eq!(result["event"], "result");
    let last = iterations.last().and_then(|e| e["objective"].as_f64()).expect("a number");
    let reached = result["training"]["objective"].as_f64().expect("a number");
    assert!((last / reached - 1.0).abs() < 1e-5, "{last} and {reached}");
}

fn scalars(tb: &Path, tag: &str) -> Vec<(u64, f64)> {
    let shown = shown(tb);
    let points = shown[tag].as_array().unwrap_or_else(|| panic!("{tag} in {shown}"));
    points.iter().map(|p| (p[0].as_u64().expect("a step"), p[1].as_f64().expect("a value"))).collect()
}

fn tensorboard_shows_a_training() {
    let folder = fruit();
    let at = folder.path();
    let arguments = [&TRAIN[..], &["--json", "--val-size", "0.2", "--tensorboard", "tb/one"]].concat();
    let ran = huemax(&arguments, at).check(0, &[]);
    let events = events(&ran);
    let told: Vec<&Value> = events.iter().filter(|e| e["event"] == "iteration").collect();
    for (tag, key) in [
        ("objective", ["objective", ""]),
        ("loss", ["loss", ""]),
        ("gradient_norm", ["gradient", ""]),
        ("val_loss", ["validation", "loss"]),
        ("val_accuracy", ["validation", "accuracy"]),
    ] {
        let expected: Vec<(u64, f64)> = (told.iter())
            .map(|e| {
                let value = if key[1].is_empty() { &e[key[0]] } else { &e[key[0]][key[1]] };
                let value = value.as_f64().expect("a number");
                (e["iteration"].as_u64().expect("a number"), f64::from(value as f32))
            })
            .collect();
        assert_eq!(scalars(&at.join("tb/one"), tag), expected, "{tag}");
    }
}
