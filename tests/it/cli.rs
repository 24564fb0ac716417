//! The program as people use it: commands that work, and mistakes that end in a sentence that helps.

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
        ("broken_pictures_are_skipped_and_listed", broken_pictures_are_skipped_and_listed),
        ("nothing_readable_is_an_error", nothing_readable_is_an_error),
        ("wrong_data_is_explained", wrong_data_is_explained),
        ("wrong_usage_is_exit_code_2", wrong_usage_is_exit_code_2),
        ("wrong_models_are_explained", wrong_models_are_explained),
        ("unknown_labels_are_refused_by_name", unknown_labels_are_refused_by_name),
        ("ready_made_parts_are_respected", ready_made_parts_are_respected),
        ("a_closed_pipe_is_no_error", a_closed_pipe_is_no_error),
        (
            "a_closed_standard_error_does_not_stop_a_training",
            a_closed_standard_error_does_not_stop_a_training,
        ),
        ("trainings_at_once_keep_apart", trainings_at_once_keep_apart),
        ("kaggles_layout_is_understood", kaggles_layout_is_understood),
        ("threads_do_not_change_a_model", threads_do_not_change_a_model),
        ("devices_lists_the_cpu", devices_lists_the_cpu),
        ("demo_runs", demo_runs),
    ] {
        plain(trials, &format!("cli::{name}"), test);
    }
    on_gpu_only(trials, "cli::gpu_and_cpu_predict_the_same", |_| gpu_and_cpu_predict_the_same());
}

/// A run of the program. Whatever is asked of it, a failure prints the command and everything it said.
struct Ran {
    command: String,
    output: Output,
}

fn huemax(arguments: &[&str], folder: &Path) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_huemax"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .expect("the program starts");
    Ran { command: format!("huemax {}", arguments.join(" ")), output }
}

impl Ran {
    fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    #[track_caller]
    fn check(self, code: i32, parts: &[&str]) -> Self {
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
fn fruit() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let options = DrawOptions { per_class: 8, ..DrawOptions::default() };
    draw(&folder.path().join("fruit"), &options, &Quiet).expect("a drawing");
    folder
}

const TRAIN: [&str; 6] = ["train", "fruit", "--device", "cpu", "--out", "run"];

fn train_evaluate_predict() {
    let folder = fruit();
    let at = folder.path();
    let ran = huemax(&TRAIN, at)
        .check(0, &["classes: 12 (banana, broccoli", "8×8×8 bins", "batches of", "macro avg", "actual="]);
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
    let json: serde_json::Value = serde_json::from_str(&ran.stdout()).expect("JSON");
    let written = std::fs::read_to_string(folder.path().join("run/metrics.json")).expect("a file");
    assert_eq!(serde_json::from_str::<serde_json::Value>(&written).expect("JSON"), json);
    assert!(json["evaluation"]["metrics"]["accuracy"].as_f64().is_some_and(|a| a > 0.2), "{json}");
    assert!(json["training"]["objective"].as_f64().is_some(), "{json}");
    assert_eq!(ran.stderr(), "");
}

/// A BMP header that declares a size and nothing behind it.
fn bmp(width: i32, height: i32) -> Vec<u8> {
    let mut bytes = b"BM\x36\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0".to_vec();
    bytes.extend(width.to_le_bytes());
    bytes.extend(height.to_le_bytes());
    bytes.extend([1, 0, 24, 0]);
    bytes.extend([0; 24]);
    bytes
}

fn broken_pictures_are_skipped_and_listed() {
    let folder = fruit();
    let kiwi = folder.path().join("fruit/kiwi");
    let whole = std::fs::read(kiwi.join("kiwi-001.jpg")).expect("a picture");
    std::fs::write(kiwi.join("cut.jpg"), &whole[..whole.len() / 3]).expect("a file");
    std::fs::write(kiwi.join("empty.png"), b"").expect("a file");
    std::fs::write(kiwi.join("text.jpg"), b"no picture at all").expect("a file");
    std::fs::write(kiwi.join("huge.bmp"), bmp(60_000, 60_000)).expect("a file");
    std::fs::write(kiwi.join("none.bmp"), bmp(0, 0)).expect("a file");
    let parts = [
        "5 pictures could not be read",
        "cut.jpg: ",
        "empty.png: ",
        "text.jpg: ",
        "huge.bmp: ",
        "none.bmp: ",
    ];
    huemax(&TRAIN, folder.path()).check(0, &parts);
    let model = "run/model.safetensors";
    huemax(&["predict", model, "fruit/kiwi", "--device", "cpu"], folder.path())
        .check(0, &["skipped fruit/kiwi/huge.bmp", "200000000", "5 of 13 pictures could not be read"]);
    huemax(&["predict", model, "fruit/kiwi/text.jpg", "--device", "cpu"], folder.path())
        .check(1, &["no picture could be read (1 skipped)"]);
}

fn nothing_readable_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    for class in ["a", "b"] {
        std::fs::create_dir_all(folder.path().join("fruit").join(class)).expect("a folder");
        for name in ["1.jpg", "2.jpg"] {
            std::fs::write(folder.path().join("fruit").join(class).join(name), b"not a picture")
                .expect("a file");
        }
    }
    huemax(&TRAIN, folder.path()).check(1, &["cannot be read", "\"a\", \"b\"", "fruit"]);
    assert!(!folder.path().join("run/model.safetensors").exists());
}

