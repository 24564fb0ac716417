//! Names that are hard to write down, and things in a folder that are no pictures.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use huemax::names;

use crate::cli::{Ran, fruit};
use crate::skipped::{result, rows};
use crate::support::plain;

pub fn register(trials: &mut Vec<libtest_mimic::Trial>) {
    for (name, test) in [
        ("names_come_back_out_of_every_file", names_come_back_out_of_every_file as fn()),
        ("what_is_no_file_is_skipped_and_never_waited_for", what_is_no_file_is_skipped_and_never_waited_for),
        ("a_folder_that_cannot_be_read_is_one_error", a_folder_that_cannot_be_read_is_one_error),
        ("lists_of_pictures_may_be_out_of_date", lists_of_pictures_may_be_out_of_date),
    ] {
        plain(trials, &format!("hostile_names::{name}"), test);
    }
}

/// Runs the program with `input`, as another user if one is given, and fails where it takes longer than any of this may.
#[track_caller]
pub fn run(program: &Path, arguments: &[&str], at: &Path, input: &[u8], user: Option<u32>) -> Ran {
    let typed = tempfile::tempfile().expect("a file");
    std::os::unix::fs::FileExt::write_all_at(&typed, input, 0).expect("a file");
    let mut command = Command::new(program);
    command.args(arguments).current_dir(at).stdin(typed).stdout(Stdio::piped()).stderr(Stdio::piped());
    if let Some(user) = user {
        command.uid(user);
    }
    let mut child = command.spawn().expect("the program starts");
    let (mut out, mut err) = (child.stdout.take().expect("a pipe"), child.stderr.take().expect("a pipe"));
    let all = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        out.read_to_end(&mut bytes).map(|_| bytes)
    });
    let told = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        err.read_to_end(&mut bytes).map(|_| bytes)
    });
    let begun = Instant::now();
    let status = loop {
        match child.try_wait().expect("a process") {
            Some(status) => break status,
            None if begun.elapsed() > Duration::from_secs(60) => {
                child.kill().expect("a process");
                panic!("huemax {} hangs", arguments.join(" "));
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    let [stdout, stderr] = [all, told].map(|thread| thread.join().expect("a thread").expect("output"));
    Ran { command: format!("huemax {}", arguments.join(" ")), output: Output { status, stdout, stderr } }
}

fn huemax(arguments: &[&str], at: &Path) -> Ran {
    run(Path::new(env!("CARGO_BIN_EXE_huemax")), arguments, at, b"", None)
}

/// File names that somebody's writer, reader or shell gets wrong; what is not UTF-8 where names may be that.
fn odd_names() -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> = [
        "a,b.jpg",
        "\"quoted\".jpg",
        "two\nlines.jpg",
        "cr\r\nlf.jpg",
        "🦊 und 猫.jpg",
        "=1+1.jpg",
        " blank.jpg",
        "tab\t;|.jpg",
        r"back\slash.jpg",
        r"looks\xE9.jpg",
        r"looks\x5CxE9.jpg",
        "\u{1b}[31mred.jpg",
        "#comment.jpg",
        "'single'.jpg",
    ]
    .map(|name| name.as_bytes().to_vec())
    .into();
    if cfg!(target_os = "linux") {
        names.extend([b"looks\xe9.jpg".to_vec(), b"looks\xe8.jpg".to_vec(), b"\xff\xfe,\"\n.jpg".to_vec()]);
    }
    names
}

fn path_of(bytes: &[u8]) -> PathBuf {
    OsStr::from_bytes(bytes).into()
}

/// Pictures of two classes with all of these names, a tenth of them broken: relative to `data`, all and the broken ones.
fn odd(at: &Path) -> (BTreeSet<PathBuf>, BTreeSet<PathBuf>) {
    let (mut all, mut bad) = (BTreeSet::new(), BTreeSet::new());
    // Folders that would be one class if their names were made text carelessly.
    let classes: [(&str, &[u8]); 2] = match cfg!(target_os = "linux") {
        true => [("kiwi", b"caf\xe9"), ("lemon", b"caf\xe8")],
        false => [("kiwi", b"a,\"b"), ("lemon", b"a,\"c")],
    };
    for (fruit, class) in classes {
        let folder = path_of(class);
        std::fs::create_dir_all(at.join("data").join(&folder)).expect("a folder");
        for (i, name) in odd_names().iter().enumerate() {
            let to = folder.join(path_of(name));
            let mut bytes = std::fs::read(at.join(format!("fruit/{fruit}/{fruit}-{:03}.jpg", i % 8 + 1)))
                .expect("a picture");
            // No two are the same.
            bytes.extend([i as u8]);
            if i == 2 {
                bytes = b"not a picture".to_vec();
                bad.insert(to.clone());
            }
            std::fs::write(at.join("data").join(&to), bytes).expect("a file");
            all.insert(to);
        }
    }
    (all, bad)
}

fn names_come_back_out_of_every_file() {
    let folder = fruit();
    let at = folder.path();
    let (all, bad) = odd(at);
    let told = |rows: &[Vec<String>], column: usize| -> BTreeSet<PathBuf> {
        let found: BTreeSet<_> = rows.iter().map(|row| names::path(&row[column])).collect();
        assert_eq!(found.len(), rows.len(), "names that look alike");
        found
    };

    huemax(&["extract", "data", "--device", "cpu", "--out", "store"], at).check(0, &["skipped 2"]);
    let samples = rows(&at.join("store/samples.csv"));
    assert_eq!(told(&samples, 1), all);
    assert_eq!(told(&rows(&at.join("store/skipped.csv")), 0), bad);

    // Names do not become others: nothing changes, from the pictures, from the store, and by a table that names them.
    let train = ["train", "data", "--device", "cpu", "--json", "--folds", "2", "--C", "1,2", "--out"];
    let ran = huemax(&[&train[..], &["run"]].concat(), at).check(0, &["run/skipped.csv"]);
    assert!(!ran.stderr().contains('\u{1b}'), "names drive the terminal: {}", ran.stderr());
    let summary = result(&ran);
    let skipped = summary["data"]["skipped"].as_array().expect("a list");
    let skipped: BTreeSet<_> =
        skipped.iter().map(|s| names::path(s["path"].as_str().expect("text"))).collect();
    assert_eq!(skipped, bad);
    assert_eq!(summary["data"]["classes"].as_array().expect("a list").len(), 2);
    assert_eq!(told(&rows(&at.join("run/skipped.csv")), 0), bad);
    let predictions = rows(&at.join("run/predictions.csv"));
    assert_eq!(&told(&predictions, 0) | &bad, all, "with folds every picture has a row");
    huemax(&["train", "store", "--device", "cpu", "--folds", "2", "--C", "1,2", "--out", "kept"], at)
        .check(0, &[]);
    assert_eq!(rows(&at.join("kept/predictions.csv")), predictions);

    let mut table = csv::Writer::from_path(at.join("data/metadata.csv")).expect("a file");
    table.write_record(["file_name", "label"]).expect("a row");
    samples.iter().try_for_each(|row| table.write_record([&row[1], &row[2]])).expect("rows");
    drop(table);
    let ran = huemax(&[&train[..], &["by-table"]].concat(), at).check(0, &["metadata.csv"]);
    let mismatches = &result(&ran)["data"]["mismatches"];
    for kind in ["rows_without_picture", "pictures_without_row", "conflicts", "duplicates"] {
        assert_eq!(mismatches[kind], serde_json::json!([]), "{kind}");
    }
    assert_eq!(rows(&at.join("by-table/predictions.csv")), predictions);
    std::fs::remove_file(at.join("data/metadata.csv")).expect("a file");
    let lines = samples
        .iter()
        .map(|row| serde_json::json!({"file_name": row[1], "label": row[2]}).to_string() + "\n");
    std::fs::write(at.join("data/metadata.jsonl"), lines.collect::<String>()).expect("a file");
    huemax(&[&train[..], &["by-lines", "--strict"]].concat(), at).check(0, &["metadata.jsonl"]);
    assert_eq!(rows(&at.join("by-lines/predictions.csv")), predictions);
    std::fs::remove_file(at.join("data/metadata.jsonl")).expect("a file");

    // What is printed names the files too, and can be asked for again.
    let model = "../run/model.safetensors";
    let ran = huemax(&["predict", model, ".", "--device", "cpu", "--json"], &at.join("data")).check(0, &[]);
    let printed: BTreeSet<PathBuf> = ran
        .stdout()
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"))
        .map(|line| {
            names::path(line["path"].as_str().expect("text")).strip_prefix(".").expect("a path").to_owned()
        })
        .collect();
    assert_eq!(&printed | &bad, all);
    let listed = |row: &&Vec<String>| !row[0].contains(['\n', '\r']);
    let list: Vec<&str> = predictions.iter().filter(listed).map(|row| row[0].as_str()).collect();
    let ran = run(
        Path::new(env!("CARGO_BIN_EXE_huemax")),
        &["predict", model, "-", "--device", "cpu", "--json", "--on-error", "fail"],
        &at.join("data"),
        list.join("\n").as_bytes(),
        None,
    );
    assert_eq!(ran.check(0, &[]).stdout().lines().count(), list.len());
}

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo").success());
}

