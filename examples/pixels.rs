//! The pixels that huemax reads from pictures, to compare them with those of another program (`tests/hostile.py` does):
//!
//! ```sh
//! cargo run --release --example pixels -- [--keep] OUT PICTURE...
//! ```
//!
//! Writes the i-th picture to `OUT/i.ppm`, and says a line for each: `i<TAB>WIDTH<TAB>HEIGHT<TAB>MILLISECONDS`, or
//! `i<TAB>skipped<TAB>REASON<TAB>MILLISECONDS`. With `--keep`, what there is of pictures that are cut off is read.

use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use huemax::dataset::Decoder;
use huemax::features::{PictureRules, Truncated};

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let mut rules = PictureRules::default();
    let first = arguments.next().map(|first| match first.to_str() {
        Some("--keep") => {
            rules.truncated = Truncated::Keep;
            arguments.next()
        }
        _ => Some(first),
    });
    let Some(out) = first.flatten() else {
        eprintln!("usage: pixels [--keep] OUT PICTURE...");
        std::process::exit(2);
    };
    std::fs::create_dir_all(&out)?;
    let mut decoder = Decoder::default().with_rules(rules);
    for (i, path) in arguments.enumerate() {
        let clock = Instant::now();
        let read = decoder.read(&path);
        let spent = clock.elapsed().as_secs_f64() * 1e3;
        match read {
            Ok(picture) => {
                let mut file = std::fs::File::create(out.join(format!("{i}.ppm")))?;
                write!(file, "P6\n{} {}\n255\n", picture.width, picture.height)?;
                file.write_all(picture.rgb)?;
                println!("{i}\t{}\t{}\t{spent:.1}", picture.width, picture.height);
            }
            Err(reason) => println!("{i}\tskipped\t{reason}\t{spent:.1}"),
        }
    }
    Ok(())
}
