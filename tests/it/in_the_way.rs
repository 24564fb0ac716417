//! What stands where files are to be written, and what a store knows of pictures that it lacks.

use std::fs;
use std::path::Path;

use crate::cli::{TRAIN, fruit, huemax};
use crate::skipped::result;
use crate::support::plain;
use crate::unread::{names, set, tar};

pub fn register(trials: &mut Vec<libtest_mimic::Trial>) {
    for (name, test) in [
        (
            "folders_where_a_store_has_files_are_told_at_once",
            folders_where_a_store_has_files_are_told_at_once as fn(),
        ),
        ("folders_where_results_go_are_told_at_once", folders_where_results_go_are_told_at_once),
        ("arguments_that_are_all_unusable_are_all_told", arguments_that_are_all_unusable_are_all_told),
        ("one_command_at_a_time_writes_results", one_command_at_a_time_writes_results),
        ("results_do_not_go_into_a_store", results_do_not_go_into_a_store),
        ("what_a_kill_left_is_told_and_goes", what_a_kill_left_is_told_and_goes),
        ("ways_out_of_a_damaged_cache_work", ways_out_of_a_damaged_cache_work),
        ("a_store_knows_what_could_not_be_looked_into", a_store_knows_what_could_not_be_looked_into),
    ] {
        plain(trials, &format!("in_the_way::{name}"), test);
    }
}

fn folders_where_a_store_has_files_are_told_at_once() {
    let folder = fruit();
    let at = folder.path();
    let files = [
        "features.npy",
        "samples.csv",
        "features.json",
        "features.npy.part",
        "journal.part2",
        "commit.part2",
        "store.lock",
    ];
    for (i, file) in files.into_iter().enumerate() {
        let store = format!("store{i}");
        fs::create_dir_all(at.join(&store).join(file)).expect("a folder");
        for force in [&[][..], &["--force"]] {
            let extract = ["extract", "fruit", "--device", "cpu", "--out", &store];
            let ran = huemax(&[&extract[..], force].concat(), at)
                .check(1, &[file, "it is a folder", "remove it, or name another folder"]);
            assert!(!ran.stderr().contains("describing"), "{file}");
        }
        let there: Vec<_> = fs::read_dir(at.join(&store)).expect("a folder").flatten().collect();
        assert_eq!(there.len(), 1, "{there:?}");
    }
}

fn folders_where_results_go_are_told_at_once() {
    let folder = fruit();
    let at = folder.path();
    huemax(&TRAIN, at).check(0, &[]);
    for file in ["skipped.csv", "duplicates.csv", "skipped.refused.csv", "metrics.json", "model.safetensors"]
    {
        let out = at.join("other").join(file);
        fs::create_dir_all(&out).expect("a folder");
        let evaluate = ["evaluate", "run/model.safetensors", "fruit", "--device", "cpu"];
        for command in [&["train", "fruit", "--device", "cpu"][..], &evaluate] {
            let ran = huemax(&[command, &["--out", "other", "--force"]].concat(), at)
                .check(2, &["--out", file, "is a folder; remove it"]);
            assert!(!ran.stderr().contains("device:"), "{file}");
        }
        if !["metrics.json", "model.safetensors"].contains(&file) {
            huemax(&["extract", "fruit", "--device", "cpu", "--out", "other", "--force"], at)
                .check(2, &["--out", file, "is a folder; remove it"]);
        }
        fs::remove_dir(out).expect("a folder");
    }
}

fn arguments_that_are_all_unusable_are_all_told() {
    let folder = fruit();
    let at = folder.path();
    huemax(&TRAIN, at).check(0, &[]);
    fs::create_dir(at.join("empty")).expect("a folder");
    let predict = ["predict", "run/model.safetensors", "--device", "cpu", "--skipped", "left.csv"];
    huemax(&[&predict[..], &["gone.jpg", "empty"]].concat(), at)
        .check(1, &["skipped gone.jpg: ", "skipped empty: ", "2 of 2 pictures", "left.csv"]);
    assert_eq!(names(&at.join("left.csv")), set(&["empty", "gone.jpg"]));
    huemax(&["extract", "fruit", "--device", "cpu", "--out", "store"], at).check(0, &[]);
    huemax(&[&predict[..], &["store", "fruit/kiwi"]].concat(), at)
        .check(2, &["store is a store of features; name it alone"]);
}

