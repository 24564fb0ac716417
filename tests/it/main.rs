//! One integration binary. Every test that touches a device runs on the CPU and, under `gpu::`, on a GPU. Without an
//! adapter the GPU tests show as ignored; with `HUEMAX_REQUIRE_GPU=1` they fail instead.

#![allow(unreachable_pub)] // a test binary exports nothing

mod bench;
mod cli;
mod cli_errors;
mod cli_sweep;
mod devices;
mod devices_check;
mod devices_lost;
mod duplicates;
mod embeddings;
mod embeddings_refused;
mod fault;
mod faults;
mod faulty;
mod hostile;
#[cfg(unix)]
mod hostile_names;
#[cfg(unix)]
mod in_the_way;
#[cfg(unix)]
mod interrupt;
#[cfg(unix)]
mod kept_rows;
mod lbfgs;
mod losses;
mod mini;
mod optimum;
#[cfg(unix)]
mod outputs;
#[cfg(unix)]
mod pipes;
#[cfg(unix)]
mod resume;
mod several;
mod shards;
mod skipped;
mod sparse;
mod stages;
#[cfg(unix)]
mod store;
#[cfg(unix)]
mod store_budget;
#[cfg(unix)]
mod store_killed;
mod store_python;
#[cfg(unix)]
mod store_refused;
#[cfg(unix)]
mod store_resumed;
mod stream;
mod support;
mod sweep;
#[cfg(feature = "parquet")]
mod tables;
mod tensorboard;
#[cfg(unix)]
mod threads;
mod training;
#[cfg(unix)]
mod unlabelled;
#[cfg(unix)]
mod unread;
#[cfg(unix)]
mod untrusted;
mod verify;
mod warm;
#[cfg(unix)]
mod ways_out;

use libtest_mimic::{Arguments, Trial};

fn main() {
    let arguments = Arguments::from_args();
    let mut trials: Vec<Trial> = Vec::new();
    stages::register(&mut trials);
    verify::register(&mut trials);
    faults::register(&mut trials);
    sweep::register(&mut trials);
    training::register(&mut trials);
    lbfgs::register(&mut trials);
    losses::register(&mut trials);
    mini::register(&mut trials);
    optimum::register(&mut trials);
    bench::register(&mut trials);
    cli::register(&mut trials);
    cli_errors::register(&mut trials);
    cli_sweep::register(&mut trials);
    devices::register(&mut trials);
    devices_check::register(&mut trials);
    devices_lost::register(&mut trials);
    embeddings::register(&mut trials);
    embeddings_refused::register(&mut trials);
    #[cfg(feature = "parquet")]
    tables::register(&mut trials);
    tensorboard::register(&mut trials);
    skipped::register(&mut trials);
    duplicates::register(&mut trials);
    #[cfg(unix)]
    hostile_names::register(&mut trials);
    #[cfg(unix)]
    {
        outputs::register(&mut trials);
        untrusted::register(&mut trials);
        pipes::register(&mut trials);
    }
    #[cfg(unix)]
    interrupt::register(&mut trials);
    #[cfg(unix)]
    resume::register(&mut trials);
    #[cfg(unix)]
    {
        store::register(&mut trials);
        store_killed::register(&mut trials);
        store_refused::register(&mut trials);
        store_budget::register(&mut trials);
        store_resumed::register(&mut trials);
        unlabelled::register(&mut trials);
        unread::register(&mut trials);
        kept_rows::register(&mut trials);
        in_the_way::register(&mut trials);
        ways_out::register(&mut trials);
        threads::register(&mut trials);
    }
    hostile::register(&mut trials);
    store_python::register(&mut trials);
    several::register(&mut trials);
    shards::register(&mut trials);
    warm::register(&mut trials);
    sparse::register(&mut trials);
    stream::register(&mut trials);
    libtest_mimic::run(&arguments, trials).exit();
}
