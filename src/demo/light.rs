//! How a picture is lit and exposed: like the background, drawn without knowing what is in it.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use super::canvas::{Canvas, unit_vector};

/// The light of one picture. Its ranges, and those of the surfaces and of the objects' sizes, set how hard
/// the set is: wide enough that colour histograms mistake one picture in five or so, no wider.
pub(super) struct Light {
    /// Where it comes from, in the plane of the picture, as a unit vector.
    pub(super) from: [f32; 2],
    /// How dark a shadow is at its darkest, 0 to 1.
    pub(super) shadow: f32,
    /// How soft a shadow is, and how far it falls, in radii of the object.
    pub(super) softness: f32,
    brightness: f32,
    contrast: f32,
    warmth: f32,
    slope: f32,
    grain: f32,
}

impl Light {
    pub(super) fn random(rng: &mut ChaCha8Rng) -> Self {
        Self {
            from: unit_vector(rng),
            shadow: rng.random_range(0.2..0.5),
            softness: rng.random_range(0.08..0.22),
            brightness: rng.random_range(0.9..1.08),
            contrast: rng.random_range(0.94..1.06),
            warmth: rng.random_range(-0.04..0.04),
            slope: rng.random_range(0.0..0.15),
            grain: rng.random_range(1.0..5.0),
        }
    }

    /// Exposes the finished scene: unevenly lit, too bright or too dark, tinted, with the grain of a sensor.
    pub(super) fn expose(&self, canvas: Canvas, rng: &mut ChaCha8Rng) -> image::RgbImage {
        let (width, height) = (canvas.width, canvas.height);
        let tint = [1.0 + self.warmth, 1.0 + 0.2 * self.warmth, 1.0 - self.warmth];
        image::RgbImage::from_fn(width as u32, height as u32, |column, row| {
            let x = (2 * column) as f32 / width as f32 - 1.0;
            let y = (2 * row) as f32 / height as f32 - 1.0;
            let gain = self.brightness * (1.0 + self.slope * (x * self.from[0] + y * self.from[1]));
            // The sum of four random bytes: a bell curve, near enough, from −2 to 2.
            let bytes = rng.next_u32().to_le_bytes();
            let bell = bytes.iter().map(|&byte| f32::from(byte)).sum::<f32>() / 255.0 - 2.0;
            let pixel = canvas.pixels[row as usize * width + column as usize];
            let mut exposed = [0; 3];
            for channel in 0..3 {
                let lit = ((pixel[channel] - 128.0) * self.contrast + 128.0) * gain * tint[channel];
                exposed[channel] = (lit + bell * self.grain).round().clamp(0.0, 255.0) as u8;
            }
            image::Rgb(exposed)
        })
    }
}
