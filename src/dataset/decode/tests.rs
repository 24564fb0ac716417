//! Pictures of every format and kind, encoded here, and files that are none.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageBuffer, ImageFormat, Luma, LumaA, Rgb, RgbImage, Rgba, RgbaImage};

use super::{Decoder, Extent, PictureError};
use crate::dataset::{PictureRules, Truncated};

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Width, height and pixels of a file with these bytes, whose name says nothing.
fn read(bytes: &[u8]) -> Result<(u32, u32, Vec<u8>), PictureError> {
    read_with(&mut Decoder::default(), bytes)
}

fn read_with(decoder: &mut Decoder, bytes: &[u8]) -> Result<(u32, u32, Vec<u8>), PictureError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    decoder.read(file.path()).map(|p| (p.width, p.height, p.rgb.to_vec()))
}

fn colours() -> RgbImage {
    RgbImage::from_fn(7, 5, |x, y| Rgb([x as u8 * 40, y as u8 * 60, (x * y) as u8]))
}

#[test]
fn lossless_formats_give_the_pixels_back() {
    let image = colours();
    for format in [ImageFormat::Png, ImageFormat::Bmp, ImageFormat::Tiff, ImageFormat::WebP] {
        let found = read(&encoded(&image.clone().into(), format)).unwrap();
        assert_eq!(found, (7, 5, image.as_raw().clone()), "{format:?}");
    }
}

#[test]
fn jpeg_is_near() {
    let image = RgbImage::from_fn(64, 48, |x, y| Rgb([100 + x as u8, 150 - y as u8, 90]));
    let (width, height, rgb) = read(&encoded(&image.clone().into(), ImageFormat::Jpeg)).unwrap();
    assert_eq!((width, height), (64, 48));
    let furthest = rgb.iter().zip(image.as_raw()).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(furthest < Some(12), "{furthest:?}");
    let grey = ImageBuffer::from_pixel(16, 16, Luma([77u8]));
    let (.., rgb) = read(&encoded(&DynamicImage::ImageLuma8(grey), ImageFormat::Jpeg)).unwrap();
    assert_eq!(rgb, [77; 3 * 256]);
}

#[test]
fn alpha_is_dropped_not_blended() {
    let image = RgbaImage::from_fn(3, 1, |x, _| Rgba([200, 100, 50, x as u8 * 100]));
    for format in [ImageFormat::Png, ImageFormat::WebP] {
        let (.., rgb) = read(&encoded(&image.clone().into(), format)).unwrap();
        assert_eq!(rgb[3..], [200, 100, 50, 200, 100, 50], "{format:?}");
    }
    let image = ImageBuffer::from_pixel(2, 1, LumaA([9u8, 0]));
    let (.., rgb) = read(&encoded(&DynamicImage::ImageLumaA8(image), ImageFormat::Png)).unwrap();
    assert_eq!(rgb, [9; 6]);
}

#[test]
fn sixteen_bits() {
    let image = || ImageBuffer::from_pixel(1, 1, Rgb([0x12FFu16, 0x00FF, 0xFFFF])).into();
    assert_eq!(read(&encoded(&image(), ImageFormat::Png)).unwrap().2, [0x12, 0, 0xFF]);
    assert_eq!(read(&encoded(&image(), ImageFormat::Tiff)).unwrap().2, [0x13, 1, 0xFF]);
    let grey = || DynamicImage::ImageLuma16(ImageBuffer::from_pixel(1, 1, Luma([0x12FFu16])));
    for format in [ImageFormat::Png, ImageFormat::Tiff] {
        assert_eq!(read(&encoded(&grey(), format)).unwrap().2, [0x12; 3], "{format:?}");
    }
}

#[test]
fn gif_expands_its_palette_and_transparent_is_the_background() {
    let mut image = RgbaImage::from_pixel(4, 4, Rgba([250, 10, 30, 255]));
    image.put_pixel(1, 0, Rgba([250, 10, 30, 0]));
    let (.., rgb) = read(&encoded(&image.into(), ImageFormat::Gif)).unwrap();
    // The encoder gives each frame a table of its own, and the file none: the background is black.
    assert_eq!(rgb[..9], [250, 10, 30, 0, 0, 0, 250, 10, 30]);
}

