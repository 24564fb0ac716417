//! Which stages there are, and what each has to do.

use crate::backend::Loss;

/// A stage, or several that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Pictures of one colour: every pixel counts into the same bin, the worst case for atomics.
    DescribeFlat,
    /// Photographs, or what stands in for them.
    DescribePhotograph,
    /// Random bytes: every pixel counts into another bin.
    DescribeNoise,
    /// Counts to features.
    Normalize,
    /// Features by weights.
    Scores,
    /// Scores to residuals and losses of the softmax.
    Softmax,
    /// The same of the sigmoid.
    Sigmoid,
    /// The same of the hinge.
    Hinge,
    /// The same of the squared hinge.
    SquaredHinge,
    /// Residuals by features.
    Gradient,
    /// Partial sums to the gradient.
    Reduce,
    /// One evaluation as training makes it: loss and gradient sums of all rows, of the softmax.
    Objective,
    /// The same of the sigmoid.
    ObjectiveSigmoid,
    /// The same of the hinge.
    ObjectiveHinge,
    /// The same of the squared hinge.
    ObjectiveSquaredHinge,
    /// That of the softmax on features without their zeros.
    ObjectiveSparse,
    /// One parameter step, with momentum.
    Step,
    /// One parameter step by Adam.
    Adam,
    /// The gradient sums to the host.
    Readback,
}

impl Stage {
    /// Stages on pictures.
    pub const PICTURES: [Self; 4] =
        [Self::DescribeFlat, Self::DescribePhotograph, Self::DescribeNoise, Self::Normalize];
    /// Stages on features.
    pub const LEARNING: [Self; 15] = [
        Self::Scores,
        Self::Softmax,
        Self::Sigmoid,
        Self::Hinge,
        Self::SquaredHinge,
        Self::Gradient,
        Self::Reduce,
        Self::Objective,
        Self::ObjectiveSigmoid,
        Self::ObjectiveHinge,
        Self::ObjectiveSquaredHinge,
        Self::ObjectiveSparse,
        Self::Step,
        Self::Adam,
        Self::Readback,
    ];

    /// The loss that this stage is, or has in it; softmax where it has none.
    #[must_use]
    pub fn loss(self) -> Loss {
        match self {
            Self::Sigmoid | Self::ObjectiveSigmoid => Loss::Sigmoid,
            Self::Hinge | Self::ObjectiveHinge => Loss::Hinge,
            Self::SquaredHinge | Self::ObjectiveSquaredHinge => Loss::SquaredHinge,
            _ => Loss::Softmax,
        }
    }

    /// Whether this is scores to residuals and losses alone.
    #[must_use]
    pub fn is_loss(self) -> bool {
        matches!(self, Self::Softmax | Self::Sigmoid | Self::Hinge | Self::SquaredHinge)
    }

    /// Whether this is a whole evaluation.
    #[must_use]
    pub fn is_objective(self) -> bool {
        matches!(
            self,
            Self::Objective
                | Self::ObjectiveSigmoid
                | Self::ObjectiveHinge
                | Self::ObjectiveSquaredHinge
                | Self::ObjectiveSparse
        )
    }

    /// Its name among the cases of `huemax verify`; `None` where it has none there.
    #[must_use]
    pub fn verified_as(self) -> Option<&'static str> {
        match self {
            Self::DescribeFlat | Self::DescribePhotograph | Self::DescribeNoise => Some("describe"),
            Self::Objective => Some("objective"),
            Self::ObjectiveSigmoid => Some("objective/sigmoid"),
            Self::ObjectiveHinge => Some("objective/hinge"),
            Self::ObjectiveSquaredHinge => Some("objective/squared-hinge"),
            Self::ObjectiveSparse => Some("objective-sparse"),
            Self::Readback => None,
            _ => Some(self.name()),
        }
    }

    /// Its name, as `--stage` takes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::DescribeFlat => "describe/flat",
            Self::DescribePhotograph => "describe/photograph",
            Self::DescribeNoise => "describe/noise",
            Self::Normalize => "normalize",
            Self::Scores => "scores",
            Self::Softmax => "softmax",
            Self::Sigmoid => "sigmoid",
            Self::Hinge => "hinge",
            Self::SquaredHinge => "squared-hinge",
            Self::Gradient => "gradient",
            Self::Reduce => "reduce",
            Self::Objective => "objective",
            Self::ObjectiveSigmoid => "objective/sigmoid",
            Self::ObjectiveHinge => "objective/hinge",
            Self::ObjectiveSquaredHinge => "objective/squared-hinge",
            Self::ObjectiveSparse => "objective/sparse",
            Self::Step => "step",
            Self::Adam => "adam",
            Self::Readback => "readback",
        }
    }
}

/// What one run of a stage has to do, whoever does it. Each input counts as read once and each output as written once, also
/// where a kernel reads it again; of the objective only features, parameters and sums, not what lies between its stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// Bytes that must be read or written.
    pub bytes: u64,
    /// Floating-point operations; a multiply-add is two, a function such as `exp` one. 0 where it counts in integers.
    pub operations: u64,
    /// Things that are worked on.
    pub items: u64,
    /// What they are: `pixel`, `row` or `number`.
    pub unit: &'static str,
}

/// Sizes of the learning stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Shape {
    /// N.
    pub rows: usize,
    /// D.
    pub columns: usize,
    /// K.
    pub outputs: usize,
}

impl Shape {
    /// `K·D + K`.
    #[must_use]
    pub fn parameters(self) -> usize {
        self.outputs * (self.columns + 1)
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}×{}×{}", self.rows, self.columns, self.outputs)
    }
}
