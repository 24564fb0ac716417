//! reduce: the same bits every time; `verify` holds it against the reference.

use huemax::backend::Backend;
use libtest_mimic::Trial;

use crate::on_both;
use crate::support::{random, uniform};

pub fn register(trials: &mut Vec<Trial>) {
    on_both!(trials, reduce_is_the_same_every_time);
}

fn reduce_is_the_same_every_time<B: Backend>(backend: &B) {
    let partials = backend.upload(&uniform(&mut random(31), 300 * 700, 1e6)).expect("upload");
    let run = || {
        let mut sums = backend.zeros::<f32>(700).expect("zeros");
        backend.reduce(&partials, 300, 700, &mut sums, 0, false).expect("reduce");
        backend.download(&sums, 700).expect("download").into_iter().map(f32::to_bits).collect::<Vec<_>>()
    };
    let first = run();
    (0..5).for_each(|_| assert_eq!(run(), first));
}