fn wrong_data_is_explained() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let train = |data: &str| huemax(&["train", data, "--device", "cpu"], at);
    train("nowhere").check(1, &["error: nowhere does not exist"]);
    std::fs::create_dir(at.join("empty")).expect("a folder");
    train("empty").check(1, &["no pictures in empty", ".jpg"]);
    let picture = image::RgbImage::from_pixel(4, 4, image::Rgb([9, 200, 3]));
    let save = |path: &str| {
        let path = at.join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        picture.save(path).expect("a picture");
    };
    save("one/cat/1.png");
    save("one/cat/2.png");
    train("one").check(1, &["only one class", "cat"]);
    save("single/cat/1.png");
    save("single/cat/2.png");
    save("single/dog/1.png");
    train("single").check(1, &["single picture", "\"dog\""]);
    train("single/dog/1.png").check(1, &["is a file"]);
    assert!(!at.join("runs").exists(), "a failed training left something behind");
}

fn wrong_usage_is_exit_code_2() {
    let folder = fruit();
    for (arguments, said) in [
        (vec!["--labels", "names"], "folder, prefix"),
        (vec!["--bins", "8,8"], "three numbers"),
        (vec!["--bins", "0,8,8"], "1 to 180"),
        (vec!["--test-size", "1"], "above 0 and below 1"),
        (vec!["--test-size", "none"], "above 0 and below 1"),
        (vec!["-C", "0"], "-C: 0.0 is not a positive number"),
        (vec!["-C", "-1"], "-C: -1.0 is not a positive number"),
        (vec!["-C", "1e-300"], "-C: 1e-300 is too small"),
        (vec!["--momentum", "1"], "--momentum"),
        (vec!["--learning-rate", "-0.1"], "--learning-rate"),
        (vec!["--batch-size", "0"], "--batch-size"),
        (vec!["--epochs", "0"], "--epochs"),
        (vec!["--device", "gpu:x"], "gpu:N takes a number"),
        (vec!["--nonsense"], "--nonsense"),
    ] {
        huemax(&[&["train", "fruit"], arguments.as_slice()].concat(), folder.path()).check(2, &[said]);
    }
    huemax(&[], folder.path()).check(2, &["Usage"]);
    huemax(&["train", "fruit", "--device", "gpu:99"], folder.path()).check(1, &["gpu:99", "there is: cpu"]);
    huemax(&["train", "fruit", "--device", "Voodoo 2"], folder.path())
        .check(1, &["Voodoo 2", "there is: cpu"]);
    huemax(&["train", "fruit", "--device", "cpu", "--learning-rate", "1e6", "--epochs", "30"], folder.path())
        .check(1, &["diverged", "--learning-rate 1.00e5"]);
    assert!(!folder.path().join("runs").exists(), "a failed training left something behind");
}

