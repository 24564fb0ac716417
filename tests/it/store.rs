//! Feature stores: written as they go, brought up to date, and trained on as the pictures themselves.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use huemax::features::store::{FEATURES, META, SAMPLES};
use libtest_mimic::Trial;
use serde_json::Value;

use crate::cli::{Ran, fruit, huemax};
use crate::support::{on_gpu_only, plain};

pub fn register(trials: &mut Vec<Trial>) {
    for (name, test) in [
        (
            "a_model_from_a_store_is_that_from_the_pictures",
            a_model_from_a_store_is_that_from_the_pictures as fn(),
        ),
        ("what_has_not_changed_is_kept", what_has_not_changed_is_kept),
        ("content_counts_where_it_is_asked_for_or_the_folder_is_another", content_counts),
        ("folders_are_told_apart_by_where_they_lie", folders_are_told_apart_by_where_they_lie),
        ("pictures_that_cannot_be_read_are_tried_again", pictures_that_cannot_be_read_are_tried_again),
        ("one_at_a_time_writes_a_store", one_at_a_time_writes_a_store),
        ("a_training_keeps_its_features", a_training_keeps_its_features),
        ("a_table_of_others_is_read", a_table_of_others_is_read),
    ] {
        plain(trials, &format!("store::{name}"), test);
    }
    on_gpu_only(trials, "store::a_gpu_makes_the_same_store", |_| a_gpu_makes_the_same_store());
}

pub const FILES: [&str; 3] = [FEATURES, SAMPLES, META];

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

pub const EXTRACT: [&str; 6] = ["extract", "fruit", "--device", "cpu", "--checkpoint-every", "0.000001"];

pub fn extract(at: &Path, out: &str, more: &[&str]) -> Ran {
    huemax(&[&EXTRACT[..], &["--out", out], more].concat(), at)
}

/// The store of the pictures as they are now, made from nothing.
#[track_caller]
pub fn fresh(at: &Path, more: &[&str]) -> Vec<Vec<u8>> {
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

/// The time of the last change, later by a second.
pub fn touch(path: &Path) {
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
        .check(0, &["96 of 97 pictures from", "describing: 1 picture in"]);
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