fn what_is_no_file_is_skipped_and_never_waited_for() {
    let folder = fruit();
    let at = folder.path();
    let data = at.join("data");
    for class in ["kiwi", "lemon"] {
        std::fs::create_dir_all(data.join(class)).expect("a folder");
        for i in 1..9 {
            let name = format!("{class}-{i:03}.jpg");
            std::fs::copy(at.join("fruit").join(class).join(&name), data.join(class).join(name))
                .expect("a copy");
        }
    }
    pipe(&data.join("kiwi/pipe.jpg"));
    pipe(&data.join("kiwi/pipe.txt"));
    pipe(&data.join("kiwi/.hidden.jpg"));
    std::fs::write(data.join("kiwi/.broken.jpg"), "").expect("a file");
    let socket = std::os::unix::net::UnixListener::bind(data.join("kiwi/socket.jpg")).expect("a socket");
    symlink("/dev/zero", data.join("lemon/device.jpg")).expect("a link");
    symlink("nowhere", data.join("lemon/dead.jpg")).expect("a link");
    symlink("self.jpg", data.join("lemon/self.jpg")).expect("a link");
    symlink("../..", data.join("lemon/loop")).expect("a link");
    symlink("pipe.jpg", data.join("kiwi/linked.jpg")).expect("a link");
    std::fs::create_dir(data.join("lemon/folder.jpg")).expect("a folder");
    std::fs::copy(data.join("lemon/lemon-001.jpg"), data.join("lemon/folder.jpg/in.jpg")).expect("a copy");

    let bad = [
        ("kiwi/linked.jpg", "a pipe"),
        ("kiwi/pipe.jpg", "a pipe"),
        ("kiwi/socket.jpg", "a socket"),
        ("lemon/dead.jpg", "No such file"),
        ("lemon/device.jpg", "a device"),
        ("lemon/self.jpg", "symbolic links"),
    ];
    let check = |list: &str, folder: &str| {
        let found = rows(&at.join(list));
        // A way back is no error, and is listed behind what is.
        let (back, found) = found.split_last().expect("rows");
        assert!(back[0] == format!("{folder}lemon/loop") && back[1].contains("a link back"), "{back:?}");
        assert_eq!(found.len(), bad.len(), "{found:?}");
        for ((path, reason), row) in bad.iter().zip(found) {
            assert!(row[0] == format!("{folder}{path}") && row[1].contains(reason), "{row:?}");
        }
    };
    let train = ["train", "data", "--device", "cpu", "--out"];
    // Six of twenty-three are too many.
    huemax(&[&train[..], &["run"]].concat(), at)
        .check(1, &["6 of 23 pictures", "not a regular file but a pipe"]);
    let enough = ["--max-errors", "50%"];
    huemax(&[&train[..], &["run"], &enough].concat(), at)
        .check(0, &["data: 23 pictures", "6 pictures could not be read"]);
    check("run/skipped.csv", "");
    huemax(&[&train[..], &["none", "--on-error", "fail"]].concat(), at).check(1, &["not a regular file"]);
    huemax(&[&["extract", "data", "--device", "cpu", "--out", "store"], &enough[..]].concat(), at)
        .check(0, &["skipped 6"]);
    check("store/skipped.csv", "");
    // Again, where their hashes may be asked for.
    huemax(
        &[&["extract", "data", "--device", "cpu", "--out", "store", "--rehash"], &enough[..]].concat(),
        at,
    )
    .check(0, &["skipped 6"]);
    let model = "run/model.safetensors";
    let evaluate = ["evaluate", model, "data", "--device", "cpu", "--out", "measured"];
    huemax(&[&evaluate[..], &enough].concat(), at).check(0, &[]);
    check("measured/skipped.csv", "");
    let predict = ["predict", model, "data", "--device", "cpu", "--skipped", "left.csv"];
    huemax(&[&predict[..], &enough].concat(), at).check(0, &["skipped data/kiwi/pipe.jpg: "]);
    check("left.csv", "data/");
    // By their own names too.
    for (path, reason) in bad {
        let path = format!("data/{path}");
        huemax(&["predict", model, &path, "data/kiwi/kiwi-001.jpg", "--device", "cpu"], at)
            .check(0, &[&format!("skipped {path}: "), reason]);
    }

    // A table that names them: what is no picture file is a row without a picture, the others are skipped.
    let named = bad.iter().map(|(path, _)| *path).chain([
        "lemon/folder.jpg",
        "kiwi/.broken.jpg",
        "kiwi/kiwi-001.jpg",
        "lemon/lemon-001.jpg",
    ]);
    let named =
        named.chain(["kiwi/kiwi-002.jpg", "lemon/lemon-002.jpg", "kiwi/kiwi-003.jpg", "lemon/lemon-003.jpg"]);
    let table: String = named.map(|path| format!("{path},{}\n", &path[..4])).collect();
    std::fs::write(data.join("metadata.csv"), format!("file_name,label\n{table}")).expect("a file");
    let ran = huemax(&[&train[..], &["tabled", "--json"], &enough].concat(), at)
        .check(0, &["2 rows have no picture"]);
    assert_eq!(result(&ran)["data"]["skipped_count"], 6);
    check("tabled/skipped.csv", "");
    drop(socket);
}

