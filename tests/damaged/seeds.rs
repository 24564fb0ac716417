//! Real files of every kind, small, to be damaged.

use std::io::Cursor;
use std::path::Path;
use std::time::Duration;

use huemax::TrainOptions;
use huemax::backend::Loss;
use huemax::bench::Run;
use huemax::features::Histogram;
use huemax::features::store::{
    Entry, FEATURES, Folder, Hash, Header, JOURNAL, Labels, META, Meta, NotLookedInto, SAMPLES, write_samples,
};
use huemax::features::{Descriptor, Given, TransformOptions};
use huemax::learn::checkpoint::{CURRENT, Store};
use huemax::pipeline::Session;
use image::{DynamicImage, ImageFormat, RgbImage, RgbaImage};

use crate::readers::{DIVIDER, begun, of_state, train_rows};

/// Real files of the kind `name`, made in the empty folder `at`.
pub fn of(name: &str, at: &Path) -> Vec<Vec<u8>> {
    match name {
        "model" => models(at),
        "store" => stores(at),
        "checkpoint" => checkpoints(at),
        "state" => begun().iter().zip(0..).map(|((_, begun), which)| of_state(which, &begun.state)).collect(),
        "manifest" => manifests(),
        "baseline" => vec![baseline(at)],
        "features" => features(at),
        "shard" => vec![shard(b"cat", b"dog"), shard(b"{\"label\": \"a\"}", b"{\"labels\": [\"b\", \"c\"]}")],
        "picture" => pictures(),
        other => panic!("no files of the kind {other}"),
    }
}

fn models(at: &Path) -> Vec<Vec<u8>> {
    let (plain, _) = &begun()[0];
    let options = [
        plain.clone(),
        TrainOptions { loss: Some(Loss::Sigmoid), ..plain.clone() },
        TrainOptions { loss: Some(Loss::SquaredHinge), ..plain.clone() },
        TrainOptions {
            transform: TransformOptions { l2_normalize: true, standardize: true },
            ..plain.clone()
        },
    ];
    let mut models: Vec<_> = options
        .iter()
        .map(|options| train_rows(options, &Session::default()).expect("a training").model)
        .collect();
    // One of pictures: its descriptor has bins.
    let histogram = Histogram { bins: [1, 1, 3], decode_scale: 2 };
    let of_pictures = huemax::Model { descriptor: Descriptor::Histogram(histogram), ..models[0].clone() };
    models.push(of_pictures);
    let path = at.join("m");
    let write = |model: &huemax::Model| {
        model.save(&path).expect("a model");
        std::fs::read(&path).expect("a model")
    };
    models.iter().map(write).collect()
}

fn checkpoints(at: &Path) -> Vec<Vec<u8>> {
    let write = |(_, checkpoint): &(TrainOptions, _)| {
        Store::new(at).save(checkpoint).expect("a checkpoint");
        std::fs::read(at.join(CURRENT)).expect("a checkpoint")
    };
    let each: Vec<_> = begun().iter().map(write).collect();
    let both = [&each[0], DIVIDER, &each[1]].concat();
    each.into_iter().chain([both]).collect()
}

/// A store that is done, one as pandas writes it, and one that was interrupted.
fn stores(at: &Path) -> Vec<Vec<u8>> {
    const ROWS: usize = 4;
    const COLUMNS: usize = 2;
    let header = Header {
        format: huemax::features::store::FORMAT,
        descriptor: Descriptor::Given(Given { columns: COLUMNS }),
        decoder: "none".into(),
        root: "pictures".into(),
        root_xxh3: None,
        rows: ROWS,
        columns: COLUMNS,
        paths: Hash(7),
        anew: true,
        max_pixels: None,
        file: String::new(),
    };
    let entry = |row: usize| Entry {
        size: 10 + row as u64,
        modified: 5,
        hash: (row != 2).then(|| Hash::of(&[row as u8])),
        skipped: (row == 2).then(|| "cut, \"off\"".into()),
        cut_off: row == 1,
    };
    let path = |row: usize| format!("{}/{row}.jpg", ["a", "b,c"][row % 2]);
    let folder = Folder::open(at).expect("a folder");
    let writer = folder.begin(header.clone(), None, Duration::ZERO).expect("a writer");
    writer.install().expect("a journal");
    let values: Vec<f32> = (0..ROWS * COLUMNS).map(|i| i as f32 / 8.0).collect();
    writer.put(0, &values, (0..ROWS).map(|row| (path(row), entry(row)))).expect("rows");
    writer.flush().expect("rows");
    let read = |name: &str| std::fs::read(at.join(name)).unwrap_or_default();
    let (journal, part) = (read(JOURNAL), read(&writer.header.file));
    let labels = Labels {
        task: "multiclass".into(),
        classes: vec!["cat".into(), "dog".into()],
        separator: None,
        source: "folder".into(),
    };
    let meta = Meta {
        format: header.format,
        descriptor: header.descriptor,
        decoder: header.decoder.clone(),
        rows: ROWS,
        columns: COLUMNS,
        root: header.root.clone(),
        root_xxh3: None,
        max_pixels: None,
        unread: vec![NotLookedInto {
            path: "locked".into(),
            reason: "a folder that cannot be looked into".into(),
            hides: true,
        }],
        labels,
        samples_xxh3: Hash(0),
        features_xxh3: Hash(0),
    };
    let entries: Vec<Entry> = (0..ROWS).map(entry).collect();
    let paths: Vec<String> = (0..ROWS).map(path).collect();
    let samples = |to: &mut dyn std::io::Write| {
        let rows = entries.iter().enumerate();
        let rows = rows.map(|(row, entry)| {
            (paths[row].as_str(), ["cat", "dog"][row % 2].to_owned(), ["train", "test"][row / 2], entry)
        });
        write_samples(to, (false, true), rows)
    };
    folder.commit((Some(writer), false), meta, samples).expect("a store");
    let (meta, samples, numbers) = (read(META), read(SAMPLES), read(FEATURES));
    let others = b"name,label\nx,cat\ny,dog\nz,cat\nw,dog\n";
    [
        [&meta[..], &samples, &numbers, b"", b""],
        [b"", others, &numbers, b"", b""],
        [b"", b"", b"", &journal, &part],
        [&meta, &samples, &numbers, &journal, &part],
    ]
    .map(|files| files.join(DIVIDER))
    .into()
}

