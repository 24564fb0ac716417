//! `huemax train` over several values of C.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use huemax::backend::{Cpu, Device};
use huemax::dataset::{Dataset, LabelOptions};
use huemax::learn::checkpoint::{Belongs, Checkpoint};
use huemax::learn::{LearnError, State, Watch};
use huemax::pipeline::{Begin, Onlooker, Run, Session, SweepOptions, TrainOptions, train_watched};
use huemax::progress::Quiet;
use libtest_mimic::Trial;
use serde_json::Value;

use crate::cli::{Ran, TRAIN, fruit, huemax};
use crate::support::plain;

pub fn register(trials: &mut Vec<Trial>) {
    for (name, test) in [
        ("c_is_chosen_by_folds", c_is_chosen_by_folds as fn()),
        ("c_is_chosen_on_validation_pictures", c_is_chosen_on_validation_pictures),
        ("every_c_is_told_while_it_runs", every_c_is_told_while_it_runs),
        ("any_number_of_labels", any_number_of_labels),
        ("what_cannot_be_swept_is_told", what_cannot_be_swept_is_told),
        ("a_training_resumes_wherever_it_stopped", a_training_resumes_wherever_it_stopped),
    ] {
        plain(trials, &format!("cli::sweep::{name}"), test);
    }
}

fn train(at: &Path, more: &[&str]) -> Ran {
    huemax(&[&TRAIN[..], &["--force"], more].concat(), at)
}

fn metrics(at: &Path) -> Value {
    let text = std::fs::read_to_string(at.join("run/metrics.json")).expect("a file");
    serde_json::from_str(&text).expect("JSON")
}

fn predictions(at: &Path) -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_path(at.join("run/predictions.csv")).expect("a file");
    let header = reader.headers().expect("a header").iter().map(String::from).collect();
    let rows = reader.records().map(|row| row.expect("a row").iter().map(String::from).collect());
    [vec![header], rows.collect()].concat()
}

/// The table, the choice and its reason; every training picture is told by models that had not seen it; the model is that
/// of the chosen C on all training pictures.
fn c_is_chosen_by_folds() {
    let folder = fruit();
    let at = folder.path();
    let ran = train(at, &["-C", "0.01..1000:6", "--folds", "3", "--seeds", "2"]).check(
        0,
        &[
            "6 values of C from 0.01 to 1000, 3 folds, 2 divisions",
            "Sweep over C",
            "± ",
            "has the least mean validation log loss",
        ],
    );
    let json = metrics(at);
    let sweep = &json["sweep"];
    let values = sweep["values"].as_array().expect("a table");
    let loss = |i: usize| values[i]["loss"]["mean"].as_f64().expect("a number");
    let least = (0..6).fold(0, |best, i| if loss(i) < loss(best) { i } else { best });
    assert_eq!(sweep["best"], values[least]["c"], "{sweep}");
    assert_eq!(json["training"]["plan"]["c"], sweep["best"]);
    assert_eq!(values[0]["loss"]["each"].as_array().map(Vec::len), Some(6));
    assert!(ran.stdout().contains("→"), "{}", ran.stdout());
    // 2 of 8 pictures of each class are the test.
    assert_eq!(json["training"]["plan"]["rows"], 72);
    let rows = predictions(at);
    assert_eq!(&rows[0][..3], ["path", "part", "truth"]);
    assert_eq!(rows.len(), 1 + 12 * 8);
    assert_eq!(rows.iter().filter(|row| row[1] == "test").count(), 24);
    let folds: Vec<_> = rows.iter().filter(|row| row[1].starts_with("folds ")).collect();
    assert_eq!(folds.len(), 72);
    assert!(folds.iter().any(|row| row[1] == "folds 1 2") && folds.iter().any(|row| row[1] == "folds 3 3"));
    for row in &folds {
        let sum: f64 = row[6..].iter().map(|p| p.parse::<f64>().expect("a probability")).sum();
        assert!((sum - 1.0).abs() < 1e-5, "{row:?}");
    }
    assert_eq!(json["evaluation"]["label_errors"]["out_of_fold"], 72);

    // Alone, the chosen C gives as good a model.
    let objective = json["training"]["objective"].as_f64().expect("a number");
    let best = sweep["best"].to_string();
    train(at, &["-C", &best]).check(0, &[]);
    let alone = metrics(at)["training"]["objective"].as_f64().expect("a number");
    assert!((objective / alone - 1.0).abs() < 1e-5, "{objective} {alone}");
    assert!(metrics(at)["sweep"].is_null() && predictions(at)[0][1] == "truth");
}

