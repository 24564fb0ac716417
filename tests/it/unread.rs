//! What could not be looked into, and what was passed over: one entry each, named rightly, and no reason to give up the rest.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::cli::{TRAIN, fruit, huemax};
use crate::hostile_names::{run, somebody};
use crate::skipped::{result, rows};
use crate::support::plain;

pub fn register(trials: &mut Vec<libtest_mimic::Trial>) {
    for (name, test) in [
        ("a_link_to_a_locked_folder_is_one_entry", a_link_to_a_locked_folder_is_one_entry as fn()),
        ("links_that_are_not_followed_are_listed", links_that_are_not_followed_are_listed),
        ("shards_that_cannot_be_read_are_entries", shards_that_cannot_be_read_are_entries),
        ("paths_out_of_a_shard_are_entries", paths_out_of_a_shard_are_entries),
        ("predict_goes_on_beside_what_is_not_there", predict_goes_on_beside_what_is_not_there),
        (
            "predict_of_a_store_over_the_limit_predicts_the_rest",
            predict_of_a_store_over_the_limit_predicts_the_rest,
        ),
        ("content_decides_where_a_name_has_no_extension", content_decides_where_a_name_has_no_extension),
        ("options_of_pictures_are_refused_for_features", options_of_pictures_are_refused_for_features),
        ("a_file_too_large_for_a_picture_is_called_that", a_file_too_large_for_a_picture_is_called_that),
    ] {
        plain(trials, &format!("unread::{name}"), test);
    }
}

pub fn listed(path: &Path) -> Vec<(String, String)> {
    rows(path).into_iter().map(|row| (row[0].clone(), row[1].clone())).collect()
}

pub fn names(path: &Path) -> BTreeSet<String> {
    listed(path).into_iter().map(|(name, _)| name).collect()
}

pub fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn a_link_to_a_locked_folder_is_one_entry() {
    let folder = fruit();
    let at = folder.path();
    let locked = at.join("locked");
    fs::create_dir_all(locked.join("deeper")).expect("a folder");
    symlink(&locked, at.join("fruit/kiwi/link")).expect("a link");
    symlink(locked.join("deeper"), at.join("fruit/lemon/inside")).expect("a link");
    fs::set_permissions(&locked, PermissionsExt::from_mode(0o000)).expect("permissions");
    let (user, program) = somebody(at, &locked);
    let run = |arguments: &[&str]| run(&program, arguments, at, b"", user);
    // As of a folder that lies there itself: how many pictures it hides nobody knows.
    run(&TRAIN).check(1, &["kiwi/link: a folder that cannot be looked into", "--max-errors 100%"]);
    run(&[&TRAIN[..], &["--max-errors", "2", "--force"]].concat())
        .check(0, &["kiwi/link: ", "lemon/inside: "]);
    let found = listed(&at.join("run/skipped.csv"));
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.iter().all(|(_, reason)| reason.contains("denied")), "{found:?}");
    run(&["train", "fruit", "--device", "cpu", "--out", "none", "--on-error", "fail"])
        .check(1, &["error: kiwi/link: a folder that cannot be looked into"]);
    let extract = ["extract", "fruit", "--device", "cpu", "--out", "store"];
    run(&extract).check(1, &["--max-errors 100%"]);
    assert_eq!(names(&at.join("store/skipped.csv")), set(&["kiwi/link", "lemon/inside"]));
    run(&[&extract[..], &["--max-errors", "100%"]].concat()).check(0, &["kiwi/link", "skipped 2"]);
    let predict = ["predict", "run/model.safetensors", "fruit", "--device", "cpu"];
    // The rest is predicted all the same.
    let said = ["skipped fruit/kiwi/link: ", "skipped fruit/lemon/inside: ", "kiwi-", "lemon-"];
    run(&predict).check(1, &[&said[..], &["how many pictures that hides is not known"]].concat());
    run(&[&predict[..], &["--max-errors", "2"]].concat()).check(0, &said);
    fs::set_permissions(&locked, PermissionsExt::from_mode(0o755)).expect("permissions");
}

