//! Pictures that are there more than once are told of, however their features came about.

use std::path::Path;

use serde_json::{Value, json};

use crate::cli::{fruit, huemax};
use crate::skipped::{result, rows};
use crate::support::plain;

pub fn register(trials: &mut Vec<libtest_mimic::Trial>) {
    for (name, test) in [
        ("the_same_from_files_a_cache_and_a_store", the_same_from_files_a_cache_and_a_store as fn()),
        ("equal_features_where_asked_for", equal_features_where_asked_for),
        ("what_a_store_names_is_not_opened", what_a_store_names_is_not_opened),
        ("none_are_none", none_are_none),
    ] {
        plain(trials, &format!("duplicates::{name}"), test);
    }
}

/// Two classes, divided: pictures 0 to 4 are trained on, 5 and 6 tested.
fn divided(at: &Path) {
    for class in ["kiwi", "lemon"] {
        for i in 0..7 {
            let part = if i < 5 { "train" } else { "test" };
            let to = at.join("data").join(part).join(class);
            std::fs::create_dir_all(&to).expect("a folder");
            std::fs::copy(
                at.join(format!("fruit/{class}/{class}-{:03}.jpg", i + 1)),
                to.join(format!("{i}.jpg")),
            )
            .expect("a copy");
        }
    }
}

fn copy(at: &Path, from: &str, to: &str) {
    std::fs::copy(at.join("data").join(from), at.join("data").join(to)).expect("a copy");
}

fn the_same_from_files_a_cache_and_a_store() {
    let folder = fruit();
    let at = folder.path();
    divided(at);
    copy(at, "train/kiwi/0.jpg", "test/kiwi/again.jpg");
    // Labelled otherwise; and the twin with the same label counts before one with another.
    copy(at, "train/lemon/1.jpg", "test/kiwi/wrong.jpg");
    copy(at, "train/kiwi/2.jpg", "train/kiwi/twice.jpg");
    copy(at, "train/kiwi/2.jpg", "train/lemon/kiwi.jpg");
    copy(at, "train/kiwi/2.jpg", "test/lemon/kiwi.jpg");

    let told = [
        "3 pictures of the test are in training too, byte for byte: test/kiwi/again.jpg is train/kiwi/0.jpg",
        "2 pictures are the same as another of their own part",
        "2 of these are labelled otherwise than the picture they equal",
    ];
    let mut seen: Vec<(Value, Vec<Vec<String>>)> = Vec::new();
    huemax(&["extract", "data", "--device", "cpu", "--out", "store"], at).check(0, &[]);
    for (out, data, more) in
        [("files", "data", &["--no-cache"][..]), ("cache", "data", &[]), ("kept", "store", &[])]
    {
        let train = [&["train", data, "--device", "cpu", "--out", out, "--json"], more].concat();
        let ran = huemax(&train, at)
            .check(0, &told)
            .check(0, &[&format!("all are listed in {out}/duplicates.csv")]);
        let found = result(&ran)["data"]["duplicates"].clone();
        seen.push((found, rows(&at.join(out).join("duplicates.csv"))));
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0], seen[2]);
    let (summary, list) = &seen[0];
    let exact = &summary["exact"];
    let counts = ["test_in_train", "test_in_val", "val_in_train", "within_a_part", "other_labels"]
        .map(|name| exact[name].clone());
    assert_eq!(counts, [3, 0, 0, 2, 2].map(|n| json!(n)));
    assert_eq!(exact["first"].as_array().expect("a list").len(), 5);
    assert!(summary.get("features").is_none());
    let expected = [
        ["exact", "test", "test/kiwi/again.jpg", "train", "train/kiwi/0.jpg", "true"],
        ["exact", "test", "test/kiwi/wrong.jpg", "train", "train/lemon/1.jpg", "false"],
        ["exact", "test", "test/lemon/kiwi.jpg", "train", "train/lemon/kiwi.jpg", "true"],
        ["exact", "train", "train/kiwi/twice.jpg", "train", "train/kiwi/2.jpg", "true"],
        ["exact", "train", "train/lemon/kiwi.jpg", "train", "train/kiwi/2.jpg", "false"],
    ];
    assert_eq!(list, &expected);

    // An evaluation reads no more than the test, and of the rest what may be in it.
    let mut seen: Vec<Vec<Vec<String>>> = Vec::new();
    for (out, data, more) in
        [("e-files", "data", &[][..]), ("e-cache", "data", &["--cache", "store"]), ("e-kept", "store", &[])]
    {
        let evaluate =
            [&["evaluate", "files/model.safetensors", data, "--device", "cpu", "--out", out], more].concat();
        huemax(&evaluate, at).check(0, &told[..1]);
        seen.push(
            rows(&at.join(out).join("duplicates.csv")).into_iter().filter(|row| row[1] == "test").collect(),
        );
    }
    assert!(seen.iter().all(|found| found == &expected[..3]), "{seen:?}");
}

