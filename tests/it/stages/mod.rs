//! Each stage on each backend against the reference, and the reference against published values.

mod describe;
mod gradient;
mod normalize;
mod objective;
mod probe;
mod reduce;
pub mod reference;
mod scores;
mod shaders;
mod softmax;
mod step;

use libtest_mimic::Trial;

pub fn register(trials: &mut Vec<Trial>) {
    reference::register(trials);
    shaders::register(trials);
    describe::register(trials);
    normalize::register(trials);
    scores::register(trials);
    softmax::register(trials);
    gradient::register(trials);
    objective::register(trials);
    probe::register(trials);
    reduce::register(trials);
    step::register(trials);
}

/// Shapes by rule: one, a workgroup or tile less one, itself, one more, primes.
pub const SIZES: [usize; 9] = [1, 2, 15, 16, 17, 63, 64, 65, 131];
