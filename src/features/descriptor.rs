//! What a feature row is made of.

use std::str::FromStr;

use crate::backend::{Bins, BinsError};

/// What a feature row is made of: something of a picture, or numbers that were brought from elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
pub enum Descriptor {
    /// Colours of a picture.
    Histogram(Histogram),
    /// Numbers that huemax did not make, such as the embeddings of a network.
    Given(Given),
}

/// An HSV joint histogram, divided by its L2 norm: OpenCV's `cvtColor`, `calcHist` and `normalize`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Histogram {
    /// Bins of hue, saturation and value.
    pub bins: [u32; 3],
    /// Pictures are decoded at 1/this of their width and height: 1, 2, 4 or 8.
    #[serde(default = "whole", skip_serializing_if = "is_whole")]
    pub decode_scale: u32,
}

fn whole() -> u32 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
fn is_whole(scale: &u32) -> bool {
    *scale == 1
}

/// Rows that came as numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Given {
    /// D: how many numbers a row has.
    pub columns: usize,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { bins: [8, 8, 8], decode_scale: 1 }
    }
}

impl Default for Descriptor {
    fn default() -> Self {
        Self::Histogram(Histogram::default())
    }
}

impl From<Histogram> for Descriptor {
    fn from(histogram: Histogram) -> Self {
        Self::Histogram(histogram)
    }
}

impl Histogram {
    /// D: how many numbers describe a picture.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bins.iter().map(|&b| b as usize).product()
    }

    /// Whether there are no bins at all, which [`checked`](Self::checked) refuses.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The tables that devices count with.
    ///
    /// # Errors
    /// [`BinsError`] for a channel without bins or with more bins than values, and for too many in all.
    pub fn checked(&self) -> Result<Bins, BinsError> {
        Bins::new(self.bins)
    }

    /// At 1/what of their size pictures are decoded.
    ///
    /// # Errors
    /// In words, where pictures are not decoded so.
    pub fn decode_scale(&self) -> Result<u32, String> {
        match self.decode_scale {
            scale @ (1 | 2 | 4 | 8) => Ok(scale),
            other => {
                Err(format!("pictures are decoded at 1/1, 1/2, 1/4 or 1/8 of their size, not at 1/{other}"))
            }
        }
    }
}

impl Descriptor {
    /// D: how many numbers a row has.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Histogram(histogram) => histogram.len(),
            Self::Given(given) => given.columns,
        }
    }

    /// Whether a row has no numbers at all, which [`check`](Self::check) refuses.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How pictures are described; `None` where rows are not made from pictures here.
    #[must_use]
    pub fn histogram(&self) -> Option<Histogram> {
        match self {
            Self::Histogram(histogram) => Some(*histogram),
            Self::Given(_) => None,
        }
    }

    /// Fails where there can be no such rows.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Self::Histogram(histogram) => {
                histogram.decode_scale()?;
                histogram.checked().map(drop).map_err(|e| e.to_string())
            }
            Self::Given(Given { columns: 0 }) => Err("rows of no numbers tell nothing".into()),
            Self::Given(_) => Ok(()),
        }
    }

    /// The options that ask for it, each with a space before it; nothing where it is what is asked for without any.
    #[must_use]
    pub fn typed(&self) -> String {
        let Self::Histogram(Histogram { bins: [h, s, v], decode_scale }) = *self else {
            return String::new();
        };
        let default = Histogram::default();
        let bins = if [h, s, v] == default.bins { String::new() } else { format!(" --bins {h},{s},{v}") };
        match decode_scale {
            scale if scale == default.decode_scale => bins,
            scale => format!("{bins} --decode-scale 1/{scale}"),
        }
    }

    /// The largest squared L2 norm that a feature row can have; `None` where it has to be looked for.
    #[must_use]
    pub fn max_squared_norm(&self) -> Option<f64> {
        self.histogram().map(|_| 1.0)
    }
}

impl std::fmt::Display for Descriptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Histogram(histogram) => {
                let [h, s, v] = histogram.bins;
                let of = match histogram.decode_scale {
                    1 => String::new(),
                    scale => format!(" of pictures decoded at 1/{scale} of their size"),
                };
                write!(f, "HSV histogram{of}, {h}×{s}×{v} bins, L2-normalised: {} features", histogram.len())
            }
            Self::Given(Given { columns }) => write!(f, "{columns} features a row, brought from elsewhere"),
        }
    }
}

/// `8,8,8`: bins of hue, saturation and value.
impl FromStr for Histogram {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers: Option<Vec<u32>> = text.split(',').map(|part| part.trim().parse().ok()).collect();
        let Some(&[h, s, v]) = numbers.as_deref() else {
            return Err("three numbers of bins, for hue, saturation and value, such as 8,8,8".into());
        };
        let histogram = Self { bins: [h, s, v], ..Self::default() };
        histogram.checked().map_err(|e| e.to_string())?;
        Ok(histogram)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_read_and_checked() {
        assert_eq!("26, 5,7".parse(), Ok(Histogram { bins: [26, 5, 7], decode_scale: 1 }));
        for wrong in ["8,8", "8,8,8,8", "a,8,8", "0,8,8", "181,8,8", "180,256,256", "", "-1,8,8"] {
            assert!(wrong.parse::<Histogram>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn descriptors_are_told_apart_in_json() {
        for (descriptor, json) in [
            (Descriptor::default(), r#"{"bins":[8,8,8]}"#),
            (
                Histogram { decode_scale: 4, ..Histogram::default() }.into(),
                r#"{"bins":[8,8,8],"decode_scale":4}"#,
            ),
            (Descriptor::Given(Given { columns: 768 }), r#"{"columns":768}"#),
        ] {
            assert_eq!(serde_json::to_string(&descriptor).unwrap(), json);
            assert_eq!(serde_json::from_str::<Descriptor>(json).unwrap(), descriptor);
        }
    }

    #[test]
    fn the_size_that_pictures_are_decoded_at_is_checked_and_told() {
        for scale in [0, 3, 16, u32::MAX] {
            let wrong = Descriptor::from(Histogram { decode_scale: scale, ..Histogram::default() });
            assert!(wrong.check().unwrap_err().contains(&format!("not at 1/{scale}")));
        }
        let scaled = Descriptor::from(Histogram { decode_scale: 4, ..Histogram::default() });
        assert_eq!(scaled.check(), Ok(()));
        assert!(scaled.to_string().contains("of pictures decoded at 1/4 of their size"), "{scaled}");
        assert!(!Descriptor::default().to_string().contains("decoded"));
    }
}
