//! What is written goes where nothing is lost: files and results that are there stay, lists too, and what cannot be written to is told
//! before any work.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::cli::{TRAIN, fruit, huemax};
use crate::skipped::rows;
use crate::support::plain;

pub fn register(trials: &mut Vec<libtest_mimic::Trial>) {
    for (name, test) in [
        ("a_measurement_is_not_written_over", a_measurement_is_not_written_over as fn()),
        ("a_refused_run_leaves_the_list_of_the_result", a_refused_run_leaves_the_list_of_the_result),
        ("files_in_the_place_of_folders", files_in_the_place_of_folders),
        ("features_and_results_keep_apart", features_and_results_keep_apart),
        ("lists_have_a_folder_before_the_work", lists_have_a_folder_before_the_work),
        ("one_demo_at_a_time", one_demo_at_a_time),
        ("too_little_memory_is_told_as_that", too_little_memory_is_told_as_that),
        ("a_damaged_model_is_found_out", a_damaged_model_is_found_out),
        ("a_training_that_fails_at_once_leaves_nothing", a_training_that_fails_at_once_leaves_nothing),
        ("names_are_shown_as_they_are", names_are_shown_as_they_are),
    ] {
        plain(trials, &format!("outputs::{name}"), test);
    }
}

fn a_measurement_is_not_written_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let bench = |more: &[&str]| {
        let quick = ["bench", "--quick", "--device", "cpu", "--quiet", "--size", "64,8,3", "--stage", "step"];
        huemax(&[&quick[..], more].concat(), at)
    };
    let mine = at.join("mine.json");
    std::fs::write(&mine, "months of work").expect("a file");
    symlink("mine.json", at.join("link.json")).expect("a link");
    symlink("nowhere", at.join("gone.json")).expect("a link");
    for name in ["mine.json", "link.json", "gone.json"] {
        let said = format!("--json: {name} is there already; name another file, or add --force");
        bench(&["--json", name]).check(2, &[&said]);
    }
    assert_eq!(std::fs::read_to_string(&mine).expect("a file"), "months of work");
    bench(&["--json", "/dev/null"]).check(0, &[]);
    bench(&["--json", "mine.json", "--force"]).check(0, &["wrote mine.json"]);
    bench(&["--json", "mine.json"]).check(2, &["is there already"]);
    bench(&["--force"]).check(2, &["--json"]);
    bench(&["--json", "no/such/run.json"])
        .check(1, &["cannot write no/such/run.json: there is no folder no/such; make it, or name another"]);
}

/// A run that is refused in the middle of what it was to replace.
fn a_refused_run_leaves_the_list_of_the_result() {
    let folder = fruit();
    let at = folder.path();
    let spoil = |name: &str| std::fs::write(at.join("fruit/kiwi").join(name), "no picture").expect("a file");
    spoil("kiwi-001.jpg");
    let extract = ["extract", "fruit", "--device", "cpu", "--out", "store"];
    let evaluate = ["evaluate", "run/model.safetensors", "fruit", "--device", "cpu", "--out", "measured"];
    huemax(&TRAIN, at).check(0, &[]);
    huemax(&extract, at).check(0, &[]);
    huemax(&evaluate, at).check(0, &[]);
    spoil("kiwi-002.jpg");
    for (command, out) in [(&TRAIN[..], "run"), (&extract, "store"), (&evaluate, "measured")] {
        let list = at.join(out).join("skipped.csv");
        let before = std::fs::read(&list).expect("a list");
        let refused = [command, &["--force", "--max-errors", "1"]].concat();
        let name = format!("{out}/skipped.refused.csv");
        huemax(&refused, at).check(1, &[&format!("all of them are listed in {name}")]);
        assert_eq!(std::fs::read(&list).expect("a list"), before, "the list of a result that stays");
        assert_eq!(rows(&at.join(&name)).len(), 2, "{name}");
        // Once more, as any list of huemax's own.
        huemax(&refused, at).check(1, &[&name]);
        // It goes with the next result.
        huemax(&[command, &["--force"]].concat(), at).check(0, &[]);
        assert_eq!(rows(&list).len(), 2);
        assert!(!at.join(&name).exists(), "{name} outlives what it was about");
        // Somebody's own is not written over.
        std::fs::write(at.join(&name), "mine\n").expect("a file");
        if command[0] == "extract" {
            huemax(command, at).check(2, &["skipped.refused.csv that huemax did not write"]);
        }
        std::fs::remove_file(at.join(&name)).expect("a file");
    }
}

