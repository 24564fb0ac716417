//! probe: exact, since its numbers stay small integers; and a clock that runs no faster than the wall's.

use huemax::backend::{Backend, Probe, reference};
use huemax::verify;
use libtest_mimic::Trial;

use crate::on_both;
use crate::support::{adapters, on_both, poisoned};

pub fn register(trials: &mut Vec<Trial>) {
    on_both!(trials, probe_is_exact);
    // Other tests' passes on a shared device would be timed with it, so this one opens its own.
    on_both(trials, "device_time_is_part_of_wall_time", device_time_is_part_of_wall_time, |_| {
        device_time_is_part_of_wall_time(&adapters()[0].open().expect("a device of its own"));
    });
}

fn probe_is_exact<B: Backend>(backend: &B) {
    for lanes in [1, 15, 16, 63, 64, 65, 255, 256, 257, 1031] {
        for rounds in [0, 1, 7, 8, 9, 64, 1001] {
            let probe = Probe { lanes, rounds, factor: -1.0, addend: 3.0 };
            let mut sums = poisoned(backend, lanes);
            backend.probe(probe, &mut sums).expect("probe");
            let got = backend.download(&sums, lanes).expect("download");
            verify::within(&reference::probe(probe).to_vec(), &got, &vec![0.0; lanes])
                .unwrap_or_else(|e| panic!("{lanes} lanes, {rounds} rounds: {e}"));
        }
    }
}

fn device_time_is_part_of_wall_time<B: Backend>(backend: &B) {
    let probe = Probe { lanes: 4096, rounds: 1000, factor: -1.0, addend: 3.0 };
    let mut sums = backend.zeros(probe.lanes).expect("an array");
    for repeats in [1, 3] {
        let mut work = || (0..repeats).try_for_each(|_| backend.probe(probe, &mut sums));
        let timed = backend.timed(&mut work).expect("work");
        assert!(timed.wall.as_nanos() > 0);
        if let Some(device) = timed.device {
            assert!(device.as_nanos() > 0 && device <= timed.wall, "{timed:?}");
        }
    }
    let nothing = backend.timed(&mut || Ok(())).expect("nothing");
    assert_eq!(nothing.device, None, "no pass ran");
}