fn links_that_are_not_followed_are_listed() {
    let folder = fruit();
    let at = folder.path();
    symlink("..", at.join("fruit/kiwi/loop")).expect("a link");
    symlink("nowhere", at.join("fruit/kiwi/gone")).expect("a link");
    // Elsewhere, with a way back.
    fs::create_dir(at.join("more")).expect("a folder");
    fs::copy(at.join("fruit/kiwi/kiwi-001.jpg"), at.join("more/another.jpg")).expect("a copy");
    symlink(at.join("more"), at.join("fruit/lemon/more")).expect("a link");
    symlink(at.join("more"), at.join("more/again")).expect("a link");
    symlink(at.join("fruit"), at.join("more/back")).expect("a link");
    huemax(&TRAIN, at).check(0, &["data: 97 pictures", "kiwi/loop", "run/skipped.csv"]);
    let found = listed(&at.join("run/skipped.csv"));
    let expected = ["kiwi/gone", "kiwi/loop", "lemon/more/again", "lemon/more/back"];
    assert_eq!(found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), expected, "{found:?}");
    assert!(found[0].1.contains("leads nowhere"), "{found:?}");
    assert!(found[1..].iter().all(|(_, reason)| reason.contains("a link back")), "{found:?}");
    // A way back hides nothing; what is not there is one that cannot be read.
    huemax(&[&TRAIN[..], &["--force", "--max-errors", "0"]].concat(), at).check(1, &["1 of 98", "kiwi/gone"]);
    fs::remove_file(at.join("fruit/kiwi/gone")).expect("a link");
    let ran = huemax(&[&TRAIN[..], &["--force", "--on-error", "fail", "--json"]].concat(), at).check(0, &[]);
    assert_eq!(result(&ran)["data"]["skipped_count"], 0);
    assert_eq!(names(&at.join("run/skipped.csv")), set(&expected[1..]));
}

/// A shard of files, or of hard links to such.
pub fn tar(to: &Path, files: &[(&str, Result<&[u8], &str>)]) {
    let mut archive = tar::Builder::new(fs::File::create(to).expect("a shard"));
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        match content {
            Ok(bytes) => {
                header.set_size(bytes.len() as u64);
                archive.append_data(&mut header, name, *bytes).expect("appended");
            }
            Err(target) => {
                header.set_entry_type(tar::EntryType::Link);
                header.set_size(0);
                archive.append_link(&mut header, name, target).expect("appended");
            }
        }
    }
    archive.into_inner().expect("finished");
}

/// A shard of files whose paths are as given, be they such as writers of tar files refuse.
fn tar_of(to: &Path, files: &[(&str, Result<&[u8], &str>)]) {
    let mut archive = tar::Builder::new(fs::File::create(to).expect("a shard"));
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        let bytes = content.unwrap_or_default();
        header.set_size(bytes.len() as u64);
        if let Err(target) = content {
            header.set_entry_type(tar::EntryType::Link);
            header.as_mut_bytes()[157..157 + target.len()].copy_from_slice(target.as_bytes());
        }
        header.set_cksum();
        archive.append(&header, bytes).expect("appended");
    }
    archive.into_inner().expect("finished");
}

fn paths_out_of_a_shard_are_entries() {
    let folder = fruit();
    let at = folder.path();
    let picture = |class: &str, i: usize| {
        fs::read(at.join(format!("fruit/{class}/{class}-{i:03}.jpg"))).expect("a picture")
    };
    let [one, two, three] = [1, 2, 3].map(|i| picture("kiwi", i));
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for i in 1..5 {
        for class in ["kiwi", "lemon"] {
            files.push((format!("{class}/{i}.jpg"), picture(class, i)));
        }
    }
    let mut all: Vec<(&str, Result<&[u8], &str>)> =
        files.iter().map(|(name, bytes)| (name.as_str(), Ok(bytes.as_slice()))).collect();
    let out: [(&str, Result<&[u8], &str>); 6] = [
        ("../kiwi/out.jpg", Ok(&one)),
        // By its content, and one that only seems to come from the root.
        ("kiwi/../../unnamed", Ok(&two)),
        ("/kiwi/../rooted.png", Ok(&three)),
        ("../again.jpg", Err("kiwi/1.jpg")),
        // None of these is a picture that is there.
        ("../.hidden.jpg", Ok(&one)),
        ("../notes.pdf", Ok(b"%PDF")),
    ];
    all.extend(out);
    // What is in the tar file may be called by such a path from elsewhere in it.
    all.push(("lemon/linked.jpg", Err("../kiwi/out.jpg")));
    tar_of(&at.join("mix.tar"), &all);
    let expected = set(&[
        "mix.tar/../kiwi/out.jpg",
        "mix.tar/kiwi/../../unnamed",
        "mix.tar/kiwi/../rooted.png",
        "mix.tar/../again.jpg",
    ]);
    let extract = ["extract", "mix.tar", "--device", "cpu", "--out", "store"];
    huemax(&[&extract[..], &["--on-error", "fail"]].concat(), at)
        .check(1, &["error: mix.tar/../kiwi/out.jpg: its path has `..` in it", "make the tar file again"]);
    huemax(&extract, at).check(1, &["4 of 13"]);
    let ran = huemax(&[&extract[..], &["--max-errors", "4", "--json"]].concat(), at).check(0, &[]);
    assert_eq!((&result(&ran)["skipped_count"], &result(&ran)["rows"]), (&4.into(), &9.into()));
    let found = listed(&at.join("store/skipped.csv"));
    let listed: BTreeSet<String> = found.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(listed, expected);
    assert!(found.iter().all(|(_, reason)| reason.contains("its path has `..`")), "{found:?}");
    let train = ["train", "mix.tar", "--device", "cpu", "--out", "run", "--max-errors", "4"];
    huemax(&train, at).check(0, &["data: 9 pictures", "1 file is no picture"]);
    let predict = ["predict", "run/model.safetensors", "mix.tar", "--device", "cpu"];
    huemax(&predict, at).check(1, &["skipped ./mix.tar/../kiwi/out.jpg: cannot be read: its path has"]);
    // Of nothing else it says so.
    tar_of(&at.join("mix.tar"), &out[..2]);
    let says = ["mix.tar/../kiwi/out.jpg: its path has `..` in it"];
    huemax(&[&extract[..], &["--labels", "none", "--force"]].concat(), at).check(1, &says);
    huemax(&predict, at).check(1, &says);
}

