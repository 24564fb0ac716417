//! `--check`: a device that computes a stage wrong is refused before it is used, and a sound one is not.

use huemax::backend::{Backend, Gpu, Loss};
use huemax::verify::{CheckError, Fitting, Stage, Use, check_on};
use libtest_mimic::Trial;

use crate::cli::{fruit, huemax};
use crate::fault::Fault;
use crate::faulty::Faulty;
use crate::support::{cpu, gpu, on_both, on_gpu_only, plain};

pub fn register(trials: &mut Vec<Trial>) {
    for fault in Fault::ALL.into_iter().chain(Fault::OF_MANY_MODELS) {
        let of_cpu = fault.stage() == Stage::ObjectiveSparse || Fault::OF_MANY_MODELS.contains(&fault);
        let name = format!("devices::check::{fault:?}");
        if OF_MODELS.contains(&fault) {
            on_gpu_only(trials, &name, move |_| refuses(&Faulty { inner: gpu().expect("a GPU"), fault }));
            continue;
        }
        if of_cpu {
            plain(trials, &format!("cpu::{name}"), move || refuses(&Faulty { inner: cpu(), fault }));
            continue;
        }
        on_both(
            trials,
            &name,
            move |_| refuses(&Faulty { inner: cpu(), fault }),
            move |_| refuses(&Faulty { inner: gpu().expect("a GPU"), fault }),
        );
    }
    on_both(trials, "devices::check::passes", passes, passes);
    on_gpu_only(trials, "devices::check::a_device_that_fails_says_so", |_| {
        a_device_that_fails_says_so(gpu().expect("a GPU"));
    });
    plain(trials, "cpu::devices::check::of_every_command", || of_every_command("cpu"));
    on_gpu_only(trials, "devices::check::of_every_command", |_| of_every_command("gpu"));
}

/// Faults of stages that run for many models where the device does not take all in one pass.
const OF_MODELS: [Fault; 3] =
    [Fault::MaskForgotten, Fault::MaskBitInTheFirstWord, Fault::LossOfTheModelBefore];

/// A command that uses the stage that `fault` is of.
fn that_uses(fault: Fault) -> Use {
    let stage = fault.stage();
    if let Stage::Describe | Stage::Normalize = stage {
        return Use { bins: Some([5, 13, 1]), ..Use::default() };
    }
    let update = Some(stage).filter(|stage| matches!(stage, Stage::Step | Stage::Adam));
    let loss = match fault {
        Fault::SigmoidObjectiveForgetsWeights => Loss::Sigmoid,
        Fault::HingeLossSumOff => Loss::SquaredHinge,
        _ => stage.loss().unwrap_or(Loss::Softmax),
    };
    let many = OF_MODELS.contains(&fault) || Fault::OF_MANY_MODELS.contains(&fault);
    // More models than a word has bits; more labels than that; or so few that a GPU takes all in one pass.
    let (models, outputs) = match (many, stage) {
        (true, _) => (35, 3),
        (false, Stage::Objective) => (1, 9),
        (false, _) => (1, 33),
    };
    let fit = Fitting { update, models };
    Use { bins: None, linear: Some((65, outputs)), loss: Some(loss), fit: Some(fit) }
}

fn refuses<B: Backend>(device: &Faulty<B>) {
    let stage = device.fault.stage();
    let error = match check_on(device, &that_uses(device.fault), "gpu:1") {
        Err(error) => error,
        // The CPU takes scores, loss and gradient in one pass, and never uses a gradient by itself.
        Ok(passed) => {
            assert!(stage == Stage::Gradient && device.info().name == cpu().info().name, "{stage}: {passed}");
            assert!(!passed.stages.contains(&stage));
            return;
        }
    };
    let CheckError::Wrong(wrong) = &error else { panic!("{error}") };
    let (named, repeat) = (wrong.stage, &wrong.repeat);
    assert_eq!(named, stage, "{error}");
    let start = format!(" --seed 0 --case {stage}/as-used/");
    assert!(repeat.starts_with("huemax verify --device ") && repeat.contains(&start), "{repeat}");
    let said = error.to_string();
    let computes = format!("{} computes {stage} wrong", device.info().name);
    for part in [&*computes, "largest error", "tolerance", repeat, "--device cpu"] {
        assert!(said.contains(part), "{part:?}: {said}");
    }
}

fn passes<B: Backend + 'static>(device: &B) {
    for loss in Loss::ALL {
        let update = if loss == Loss::Hinge { Some(Stage::Step) } else { None };
        let fit = Some(Fitting { update, models: if update.is_none() { 3 } else { 1 } });
        let used = Use { bins: None, linear: Some((512, 10)), loss: Some(loss), fit };
        let passed = check_on(device, &used, "gpu").unwrap_or_else(|e| panic!("{loss}: {e}"));
        let has = |stage| passed.stages.contains(&stage);
        assert!(has(Stage::Scores) && has(Stage::of(loss)) && has(Stage::Reduce), "{passed}");
        assert!(update.is_none_or(has) && !has(Stage::Describe) && !has(Stage::Adam), "{passed}");
    }
    // What is not used is not looked at.
    let described = Use { bins: Some([26, 5, 7]), ..Use::default() };
    let stages = check_on(device, &described, "gpu").expect("a sound device").stages;
    assert_eq!(stages, [Stage::Describe, Stage::Normalize]);
}

fn a_device_that_fails_says_so(gpu: &'static Gpu) {
    let device = Faulty { inner: gpu, fault: Fault::GradientRefused };
    let error = check_on(&device, &that_uses(Fault::BiasGradientOff), "gpu").expect_err("it refuses");
    assert!(matches!(error, CheckError::Device(_)) && error.to_string().contains("on purpose"), "{error}");
}

fn of_every_command(device: &str) {
    let folder = fruit();
    let at = folder.path();
    let (right, model) = ("computes right: ", "run/model.safetensors");
    let run = |arguments: &[&str]| {
        huemax(&[arguments, &["--device", device, "--check"]].concat(), at).check(0, &[right]).stderr()
    };
    let said = run(&["train", "fruit", "--out", "run", "--solver", "adam", "--epochs", "2"]);
    assert!(
        said.contains("describe, normalize, scores, softmax") && said.contains("reduce, adam are"),
        "{said}"
    );
    assert!(run(&["train", "fruit", "-C", "1,10", "--folds", "3"]).contains("reduce are what"));
    assert!(run(&["evaluate", model, "fruit"]).contains("scores, softmax are what"));
    assert!(run(&["predict", model, "fruit/kiwi"]).contains("scores, softmax are what"));
    assert!(run(&["extract", "fruit", "--out", "store"]).contains("right: describe, normalize are what"));
    let said = run(&["train", "store", "--out", "of-store"]);
    assert!(said.contains("right: scores, softmax"), "pictures are described already: {said}");
    // The command that a refusal names.
    let case = ["verify", "--device", device, "--seed", "0", "--case", "softmax/as-used/12x1"];
    huemax(&case, at).check(0, &["softmax"]);
    huemax(&["verify", "--case", "softmax/as-used/12"], at).check(2, &["no case is named"]);
}
