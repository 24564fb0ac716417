//! Pictures that cannot be read: left out and listed, or the end of the run, as it is asked for.

use std::collections::BTreeSet;
use std::path::Path;

use huemax::features::store::{FEATURES, JOURNAL, META, SAMPLES};
use serde_json::Value;

use crate::cli::{Ran, TRAIN, fruit, huemax};
use crate::support::plain;

pub fn register(trials: &mut Vec<libtest_mimic::Trial>) {
    for (name, test) in [
        ("the_first_one_ends_a_run_that_is_to_fail", the_first_one_ends_a_run_that_is_to_fail as fn()),
        ("too_many_end_a_training", too_many_end_a_training),
        ("too_many_end_an_extraction_that_goes_on", too_many_end_an_extraction_that_goes_on),
        ("what_was_skipped_before_counts", what_was_skipped_before_counts),
        ("few_pictures_may_have_one", few_pictures_may_have_one),
        ("lists_of_others_stay", lists_of_others_stay),
        ("wrong_limits_are_wrong_usage", wrong_limits_are_wrong_usage),
    ] {
        plain(trials, &format!("skipped::{name}"), test);
    }
}

/// The rows of a list, without its header.
#[track_caller]
pub fn rows(path: &Path) -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_path(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let record = |record: csv::Result<csv::StringRecord>| {
        record.expect("a record").iter().map(str::to_owned).collect::<Vec<_>>()
    };
    reader.records().map(record).collect()
}

/// The result in what `--json` printed.
#[track_caller]
pub fn result(ran: &Ran) -> Value {
    let text = ran.stdout();
    let last = text.lines().last().unwrap_or_default();
    let value = serde_json::from_str(&text).or_else(|_| serde_json::from_str(last));
    value.unwrap_or_else(|e| panic!("{e}: {text}"))
}

/// Breaks the first `count` pictures of each of `classes`, and gives their paths.
fn broken(at: &Path, classes: &[&str], count: usize) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for class in classes {
        for i in 1..=count {
            let path = format!("{class}/{class}-{i:03}.jpg");
            assert!(at.join("fruit").join(&path).is_file(), "{path}");
            std::fs::write(at.join("fruit").join(&path), "not a picture").expect("a file");
            all.insert(path);
        }
    }
    all
}

fn paths(rows: &[Vec<String>]) -> BTreeSet<String> {
    rows.iter().map(|row| row[0].clone()).collect()
}

const EXTRACT: [&str; 6] = ["extract", "fruit", "--device", "cpu", "--out", "store"];

fn the_first_one_ends_a_run_that_is_to_fail() {
    let folder = fruit();
    let at = folder.path();
    huemax(&[&TRAIN[..], &["--on-error", "fail"]].concat(), at).check(0, &[]);
    let model = "run/model.safetensors";
    let good = std::fs::read(at.join("fruit/kiwi/kiwi-001.jpg")).expect("a picture");
    broken(at, &["kiwi"], 1);

    let fail = ["--on-error", "fail"];
    let told = ["error: kiwi/kiwi-001.jpg: not a picture", "--on-error skip"];
    for more in [&[][..], &["--no-cache"]] {
        let ran =
            huemax(&[&["train", "fruit", "--device", "cpu", "--out", "other"], more, &fail].concat(), at);
        ran.check(1, &told);
        for name in ["model.safetensors", "metrics.json", "predictions.csv", "skipped.csv"] {
            assert!(!at.join("other").join(name).exists(), "{name}");
        }
    }
    let evaluate = ["evaluate", model, "fruit", "--device", "cpu", "--out", "measured"];
    huemax(&[&evaluate[..], &fail].concat(), at).check(1, &told);
    assert_eq!(std::fs::read_dir(at.join("measured")).expect("a folder").count(), 0);
    let predict = ["predict", model, "fruit", "--device", "cpu", "--format", "csv"];
    let ran = huemax(&[&predict[..], &fail].concat(), at)
        .check(1, &["error: fruit/kiwi/kiwi-001.jpg: not a picture", "--on-error skip"]);
    assert_eq!(ran.stdout().trim_end(), "path,rank,label,probability");

    huemax(&[&EXTRACT[..], &fail].concat(), at).check(
        1,
        &[told[0], told[1], " of 96 pictures are kept in store; the same command goes on from there"],
    );
    assert!(at.join("store").join(JOURNAL).is_file() && !at.join("store").join(SAMPLES).exists());
    assert!(!at.join("store/skipped.csv").exists());
    // Put right, it goes on.
    std::fs::write(at.join("fruit/kiwi/kiwi-001.jpg"), good).expect("a file");
    huemax(&[&EXTRACT[..], &fail].concat(), at).check(0, &["from store", "skipped 0"]);
    huemax(&["extract", "fruit", "--device", "cpu", "--out", "fresh"], at).check(0, &[]);
    for name in [FEATURES, SAMPLES, META] {
        let read = |store: &str| std::fs::read(at.join(store).join(name)).expect("a file");
        assert_eq!(read("store"), read("fresh"), "{name}");
    }
}