#[test]
fn buffers_are_kept_and_nothing_of_the_last_picture_shows() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| -> PathBuf { folder.path().join(name) };
    let small = RgbImage::from_pixel(4, 4, Rgb([1, 2, 3]));
    RgbImage::from_pixel(40, 30, Rgb([9, 9, 9])).save(path("large.png")).unwrap();
    small.save(path("small.png")).unwrap();
    let mut decoder = Decoder::default();
    let large = decoder.read(&path("large.png")).unwrap().rgb.as_ptr();
    let picture = decoder.read(&path("small.png")).unwrap();
    assert_eq!(picture.rgb, small.as_raw().as_slice());
    assert_eq!(picture.rgb.as_ptr(), large);
    assert_eq!(decoder.read(&path("large.png")).unwrap().rgb, [9; 3600]);
}

#[test]
fn a_cut_off_jpeg_is_refused() {
    let image = RgbImage::from_fn(64, 64, |x, y| Rgb([(x * y) as u8, (x ^ y) as u8, x as u8 * 3]));
    let whole = encoded(&image.into(), ImageFormat::Jpeg);
    assert!(read(&whole).is_ok());
    for cut in [whole.len() * 3 / 5, whole.len() - 2, whole.len() - 1] {
        assert!(matches!(read(&whole[..cut]), Err(PictureError::Truncated)), "{cut}");
    }
    // Bytes behind the end marker do no harm, whatever they look like.
    for trailer in [&[0; 9][..], &[0xFF, 0xDA], &[0xFF, 0xDA, 0, 12, 7], &[0xFF, 0xD8, 0xFF, 0xE0]] {
        assert!(read(&[&whole[..], trailer].concat()).is_ok(), "{trailer:?}");
    }
    // Nor does an end marker inside a segment, as that of a thumbnail, make up for a missing one.
    let thumbnail = [0xFF, 0xE1, 0, 6, 0xFF, 0xDA, 0xFF, 0xD9];
    let with_thumbnail = [&whole[..2], &thumbnail, &whole[2..]].concat();
    assert!(read(&with_thumbnail).is_ok());
    let cut = &with_thumbnail[..with_thumbnail.len() - 9];
    assert!(matches!(read(cut), Err(PictureError::Truncated)));
}

#[test]
fn a_damaged_jpeg_reads_the_same_whatever_came_before() {
    let image = RgbImage::from_fn(64, 64, |x, y| Rgb([(x * y) as u8, (x ^ y) as u8, x as u8 * 3]));
    let whole = encoded(&image.into(), ImageFormat::Jpeg);
    let damaged = [&whole[..whole.len() * 3 / 5], &[0xFF, 0xD9]].concat();
    let fresh = read(&damaged).unwrap();
    let mut used = Decoder::default();
    let bright = encoded(&RgbImage::from_pixel(64, 64, Rgb([255, 255, 255])).into(), ImageFormat::Png);
    read_with(&mut used, &bright).unwrap();
    assert_eq!(read_with(&mut used, &damaged).unwrap(), fresh);
}

#[test]
fn what_is_no_picture_is_told() {
    assert!(matches!(Decoder::default().read(Path::new("/nowhere/x.jpg")), Err(PictureError::Unreadable(_))));
    let png = encoded(&colours().into(), ImageFormat::Png);
    let expect = |bytes: &[u8], text: &str| {
        let error = read(bytes).unwrap_err().to_string();
        assert!(error.contains(text), "{text:?} is not in: {error}");
    };
    expect(b"", "the file is empty");
    expect(b"cat,dog\n1,2\n", "not a picture");
    expect(b"P6 1 1 255 abc", "a PNM picture; JPEG, PNG");
    expect(b"<!doctype html><title>404</title>", "an HTML page; JPEG, PNG");
    expect(&png[..png.len() / 2], "cut off");
    expect(&png[..20], "no header");
}

