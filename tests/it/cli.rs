//! The program as people use it; what it says of mistakes is tested in `cli_errors`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use huemax::demo::{DrawOptions, draw};
use huemax::progress::Quiet;
use libtest_mimic::Trial;

use crate::support::{on_gpu_only, plain};

pub fn register(trials: &mut Vec<Trial>) {
    for (name, test) in [
        ("train_evaluate_predict", train_evaluate_predict as fn()),
        ("results_are_not_overwritten", results_are_not_overwritten),
        ("json_is_json_and_quiet_is_quiet", json_is_json_and_quiet_is_quiet),
        ("ready_made_parts_are_respected", ready_made_parts_are_respected),
        ("trainings_at_once_keep_apart", trainings_at_once_keep_apart),
        ("kaggles_layout_is_understood", kaggles_layout_is_understood),
        ("threads_do_not_change_a_model", threads_do_not_change_a_model),
        ("devices_lists_the_cpu", devices_lists_the_cpu),
        ("demo_runs", demo_runs),
        ("explain_shows_the_posts_example", explain_shows_the_posts_example),
    ] {
        plain(trials, &format!("cli::{name}"), test);
    }
    on_gpu_only(trials, "cli::gpu_and_cpu_predict_the_same", |_| gpu_and_cpu_predict_the_same());
}

/// A run of the program. Whatever is asked of it, a failure prints the command and everything it said.
pub struct Ran {
    pub command: String,
    pub output: Output,
}

pub fn huemax(arguments: &[&str], folder: &Path) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_huemax"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .expect("the program starts");
    Ran { command: format!("huemax {}", arguments.join(" ")), output }
}

impl Ran {
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    #[track_caller]
    pub fn check(self, code: i32, parts: &[&str]) -> Self {
        let all = format!("{}\n--- stdout\n{}\n--- stderr\n{}", self.command, self.stdout(), self.stderr());
        assert_eq!(self.output.status.code(), Some(code), "exit code of {all}");
        for part in parts {
            assert!(all.contains(part), "{part:?} is not said by {all}");
        }
        assert!(!all.contains("panicked"), "{all}");
        self
    }
}

/// A folder with a small demo set in `fruit`.
pub fn fruit() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let options = DrawOptions { per_class: 8, ..DrawOptions::default() };
    draw(&folder.path().join("fruit"), &options, &Quiet).expect("a drawing");
    folder
}

pub const TRAIN: [&str; 6] = ["train", "fruit", "--device", "cpu", "--out", "run"];

fn train_evaluate_predict() {
    let folder = fruit();
    let at = folder.path();
    let ran = huemax(&TRAIN, at)
        .check(0, &["classes: 12 (banana, broccoli", "8×8×8 bins", "L-BFGS over", "macro avg", "actual="]);
    assert!(ran.stdout().contains("accuracy") && !ran.stdout().contains("describing"), "{}", ran.stdout());
    for name in ["model.safetensors", "metrics.json", "predictions.csv"] {
        assert!(at.join("run").join(name).is_file(), "{name}");
    }
    let csv = std::fs::read_to_string(at.join("run/predictions.csv")).expect("a file");
    assert_eq!(csv.lines().count(), 1 + 12 * 2, "{csv}");
    let model = "run/model.safetensors";
    huemax(&["evaluate", model, "fruit", "--device", "cpu"], at)
        .check(0, &["data the model was trained on", "support"]);
    let picture = "fruit/kiwi/kiwi-001.jpg";
    let table =
        huemax(&["predict", model, picture, "--device", "cpu", "--top", "2"], at).check(0, &[picture, "%"]);
    assert_eq!(table.stdout().lines().count(), 1);
    let csv =
        huemax(&["predict", model, "fruit/kiwi", picture, "--format", "csv", "-q", "--device", "cpu"], at);
    assert_eq!(csv.check(0, &[]).stdout().lines().count(), 1 + 9 * 3);
    let lines =
        huemax(&["predict", model, "fruit", "--format", "jsonl", "--device", "cpu"], at).check(0, &[]);
    for line in lines.stdout().lines() {
        let json: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(json["predictions"].as_array().map(Vec::len), Some(3), "{line}");
    }
    assert_eq!(lines.stdout().lines().count(), 12 * 8);
}

