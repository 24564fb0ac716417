//! Any number of labels a picture, and the losses beside softmax, as people use them.

use std::collections::BTreeMap;
use std::path::Path;

use huemax::demo::{BasketOptions, draw_baskets};
use huemax::progress::Quiet;
use libtest_mimic::Trial;
use serde_json::Value;

use crate::cli::{TRAIN, fruit, huemax};
use crate::support::{on_gpu_only, plain};

pub fn register(trials: &mut Vec<Trial>) {
    for (name, test) in [
        ("train_choose_evaluate_predict", train_choose_evaluate_predict as fn()),
        ("the_answer_follows_the_thresholds", the_answer_follows_the_thresholds),
        ("one_against_the_rest_adds_up_to_one", one_against_the_rest_adds_up_to_one),
        ("hinges_print_margins_and_no_probabilities", hinges_print_margins_and_no_probabilities),
        ("weights_change_what_is_learned", weights_change_what_is_learned),
        ("what_cannot_be_chosen_is_refused", what_cannot_be_chosen_is_refused),
        ("models_and_data_that_do_not_fit", models_and_data_that_do_not_fit),
    ] {
        plain(trials, &format!("several::{name}"), test);
    }
    on_gpu_only(trials, "several::gpu_and_cpu_agree_with_each_loss", |_| gpu_and_cpu_agree_with_each_loss());
}

/// A folder with `baskets` and `baskets.csv`.
fn baskets(pictures: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    draw_baskets(folder.path(), &BasketOptions { pictures, ..BasketOptions::default() }, &Quiet)
        .expect("a drawing");
    folder
}

const BASKETS: [&str; 12] = [
    "train",
    "baskets",
    "--labels",
    "baskets.csv",
    "--device",
    "cpu",
    "--out",
    "run",
    "-C",
    "10",
    "--val-size",
    "0.2",
];

fn json(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).expect("a file")).expect("JSON")
}

fn rows(path: &Path) -> Vec<BTreeMap<String, String>> {
    csv::Reader::from_path(path).expect("a file").deserialize().map(|row| row.expect("a row")).collect()
}

fn train_choose_evaluate_predict() {
    let folder = baskets(160);
    let at = folder.path();
    let choose = ["--thresholds", "f1", "--calibrate"];
    let ran = huemax(&[&BASKETS[..], &choose].concat(), at).check(
        0,
        &[
            "names in `image_name`",
            "any number of labels a picture",
            "30 validation",
            "temperature",
            "threshold",
        ],
    );
    for figure in ["macro F1", "mAP", "subset accuracy", "Hamming loss", "nothing", "frequency"] {
        assert!(ran.stdout().contains(figure), "{figure}: {}", ran.stdout());
    }
    let written = json(&at.join("run/metrics.json"));
    let metrics = &written["evaluation"]["metrics"];
    let f1 = |who: &str| metrics[who]["macro_average"]["f1"].as_f64().expect("a number");
    assert!(f1("model") > 0.6 && f1("predicts_nothing") == 0.0, "{metrics}");
    assert_eq!(written["evaluation"]["thresholds"]["pictures"], 30);
    assert!(written["evaluation"]["temperature"]["temperature"].as_f64().is_some_and(|t| t != 1.0));
    assert_eq!(written["data"]["task"], "multilabel");

    // The split's own test pictures, evaluated from the file: the same figures.
    let tested = rows(&at.join("run/predictions.csv"));
    let test = at.join("test");
    std::fs::create_dir(&test).expect("a folder");
    for row in &tested {
        std::fs::copy(at.join("baskets").join(&row["path"]), test.join(&row["path"])).expect("a copy");
    }
    let model = "run/model.safetensors";
    let evaluate = ["evaluate", model, "test", "--labels", "baskets.csv", "--device", "cpu", "--json", "-q"];
    let again: Value = serde_json::from_str(&huemax(&evaluate, at).check(0, &[]).stdout()).expect("JSON");
    assert_eq!(&again["evaluation"]["metrics"], metrics);

    let picture = format!("test/{}", tested[0]["path"]);
    let predict = ["predict", model, &picture, "--device", "cpu", "-q", "--format", "csv", "--top", "6"];
    let said = huemax(&predict, at).check(0, &["path,rank,label,probability,predicted"]).stdout();
    let mut named: Vec<&str> =
        said.lines().filter(|l| l.ends_with(",true")).filter_map(|l| l.split(',').nth(2)).collect();
    named.sort_unstable();
    assert_eq!(named.join("|"), tested[0]["predicted"], "{said}");
}