fn c_is_chosen_on_validation_pictures() {
    let folder = fruit();
    let at = folder.path();
    let ran = train(at, &["-C", "100,0.1", "--val-size", "0.25", "--json"])
        .check(0, &["judged on 24 validation pictures"]);
    let json: Value = serde_json::from_str(ran.stdout().lines().last().expect("a line")).expect("JSON");
    assert_eq!(json["sweep"]["judged_on"], serde_json::json!({ "rows": "validation", "pictures": 24 }));
    assert!(
        json["sweep"]["warning"].as_str().is_some_and(|w| w.contains("that was tried")),
        "{}",
        json["sweep"]
    );
    assert_eq!(predictions(at)[0][1], "truth", "no picture was held out");
    // Without folds and validation pictures there are five folds, and it is said.
    train(at, &["-C", "0.1,100"]).check(0, &["5 folds (there is no validation part"]);
    // A single C is judged where folds are asked for, by mini-batches too.
    train(at, &["-C", "3", "--folds", "2", "--solver", "sgd", "--epochs", "3"])
        .check(0, &["C = 3 was given: there is nothing to choose", "2 folds"]);
}

/// JSON lines, event files and checkpoints, of the sweep and of the fit after it.
fn every_c_is_told_while_it_runs() {
    let folder = fruit();
    let at = folder.path();
    let sweep = ["-C", "0.1,1,10", "--folds", "3", "--tensorboard", "tb", "--json"];
    let ran = train(at, &[&sweep[..], &["--checkpoint-every", "0.000001"]].concat()).check(0, &[]);
    let events: Vec<Value> =
        ran.stdout().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let of = |event: &str| events.iter().filter(|e| e["event"] == event).collect::<Vec<_>>();
    let (swept, table) = (of("sweep"), &metrics(at)["sweep"]["values"]);
    assert_eq!(swept.len(), 3, "{events:?}");
    for (i, told) in swept.iter().enumerate() {
        assert_eq!(told["number"], i + 1);
        assert_eq!(
            (&told["of"], &told["models"], &told["measure"]),
            (&3.into(), &3.into(), &"accuracy".into())
        );
        let near = |told: &Value, found: &Value| {
            let (told, found) = (told.as_f64().expect("a number"), found.as_f64().expect("a number"));
            assert!((told - found).abs() <= 1e-12 * found.abs(), "{told} {found}");
        };
        near(&told["c"], &table[i]["c"]);
        near(&told["loss"], &table[i]["loss"]["mean"]);
        near(&told["score"], &table[i]["score"]["mean"]);
        assert!(told["evaluations"].as_f64() > Some(0.0) && told["seconds"].as_f64() > Some(0.0), "{told}");
    }
    let place = |event: &str| events.iter().position(|e| e["event"] == event);
    assert!(place("sweep") < place("iteration"), "{events:?}");
    // In the fit a checkpoint counts the iterations of that, which never are more than the last one told of.
    let last = of("iteration").iter().filter_map(|e| e["iteration"].as_u64()).max().expect("iterations");
    let first = place("iteration").expect("iterations");
    let saved: Vec<u64> = events[first..]
        .iter()
        .filter(|e| e["event"] == "checkpoint")
        .filter_map(|e| e["iteration"].as_u64())
        .collect();
    assert!(saved.iter().any(|&i| i != 3) && saved.iter().all(|&i| i <= last), "{saved:?} of {last}");
    for (name, tag) in [("tb", "objective"), ("tb/sweep", "sweep_loss"), ("tb/sweep", "sweep_score")] {
        let files = std::fs::read_dir(at.join(name)).expect("a folder").map(|e| e.expect("an entry").path());
        let bytes: Vec<u8> = files
            .filter(|path| path.is_file())
            .flat_map(|path| std::fs::read(path).expect("a file"))
            .collect();
        assert!(bytes.windows(tag.len()).any(|part| part == tag.as_bytes()), "no {tag} in {name}");
    }
    // What cannot work leaves nothing behind.
    train(at, &["-C", "1,2", "--folds", "73", "--tensorboard", "none"]).check(2, &["--folds"]);
    assert!(!at.join("none").exists());
}

