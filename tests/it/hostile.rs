//! Pictures that mean harm, made here: left out for a reason that helps, in no time. `tests/hostile.py` has all kinds, and compares them with
//! OpenCV.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use huemax::dataset::Decoder;
use libtest_mimic::Trial;

use crate::cli::huemax;
use crate::support::plain;

pub fn register(trials: &mut Vec<Trial>) {
    plain(
        trials,
        "hostile::pictures_are_left_out_for_what_they_are",
        pictures_are_left_out_for_what_they_are,
    );
    plain(trials, "hostile::bombs_beside_the_pixels_do_not_go_off", bombs_beside_the_pixels_do_not_go_off);
    plain(trials, "hostile::no_bytes_make_a_decoder_panic", no_bytes_make_a_decoder_panic);
    #[cfg(feature = "parquet")]
    plain(
        trials,
        "hostile::what_made_a_reader_panic_is_told_as_an_error",
        what_made_a_reader_panic_is_told_as_an_error,
    );
    plain(trials, "hostile::cut_off_pictures_are_kept_where_asked", cut_off_pictures_are_kept_where_asked);
    plain(trials, "hostile::max_pixels_is_asked_before_anything", max_pixels_is_asked_before_anything);
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn chunk(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(kind);
    crc.update(content);
    [&(content.len() as u32).to_be_bytes(), &kind[..], content, &crc.sum().to_be_bytes()].concat()
}

/// A grey PNG with these chunks before its data.
fn png(width: u32, height: u32, before: &[u8], data: &[u8]) -> Vec<u8> {
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 0, 0, 0, 0]].concat();
    let parts = [chunk(b"IHDR", &header), before.to_vec(), chunk(b"IDAT", data), chunk(b"IEND", &[])];
    [b"\x89PNG\r\n\x1a\n".to_vec(), parts.concat()].concat()
}

/// 4 × 2 pixels, with these chunks beside them.
fn small_png(before: &[u8]) -> Vec<u8> {
    png(4, 2, before, &deflated(&[0, 1, 2, 3, 4, 0, 5, 6, 7, 8]))
}

fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
    [&[0xFF, marker], &(content.len() as u16 + 2).to_be_bytes()[..], content].concat()
}

/// The headers of a grey JPEG of this process, and so many scans.
fn jpeg(process: u8, bits: u8, height: u16, scans: usize) -> Vec<u8> {
    let size = [&height.to_be_bytes()[..], &[0, 16, 1, 1, 0x11, 0]].concat();
    let scan = segment(0xDA, &[1, 1, 0, 0, 63, 0]).repeat(scans);
    [&[0xFF, 0xD8][..], &segment(process, &[&[bits][..], &size].concat()), &scan, &[0xFF, 0xD9]].concat()
}

/// A GIF of a canvas of 4 × 2 pixels, with a frame there.
fn gif(frame: [u16; 4], codes: &[u8]) -> Vec<u8> {
    let mut file = b"GIF89a\x04\0\x02\0\x80\x01\0".to_vec();
    file.extend([9, 9, 9, 40, 50, 60]);
    file.push(b',');
    frame.iter().for_each(|side| file.extend(side.to_le_bytes()));
    file.extend([0, 2, codes.len() as u8]);
    file.extend(codes);
    file.extend([0, b';']);
    file
}

fn reason(bytes: &[u8]) -> String {
    Decoder::default().read_bytes(bytes).expect_err("it is none").to_string()
}

