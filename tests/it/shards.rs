//! Pictures in tar files are trained on as if they had been unpacked.

use std::fs::{self, File};
use std::path::Path;

use huemax::backend::Device;
use huemax::dataset::{Dataset, LabelOptions};
use huemax::demo::{DrawOptions, draw};
use huemax::features::{Budget, Descriptor, Npy, Source};
use huemax::pipeline::{StoreOptions, Tolerance, extract_to};
use huemax::progress::Quiet;
use libtest_mimic::Trial;

use crate::cli::huemax;
use crate::support::plain;

pub fn register(trials: &mut Vec<Trial>) {
    plain(trials, "shards::a_model_from_shards_is_that_of_the_folder", same_model);
    plain(trials, "shards::a_model_from_a_shard_is_that_of_its_files", unpacked);
    plain(trials, "shards::broken_shards_are_named", broken);
    plain(trials, "shards::features_of_a_replaced_shard_are_not_kept", replaced);
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

/// What WebDataset packs, unpacked again: labels of several kinds beside the pictures, and masks.
fn unpacked() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    draw(&at.join("fruit"), &DrawOptions { per_class: 8, ..DrawOptions::default() }, &Quiet)
        .expect("pictures");
    fs::create_dir(at.join("packed")).expect("a folder");
    let mut archive = tar::Builder::new(File::create(at.join("packed/s.tar")).expect("a shard"));
    let mut classes: Vec<_> = fs::read_dir(at.join("fruit"))
        .expect("classes")
        .map(|class| class.expect("a class").path())
        .collect();
    classes.retain(|class| class.is_dir());
    classes.sort();
    let mut key = 0;
    for (number, class) in classes.iter().enumerate() {
        let label = class.file_name().expect("a name").to_string_lossy().into_owned();
        for picture in fs::read_dir(class).expect("pictures") {
            let picture = picture.expect("a picture").path();
            key += 1;
            let mut add = |end: &str, content: &[u8]| {
                let mut header = tar::Header::new_gnu();
                header.set_size(content.len() as u64);
                header.set_mode(0o644);
                archive.append_data(&mut header, format!("{key:06}.{end}"), content).expect("appended");
            };
            let content = fs::read(&picture).expect("a picture");
            add("jpg", &content);
            match number % 3 {
                0 => add("cls", number.to_string().as_bytes()),
                1 => add("cls", label.as_bytes()),
                _ => add("json", format!(r#"{{"id": {key}, "label": "{label}"}}"#).as_bytes()),
            }
            add("txt", format!("a picture of {label}").as_bytes());
            if key % 5 == 0 {
                add("seg.jpg", &content);
            }
        }
    }
    archive.finish().expect("finished");
    drop(archive);
    tar::Archive::new(File::open(at.join("packed/s.tar")).expect("a shard"))
        .unpack(at.join("unpacked"))
        .expect("unpacked");
    let train = |data: &str, out: &str, more: &[&str]| {
        huemax(&[&["train", data, "--device", "cpu", "--no-cache", "--out", out], more].concat(), at)
            .check(0, &["labelled by the file beside each", "pictures belong to others of their keys"]);
        ["model.safetensors", "predictions.csv"]
            .map(|file| fs::read(at.join(out).join(file)).expect("a file"))
    };
    let model = train("packed", "1", &[]);
    assert!(model == train("unpacked", "2", &[]), "the model of the files is another");
    assert!(model == train("unpacked", "3", &["--labels", "sidecar"]), "asked for, it is another");
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
    // Nothing but the list of what could not be read.
    let left = fs::read_dir(at.join("run")).expect("a folder").map(|file| file.expect("a file").file_name());
    assert_eq!(left.collect::<Vec<_>>(), ["skipped.csv"]);
}

/// A shard that is replaced between the look at its headers and the reading: what is read there belongs to other names, and must
/// not count as theirs the next time.
fn replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let shard = at.join("s.tar");
    let pack = |pictures: [(&str, u8); 3]| {
        let mut archive = tar::Builder::new(File::create(&shard).expect("a shard"));
        for (name, red) in pictures {
            let mut bytes = std::io::Cursor::new(Vec::new());
            let picture = image::RgbImage::from_pixel(3, 2, image::Rgb([red, 7, 9]));
            picture.write_to(&mut bytes, image::ImageFormat::Png).expect("a picture");
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.get_ref().len() as u64);
            header.set_mode(0o644);
            archive.append_data(&mut header, name, bytes.get_ref().as_slice()).expect("appended");
        }
        archive.finish().expect("finished");
    };
    let open = || Dataset::open(&shard, &LabelOptions::default()).expect("pictures");
    let extract = |dataset: &Dataset, store: &str| {
        let options = StoreOptions { tolerance: Tolerance::ANY, ..StoreOptions::default() };
        let (device, budget) = (Device::cpu(), Budget::default());
        let made =
            extract_to(dataset, &at.join(store), Descriptor::default(), &device, &budget, &options, &Quiet);
        let made = made.expect("features");
        let source = Npy::open(&at.join(store).join("features.npy")).expect("rows");
        let mut rows = vec![0.0; source.rows() * source.columns()];
        source.read(0, &mut rows).expect("rows");
        (made, rows)
    };
    pack([("cat.1.png", 250), ("cat.2.png", 180), ("dog.1.png", 20)]);
    let dataset = open();
    let then = fs::metadata(&shard).expect("a shard");
    pack([("dog.1.png", 240), ("cat.1.png", 90), ("cat.2.png", 150)]);
    let now = fs::metadata(&shard).expect("a shard");
    assert_eq!(now.len(), then.len());
    let later = then.modified().expect("a time") + std::time::Duration::from_millis(3);
    File::options().write(true).open(&shard).expect("a shard").set_modified(later).expect("a time");
    let (made, _) = extract(&dataset, "store");
    assert_eq!(made.skipped.len(), 3, "{made:?}");
    assert!(made.skipped[0].reason.contains("changed"), "{made:?}");
    let (made, rows) = extract(&open(), "store");
    assert_eq!((made.kept, made.read), (0, 3));
    assert!(rows == extract(&open(), "fresh").1, "rows of other pictures were kept");
}
