//! Composing one picture: a background, any objects on it with their shadows, and the light over it all.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use resvg::tiny_skia::Pixmap;

use super::DemoError;
use super::background;
use super::canvas::{Canvas, Rgb, mix, unit_vector};
use super::kinds::Artwork;
use super::light::Light;

/// How many objects of its kind a picture shows: one to four, mostly few.
pub(super) fn count(rng: &mut ChaCha8Rng) -> usize {
    match rng.random_range(0..100) {
        0..45 => 1,
        45..70 => 2,
        70..88 => 3,
        _ => 4,
    }
}

/// Draws a picture with `objects` in it, of one kind or of several; with none it is the empty background. They lie in
/// that of `layouts` random ways in which they cover each other least.
pub(super) fn draw(
    objects: &[&Artwork],
    layouts: usize,
    rng: &mut ChaCha8Rng,
) -> Result<image::RgbImage, DemoError> {
    let (width, height) = size(rng);
    let light = Light::random(rng);
    let mut canvas = background::paint(width, height, rng);
    for (artwork, place) in objects.iter().zip(places(objects.len(), layouts, width, height, rng)) {
        let object = Object::render(artwork, place.radius, &light, rng)?;
        object.throw_shadow(&mut canvas, &place, &light);
        object.put(&mut canvas, &place);
    }
    Ok(light.expose(canvas, rng))
}

/// The longer side 112 to 256 pixels, a quarter of all pictures square, none longer than 3:2.
fn size(rng: &mut ChaCha8Rng) -> (usize, usize) {
    let long = rng.random_range(112..=256u32);
    let short =
        if rng.random_bool(0.25) { long } else { rng.random_range((long * 2).div_ceil(3).max(96)..=long) };
    if rng.random_bool(0.5) { (long as usize, short as usize) } else { (short as usize, long as usize) }
}

/// Where an object lies: its centre and the radius of the circle around it, in pixels.
struct Place {
    x: f32,
    y: f32,
    radius: f32,
}

/// Places inside the picture that hardly overlap: of several layouts the one whose places are clearest of each other.
fn places(count: usize, layouts: usize, width: usize, height: usize, rng: &mut ChaCha8Rng) -> Vec<Place> {
    let (width, height) = (width as f32, height as f32);
    let share = if count <= 1 { 1.0 } else { 1.12 / (count as f32).sqrt() };
    let typical = rng.random_range(0.4..0.49) * width.min(height) * share;
    let mut best = (f32::NEG_INFINITY, Vec::new());
    for _ in 0..layouts {
        let layout = layout(count, typical, width, height, rng);
        if layout.0 > best.0 {
            best = layout;
        }
    }
    best.1
}

/// One layout and its least clearance. Each place is the first of some random ones that keeps clear of those before it,
/// else the one that comes closest to that.
fn layout(count: usize, typical: f32, width: f32, height: f32, rng: &mut ChaCha8Rng) -> (f32, Vec<Place>) {
    let mut least = f32::INFINITY;
    let mut places: Vec<Place> = Vec::with_capacity(count);
    for _ in 0..count {
        let radius = (typical * rng.random_range(0.85..1.12)).min(0.49 * width.min(height));
        let mut best = (f32::NEG_INFINITY, Place { x: width / 2.0, y: height / 2.0, radius });
        for _ in 0..40 {
            let x = rng.random_range(radius..=width - radius);
            let y = rng.random_range(radius..=height - radius);
            let clear =
                places.iter().map(|other| other.clearance(x, y, radius)).fold(f32::INFINITY, f32::min);
            if clear > best.0 {
                best = (clear, Place { x, y, radius });
            }
            if clear >= 0.0 {
                break;
            }
        }
        least = least.min(best.0);
        places.push(best.1);
    }
    (least, places)
}

impl Place {
    /// Pixels between this circle and another; below 0 they overlap. A tenth is let pass, because no object
    /// fills its circle.
    fn clearance(&self, x: f32, y: f32, radius: f32) -> f32 {
        let (dx, dy) = (self.x - x, self.y - y);
        (dx * dx + dy * dy).sqrt() - 0.9 * (self.radius + radius)
    }
}

/// An object on a transparent square, wide enough for its shadow to fade out in it.
struct Object {
    drawing: Pixmap,
    side: usize,
    /// Colour as a share of the artwork's: ripeness differs.
    ripeness: Rgb,
    /// Towards the light, in units that make 1 the edge of the object.
    light: Rgb,
    highlight: f32,
}

