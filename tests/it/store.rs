//! Feature stores: written as they go, gone on with after a kill, brought up to date, and trained on as the pictures themselves.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use huemax::features::store::{COMMIT, FEATURES, JOURNAL, META, SAMPLES};
use libtest_mimic::Trial;
use rand::RngExt;
use serde_json::Value;

use crate::cli::{Ran, fruit, huemax};
use crate::interrupt::{end, signal, start};
use crate::support::{on_gpu_only, plain, random};

pub fn register(trials: &mut Vec<Trial>) {
    for (name, test) in [
        (
            "a_model_from_a_store_is_that_from_the_pictures",
            a_model_from_a_store_is_that_from_the_pictures as fn(),
        ),
        ("kills_do_not_change_a_byte", kills_do_not_change_a_byte),
        (
            "kills_while_it_is_brought_up_to_date_do_not_either",
            kills_while_it_is_brought_up_to_date_do_not_either,
        ),
        ("ctrl_c_keeps_what_was_done", ctrl_c_keeps_what_was_done),
        ("what_has_not_changed_is_kept", what_has_not_changed_is_kept),
        ("content_counts_where_it_is_asked_for_or_the_folder_is_another", content_counts),
        ("folders_are_told_apart_by_where_they_lie", folders_are_told_apart_by_where_they_lie),
        ("pictures_that_cannot_be_read_are_tried_again", pictures_that_cannot_be_read_are_tried_again),
        ("other_features_are_refused", other_features_are_refused),
        ("features_of_other_pictures_are_refused", features_of_other_pictures_are_refused),
        ("one_at_a_time_writes_a_store", one_at_a_time_writes_a_store),
        ("what_does_not_belong_together_is_refused", what_does_not_belong_together_is_refused),
        ("a_training_keeps_its_features", a_training_keeps_its_features),
        ("a_table_of_others_is_read", a_table_of_others_is_read),
    ] {
        plain(trials, &format!("store::{name}"), test);
    }
    on_gpu_only(trials, "store::a_gpu_makes_the_same_store", |_| a_gpu_makes_the_same_store());
    let full = || {
        a_full_disk_loses_nothing();
        Ok(())
    };
    trials.push(Trial::test("store::a_full_disk_loses_nothing", full).with_ignored_flag(!may_mount()));
}

const FILES: [&str; 3] = [FEATURES, SAMPLES, META];

/// The files of the store `name`, which are all that is in it.
#[track_caller]
pub fn bytes(at: &Path, name: &str) -> Vec<Vec<u8>> {
    let store = at.join(name);
    let mut names: Vec<_> =
        std::fs::read_dir(&store).expect("a folder").map(|e| e.expect("an entry").file_name()).collect();
    // Of the store is what is in its table; beside it lies a list of what could not be read.
    names.retain(|name| name != "skipped.csv");
    names.sort();
    let mut files = FILES.map(std::ffi::OsString::from);
    files.sort();
    assert_eq!(names, files, "what is in {}", store.display());
    FILES.map(|file| std::fs::read(store.join(file)).expect("a file")).into()
}

const EXTRACT: [&str; 6] = ["extract", "fruit", "--device", "cpu", "--checkpoint-every", "0.000001"];

fn extract(at: &Path, out: &str, more: &[&str]) -> Ran {
    huemax(&[&EXTRACT[..], &["--out", out], more].concat(), at)
}

/// The store of the pictures as they are now, made from nothing.
#[track_caller]
fn fresh(at: &Path, more: &[&str]) -> Vec<Vec<u8>> {
    std::fs::remove_dir_all(at.join("fresh")).ok();
    extract(at, "fresh", more).check(0, &["kept 0"]);
    bytes(at, "fresh")
}

pub fn picture(at: &Path, name: &str) -> PathBuf {
    at.join("fruit").join(name)
}

