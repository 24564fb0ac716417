//! Pipes, devices, folders and links that lead nowhere in the place of files that are read: told at once, with the way out, never waited
//! for and never read without end.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::cli::{Ran, TRAIN, fruit};
use crate::hostile_names::run;
use crate::support::plain;

pub fn register(trials: &mut Vec<libtest_mimic::Trial>) {
    for (name, test) in [
        ("options_that_name_files", options_that_name_files as fn()),
        ("files_of_a_store", files_of_a_store),
        ("tables_beside_pictures", tables_beside_pictures),
        ("files_of_results", files_of_results),
        ("far_too_large_files", far_too_large_files),
    ] {
        plain(trials, &format!("pipes::{name}"), test);
    }
}

/// Ends the test where it takes as long as if something were waited for.
#[track_caller]
fn huemax(arguments: &[&str], at: &Path) -> Ran {
    run(Path::new(env!("CARGO_BIN_EXE_huemax")), arguments, at, b"", None)
}

fn fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo").success());
}

/// What is no file, by the name of what it is, in `odd`; and what is said of it.
const ODD: [(&str, &str); 4] = [
    ("odd/pipe", "it is not a regular file but a pipe; put a file in its place, or name one"),
    ("odd/zero", "it is not a regular file but a device; name a file"),
    ("odd/socket", "it is not a regular file but a socket; name a file"),
    ("odd/gone", "it is not a regular file but a link to nowhere, where nothing is; mend the link"),
];

fn odd(at: &Path) {
    std::fs::create_dir_all(at.join("odd")).expect("a folder");
    fifo(&at.join("odd/pipe"));
    symlink("/dev/zero", at.join("odd/zero")).expect("a link");
    symlink("nowhere", at.join("odd/gone")).expect("a link");
    // It stays when nobody listens any more.
    drop(std::os::unix::net::UnixListener::bind(at.join("odd/socket")).expect("a socket"));
}

fn options_that_name_files() {
    let folder = fruit();
    let at = folder.path();
    odd(at);
    huemax(&TRAIN, at).check(0, &[]);
    let train = ["train", "fruit", "--device", "cpu", "--out", "other"];
    let model = "run/model.safetensors";
    for (path, said) in ODD {
        let commands: [&[&str]; 13] = [
            &[&train[..], &["--class-weight", path]].concat(),
            &[&train[..], &["--loss", "sigmoid", "--pos-weight", path]].concat(),
            &[&train[..], &["--labels", path]].concat(),
            &[&train[..], &["--init", path]].concat(),
            &["train", "--resume", path],
            &["train", "--features", path, "--labels", "y.csv", "--out", "other"],
            &["predict", path, "fruit/kiwi"],
            &["predict", model, "--features", path],
            &["evaluate", path, "fruit"],
            &["evaluate", model, "fruit", "--labels", path],
            &["extract", "fruit", "--labels", path, "--out", "store"],
            &["bench", "--baseline", path, "--quick", "--device", "cpu"],
            &["bench", "--baseline", path, "--against", path],
        ];
        std::fs::write(at.join("y.csv"), "label\na\nb\n").expect("a file");
        for command in commands {
            huemax(command, at).check(1, &[path, said]);
        }
    }
    for command in [
        &[&train[..], &["--class-weight", "odd"]].concat()[..],
        &["bench", "--baseline", "odd", "--quick", "--device", "cpu"],
    ] {
        huemax(command, at).check(1, &["it is not a regular file but a folder; name the file in it"]);
    }
    assert!(!at.join("other").exists() && !at.join("store").exists(), "told after work was begun");
    // The weights are looked at before the pictures are, and not only that they are there.
    huemax(&[&train[..], &["--class-weight", "none.csv"]].concat(), at)
        .check(2, &["none.csv is neither `balanced` nor a file"]);
    assert!(!at.join("other").exists());
}

fn files_of_a_store() {
    let folder = fruit();
    let at = folder.path();
    let extract = ["extract", "fruit", "--device", "cpu", "--out", "store"];
    huemax(&extract, at).check(0, &[]);
    let train = ["train", "store", "--device", "cpu", "--out", "run"];
    for name in ["features.npy", "samples.csv", "features.json"] {
        let file = at.join("store").join(name);
        let whole = std::fs::read(&file).expect("a file");
        let refused = |what: &str| {
            let anew = "make it anew with `huemax extract DATA --out STORE --force`";
            let here = "remove the folder store, and its features are made anew; or write over it with `huemax extract DATA --out store --force`";
            for (command, way_out) in [(&train[..], anew), (&extract, here)] {
                huemax(command, at).check(1, &[&format!("store/{name}: "), what, way_out]);
            }
        };
        std::fs::remove_file(&file).expect("a file");
        fifo(&file);
        refused("not a regular file but a pipe");
        std::fs::remove_file(&file).expect("a pipe");
        symlink("/dev/zero", &file).expect("a link");
        refused("not a regular file but a device");
        std::fs::remove_file(&file).expect("a link");
        symlink("nowhere", &file).expect("a link");
        refused("where nothing is");
        std::fs::remove_file(&file).expect("a link");
        if name != "features.json" {
            // A store whose numbers or table are gone is no folder without pictures.
            refused("No such file");
        }
        std::fs::write(&file, &whole[..whole.len().min(40)]).expect("a file");
        refused("");
        std::fs::write(&file, whole).expect("a file");
    }
    huemax(&train, at).check(0, &["accuracy"]);
    for name in ["journal.part", "store.lock"] {
        fifo(&at.join("store").join(name));
        huemax(&extract, at).check(1, &[name, "not a regular file"]);
        std::fs::remove_file(at.join("store").join(name)).expect("a pipe");
    }
}