fn the_answer_follows_the_thresholds() {
    let folder = baskets(120);
    let at = folder.path();
    huemax(&[&BASKETS[..], &["--thresholds", "f2"]].concat(), at).check(0, &[]);
    let written = json(&at.join("run/metrics.json"));
    let labels = written["data"]["classes"].as_array().expect("labels");
    let tuned = written["evaluation"]["thresholds"]["per_label"].as_array().expect("thresholds");
    assert!(tuned.iter().any(|t| t["threshold"] != 0.5), "nothing was tuned: {tuned:?}");
    for row in rows(&at.join("run/predictions.csv")) {
        let over = labels.iter().zip(tuned).filter_map(|(label, tuned)| {
            let label = label.as_str().expect("a name");
            let p: f32 = row[&format!("p_{label}")].parse().expect("a number");
            let threshold = tuned["threshold"].as_f64().expect("a number") as f32;
            (p >= threshold).then_some(label)
        });
        assert_eq!(over.collect::<Vec<_>>().join("|"), row["predicted"], "{row:?}");
    }
}

fn one_against_the_rest_adds_up_to_one() {
    let folder = fruit();
    let at = folder.path();
    huemax(&[&TRAIN[..], &["--loss", "sigmoid"]].concat(), at)
        .check(0, &["each against the rest", "cross-entropy", "macro avg"]);
    for row in rows(&at.join("run/predictions.csv")) {
        let sum: f64 = row
            .iter()
            .filter(|(name, _)| name.starts_with("p_"))
            .map(|(_, p)| p.parse::<f64>().expect("a number"))
            .sum();
        assert!((sum - 1.0).abs() < 1e-5, "{row:?}");
    }
}

fn hinges_print_margins_and_no_probabilities() {
    let folder = fruit();
    let at = folder.path();
    for loss in ["hinge", "squared-hinge"] {
        let ran = huemax(&[&TRAIN[..], &["--loss", loss, "--force"]].concat(), at).check(0, &["margins"]);
        for word in ["cross-entropy", "calibration", "probab"] {
            let said = ran.stdout().replace("no probabilities", "");
            assert!(!said.contains(word), "{loss} speaks of {word}: {said}");
        }
        assert!(json(&at.join("run/metrics.json"))["evaluation"]["metrics"]["cross_entropy"].is_null());
        let first = &rows(&at.join("run/predictions.csv"))[0];
        assert!(first.contains_key("margin_kiwi") && !first.contains_key("p_kiwi"), "{first:?}");
        let predict = ["predict", "run/model.safetensors", "fruit/kiwi/kiwi-001.jpg", "--device", "cpu"];
        let said = huemax(&predict, at).check(0, &["kiwi"]).stdout();
        assert!(!said.contains('%'), "{said}");
    }
}

fn weights_change_what_is_learned() {
    let folder = baskets(120);
    let at = folder.path();
    let recall = |more: &[&str]| {
        huemax(&[&BASKETS[..], &["--force", "-q"], more].concat(), at).check(0, &[]);
        json(&at.join("run/metrics.json"))["evaluation"]["metrics"]["model"]["micro_average"]["recall"]
            .as_f64()
            .expect("a number")
    };
    std::fs::write(at.join("weights.csv"), "label,weight\nkiwi,1\n").expect("a file");
    let plain = recall(&[]);
    assert!(recall(&["--pos-weight", "8"]) > plain + 0.02);
    assert!(recall(&["--pos-weight", "0.125"]) < plain - 0.02);
    assert_eq!(recall(&["--class-weight", "weights.csv"]), plain);
    let bad = |arguments: &[&str], parts: &[&str]| {
        huemax(&[&BASKETS[..], &["--force"], arguments].concat(), at).check(2, parts);
    };
    bad(&["--pos-weight", "-1"], &["--pos-weight", "-1 is no weight"]);
    bad(&["--class-weight", "nothing.csv"], &["--class-weight", "nothing.csv"]);
    std::fs::write(at.join("weights.csv"), "kiwi,1\nplum,2\n").expect("a file");
    bad(&["--class-weight", "weights.csv"], &["weights.csv, line 2", "plum"]);
}

