//! The picture while it is drawn, and the small arithmetic of colours that drawing needs.
//!
//! Only `+ − × ÷ √` are used, here and in the rest of the drawing: those are rounded alike everywhere, while
//! sines and powers differ between systems, and the same seed should mean the same picture.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Red, green, blue, 0 to 255 each, not yet rounded; the lighting may push them beyond.
pub(super) type Rgb = [f32; 3];

/// A picture in floating point.
pub(super) struct Canvas {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Row by row.
    pub(super) pixels: Vec<Rgb>,
}

/// From `a` (at 0) to `b` (at 1).
pub(super) fn mix(a: Rgb, b: Rgb, t: f32) -> Rgb {
    [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t]
}

/// Hue 0 to 6 (any number: it goes round), saturation and value 0 to 1.
pub(super) fn from_hsv(hue: f32, saturation: f32, value: f32) -> Rgb {
    [5.0, 3.0, 1.0].map(|offset: f32| {
        let k = (offset + hue).rem_euclid(6.0);
        255.0 * (value - value * saturation * k.min(4.0 - k).clamp(0.0, 1.0))
    })
}

/// A direction, all equally likely.
pub(super) fn unit_vector(rng: &mut ChaCha8Rng) -> [f32; 2] {
    loop {
        let [x, y]: [f32; 2] = [rng.random_range(-1.0..1.0), rng.random_range(-1.0..1.0)];
        let square = x * x + y * y;
        if (0.01..=1.0).contains(&square) {
            return [x / square.sqrt(), y / square.sqrt()];
        }
    }
}

/// Smooth noise, 0 to 1, with features about one unit in size.
#[derive(Clone, Copy)]
pub(super) struct Noise(pub(super) u32);

impl Noise {
    pub(super) fn at(self, x: f32, y: f32) -> f32 {
        let (column, row) = (x.floor(), y.floor());
        let [u, v] = [x - column, y - row].map(|t| t * t * (3.0 - 2.0 * t));
        let (column, row) = (column as i32, row as i32);
        let top = self.corner(column, row) * (1.0 - u) + self.corner(column + 1, row) * u;
        let bottom = self.corner(column, row + 1) * (1.0 - u) + self.corner(column + 1, row + 1) * u;
        top * (1.0 - v) + bottom * v
    }

    /// Three sizes of features on top of each other.
    pub(super) fn rough(self, x: f32, y: f32) -> f32 {
        let finer = Self(self.0 ^ 0x9e37_79b9);
        let finest = Self(self.0 ^ 0x85eb_ca6b);
        (4.0 * self.at(x, y) + 2.0 * finer.at(2.0 * x, 2.0 * y) + finest.at(4.0 * x, 4.0 * y)) / 7.0
    }

    /// A random number that belongs to a corner of the grid.
    fn corner(self, column: i32, row: i32) -> f32 {
        let mut bits =
            self.0 ^ (column as u32).wrapping_mul(0x9e37_79b1) ^ (row as u32).wrapping_mul(0x85eb_ca77);
        for _ in 0..2 {
            bits = (bits ^ bits >> 15).wrapping_mul(0x2c1b_3c6d);
            bits ^= bits >> 12;
        }
        (bits >> 8) as f32 / (1 << 24) as f32
    }
}
