//! Trainings that are interrupted, killed and gone on with: they end in the bytes of one that was left alone.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use huemax::learn::checkpoint::{CURRENT, LOCK, PREVIOUS, load};
use libtest_mimic::Trial;
use rand::RngExt;

use crate::cli::{Ran, fruit, huemax};
use crate::interrupt::{end, half_written, signal, start};
use crate::support::{on_gpu_only, plain, random};

pub fn register(trials: &mut Vec<Trial>) {
    for (name, test) in [
        ("ctrl_c_saves_and_says_how_to_go_on", ctrl_c_saves_and_says_how_to_go_on as fn()),
        ("ctrl_c_twice_stops_at_once", ctrl_c_twice_stops_at_once),
        ("a_torn_checkpoint_is_passed_over", a_torn_checkpoint_is_passed_over),
        ("other_data_is_refused", other_data_is_refused),
        ("other_content_is_refused", other_content_is_refused),
        ("one_at_a_time_trains_in_a_folder", one_at_a_time_trains_in_a_folder),
        ("a_checkpoint_that_cannot_be_saved_ends_nothing", a_checkpoint_that_cannot_be_saved_ends_nothing),
        ("data_may_move_and_commands_are_kept", data_may_move_and_commands_are_kept),
        ("what_cannot_be_gone_on_with_is_said", what_cannot_be_gone_on_with_is_said),
        ("what_lies_beside_a_checkpoint_stays", what_lies_beside_a_checkpoint_stays),
    ] {
        plain(trials, &format!("resume::{name}"), test);
    }
    on_gpu_only(trials, "resume::a_gpu_ends_in_the_same_bytes", |_| a_gpu_ends_in_the_same_bytes());
    on_gpu_only(trials, "resume::another_device_goes_on_and_says_so", |_| {
        another_device_goes_on_and_says_so();
    });
    for (name, solver) in SOLVERS {
        plain(trials, &format!("resume::kills_do_not_change_a_byte_{name}"), move || {
            kills_do_not_change_a_byte(solver);
        });
    }
}

/// Solvers that can be interrupted, with options that keep them busy for a second or more.
const SOLVERS: [(&str, &[&str]); 3] = [
    ("lbfgs", &["--solver", "lbfgs", "-C", "1e6", "--tol", "1e-12", "--max-iter", "1500"]),
    ("sgd", &["--solver", "sgd", "--nesterov", "--epochs", "300", "--val-size", "0.2", "--patience", "300"]),
    ("adam", &["--solver", "adam", "--epochs", "300", "--l1=0.5"]),
];

