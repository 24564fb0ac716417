//! JPEG decoders side by side: `cargo bench --bench decoders -- FOLDER`, and five rounds or as many as a number behind it says.
//!
//! Files of FOLDER that are in memory are decoded one by one on one thread, by each decoder in turns, into a buffer that is reused
//! where the decoder lets it. "huemax" is the decoder that this build uses, and what huemax looks at before it: zune-jpeg with
//! a cursor of huemax's own ("zune-jpeg": with that of zune-core), or libjpeg-turbo with `--features libjpeg-turbo`. A decoder that refuses files is told with how many.

use std::hint::black_box;
use std::io::Cursor;
use std::time::Instant;

use huemax::dataset::{Decoder, pictures_under};
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;

/// More than this many files are left out.
const FILES: usize = 700;

/// Decodes the file of this number; whether it could.
type Decode<'a> = Box<dyn FnMut(usize) -> bool + 'a>;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let Some(folder) = arguments.first() else {
        println!(
            "decoders: not run, as no folder was named: cargo bench --bench decoders -- FOLDER [ROUNDS]"
        );
        return Ok(());
    };
    let rounds: usize = arguments.get(1).map_or(Ok(5), |rounds| rounds.parse())?;
    let jpeg = |path: &std::path::PathBuf| {
        path.extension().is_some_and(|e| e.eq_ignore_ascii_case("jpg") || e.eq_ignore_ascii_case("jpeg"))
    };
    let all: Vec<_> = pictures_under(folder.as_ref())?.into_iter().filter(jpeg).collect();
    // Evenly from the whole folder: its classes may differ.
    let paths: Vec<_> = all.iter().step_by(all.len().div_ceil(FILES).max(1)).collect();
    let files = paths.iter().map(std::fs::read).collect::<Result<Vec<_>, _>>()?;
    let (mut ours, mut buffer) = (Decoder::default(), Vec::new());
    let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoders: [(&str, Decode<'_>); 4] = [
        ("huemax", Box::new(|i| ours.read_bytes(&files[i]).is_ok())),
        (
            "zune-jpeg",
            Box::new(|i| {
                let mut decoder =
                    zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(&files[i][..]), options);
                let Some(len) = decoder.decode_headers().ok().and_then(|()| decoder.output_buffer_size())
                else {
                    return false;
                };
                if buffer.len() < len {
                    buffer.resize(len, 0);
                }
                decoder.decode_into(&mut buffer[..len]).is_ok()
            }),
        ),
        (
            "image",
            Box::new(|i| {
                let reader =
                    image::ImageReader::with_format(Cursor::new(&files[i]), image::ImageFormat::Jpeg);
                reader.decode().is_ok_and(|picture| !black_box(picture).as_bytes().is_empty())
            }),
        ),
        (
            "jpeg-decoder",
            Box::new(|i| {
                jpeg_decoder::Decoder::new(&files[i][..]).decode().is_ok_and(|p| !black_box(p).is_empty())
            }),
        ),
    ];
    println!("{} files of {folder}, one thread, {rounds} rounds; pictures/s", files.len());
    let mut found = vec![(Vec::new(), 0); decoders.len()];
    for _ in 0..rounds {
        for ((_, decode), (rates, refused)) in decoders.iter_mut().zip(&mut found) {
            let start = Instant::now();
            *refused = (0..files.len()).filter(|&i| !decode(i)).count();
            rates.push(files.len() as f64 / start.elapsed().as_secs_f64());
        }
    }
    for ((name, _), (rates, refused)) in decoders.iter().zip(&mut found) {
        rates.sort_by(f64::total_cmp);
        let (Some(best), Some(least)) = (rates.last(), rates.first()) else { break };
        let not = if *refused > 0 { format!(", {refused} refused") } else { String::new() };
        println!("{name:14}{:8.0} ({least:.0} to {best:.0}){not}", rates[rates.len() / 2]);
    }
    Ok(())
}