fn too_many_end_a_training() {
    let folder = fruit();
    let at = folder.path();
    let bad = broken(at, &["banana", "kiwi"], 6);
    let list = at.join("run/skipped.csv");
    for more in [&[][..], &["--no-cache"]] {
        huemax(&[&TRAIN[..], more].concat(), at).check(
            1,
            &[
                "12 of 96 pictures could not be read, and --max-errors allows 10%, 9:",
                "  banana/banana-001.jpg: not a picture",
                "… and 9 more",
                "all of them are listed in run/skipped.csv",
                "--max-errors 12 lets the rest through",
            ],
        );
        let rows = rows(&list);
        assert_eq!(paths(&rows), bad);
        assert!(rows.iter().all(|row| row[1].contains("not a picture")), "{rows:?}");
        assert!(!at.join("run/model.safetensors").exists());
        std::fs::remove_file(&list).expect("a file");
    }

    // A number ends it as soon as it is passed: of two cores each may have met one more.
    huemax(&[&TRAIN[..], &["--max-errors", "3"]].concat(), at).check(
        1,
        &["of 96 pictures could not be read so far, and --max-errors allows 3:", "run/skipped.csv"],
    );
    let met = paths(&rows(&list));
    assert!(met.len() >= 4 && met.is_subset(&bad), "{met:?}");

    // The same command with room for them goes on into the same folder.
    let enough = [&TRAIN[..], &["--max-errors", "12", "--json"]].concat();
    let summary =
        result(&huemax(&enough, at).check(0, &["12 pictures could not be read", "run/skipped.csv"]));
    assert_eq!(summary["data"]["skipped_count"], 12);
    assert_eq!(summary["data"]["skipped"].as_array().expect("a list").len(), 12);
    assert_eq!(paths(&rows(&list)), bad);
    let metrics = std::fs::read_to_string(at.join("run/metrics.json")).expect("a file");
    assert!(metrics.contains("\"skipped_count\": 12"), "{metrics}");

    // A list of an earlier run does not outlive it.
    bad.iter().for_each(|path| std::fs::remove_file(at.join("fruit").join(path)).expect("a file"));
    huemax(&[&TRAIN[..], &["--force"]].concat(), at).check(0, &[]);
    assert!(!list.exists());

    // Without a folder of results that was named, there is one for the list.
    broken(at, &["lemon"], 8);
    huemax(&["train", "fruit", "--device", "cpu", "--max-errors", "0", "--no-cache"], at)
        .check(1, &["runs/"]);
    let runs: Vec<_> = std::fs::read_dir(at.join("runs")).expect("a folder").flatten().collect();
    assert_eq!(runs.len(), 1);
    assert!(!rows(&runs[0].path().join("skipped.csv")).is_empty());
}

fn too_many_end_an_extraction_that_goes_on() {
    let folder = fruit();
    let at = folder.path();
    huemax(&EXTRACT, at).check(0, &["read 96"]);
    let read =
        || [FEATURES, SAMPLES, META].map(|name| std::fs::read(at.join("store").join(name)).expect("a file"));
    let before = read();
    let bad = broken(at, &["banana", "kiwi"], 6);
    let ran = huemax(&[&EXTRACT[..], &["--json"]].concat(), at);
    let told = [
        "12 of 96 pictures could not be read, and --max-errors allows 10%, 9:",
        "store/skipped.refused.csv",
        "are kept in store",
    ];
    let ran = ran.check(1, &told);
    assert_eq!(ran.stdout(), "");
    assert_eq!(read(), before, "what was there is not touched");
    let refused = at.join("store/skipped.refused.csv");
    assert_eq!(paths(&rows(&refused)), bad);
    assert!(!at.join("store/skipped.csv").exists(), "the store has no such pictures");
    let ran = huemax(&[&EXTRACT[..], &["--json", "--max-errors", "13%"]].concat(), at);
    let made = result(&ran.check(0, &["store/skipped.csv"]));
    assert_eq!((&made["skipped_count"], &made["read"], &made["kept"]), (&12.into(), &0.into(), &84.into()));
    assert_eq!(paths(&rows(&at.join("store/skipped.csv"))), bad);
    assert!(!at.join("store").join(JOURNAL).exists() && !refused.exists());

    // The limit holds for what is there too, and changes nothing.
    let before = read();
    huemax(&EXTRACT, at).check(1, &["12 of 96 pictures"]);
    assert_eq!(read(), before);
    bad.iter().for_each(|path| std::fs::remove_file(at.join("fruit").join(path)).expect("a file"));
    huemax(&EXTRACT, at).check(0, &["dropped 12, skipped 0"]);
    assert!(!at.join("store/skipped.csv").exists() && !refused.exists());
}