fn files_in_the_place_of_folders() {
    let folder = fruit();
    let at = folder.path();
    std::fs::write(at.join("file"), "mine").expect("a file");
    symlink("nowhere", at.join("gone")).expect("a link");
    huemax(&TRAIN, at).check(0, &[]);
    let model = "run/model.safetensors";
    for (name, what) in [
        ("file", "file is a file; name a folder"),
        ("file/x/y", "file is a file"),
        ("gone", "gone is no folder"),
    ] {
        for command in [
            &["train", "fruit", "--device", "cpu", "--out", name][..],
            &["extract", "fruit", "--device", "cpu", "--out", name],
            &["evaluate", model, "fruit", "--device", "cpu", "--out", name],
        ] {
            huemax(command, at).check(2, &["--out: ", what]);
        }
        huemax(&["train", "fruit", "--device", "cpu", "--out", "r", "--cache", name], at)
            .check(2, &["--cache: ", what]);
        huemax(&["evaluate", model, "fruit", "--device", "cpu", "--cache", name], at)
            .check(2, &["--cache: ", what]);
        huemax(&["demo", name, "--device", "cpu"], at).check(2, &[what]);
    }
    huemax(&["train", "fruit", "--device", "cpu", "--out", "r", "--tensorboard", "file"], at)
        .check(1, &["cannot write event files into file", "is a file; name a folder"]);
    assert!(!at.join("r").join("features").exists());
    assert_eq!(std::fs::read_to_string(at.join("file")).expect("a file"), "mine");
}

fn features_and_results_keep_apart() {
    let folder = fruit();
    let at = folder.path();
    huemax(&TRAIN, at).check(0, &[]);
    let said = "run holds results (model.safetensors); name a folder of its own for the features, such as run/features";
    huemax(&["train", "fruit", "--device", "cpu", "--out", "other", "--cache", "run"], at).check(2, &[said]);
    huemax(&["evaluate", "run/model.safetensors", "fruit", "--device", "cpu", "--cache", "run"], at)
        .check(2, &[said]);
    huemax(&["extract", "fruit", "--device", "cpu", "--out", "run", "--force"], at).check(2, &[said]);
    huemax(&["train", "fruit", "--device", "cpu", "--out", "new", "--cache", "./new/"], at)
        .check(2, &["--cache: ./new/ is --out too"]);
    assert!(!at.join("run/features.npy").exists() && !at.join("other").exists() && !at.join("new").exists());
}

fn lists_have_a_folder_before_the_work() {
    let folder = fruit();
    let at = folder.path();
    huemax(&TRAIN, at).check(0, &[]);
    let predict = ["predict", "run/model.safetensors", "fruit/kiwi", "--device", "cpu", "--skipped"];
    let ran = huemax(&[&predict[..], &["no/such/left.csv"]].concat(), at)
        .check(1, &["cannot write no/such/left.csv: there is no folder no/such; make it"]);
    assert_eq!(ran.stdout(), "", "told after the work");
    // A photograph is no list.
    let photograph = at.join("fruit/kiwi/kiwi-001.jpg");
    let before = std::fs::read(&photograph).expect("a picture");
    std::fs::write(at.join("fruit/kiwi/broken.jpg"), "no picture").expect("a file");
    huemax(&[&predict[..], &["fruit/kiwi/kiwi-001.jpg"]].concat(), at)
        .check(2, &["--skipped: fruit/kiwi/kiwi-001.jpg is there and no list of skipped pictures"]);
    assert_eq!(std::fs::read(&photograph).expect("a picture"), before);
}

fn one_demo_at_a_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let mut first = Command::new(env!("CARGO_BIN_EXE_huemax"))
        .args(["demo", "here", "--device", "cpu"])
        .current_dir(at)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    while !at.join("here/pictures/demo.json").exists() {
        assert!(first.try_wait().expect("a process").is_none(), "the first demo ended before it drew");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    huemax(&["demo", "here", "--device", "cpu"], at)
        .check(1, &["another huemax demo is at work there; wait until it is done, or name another folder"]);
    first.kill().expect("a process");
    first.wait().expect("a process");
}

