//! The losses: what is asked of the scores of a row, and how its labels are written down.

/// How the scores of a row are turned into a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// Softmax and cross-entropy: which one label? Multinomial logistic regression.
    #[default]
    Softmax,
    /// A sigmoid and binary cross-entropy for each output: which of these labels? Logistic regressions beside each other.
    Sigmoid,
    /// Weston and Watkins' multi-class hinge, `Σ_{j≠y} max(0, s_j − s_y + 1)` (ESANN 1999). Scores are margins, no probabilities.
    Hinge,
    /// The same with every term squared, which makes it smooth.
    SquaredHinge,
}

impl Loss {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Softmax, Self::Sigmoid, Self::Hinge, Self::SquaredHinge];

    /// Its name on the command line and in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Softmax => "softmax",
            Self::Sigmoid => "sigmoid",
            Self::Hinge => "hinge",
            Self::SquaredHinge => "squared-hinge",
        }
    }

    /// Whether a row has exactly one label. If so its target is one word, the label (or [`NO_LABEL`](super::NO_LABEL)); if not,
    /// a bit for each output: that of output k is bit k % 32 of word k / 32.
    #[must_use]
    pub const fn exclusive(self) -> bool {
        !matches!(self, Self::Sigmoid)
    }

    /// Words of the target of a row with K `outputs`.
    #[must_use]
    pub const fn words(self, outputs: usize) -> usize {
        if self.exclusive() { 1 } else { outputs.div_ceil(32) }
    }

    /// Whether it turns scores into probabilities; the hinges know only margins.
    #[must_use]
    pub const fn probabilistic(self) -> bool {
        matches!(self, Self::Softmax | Self::Sigmoid)
    }
}

impl std::fmt::Display for Loss {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
