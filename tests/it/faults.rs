//! A device with one fault in one stage: `verify` must find it and name that stage, and no other.

use huemax::backend::Backend;
use huemax::progress::Quiet;
use huemax::verify::{Devices, Mixed, Options, Report, Stage, mixed, verify};
use libtest_mimic::Trial;

use crate::fault::Fault;
use crate::faulty::Faulty;
use crate::support::{cpu, gpu, on_both, plain};
use crate::verify::failures;

pub fn register(trials: &mut Vec<Trial>) {
    for fault in Fault::ALL {
        // A GPU has no pass over features without their zeros that could be wrong.
        if fault.stage() == Stage::ObjectiveSparse {
            plain(trials, &format!("cpu::faults::{fault:?}"), move || {
                is_found(&Faulty { inner: cpu(), fault });
            });
            continue;
        }
        on_both(
            trials,
            &format!("faults::{fault:?}"),
            move |_| is_found(&Faulty { inner: cpu(), fault }),
            move |_| is_found(&Faulty { inner: gpu().expect("a GPU"), fault }),
        );
    }
    for fault in Fault::OF_MANY_MODELS {
        let name = format!("cpu::faults::{fault:?}");
        plain(trials, &name, move || is_found(&Faulty { inner: cpu(), fault }));
    }
    on_both(
        trials,
        "faults::a_sound_device_passes",
        |_| is_sound(&Faulty { inner: cpu(), fault: Fault::None }),
        |_| is_sound(&Faulty { inner: gpu().expect("a GPU"), fault: Fault::None }),
    );
    plain(trials, "faults::the_quick_set_finds_one", the_quick_set_finds_one);
    plain(trials, "faults::mixed_runs_close_in_on_one", mixed_runs_close_in_on_one);
    plain(trials, "faults::a_refusing_device_is_named", a_refusing_device_is_named);
    plain(trials, "faults::a_wrong_colour_is_named", a_wrong_colour_is_named);
}

/// Cases of every stage, without those that take long.
const LIGHT: [&str; 34] = [
    "describe/mixed/26x5x7",
    "normalize/5x6",
    "normalize/zeros",
    "scores/17x",
    "softmax/17x",
    "softmax/no-label",
    "softmax/models/17x",
    "sigmoid/17x",
    "sigmoid/hostile",
    "sigmoid/models/17x",
    "sigmoid/weighted",
    "hinge/17x",
    "hinge/grid",
    "hinge/no-label",
    "hinge/models/131x",
    "squared-hinge/17x",
    "squared-hinge/grid",
    "squared-hinge/weighted",
    "squared-hinge/models/131x",
    "gradient/131x",
    "objective/131x",
    "objective/sigmoid/131x",
    "objective/sigmoid/weighted/131x",
    "objective/hinge/131x",
    "objective/squared-hinge/131x",
    "objective/softmax/models/",
    "objective-sparse/131x",
    "objective-sparse/compress/257x",
    "reduce/257x",
    "step/25",
    "adam/25",
    "training/stage-by-stage",
    "training/objective",
    "training/derivatives/7x",
];

fn light<B: Backend + 'static>(device: &B) -> Vec<Report> {
    let run = |only: &str| {
        let options = Options { only: Some(only.into()), ..Options::default() };
        verify(&Devices::of(device), &options, &Quiet, &mut |_| {})
    };
    LIGHT.into_iter().map(run).collect()
}

fn is_sound<B: Backend>(device: &Faulty<B>) {
    light(device).iter().for_each(|report| assert!(report.pass(), "{}", failures(report)));
}

fn is_found<B: Backend>(device: &Faulty<B>) {
    let (stage, reports) = (device.fault.stage(), light(device));
    names(&reports, stage);
}

/// The isolated cases of `stage` fail, those of all others pass, and training blames nothing else.
fn names(reports: &[Report], stage: Stage) {
    let mut found = false;
    for report in reports.iter().flat_map(|r| &r.stages) {
        for failure in &report.failures {
            assert_eq!(failure.stage, stage, "{}: {}", failure.case, failure.message);
            assert!(!failure.message.is_empty());
        }
        if report.stage == stage {
            found |= !report.pass();
        } else if report.stage != Stage::Training {
            assert!(report.pass(), "{} is blamed for {stage}", report.stage);
        }
    }
    assert!(found, "the fault in {stage} was not found");
}

fn the_quick_set_finds_one() {
    let device = Faulty { inner: cpu(), fault: Fault::ResidualSlightlyOff };
    let options = Options { quick: true, ..Options::default() };
    let report = verify(&Devices::of(&device), &options, &Quiet, &mut |_| {});
    assert!(!report.pass() && report.stages.len() == Stage::ALL.len());
    let training = report.stages.iter().find(|s| s.stage == Stage::Training).expect("training");
    let failure = training.failures.iter().find(|f| f.case.contains("stage-by-stage")).expect("a training");
    assert!(failure.message.starts_with("step 1 of 12: residuals: element"), "{failure:?}");
    assert!(failure.input.contains("of the chunk") && failure.input.contains("with score"), "{failure:?}");
    names(&[report], Stage::Softmax);
}

fn mixed_runs_close_in_on_one() {
    let device = Faulty { inner: cpu(), fault: Fault::BiasForgotten };
    let run = |how| mixed(&device, cpu(), how, &Options::default()).expect("trainings").swap_remove(0);
    // The CPU takes the stage that is wrong on the device: nothing is wrong.
    for how in [Mixed::CpuUntil(Stage::Softmax), Mixed::DeviceUntil(Stage::Scores)] {
        let training = run(how);
        assert_eq!((training.failure(), training.parameters.differ), (None, 0), "{how:?}");
    }
    for how in [Mixed::CpuUntil(Stage::Scores), Mixed::DeviceUntil(Stage::Softmax)] {
        let training = run(how);
        let failure = training.failure().expect("a failure");
        assert_eq!(failure.stage, Stage::Scores);
        assert!(failure.message.starts_with("step 1 of 12: scores: "), "{failure:?}");
        assert_eq!(training.parameters.first_step, Some(1));
        assert!(training.parameters.largest > Some(1e-3), "{:?}", training.parameters);
    }
}

fn a_refusing_device_is_named() {
    let device = Faulty { inner: cpu(), fault: Fault::GradientRefused };
    let options = Options { quick: true, only: None, seed: 1 };
    let report = verify(&Devices::of(&device), &options, &Quiet, &mut |_| {});
    assert!(!report.pass() && report.stopped.as_ref().is_some_and(|s| s.contains("on purpose")));
    let last = report.stages.last().expect("a stage");
    assert_eq!((last.stage, last.failures.len()), (Stage::Gradient, 1));
}

fn a_wrong_colour_is_named() {
    let device = Faulty { inner: cpu(), fault: Fault::OneColourInTheNextBin };
    let options = Options { only: Some("describe/all-colours/8x8x8".into()), ..Options::default() };
    let report = verify(&Devices::of(&device), &options, &Quiet, &mut |_| {});
    let failure = &report.stages[0].failures[0];
    assert!(failure.input.contains("the colour R 200, G 30, B 90 (H "), "{failure:?}");
    assert!(failure.input.contains("all 2²⁴ colours, 16777216 pixels"), "{failure:?}");
}