impl Object {
    fn render(
        artwork: &Artwork,
        radius: f32,
        light: &Light,
        rng: &mut ChaCha8Rng,
    ) -> Result<Self, DemoError> {
        let side = (2.0 * radius * (1.0 + 2.0 * light.softness)).ceil() as usize + 2;
        let turn = unit_vector(rng);
        let drawing = artwork.render(side as u32, radius, turn)?;
        let ripeness = [0; 3].map(|_| rng.random_range(0.96..1.03));
        let relief = rng.random_range(0.04..0.13);
        let reach = [light.from[0] / radius, light.from[1] / radius, relief];
        Ok(Self { drawing, side, ripeness, light: reach, highlight: rng.random_range(0.0..0.5) })
    }

    /// Lays the object onto the canvas, brighter towards the light, with a gloss.
    fn put(&self, canvas: &mut Canvas, place: &Place) {
        let middle = self.side as f32 / 2.0;
        let pixels = self.drawing.pixels();
        over(canvas, self.side, place.x, place.y, |column, row, below| {
            let pixel = pixels[row * self.side + column].demultiply();
            let (x, y) = (column as f32 + 0.5 - middle, row as f32 + 0.5 - middle);
            let towards = x * self.light[0] + y * self.light[1];
            let aside = y * self.light[0] - x * self.light[1];
            let shade = 1.0 + self.light[2] * towards;
            let colour = [pixel.red(), pixel.green(), pixel.blue()];
            let mut lit = [0.0; 3];
            for channel in 0..3 {
                lit[channel] = f32::from(colour[channel]) * self.ripeness[channel] * shade;
            }
            let off = ((towards - 0.35) * (towards - 0.35) + aside * aside) / (0.3 * 0.3);
            let gloss = self.highlight * (1.0 - off).max(0.0) * (1.0 - off).max(0.0);
            mix(below, mix(lit, [255.0; 3], gloss), f32::from(pixel.alpha()) / 255.0)
        });
    }

    /// Darkens the canvas where the object keeps the light off.
    fn throw_shadow(&self, canvas: &mut Canvas, place: &Place, light: &Light) {
        let opaque: Vec<f32> = self.drawing.pixels().iter().map(|p| f32::from(p.alpha()) / 255.0).collect();
        let reach = (light.softness * place.radius / 2.0).ceil() as usize;
        let mut shadow = opaque;
        // Two box blurs make a soft edge, and two passes of rows turned into columns make one box blur.
        for _ in 0..4 {
            shadow = blur_rows_into_columns(&shadow, self.side, reach);
        }
        let fall = light.softness * place.radius;
        let (x, y) = (place.x - fall * light.from[0], place.y - fall * light.from[1]);
        over(canvas, self.side, x, y, |column, row, below| {
            mix(below, [0.0; 3], light.shadow * shadow[row * self.side + column])
        });
    }
}

/// Changes the part of the canvas that a square of `side` pixels around (x, y) covers: `change` gets column
/// and row in the square and the colour that is there.
fn over(canvas: &mut Canvas, side: usize, x: f32, y: f32, change: impl Fn(usize, usize, Rgb) -> Rgb) {
    let left = (x - side as f32 / 2.0).round() as i64;
    let top = (y - side as f32 / 2.0).round() as i64;
    for row in 0..side {
        for column in 0..side {
            let (x, y) = (left + column as i64, top + row as i64);
            if (0..canvas.width as i64).contains(&x) && (0..canvas.height as i64).contains(&y) {
                let pixel = &mut canvas.pixels[y as usize * canvas.width + x as usize];
                *pixel = change(column, row, *pixel);
            }
        }
    }
}

/// Averages each pixel of a square plane with `reach` neighbours to both sides in its row, and transposes.
fn blur_rows_into_columns(plane: &[f32], side: usize, reach: usize) -> Vec<f32> {
    let mut blurred = vec![0.0; plane.len()];
    let share = 1.0 / (2 * reach + 1) as f32;
    for (row, line) in plane.chunks_exact(side).enumerate() {
        let mut sum: f32 = line.iter().take(reach).sum();
        for column in 0..side {
            sum += line.get(column + reach).copied().unwrap_or(0.0);
            if column > reach {
                sum -= line[column - reach - 1];
            }
            blurred[column * side + row] = sum * share;
        }
    }
    blurred
}