fn one_command_at_a_time_writes_results() {
    let folder = fruit();
    let at = folder.path();
    huemax(&TRAIN, at).check(0, &[]);
    fs::create_dir(at.join("out")).expect("a folder");
    let lock = fs::File::create(at.join("out/training.lock")).expect("a file");
    lock.lock().expect("locked");
    let evaluate = ["evaluate", "run/model.safetensors", "fruit", "--device", "cpu", "--out", "out"];
    for command in [&evaluate[..], &["train", "fruit", "--device", "cpu", "--out", "out"]] {
        for force in [&[][..], &["--force"]] {
            huemax(&[command, force].concat(), at).check(1, &["another huemax is writing results there"]);
        }
    }
    lock.unlock().expect("unlocked");
    huemax(&evaluate, at).check(0, &[]);
    assert!(at.join("out/metrics.json").exists() && !at.join("out/training.lock").exists());
}

fn results_do_not_go_into_a_store() {
    let folder = fruit();
    let at = folder.path();
    huemax(&TRAIN, at).check(0, &[]);
    fs::write(at.join("fruit/kiwi/broken.jpg"), "no picture").expect("a file");
    huemax(&["extract", "fruit", "--device", "cpu", "--out", "store"], at).check(0, &["skipped 1"]);
    let list = fs::read(at.join("store/skipped.csv")).expect("a list");
    let evaluate = ["evaluate", "run/model.safetensors", "fruit", "--device", "cpu", "--out", "store"];
    for command in [&evaluate[..], &["train", "fruit", "--device", "cpu", "--out", "store"]] {
        for force in [&[][..], &["--force"]] {
            huemax(&[command, force].concat(), at).check(2, &["--out", "store is a store of features"]);
        }
    }
    assert_eq!(fs::read(at.join("store/skipped.csv")).expect("a list"), list);
}

fn what_a_kill_left_is_told_and_goes() {
    let folder = fruit();
    let at = folder.path();
    huemax(&TRAIN, at).check(0, &[]);
    let (note, part) = (at.join("run/results.part"), at.join("run/.huemax-Ab12Cd"));
    fs::write(&note, "").expect("a file");
    fs::write(&part, "half a model").expect("a file");
    let predict = ["predict", "run/model.safetensors", "fruit/kiwi", "--device", "cpu", "--quiet"];
    huemax(&predict, at).check(0, &["run/results.part", "may be of two runs", "--force"]);
    huemax(&["evaluate", "run/model.safetensors", "fruit", "--device", "cpu"], at).check(0, &["of two runs"]);
    huemax(&[&TRAIN[..], &["--force"]].concat(), at).check(0, &[]);
    assert!(!note.exists() && !part.exists());
    assert!(!huemax(&predict, at).check(0, &[]).stderr().contains("two runs"));
}

fn ways_out_of_a_damaged_cache_work() {
    let folder = fruit();
    let at = folder.path();
    let train =
        ["train", "fruit", "--device", "cpu", "--out", "run", "--force", "--cache", "a b", "--bins", "4,4,4"];
    for way in ["rm", "extract"] {
        huemax(&train, at).check(0, &[]);
        let path = at.join("a b/samples.csv");
        fs::write(&path, fs::read_to_string(&path).expect("a table").replace("lemon", "melon"))
            .expect("a table");
        let ran = huemax(&train, at).check(1, &["a b/samples.csv", "remove the folder a b, "]);
        if way == "rm" {
            fs::remove_dir_all(at.join("a b")).expect("a folder");
        } else {
            let told = ran.stderr();
            let command = told.split('`').nth(1).expect("a command");
            let command = command.replacen("huemax extract DATA", "fruit", 1);
            let typed: Vec<&str> = command.split(" --").collect();
            assert_eq!(typed, ["fruit", "out 'a b'", "force", "bins 4,4,4"], "{told}");
            let extract =
                ["extract", "fruit", "--device", "cpu", "--out", "a b", "--force", "--bins", "4,4,4"];
            huemax(&extract, at).check(0, &[]);
        }
        huemax(&train, at).check(0, &[]);
    }
}

