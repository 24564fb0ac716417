//! Stores and folders that somebody else prepared: nothing is written through what lies there, no pipe is waited for, and what was good stays.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::cli::{fruit, huemax};
use crate::support::plain;

pub fn register(trials: &mut Vec<libtest_mimic::Trial>) {
    for (name, test) in [
        ("nothing_is_written_through_a_store", nothing_is_written_through_a_store as fn()),
        ("a_store_stays_where_nothing_can_be_read", a_store_stays_where_nothing_can_be_read),
        ("results_stay_together", results_stay_together),
        ("names_make_no_lines_of_their_own", names_make_no_lines_of_their_own),
    ] {
        plain(trials, &format!("untrusted::{name}"), test);
    }
}

const EXTRACT: [&str; 6] = ["extract", "fruit", "--out", "store", "--device", "cpu"];

/// Any picture of the demo set.
fn a_picture(at: &Path) -> std::path::PathBuf {
    let first = fs::read_dir(at.join("fruit/kiwi")).expect("a folder").next();
    first.expect("a picture").expect("a picture").path()
}

fn nothing_is_written_through_a_store() {
    const PARTS: [&str; 5] =
        ["features.npy.part", "samples.csv.part", "features.json.part", "journal.part2", "commit.part2"];
    let folder = fruit();
    let at = folder.path();
    let mine = at.join("mine");
    fs::write(&mine, "precious").expect("a file");
    huemax(&EXTRACT, at).check(0, &[]);
    let mut changed = 0;
    let mut with = |make: &dyn Fn(&Path)| {
        PARTS.iter().for_each(|part| make(&at.join("store").join(part)));
        // There is something to do.
        changed += 1;
        fs::copy(a_picture(at), at.join(format!("fruit/kiwi/more{changed}.png"))).expect("copied");
        huemax(&EXTRACT, at).check(0, &["wrote"]);
        assert_eq!(fs::read(&mine).expect("a file"), b"precious");
    };
    with(&|part| symlink(&mine, part).expect("a link"));
    with(&|part| fs::hard_link(&mine, part).expect("another name"));
    with(&|part| assert!(Command::new("mkfifo").arg(part).status().expect("mkfifo").success()));
    symlink(at.join("new"), at.join("store/store.lock")).expect("a link");
    huemax(&EXTRACT, at).check(1, &["store.lock", "not a regular file"]);
    assert!(!at.join("new").exists());
}

fn a_store_stays_where_nothing_can_be_read() {
    let folder = fruit();
    let at = folder.path();
    huemax(&EXTRACT, at).check(0, &[]);
    let before = fs::read(at.join("store/features.npy")).expect("features");
    let none = ["--max-errors", "100%", "--max-pixels", "10"];
    huemax(&[&EXTRACT[..], &none].concat(), at)
        .check(1, &["could not be read, and what there is stays as it is"]);
    assert_eq!(fs::read(at.join("store/features.npy")).expect("features"), before);
    huemax(&EXTRACT, at).check(0, &[]);
    assert_eq!(fs::read(at.join("store/features.npy")).expect("features"), before);
}

fn names_make_no_lines_of_their_own() {
    let folder = fruit();
    let at = folder.path();
    fs::write(at.join("fruit/kiwi/a\nerror: all is lost.jpg"), "no picture").expect("written");
    let picture = a_picture(at);
    fs::copy(&picture, at.join("fruit/kiwi/b\nerror: twice.png")).expect("copied");
    let train = ["train", "fruit", "--device", "cpu", "--out", "run", "--max-iter", "3"];
    let predict = ["predict", "run/model.safetensors", "fruit/kiwi", "--device", "cpu"];
    for arguments in [&train[..], &predict, &["train", "fruit", "--max-errors", "0", "--device", "cpu"]] {
        let ran = huemax(arguments, at);
        // It is told, on a line that begins with something else.
        assert!(ran.stderr().contains(r"a\nerror: all is lost.jpg"), "{}", ran.stderr());
        for output in [ran.stderr(), ran.stdout()] {
            let forged = output
                .lines()
                .find(|line| line.starts_with("error: all is") || line.starts_with("error: twice"));
            assert_eq!(forged, None, "{output}");
        }
    }
}

/// Where one result cannot be written, none takes its place.
fn results_stay_together() {
    let folder = fruit();
    let at = folder.path();
    let train = ["train", "fruit", "--device", "cpu", "--out", "run", "--max-iter", "3"];
    huemax(&train, at).check(0, &[]);
    let of = |name: &str| fs::read(at.join("run").join(name)).expect("a result");
    let before = (of("model.safetensors"), of("metrics.json"));
    fs::remove_file(at.join("run/predictions.csv")).expect("a result");
    fs::create_dir(at.join("run/predictions.csv")).expect("a folder");
    huemax(&[&train[..], &["--force", "-C", "5"]].concat(), at)
        .check(2, &["run/predictions.csv is a folder"]);
    assert_eq!((of("model.safetensors"), of("metrics.json")), before);
}
