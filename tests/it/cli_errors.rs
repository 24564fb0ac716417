//! Mistakes that end in a sentence that helps: wrong data, wrong usage, wrong models, closed pipes.

use std::path::Path;
use std::process::{Command, Stdio};

use libtest_mimic::Trial;

use crate::cli::{Ran, TRAIN, fruit, huemax};
use crate::support::plain;

pub fn register(trials: &mut Vec<Trial>) {
    for (name, test) in [
        ("broken_pictures_are_skipped_and_listed", broken_pictures_are_skipped_and_listed as fn()),
        ("nothing_readable_is_an_error", nothing_readable_is_an_error),
        ("wrong_data_is_explained", wrong_data_is_explained),
        ("wrong_usage_is_exit_code_2", wrong_usage_is_exit_code_2),
        ("wrong_models_are_explained", wrong_models_are_explained),
        ("unknown_labels_are_refused_by_name", unknown_labels_are_refused_by_name),
        ("a_closed_pipe_is_no_error", a_closed_pipe_is_no_error),
        ("a_closed_stderr_stops_no_training", a_closed_stderr_stops_no_training),
    ] {
        plain(trials, &format!("cli::{name}"), test);
    }
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
    huemax(&["predict", model, "fruit/kiwi", "--device", "cpu", "--max-errors", "5"], folder.path())
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
    huemax(&TRAIN, folder.path()).check(1, &["4 of 4 pictures could not be read", "a/1.jpg: "]);
    huemax(&[&TRAIN[..], &["--max-errors", "100%"]].concat(), folder.path())
        .check(1, &["cannot be read", "\"a\", \"b\"", "fruit"]);
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
        (vec!["--solver", "sgd", "--momentum", "1"], "--momentum"),
        (vec!["--solver", "sgd", "--learning-rate", "-0.1"], "--learning-rate"),
        (vec!["--solver", "sgd", "--batch-size", "0"], "--batch-size"),
        (vec!["--solver", "sgd", "--epochs", "0"], "--epochs"),
        (vec!["--epochs", "20"], "it is for --solver sgd or adam"),
        (vec!["--solver", "sgd", "--tol", "1e-3"], "it is for --solver lbfgs"),
        (vec!["--solver", "lbfgs", "--loss", "hinge"], "the hinge has kinks"),
        (vec!["--tol", "0"], "--tol"),
        (vec!["--max-iter", "0"], "--max-iter"),
        (vec!["--l1=2"], "--l1: 2.0 is no share"),
        (vec!["--device", "gpu:x"], "gpu:N takes a number"),
        (vec!["--nonsense"], "--nonsense"),
    ] {
        huemax(&[&["train", "fruit"], arguments.as_slice()].concat(), folder.path()).check(2, &[said]);
    }
    huemax(&[], folder.path()).check(2, &["Usage"]);
    for (arguments, said) in [
        (["--scores", "nan,1,2,3"], "--scores: NaN is not a number"),
        (["--scores", "1,inf,2,3"], "--scores: inf is not a number"),
        (["--scores", ""], "--scores: a score is empty"),
        (["--scores", "1,two,3,4"], "--scores: \"two\" is not a number"),
        (["--scores", "1"], "--scores: one score alone"),
        (["--scores", "1,2,3"], "--labels: 4 labels for 3 scores"),
        (["--labels", "a,b,c,a"], "--labels: \"a\" is there twice"),
        (["--truth", "ship"], "--truth: \"ship\" is none of the labels (dog, cat"),
    ] {
        huemax(&["explain", arguments[0], arguments[1]], folder.path()).check(2, &[said]);
    }
    huemax(&["train", "fruit", "--device", "gpu:99"], folder.path()).check(1, &["gpu:99", "there is: cpu"]);
    huemax(&["train", "fruit", "--device", "Voodoo 2"], folder.path())
        .check(1, &["Voodoo 2", "there is: cpu"]);
    huemax(
        &["train", "fruit", "--device", "cpu", "--solver", "sgd", "--learning-rate", "1e6", "--epochs", "30"],
        folder.path(),
    )
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
    let place = bytes.windows(10).position(|w| w == b"format\\\":2").expect("the format");
    let mut newer = bytes;
    newer[place + 9] = b'9';
    std::fs::write(at.join("newer"), newer).expect("a file");
    predict("newer").check(1, &["newer has model format 9", "formats up to 3"]);
}

fn unknown_labels_are_refused_by_name() {
    let folder = fruit();
    let at = folder.path();
    huemax(&TRAIN, at).check(0, &[]);
    std::fs::rename(at.join("fruit/kiwi"), at.join("fruit/dragonfruit")).expect("a rename");
    huemax(&["evaluate", "run/model.safetensors", "fruit", "--device", "cpu"], at)
        .check(1, &["does not know this label: dragonfruit", "it knows", "kiwi"]);
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
    closed(&["explain"], folder.path(), false).check(0, &[]);
}

fn a_closed_stderr_stops_no_training() {
    let folder = fruit();
    closed(&TRAIN, folder.path(), true).check(0, &["accuracy"]);
    assert!(folder.path().join("run/model.safetensors").is_file());
}
