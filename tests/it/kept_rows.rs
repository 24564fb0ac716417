//! Rows that a store or a cache keeps are those that today's options would make.

use std::fs;

use crate::cli::{TRAIN, fruit, huemax};
use crate::skipped::result;
use crate::support::plain;

pub fn register(trials: &mut Vec<libtest_mimic::Trial>) {
    for (name, test) in [
        ("rows_follow_max_pixels", rows_follow_max_pixels as fn()),
        ("rows_follow_truncated_in_a_cache", rows_follow_truncated_in_a_cache),
        ("force_takes_over_what_is_unchanged_alone", force_takes_over_what_is_unchanged_alone),
        ("a_cache_counts_the_part_that_is_evaluated", a_cache_counts_the_part_that_is_evaluated),
        ("what_was_kept_is_told", what_was_kept_is_told),
    ] {
        plain(trials, &format!("kept_rows::{name}"), test);
    }
}

fn header(width: u32, height: u32) -> Vec<u8> {
    let mut file = b"BM".to_vec();
    file.extend((54 + 3 * width * height).to_le_bytes());
    file.extend([0; 4]);
    file.extend(54u32.to_le_bytes());
    file.extend(40u32.to_le_bytes());
    file.extend(width.to_le_bytes());
    file.extend(height.to_le_bytes());
    file.extend([1, 0, 24, 0]);
    file.extend([0; 24]);
    file
}

fn bmp(width: u32, height: u32, value: u8) -> Vec<u8> {
    let mut file = header(width, height);
    file.resize(54 + (3 * width).next_multiple_of(4) as usize * height as usize, value);
    file
}

fn rows_follow_max_pixels() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    for (name, side) in [("a/1.bmp", 8), ("a/2.bmp", 100), ("b/1.bmp", 9), ("b/2.bmp", 10), ("b/3.bmp", 12)] {
        let path = at.join("data").join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, bmp(side, side, side as u8)).expect("a file");
    }
    let extract = |more: &[&str]| {
        huemax(
            &[&["extract", "data", "--device", "cpu", "--out", "store", "--max-errors", "2"], more].concat(),
            at,
        )
    };
    extract(&[]).check(0, &["read 5"]);
    // A row whose picture is too large by now is one no more, whoever made it.
    extract(&["--max-pixels", "9999"]).check(0, &["kept 4", "skipped 1", "declares 100×100"]);
    extract(&["--max-pixels", "9999"]).check(0, &["kept 4", "skipped 1"]);
    extract(&["--max-pixels", "140"]).check(0, &["kept 3", "skipped 2", "declares 12×12"]);
    extract(&["--max-pixels", "9999"]).check(0, &["kept 3, read 1", "skipped 1"]);
    extract(&[]).check(0, &["kept 4, read 1", "skipped 0"]);
}

fn rows_follow_truncated_in_a_cache() {
    let folder = fruit();
    let at = folder.path();
    let path = at.join("fruit/kiwi/kiwi-001.jpg");
    let whole = fs::read(&path).expect("a picture");
    fs::write(&path, &whole[..whole.len() * 2 / 3]).expect("a file");
    let train = |more: &[&str]| {
        let begin =
            ["train", "fruit", "--device", "cpu", "--out", "run", "--cache", "cache", "--force", "--json"];
        result(&huemax(&[&begin[..], more].concat(), at).check(0, &[]))["data"].clone()
    };
    let keep = ["--truncated", "keep"];
    let cut = serde_json::json!(["kiwi/kiwi-001.jpg"]);
    for _ in 0..2 {
        let data = train(&[]);
        assert_eq!((&data["skipped_count"], &data["cut_off"]), (&1.into(), &serde_json::Value::Null));
        for _ in 0..2 {
            let data = train(&keep);
            assert_eq!((&data["skipped_count"], &data["cut_off"]), (&0.into(), &cut));
        }
    }
    // Told whether or not features are kept, also when all else is quiet; and by `evaluate` and `predict`.
    let note = "1 picture is cut off; what there is of it was used: kiwi/kiwi-001.jpg";
    let begin =
        ["train", "fruit", "--device", "cpu", "--out", "other", "--force", "--quiet", "--truncated", "keep"];
    huemax(&begin, at).check(0, &[note]);
    let ran = huemax(&[&begin[..], &["--no-cache", "--json"]].concat(), at).check(0, &[note]);
    assert_eq!(result(&ran)["data"]["cut_off"], cut);
    let model = "other/model.safetensors";
    let evaluate =
        ["evaluate", model, "fruit", "--device", "cpu", "--json", "--quiet", "--truncated", "keep"];
    let ran = huemax(&evaluate, at).check(0, &[note]);
    assert_eq!(result(&ran)["data"]["cut_off"], cut);
    let ran = huemax(&[&evaluate[..], &["--cache", "cache"]].concat(), at).check(0, &[note]);
    assert_eq!(result(&ran)["data"]["cut_off"], cut);
    let predict = ["predict", model, "fruit", "--device", "cpu", "--json", "--quiet", "--truncated", "keep"];
    let ran = huemax(&predict, at).check(0, &["is cut off", "fruit/kiwi/kiwi-001.jpg"]);
    let told: Vec<String> =
        ran.stdout().lines().filter(|line| line.contains("\"cut_off\":true")).map(str::to_owned).collect();
    assert!(told.len() == 1 && told[0].contains("kiwi-001"), "{told:?}");
    // A store of such rows says so too.
    huemax(&["extract", "fruit", "--device", "cpu", "--out", "store", "--truncated", "keep"], at)
        .check(0, &[note]);
    let ran =
        huemax(&["evaluate", model, "store", "--device", "cpu", "--json", "--quiet"], at).check(0, &[note]);
    assert_eq!(result(&ran)["data"]["cut_off"], cut);
}