fn pictures_are_left_out_for_what_they_are() {
    let clock = Instant::now();
    let tiff = |entries: &[(u16, u16, u32)]| {
        let mut file = b"II*\0\x08\0\0\0".to_vec();
        file.extend((entries.len() as u16).to_le_bytes());
        for &(tag, kind, value) in entries {
            file.extend(tag.to_le_bytes());
            file.extend(kind.to_le_bytes());
            file.extend(1u32.to_le_bytes());
            file.extend(value.to_le_bytes());
        }
        file.extend([0; 4]);
        file
    };
    let size = |side: u32| [(256, 4, side), (257, 4, side), (258, 3, 8), (259, 3, 8), (262, 3, 1)];
    let mut pieces =
        tiff(&[(256, 4, 100_001), (257, 4, 2), (258, 3, 8), (259, 3, 1), (262, 3, 1), (279, 4, 9)]);
    let count = pieces.len() - 12;
    pieces[count..count + 4].copy_from_slice(&100_001u32.to_le_bytes());
    pieces.resize(500_000, 1);
    // Lengths of strips told forty thousand times, each time of as many as there are bytes: they are added up once.
    let mut lengths = pieces[..8].to_vec();
    lengths.extend(40_005u16.to_le_bytes());
    lengths.extend(&pieces[10..10 + 5 * 12]);
    lengths.extend(pieces[10 + 5 * 12..10 + 6 * 12].repeat(40_000));
    lengths.resize(500_000, 1);
    let strip = [(273, 4, 8), (277, 3, 1), (278, 4, 14_000), (279, 4, 50)];
    for (bytes, said) in [
        (jpeg(0xC0, 8, 0, 1), "declares no height"),
        (jpeg(0xC1, 12, 16, 1), "12 bits"),
        (jpeg(0xC3, 8, 16, 1), "lossless"),
        (jpeg(0xC5, 8, 16, 1), "hierarchical"),
        (jpeg(0xC2, 8, 16, 65_535), "65535 scans, more than the 100"),
        (png(0x7FFF_FFFF, 0x7FFF_FFFF, &[], &[0]), "2147483647×2147483647 pixels, more than"),
        (png(14_000, 14_000, &[], &deflated(&[0; 9])), "cut off"),
        (png(4, 2, &[], &deflated(&[0, 1, 2, 3, 4])), "cut off"),
        (small_png(&chunk(b"ABCD", &[])), "chunk ABCD"),
        (gif([2, 1, 4, 2], &[0x44, 0x01]), "beyond its 4×2 pixels"),
        (gif([0, 0, 1, 1], &[0x04, 0x00, 0x00, 0x05]), "more pixels"),
        (tiff(&size(0x7FFF_FFFF)), "declares"),
        (tiff(&[&size(14_000)[..], &strip].concat()), "more pixels than its bytes"),
        (b"RIFF\x16\0\0\0WEBPVP8L\x0a\0\0\0\x2f\xfe\xbf\xff\x0f\0\0\0\0\0".to_vec(), "declares 16383×16383"),
        // 14,000 × 14,000 pixels without loss, of which nothing else is said.
        (
            b"RIFF\x16\0\0\0WEBPVP8L\x0a\0\0\0\x2f\xaf\xf6\xab\x0d\0\0\0\0\0".to_vec(),
            "14000×14000 pixels in 30 bytes",
        ),
        (pieces, "in 100001 strips or tiles"),
        (lengths, "in 100001 strips or tiles"),
        (b"\0\0\0\x20ftypavif".to_vec(), "an AVIF picture; JPEG"),
        (b" <html><body>404".to_vec(), "an HTML page; JPEG"),
    ] {
        let found = reason(&bytes);
        assert!(found.contains(said), "{said:?} is not in: {found}");
    }
    assert!(clock.elapsed() < Duration::from_secs(5), "{:?}", clock.elapsed());
}

fn bombs_beside_the_pixels_do_not_go_off() {
    let clock = Instant::now();
    let bomb = deflated(&vec![0; 64 << 20]);
    let of = |kind, head: &[u8]| small_png(&chunk(kind, &[head, &bomb].concat()));
    let grey: Vec<u8> = (1..=8).flat_map(|v| [v; 3]).collect();
    let endless =
        png(4, 2, &[], &deflated(&[&[0, 1, 2, 3, 4, 0, 5, 6, 7, 8][..], &vec![0; 64 << 20]].concat()));
    let mut decoder = Decoder::default();
    for (name, bytes) in [
        ("iCCP", of(b"iCCP", b"x\0\0")),
        ("zTXt", of(b"zTXt", b"x\0\0")),
        ("iTXt", of(b"iTXt", b"x\0\x01\0\0\0")),
        ("texts", small_png(&chunk(b"tEXt", b"a\0b").repeat(100_000))),
        ("endless", endless),
        ("wrong checksum of a text", small_png(b"\0\0\0\x03tEXta\0b\0\0\0\0")),
    ] {
        let scratch = decoder.open_bytes(&bytes).unwrap_or_else(|e| panic!("{name}: {e}")).scratch();
        assert!(scratch < bytes.len() as u64 + (1 << 20), "{name}: {scratch}");
        assert_eq!(decoder.read_bytes(&bytes).expect(name).rgb, grey, "{name}");
    }
    assert!(clock.elapsed() < Duration::from_secs(10), "{:?}", clock.elapsed());
}

