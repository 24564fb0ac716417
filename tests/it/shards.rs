//! Pictures in tar files are trained on as if they had been unpacked.

use std::fs::{self, File};
use std::path::Path;

use huemax::demo::{DrawOptions, draw};
use huemax::progress::Quiet;
use libtest_mimic::Trial;

use crate::cli::huemax;
use crate::support::plain;

pub fn register(trials: &mut Vec<Trial>) {
    plain(trials, "shards::a_model_from_shards_is_that_of_the_folder", same_model);
    plain(trials, "shards::broken_shards_are_named", broken);
}

/// Packs the pictures below `from`, taken in an order of their own, into `count` shards, the class beside each where `labels` is set.
fn pack(from: &Path, to: &Path, count: usize, labels: bool) {
    fs::create_dir_all(to).expect("a folder");
    let mut pictures: Vec<_> = fs::read_dir(from)
        .expect("classes")
        .map(|class| class.expect("a class").path())
        .filter(|class| class.is_dir())
        .flat_map(|class| fs::read_dir(class).expect("pictures"))
        .map(|picture| picture.expect("a picture").path())
        .collect();
    // As WebDataset wants it: shuffled before they are packed.
    pictures.sort_by_key(|path| {
        path.to_string_lossy().bytes().fold(7u32, |h, b| h.wrapping_mul(16_777_619) ^ u32::from(b))
    });
    for (shard, pictures) in pictures.chunks(pictures.len().div_ceil(count)).enumerate() {
        let file = File::create(to.join(format!("s-{shard:03}.tar"))).expect("a shard");
        let mut archive = tar::Builder::new(file);
        for path in pictures {
            let name = path.strip_prefix(from).expect("inside");
            archive.append_path_with_name(path, name).expect("appended");
            if labels {
                let class = name.iter().next().expect("a class").to_string_lossy().into_owned();
                let mut header = tar::Header::new_gnu();
                header.set_size(class.len() as u64);
                header.set_mode(0o644);
                archive
                    .append_data(&mut header, name.with_extension("cls"), class.as_bytes())
                    .expect("appended");
            }
        }
        archive.finish().expect("finished");
    }
}

fn same_model() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    draw(&at.join("fruit"), &DrawOptions { per_class: 30, ..DrawOptions::default() }, &Quiet)
        .expect("pictures");
    // One of them is no picture: it is left out, and said to be, wherever it lies.
    let class =
        fs::read_dir(at.join("fruit")).expect("classes").next().expect("a class").expect("a class").path();
    fs::write(class.join("broken.jpg"), b"no picture").expect("written");
    pack(&at.join("fruit"), &at.join("packed"), 3, false);
    pack(&at.join("fruit"), &at.join("labelled"), 4, true);
    let train = |data: &str, out: &str| {
        huemax(&["train", data, "--device", "cpu", "--out", out], at).check(0, &["broken.jpg"]);
        fs::read(at.join(out).join("model.safetensors")).expect("a model")
    };
    let model = train("fruit", "1");
    assert!(model == train("packed", "2"), "the model of shards is another");
    assert!(model == train("packed/s-{000..002}.tar", "3"), "the model of a pattern is another");
    assert!(model == train("labelled", "4"), "the model of shards with labels is another");
    let measured = |data: &str| {
        let ran = huemax(&["evaluate", "1/model.safetensors", data, "--device", "cpu", "--json"], at);
        let summary: serde_json::Value = serde_json::from_str(&ran.check(0, &[]).stdout()).expect("JSON");
        summary["evaluation"].clone()
    };
    assert_eq!(measured("fruit"), measured("labelled"));
}

fn broken() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    draw(&at.join("fruit"), &DrawOptions { per_class: 4, ..DrawOptions::default() }, &Quiet)
        .expect("pictures");
    pack(&at.join("fruit"), &at.join("packed"), 2, false);
    let shard = at.join("packed/s-001.tar");
    let whole = fs::read(&shard).expect("a shard");
    fs::write(&shard, &whole[..whole.len() / 2 + 100]).expect("written");
    huemax(&["train", "packed", "--out", "run"], at)
        .check(1, &["s-001.tar: it ends in the middle", "copy it again"]);
    huemax(&["train", "packed/s-{000..004}.tar"], at)
        .check(1, &["3 of its 5 files are not there, for example packed/s-002.tar"]);
    huemax(&["train", "packed/s-{0..x}.tar"], at).check(1, &["counts from one number to another"]);
    assert!(!at.join("run").exists(), "a failed training left a folder");
}