fn results_are_not_overwritten() {
    let folder = fruit();
    let at = folder.path();
    let model = at.join("run/model.safetensors");
    huemax(&TRAIN, at).check(0, &[]);
    let before = std::fs::read(&model).expect("a model");
    huemax(&TRAIN, at).check(2, &["run already holds model.safetensors", "--force"]);
    huemax(&[&TRAIN[..], &["--force"]].concat(), at).check(0, &[]);
    assert_eq!(std::fs::read(&model).expect("a model"), before, "the same training gives other bytes");
    huemax(&[&TRAIN[..], &["--force", "--seed", "7"]].concat(), at).check(0, &[]);
    assert_ne!(std::fs::read(&model).expect("a model"), before, "another seed gives the same bytes");
}

fn json_is_json_and_quiet_is_quiet() {
    let folder = fruit();
    let ran = huemax(&[&TRAIN[..], &["--json", "--quiet"]].concat(), folder.path()).check(0, &[]);
    let mut json: serde_json::Value = serde_json::from_str(&ran.stdout()).expect("JSON");
    let event = json.as_object_mut().and_then(|json| json.remove("event"));
    assert_eq!(event, Some("result".into()));
    assert_eq!(ran.stdout().lines().count(), 1);
    let written = std::fs::read_to_string(folder.path().join("run/metrics.json")).expect("a file");
    assert_eq!(serde_json::from_str::<serde_json::Value>(&written).expect("JSON"), json);
    assert!(json["evaluation"]["metrics"]["accuracy"].as_f64().is_some_and(|a| a > 0.2), "{json}");
    assert!(json["training"]["objective"].as_f64().is_some(), "{json}");
    assert_eq!(ran.stderr(), "");
}

fn ready_made_parts_are_respected() {
    let folder = fruit();
    let at = folder.path();
    for class in ["kiwi", "carrot"] {
        for (part, numbers) in [("train", 1..=5), ("test", 6..=8)] {
            let to: PathBuf = at.join("parts").join(part).join(class);
            std::fs::create_dir_all(&to).expect("a folder");
            for n in numbers {
                let name = format!("{class}-00{n}.jpg");
                std::fs::copy(at.join("fruit").join(class).join(&name), to.join(&name)).expect("a copy");
            }
        }
    }
    huemax(&["train", "parts", "--device", "cpu", "--out", "run"], at)
        .check(0, &["10 train, 6 test", "as its folders"]);
    huemax(&["evaluate", "run/model.safetensors", "parts", "--device", "cpu"], at)
        .check(0, &["the test part: 6"]);
}

fn trainings_at_once_keep_apart() {
    let folder = fruit();
    let children: Vec<_> = (0..4)
        .map(|_| {
            Command::new(env!("CARGO_BIN_EXE_huemax"))
                .args(["train", "fruit", "--device", "cpu", "-q", "--json"])
                .current_dir(folder.path())
                .stdout(Stdio::piped())
                .spawn()
                .expect("the program starts")
        })
        .collect();
    let models: std::collections::HashSet<String> = (children.into_iter())
        .map(|child| {
            let output = child.wait_with_output().expect("the program ends");
            let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
            json["model"].as_str().expect("a path").to_owned()
        })
        .collect();
    assert_eq!(models.len(), 4, "{models:?}");
    assert!(models.iter().all(|model| folder.path().join(model).is_file()), "{models:?}");
}

/// Dogs vs. Cats as Kaggle ships it: `train/cat.0.jpg` beside `test1/1.jpg` without labels.
fn kaggles_layout_is_understood() {
    let folder = fruit();
    let at = folder.path();
    std::fs::create_dir_all(at.join("kaggle/train")).expect("a folder");
    std::fs::create_dir_all(at.join("kaggle/test1")).expect("a folder");
    for (class, name) in [("kiwi", "cat"), ("carrot", "dog")] {
        for n in 1..=8 {
            let from = at.join("fruit").join(class).join(format!("{class}-00{n}.jpg"));
            std::fs::copy(&from, at.join("kaggle/train").join(format!("{name}.{n}.jpg"))).expect("a copy");
            std::fs::copy(&from, at.join("kaggle/test1").join(format!("{name}{n}.jpg"))).expect("a copy");
        }
    }
    huemax(&["train", "kaggle", "--device", "cpu", "--out", "run"], at)
        .check(0, &["classes: 2 (cat, dog)", "16 pictures have no label", "test1"]);
}