/// A user who cannot read the folder `locked`, and the program where that user may run it and write: in `at`.
pub fn somebody(at: &Path, locked: &Path) -> (Option<u32>, PathBuf) {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_huemax"));
    if std::fs::read_dir(locked).is_err() {
        return (None, program);
    }
    let copy = at.join("huemax");
    std::fs::hard_link(&program, &copy)
        .or_else(|_| std::fs::copy(&program, &copy).map(drop))
        .expect("a copy");
    std::fs::set_permissions(at, PermissionsExt::from_mode(0o777)).expect("permissions");
    (Some(65534), copy)
}

fn a_folder_that_cannot_be_read_is_one_error() {
    let folder = fruit();
    let at = folder.path();
    let locked = at.join("fruit/kiwi/locked.jpg");
    std::fs::create_dir(&locked).expect("a folder");
    std::fs::write(locked.join("in.jpg"), "").expect("a file");
    // The superuser may read everything: somebody else has to try.
    std::fs::set_permissions(&locked, PermissionsExt::from_mode(0o000)).expect("permissions");
    let (user, program) = somebody(at, &locked);
    let run = |arguments: &[&str]| run(&program, arguments, at, b"", user);
    let train = ["train", "fruit", "--device", "cpu", "--out", "run", "--json"];
    run(&train).check(1, &["kiwi/locked.jpg: a folder that cannot be looked into", "--max-errors 100%"]);
    let ran = run(&[&train[..], &["--max-errors", "1", "--force"]].concat())
        .check(0, &["1 picture could not be read", "kiwi/locked.jpg: a folder that cannot be looked into"]);
    assert_eq!(result(&ran)["data"]["skipped_count"], 1);
    let found = rows(&at.join("run/skipped.csv"));
    assert!(found.len() == 1 && found[0][0] == "kiwi/locked.jpg", "{found:?}");
    run(&["train", "fruit", "--device", "cpu", "--out", "none", "--on-error", "fail"])
        .check(1, &["error: kiwi/locked.jpg: a folder that cannot be looked into"]);
    run(&["extract", "fruit", "--device", "cpu", "--out", "store", "--max-errors", "100%"])
        .check(0, &["kiwi/locked.jpg"]);
    assert_eq!(rows(&at.join("store/skipped.csv")), found);
    run(&["extract", "fruit", "--device", "cpu", "--out", "store", "--max-errors", "0"])
        .check(1, &["1 of 97 pictures"]);
    run(&["predict", "run/model.safetensors", "fruit", "--device", "cpu"])
        .check(1, &["skipped fruit/kiwi/locked.jpg: ", "how many pictures that hides is not known"]);
    // Where it is what was asked for, there is nothing else to do.
    run(&["train", "fruit/kiwi/locked.jpg"]).check(1, &["cannot read fruit/kiwi/locked.jpg"]);
    std::fs::set_permissions(&locked, PermissionsExt::from_mode(0o755)).expect("permissions");
}