fn tables_beside_pictures() {
    let folder = fruit();
    let at = folder.path();
    for name in ["metadata.csv", "metadata.jsonl"] {
        let table = at.join("fruit").join(name);
        fifo(&table);
        huemax(&TRAIN, at).check(1, &[&format!("fruit/{name}"), "not a regular file but a pipe", "--labels"]);
        // Whoever says where labels are does not need it.
        huemax(&[&TRAIN[..], &["--labels", "folder", "--force"]].concat(), at).check(0, &[]);
        std::fs::remove_file(&table).expect("a pipe");
        symlink("nowhere", &table).expect("a link");
        huemax(&[&TRAIN[..], &["--force"]].concat(), at).check(1, &[name, "nowhere, where nothing is"]);
        std::fs::remove_file(&table).expect("a link");
    }
    // A pipe in place of one text: that picture has none, and it is said.
    let pictures = std::fs::read_dir(at.join("fruit")).expect("a folder").flatten();
    let pictures = pictures.filter(|class| class.path().is_dir());
    for picture in pictures.flat_map(|class| std::fs::read_dir(class.path()).expect("a folder").flatten()) {
        let class = picture.path().parent().and_then(|class| class.file_name()).map(ToOwned::to_owned);
        let text = class.expect("a class").into_string().expect("text");
        std::fs::write(picture.path().with_extension("cls"), text).expect("written");
    }
    let sidecars = [&TRAIN[..], &["--labels", "sidecar", "--force"]].concat();
    huemax(&sidecars, at).check(0, &[]);
    let kiwi = std::fs::read_dir(at.join("fruit/kiwi")).expect("a folder").flatten();
    let beside = kiwi.map(|file| file.path()).find(|path| path.extension().is_some_and(|e| e == "cls"));
    let beside = beside.expect("a text");
    std::fs::remove_file(&beside).expect("a text");
    fifo(&beside);
    let stem = beside.file_stem().expect("a name").to_str().expect("text").to_owned();
    huemax(&sidecars, at).check(0, &["1 picture has no", &stem]);
}

/// Lists and checkpoints in a folder of results.
fn files_of_results() {
    let folder = fruit();
    let at = folder.path();
    std::fs::create_dir(at.join("run")).expect("a folder");
    for name in ["skipped.csv", "duplicates.csv"] {
        let list = at.join("run").join(name);
        fifo(&list);
        huemax(&TRAIN, at).check(2, &[name, "that huemax did not write"]);
        std::fs::remove_file(&list).expect("a pipe");
    }
    for name in ["checkpoint.safetensors", "checkpoint.previous.safetensors"] {
        let file = at.join("run").join(name);
        fifo(&file);
        huemax(&["train", "--resume", "run"], at).check(1, &[name, "not a regular file but a pipe"]);
        std::fs::remove_file(&file).expect("a pipe");
    }
    std::fs::create_dir(at.join("demo")).expect("a folder");
    fifo(&at.join("demo/demo.lock"));
    huemax(&["demo", "demo", "--device", "cpu"], at).check(1, &["demo.lock", "not a regular file"]);
    std::fs::remove_file(at.join("demo/demo.lock")).expect("a pipe");
    std::fs::create_dir(at.join("demo/pictures")).expect("a folder");
    fifo(&at.join("demo/pictures/demo.json"));
    huemax(&["demo", "demo", "--device", "cpu"], at)
        .check(1, &["demo.json", "not a regular file but a pipe"]);
}

/// Files without end on the disk: nothing of them is read.
fn far_too_large_files() {
    let folder = fruit();
    let at = folder.path();
    let file = std::fs::File::create(at.join("large")).expect("a file");
    file.set_len(30 << 30).expect("a sparse file");
    let said = "it has 32212254720 bytes, and no such file has more than";
    huemax(&[&TRAIN[..], &["--class-weight", "large"]].concat(), at).check(1, &["large", said]);
    huemax(&["bench", "--baseline", "large", "--quick"], at).check(1, &["large", said, "--json FILE"]);
    std::fs::rename(at.join("large"), at.join("large.npy")).expect("a rename");
    huemax(&["extract", "fruit", "--device", "cpu", "--out", "store"], at).check(0, &[]);
    let features = ["--features", "store/features.npy", "--labels", "large.npy", "--device", "cpu"];
    huemax(&[&["train"][..], &features].concat(), at).check(1, &["large.npy", said]);
}