fn what_was_skipped_before_counts() {
    let folder = fruit();
    let at = folder.path();
    broken(at, &["banana", "kiwi"], 3);
    huemax(&EXTRACT, at).check(0, &["skipped 6"]);
    let train = ["train", "store", "--device", "cpu", "--out", "run"];
    huemax(&[&train[..], &["--max-errors", "5%"]].concat(), at)
        .check(1, &["6 of 96 pictures could not be read, and --max-errors allows 5%, 4:", "run/skipped.csv"]);
    huemax(&[&train[..], &["--on-error", "fail"]].concat(), at).check(1, &["error: banana/banana-001.jpg: "]);
    huemax(&train, at).check(0, &["6 pictures could not be read", "run/skipped.csv"]);
    let predict = ["predict", "run/model.safetensors", "store", "--device", "cpu"];
    huemax(&[&predict[..], &["--max-errors", "5"]].concat(), at).check(1, &["6 of 96 pictures"]);
    huemax(&[&predict[..], &["--skipped", "left.csv"]].concat(), at)
        .check(0, &["skipped banana/banana-001.jpg"]);
    assert_eq!(rows(&at.join("left.csv")).len(), 6);
    let evaluate = ["evaluate", "run/model.safetensors", "store", "--device", "cpu", "--out", "measured"];
    huemax(&[&evaluate[..], &["--max-errors", "5%"]].concat(), at)
        .check(1, &["6 of 96 pictures", "measured/skipped.csv"]);
    huemax(&evaluate, at).check(0, &["measured/skipped.csv"]);
    assert_eq!(rows(&at.join("measured/skipped.csv")).len(), 6);
}

fn few_pictures_may_have_one() {
    let folder = fruit();
    let at = folder.path();
    huemax(&TRAIN, at).check(0, &[]);
    broken(at, &["kiwi"], 2);
    let pictures: Vec<String> = (2..7).map(|i| format!("fruit/kiwi/kiwi-{i:03}.jpg")).collect();
    let pictures: Vec<&str> = pictures.iter().map(String::as_str).collect();
    let predict = [
        "predict",
        "run/model.safetensors",
        "--device",
        "cpu",
        "--format",
        "csv",
        "--top",
        "1",
        "--skipped",
        "left.csv",
    ];
    let predict = |pictures: &[&str], more: &[&str]| huemax(&[&predict[..], pictures, more].concat(), at);
    // One of five is more than a tenth, and is let pass.
    let ran = predict(&pictures, &[])
        .check(0, &["skipped fruit/kiwi/kiwi-002.jpg: ", "1 of 5 pictures could not be read"]);
    assert_eq!(ran.stdout().lines().count(), 1 + 4);
    assert_eq!(paths(&rows(&at.join("left.csv"))), BTreeSet::from([pictures[0].to_owned()]));
    for none in ["0", "0%"] {
        predict(&pictures, &["--max-errors", none]).check(1, &["1 of 5 pictures could not be read"]);
    }
    // Of two the others are predicted all the same.
    let two = [&pictures[..], &["fruit/kiwi/kiwi-001.jpg"]].concat();
    let told = [
        "skipped fruit/kiwi/kiwi-001.jpg: ",
        "2 of 6 pictures could not be read, and --max-errors allows 10%, 1:",
        "left.csv",
    ];
    let ran = predict(&two, &[]).check(1, &told);
    assert_eq!(ran.stdout().lines().count(), 1 + 4);
    assert!(ran.stdout().ends_with('\n'));
    assert_eq!(rows(&at.join("left.csv")).len(), 2);
    // None is left over from before.
    predict(&pictures[1..], &[]).check(0, &[]);
    assert!(!at.join("left.csv").exists());
}

fn lists_of_others_stay() {
    let folder = fruit();
    let at = folder.path();
    let own = "name,why\nmine,mine\n";
    for (list, command) in
        [("run/skipped.csv", &TRAIN[..]), ("run/duplicates.csv", &TRAIN), ("store/skipped.csv", &EXTRACT)]
    {
        let path = at.join(list);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, own).expect("a file");
        huemax(command, at).check(2, &["that huemax did not write", "--force"]);
        assert_eq!(std::fs::read_to_string(&path).expect("a file"), own);
        std::fs::remove_file(&path).expect("a file");
    }
}

fn wrong_limits_are_wrong_usage() {
    let folder = tempfile::tempdir().expect("a folder");
    for wrong in ["ten", "101%", "-1", "1.5", "%"] {
        let limit = format!("--max-errors={wrong}");
        huemax(&["train", "x", &limit], folder.path()).check(2, &["such as 20", "such as 10%"]);
    }
    huemax(&["train", "x", "--on-error", "ignore"], folder.path()).check(2, &["skip", "fail"]);
    huemax(&["train", "--help"], folder.path())
        .check(0, &["--on-error", "--max-errors", "10%", "skipped.csv"]);
}
