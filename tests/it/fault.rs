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
    DoesNotLookAhead,
    ZerosAreNotExact,
    BiasesShrink,
    MomentsNotCorrected,
    SecondMomentStays,
    AdamPenalizesTheBias,
    AdamThresholdOffTheMetric,
    MaskForgotten,
    MaskBitInTheFirstWord,
    LossOfTheModelBefore,
    ObjectiveForgetsTheMask,
    ObjectiveSumsForTheModelBefore,
    SparseForgetsTheMask,
    GradientRefused,
    LittleMemory,
}

impl Fault {
    /// All that spoil a result.
    pub const ALL: [Self; 43] = [
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
        Self::DoesNotLookAhead,
        Self::ZerosAreNotExact,
        Self::BiasesShrink,
        Self::MomentsNotCorrected,
        Self::SecondMomentStays,
        Self::AdamPenalizesTheBias,
        Self::AdamThresholdOffTheMetric,
        Self::MaskForgotten,
        Self::MaskBitInTheFirstWord,
        Self::LossOfTheModelBefore,
    ];

    /// Those of devices that take many models in one pass.
    pub const OF_MANY_MODELS: [Self; 3] =
        [Self::ObjectiveForgetsTheMask, Self::ObjectiveSumsForTheModelBefore, Self::SparseForgetsTheMask];

    /// The stage that does it.
    pub fn stage(self) -> Stage {
        match self {
            Self::None => Stage::Training,
            Self::OneCountTooMany | Self::LastPictureNotCounted | Self::OneColourInTheNextBin => {
                Stage::Describe
            }
            Self::FeatureSlightlyOff | Self::ZeroRowIsNaN => Stage::Normalize,
            Self::BiasForgotten | Self::LastScoreNotWritten => Stage::Scores,
            Self::ResidualSlightlyOff
            | Self::LossOfUnlabelledRows
            | Self::LossIsNaN
            | Self::MaskForgotten => Stage::Softmax,
            Self::LabelInTheWrongWord
            | Self::WeightsWithoutTheLabelForgotten
            | Self::SmallLossesVanish
            | Self::MaskBitInTheFirstWord => Stage::Sigmoid,
            Self::KinkTaken | Self::OwnResidualForgotten | Self::UnlabelledRowsHaveMargins => Stage::Hinge,
            Self::SquareNotDoubled | Self::HingeWeightsForgotten | Self::LossOfTheModelBefore => {
                Stage::SquaredHinge
            }
            Self::LastRowNotSummed
            | Self::BiasGradientOff
            | Self::WritesPastTheEnd
            | Self::GradientRefused
            | Self::LittleMemory => Stage::Gradient,
            Self::OneWeightOfTheObjectiveOff
            | Self::LossSumOff
            | Self::SigmoidObjectiveForgetsWeights
            | Self::HingeLossSumOff
            | Self::ObjectiveForgetsTheMask
            | Self::ObjectiveSumsForTheModelBefore => Stage::Objective,
            Self::LastFeatureOfARowForgotten
            | Self::NegativeFeaturesTakenForZeros
            | Self::SparseLossSumOff
            | Self::SparseForgetsTheMask => Stage::ObjectiveSparse,
            Self::LastPartialForgotten | Self::NeverAccumulates => Stage::Reduce,
            Self::PenaltyOnTheBias
            | Self::NoMomentum
            | Self::LastParameterNotMoved
            | Self::DoesNotLookAhead
            | Self::ZerosAreNotExact
            | Self::BiasesShrink => Stage::Step,
            Self::MomentsNotCorrected
            | Self::SecondMomentStays
            | Self::AdamPenalizesTheBias
            | Self::AdamThresholdOffTheMetric => Stage::Adam,
        }
    }
}