/// A BMP header of these sizes, without pixels.
fn bmp(width: i32, height: i32) -> Vec<u8> {
    let mut bytes = encoded(&colours().into(), ImageFormat::Bmp);
    bytes[18..22].copy_from_slice(&width.to_le_bytes());
    bytes[22..26].copy_from_slice(&height.to_le_bytes());
    bytes.truncate(138);
    bytes
}

#[test]
fn sizes_are_checked_before_decoding() {
    let error = read(&bmp(20_000, 10_001)).unwrap_err();
    assert!(matches!(error, PictureError::TooLarge { width: 20_000, height: 10_001, limit: 200_000_000 }));
    let png = encoded(&colours().into(), ImageFormat::Png);
    assert!(read_with(&mut Decoder::new(35), &png).is_ok());
    let error = read_with(&mut Decoder::new(34), &png).unwrap_err();
    assert!(error.to_string().contains("7×5 pixels, more than the 34"), "{error}");
    let mut gif = encoded(&colours().into(), ImageFormat::Gif);
    gif[6..8].fill(0);
    let error = read(&gif).unwrap_err();
    assert!(matches!(error, PictureError::Empty { width: 0, height: 5 }), "{error}");
}

#[test]
fn a_panic_of_a_decoder_is_an_error_of_one_picture() {
    let error = super::guarded::<()>(|| panic!("index {} of 3", 7)).unwrap_err();
    assert!(matches!(&error, PictureError::Panicked(text) if text == "index 7 of 3"), "{error}");
    assert_eq!(super::guarded(|| Ok(5)).unwrap(), 5);
}

/// Smooth, so that what a decoder does at a fraction of the size is near the means over blocks.
fn smooth(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| Rgb([40 + x as u8, 200 - y as u8, 90 + (x + y) as u8 / 2]))
}

#[test]
fn pictures_of_every_format_are_decoded_at_a_fraction_of_their_size_alike() {
    let image = smooth(67, 45);
    for (scale, size) in [(2, (34, 23)), (4, (17, 12)), (8, (9, 6))] {
        let mut decoder = Decoder::default().scaled(scale);
        let mut of = |format| read_with(&mut decoder, &encoded(&image.clone().into(), format)).unwrap();
        let (width, height, exact) = of(ImageFormat::Png);
        assert_eq!((width, height), size, "1/{scale}");
        assert_eq!(exact.len(), 3 * (width * height) as usize);
        let (width, height, jpeg) = of(ImageFormat::Jpeg);
        assert_eq!((width, height), size, "1/{scale}");
        // Blocks that lie wholly inside: beyond the edge a JPEG goes on, and means do not.
        let inside = (image.width() / scale, image.height() / scale);
        let mut furthest = 0;
        for y in 0..inside.1 {
            for x in 0..3 * inside.0 {
                let at = (3 * y * width + x) as usize;
                furthest = furthest.max(exact[at].abs_diff(jpeg[at]));
            }
        }
        assert!(furthest <= 8, "1/{scale}: {furthest} levels");
    }
}

#[test]
fn a_picture_is_decoded_to_where_it_is_wanted() {
    let jpeg = encoded(&smooth(40, 30).into(), ImageFormat::Jpeg);
    let mut decoder = Decoder::default();
    let expected = decoder.read_bytes(&jpeg).unwrap().rgb.to_vec();
    let opened = decoder.open_bytes(&jpeg).unwrap();
    assert_eq!((opened.width(), opened.height(), opened.pixels()), (40, 30, 1200));
    let mut room = vec![0xAA; 3600];
    assert_eq!(opened.decode_into(&mut room).unwrap(), Extent::Whole);
    assert_eq!(room, expected);
    // Too little room is refused, not written past.
    let short = decoder.open_bytes(&jpeg).unwrap().decode_into(&mut room[..3597]);
    assert!(matches!(short, Err(PictureError::Broken(_))), "{short:?}");
}