fn force_takes_over_what_is_unchanged_alone() {
    let folder = fruit();
    let at = folder.path();
    let extract = |more: &[&str]| {
        huemax(
            &[&["extract", "fruit", "--device", "cpu", "--out", "store", "--labels", "folder"], more]
                .concat(),
            at,
        )
    };
    extract(&[]).check(0, &["read 96"]);
    for i in 1..8 {
        for class in ["lemon", "kiwi"] {
            fs::write(at.join(format!("fruit/{class}/{class}-{i:03}.jpg")), "no picture").expect("a file");
        }
    }
    extract(&["--force"]).check(1, &["14 of 96"]);
    // Another picture of the same size and time, as archives and copies make them.
    let path = at.join("fruit/banana/banana-001.jpg");
    let before = fs::metadata(&path).expect("a file");
    let mut other = fs::read(at.join("fruit/apple/apple-002.jpg"))
        .or_else(|_| fs::read(at.join("fruit/banana/banana-002.jpg")))
        .expect("a picture");
    other.resize(before.len() as usize, 0);
    if other.len() >= 2 {
        let end = other.len() - 2;
        other[end..].copy_from_slice(&[0xFF, 0xD9]);
    }
    fs::write(&path, &other).expect("a file");
    let file = fs::File::options().write(true).open(&path).expect("a file");
    file.set_modified(before.modified().expect("a time")).expect("a time");
    extract(&["--force", "--max-errors", "20"]).check(0, &["wrote", "skipped 14"]);
    huemax(
        &[
            "extract",
            "fruit",
            "--device",
            "cpu",
            "--out",
            "fresh",
            "--labels",
            "folder",
            "--max-errors",
            "20",
        ],
        at,
    )
    .check(0, &[]);
    let read = |store: &str| fs::read(at.join(store).join("features.npy")).expect("a file");
    assert!(read("store") == read("fresh"), "a row of a picture that is gone");
    // Other features are not taken over.
    extract(&["--force"]).check(1, &["14 of 96"]);
    extract(&["--force", "--max-errors", "20", "--bins", "4,4,4"]).check(0, &["× 64 features", "kept 0"]);
}

fn a_cache_counts_the_part_that_is_evaluated() {
    let folder = fruit();
    let at = folder.path();
    huemax(&TRAIN, at).check(0, &[]);
    for (class, part, range) in
        [("kiwi", "train", 1..5), ("kiwi", "test", 5..9), ("lemon", "train", 1..5), ("lemon", "test", 5..9)]
    {
        for i in range {
            let to = at.join("data").join(part).join(class);
            fs::create_dir_all(&to).expect("a folder");
            fs::copy(at.join(format!("fruit/{class}/{class}-{i:03}.jpg")), to.join(format!("{i}.jpg")))
                .expect("a copy");
        }
    }
    for i in 1..4 {
        fs::write(at.join(format!("data/train/kiwi/{i}.jpg")), "no picture").expect("a file");
    }
    let evaluate = ["evaluate", "run/model.safetensors", "data", "--device", "cpu"];
    for limit in ["0", "0%", "10%"] {
        huemax(&[&evaluate[..], &["--max-errors", limit]].concat(), at).check(0, &[]);
        huemax(&[&evaluate[..], &["--max-errors", limit, "--cache", "cache"]].concat(), at).check(0, &[]);
    }
    huemax(&[&evaluate[..], &["--on-error", "fail", "--cache", "other"]].concat(), at).check(0, &[]);
    // Those of the part itself count.
    fs::write(at.join("data/test/kiwi/5.jpg"), "no picture").expect("a file");
    fs::write(at.join("data/test/kiwi/6.jpg"), "no picture").expect("a file");
    for cache in [&["--cache", "cache"][..], &[]] {
        huemax(&[&evaluate[..], cache].concat(), at).check(1, &["2 of 8 pictures could not be read"]);
        huemax(&[&evaluate[..], &["--max-errors", "2"], cache].concat(), at)
            .check(0, &["2 pictures could not be read"]);
    }
}

fn what_was_kept_is_told() {
    let folder = fruit();
    let at = folder.path();
    huemax(&TRAIN, at).check(0, &[]);
    for i in 1..8 {
        for class in ["lemon", "kiwi"] {
            fs::write(at.join(format!("fruit/{class}/{class}-{i:03}.jpg")), "no picture").expect("a file");
        }
    }
    // All that was looked at: what could not be read is tried again, and is not decoded twice.
    let kept = "of 96 pictures are kept in cache; the same command goes on from there";
    let cache = ["--cache", "cache"];
    huemax(&[&["train", "fruit", "--device", "cpu", "--out", "more"], &cache[..]].concat(), at)
        .check(1, &[kept]);
    let evaluate = ["evaluate", "run/model.safetensors", "fruit", "--device", "cpu"];
    huemax(&[&evaluate[..], &cache].concat(), at).check(1, &[kept]);
    // The list of them is where the results would be, though there is nothing else.
    huemax(&[&evaluate[..], &["--max-errors", "0", "--out", "measured"]].concat(), at)
        .check(1, &["all of them are listed in measured/skipped.csv"]);
    assert!(at.join("measured/skipped.csv").is_file());
}
