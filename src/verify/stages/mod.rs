//! The cases of each stage, one file a stage: what is drawn, how the device computes it, and the comparison.

pub(super) mod adam;
pub(super) mod describe;
pub(super) mod gradient;
mod hinge;
pub(super) mod loss;
mod models;
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
mod used;

pub(super) use used::Used;

use super::case::Case;
use crate::backend::{Backend, Loss};

/// Every case of every stage, in the order of the pipeline.
pub(super) fn all<B: Backend + 'static>() -> Vec<Case<B>> {
    let stages = [
        describe::cases(),
        normalize::cases(),
        scores::cases(),
        softmax::cases(),
        models::of_loss(Loss::Softmax),
        sigmoid::cases(),
        models::of_loss(Loss::Sigmoid),
        hinge::cases(Loss::Hinge),
        models::of_loss(Loss::Hinge),
        hinge::cases(Loss::SquaredHinge),
        models::of_loss(Loss::SquaredHinge),
        gradient::cases(),
        objective::cases(),
        models::of_objective(),
        objective_sparse::cases(),
        models::of_sparse(),
        reduce::cases(),
        step::cases(),
        adam::cases(),
        training::cases(),
    ];
    stages.into_iter().flatten().collect()
}