fn a_model_from_a_store_is_that_from_the_pictures() {
    let folder = fruit();
    let at = folder.path();
    std::fs::write(picture(at, "kiwi/broken.jpg"), "no picture").expect("a file");
    let table = "image_name,tags\nkiwi-001.jpg,\"a b\"\nkiwi-002.jpg,b\nkiwi-003.jpg,\"a|c\"\nkiwi-004.jpg,a c\nkiwi-005.jpg,b\n\
                 banana-001.jpg,c\nbanana-002.jpg,a\nbanana-003.jpg,\nbanana-004.jpg,\"b c\"\n";
    std::fs::write(at.join("tags.csv"), table).expect("a file");
    for (class, part) in [("kiwi", "train"), ("carrot", "train"), ("kiwi", "test"), ("carrot", "test")] {
        let to = at.join("parts").join(part).join(class);
        std::fs::create_dir_all(&to).expect("a folder");
        for n in if part == "train" { 1..=5 } else { 6..=8 } {
            let name = format!("{class}-00{n}.jpg");
            std::fs::copy(picture(at, class).join(&name), to.join(&name)).expect("a copy");
        }
    }
    for (number, (data, labels)) in [
        ("fruit", &[][..]),
        ("parts", &[]),
        ("fruit", &["--labels", "tags.csv", "--separator", "space"]),
        ("fruit", &["--task", "multilabel"]),
    ]
    .into_iter()
    .enumerate()
    {
        let [store, one, two] = ["store", "pictures", "features"].map(|name| format!("{name}-{number}"));
        huemax(&[&["extract", data, "--out", &store, "--device", "cpu"], labels].concat(), at).check(0, &[]);
        let train = |data: &str, out: &str, more: &[&str]| {
            huemax(
                &[&["train", data, "--out", out, "--device", "cpu", "--no-cache", "--json"], more].concat(),
                at,
            )
            .check(0, &[])
        };
        let said = [train(data, &one, labels), train(&store, &two, &[])];
        for file in ["model.safetensors", "predictions.csv"] {
            let [a, b] = [&one, &two].map(|run| std::fs::read(at.join(run).join(file)).expect("a file"));
            assert!(a == b, "{data} {labels:?}: another {file}");
        }
        let [a, b] = said.map(|ran| {
            let result: Value =
                serde_json::from_str(ran.stdout().lines().last().expect("a line")).expect("JSON");
            [result["evaluation"].clone(), result["data"]["skipped"].clone(), result["training"].clone()]
        });
        assert_eq!(a, b);
        let model = format!("{one}/model.safetensors");
        let evaluate = |data: &str, more: &[&str]| {
            huemax(&[&["evaluate", &model, data, "--device", "cpu", "-q"], more].concat(), at)
                .check(0, &[])
                .stdout()
        };
        assert_eq!(evaluate(&store, &[]), evaluate(data, labels));
    }
}

/// More pictures, so that it takes a while.
pub fn more_fruit() -> tempfile::TempDir {
    let folder = fruit();
    let at = folder.path();
    for class in std::fs::read_dir(at.join("fruit")).expect("a folder") {
        let class = class.expect("an entry").path();
        for entry in std::fs::read_dir(&class).into_iter().flatten().collect::<Vec<_>>() {
            let from = entry.expect("an entry").path();
            for n in 0..6 {
                std::fs::copy(&from, from.with_extension(format!("{n}.jpg"))).expect("a copy");
            }
        }
    }
    folder
}