fn shards_that_cannot_be_read_are_entries() {
    let folder = fruit();
    let at = folder.path();
    let home = at.join("shards");
    fs::create_dir(&home).expect("a folder");
    let picture = |class: &str, i: usize| {
        fs::read(at.join(format!("fruit/{class}/{class}-{i:03}.jpg"))).expect("a picture")
    };
    let shard = |name: &str, which: std::ops::Range<usize>, link: bool| {
        let mut files: Vec<(String, Vec<u8>)> = Vec::new();
        for i in which {
            for class in ["kiwi", "lemon", "banana"] {
                files.push((format!("{class}/{i}.jpg"), picture(class, i)));
            }
        }
        let mut all: Vec<(&str, Result<&[u8], &str>)> =
            files.iter().map(|(name, bytes)| (name.as_str(), Ok(bytes.as_slice()))).collect();
        if link {
            all.insert(1, ("kiwi/lost.jpg", Err("kiwi/nothing.jpg")));
        }
        tar(&home.join(name), &all);
    };
    shard("a.tar", 1..5, false);
    shard("b.tar", 5..7, true);
    let train = ["train", "shards", "--device", "cpu", "--out", "run"];
    // A link that leads nowhere is one picture, and a tenth may be such.
    huemax(&train, at)
        .check(0, &["data: 18 pictures", "b.tar/kiwi/lost.jpg: ", "a hard link to kiwi/nothing.jpg"]);
    assert_eq!(names(&at.join("run/skipped.csv")), set(&["b.tar/kiwi/lost.jpg"]));
    huemax(&[&train[..], &["--force", "--on-error", "fail"]].concat(), at)
        .check(1, &["error: b.tar/kiwi/lost.jpg: "]);

    // One that ends in the middle of its fifth picture, one that is compressed, one that is nothing.
    shard("c.tar", 7..9, false);
    let whole = fs::read(home.join("c.tar")).expect("a shard");
    let mut lengths = ["kiwi", "lemon", "banana", "kiwi"].iter().zip([7, 7, 7, 8]);
    let four: usize =
        lengths.by_ref().map(|(class, i)| 512 + picture(class, i).len().next_multiple_of(512)).sum();
    fs::write(home.join("c.tar"), &whole[..four + 700]).expect("a shard");
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    std::io::Write::write_all(&mut packed, &whole).expect("memory");
    fs::write(home.join("d.tar"), packed.finish().expect("memory")).expect("a shard");
    fs::write(home.join("e.tar"), b"").expect("a shard");
    // How many pictures they hide nobody knows.
    huemax(&[&train[..], &["--force"]].concat(), at)
        .check(1, &["shard", "is not known", "--max-errors 100%"]);
    let more = ["--force", "--max-errors", "5", "--json"];
    let ran = huemax(&[&train[..], &more].concat(), at).check(
        0,
        &["c.tar: ", "ends in the middle", "d.tar: ", "gunzip", "e.tar: ", "it is empty", "lemon/8.jpg"],
    );
    let summary = result(&ran);
    assert_eq!(summary["data"]["skipped_count"], 5);
    let expected = ["b.tar/kiwi/lost.jpg", "c.tar", "c.tar/lemon/8.jpg", "d.tar", "e.tar"];
    assert_eq!(names(&at.join("run/skipped.csv")), set(&expected));
    let pictures = summary["data"]["train_pictures"].as_u64().expect("a number")
        + summary["data"]["test"].as_u64().expect("a number");
    assert_eq!(pictures, 18 + 4);
    let few = ["--force", "--max-errors", "4"];
    huemax(&[&train[..], &few].concat(), at).check(1, &["5 of 27", "--max-errors allows 4"]);
    let extract = ["extract", "shards", "--device", "cpu", "--out", "store"];
    huemax(&[&extract[..], &["--max-errors", "100%"]].concat(), at).check(0, &["skipped 5"]);
    assert_eq!(names(&at.join("store/skipped.csv")), set(&expected));
    let model = "run/model.safetensors";
    let ran = huemax(&["predict", model, "shards", "--device", "cpu", "--json", "--max-errors", "5"], at)
        .check(0, &["skipped shards/d.tar: ", "gunzip"]);
    assert_eq!(lines_of(&ran.stdout()), (22, 5));
    huemax(&["evaluate", model, "shards", "--device", "cpu", "--max-errors", "5"], at).check(0, &["c.tar"]);
    // What is beside shards stands in the way of none.
    symlink("nowhere", home.join("gone")).expect("a link");
    huemax(&["predict", model, "shards", "--device", "cpu", "--max-errors", "6"], at)
        .check(0, &["skipped shards/gone: ", "6 of 28"]);
    huemax(&["extract", "shards", "--device", "cpu", "--out", "store", "--max-errors", "6"], at)
        .check(0, &["gone: a link that leads nowhere", "skipped 6"]);
    // Alone it is an error.
    huemax(&["train", "shards/d.tar", "--device", "cpu"], at).check(1, &["gunzip"]);
    huemax(&["predict", model, "shards/d.tar", "--device", "cpu"], at).check(1, &["gunzip"]);
}

