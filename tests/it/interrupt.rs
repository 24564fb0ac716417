//! Ctrl-C while there is nothing to save: the program leaves at once, and leaves nothing half-written.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use rand::RngExt;

use crate::cli::{TRAIN, fruit, huemax};
use crate::support::{plain, random};

pub fn register(trials: &mut Vec<Trial>) {
    for (name, test) in [
        ("nothing_to_save_is_left_at_once", nothing_to_save_is_left_at_once as fn()),
        ("no_file_is_left_half_written", no_file_is_left_half_written),
        ("a_signal_that_was_ignored_stays_ignored", a_signal_that_was_ignored_stays_ignored),
    ] {
        plain(trials, &format!("interrupt::{name}"), test);
    }
}

/// The program, running. It hears signals even where the tests were started to ignore them, as jobs in the background of a
/// script are.
pub fn start(arguments: &[&str], folder: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_huemax"));
    command.args(arguments).current_dir(folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // SAFETY: between fork and exec only `signal` is called, which may be called there, with a valid disposition.
    #[allow(unsafe_code)]
    unsafe {
        use std::os::unix::process::CommandExt;
        command.pre_exec(|| {
            for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
                libc::signal(signal, libc::SIG_DFL);
            }
            Ok(())
        });
    }
    command.spawn().expect("the program starts")
}

/// Sends `signal` (`INT`, `KILL`, …) to it.
pub fn signal(child: &Child, signal: &str) {
    let sent = Command::new("kill").args(["-s", signal, &child.id().to_string()]).output();
    assert!(sent.expect("kill").status.success(), "no such process");
}

/// Waits for its end, one minute at most.
pub fn end(mut child: Child) -> Output {
    let start = Instant::now();
    while child.try_wait().expect("a process").is_none() {
        if start.elapsed() > Duration::from_secs(60) {
            child.kill().expect("a process");
            let output = child.wait_with_output().expect("a process");
            panic!("it did not end by itself; it said {}", String::from_utf8_lossy(&output.stderr));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().expect("a process")
}

/// It waits for paths on standard input, and hears the signal all the same.
fn nothing_to_save_is_left_at_once() {
    let folder = fruit();
    huemax(&TRAIN, folder.path()).check(0, &[]);
    for name in ["INT", "TERM", "HUP"] {
        let mut child = start(&["predict", "run/model.safetensors", "-", "--device", "cpu"], folder.path());
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(b"fruit/kiwi/kiwi-001.jpg\n").expect("a path");
        std::thread::sleep(Duration::from_millis(300));
        let sent = Instant::now();
        signal(&child, name);
        let output = end(child);
        assert_eq!(output.status.code(), Some(130), "{name}: {output:?}");
        assert!(sent.elapsed() < Duration::from_secs(5), "{name}: it took {:?}", sent.elapsed());
        assert_eq!(String::from_utf8_lossy(&output.stderr), "interrupted\n");
        drop(stdin);
    }
}

/// Names below `folder` that only files have which are being written.
pub fn half_written(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return found };
    for entry in entries {
        let entry = entry.expect("an entry");
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            found.extend(half_written(&entry.path()));
        } else if name.starts_with(".huemax-") {
            found.push(name);
        }
    }
    found
}

/// The demo, which writes two thousand files, interrupted at moments drawn at random: every file that is there is whole.
fn no_file_is_left_half_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut random = random(17);
    for round in 0..6 {
        let child = start(&["demo", "here", "--device", "cpu"], folder.path());
        std::thread::sleep(Duration::from_millis(random.random_range(30..400)));
        signal(&child, "INT");
        let output = end(child);
        assert_eq!(output.status.code(), Some(130), "round {round}: {output:?}");
        assert_eq!(half_written(folder.path()), [""; 0], "round {round}");
    }
    let mut pictures = 0;
    for class in std::fs::read_dir(folder.path().join("here/pictures")).expect("a folder") {
        let class = class.expect("an entry").path();
        for picture in std::fs::read_dir(&class).into_iter().flatten() {
            let path = picture.expect("an entry").path();
            if path.extension().is_some_and(|e| e == "jpg") {
                image::open(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
                pictures += 1;
            }
        }
    }
    assert!(pictures > 10, "{pictures}");
}

/// `nohup huemax …` goes on when its terminal is closed.
fn a_signal_that_was_ignored_stays_ignored() {
    let folder = fruit();
    huemax(&TRAIN, folder.path()).check(0, &[]);
    let mut child = Command::new("sh")
        .args(["-c", "trap '' HUP; exec \"$0\" predict run/model.safetensors - --device cpu"])
        .arg(env!("CARGO_BIN_EXE_huemax"))
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a shell");
    std::thread::sleep(Duration::from_millis(300));
    signal(&child, "HUP");
    std::thread::sleep(Duration::from_millis(300));
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(b"fruit/kiwi/kiwi-001.jpg\n").expect("it is still there");
    drop(stdin);
    let output = end(child);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}
