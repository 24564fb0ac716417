//! How files come to harm: by chance, and by somebody who knows what stands in them.

use rand::{Rng, RngExt};

/// What stands for numbers and what divides text.
const TEXT: &[u8] = b"0123456789-+.eE,:;\"'{}[]\n\r\t /\\";
/// Numbers that are checked too seldom.
const NUMBERS: [&str; 12] = [
    "0",
    "-1",
    "1",
    "9",
    "65536",
    "4294967296",
    "9223372036854775807",
    "18446744073709551615",
    "1e308",
    "-1e-320",
    "0.5",
    "null",
];
/// And those of floating point.
const FLOATS: [f64; 8] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, 1e-320, 1e38, 3e307];

/// Up to three bytes are others.
pub fn flipped(seed: &[u8], random: &mut impl Rng) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..random.random_range(1..=3) {
        let at = random.random_range(0..bytes.len());
        bytes[at] = match random.random_range(0..4) {
            0 => bytes[at] ^ (1 << random.random_range(0..8)),
            1 => [0, 0xff, 0x7f, 0x80][random.random_range(0..4)],
            2 => TEXT[random.random_range(0..TEXT.len())],
            _ => random.random(),
        };
    }
    bytes
}

/// A part of `seed` is a part of `from`, of another length.
pub fn spliced(seed: &[u8], from: &[u8], random: &mut impl Rng) -> Vec<u8> {
    let start = random.random_range(0..=from.len());
    let end = random.random_range(start..=from.len());
    let at = random.random_range(0..=seed.len());
    let until = random.random_range(at..=seed.len());
    [&seed[..at], &from[start..end], &seed[until..]].concat()
}

/// A number that stands there as text is another.
pub fn number(seed: &[u8], random: &mut impl Rng) -> Vec<u8> {
    let begins = |i: usize| seed[i].is_ascii_digit() && !(i > 0 && seed[i - 1].is_ascii_alphanumeric());
    let numbers: Vec<usize> = (0..seed.len()).filter(|&i| begins(i)).collect();
    let Some(&at) = numbers.get(random.random_range(0..numbers.len().max(1))) else { return seed.to_vec() };
    let digits = seed[at..].iter().take_while(|b| b.is_ascii_digit() || b".eE+-".contains(b)).count();
    let number = NUMBERS[random.random_range(0..NUMBERS.len())];
    [&seed[..at], number.as_bytes(), &seed[at + digits..]].concat()
}

/// Four or eight bytes, where numbers usually begin, are another float; most often near the end, where the arrays of most files are.
pub fn float(seed: &[u8], random: &mut impl Rng) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    let number = FLOATS[random.random_range(0..FLOATS.len())];
    let wide = random.random();
    let number = if wide { number.to_le_bytes().to_vec() } else { (number as f32).to_le_bytes().to_vec() };
    let places = bytes.len() / 4;
    let most = if random.random() { 8 } else { places };
    let back = random.random_range(0..places.min(most).max(1));
    let at = (bytes.len() - bytes.len() % 4).saturating_sub(4 * back + number.len());
    let end = bytes.len().min(at + number.len());
    bytes[at..end].copy_from_slice(&number[..end - at]);
    bytes
}

/// What stands between brackets, or quotes, is gone.
pub fn emptied(seed: &[u8], random: &mut impl Rng) -> Vec<u8> {
    let opens: Vec<usize> = (0..seed.len()).filter(|&i| b"[{\"".contains(&seed[i])).collect();
    let Some(&at) = opens.get(random.random_range(0..opens.len().max(1))) else { return seed.to_vec() };
    let (open, close) =
        (seed[at], [b']', b'}', b'"'][b"[{\"".iter().position(|b| *b == seed[at]).unwrap_or(0)]);
    let mut depth = 0;
    let length = seed[at + 1..].iter().position(|&b| {
        let done = b == close && depth == 0;
        depth += i32::from(b == open) - i32::from(b == close);
        done
    });
    [&seed[..=at], &seed[at + 1 + length.unwrap_or(0)..]].concat()
}