fn a_store_knows_what_could_not_be_looked_into() {
    let folder = fruit();
    let at = folder.path();
    huemax(&TRAIN, at).check(0, &[]);
    let home = at.join("shards");
    fs::create_dir(&home).expect("a folder");
    let whole = shard(at, &home.join("a.tar"));
    fs::write(home.join("b.tar"), &whole[..700]).expect("a shard");
    let extract = ["extract", "shards", "--device", "cpu", "--out", "store"];
    huemax(&[&extract[..], &["--max-errors", "2"]].concat(), at).check(0, &["b.tar: "]);
    let lost = names(&at.join("store/skipped.csv"));
    assert!(lost.contains("b.tar"), "{lost:?}");

    // Whoever uses the store is told, and asked, as whoever uses the shards is.
    let model = "run/model.safetensors";
    for what in ["shards", "store"] {
        let train = ["train", what, "--device", "cpu", "--out", "again", "--force", "--json"];
        huemax(&train, at).check(1, &["b.tar: ", "how many pictures that hides is not known"]);
        let ran = huemax(&[&train[..], &["--max-errors", "2"]].concat(), at).check(0, &["b.tar: "]);
        assert_eq!(result(&ran)["data"]["skipped_count"], lost.len(), "{what}");
        assert_eq!(names(&at.join("again/skipped.csv")), lost, "{what}");
        let evaluate = ["evaluate", model, what, "--device", "cpu"];
        huemax(&evaluate, at).check(1, &["b.tar: ", "is not known"]);
        huemax(&[&evaluate[..], &["--max-errors", "2"]].concat(), at).check(0, &["b.tar"]);
        let predict = ["predict", model, what, "--device", "cpu", "--format", "csv", "--top", "1"];
        for (more, code, told) in [
            (&[][..], 1, "is not known"),
            (&["--max-errors", "2", "--skipped", "left.csv"], 0, "could not be read"),
        ] {
            let ran = huemax(&[&predict[..], more].concat(), at).check(code, &["b.tar: ", told]);
            // The rest is predicted all the same.
            assert_eq!(ran.stdout().lines().count(), 1 + 18, "{what}: {}", ran.stdout());
        }
        assert_eq!(names(&at.join("left.csv")).len(), lost.len(), "{what}");
        huemax(&[&predict[..], &["--on-error", "fail"]].concat(), at).check(1, &["b.tar"]);
    }

    // Removed, and brought up to date.
    fs::remove_file(home.join("b.tar")).expect("a shard");
    huemax(&extract, at).check(0, &["kept 18"]);
    huemax(&["train", "store", "--device", "cpu", "--out", "again", "--force"], at).check(0, &[]);
    assert!(!at.join("again/skipped.csv").exists());
}

/// Writes a shard of 18 pictures, and gives its bytes.
fn shard(at: &Path, to: &Path) -> Vec<u8> {
    let files: Vec<(String, Vec<u8>)> = (1..7)
        .flat_map(|i| ["kiwi", "lemon", "banana"].map(|class| (class, i)))
        .map(|(class, i)| {
            let picture = at.join(format!("fruit/{class}/{class}-{i:03}.jpg"));
            (format!("{class}/{i}.jpg"), fs::read(picture).expect("a picture"))
        })
        .collect();
    let all: Vec<(&str, Result<&[u8], &str>)> =
        files.iter().map(|(name, bytes)| (name.as_str(), Ok(bytes.as_slice()))).collect();
    tar(to, &all);
    fs::read(to).expect("a shard")
}