/// A store may come from anybody, and name any file.
fn what_a_store_names_is_not_opened() {
    use huemax::features::store::{Hash, META, SAMPLES};

    let folder = fruit();
    let at = folder.path();
    divided(at);
    copy(at, "train/kiwi/0.jpg", "test/kiwi/again.jpg");
    huemax(&["extract", "data", "--device", "cpu", "--out", "store"], at).check(0, &[]);
    huemax(&["train", "store", "--device", "cpu", "--out", "run"], at).check(0, &[]);
    let evaluate = ["evaluate", "run/model.safetensors", "store", "--device", "cpu", "--json"];
    let found = || {
        result(&huemax(&evaluate, at).check(0, &[]))["data"]["duplicates"]["exact"]["test_in_train"].clone()
    };
    assert_eq!(found(), 1);
    // Of one of the two it does not say what its file holds; the file itself is the same as ever.
    let [samples, meta] = [SAMPLES, META].map(|name| at.join("store").join(name));
    let table = std::fs::read_to_string(&samples).expect("a table");
    let line = table.lines().find(|line| line.contains("train/kiwi/0.jpg")).expect("a line");
    let hash = line.split(',').find(|field| field.len() == 32).expect("a hash");
    let bare = table.replace(line, &line.replace(hash, ""));
    let text = std::fs::read_to_string(&meta).expect("a description");
    let [before, after] = [&table, &bare].map(|table| Hash::of(table.as_bytes()).to_string());
    assert!(text.contains(&before), "{text}");
    std::fs::write(&meta, text.replace(&before, &after)).expect("a description");
    std::fs::write(&samples, bare).expect("a table");
    assert_eq!(found(), 0);
}

fn equal_features_where_asked_for() {
    let folder = fruit();
    let at = folder.path();
    divided(at);
    copy(at, "train/kiwi/0.jpg", "test/kiwi/again.jpg");
    // Other bytes, behind the end of the picture, and the same pixels.
    let mut longer = std::fs::read(at.join("data/train/lemon/1.jpg")).expect("a picture");
    longer.extend(b"something else");
    std::fs::write(at.join("data/test/lemon/longer.jpg"), longer).expect("a file");
    for (out, more) in [("files", &["--no-cache"][..]), ("cache", &[]), ("scaled", &["--standardize"])] {
        let train = [&["train", "data", "--device", "cpu", "--out", out, "--json"], more].concat();
        let found = result(&huemax(&train, at).check(0, &[]))["data"]["duplicates"].clone();
        assert_eq!(found["exact"]["test_in_train"], 1);
        assert!(found.get("features").is_none(), "{found}");
        let train = [&train[..], &["--near-duplicates", "--force"]].concat();
        let ran =
            huemax(&train, at).check(0, &["1 picture of the test is in training too, by their features"]);
        let found = result(&ran)["data"]["duplicates"].clone();
        assert_eq!(
            (&found["exact"]["test_in_train"], &found["features"]["test_in_train"]),
            (&json!(1), &json!(1))
        );
        let list = rows(&at.join(out).join("duplicates.csv"));
        let expected = [
            ["exact", "test", "test/kiwi/again.jpg", "train", "train/kiwi/0.jpg", "true"],
            ["features", "test", "test/lemon/longer.jpg", "train", "train/lemon/1.jpg", "true"],
        ];
        assert_eq!(list, expected);
    }
}

fn none_are_none() {
    let folder = fruit();
    let at = folder.path();
    divided(at);
    copy(at, "train/kiwi/0.jpg", "test/kiwi/again.jpg");
    let train = ["train", "data", "--device", "cpu", "--out", "run", "--json"];
    huemax(&train, at).check(0, &["1 picture of the test is in training too"]);
    assert!(at.join("run/duplicates.csv").is_file());
    std::fs::remove_file(at.join("data/test/kiwi/again.jpg")).expect("a file");
    let ran = huemax(&[&train[..], &["--force"]].concat(), at).check(0, &[]);
    assert!(!ran.stderr().contains("byte for byte"), "{}", ran.stderr());
    let none = json!({"test_in_train": 0, "test_in_val": 0, "val_in_train": 0, "within_a_part": 0, "other_labels": 0, "first": []});
    assert_eq!(result(&ran)["data"]["duplicates"]["exact"], none);
    assert!(!at.join("run/duplicates.csv").exists(), "a list of an earlier run");
}