fn kills() -> usize {
    std::env::var("HUEMAX_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(4)
}

/// Kills extractions into `out` at moments drawn at random, `kills` of them, each gone on with by the next; `look` at the folder after each. In
/// the end it holds the bytes `expected`. Gives how many went on from something.
fn kill(
    at: &Path,
    takes: Duration,
    expected: &[Vec<u8>],
    seed: u64,
    begin: &dyn Fn(),
    look: &dyn Fn(),
) -> usize {
    let mut random = random(seed);
    let (mut killed, mut finished, mut went_on) = (0, 0, 0);
    begin();
    while killed < kills() || finished == 0 {
        let mut child = start(&[&EXTRACT[..], &["--out", "out"]].concat(), at);
        if killed < kills() {
            std::thread::sleep(takes.mul_f64(random.random_range(0.05..0.8)));
            child.kill().expect("a process");
        }
        let output = end(child);
        went_on += usize::from(String::from_utf8_lossy(&output.stderr).contains("pictures from out"));
        if output.status.success() {
            finished += 1;
            assert!(bytes(at, "out") == expected, "other bytes after {killed} kills");
            begin();
            continue;
        }
        assert_eq!(output.status.code(), None, "it failed by itself: {output:?}");
        killed += 1;
        look();
    }
    went_on
}

fn kills_do_not_change_a_byte() {
    let folder = more_fruit();
    let at = folder.path();
    let begun = Instant::now();
    let expected = fresh(at, &[]);
    let takes = begun.elapsed();
    let one = std::process::Command::new(env!("CARGO_BIN_EXE_huemax"))
        .args([&EXTRACT[..], &["--out", "one"]].concat())
        .current_dir(at)
        .env("RAYON_NUM_THREADS", "1")
        .output()
        .expect("the program starts");
    assert!(one.status.success() && bytes(at, "one") == expected, "other bytes with one thread");
    let rows = |bytes: &[u8]| {
        let start = bytes.len() - 4 * 672 * 512;
        bytes[start..].chunks(4 * 512).map(<[u8]>::to_vec).collect::<Vec<_>>()
    };
    let all = rows(&expected[0]);
    // Whatever the journal names is there, and the file is one that NumPy can read.
    let look = || {
        let Ok(journal) = std::fs::read_to_string(at.join("out").join(JOURNAL)) else { return };
        let mut lines = journal.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let Some(header) = lines.next() else { return };
        let header: Value = serde_json::from_str(header).expect("a header");
        let part = std::fs::read(at.join("out").join(header["file"].as_str().expect("a name")))
            .expect("the numbers");
        assert_eq!(part.len(), expected[0].len());
        assert_eq!(part[..128], expected[0][..128]);
        let found = rows(&part);
        for line in lines {
            let line: Value = serde_json::from_str(line).expect("a line");
            let row = line["row"].as_u64().expect("a row") as usize;
            assert!(found[row] == all[row], "row {row} is not what the journal says");
        }
    };
    let begin = || {
        std::fs::remove_dir_all(at.join("out")).ok();
    };
    let went_on = kill(at, takes, &expected, 31, &begin, &look);
    assert!(went_on > 0, "no kill came while there was something to go on from");
}

fn kills_while_it_is_brought_up_to_date_do_not_either() {
    let folder = more_fruit();
    let at = folder.path();
    extract(at, "old", &[]).check(0, &[]);
    let old = bytes(at, "old");
    // Rows move, go and come.
    for class in ["banana", "kiwi"] {
        let class = picture(at, class);
        for entry in std::fs::read_dir(&class).expect("a folder").collect::<Vec<_>>() {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            match name.as_bytes()[name.find('-').expect("a dash") + 3] {
                b'1' | b'2' => std::fs::remove_file(&path).expect("a picture"),
                b'3' => std::fs::rename(&path, class.join(format!("a{name}"))).expect("a rename"),
                b'4' => {
                    let other = picture(at, "carrot/carrot-001.jpg");
                    std::fs::copy(other, &path).expect("a copy");
                }
                _ => {}
            }
        }
    }
    let begun = Instant::now();
    let expected = fresh(at, &[]);
    let takes = begun.elapsed().div_f64(2.0);
    let begin = || {
        std::fs::remove_dir_all(at.join("out")).ok();
        std::fs::create_dir(at.join("out")).expect("a folder");
        for (file, bytes) in FILES.iter().zip(&old) {
            std::fs::write(at.join("out").join(file), bytes).expect("a file");
        }
    };
    // The old store is whole until the new one is, and then for a moment there is a note that it is about to be.
    let look = || {
        let now: Vec<_> =
            FILES.iter().map(|file| std::fs::read(at.join("out").join(file)).expect("a file")).collect();
        assert!(now == old || now == expected || at.join("out").join(COMMIT).exists(), "torn");
    };
    kill(at, takes, &expected, 37, &begin, &look);
}

fn ctrl_c_keeps_what_was_done() {
    let folder = more_fruit();
    let at = folder.path();
    let expected = fresh(at, &[]);
    let mut interrupted = 0;
    for _ in 0..20 {
        std::fs::remove_dir_all(at.join("out")).ok();
        let child = start(&[&EXTRACT[..], &["--out", "out"]].concat(), at);
        let begun = Instant::now();
        while std::fs::read(at.join("out").join(JOURNAL))
            .map_or(0, |journal| journal.iter().filter(|b| **b == b'\n').count())
            < 20
        {
            assert!(begun.elapsed() < Duration::from_secs(60), "nothing is kept");
        }
        signal(&child, "INT");
        let ran = Ran { command: "an extraction and Ctrl-C".into(), output: end(child) };
        if ran.output.status.success() {
            continue;
        }
        interrupted += 1;
        ran.check(130, &["stopped: ", " of 672 pictures are kept in out", "go on with the same command"]);
        huemax(&["train", "out", "--device", "cpu"], at)
            .check(1, &["out: the features there are not finished"]);
        let ran = extract(at, "out", &["--json"]).check(0, &[" of 672 pictures from out"]);
        let result: Value = serde_json::from_str(&ran.stdout()).expect("JSON");
        assert!(result["kept"].as_u64() >= Some(19), "{result}");
        assert!(bytes(at, "out") == expected, "other bytes than of an undisturbed one");
        if interrupted == 2 {
            return;
        }
    }
    panic!("it was always done before it could be interrupted");
}

/// The time of the last change, later by a second.
fn touch(path: &Path) {
    let time = std::fs::metadata(path).and_then(|found| found.modified()).expect("a time");
    set_time(path, time + Duration::from_secs(1));
}

/// Another content of the same size and time.
pub fn replaced(path: &Path, content: &[u8]) {
    let found = std::fs::metadata(path).expect("a file");
    assert_eq!(found.len(), content.len() as u64);
    std::fs::write(path, content).expect("a file");
    set_time(path, found.modified().expect("a time"));
}

fn set_time(path: &Path, time: SystemTime) {
    let file = std::fs::File::options().write(true).open(path);
    file.and_then(|file| file.set_modified(time)).expect("a time");
}

fn what_has_not_changed_is_kept() {
    let folder = fruit();
    let at = folder.path();
    extract(at, "out", &[])
        .check(0, &["wrote 96 × 512 features into out: kept 0, read 96, dropped 0, skipped 0"]);
    let times = || {
        FILES.map(|file| {
            std::fs::metadata(at.join("out").join(file)).and_then(|f| f.modified()).expect("a time")
        })
    };
    let before = times();
    extract(at, "out", &[])
        .check(0, &["has the features of all 96 pictures already: kept 96, read 0, dropped 0, skipped 0"]);
    extract(at, "out", &["--rehash"]).check(0, &["kept 96, read 0, dropped 0"]);
    assert_eq!(times(), before, "something was written");
    let steps: [(&str, &dyn Fn()); 6] = [
        ("kept 96, read 1, dropped 0", &|| {
            std::fs::copy(picture(at, "kiwi/kiwi-001.jpg"), picture(at, "kiwi/z.jpg")).expect("a copy");
        }),
        ("kept 96, read 0, dropped 1", &|| std::fs::remove_file(picture(at, "kiwi/z.jpg")).expect("a file")),
        ("kept 95, read 0, dropped 1", &|| {
            std::fs::remove_file(picture(at, "kiwi/kiwi-001.jpg")).expect("a file");
        }),
        ("kept 94, read 1, dropped 0", &|| touch(&picture(at, "kiwi/kiwi-002.jpg"))),
        ("kept 94, read 1, dropped 1", &|| {
            std::fs::rename(picture(at, "kiwi/kiwi-003.jpg"), picture(at, "kiwi/a.jpg")).expect("a rename");
        }),
        ("kept 94, read 1, dropped 0", &|| {
            std::fs::copy(picture(at, "carrot/carrot-001.jpg"), picture(at, "kiwi/kiwi-004.jpg"))
                .expect("a copy");
            touch(&picture(at, "kiwi/kiwi-004.jpg"));
        }),
    ];
    for (said, change) in steps {
        change();
        extract(at, "out", &[]).check(0, &[said]);
        assert!(bytes(at, "out") == fresh(at, &[]), "{said}: other bytes than one made from nothing");
    }
    // Labels alone.
    let numbers =
        std::fs::metadata(at.join("out").join(FEATURES)).and_then(|f| f.modified()).expect("a time");
    let table: String = "file_name,label\nkiwi/a.jpg,x\ncarrot/carrot-001.jpg,y\n".into();
    std::fs::write(at.join("t.csv"), table).expect("a file");
    extract(at, "out", &["--task", "multilabel"]).check(0, &["kept 95, read 0"]);
    assert_eq!(
        std::fs::metadata(at.join("out").join(FEATURES)).and_then(|f| f.modified()).expect("a time"),
        numbers
    );
    extract(at, "out", &["--labels", "t.csv"]).check(0, &["kept 2, read 0, dropped 93"]);
    assert!(bytes(at, "out") == fresh(at, &["--labels", "t.csv"]));
}

fn content_counts() {
    let folder = fruit();
    let at = folder.path();
    extract(at, "out", &[]).check(0, &[]);
    touch(&picture(at, "kiwi/kiwi-001.jpg"));
    // Which nobody can see from outside.
    let path = picture(at, "kiwi/kiwi-002.jpg");
    let mut content = std::fs::read(&path).expect("a picture");
    let middle = content.len() / 2;
    content[middle] ^= 1;
    replaced(&path, &content);
    extract(at, "out", &["--rehash"]).check(0, &["kept 95, read 1"]);
    assert!(bytes(at, "out") == fresh(at, &[]));
    // Size and time of files in another folder say nothing of these.
    std::fs::rename(at.join("fruit"), at.join("moved")).expect("a rename");
    let moved = ["extract", "moved", "--device", "cpu", "--out", "out"];
    huemax(&moved, at).check(0, &["kept 96, read 0", "comparing"]);
    let again = huemax(&moved, at).check(0, &["already: kept 96"]);
    assert!(!again.stderr().contains("comparing"), "{}", again.stderr());
}

/// A folder is where it lies, and not what is typed from where one happens to be.
fn folders_are_told_apart_by_where_they_lie() {
    let folder = fruit();
    let at = folder.path();
    let [one, two] = ["one", "two"].map(|name| at.join(name));
    std::fs::create_dir(&one).expect("a folder");
    std::fs::rename(at.join("fruit"), one.join("fruit")).expect("a rename");
    // The same names, sizes and times, and one other content.
    for class in std::fs::read_dir(one.join("fruit")).expect("a folder") {
        let class = class.expect("an entry").path();
        let to = two.join("fruit").join(class.file_name().expect("a name"));
        std::fs::create_dir_all(&to).expect("a folder");
        for entry in std::fs::read_dir(&class).into_iter().flatten() {
            let from = entry.expect("an entry").path();
            let to = to.join(from.file_name().expect("a name"));
            std::fs::copy(&from, &to).expect("a copy");
            set_time(&to, std::fs::metadata(&from).and_then(|found| found.modified()).expect("a time"));
        }
    }
    let path = picture(&two, "kiwi/kiwi-001.jpg");
    let size = std::fs::metadata(&path).expect("a picture").len();
    replaced(&path, &vec![b'x'; size as usize]);
    extract(&one, "../out", &[]).check(0, &["kept 0, read 96"]);
    extract(&two, "../out", &[]).check(0, &["kept 95, read 0, dropped 0, skipped 1", "comparing"]);
    assert!(bytes(at, "out")[..2] == fresh(&two, &[])[..2]);
    // Typed in another way.
    let typed = |data: &str, from: &Path, out: &str| {
        let ran = huemax(&["extract", data, "--device", "cpu", "--out", out], from);
        ran.check(0, &["kept 95, read 0, dropped 0, skipped 1"]).stderr()
    };
    for (data, from, out) in [("two/./fruit", at, "out"), (".", &two.join("fruit"), "../../out")] {
        assert!(!typed(data, from, out).contains("comparing"), "{data}");
    }
    // What an older huemax wrote says no more than what was typed.
    let path = at.join("out").join(META);
    let text = std::fs::read_to_string(&path).expect("a file");
    let mut meta: Value = serde_json::from_str(&text).expect("JSON");
    meta.as_object_mut().and_then(|meta| meta.remove("root_xxh3")).expect("where it was");
    std::fs::write(&path, serde_json::to_vec(&meta).expect("JSON")).expect("a file");
    assert!(typed(".", &two.join("fruit"), "../../out").contains("comparing"));
    assert!(!typed(".", &two.join("fruit"), "../../out").contains("comparing"));
}

fn pictures_that_cannot_be_read_are_tried_again() {
    let folder = fruit();
    let at = folder.path();
    let path = picture(at, "kiwi/kiwi-001.jpg");
    let good = std::fs::read(&path).expect("a picture");
    std::fs::write(&path, "no picture").expect("a file");
    extract(at, "out", &[]).check(0, &["read 95, dropped 0, skipped 1", "kiwi/kiwi-001.jpg: not a picture"]);
    extract(at, "out", &[]).check(0, &["already: kept 95, read 0, dropped 0, skipped 1", "not a picture"]);
    assert!(bytes(at, "out") == fresh(at, &[]));
    let expected = huemax(&["train", "fruit", "--device", "cpu", "--no-cache"], at)
        .check(0, &["could not be read"])
        .stdout();
    let found = huemax(&["train", "out", "--device", "cpu"], at)
        .check(0, &["kiwi/kiwi-001.jpg: not a picture"])
        .stdout();
    assert_eq!(expected.lines().nth(3), found.lines().nth(3));
    std::fs::write(&path, good).expect("a file");
    extract(at, "out", &[]).check(0, &["kept 95, read 1, dropped 0, skipped 0"]);
    assert!(bytes(at, "out") == fresh(at, &[]));
}

/// A store, or half of one, is not thrown away because somebody names its folder for other pictures.
fn features_of_other_pictures_are_refused() {
    let folder = fruit();
    let at = folder.path();
    extract(at, "out", &[]).check(0, &[]);
    let before = bytes(at, "out");
    for (i, class) in ["fig", "fig", "nut", "nut"].iter().enumerate() {
        let to = at.join("other").join(class);
        std::fs::create_dir_all(&to).expect("a folder");
        let mut content = std::fs::read(picture(at, "kiwi/kiwi-001.jpg")).expect("a picture");
        content.push(i as u8);
        std::fs::write(to.join(format!("{i}.jpg")), content).expect("a picture");
    }
    let refused =
        ["out: the features there are of 96 pictures in another folder, and of none of these", "--force"];
    let other = ["extract", "other", "--device", "cpu", "--out", "out"];
    huemax(&other, at).check(1, &refused);
    huemax(&["train", "other", "--device", "cpu", "--test-size", "0.5", "--cache", "out"], at)
        .check(1, &refused);
    assert!(bytes(at, "out") == before);
    huemax(&["extract", "other", "--device", "cpu", "--out", "other"], at)
        .check(2, &["--out: other holds the pictures"]);
    huemax(&["train", "other", "--device", "cpu", "--cache", "./other"], at)
        .check(2, &["--cache: other holds the pictures"]);
    huemax(&[&other[..], &["--force"]].concat(), at).check(0, &["read 4"]);
    // Not one can be read.
    for (i, class) in ["fig", "fig", "nut", "nut"].iter().enumerate() {
        std::fs::write(at.join("other").join(class).join(format!("{i}.jpg")), b"x").expect("a file");
    }
    huemax(&other, at).check(1, &["4 of 4 pictures could not be read", "mend or remove them"]);
    let all = [&other[..], &["--max-errors", "100%"]].concat();
    huemax(&all, at)
        .check(1, &["4 of 4 pictures could not be read, and what there is stays as it is", "fig/0.jpg: "]);
    // Where there is nothing, there is nothing to keep.
    let anew = ["extract", "other", "--device", "cpu", "--out", "anew", "--max-errors", "100%"];
    huemax(&anew, at).check(1, &["other: none of the pictures could be read, for example fig/0.jpg: "]);
}

fn other_features_are_refused() {
    let folder = fruit();
    let at = folder.path();
    extract(at, "out", &[]).check(0, &[]);
    let before = bytes(at, "out");
    let refused = ["8×8×8 bins", "4×4×4 bins", "name another folder", "--force"];
    extract(at, "out", &["--bins", "4,4,4"]).check(1, &refused);
    huemax(&["train", "fruit", "--device", "cpu", "--bins", "4,4,4", "--cache", "out"], at)
        .check(1, &refused);
    huemax(&["train", "out", "--device", "cpu", "--bins", "4,4,4"], at).check(2, &["--bins: ", "8×8×8"]);
    huemax(&["train", "out", "--device", "cpu", "--labels", "folder"], at)
        .check(2, &["--labels: ", "samples.csv"]);
    huemax(&["train", "out", "--device", "cpu", "--cache", "x"], at).check(2, &["--cache: "]);
    huemax(&["extract", "out", "--out", "x"], at).check(2, &["out is a store of features already"]);
    assert!(bytes(at, "out") == before);
    huemax(&["train", "fruit", "--device", "cpu", "--bins", "4,4,4", "--out", "run"], at).check(0, &[]);
    huemax(&["evaluate", "run/model.safetensors", "out", "--device", "cpu"], at)
        .check(1, &["4×4×4", "8×8×8"]);
    huemax(&["train", "run/features", "--device", "cpu", "--bins", "4,4,4", "--no-cache"], at).check(0, &[]);
    extract(at, "out", &["--bins", "4,4,4", "--force"]).check(0, &["kept 0, read 96"]);
    assert!(bytes(at, "out") == fresh(at, &["--bins", "4,4,4"]));
    // What others made is not written over.
    std::fs::remove_file(at.join("out").join(META)).expect("a file");
    extract(at, "out", &["--bins", "4,4,4"]).check(1, &["huemax did not make it", "--force"]);
    huemax(&["train", "out", "--device", "cpu"], at).check(0, &["64 features a row, brought from elsewhere"]);
}

fn one_at_a_time_writes_a_store() {
    let folder = fruit();
    let at = folder.path();
    let out = at.join("out");
    std::fs::create_dir(&out).expect("a folder");
    let lock = std::fs::File::create(out.join("store.lock")).expect("a file");
    lock.try_lock().expect("a lock");
    let busy = ["cannot write into out", "another huemax is writing features there"];
    extract(at, "out", &[]).check(1, &busy);
    huemax(&["train", "fruit", "--device", "cpu", "--cache", "out"], at).check(1, &busy);
    assert_eq!(std::fs::read_dir(&out).expect("a folder").count(), 1);
    drop(lock);
    extract(at, "out", &[]).check(0, &[]);
}

fn what_does_not_belong_together_is_refused() {
    let folder = fruit();
    let at = folder.path();
    extract(at, "out", &[]).check(0, &[]);
    std::fs::write(
        picture(at, "kiwi/kiwi-001.jpg"),
        std::fs::read(picture(at, "carrot/carrot-001.jpg")).expect("a picture"),
    )
    .expect("a file");
    extract(at, "other", &[]).check(0, &[]);
    let [good, other] = ["out", "other"].map(|store| bytes(at, store));
    let [features, samples, meta] = [0, 1, 2];
    let lines = |n: usize| {
        let text = String::from_utf8(good[samples].clone()).expect("text");
        text.split_inclusive('\n').take(n).collect::<String>().into_bytes()
    };
    let json = |from: &str, to: &str| {
        String::from_utf8(good[meta].clone()).expect("text").replace(from, to).into_bytes()
    };
    for (file, content, said) in [
        (features, good[features][..5000].to_vec(), "it should hold 96 × 512 numbers"),
        (features, good[features][..100].to_vec(), "no .npy file"),
        (features, Vec::new(), "features.npy"),
        (samples, lines(50), "it is not the table that features.json was written for"),
        (samples, other[samples].clone(), "it is not the table"),
        (meta, other[meta].clone(), "it is not the table"),
        (
            meta,
            json("\"rows\": 96", "\"rows\": 95"),
            "it holds 96 × 512 numbers, and features.json speaks of 95 × 512",
        ),
        (meta, json("\"format\": 1", "\"format\": 9"), "format 9, and this huemax reads format 1"),
        (meta, json("\"root\"", "\"toot\""), "it is no description of a feature store"),
        (meta, Vec::new(), "it is no description of a feature store"),
    ] {
        let path = at.join("out").join(FILES[file]);
        std::fs::write(&path, content).expect("a file");
        for arguments in
            [&["train", "out", "--device", "cpu"][..], &[&EXTRACT[..], &["--out", "out"]].concat()]
        {
            huemax(arguments, at).check(1, &["error: out/", said]);
        }
        std::fs::write(&path, &good[file]).expect("a file");
    }
    // Numbers of another store of the same shape.
    let mut changed = good[features].clone();
    changed[128..128 + 2048].fill(0);
    std::fs::write(at.join("out").join(FEATURES), changed).expect("a file");
    huemax(&["train", "out", "--device", "cpu"], at).check(1, &["these are not the numbers"]);
    extract(at, "out", &["--force"]).check(0, &["kept 0, read 96"]);
    assert!(bytes(at, "out") == other);
    // Without its description it is what somebody brought, and lines must be as many as rows.
    std::fs::remove_file(at.join("out").join(META)).expect("a file");
    std::fs::write(at.join("out").join(SAMPLES), lines(50)).expect("a file");
    huemax(&["train", "out", "--device", "cpu"], at)
        .check(1, &["samples.csv has labels for 49 rows, and out/features.npy has 96"]);
}

fn a_training_keeps_its_features() {
    let folder = fruit();
    let at = folder.path();
    let train = |more: &[&str]| huemax(&[&["train", "fruit", "--device", "cpu"], more].concat(), at);
    let model = |run: &str| std::fs::read(at.join(run).join("model.safetensors")).expect("a model");
    train(&["--out", "none", "--no-cache"]).check(0, &["describing"]);
    assert!(!at.join("none/features").exists());
    let says = ["features: 96 of 96 pictures from"];
    train(&["--out", "one"]).check(0, &["describing"]);
    let again = train(&["--out", "one", "--force", "--seed", "7"]).check(0, &says);
    assert!(!again.stderr().contains("describing"), "{}", again.stderr());
    train(&["--out", "one", "--force"]).check(0, &says);
    train(&["--out", "two", "--cache", "one/features"]).check(0, &says);
    assert!(!at.join("two/features").exists());
    for run in ["one", "two"] {
        assert!(model(run) == model("none"), "{run}: another model");
    }
    // Some are there, and some are not.
    std::fs::copy(picture(at, "kiwi/kiwi-001.jpg"), picture(at, "kiwi/more.jpg")).expect("a copy");
    train(&["--out", "three", "--cache", "one/features"])
        .check(0, &["96 of 97 pictures from", "describing: 1 pictures"]);
    train(&["--out", "four", "--no-cache"]).check(0, &[]);
    assert!(model("three") == model("four"), "another model where a part was read");
    // Within another budget they are read from the store.
    train(&["--out", "five", "--device-memory", "64KiB"]).check(0, &["describing"]);
    assert!(model("five") == model("four"));
    // With --force other features in the folder of the results go too.
    train(&["--out", "one", "--force", "--bins", "4,4,4", "--cache", "two/f"]).check(0, &[]);
    train(&["--out", "three", "--force", "--bins", "4,4,4"]).check(0, &["describing"]);
    train(&["--out", "three", "--force"]).check(0, &["describing: 97 pictures"]);
    let evaluate = ["evaluate", "four/model.safetensors", "fruit", "--device", "cpu", "--cache", "e"];
    let first = huemax(&evaluate, at).check(0, &["describing: 97 pictures"]);
    let second = huemax(&evaluate, at).check(0, &["97 of 97 pictures from e"]);
    assert_eq!(first.stdout(), second.stdout());
    train(&["--cache", "x", "--no-cache"]).check(2, &["--no-cache"]);
}

/// What NumPy and pandas might have written: no `features.json`, lines in another order, lists of labels.
fn a_table_of_others_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let store = at.join("s");
    std::fs::create_dir(&store).expect("a folder");
    let (rows, columns) = (40usize, 3usize);
    let values = |row: usize| [f32::from(u8::from(row.is_multiple_of(2))), row as f32 / 40.0, 1.0];
    let mut text = "{'descr': '<f4', 'fortran_order': False, 'shape': (40, 3), }".to_owned();
    text.extend(std::iter::repeat_n(' ', 128 - 10 - text.len() - 1));
    let mut npy = [&b"\x93NUMPY\x01\x00\x76\x00"[..], text.as_bytes(), b"\n"].concat();
    (0..rows).for_each(|row| values(row).iter().for_each(|v| npy.extend(v.to_le_bytes())));
    assert_eq!(npy.len(), 128 + 4 * rows * columns);
    std::fs::write(store.join(FEATURES), npy).expect("a file");
    let table = |text: &str| std::fs::write(store.join(SAMPLES), text).expect("a file");
    let train = |out: &str, more: &[&str]| {
        huemax(&[&["train", "s", "--device", "cpu", "--out", out, "-C", "100"], more].concat(), at)
    };
    let label = |row: usize| if row.is_multiple_of(2) { "even" } else { "odd" };
    table(&(0..rows).fold("label\n".into(), |text, row| format!("{text}{}\n", label(row))));
    train("one", &[]).check(0, &["3 features a row, brought from elsewhere", "accuracy 100.0 %", "row "]);
    // Backwards, and the last row is not to be used.
    let lines = (0..rows).rev().fold("label;row;path;skipped\n".into(), |text, row| {
        format!("{text}{};{row};p{row}.jpg;{}\n", label(row), if row == 39 { "blurred" } else { "" })
    });
    table(&lines);
    train("two", &[]).check(0, &["accuracy 100.0 %", "p39.jpg: blurred"]);
    let csv = std::fs::read_to_string(at.join("two/predictions.csv")).expect("a file");
    assert!(csv.contains(".jpg,") && !csv.contains("p39"), "{csv}");
    table(&(0..rows).fold("labels\n".into(), |text, row| {
        format!("{text}{}\n", if row % 4 == 0 { "even|four" } else { label(row) })
    }));
    train("three", &[]).check(0, &["any number of labels"]);
    for (wrong, said) in [
        ("label\na\n", "samples.csv has labels for 1 rows, and s/features.npy has 40"),
        (&(0..rows).fold("row,label\n".into(), |t, _| format!("{t}0,a\n")), "\"0\" in the column \"row\""),
        (
            &(0..rows).fold("row,label\n".into(), |t, row| format!("{t}{},a\n", row + 1)),
            "\"40\" in the column \"row\"",
        ),
        // The only column that there is besides the numbers of rows holds the labels.
        (&(0..rows).fold("row,kind\n".into(), |t, row| format!("{t}{row},a\n")), "only one class, \"a\""),
        (&(0..rows).fold("label\n".into(), |t, _| format!("{t}a\n")), "only one class"),
    ] {
        table(wrong);
        train("wrong", &[]).check(1, &[said]);
    }
}

