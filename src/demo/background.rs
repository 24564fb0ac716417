//! What the objects lie on. It is drawn before anyone asks which objects, so it cannot give the label away.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::canvas::{Canvas, Noise, Rgb, from_hsv, mix, unit_vector};

/// A background of `width` × `height` pixels.
pub(super) fn paint(width: usize, height: usize, rng: &mut ChaCha8Rng) -> Canvas {
    let texture = rng.random_range(0..7);
    let (first, second) = colours(rng);
    let noise = Noise(rng.random());
    let [along, across] = unit_vector(rng);
    let period = rng.random_range(0.05..0.2) * width.min(height) as f32;
    let diagonal = ((width * width + height * height) as f32).sqrt();

    let mut pixels = Vec::with_capacity(width * height);
    for row in 0..height {
        for column in 0..width {
            let (x, y) = (column as f32 - width as f32 / 2.0, row as f32 - height as f32 / 2.0);
            // The texture's own axes, at any angle to the picture.
            let (u, v) = (x * along + y * across, y * along - x * across);
            let t = match texture {
                0 => 0.0,
                1 => u / diagonal + 0.5,
                2 => stripe(u / period),
                3 => checks(u / period, v / period),
                4 => noise.rough(u / period / 2.0, v / period / 2.0),
                5 => wood(noise, u / period, v / period),
                _ => cloth(noise, u, v),
            };
            pixels.push(mix(first, second, t));
        }
    }
    Canvas { width, height, pixels }
}

/// Two colours: a surface and its variation. Less saturated than the objects, because that is what keeps an
/// object visible on a surface of its own hue; choosing surfaces to suit the object would tell the label.
fn colours(rng: &mut ChaCha8Rng) -> (Rgb, Rgb) {
    let hue = rng.random_range(0.0..6.0);
    let saturation =
        if rng.random_bool(0.5) { rng.random_range(0.0..0.1) } else { rng.random_range(0.1..0.28) };
    let value = rng.random_range(0.4..1.0f32);
    let other_value =
        if value > 0.7 { value - rng.random_range(0.08..0.35) } else { value + rng.random_range(0.08..0.3) };
    let other_hue = hue + rng.random_range(-0.7..0.7);
    let other_saturation = (saturation + rng.random_range(-0.1..0.1f32)).clamp(0.0, 0.3);
    (from_hsv(hue, saturation, value), from_hsv(other_hue, other_saturation, other_value))
}

/// Up and down between 0 and 1, once a unit.
fn wave(x: f32) -> f32 {
    (2.0 * (x - x.floor()) - 1.0).abs()
}

/// Stripes with soft edges.
fn stripe(x: f32) -> f32 {
    ((wave(x / 2.0) - 0.5) * 8.0 + 0.5).clamp(0.0, 1.0)
}

/// Like a tablecloth: the second colour in full only where the stripes of both directions cross.
fn checks(x: f32, y: f32) -> f32 {
    (stripe(x) + stripe(y)) / 2.0
}

/// Long fibres along `x`, with a dark joint between boards.
fn wood(noise: Noise, x: f32, y: f32) -> f32 {
    let board = (y / 3.0).floor();
    let joint = (1.0 - 30.0 * (1.0 - wave(y / 3.0))).clamp(0.0, 1.0);
    let fibre = noise.rough(x / 6.0 + 17.0 * board, y * 1.5);
    let grain = wave(fibre * 4.0) * 0.6 + noise.at(x / 2.0, y * 8.0) * 0.25;
    grain.max(joint * 1.2)
}

/// Woven threads, two pixels and a half each, some darker than others.
fn cloth(noise: Noise, x: f32, y: f32) -> f32 {
    let (x, y) = (x / 2.5, y / 2.5);
    0.5 * wave(x) * wave(y) + 0.5 * noise.at(x / 8.0, y) * noise.at(x, y / 8.0)
}