#[test]
fn what_decoding_takes_is_known_before() {
    let mut decoder = Decoder::default();
    let mut takes =
        |image: DynamicImage, format| decoder.open_bytes(&encoded(&image, format)).unwrap().scratch();
    let jpeg = takes(smooth(100, 100).into(), ImageFormat::Jpeg);
    assert!((1 << 17..1 << 18).contains(&jpeg), "{jpeg}");
    // A PNG is read row by row; of TIFF, as many bytes as there are in the file, for what is not R G B, and for what the decoder does.
    let rgba = || DynamicImage::ImageRgba8(RgbaImage::new(100, 100));
    let png = takes(rgba(), ImageFormat::Png);
    assert!((1 << 18..1 << 19).contains(&png), "{png}");
    let tiff = takes(rgba(), ImageFormat::Tiff);
    assert!(tiff >= 80_000, "{tiff}");
}

/// What OpenCV reads from JPEG bytes, bit by bit (tests/fixtures/opencv_jpeg.py).
#[cfg(feature = "libjpeg-turbo")]
#[test]
fn jpeg_gives_the_pixels_that_opencv_reads() {
    use sha2::{Digest, Sha256};

    let files: serde_json::Value =
        serde_json::from_str(include_str!("../../../tests/fixtures/opencv_jpeg.json")).unwrap();
    let files = files.as_object().unwrap();
    assert!(files.len() >= 6);
    let mut decoder = Decoder::default();
    for (name, file) in files {
        let hex = file["jpeg"].as_str().unwrap();
        let jpeg: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        let rgb = decoder.read_bytes(&jpeg).unwrap().rgb;
        let digest: String = Sha256::digest(rgb).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, file["rgb_sha256"].as_str().unwrap(), "{name}");
    }
}

/// Keeps what there is of pictures that are cut off.
fn keeping() -> Decoder {
    Decoder::default().with_rules(PictureRules { truncated: Truncated::Keep, ..PictureRules::default() })
}

#[test]
fn what_there_is_of_a_cut_off_picture_is_kept_where_that_is_asked() {
    let image = smooth(64, 64);
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Gif] {
        let whole = encoded(&image.clone().into(), format);
        let expected = read(&whole).unwrap().2;
        let cut = &whole[..whole.len() * 3 / 4];
        assert!(matches!(read(cut), Err(PictureError::Truncated)), "{format:?}");
        let mut decoder = keeping();
        // Nothing of the picture before shows.
        decoder
            .read_bytes(&encoded(&RgbImage::from_pixel(64, 64, Rgb([1, 2, 3])).into(), ImageFormat::Bmp))
            .unwrap();
        let kept = decoder.read_bytes(cut).unwrap();
        assert_eq!(kept.extent, Extent::CutOff, "{format:?}");
        assert!(kept.rgb[..3 * 64 * 8] == expected[..3 * 64 * 8], "{format:?}");
        assert!(kept.rgb != expected, "{format:?}");
        let rest = if format == ImageFormat::Jpeg { 128 } else { 0 };
        let (last, not) = (&kept.rgb[3 * (64 * 64 - 4)..], [1, 2, 3]);
        assert!(last.iter().all(|value| value.abs_diff(rest) <= 1), "{format:?}: {last:?}, not {not:?}");
        assert_eq!(decoder.read_bytes(&whole).unwrap().extent, Extent::Whole, "{format:?}");
    }
}

#[test]
fn of_a_jpeg_without_a_byte_of_pixels_nothing_is_kept() {
    let whole = encoded(&smooth(64, 64).into(), ImageFormat::Jpeg);
    let scan = whole.windows(2).position(|two| two == [0xFF, 0xDA]).unwrap();
    let data = scan + 2 + usize::from(u16::from_be_bytes([whole[scan + 2], whole[scan + 3]]));
    let mut decoder = keeping();
    // In the header, and right behind it.
    for cut in [scan, scan + 5, data] {
        assert!(matches!(decoder.read_bytes(&whole[..cut]), Err(PictureError::Truncated)), "{cut} of {data}");
    }
    assert_eq!(decoder.read_bytes(&whole[..data + (whole.len() - data) / 2]).unwrap().extent, Extent::CutOff);
    // A picture of one colour that only lacks its end is one.
    let black = encoded(&RgbImage::new(64, 64).into(), ImageFormat::Jpeg);
    assert_eq!(decoder.read_bytes(&black[..black.len() - 2]).unwrap().extent, Extent::CutOff);
}