fn wrong_models_are_explained() {
    let folder = fruit();
    let at = folder.path();
    huemax(&TRAIN, at).check(0, &[]);
    let predict = |model: &str| huemax(&["predict", model, "fruit", "--device", "cpu"], at);
    predict("nowhere").check(1, &["cannot read nowhere"]);
    predict("fruit/kiwi/kiwi-001.jpg").check(1, &["kiwi-001.jpg is not a huemax model"]);
    predict("run").check(1, &["it is a folder", "model.safetensors"]);
    let bytes = std::fs::read(at.join("run/model.safetensors")).expect("a model");
    std::fs::write(at.join("cut"), &bytes[..bytes.len() - 100]).expect("a file");
    predict("cut").check(1, &["cut is damaged"]);
    let place = bytes.windows(10).position(|w| w == b"format\\\":1").expect("the format");
    let mut newer = bytes;
    newer[place + 9] = b'9';
    std::fs::write(at.join("newer"), newer).expect("a file");
    predict("newer").check(1, &["newer has model format 9", "reads format 1"]);
}

fn unknown_labels_are_refused_by_name() {
    let folder = fruit();
    let at = folder.path();
    huemax(&TRAIN, at).check(0, &[]);
    std::fs::rename(at.join("fruit/kiwi"), at.join("fruit/dragonfruit")).expect("a rename");
    huemax(&["evaluate", "run/model.safetensors", "fruit", "--device", "cpu"], at)
        .check(1, &["does not know this label: dragonfruit", "it knows", "kiwi"]);
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

/// The program with standard output or standard error closed at once.
fn closed(arguments: &[&str], folder: &Path, stderr: bool) -> Ran {
    let mut child = Command::new(env!("CARGO_BIN_EXE_huemax"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    if stderr {
        drop(child.stderr.take());
    } else {
        drop(child.stdout.take());
    }
    let output = child.wait_with_output().expect("the program ends");
    Ran { command: format!("huemax {} (closed)", arguments.join(" ")), output }
}

fn a_closed_pipe_is_no_error() {
    let folder = fruit();
    huemax(&TRAIN, folder.path()).check(0, &[]);
    // More than any buffer on the way holds.
    let many = vec!["fruit"; 20];
    for format in ["table", "csv", "jsonl"] {
        let arguments =
            ["predict", "run/model.safetensors", "--format", format, "--device", "cpu", "--top", "12"];
        closed(&[&arguments[..], &many].concat(), folder.path(), false).check(0, &[]);
    }
}

fn a_closed_standard_error_does_not_stop_a_training() {
    let folder = fruit();
    closed(&TRAIN, folder.path(), true).check(0, &["accuracy"]);
    assert!(folder.path().join("run/model.safetensors").is_file());
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
            .args([
                "train",
                "fruit",
                "--device",
                "cpu",
                "--epochs",
                "20",
                "-q",
                "--batch-size",
                "60",
                "--out",
                threads,
            ])
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
    let parts = ["1. Drawing", "2. Training", "3. Predicting", "huemax train my-pictures", "accuracy"];
    huemax(&arguments, folder.path()).check(0, &parts);
    huemax(&arguments, folder.path()).check(0, &["are here already"]);
}

fn gpu_and_cpu_predict_the_same() {
    let folder = fruit();
    let at = folder.path();
    for device in ["cpu", "gpu"] {
        huemax(&["train", "fruit", "--device", device, "--out", device, "--epochs", "20", "-q"], at)
            .check(0, &[]);
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
