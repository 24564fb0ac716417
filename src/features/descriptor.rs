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
}

/// Rows that came as numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Given {
    /// D: how many numbers a row has.
    pub columns: usize,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { bins: [8, 8, 8] }
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
            Self::Histogram(histogram) => histogram.checked().map(drop).map_err(|e| e.to_string()),
            Self::Given(Given { columns: 0 }) => Err("rows of no numbers tell nothing".into()),
            Self::Given(_) => Ok(()),
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
                write!(f, "HSV histogram, {h}×{s}×{v} bins, L2-normalised: {} features", histogram.len())
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
        let histogram = Self { bins: [h, s, v] };
        histogram.checked().map_err(|e| e.to_string())?;
        Ok(histogram)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_read_and_checked() {
        assert_eq!("26, 5,7".parse(), Ok(Histogram { bins: [26, 5, 7] }));
        for wrong in ["8,8", "8,8,8,8", "a,8,8", "0,8,8", "181,8,8", "180,256,256", "", "-1,8,8"] {
            assert!(wrong.parse::<Histogram>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn descriptors_are_told_apart_in_json() {
        for (descriptor, json) in [
            (Descriptor::default(), r#"{"bins":[8,8,8]}"#),
            (Descriptor::Given(Given { columns: 768 }), r#"{"columns":768}"#),
        ] {
            assert_eq!(serde_json::to_string(&descriptor).unwrap(), json);
            assert_eq!(serde_json::from_str::<Descriptor>(json).unwrap(), descriptor);
        }
    }
}