/// Each of some pictures with a byte changed, and cut everywhere: read or refused, never a panic, which would be told as one.
fn no_bytes_make_a_decoder_panic() {
    let mut decoder = Decoder::new(1 << 20);
    let files = [
        small_png(&chunk(b"tEXt", b"a\0b")),
        gif([0, 0, 4, 2], &[0x04, 0x82, 0x20, 0x08, 0x05]),
        jpeg(0xC0, 8, 16, 1),
        jpeg(0xC2, 8, 16, 3),
    ];
    for file in &files {
        let mut changed = Vec::new();
        for at in 0..file.len() {
            changed.push(file[..at].to_vec());
            for value in [0, 1, 0x7F, 0x80, 0xFF, file[at] ^ 1] {
                let mut other = file.clone();
                other[at] = value;
                changed.push(other);
            }
        }
        for bytes in changed {
            if let Err(error) = decoder.read_bytes(&bytes) {
                assert!(!error.to_string().contains("panicked"), "{error}: {}", bytes.escape_ascii());
            }
        }
    }
}

fn samples(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("store/samples.csv")).expect("a table")
}

/// A store that was made with one choice is right for the other.
fn cut_off_pictures_are_kept_where_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let home = folder.join("data/kind");
    std::fs::create_dir_all(&home).expect("a folder");
    let rows: Vec<u8> = (0..40u8).flat_map(|row| [&[0][..], &[200 + row; 40]].concat()).collect();
    let whole = png(40, 40, &[], &deflated(&rows));
    std::fs::write(home.join("whole.png"), &whole).expect("a file");
    std::fs::write(home.join("cut.png"), &whole[..whole.len() - 30]).expect("a file");
    let extract = |more: &[&str]| {
        let begin = ["extract", "data", "--out", "store", "--labels", "folder", "--device", "cpu"];
        huemax(&[&begin, more].concat(), folder)
    };
    extract(&[]).check(0, &["skipped 1", "the file is cut off; copy it again"]);
    assert!(!samples(folder).contains("cut_off"));
    let note = "note: 1 picture is cut off; what there is of it was used: kind/cut.png";
    extract(&["--truncated", "keep"]).check(0, &["kept 1, read 1, dropped 0, skipped 0", note]);
    assert!(
        samples(folder).lines().next().is_some_and(|line| line.ends_with(",cut_off")),
        "{}",
        samples(folder)
    );
    // Said again where it is taken from the store, and read again where it is not to be used.
    extract(&["--truncated", "keep"]).check(0, &["already", "kept 2", note]);
    extract(&[]).check(0, &["kept 1", "skipped 1"]);
    assert!(!samples(folder).contains("cut_off"));
}

fn max_pixels_is_asked_before_anything() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let home = folder.join("data/kind");
    std::fs::create_dir_all(&home).expect("a folder");
    std::fs::write(home.join("small.png"), small_png(&[])).expect("a file");
    std::fs::write(home.join("large.png"), png(100, 100, &[], &deflated(&[0; 10_100]))).expect("a file");
    let extract = |pixels: &str| {
        let all =
            ["extract", "data", "--out", "store", "--labels", "folder", "--device", "cpu", "--max-pixels"];
        huemax(&[&all[..], &[pixels]].concat(), folder)
    };
    extract("9999").check(0, &["skipped 1", "declares 100×100 pixels, more than the 9999"]);
    // Those that were too large are looked at again.
    extract("10000").check(0, &["kept 1, read 1", "skipped 0"]);
    extract("0").check(2, &["--max-pixels"]);
}

/// The crate that reads Parquet panics at this file, which is caught; nobody is shown the panic too (`check` sees to that).
#[cfg(feature = "parquet")]
fn what_made_a_reader_panic_is_told_as_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let found =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/damaged/found/features/parquet-reader-panics");
    std::fs::copy(found, at.join("x.parquet")).expect("copied");
    std::fs::write(at.join("y.csv"), "labels\na|b\nb|a\na|b\n").expect("written");
    let train =
        ["train", "--features", "x.parquet", "--labels", "y.csv", "--loss", "sigmoid", "--device", "cpu"];
    let ran = huemax(&train, at).check(1, &["x.parquet", "make or copy it again"]);
    assert!(!ran.stderr().contains("panicked"), "{}", ran.stderr());
}