fn manifests() -> Vec<Vec<u8>> {
    let kinds: [(u8, &str); 8] = [
        (
            0,
            "file,label\n1.jpg,cat\n2.jpg,\"d,\"\"og\"\na b.png,cat\nsub/1.jpg,dog\n\"sub/é,\"\"x\"\".jpg\",cat\n",
        ),
        (0, "\u{feff}image_name;tags;split\r\n1;a b;train\r\n2;b;test\r\nsub/1;;val\r\n"),
        (0, "file,a,b,c\n1.jpg,1,0,0\n2.jpg,0,1,1\nsub/1.jpg,1,1,0\n"),
        (64, "file,labels\n1.jpg,a b\n2.jpg,b\n"),
        (1, "file\tlabel\n1.jpg\tcat\n2.jpg\tdog\n"),
        (
            2,
            "{\"file_name\": \"1.jpg\", \"label\": \"cat\"}\n{\"file_name\": \"2.jpg\", \"label\": \"d\\u00f6g\"}\n",
        ),
        (2, "{\"file_name\":\"1.jpg\",\"labels\":[\"a\",\"b\"]}\n{\"file_name\":\"2.jpg\",\"labels\":[]}\n"),
        (0, "label\ncat\ndog\ncat\ndog\ncat\n"),
    ];
    let mut all: Vec<Vec<u8>> =
        kinds.iter().map(|(kind, text)| [&[*kind], text.as_bytes()].concat()).collect();
    let wide = "\u{feff}file,label\n1.jpg,cat\n2.jpg,dög\n".encode_utf16();
    all.push([0].into_iter().chain(wide.flat_map(u16::to_le_bytes)).collect());
    all
}

/// A run of `huemax bench` with two of its stages.
fn baseline(at: &Path) -> Vec<u8> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let results = project.join("benches/results/2026-11-24-bench-lavapipe.json");
    let mut run = Run::load(&results).expect("a run that is kept");
    run.stages.truncate(2);
    run.end_to_end.truncate(1);
    run.stages.iter_mut().flat_map(|stage| &mut stage.series).for_each(|series| {
        series.wall.truncate(3);
        series.device.truncate(3);
    });
    run.save(&at.join("run")).expect("a run");
    std::fs::read(at.join("run")).expect("a run")
}

fn features(at: &Path) -> Vec<Vec<u8>> {
    let values: Vec<f32> = (0..12).map(|i| i as f32).collect();
    let path = at.join("x");
    let array = ndarray::Array2::from_shape_vec((4, 3), values.clone()).expect("4 × 3");
    ndarray_npy::write_npy(&path, &array).expect("npy");
    let npy = std::fs::read(&path).expect("npy");
    ndarray_npy::write_npy(&path, &array.mapv(f64::from).reversed_axes()).expect("npy");
    let double = std::fs::read(&path).expect("npy");
    let bytes: &[u8] = bytemuck::cast_slice(&values);
    let view =
        safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![4, 3], bytes).expect("4 × 3");
    let safe = safetensors::serialize([("x", view)], None).expect("safetensors");
    let mut all = vec![npy.clone(), double, safe];
    for method in [zip::CompressionMethod::Stored, zip::CompressionMethod::Deflated] {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default().compression_method(method);
        writer.start_file("x.npy", options).expect("npz");
        std::io::Write::write_all(&mut writer, &npy).expect("npz");
        all.push(writer.finish().expect("npz").into_inner());
    }
    #[cfg(feature = "parquet")]
    all.extend([parquet(), lists_and_labels()]);
    all
}