/// How many lines of JSON are predictions, and how many name what could not be read.
fn lines_of(stdout: &str) -> (usize, usize) {
    let of = |field: &str| {
        let there = |line: &&str| {
            let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
            line.get(field).is_some() && line["path"].is_string()
        };
        stdout.lines().filter(there).count()
    };
    (of("predictions"), of("skipped"))
}

fn predict_goes_on_beside_what_is_not_there() {
    let folder = fruit();
    let at = folder.path();
    huemax(&TRAIN, at).check(0, &[]);
    fs::create_dir_all(at.join("empty")).expect("a folder");
    let predict = |what: &[&str]| {
        let begin = ["predict", "run/model.safetensors", "--device", "cpu", "--format", "csv", "--top", "1"];
        huemax(&[&begin[..], &["--skipped", "left.csv"], what].concat(), at)
    };
    let ran = predict(&["fruit/kiwi", "empty", "gone.jpg", "fruit/lemon/lemon-001.jpg", "--max-errors", "2"])
        .check(0, &["skipped empty: ", "there are no pictures", "skipped gone.jpg: ", "2 of 11"]);
    assert_eq!(ran.stdout().lines().count(), 1 + 9);
    assert_eq!(names(&at.join("left.csv")), set(&["empty", "gone.jpg"]));
    // One of a few is let pass, as everywhere; two are too many, and the rest is predicted all the same.
    predict(&["fruit/kiwi", "gone.jpg"]).check(0, &["1 of 9"]);
    let ran = predict(&["fruit/kiwi", "gone.jpg", "empty"]).check(1, &["2 of 10"]);
    assert_eq!(ran.stdout().lines().count(), 1 + 8);
    predict(&["fruit/kiwi", "gone.jpg", "--on-error", "fail"]).check(1, &["error: gone.jpg: "]);
    // Alone it is an error.
    predict(&["empty"]).check(1, &["there are no pictures in empty"]);
    predict(&["gone.jpg"]).check(1, &["gone.jpg does not exist"]);
}