fn a_gpu_makes_the_same_store() {
    let folder = fruit();
    let at = folder.path();
    let expected = fresh(at, &[]);
    huemax(&["extract", "fruit", "--device", "gpu", "--out", "out"], at).check(0, &[]);
    let found = bytes(at, "out");
    // Counts are the same; to divide by their norm may be off by a little.
    assert!(found[1] == expected[1]);
    let numbers = |bytes: &[u8]| -> Vec<f32> {
        bytes[128..].chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
    };
    let off =
        numbers(&found[0]).iter().zip(numbers(&expected[0])).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(off <= 1e-6, "off by {off}");
    let train = ["train", "fruit", "--device", "gpu", "--out", "run"];
    huemax(&train, at).check(0, &["describing"]);
    let model = || std::fs::read(at.join("run/model.safetensors")).expect("a model");
    let first = model();
    huemax(&[&train[..], &["--force"]].concat(), at).check(0, &["96 of 96 pictures from run/features"]);
    assert!(model() == first, "another model from what was kept");
}

/// A small disk in a folder of this process alone, as a shell makes it.
const SMALL_DISK: &str = "mkdir -p out && mount -t tmpfs -o size=200k none out && ";

pub fn small_disk(at: &Path, script: &str) -> Ran {
    let output = std::process::Command::new("unshare")
        .args(["-rm", "sh", "-c", &format!("{SMALL_DISK}{script}")])
        .current_dir(at)
        .env("HUEMAX", env!("CARGO_BIN_EXE_huemax"))
        .output()
        .expect("a shell");
    Ran { command: script.into(), output }
}

pub fn may_mount() -> bool {
    if !cfg!(target_os = "linux") {
        return false;
    }
    let output =
        std::process::Command::new("unshare").args(["-rm", "sh", "-c", "mount -t tmpfs none /mnt"]).output();
    output.is_ok_and(|output| output.status.success())
}

fn a_full_disk_loses_nothing() {
    let folder = fruit();
    let at = folder.path();
    let expected = fresh(at, &[]);
    // 96 rows take 192 KiB, and the journal comes on top.
    let extract = "\"$HUEMAX\" extract fruit --device cpu --checkpoint-every 0.000001 --out out";
    let script = format!(
        "{extract}; echo code $?; ls out; mount -o remount,size=2m out && {extract} && mkdir -p saved && cp out/* saved"
    );
    let ran = small_disk(at, &script).check(
        0,
        &[
            "code 1",
            "cannot write out/",
            "No space left on device",
            "of 96 pictures are kept in out",
            "pictures from out",
        ],
    );
    assert!(!ran.stderr().contains("; 0 of 96 pictures are kept"), "{}", ran.stderr());
    assert!(bytes(at, "saved") == expected, "other bytes after the disk was full");
}