/// A training in `folder` that takes its time and saves often.
fn slow<'a>(out: &'a str, solver: &[&'a str]) -> Vec<&'a str> {
    let train = ["train", "fruit", "--device", "cpu", "--bins", "32,16,8", "--out", out];
    [&train, solver, &["--checkpoint-every", "0.01"]].concat()
}

fn model(folder: &Path, out: &str) -> Vec<u8> {
    std::fs::read(folder.join(out).join("model.safetensors")).expect("a model")
}

/// Starts the slow training and waits until its folder holds two checkpoints.
fn running(folder: &Path) -> std::process::Child {
    running_with(SOLVERS[0].1, folder)
}

fn running_with(solver: &[&str], folder: &Path) -> std::process::Child {
    let child = start(&slow("run", solver), folder);
    let begun = Instant::now();
    while !folder.join("run").join(PREVIOUS).exists() {
        assert!(begun.elapsed() < Duration::from_secs(60), "no checkpoint in a minute");
        std::thread::sleep(Duration::from_millis(2));
    }
    child
}

fn whole(folder: &Path) -> Vec<u8> {
    huemax(&slow("whole", SOLVERS[0].1), folder).check(0, &[]);
    assert!(!folder.join("whole").join(CURRENT).exists(), "a checkpoint outlives the training");
    model(folder, "whole")
}

fn ctrl_c_saves_and_says_how_to_go_on() {
    let folder = fruit();
    let at = folder.path();
    let expected = whole(at);
    let child = running(at);
    signal(&child, "INT");
    let ran = Ran { command: "a training and Ctrl-C".into(), output: end(child) };
    ran.check(130, &["stopped after", "saved in run/checkpoint.safetensors", "huemax train --resume run"]);
    assert!(!at.join("run/model.safetensors").exists());
    assert_eq!(half_written(at), [""; 0]);
    // Once more, from the middle, by another signal and with the file instead of the folder.
    let child = start(&["train", "--resume", "run/checkpoint.safetensors"], at);
    std::thread::sleep(Duration::from_millis(200));
    signal(&child, "TERM");
    assert_eq!(end(child).status.code(), Some(130));
    huemax(&["train", "--resume", "run"], at).check(0, &["going on from run/checkpoint.safetensors"]);
    assert!(model(at, "run") == expected, "other bytes than of an uninterrupted training");
    assert!(!at.join("run").join(CURRENT).exists() && !at.join("run").join(PREVIOUS).exists());
    huemax(&["train", "--resume", "run"], at).check(0, &["run is finished", "run/model.safetensors"]);
}

fn ctrl_c_twice_stops_at_once() {
    let folder = fruit();
    let at = folder.path();
    for _ in 0..5 {
        let child = running(at);
        signal(&child, "INT");
        signal(&child, "INT");
        let sent = Instant::now();
        let output = end(child);
        assert_eq!(output.status.code(), Some(130), "{output:?}");
        assert!(sent.elapsed() < Duration::from_secs(3), "{:?}", sent.elapsed());
        load(&at.join("run")).expect("a whole checkpoint");
        std::fs::remove_dir_all(at.join("run")).expect("a folder");
    }
}

/// Kills, `HUEMAX_KILLS` of them, at moments drawn at random; each time there is a whole checkpoint or none yet.
fn kills_do_not_change_a_byte(solver: &[&str]) {
    let most: usize = std::env::var("HUEMAX_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(6);
    let folder = fruit();
    let at = folder.path();
    let begun = Instant::now();
    huemax(&slow("whole", solver), at).check(0, &[]);
    let takes = begun.elapsed();
    let expected = model(at, "whole");
    let run = at.join("run");
    let mut random = random(29);
    let (mut kills, mut finished) = (0, 0);
    while kills < most || finished == 0 {
        let goes_on = run.join(CURRENT).exists() || run.join(PREVIOUS).exists();
        let arguments = if goes_on {
            vec!["train", "--resume", "run"]
        } else {
            [&slow("run", solver)[..], &["--force"]].concat()
        };
        let mut child = start(&arguments, at);
        if kills < most {
            std::thread::sleep(takes.mul_f64(random.random_range(0.05..0.7)));
        } else {
            while child.try_wait().expect("a process").is_none() {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        child.kill().expect("a process");
        let output = child.wait_with_output().expect("a process");
        if output.status.success() {
            finished += 1;
            assert!(model(at, "run") == expected, "other bytes after {kills} kills");
            std::fs::remove_dir_all(&run).expect("a folder");
            continue;
        }
        assert_eq!(output.status.code(), None, "it failed by itself: {output:?}");
        kills += 1;
        if run.join(CURRENT).exists() || run.join(PREVIOUS).exists() {
            let loaded = load(&run).expect("a whole checkpoint");
            assert!(loaded.passed_over.is_none(), "a torn one: {:?}", loaded.passed_over);
        }
    }
}

/// A training that was killed after two checkpoints.
fn killed() -> (tempfile::TempDir, PathBuf) {
    let folder = fruit();
    let mut child = running(folder.path());
    child.kill().expect("a process");
    child.wait().expect("a process");
    let run = folder.path().join("run");
    (folder, run)
}

fn a_torn_checkpoint_is_passed_over() {
    let (folder, run) = killed();
    let at = folder.path();
    let expected = whole(at);
    let current = run.join(CURRENT);
    if !current.exists() {
        std::fs::copy(run.join(PREVIOUS), &current).expect("a copy");
    }
    let bytes = std::fs::read(&current).expect("a checkpoint");
    std::fs::write(&current, &bytes[..bytes.len() / 2]).expect("a file");
    // Alone it is of no use.
    std::fs::create_dir(at.join("alone")).expect("a folder");
    std::fs::copy(&current, at.join("alone").join(CURRENT)).expect("a copy");
    let anew = "to begin anew in the same folder: huemax train DATA --out alone --force";
    huemax(&["train", "--resume", "alone"], at).check(1, &["alone/checkpoint.safetensors is damaged", anew]);
    huemax(&["train", "--resume", "run"], at)
        .check(0, &["checkpoint.safetensors is damaged", "going on from the one before it"]);
    assert!(model(at, "run") == expected, "other bytes than of an uninterrupted training");
}

fn other_data_is_refused() {
    let (folder, run) = killed();
    let at = folder.path();
    let before = std::fs::read(run.join(PREVIOUS)).expect("a checkpoint");
    let kiwi = at.join("fruit/kiwi");
    std::fs::copy(kiwi.join("kiwi-001.jpg"), kiwi.join("more.jpg")).expect("a copy");
    huemax(&["train", "--resume", "run"], at).check(1, &["belongs to another training: other data (names"]);
    std::fs::remove_file(kiwi.join("more.jpg")).expect("a file");
    std::fs::rename(&kiwi, at.join("fruit/fig")).expect("a rename");
    huemax(&["train", "--resume", "run"], at)
        .check(1, &["other labels (new are fig, gone are kiwi)", "put that back as it was, or start anew"]);
    std::fs::rename(at.join("fruit/fig"), &kiwi).expect("a rename");
    // A picture that can no longer be read is found out while reading.
    let picture = kiwi.join("kiwi-001.jpg");
    let length = std::fs::metadata(&picture).expect("a picture").len();
    std::fs::write(&picture, vec![0; length as usize]).expect("a file");
    let ran = huemax(&["train", "--resume", "run"], at).check(1, &["belongs to another training"]);
    // Which of them depends on whether it is a picture of the test.
    let said = ran.stderr();
    assert!(
        said.contains("another part of the same data") || said.contains("its features are others"),
        "{said}"
    );
    assert_eq!(std::fs::read(run.join(PREVIOUS)).expect("a checkpoint"), before);
}

/// A picture in the place of another, of the same length: what stands behind the end of a JPEG file is not read.
fn other_content_is_refused() {
    let (folder, run) = killed();
    let at = folder.path();
    let half = run.join(".huemax-half");
    std::fs::write(&half, b"of a training that was killed").expect("a file");
    let paths = ["fruit/kiwi/kiwi-001.jpg", "fruit/banana/banana-001.jpg"].map(|path| at.join(path));
    let [mut short, mut long] = paths.map(|path| (std::fs::read(&path).expect("a picture"), path));
    if short.0.len() > long.0.len() {
        std::mem::swap(&mut short, &mut long);
    }
    let mut other = short.0;
    other.resize(long.0.len(), 0);
    std::fs::write(&long.1, other).expect("a file");
    huemax(&["train", "--resume", "run"], at)
        .check(1, &["belongs to another training: its features are others than then"]);
    assert!(half.exists(), "it was tidied though it belongs to another training");
    std::fs::write(&long.1, long.0).expect("a file");
    huemax(&["train", "--resume", "run"], at).check(0, &["going on from"]);
    assert!(!half.exists());
}

fn one_at_a_time_trains_in_a_folder() {
    let folder = fruit();
    let at = folder.path();
    let mut child = running_with(&["--solver", "sgd", "--epochs", "100000"], at);
    let half = at.join("run/.huemax-half");
    std::fs::write(&half, b"which the other one is writing").expect("a file");
    let says = ["cannot write into run", "another huemax is writing results there"];
    huemax(&["train", "--resume", "run"], at).check(1, &says);
    huemax(&["train", "--resume", "run/checkpoint.safetensors"], at).check(1, &says);
    huemax(&[&slow("run", SOLVERS[0].1)[..], &["--force"]].concat(), at).check(1, &says);
    assert!(half.exists(), "the other one's file is gone");
    assert!(child.try_wait().expect("a process").is_none(), "it was done before it could be disturbed");
    child.kill().expect("a process");
    child.wait().expect("a process");
    let child = start(&["train", "--resume", "run"], at);
    let begun = Instant::now();
    while half.exists() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it does not tidy");
        std::thread::sleep(Duration::from_millis(2));
    }
    signal(&child, "INT");
    let ran = Ran { command: "one that goes on".into(), output: end(child) };
    ran.check(130, &["going on from", "--resume run"]);
    assert!(!at.join("run").join(LOCK).exists());
}

/// The checkpoint before the last cannot be written, for a while or for good: a folder has its name.
fn a_checkpoint_that_cannot_be_saved_ends_nothing() {
    let folder = fruit();
    let at = folder.path();
    let solver = ["--solver", "adam", "--epochs", "4000"];
    let previous = at.join("run").join(PREVIOUS);
    let block = || {
        let begun = Instant::now();
        while std::fs::create_dir(&previous).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(60), "it is always there");
            std::fs::remove_file(&previous).ok();
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    let mut child = running_with(&solver, at);
    block();
    assert!(child.try_wait().expect("a process").is_none(), "a failed save ended it");
    signal(&child, "INT");
    let ran = Ran { command: "a training that cannot save".into(), output: end(child) };
    ran.check(
        1,
        &[
            "note: no checkpoint this time",
            "cannot rename run/checkpoint.safetensors",
            "the last checkpoint that was saved is run/checkpoint.safetensors",
            "go on with: huemax train --resume run",
        ],
    );
    std::fs::remove_dir(&previous).expect("a folder");
    let child = start(&["train", "--resume", "run"], at);
    let begun = Instant::now();
    while !previous.exists() {
        assert!(begun.elapsed() < Duration::from_secs(60), "no checkpoint in a minute");
        std::thread::sleep(Duration::from_millis(2));
    }
    block();
    std::fs::remove_dir(&previous).expect("a folder");
    Ran { command: "one that can again".into(), output: end(child) }
        .check(0, &["note: no checkpoint this time"]);
    huemax(&slow("whole", &solver), at).check(0, &[]);
    assert!(model(at, "run") == model(at, "whole"), "other bytes than of an uninterrupted training");
}

/// The data is elsewhere, and so is whoever types; weights and labels come from files that were named relative to where the
/// first command was typed.
fn data_may_move_and_commands_are_kept() {
    let folder = fruit();
    let at = folder.path();
    std::fs::write(at.join("weights.csv"), "label,weight\nkiwi,2\n").expect("a file");
    let arguments = [&slow("run", SOLVERS[0].1)[..], &["--class-weight", "weights.csv"]].concat();
    let alone = [&slow("whole", SOLVERS[0].1)[..], &["--class-weight", "weights.csv"]].concat();
    huemax(&alone, at).check(0, &[]);
    let child = start(&arguments, at);
    while !at.join("run").join(PREVIOUS).exists() {
        std::thread::sleep(Duration::from_millis(2));
    }
    signal(&child, "INT");
    assert_eq!(end(child).status.code(), Some(130));
    let elsewhere = at.join("elsewhere");
    std::fs::create_dir(&elsewhere).expect("a folder");
    std::fs::rename(at.join("fruit"), at.join("moved")).expect("a rename");
    // Where it is now has to be said, and how is.
    let hint = "if that was moved, say where it is now: huemax train DATA --resume ../run";
    let begun = format!("the training was begun with {}", at.join("fruit").display());
    huemax(&["train", "--resume", "../run"], &elsewhere).check(1, &["fruit does not exist", &begun, hint]);
    let child = start(&["train", "../moved", "--resume", "../run"], &elsewhere);
    std::thread::sleep(Duration::from_millis(400));
    signal(&child, "INT");
    assert_eq!(end(child).status.code(), Some(130));
    // That it moved is kept too, if training was far enough to save it.
    let ran = huemax(&["train", "../moved", "--resume", "../run", "--json"], &elsewhere)
        .check(0, &["\"event\":\"result\""]);
    let first: serde_json::Value =
        serde_json::from_str(ran.stdout().lines().next().expect("a line")).expect("JSON");
    assert!(first["iteration"].as_u64().is_some_and(|i| i > 1), "it began anew: {first}");
    assert!(model(at, "run") == model(at, "whole"), "other bytes than of an uninterrupted training");
}

fn what_cannot_be_gone_on_with_is_said() {
    let (folder, _) = killed();
    let at = folder.path();
    huemax(&["train", "--resume", "run", "--seed", "3"], at).check(2, &["--resume: --seed is kept"]);
    huemax(&["train", "--resume", "run", "--out", "x"], at).check(2, &["--out is kept"]);
    huemax(&["train", "--resume", "fruit"], at).check(1, &["there is no checkpoint in fruit"]);
    huemax(&["train", "--resume", "fruit/kiwi/kiwi-001.jpg"], at)
        .check(1, &["is no checkpoint of a training"]);
    huemax(&["train", "--resume", "nowhere"], at).check(1, &["cannot read nowhere"]);
    huemax(&["train"], at).check(2, &["DATA"]);
    huemax(&["train", "fruit", "--checkpoint-every", "-1"], at).check(2, &["--checkpoint-every"]);
    // The folder of a training that could be gone on with is not taken from it.
    huemax(&slow("run", SOLVERS[0].1), at).check(2, &["--out: run holds the checkpoint", "--resume run"]);
}

/// Features that somebody began there, though the training keeps none; a list of somebody's.
fn what_lies_beside_a_checkpoint_stays() {
    let folder = fruit();
    let at = folder.path();
    let child = start(&[&slow("run", SOLVERS[0].1)[..], &["--no-cache"]].concat(), at);
    while !at.join("run").join(PREVIOUS).exists() {
        std::thread::sleep(Duration::from_millis(2));
    }
    signal(&child, "INT");
    assert_eq!(end(child).status.code(), Some(130));
    let begun = at.join("run/features/features.npy.part");
    std::fs::create_dir(at.join("run/features")).expect("a folder");
    std::fs::write(&begun, "rows").expect("a file");
    let list = at.join("run/skipped.csv");
    std::fs::write(&list, "mine\n").expect("a file");
    huemax(&["train", "--resume", "run"], at)
        .check(2, &["--resume: run holds a skipped.csv that huemax did not write; move it elsewhere"]);
    assert_eq!(std::fs::read_to_string(&list).expect("a file"), "mine\n");
    std::fs::remove_file(&list).expect("a file");
    let ran = huemax(&["train", "--resume", "run"], at).check(0, &["going on from run/"]);
    assert!(begun.exists() && !ran.stderr().contains("are removed"), "{}", ran.stderr());
}

/// On a GPU, one solver after the other, each interrupted twice.
fn a_gpu_ends_in_the_same_bytes() {
    let folder = fruit();
    let at = folder.path();
    for (name, solver) in [
        ("lbfgs", &["--solver", "lbfgs", "-C", "1e4", "--tol", "1e-9", "--max-iter", "150"][..]),
        ("sgd", &["--solver", "sgd", "--epochs", "60", "--batch-size", "16"]),
        ("adam", &["--solver", "adam", "--epochs", "60", "--batch-size", "16"]),
    ] {
        let whole = format!("{name}-whole");
        let train = ["train", "fruit", "--device", "gpu", "--checkpoint-every", "0.01", "--out"];
        huemax(&[&train[..], &[&whole], solver].concat(), at).check(0, &[]);
        let mut child = start(&[&train[..], &[name], solver].concat(), at);
        let mut interrupted = 0;
        for _ in 0..2 {
            let begun = Instant::now();
            while !at.join(name).join(PREVIOUS).exists() && child.try_wait().expect("a process").is_none() {
                assert!(begun.elapsed() < Duration::from_secs(60), "no checkpoint in a minute");
                std::thread::sleep(Duration::from_millis(1));
            }
            if child.try_wait().expect("a process").is_none() {
                signal(&child, "INT");
            }
            interrupted += u32::from(end(child).status.code() == Some(130));
            child = start(&["train", "--resume", name], at);
        }
        let output = end(child);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(interrupted > 0, "{name} was too fast to be interrupted");
        assert!(
            model(at, name) == model(at, &whole),
            "{name}: other bytes than of an uninterrupted training"
        );
    }
}

fn another_device_goes_on_and_says_so() {
    let (folder, _) = killed();
    let ran = huemax(&["train", "--resume", "run", "--device", "gpu"], folder.path());
    ran.check(
        0,
        &["note: it began on", "will not have the bits that an uninterrupted training gives", "accuracy"],
    );
}