fn threads_do_not_change_a_model() {
    let folder = fruit();
    let models = ["1", "2", "3"].map(|threads| {
        let output = Command::new(env!("CARGO_BIN_EXE_huemax"))
            .args(["train", "fruit", "--device", "cpu", "-q", "--out", threads])
            .env("RAYON_NUM_THREADS", threads)
            .current_dir(folder.path())
            .output()
            .expect("the program starts");
        Ran { command: format!("huemax train on {threads} threads"), output }.check(0, &[]);
        std::fs::read(folder.path().join(threads).join("model.safetensors")).expect("a model")
    });
    assert!(models[0] == models[1] && models[1] == models[2], "the number of threads changes the model");
}

fn devices_lists_the_cpu() {
    let here = Path::new(".");
    huemax(&["devices"], here).check(0, &["cpu", "--device auto takes"]);
    let ran = huemax(&["devices", "--json"], here).check(0, &[]);
    let json: serde_json::Value = serde_json::from_str(&ran.stdout()).expect("JSON");
    assert_eq!(json["devices"][0]["device"], "cpu");
}

fn demo_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = ["demo", "here", "--device", "cpu"];
    let parts = [
        "1. Drawing",
        "2. Training",
        "3. Predicting",
        "4. Drawing baskets",
        "5. Training with any number of labels",
        "6. One basket through both models",
        "macro F1",
        "softmax has one 100 % to share out",
        "huemax train my-pictures",
        "accuracy",
    ];
    huemax(&arguments, folder.path()).check(0, &parts);
    let manifest = std::fs::read_to_string(folder.path().join("here/baskets.csv")).expect("a manifest");
    let pictures = std::fs::read_dir(folder.path().join("here/baskets")).expect("a folder").count();
    assert_eq!(manifest.lines().count() - 1, pictures - 2, "a picture a row, and two files about the set");
    huemax(&arguments, folder.path()).check(0, &["1200 of 1200 pictures of this set are here", "800 of 800"]);
}

fn explain_shows_the_posts_example() {
    let here = Path::new(".");
    let typed = ["--labels", "dog,cat,boat,airplane", "--truth", "airplane"];
    let said = huemax(&["explain"], here).check(0, &["0.9315", "0.0709", "49.8990", "1.8521"]).stdout();
    for scores in [&["--scores=-3.44,1.16,-0.81,3.91"][..], &["--scores", "-3.44, 1.16,-0.81,3.91"]] {
        let again = huemax(&[&["explain"], scores, &typed].concat(), here).check(0, &[]);
        assert_eq!(again.stdout(), said);
    }
    let json = huemax(&["explain", "--json"], here).check(0, &[]).stdout();
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert!(json["cross_entropy"].as_f64().is_some_and(|loss| (loss - 0.0709).abs() < 5e-5), "{json}");
    for several in [&["--truth", "cat,airplane"][..], &["--truth", "cat", "--truth", "airplane"]] {
        huemax(&[&["explain"], several].concat(), here).check(0, &["cat and airplane are true here"]);
    }
    huemax(&["explain", "--truth", ""], here).check(0, &["no label is true here"]);
    huemax(&["explain", "--scores=1000,-1000,0,0"], here).check(0, &["2.0e434", "exp(s - max)"]);
}

fn gpu_and_cpu_predict_the_same() {
    let folder = fruit();
    let at = folder.path();
    for device in ["cpu", "gpu"] {
        huemax(&["train", "fruit", "--device", device, "--out", device, "-q"], at).check(0, &[]);
    }
    let objective = |device: &str| {
        let text = std::fs::read_to_string(at.join(device).join("metrics.json")).expect("a file");
        let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        json["training"]["objective"].as_f64().expect("a number")
    };
    let (cpu, gpu) = (objective("cpu"), objective("gpu"));
    assert!((cpu / gpu - 1.0).abs() < 1e-4, "objectives {cpu} and {gpu}");
    let predicted = |device: &str| -> Vec<String> {
        let text = std::fs::read_to_string(at.join(device).join("predictions.csv")).expect("a file");
        text.lines().map(|line| line.split(',').take(4).collect::<Vec<_>>().join(",")).collect()
    };
    assert_eq!(predicted("cpu"), predicted("gpu"));
    for device in ["cpu", "gpu"] {
        let model = format!("{device}/model.safetensors");
        huemax(&["evaluate", &model, "fruit/", "--device", "gpu"], at).check(0, &["macro avg"]);
        let ran = huemax(&["predict", &model, "fruit/kiwi", "--device", "gpu"], at).check(0, &["kiwi"]);
        assert_eq!(ran.stdout().lines().count(), 8);
    }
}
