//! `huemax verify`: the full set of every stage on both devices, and the command as people use it.

use huemax::backend::Backend;
use huemax::progress::Quiet;
use huemax::verify::{Devices, Mixed, Options, Report, Stage, mixed, verify};
use libtest_mimic::Trial;

use crate::cli::huemax;
use crate::support::{adapters, cpu, on_both, on_gpu_only, plain, small_gpu};

pub fn register(trials: &mut Vec<Trial>) {
    for stage in Stage::ALL {
        if stage == Stage::ObjectiveSparse {
            plain(trials, "cpu::verify::objective-sparse", move || check(&Devices::of(cpu()), stage, false));
            continue;
        }
        on_both(
            trials,
            &format!("verify::{stage}"),
            move |cpu| check(&Devices::of(cpu), stage, false),
            // A GPU compiles a kernel for each shape of the one pass, a software driver for seconds: the quick set.
            move |gpu| {
                let devices = Devices { device: gpu, small: Ok(small_gpu()) };
                check(&devices, stage, stage == Stage::Objective);
            },
        );
    }
    on_both(trials, "verify::mixed_with_the_cpu", mixed_with_the_cpu, mixed_with_the_cpu);
    plain(trials, "verify::one_case_repeats_what_the_set_saw", one_case_repeats_what_the_set_saw);
    for (name, test) in [
        ("verify_passes_on_the_cpu", verify_passes_on_the_cpu as fn()),
        ("verify_repeats_one_case", verify_repeats_one_case),
        ("verify_is_json", verify_is_json),
        ("verify_explains_wrong_usage", verify_explains_wrong_usage),
    ] {
        plain(trials, &format!("cli::{name}"), test);
    }
    // With no more than WebGPU guarantees there are no subgroups: the other kernel of the one pass.
    on_gpu_only(trials, "verify::objective_without_subgroups", |_| {
        let gpu = adapters()[0].open_within(128 << 20).expect("a device");
        check(&Devices { device: &gpu, small: Ok(small_gpu()) }, Stage::Objective, true);
    });
    on_gpu_only(trials, "cli::verify_both_devices", |_| verify_both_devices());
}

/// Every failure of a report, in words.
pub fn failures(report: &Report) -> String {
    let lines = report.stages.iter().flat_map(|s| &s.failures);
    lines.map(|f| format!("{}: in {}: {}\n  at {}\n", f.case, f.stage, f.message, f.input)).collect()
}

fn check<B: Backend + 'static>(devices: &Devices<'_, B>, stage: Stage, quick: bool) {
    let options = Options { quick, only: Some(format!("{stage}/")), ..Options::default() };
    let report = verify(devices, &options, &Quiet, &mut |_| {});
    assert!(report.pass(), "{}{:?}", failures(&report), report.stopped);
    let [found] = &report.stages[..] else { panic!("{} stages", report.stages.len()) };
    // Nothing but what this device cannot do may be left out.
    for skipped in &found.skipped {
        let one_pass = skipped.reason.contains("in one pass");
        let too_long = (stage.loss().is_some() || stage == Stage::Normalize)
            && skipped.reason.contains("ends loops early");
        let unlimited = devices.small.is_err() && skipped.reason.contains("no limit");
        assert!(one_pass || unlimited || too_long, "{skipped:?}");
    }
    assert!(found.cases > 8 && found.elements > 10_000, "{found:?}");
    assert!(found.used.is_some_and(|used| used <= 1.0) && found.largest_error.is_some());
}

fn mixed_with_the_cpu<B: Backend>(device: &B) {
    let losses = [Stage::Softmax, Stage::Sigmoid, Stage::Hinge, Stage::SquaredHinge];
    let others = [Stage::Normalize, Stage::Scores, Stage::Gradient, Stage::Reduce, Stage::Step, Stage::Adam];
    for until in others.into_iter().chain(losses) {
        for how in [Mixed::CpuUntil(until), Mixed::DeviceUntil(until)] {
            let trainings = mixed(device, cpu(), how, &Options::default()).expect("a training");
            assert!(!trainings.is_empty());
            for training in trainings {
                assert_eq!(training.failure(), None, "{how:?}");
                for stage in &training.stages {
                    assert_eq!(stage.on_device, how.on_device(stage.report.stage));
                    assert!(stage.report.cases >= 1 && stage.report.elements > 0, "{how:?} {stage:?}");
                }
                let largest = training.parameters.largest.expect("a number");
                assert!(largest < 1e-5, "{how:?}: {largest:e}, {}", training.parameters.at);
            }
        }
    }
}

/// The numbers of a case depend on its name and the seed, not on what ran before it.
fn one_case_repeats_what_the_set_saw() {
    let run = |only: &str, seed| {
        let options = Options { seed, only: Some(only.into()), ..Options::default() };
        let report = verify(&Devices::of(cpu()), &options, &Quiet, &mut |_| {});
        report.stages.into_iter().next().expect("a stage")
    };
    let set = run("scores/131x512x1", 7);
    let at = set.used_at.expect("a place");
    let (case, _) = at.split_once(':').expect("a name");
    let one = run(case, 7);
    assert_eq!((one.cases, one.used, one.used_at), (1, set.used, Some(at.clone())));
    assert_ne!(run(case, 8).used, set.used);
}