fn what_cannot_be_chosen_is_refused() {
    let folder = baskets(40);
    let at = folder.path();
    let bad = |arguments: &[&str], parts: &[&str]| {
        let base = ["train", "baskets", "--labels", "baskets.csv", "--device", "cpu"];
        huemax(&[&base[..], arguments].concat(), at).check(2, parts);
    };
    bad(&["--thresholds", "f1"], &["--thresholds", "--val-size"]);
    bad(&["--calibrate"], &["--calibrate", "--val-size"]);
    bad(&["--thresholds", "f3"], &["0.5, f1 or f2"]);
    for loss in ["softmax", "hinge", "squared-hinge"] {
        bad(&["--loss", loss], &["--loss", loss, "sigmoid"]);
    }
    let fruit = fruit();
    let bad = |arguments: &[&str], parts: &[&str]| {
        huemax(&[&TRAIN[..], arguments].concat(), fruit.path()).check(2, parts);
    };
    bad(&["--loss", "hinge", "--calibrate", "--val-size", "0.2"], &["--calibrate", "margins"]);
    bad(&["--loss", "sigmoid", "--calibrate", "--val-size", "0.2"], &["--calibrate", "one-vs-rest"]);
    bad(&["--thresholds", "f1", "--val-size", "0.2"], &["--thresholds", "most probable"]);
    bad(&["--pos-weight", "2"], &["--pos-weight", "sigmoid"]);
}

fn models_and_data_that_do_not_fit() {
    let folder = baskets(60);
    let at = folder.path();
    huemax(&[&BASKETS[..], &["--max-iter", "5"]].concat(), at).check(0, &[]);
    let fruit = fruit();
    huemax(&TRAIN, fruit.path()).check(0, &[]);
    let single = fruit.path().join("run/model.safetensors");
    let single = single.to_str().expect("a path");
    let of_baskets = ["baskets", "--labels", "baskets.csv", "--device", "cpu"];
    huemax(&[&["evaluate", single], &of_baskets[..]].concat(), at)
        .check(1, &["any number of labels", "--loss sigmoid"]);
    // A label more than the model knows: said, and the rest is measured.
    let table = std::fs::read_to_string(at.join("baskets.csv")).expect("a file");
    let more = table.replacen("banana", "banana plum", 1);
    assert_ne!(more, table);
    std::fs::write(at.join("more.csv"), more).expect("a file");
    let evaluate =
        ["evaluate", "run/model.safetensors", "baskets", "--labels", "more.csv", "--device", "cpu"];
    huemax(&evaluate, at).check(0, &["1 of 60 pictures", "does not know (plum)", "59 pictures", "macro F1"]);
}

fn gpu_and_cpu_agree_with_each_loss() {
    let baskets = baskets(80);
    let fruit = fruit();
    let cases = [
        (baskets.path(), &["train", "baskets", "--labels", "baskets.csv"][..], "sigmoid"),
        (fruit.path(), &["train", "fruit"], "sigmoid"),
        (fruit.path(), &["train", "fruit"], "hinge"),
        (fruit.path(), &["train", "fruit"], "squared-hinge"),
    ];
    for (at, train, loss) in cases {
        let objective = |device: &str| {
            let out = format!("{device}-{loss}");
            let more = ["--loss", loss, "--device", device, "--out", &out, "-q"];
            huemax(&[train, &more].concat(), at).check(0, &[]);
            json(&at.join(out).join("metrics.json"))["training"]["objective"].as_f64().expect("a number")
        };
        let (cpu, gpu) = (objective("cpu"), objective("gpu"));
        assert!((cpu / gpu - 1.0).abs() < 1e-4, "{loss}: objectives {cpu} and {gpu}");
        let predicted = |device: &str| -> Vec<String> {
            let rows = rows(&at.join(format!("{device}-{loss}/predictions.csv")));
            rows.into_iter().map(|row| format!("{} {}", row["path"], row["predicted"])).collect()
        };
        assert_eq!(predicted("cpu"), predicted("gpu"), "{loss}");
    }
}
