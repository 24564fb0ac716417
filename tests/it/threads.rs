//! Where the system starts no threads, and where too many are asked for.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, Stdio};

use libtest_mimic::Trial;

use crate::cli::{Ran, TRAIN, fruit};
use crate::hostile_names::{run, somebody};
use crate::interrupt::end;
use crate::support::plain;

pub fn register(trials: &mut Vec<Trial>) {
    // Elsewhere the limit has another name, or none.
    let elsewhere = !cfg!(target_os = "linux");
    let without = || {
        without_threads_all_is_done_on_one();
        Ok(())
    };
    let name = "threads::without_threads_all_is_done_on_one";
    trials.push(Trial::test(name, without).with_ignored_flag(elsewhere));
    plain(trials, "threads::too_many_threads_are_refused", too_many_threads_are_refused);
}

fn without_threads_all_is_done_on_one() {
    let folder = fruit();
    let at = folder.path();
    // The superuser has no limits: somebody else has to try.
    let locked = at.join("locked");
    std::fs::create_dir(&locked).expect("a folder");
    std::fs::set_permissions(&locked, PermissionsExt::from_mode(0o000)).expect("permissions");
    let (user, program) = somebody(at, &locked);
    let program = program.display();
    let limited = |limits: &str, arguments: &[&str]| {
        let script = format!("{limits} && exec {program} \"$@\"");
        run(Path::new("bash"), &[&["-c", &script, "huemax"], arguments].concat(), at, b"", user)
    };
    let shape = format!("{:<117}\n", "{'descr': '<f8', 'fortran_order': False, 'shape': (400, 64), }");
    let numbers: Vec<f64> = (0..400 * 64).map(|i| f64::from(i * 7 % 11)).collect();
    let bytes = [b"\x93NUMPY\x01\x00\x76\x00", shape.as_bytes(), bytemuck::cast_slice(&numbers)].concat();
    std::fs::write(at.join("x.npy"), bytes).expect("a file");
    let labels: String = (0..400).map(|i| ["a\n", "b\n"][i % 2]).collect();
    std::fs::write(at.join("y.csv"), format!("label\n{labels}")).expect("a file");

    let alone = "export RAYON_NUM_THREADS=3; ulimit -u 1";
    let said = "note: the system refuses threads (";
    let check = |arguments: &[&str]| limited(alone, arguments).check(0, &[said, "done on 1 in place of 3"]);
    let cpu = ["--device", "cpu"];
    let model = "run/model.safetensors";
    check(&TRAIN);
    check(&[&["train", "fruit", "--out", "mini", "--solver", "adam", "--epochs", "2"][..], &cpu].concat());
    // Rows that pass through are read beside the work, if that can be.
    let passing =
        ["train", "--features", "x.npy", "--labels", "y.csv", "--memory", "64KiB", "--max-iter", "3"];
    check(&[&passing[..], &["--out", "passing"], &cpu].concat());
    check(&[&["extract", "fruit", "--out", "store"][..], &cpu].concat());
    check(&[&["evaluate", model, "fruit"][..], &cpu].concat());
    check(&[&["predict", model, "fruit"][..], &cpu].concat());
    check(&["explain"]);
    // Nobody is there to take signals, so the system does.
    let script = format!("{alone} && exec {program} predict {model} -");
    let mut command = Command::new("bash");
    command.args(["-c", &script]).current_dir(at).stdin(Stdio::piped()).stderr(Stdio::piped());
    if let Some(user) = user {
        command.uid(user);
    }
    let mut child = command.spawn().expect("the program starts");
    let mut line = String::new();
    BufReader::new(child.stderr.take().expect("a pipe")).read_line(&mut line).expect("a line");
    assert!(line.contains(said), "{line}");
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(killed.expect("kill runs").success());
    let status = end(child).status;
    assert_eq!(status.signal(), Some(2), "{status}");
    // With a few there are a few; how many others this user has running nobody knows.
    limited("export RAYON_NUM_THREADS=64; ulimit -u 16", &["predict", model, "fruit", "--device", "cpu"])
        .check(0, &[said, "in place of 64"]);
}

fn too_many_threads_are_refused() {
    let folder = fruit();
    let with = |variable: &str, threads: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_huemax"))
            .arg("explain")
            .current_dir(folder.path())
            .env_remove("RAYON_NUM_THREADS")
            .env(variable, threads)
            .stdin(Stdio::null())
            .output()
            .expect("the program starts");
        Ran { command: format!("{variable}={threads} huemax explain"), output }
    };
    for threads in ["1025", "99999999999", "99999999999999999999999"] {
        for variable in ["RAYON_NUM_THREADS", "RAYON_RS_NUM_CPUS"] {
            let said = format!("error: {variable}: {threads} threads are too many; at most 1,024");
            with(variable, threads).check(2, &[&said]);
        }
    }
    // What rayon takes for nothing said.
    for threads in ["0", "", "many", "1024"] {
        with("RAYON_NUM_THREADS", threads).check(0, &[]);
    }
}
