//! Faults that a device can have, and the stage of each.

use huemax::verify::Stage;

/// What is wrong with a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    OneCountTooMany,
    LastPictureNotCounted,
    OneColourInTheNextBin,
    FeatureSlightlyOff,
    ZeroRowIsNaN,
    BiasForgotten,
    LastScoreNotWritten,
    ResidualSlightlyOff,
    LossOfUnlabelledRows,
    LossIsNaN,
    LabelInTheWrongWord,
    WeightsWithoutTheLabelForgotten,
    SmallLossesVanish,
    KinkTaken,
    OwnResidualForgotten,
    UnlabelledRowsHaveMargins,
    SquareNotDoubled,
    HingeWeightsForgotten,
    SigmoidObjectiveForgetsWeights,
    HingeLossSumOff,
    LastRowNotSummed,
    BiasGradientOff,
    WritesPastTheEnd,
    OneWeightOfTheObjectiveOff,
    LossSumOff,
    LastFeatureOfARowForgotten,
    NegativeFeaturesTakenForZeros,
    SparseLossSumOff,
    LastPartialForgotten,
    NeverAccumulates,
    PenaltyOnTheBias,
    NoMomentum,
    LastParameterNotMoved,
    GradientRefused,
}

impl Fault {
    /// All that spoil a result.
    pub const ALL: [Self; 33] = [
        Self::OneCountTooMany,
        Self::LastPictureNotCounted,
        Self::OneColourInTheNextBin,
        Self::FeatureSlightlyOff,
        Self::ZeroRowIsNaN,
        Self::BiasForgotten,
        Self::LastScoreNotWritten,
        Self::ResidualSlightlyOff,
        Self::LossOfUnlabelledRows,
        Self::LossIsNaN,
        Self::LabelInTheWrongWord,
        Self::WeightsWithoutTheLabelForgotten,
        Self::SmallLossesVanish,
        Self::KinkTaken,
        Self::OwnResidualForgotten,
        Self::UnlabelledRowsHaveMargins,
        Self::SquareNotDoubled,
        Self::HingeWeightsForgotten,
        Self::SigmoidObjectiveForgetsWeights,
        Self::HingeLossSumOff,
        Self::LastRowNotSummed,
        Self::BiasGradientOff,
        Self::WritesPastTheEnd,
        Self::OneWeightOfTheObjectiveOff,
        Self::LossSumOff,
        Self::LastFeatureOfARowForgotten,
        Self::NegativeFeaturesTakenForZeros,
        Self::SparseLossSumOff,
        Self::LastPartialForgotten,
        Self::NeverAccumulates,
        Self::PenaltyOnTheBias,
        Self::NoMomentum,
        Self::LastParameterNotMoved,
    ];

    /// The stage that does it.
    pub fn stage(self) -> Stage {
        match self {
            Self::None => Stage::Training,
            Self::OneCountTooMany | Self::LastPictureNotCounted | Self::OneColourInTheNextBin => {
                Stage::Describe
            }
            Self::FeatureSlightlyOff | Self::ZeroRowIsNaN => Stage::Normalize,
            Self::BiasForgotten | Self::LastScoreNotWritten => Stage::Scores,
            Self::ResidualSlightlyOff | Self::LossOfUnlabelledRows | Self::LossIsNaN => Stage::Softmax,
            Self::LabelInTheWrongWord | Self::WeightsWithoutTheLabelForgotten | Self::SmallLossesVanish => {
                Stage::Sigmoid
            }
            Self::KinkTaken | Self::OwnResidualForgotten | Self::UnlabelledRowsHaveMargins => Stage::Hinge,
            Self::SquareNotDoubled | Self::HingeWeightsForgotten => Stage::SquaredHinge,
            Self::LastRowNotSummed
            | Self::BiasGradientOff
            | Self::WritesPastTheEnd
            | Self::GradientRefused => Stage::Gradient,
            Self::OneWeightOfTheObjectiveOff
            | Self::LossSumOff
            | Self::SigmoidObjectiveForgetsWeights
            | Self::HingeLossSumOff => Stage::Objective,
            Self::LastFeatureOfARowForgotten
            | Self::NegativeFeaturesTakenForZeros
            | Self::SparseLossSumOff => Stage::ObjectiveSparse,
            Self::LastPartialForgotten | Self::NeverAccumulates => Stage::Reduce,
            Self::PenaltyOnTheBias | Self::NoMomentum | Self::LastParameterNotMoved => Stage::Step,
        }
    }
}
