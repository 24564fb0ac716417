//! The cases of each stage, one file a stage: what is drawn, how the device computes it, and the comparison.

pub(super) mod describe;
pub(super) mod gradient;
mod hinge;
pub(super) mod loss;
pub(super) mod normalize;
pub(super) mod objective;
mod objective_sparse;
mod pictures;
pub(super) mod reduce;
pub(super) mod scores;
mod sigmoid;
mod softmax;
pub(super) mod step;
pub(super) mod training;

use super::case::Case;
use crate::backend::{Backend, Loss};

/// Every case of every stage, in the order of the pipeline.
pub(super) fn all<B: Backend + 'static>() -> Vec<Case<B>> {
    let stages = [
        describe::cases(),
        normalize::cases(),
        scores::cases(),
        softmax::cases(),
        sigmoid::cases(),
        hinge::cases(Loss::Hinge),
        hinge::cases(Loss::SquaredHinge),
        gradient::cases(),
        objective::cases(),
        objective_sparse::cases(),
        reduce::cases(),
        step::cases(),
        training::cases(),
    ];
    stages.into_iter().flatten().collect()
}