fn predict_of_a_store_over_the_limit_predicts_the_rest() {
    let folder = fruit();
    let at = folder.path();
    huemax(&TRAIN, at).check(0, &[]);
    for i in 1..4 {
        fs::write(at.join(format!("fruit/kiwi/kiwi-{i:03}.jpg")), "no picture").expect("a file");
    }
    huemax(&["extract", "fruit", "--device", "cpu", "--out", "store"], at).check(0, &["skipped 3"]);
    for what in ["store", "fruit"] {
        let predict =
            ["predict", "run/model.safetensors", what, "--device", "cpu", "--json", "--skipped", "left.csv"];
        let ran =
            huemax(&[&predict[..], &["--max-errors", "1%"]].concat(), at).check(1, &["3 of 96 pictures"]);
        assert_eq!(lines_of(&ran.stdout()), (93, 3), "{what}");
        assert_eq!(rows(&at.join("left.csv")).len(), 3, "{what}");
        // A number is passed as soon as it is, and nothing more is said.
        let ran = huemax(&[&predict[..], &["--max-errors", "2"]].concat(), at).check(1, &["of 96 pictures"]);
        assert_eq!(ran.stdout().lines().count(), 0, "{what}");
    }
    huemax(&["predict", "--help"], at).check(0, &["a number"]);
}

fn content_decides_where_a_name_has_no_extension() {
    let folder = fruit();
    let at = folder.path();
    for i in 1..4 {
        fs::rename(at.join(format!("fruit/kiwi/kiwi-{i:03}.jpg")), at.join(format!("fruit/kiwi/kiwi-{i}")))
            .expect("renamed");
    }
    fs::write(at.join("fruit/kiwi/LICENSE"), "BMP and other words").expect("a file");
    fs::write(at.join("fruit/lemon/old.jpg~"), "x").expect("a file");
    fs::write(at.join("fruit/lemon/empty"), "").expect("a file");
    let ran = huemax(&[&TRAIN[..], &["--json"]].concat(), at)
        .check(0, &["data: 96 pictures", "3 files are no pictures", "kiwi/LICENSE", "lemon/old.jpg~"]);
    assert_eq!(result(&ran)["data"]["mismatches"]["not_pictures"]["count"], 3);
    let predict = ["predict", "run/model.safetensors", "fruit/kiwi", "--device", "cpu", "--json"];
    let ran = huemax(&predict, at).check(0, &["1 file is no picture"]);
    assert_eq!(ran.stdout().lines().count(), 8);
    // The same in shards, and as it is there.
    let mut files = Vec::new();
    for class in ["kiwi", "lemon"] {
        for file in fs::read_dir(at.join("fruit").join(class)).expect("a folder").flatten() {
            let name = file.file_name().to_string_lossy().into_owned();
            files.push((format!("{class}/{name}"), fs::read(file.path()).expect("a file")));
        }
    }
    files.sort();
    let all: Vec<(&str, Result<&[u8], &str>)> =
        files.iter().map(|(name, bytes)| (name.as_str(), Ok(bytes.as_slice()))).collect();
    tar(&at.join("all.tar"), &all);
    huemax(&["train", "all.tar", "--device", "cpu", "--out", "shards"], at)
        .check(0, &["data: 16 pictures", "3 files are no pictures", "kiwi/LICENSE"]);
}

fn options_of_pictures_are_refused_for_features() {
    let folder = fruit();
    let at = folder.path();
    huemax(&["extract", "fruit", "--device", "cpu", "--out", "store"], at).check(0, &[]);
    huemax(&TRAIN, at).check(0, &[]);
    let features = ["--features", "store/features.npy"];
    for option in [["--truncated", "keep"], ["--truncated", "skip"], ["--max-pixels", "1000"]] {
        let told = [option[0], "the data are features"];
        huemax(&[&["train", "store", "--device", "cpu", "--out", "x"], &option[..]].concat(), at)
            .check(2, &told);
        let evaluate = ["evaluate", "run/model.safetensors", "store", "--device", "cpu"];
        huemax(&[&evaluate[..], &option].concat(), at).check(2, &told);
        huemax(&[&["predict", "run/model.safetensors", "store"], &option[..]].concat(), at).check(2, &told);
        huemax(&[&["predict", "run/model.safetensors"], &features[..], &option].concat(), at).check(2, &told);
    }
    huemax(&["train", "--help"], at).check(0, &["200000000"]);
}

fn a_file_too_large_for_a_picture_is_called_that() {
    let folder = fruit();
    let at = folder.path();
    huemax(&TRAIN, at).check(0, &[]);
    let huge = fs::File::create(at.join("huge.jpg")).expect("a file");
    huge.set_len(30 << 30).expect("a sparse file");
    let ran = huemax(
        &["predict", "run/model.safetensors", "huge.jpg", "fruit/kiwi/kiwi-001.jpg", "--device", "cpu"],
        at,
    )
    .check(0, &["huge.jpg: ", "32212254720 bytes", "more than any picture"]);
    assert!(!ran.stderr().contains("that --memory leaves"), "{}", ran.stderr());
}