fn lists_of_pictures_may_be_out_of_date() {
    let folder = fruit();
    let at = folder.path();
    let program = Path::new(env!("CARGO_BIN_EXE_huemax"));
    huemax(&["train", "fruit", "--device", "cpu", "--out", "run"], at).check(0, &[]);
    let predict =
        ["predict", "run/model.safetensors", "-", "--device", "cpu", "--format", "csv", "--top", "1"];
    let odd = path_of(b"\xe9.jpg");
    let odd = if cfg!(target_os = "linux") { odd } else { "e.jpg".into() };
    std::fs::copy(at.join("fruit/kiwi/kiwi-001.jpg"), at.join(&odd)).expect("a copy");
    let mut list = b"fruit/kiwi/kiwi-001.jpg\r\nfruit/gone.jpg\n\n".to_vec();
    list.extend(odd.as_os_str().as_bytes());
    let ran = run(program, &predict, at, &list, None).check(0, &["skipped fruit/gone.jpg: "]);
    assert_eq!(ran.stdout().lines().count(), 1 + 2);
    run(program, &[&predict[..], &["--on-error", "fail"]].concat(), at, &list, None)
        .check(1, &["error: fruit/gone.jpg: "]);
    // Typed by hand too; alone it is a mistake.
    huemax(&["predict", "run/model.safetensors", "fruit/gone.jpg", "fruit"], at)
        .check(0, &["skipped fruit/gone.jpg: "]);
    huemax(&["predict", "run/model.safetensors", "fruit/gone.jpg"], at).check(1, &["does not exist"]);
}
