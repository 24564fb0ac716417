//! Decoding alone: what pictures → features is measured against (benches/pictures.py).
//!
//! ```sh
//! cargo run --release --example decode -- FOLDER [THREADS]
//! ```
//!
//! Reads every picture of FOLDER with the decoder that huemax uses, on so many threads, drops the pixels, and prints JSON:
//! pictures, pixels, seconds.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use huemax::dataset::{Decoder, pictures_under};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("usage: decode FOLDER [THREADS]")?;
    let threads = match arguments.next() {
        Some(threads) => threads.parse()?,
        None => std::thread::available_parallelism()?.get(),
    };
    let paths = pictures_under(folder.as_ref())?;
    let (next, pictures, pixels) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicU64::new(0));
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut decoder = Decoder::default();
                while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Ok(picture) = decoder.read(path) {
                        pictures.fetch_add(1, Ordering::Relaxed);
                        pixels.fetch_add(picture.rgb.len() as u64 / 3, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let seconds = start.elapsed().as_secs_f64();
    println!(
        r#"{{"pictures": {}, "pixels": {}, "seconds": {seconds}}}"#,
        pictures.into_inner(),
        pixels.into_inner()
    );
    Ok(())
}
