//! `huemax bench`: runs, compares with itself, and explains mistakes.

use libtest_mimic::Trial;

use crate::cli::{fruit, huemax};
use crate::support::{on_gpu_only, plain};

pub fn register(trials: &mut Vec<Trial>) {
    for (name, test) in [
        ("a_run_compares_with_itself", a_run_compares_with_itself as fn()),
        ("one_stage_alone", one_stage_alone),
        ("pictures_of_a_folder", pictures_of_a_folder),
        ("mistakes_are_explained", mistakes_are_explained),
        ("what_cannot_fit_says_what_would", what_cannot_fit_says_what_would),
    ] {
        plain(trials, &format!("bench::{name}"), test);
    }
    on_gpu_only(trials, "bench::against_the_cpu", |_| against_the_cpu());
}

const QUICK: [&str; 5] = ["bench", "--quick", "--device", "cpu", "--quiet"];

fn a_run_compares_with_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let ran = huemax(&[&QUICK[..], &["--size", "64x8x3", "--json", "run.json"]].concat(), at).check(
        0,
        &[
            "describe/flat",
            "describe/photograph",
            "describe/noise",
            "normalize",
            "scores",
            "softmax",
            "gradient",
            "objective",
            "reduce",
            "step",
            "adam",
            "readback",
            "64×8×3",
            "multiply-add",
            "From files to a model",
            "pictures/s",
            "drawn pictures",
            "wrote run.json",
        ],
    );
    assert!(ran.stderr().is_empty(), "{}", ran.stderr());
    let text = std::fs::read(at.join("run.json")).expect("a run");
    let run: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    assert_eq!(run["format"], 2);
    assert_eq!(run["device"]["backend"], "cpu");
    for stage in run["stages"].as_array().expect("stages") {
        for series in stage["series"].as_array().expect("series") {
            let wall = series["wall"].as_array().expect("samples");
            assert!(wall.len() >= 5 && wall.iter().all(|s| s.as_f64().is_some_and(|s| s > 0.0)), "{stage}");
        }
    }
    huemax(&["bench", "--against", "run.json", "--baseline", "run.json"], at)
        .check(0, &["no change in any of", "scores 64×8×3"]);
    // Measured again, times may have changed; they are compared all the same.
    let again = [&QUICK[..], &["--size", "64,8,3", "--stage", "scores", "--baseline", "run.json"]].concat();
    huemax(&again, at).check(0, &["Against run.json", "scores 64×8×3 (CPU)", "only in the baseline"]);
    huemax(&[&QUICK[..], &["--size", "64x8x4", "--stage", "step", "--baseline", "run.json"]].concat(), at)
        .check(0, &["Careful: --size differs: 64×8×3 before, 64×8×4 now"]);
    assert_eq!(std::fs::read_dir(at).expect("a folder").count(), 1, "something was left behind");
}

fn one_stage_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = [&QUICK[..], &["--size", "64,8,3", "--stage", "describe", "--json", "-"]].concat();
    let ran = huemax(&arguments, folder.path()).check(0, &[]);
    let run: serde_json::Value = serde_json::from_str(&ran.stdout()).expect("JSON and nothing else");
    let names: Vec<_> =
        run["stages"].as_array().expect("stages").iter().map(|s| s["stage"].clone()).collect();
    assert_eq!(names, ["describe/flat", "describe/photograph", "describe/noise"]);
    assert!(run["end_to_end"].as_array().expect("ways").is_empty());
}

fn pictures_of_a_folder() {
    let folder = fruit();
    std::fs::write(folder.path().join("fruit/kiwi/a.jpg"), b"no picture").expect("a file");
    let arguments = ["bench", "fruit", "--quick", "--device", "cpu", "--stage", "end-to-end"];
    huemax(&arguments, folder.path()).check(0, &["photographs of fruit", "decode", "12 classes"]);
    let arguments = ["bench", "nothing", "--quick", "--device", "cpu"];
    for class in ["a", "b"] {
        let class = folder.path().join("nothing").join(class);
        std::fs::create_dir_all(&class).expect("a folder");
        std::fs::write(class.join("1.jpg"), b"no picture").expect("a file");
    }
    huemax(&arguments, folder.path()).check(1, &["none of the first 2 pictures of nothing"]);
}

fn mistakes_are_explained() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    for (arguments, said) in [
        (vec!["--size", "0,8,3"], "1 or more each"),
        (vec!["--size", "8,3"], "such as 20250,512,10"),
        (vec!["--size", "a,b,c"], "such as 20250,512,10"),
        (vec!["--stage", "sorting"], "describe/flat, "),
        (vec!["--samples", "1"], "a number from 5 to 1000"),
        (vec!["--json", "."], "is a folder"),
    ] {
        huemax(&[&QUICK[..], &arguments].concat(), at).check(2, &[said]);
    }
    huemax(&["bench", "--against", "a.json"], at).check(2, &["--baseline"]);
    huemax(&["bench", "--device", "gpu:99"], at).check(1, &["gpu:99", "there is: cpu"]);
    huemax(&["bench", "nowhere", "--device", "cpu"], at).check(1, &["nowhere does not exist"]);
    huemax(&["bench", "--baseline", "nowhere.json", "--device", "cpu"], at)
        .check(1, &["cannot read nowhere.json", "give a file that `huemax bench --json FILE` wrote"]);
    huemax(&["bench", "--json", "no/such/folder/run.json", "--device", "cpu"], at)
        .check(1, &["cannot write no/such/folder/run.json"]);
    std::fs::write(at.join("old.json"), r#"{"format": 0, "stages": []}"#).expect("a file");
    huemax(&["bench", "--baseline", "old.json", "--device", "cpu"], at)
        .check(1, &["old.json has bench format 0", "reads format 2", "measure the baseline again"]);
    std::fs::write(at.join("text.json"), "no JSON").expect("a file");
    huemax(&["bench", "--baseline", "text.json", "--device", "cpu"], at).check(
        1,
        &["text.json is not a run of `huemax bench`", "give a file that `huemax bench --json FILE` wrote"],
    );
}

fn what_cannot_fit_says_what_would() {
    let folder = tempfile::tempdir().expect("a folder");
    let bench = |size: &str| huemax(&[&QUICK[..], &["--size", size]].concat(), folder.path());
    bench("4000000000,512,10").check(2, &["--size: 4000000000×512×10", "N up to"]);
    bench("1,4000000000,1000000000")
        .check(2, &["--size: 1×4000000000×1000000000", "for the parameters alone"]);
    bench("18446744073709551615,18446744073709551615,18446744073709551615").check(2, &["--size"]);
}

fn against_the_cpu() {
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = ["bench", "--quick", "--device", "gpu", "--size", "64x8x3", "--json", "run.json"];
    huemax(&arguments, folder.path()).check(
        0,
        &[
            "GPU against CPU",
            "shader compilation",
            "upload",
            "From how many on the GPU wins here",
            "wrote run.json",
        ],
    );
    huemax(&["bench", "--against", "run.json", "--baseline", "run.json"], folder.path())
        .check(0, &["no change in any of"]);
    huemax(&["bench", "--quick", "--device", "gpu", "--size", "100000000,512,10"], folder.path())
        .check(2, &["--size: 100000000×512×10", "N up to"]);
}
