//! Stages against other oracles than the reference (OpenCV), the reference against published values, and what host and
//! shader must agree on. Every stage against the reference is `verify`.

mod describe;
mod objective;
mod probe;
mod reduce;
pub mod reference;
mod shaders;

use libtest_mimic::Trial;

pub fn register(trials: &mut Vec<Trial>) {
    reference::register(trials);
    shaders::register(trials);
    describe::register(trials);
    objective::register(trials);
    probe::register(trials);
    reduce::register(trials);
}