fn any_number_of_labels() {
    let folder = fruit();
    let at = folder.path();
    let mut table = String::from("file_name,tags\n");
    for (class, tags) in [("kiwi", "kiwi green"), ("banana", "banana"), ("broccoli", "green")] {
        (1..=8).for_each(|n| table += &format!("fruit/{class}/{class}-{n:03}.jpg,{tags}\n"));
    }
    std::fs::write(at.join("tags.csv"), table).expect("a file");
    let ran = train(at, &["--labels", "tags.csv", "-C", "0.1,1,10", "--folds", "2"])
        .check(0, &["macro F1", "Sweep over C"]);
    assert!(ran.stdout().contains("any number") || ran.stderr().contains("any number"), "{}", ran.stderr());
    assert_eq!(metrics(at)["sweep"]["score"], "macro F1");
    assert_eq!(predictions(at)[0][1], "part");
}

fn what_cannot_be_swept_is_told() {
    let folder = fruit();
    let at = folder.path();
    for (arguments, says) in [
        (&["-C", "1,0"][..], "-C: 0.0 is not a positive number"),
        (&["-C", "1,x"], "is no number"),
        (&["-C", "1..10"], "how many values"),
        (&["-C", "10..1:3"], "the smaller first"),
        (&["-C", "1,2", "--folds", "1"], "--folds: 1 folds of 72 to train on"),
        (&["-C", "1,2", "--folds", "73"], "--folds: 73 folds"),
        (&["-C", "1,2", "--folds", "3", "--seeds", "0"], "--seeds: 0 divisions"),
    ] {
        train(at, arguments).check(2, &[says]);
    }
}

/// Asks to stop at the question with this number, and keeps what it is given.
struct StopAt {
    at: usize,
    asked: AtomicUsize,
    kept: Mutex<Option<(Belongs, State)>>,
}

impl Watch for StopAt {
    fn stop(&self) -> bool {
        self.asked.fetch_add(1, Ordering::Relaxed) == self.at
    }
}

impl Onlooker for StopAt {
    fn keep(&self, belongs: &Belongs, state: State) -> Result<(), LearnError> {
        *self.kept.lock().expect("a lock") = Some((belongs.clone(), state));
        Ok(())
    }
}

/// In the sweep, and in the fit to all pictures after it: the same model, the same table, the same held-out probabilities.
fn a_training_resumes_wherever_it_stopped() {
    let folder = fruit();
    let data = Dataset::open(&folder.path().join("fruit"), &LabelOptions::default()).expect("data");
    let sweep = SweepOptions { cs: vec![0.1, 1.0, 10.0], folds: Some(3), seeds: None };
    let options = TrainOptions { sweep: Some(sweep), ..TrainOptions::default() };
    let device = Device::Cpu(Cpu::new());
    let train = |begin: Begin<'_>, at: usize| {
        let watch = StopAt { at, asked: AtomicUsize::new(0), kept: Mutex::new(None) };
        let session = Session { begin, onlooker: &watch };
        let run = train_watched(&data, &options, &device, &session, &Quiet);
        (run, watch.asked.into_inner(), watch.kept.into_inner().expect("a lock"))
    };
    let (whole, questions, _) = train(Begin::Zero, usize::MAX);
    let whole: Run = whole.expect("a run");
    let mut refits = 0;
    for at in (0..8).map(|i| i * (questions - 1) / 7) {
        let (stopped, _, kept) = train(Begin::Zero, at);
        assert!(stopped.is_err_and(|e| e.to_string().contains("stopped after")), "at {at} of {questions}");
        let (belongs, state) = kept.expect("a state");
        refits += usize::from(state.numbers.contains_key("refit.solver"));
        let checkpoint = Checkpoint { belongs, keep: Value::Null, state };
        let begin = Begin::Resume { checkpoint: &checkpoint, path: Path::new("checkpoint") };
        let resumed = train(begin, usize::MAX).0.expect("a run");
        assert_eq!(resumed.model, whole.model, "stopped at {at} of {questions}");
        assert_eq!(resumed.held_out, whole.held_out, "stopped at {at} of {questions}");
        assert_eq!(resumed.summary.sweep, whole.summary.sweep, "stopped at {at} of {questions}");
    }
    assert!(refits > 0 && refits < 8, "{refits} of 8 in the fit after the sweep");
}
