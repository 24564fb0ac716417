//! Pictures that are hard to count: one pixel, one row, one column, prime sizes, one colour, hues around 0 = 180.

use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;

use crate::backend::Pictures;

/// Pictures, and what each of them is in words.
#[derive(Default)]
pub(super) struct Named {
    pub(super) pictures: Pictures,
    names: Vec<String>,
}

impl Named {
    pub(super) fn push(&mut self, name: impl Into<String>, rgb: &[u8]) {
        self.pictures.push(rgb);
        self.names.push(name.into());
    }

    /// Random colours.
    pub(super) fn push_noise(&mut self, random: &mut ChaCha8Rng, width: usize, height: usize) {
        self.push(format!("noise of {width}×{height}"), &noise(random, width * height));
    }

    pub(super) fn name(&self, i: usize) -> &str {
        self.names.get(i).map_or("", String::as_str)
    }
}

pub(super) fn noise(random: &mut ChaCha8Rng, pixels: usize) -> Vec<u8> {
    let mut bytes = vec![0; 3 * pixels];
    random.fill_bytes(&mut bytes);
    bytes
}

/// All 2²⁴ colours, red slowest.
pub(super) fn every_colour() -> Vec<u8> {
    (0..1u32 << 24).flat_map(|c| [(c >> 16) as u8, (c >> 8) as u8, c as u8]).collect()
}

/// Of every kind and of every size that a block, tile or word could get wrong, in one batch.
pub(super) fn mixed(random: &mut ChaCha8Rng) -> Named {
    let mut all = Named::default();
    for colour in [[0, 0, 0], [255, 255, 255], [128, 128, 128], [255, 0, 1], [255, 1, 0], [200, 30, 90]] {
        for pixels in [1, 2, 3, 4, 5, 1023, 40_000] {
            all.push(format!("{pixels} pixels of colour {colour:?}"), &colour.repeat(pixels));
        }
    }
    // 1×1, 1×N, N×1; primes; blocks of 1,024 and tiles of 16,384, less one and more one.
    for (width, height) in [
        (1, 1),
        (1, 7),
        (7, 1),
        (1, 257),
        (257, 1),
        (255, 1),
        (256, 1),
        (1, 1023),
        (1024, 1),
        (1, 1025),
        (1021, 1),
        (31, 37),
        (4099, 1),
        (1, 16_383),
        (128, 128),
        (16_385, 1),
        (101, 103),
        (131_071, 1),
        (1, 65_537),
    ] {
        all.push_noise(random, width, height);
    }
    all.push("nothing", &[]);
    // Around hue 0 = 180, where a sign or a bound one off would show.
    let wrap: Vec<u8> =
        (0..=255u8).flat_map(|x| [[255, 0, x], [255, x, 0], [x, 0, x / 2]].concat()).collect();
    all.push("hues around 0 = 180", &wrap);
    let gradient: Vec<u8> = (0..65_536u32).flat_map(|i| [(i >> 8) as u8, i as u8, (i / 3) as u8]).collect();
    all.push("a gradient of 256×256", &gradient);
    let grey: Vec<u8> = (0..256 * 13u32).flat_map(|i| [i as u8; 3]).collect();
    all.push("every grey, 13 times", &grey);
    all
}

/// More pictures than a dispatch has workgroups in one dimension, of one to three pixels.
pub(super) fn many(random: &mut ChaCha8Rng) -> Named {
    let mut all = Named::default();
    for i in 0..70_001 {
        all.push_noise(random, 1 + i % 3, 1);
    }
    all
}

/// Pictures of some kind for training: each of `outputs` kinds prefers another corner of the colours.
pub(super) fn kinds(random: &mut ChaCha8Rng, n: usize, outputs: usize) -> (Pictures, Vec<u32>) {
    let mut pictures = Pictures::new();
    let mut labels = Vec::new();
    for i in 0..n {
        let label = i % outputs;
        let pixels = 200 + 37 * (i % 11);
        let base = [label * 97 % 256, label * 57 % 256, 255 - label * 41 % 256];
        let rgb: Vec<u8> = (0..pixels)
            .flat_map(|_| base.map(|c| (c as i32 + random.random_range(-60i32..=60)).clamp(0, 255) as u8))
            .collect();
        pictures.push(&rgb);
        labels.push(label as u32);
    }
    (pictures, labels)
}