#[cfg(feature = "parquet")]
fn parquet() -> Vec<u8> {
    use parquet::data_type::{DoubleType, FloatType};
    let schema = "message rows { required float a; optional double b; }";
    let schema = parquet::schema::parser::parse_message_type(schema).expect("a schema");
    let mut bytes = Vec::new();
    let mut writer = parquet::file::writer::SerializedFileWriter::new(
        &mut bytes,
        schema.into(),
        std::sync::Arc::default(),
    )
    .expect("parquet");
    let mut group = writer.next_row_group().expect("parquet");
    let mut column = group.next_column().expect("parquet").expect("a");
    column.typed::<FloatType>().write_batch(&[1.0, 2.0, 3.0], None, None).expect("parquet");
    column.close().expect("parquet");
    let mut column = group.next_column().expect("parquet").expect("b");
    column.typed::<DoubleType>().write_batch(&[4.0, 5.0, 6.0], Some(&[1, 1, 1]), None).expect("parquet");
    column.close().expect("parquet");
    group.close().expect("parquet");
    writer.close().expect("parquet");
    bytes
}

/// Two pictures with what says their labels.
fn shard(first: &[u8], second: &[u8]) -> Vec<u8> {
    let picture = encoded(ImageFormat::Png);
    let mut tar = tar::Builder::new(Vec::new());
    let kind = if first.starts_with(b"{") { "json" } else { "cls" };
    for (key, label) in [("1", first), ("2", second)] {
        for (extension, bytes) in [("png", &picture[..]), (kind, label)] {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, format!("{key}.{extension}"), bytes).expect("tar");
        }
    }
    tar.into_inner().expect("tar")
}

fn encoded(format: ImageFormat) -> Vec<u8> {
    let (width, height) = (19, 13);
    let value = |x: u32, y: u32| [(13 * x) as u8, (x * y) as u8, (17 * y) as u8];
    let picture = match format {
        ImageFormat::Gif => DynamicImage::ImageRgba8(RgbaImage::from_fn(width, height, |x, y| {
            let [r, g, b] = value(x, y);
            image::Rgba([r, g, b, if x > 3 { 255 } else { 0 }])
        })),
        _ => DynamicImage::ImageRgb8(RgbImage::from_fn(width, height, |x, y| image::Rgb(value(x, y)))),
    };
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).expect("a picture");
    bytes.into_inner()
}

fn pictures() -> Vec<Vec<u8>> {
    use ImageFormat::{Bmp, Gif, Jpeg, Png, Tiff, WebP};
    [Jpeg, Png, Gif, WebP, Bmp, Tiff].map(|format| [&[0], &encoded(format)[..]].concat()).into()
}

/// Lists of numbers, labels as text, and numbers of rows, packed.
#[cfg(feature = "parquet")]
fn lists_and_labels() -> Vec<u8> {
    use parquet::data_type::{ByteArrayType, FloatType, Int32Type};
    let schema = "message rows {
        optional group e (LIST) { repeated group list { optional float element; } }
        optional binary label (STRING);
        required int32 row (INTEGER(16, true));
    }";
    let schema = parquet::schema::parser::parse_message_type(schema).expect("a schema");
    let packed = parquet::file::properties::WriterProperties::builder()
        .set_compression(parquet::basic::Compression::SNAPPY)
        .build();
    let mut bytes = Vec::new();
    let mut writer =
        parquet::file::writer::SerializedFileWriter::new(&mut bytes, schema.into(), packed.into())
            .expect("parquet");
    let mut group = writer.next_row_group().expect("parquet");
    let mut column = group.next_column().expect("parquet").expect("e");
    let numbers: Vec<f32> = (0..8).map(|i| i as f32).collect();
    let (defined, repeated) = ([3; 8], [0, 1, 0, 1, 0, 1, 0, 1]);
    column.typed::<FloatType>().write_batch(&numbers, Some(&defined), Some(&repeated)).expect("parquet");
    column.close().expect("parquet");
    let mut column = group.next_column().expect("parquet").expect("label");
    let labels = ["a", "b", "a"].map(Into::into);
    column.typed::<ByteArrayType>().write_batch(&labels, Some(&[1, 1, 0, 1]), None).expect("parquet");
    column.close().expect("parquet");
    let mut column = group.next_column().expect("parquet").expect("row");
    column.typed::<Int32Type>().write_batch(&[3, 2, 1, 0], None, None).expect("parquet");
    column.close().expect("parquet");
    group.close().expect("parquet");
    writer.close().expect("parquet");
    bytes
}
