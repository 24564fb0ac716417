//! Sizes in bytes, as they are typed and told.

use std::str::FromStr;

/// A number of bytes, as it is typed: `256MiB`, `1.5G`, `4096`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl FromStr for Bytes {
    type Err = String;

    /// Units are powers of 1024, with or without `i` and `B`, in any case.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "a size such as 256MiB, 4G or 1.5GiB".to_owned();
        let text = text.trim();
        let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let unit = unit.trim().to_lowercase();
        let unit = unit.strip_suffix('b').unwrap_or(&unit);
        let shift = match unit.strip_suffix('i').unwrap_or(unit) {
            "" if !unit.ends_with('i') => 0,
            "k" => 10,
            "m" => 20,
            "g" => 30,
            "t" => 40,
            _ => return Err(wrong()),
        };
        let bytes = number * (1u64 << shift) as f64;
        if !(1.0..9e18).contains(&bytes) {
            return Err(wrong());
        }
        Ok(Self(bytes as u64))
    }
}

/// `256 MiB`
impl std::fmt::Display for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(bytes) = *self;
        let (unit, name) = match bytes {
            0..0x2800 => return write!(f, "{bytes} bytes"),
            0x2800..0xA0_0000 => (1u64 << 10, "KiB"),
            0xA0_0000..0x2_8000_0000 => (1 << 20, "MiB"),
            _ => (1 << 30, "GiB"),
        };
        write!(f, "{:.0} {name}", bytes as f64 / unit as f64)
    }
}