#[cfg(not(feature = "libjpeg-turbo"))]
#[test]
fn of_a_cut_off_jpeg_with_coarse_brightness_the_reason_says_so() {
    let mut whole = encoded(&smooth(64, 64).into(), ImageFormat::Jpeg);
    let frame = whole.windows(2).position(|two| two == [0xFF, 0xC0]).unwrap();
    // Sampling of the three components: brightness 1×1, colours 2×2.
    [(11, 0x11), (14, 0x22), (17, 0x22)].into_iter().for_each(|(at, value)| whole[frame + at] = value);
    let error = keeping().read_bytes(&whole[..whole.len() * 3 / 4]).unwrap_err().to_string();
    assert!(error.contains("cut off") && error.contains("more coarsely"), "{error}");
}

#[test]
fn pieces_of_a_png_take_no_memory_beside_it() {
    let png = encoded(&colours().into(), ImageFormat::Png);
    let chunk = |content: &[u8]| {
        let sum = crc32fast::hash(&[b"IDAT", content].concat()).to_be_bytes();
        [&(content.len() as u32).to_be_bytes()[..], b"IDAT", content, &sum].concat()
    };
    let data = png.windows(4).position(|four| four == b"IDAT").unwrap() - 4;
    let length = u32::from_be_bytes(png[data..data + 4].try_into().unwrap()) as usize;
    let content = &png[data + 8..data + 8 + length];
    let bytes: Vec<u8> = content.iter().flat_map(|byte| chunk(&[*byte])).collect();
    let end = &png[data + 12 + length..];
    let pieces = [&png[..data], &chunk(&[]).repeat(100), &bytes, &chunk(&[]), end].concat();
    assert_eq!(read(&pieces).unwrap().2, *colours().as_raw());
    // Data behind another chunk belong to nothing, however many they are.
    let text = [&[0; 4][..], b"tEXt", &crc32fast::hash(b"tEXt").to_be_bytes()].concat();
    let behind = [&png[..data], &bytes, &text, &chunk(&[7; 900]).repeat(3), end].concat();
    assert_eq!(read(&behind).unwrap().2, *colours().as_raw());
    let told = |file: &[u8]| keeping().open_bytes(file).unwrap().scratch();
    assert_eq!(told(&behind), told(&png));
}

#[test]
fn a_promise_of_pixels_is_not_made_room_for() {
    let mut decoder = Decoder::default();
    // 14,000 × 14,000 pixels in a few hundred bytes: nothing is taken for them, neither kept nor told as needed.
    let mut png = encoded(&colours().into(), ImageFormat::Png);
    png[16..20].copy_from_slice(&14_000u32.to_be_bytes());
    png[20..24].copy_from_slice(&14_000u32.to_be_bytes());
    let sum = crc32fast::hash(&png[12..29]);
    png[29..33].copy_from_slice(&sum.to_be_bytes());
    assert!(matches!(decoder.open_bytes(&png), Err(PictureError::Truncated)));
    assert!(matches!(decoder.open_bytes(&bmp(14_000, 14_000)), Err(PictureError::Truncated)));
    // One of which a file can hold all pixels is told with what it takes, before anything is taken: rows, and no copy of the picture.
    let flat = encoded(&RgbImage::new(3000, 1000).into(), ImageFormat::Png);
    let opened = decoder.open_bytes(&flat).unwrap();
    assert!(opened.scratch() < 1 << 20, "{}", opened.scratch());
}

#[test]
fn a_png_in_a_million_pieces_is_read_as_fast_as_in_one() {
    let png = encoded(&colours().into(), ImageFormat::Png);
    let data = png.windows(4).position(|four| four == b"IDAT").unwrap() - 4;
    let empty = [&[0; 4][..], b"IDAT", &crc32fast::hash(b"IDAT").to_be_bytes()].concat();
    let pieces = [&png[..data], &empty.repeat(200_000), &png[data..]].concat();
    let clock = std::time::Instant::now();
    assert_eq!(read(&pieces).unwrap().2, *colours().as_raw());
    // It took half a minute where the decoder was given the pieces.
    assert!(clock.elapsed().as_secs() < 5, "{:?}", clock.elapsed());
}