fn verify_passes_on_the_cpu() {
    let folder = tempfile::tempdir().expect("a folder");
    let ran = huemax(&["verify", "--quick", "--device", "cpu", "--quiet"], folder.path());
    let ran = ran.check(0, &["quick set", "seed 0", "processor", "γₙ = n·u/(1 − n·u)"]);
    assert_eq!(ran.stderr(), "");
    for stage in Stage::ALL {
        let text = ran.stdout();
        let line = text.lines().find(|l| l.trim_start().starts_with(stage.name()) && l.ends_with("PASS"));
        assert!(line.is_some(), "{stage} in {text}");
    }
}

fn verify_repeats_one_case() {
    let folder = tempfile::tempdir().expect("a folder");
    let one = ["verify", "--device", "cpu", "--seed", "3", "--case", "scores/131x512x10/integers", "--json"];
    let ran = huemax(&one, folder.path()).check(0, &[]);
    let json: serde_json::Value = serde_json::from_str(&ran.stdout()).expect("JSON");
    let stages = json["reports"][0]["stages"].as_array().expect("stages");
    assert_eq!(stages.len(), 1);
    assert_eq!((stages[0]["cases"].as_u64(), stages[0]["elements"].as_u64()), (Some(1), Some(1310)));
    huemax(&["verify", "--device", "cpu", "--case", "step"], folder.path())
        .check(0, &["what begins with step"]);
}

fn verify_is_json() {
    let folder = tempfile::tempdir().expect("a folder");
    let ran = huemax(&["verify", "--quick", "--device", "cpu", "--json"], folder.path()).check(0, &[]);
    let json: serde_json::Value = serde_json::from_str(&ran.stdout()).expect("JSON");
    assert_eq!(
        (json["pass"].as_bool(), json["quick"].as_bool(), json["seed"].as_u64()),
        (Some(true), Some(true), Some(0))
    );
    let report = &json["reports"][0];
    assert_eq!(report["about"]["device"], "cpu");
    assert!(report["about"]["threads"].as_u64() > Some(0) && report["seconds"].as_f64() > Some(0.0));
    let stages = report["stages"].as_array().expect("stages");
    assert_eq!(stages.len(), Stage::ALL.len());
    for (stage, expected) in stages.iter().zip(Stage::ALL) {
        assert_eq!(stage["stage"], expected.name());
        assert!(stage["cases"].as_u64() > Some(0) && stage["elements"].as_u64() > Some(0), "{stage}");
        assert!(stage["tolerance"].as_str().is_some_and(|t| !t.is_empty()));
        assert_eq!(stage["failures"].as_array().map(Vec::len), Some(0));
    }
}

fn verify_explains_wrong_usage() {
    let folder = tempfile::tempdir().expect("a folder");
    for (arguments, code, said) in [
        (vec!["--case", "tanh"], 2, "no case is named \"tanh\""),
        (vec!["--case", "scores/7x7x7x7"], 2, "begins with one of describe, normalize"),
        (vec!["--cpu-until", "tanh"], 2, "the stages are describe, normalize"),
        (vec!["--cpu-until", "training"], 2, "name one of them"),
        (vec!["--device", "cpu", "--cpu-until", "softmax"], 2, "name a GPU with --device"),
        (vec!["--device-until", "scores", "--cpu-until", "scores"], 2, "cannot be used with"),
        (vec!["--seed", "-1"], 2, "--seed"),
        (vec!["--device", "gpu:x"], 2, "gpu:N takes a number"),
        (vec!["--device", "gpu:99"], 1, "no device matches \"gpu:99\"; there is: cpu"),
        (vec!["--device", "Voodoo 2"], 1, "Voodoo 2"),
    ] {
        huemax(&[&["verify"], arguments.as_slice()].concat(), folder.path()).check(code, &[said]);
    }
}

fn verify_both_devices() {
    let folder = tempfile::tempdir().expect("a folder");
    let ran = huemax(&["verify", "--device", "gpu", "--case", "gradient/1", "--quiet"], folder.path());
    let text = ran.check(0, &["maxStorageBufferBindingSize", "processor"]).stdout();
    assert_eq!(text.matches("PASS").count(), 4, "{text}");
    let ran = huemax(&["verify", "--device", "gpu", "--device-until", "gradient"], folder.path());
    ran.check(
        0,
        &["maxStorageBufferBindingSize", "seed 0", "device   scores", "CPU      gradient", "parameters"],
    );
    let mixed = ["verify", "--device", "gpu", "--cpu-until", "softmax", "--json"];
    let ran = huemax(&mixed, folder.path()).check(0, &[]);
    let json: serde_json::Value = serde_json::from_str(&ran.stdout()).expect("JSON");
    assert_eq!(json["trainings"][0]["stages"][2]["stage"], "scores");
    assert!(json["about"]["driver"].is_string() && json["trainings"][0]["parameters"]["differ"].is_u64());
}