fn too_little_memory_is_told_as_that() {
    let folder = fruit();
    let at = folder.path();
    let memory = ["--memory=1KiB"];
    for command in [&TRAIN[..], &["extract", "fruit", "--device", "cpu", "--out", "store"]] {
        let ran = huemax(&[command, &memory].concat(), at).check(
            1,
            &[
                "96 of 96 pictures could not be read",
                "96 of them only take more memory than there is: raise --memory",
            ],
        );
        let last = ran.stderr().lines().last().unwrap_or_default().to_owned();
        assert!(!last.contains("--max-errors") && !last.contains("mend"), "{last}");
    }
    // Where nothing is left there is no rest to let through.
    for class in ["a", "b"] {
        std::fs::create_dir_all(at.join("bad").join(class)).expect("a folder");
        (0..14).for_each(|i| std::fs::write(at.join(format!("bad/{class}/{i}.jpg")), "no").expect("a file"));
    }
    let ran =
        huemax(&["train", "bad", "--device", "cpu"], at).check(1, &["28 of 28 pictures could not be read"]);
    assert!(!ran.stderr().contains("the rest"), "{}", ran.stderr());
}

fn a_damaged_model_is_found_out() {
    let folder = fruit();
    let at = folder.path();
    huemax(&TRAIN, at).check(0, &[]);
    let model = at.join("run/model.safetensors");
    let mut bytes = std::fs::read(&model).expect("a model");
    let last = bytes.len() - 1000;
    bytes[last] ^= 0x10;
    std::fs::write(&model, bytes).expect("a file");
    let said = "run/model.safetensors is damaged: its digest says that it was changed after it was written; copy it again, or train it again";
    huemax(&["predict", "run/model.safetensors", "fruit/kiwi", "--device", "cpu"], at).check(1, &[said]);
    huemax(&["evaluate", "run/model.safetensors", "fruit", "--device", "cpu"], at).check(1, &[said]);
    huemax(&["train", "fruit", "--device", "cpu", "--init", "run/model.safetensors", "--out", "x"], at)
        .check(1, &[said]);
}

/// As the README says it.
fn a_training_that_fails_at_once_leaves_nothing() {
    let folder = fruit();
    let at = folder.path();
    let last = at.join("fruit/tomato");
    let last = if last.is_dir() { last } else { at.join("fruit/kiwi") };
    let picture = std::fs::read_dir(&last).expect("a folder").flatten().next().expect("a picture").path();
    std::fs::write(&picture, "no picture").expect("a file");
    let before = names(at);
    huemax(&["train", "fruit", "--device", "cpu", "--on-error", "fail"], at).check(1, &["not a picture"]);
    assert_eq!(names(at), before);
    // But for the list of what could not be read.
    huemax(&["train", "fruit", "--device", "cpu", "--max-errors", "0"], at).check(1, &["runs/"]);
    let run = std::fs::read_dir(at.join("runs")).expect("runs").flatten().next().expect("a run").path();
    assert_eq!(names(&run), ["skipped.csv"]);
}

fn names(folder: &Path) -> Vec<String> {
    let all = std::fs::read_dir(folder).expect("a folder").flatten();
    let mut names: Vec<String> = all.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// What reorders or moves what is shown is told as an escape, on standard error and in the table of `predict`.
fn names_are_shown_as_they_are() {
    let folder = fruit();
    let at = folder.path();
    huemax(&TRAIN, at).check(0, &[]);
    let kiwi = at.join("fruit/kiwi");
    let odd = "a\u{202e}b\tc\u{1b}[31m\u{2066}\u{200f}\u{61c}.jpg";
    let shown = r"a\u{202e}b\tc\u{1b}[31m\u{2066}\u{200f}\u{61c}.jpg";
    std::fs::copy(kiwi.join("kiwi-001.jpg"), kiwi.join(odd)).expect("a file");
    std::fs::write(kiwi.join(format!("x{odd}")), "no picture").expect("a file");
    let raw = ['\u{202e}', '\t', '\u{1b}', '\u{2066}', '\u{200f}', '\u{61c}'];
    let plain = |text: &str| assert!(!text.contains(raw), "{text:?}");
    let ran = huemax(&["predict", "run/model.safetensors", "fruit/kiwi", "--device", "cpu"], at)
        .check(0, &[&format!("kiwi/{shown}  "), &format!("skipped fruit/kiwi/x{shown}: ")]);
    plain(&ran.stdout());
    plain(&ran.stderr());
    let ran = huemax(&[&TRAIN[..], &["--force"]].concat(), at).check(0, &[shown, "byte for byte"]);
    plain(&ran.stdout());
    plain(&ran.stderr());
}
