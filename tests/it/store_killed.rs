//! Feature stores whose making was stopped, at any moment and by any means: going on ends in the bytes of an undisturbed run.

use std::path::Path;
use std::time::{Duration, Instant};

use huemax::features::store::{COMMIT, JOURNAL};
use libtest_mimic::Trial;
use rand::RngExt;
use serde_json::Value;

use crate::cli::{Ran, huemax};
use crate::interrupt::{end, signal, start};
use crate::store::{EXTRACT, FILES, bytes, extract, fresh, more_fruit, picture};
use crate::support::{plain, random};

pub fn register(trials: &mut Vec<Trial>) {
    for (name, test) in [
        ("kills_do_not_change_a_byte", kills_do_not_change_a_byte as fn()),
        (
            "kills_while_it_is_brought_up_to_date_do_not_either",
            kills_while_it_is_brought_up_to_date_do_not_either,
        ),
        ("ctrl_c_keeps_what_was_done", ctrl_c_keeps_what_was_done),
    ] {
        plain(trials, &format!("store_killed::{name}"), test);
    }
}

fn kills() -> usize {
    std::env::var("HUEMAX_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(4)
}

/// Kills extractions into `out` at moments drawn at random, `kills` of them, each gone on with by the next; `look` at the folder after each. In
/// the end it holds the bytes `expected`. Gives how many went on from something.
fn kill(
    at: &Path,
    takes: Duration,
    expected: &[Vec<u8>],
    seed: u64,
    begin: &dyn Fn(),
    look: &dyn Fn(),
) -> usize {
    let mut random = random(seed);
    let (mut killed, mut finished, mut went_on) = (0, 0, 0);
    begin();
    while killed < kills() || finished == 0 {
        let mut child = start(&[&EXTRACT[..], &["--out", "out"]].concat(), at);
        if killed < kills() {
            std::thread::sleep(takes.mul_f64(random.random_range(0.05..0.8)));
            child.kill().expect("a process");
        }
        let output = end(child);
        went_on += usize::from(String::from_utf8_lossy(&output.stderr).contains("pictures from out"));
        if output.status.success() {
            finished += 1;
            assert!(bytes(at, "out") == expected, "other bytes after {killed} kills");
            begin();
            continue;
        }
        assert_eq!(output.status.code(), None, "it failed by itself: {output:?}");
        killed += 1;
        look();
    }
    went_on
}

fn kills_do_not_change_a_byte() {
    let folder = more_fruit();
    let at = folder.path();
    let begun = Instant::now();
    let expected = fresh(at, &[]);
    let takes = begun.elapsed();
    let one = std::process::Command::new(env!("CARGO_BIN_EXE_huemax"))
        .args([&EXTRACT[..], &["--out", "one"]].concat())
        .current_dir(at)
        .env("RAYON_NUM_THREADS", "1")
        .output()
        .expect("the program starts");
    assert!(one.status.success() && bytes(at, "one") == expected, "other bytes with one thread");
    let rows = |bytes: &[u8]| {
        let start = bytes.len() - 4 * 672 * 512;
        bytes[start..].chunks(4 * 512).map(<[u8]>::to_vec).collect::<Vec<_>>()
    };
    let all = rows(&expected[0]);
    // Whatever the journal names is there, and the file is one that NumPy can read.
    let look = || {
        let Ok(journal) = std::fs::read_to_string(at.join("out").join(JOURNAL)) else { return };
        let mut lines = journal.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let Some(header) = lines.next() else { return };
        let header: Value = serde_json::from_str(header).expect("a header");
        let part = std::fs::read(at.join("out").join(header["file"].as_str().expect("a name")))
            .expect("the numbers");
        assert_eq!(part.len(), expected[0].len());
        assert_eq!(part[..128], expected[0][..128]);
        let found = rows(&part);
        for line in lines {
            let line: Value = serde_json::from_str(line).expect("a line");
            let row = line["row"].as_u64().expect("a row") as usize;
            assert!(found[row] == all[row], "row {row} is not what the journal says");
        }
    };
    let begin = || {
        std::fs::remove_dir_all(at.join("out")).ok();
    };
    let went_on = kill(at, takes, &expected, 31, &begin, &look);
    assert!(went_on > 0, "no kill came while there was something to go on from");
}

fn kills_while_it_is_brought_up_to_date_do_not_either() {
    let folder = more_fruit();
    let at = folder.path();
    extract(at, "old", &[]).check(0, &[]);
    let old = bytes(at, "old");
    // Rows move, go and come.
    for class in ["banana", "kiwi"] {
        let class = picture(at, class);
        for entry in std::fs::read_dir(&class).expect("a folder").collect::<Vec<_>>() {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            match name.as_bytes()[name.find('-').expect("a dash") + 3] {
                b'1' | b'2' => std::fs::remove_file(&path).expect("a picture"),
                b'3' => std::fs::rename(&path, class.join(format!("a{name}"))).expect("a rename"),
                b'4' => {
                    let other = picture(at, "carrot/carrot-001.jpg");
                    std::fs::copy(other, &path).expect("a copy");
                }
                _ => {}
            }
        }
    }
    let begun = Instant::now();
    let expected = fresh(at, &[]);
    let takes = begun.elapsed().div_f64(2.0);
    let begin = || {
        std::fs::remove_dir_all(at.join("out")).ok();
        std::fs::create_dir(at.join("out")).expect("a folder");
        for (file, bytes) in FILES.iter().zip(&old) {
            std::fs::write(at.join("out").join(file), bytes).expect("a file");
        }
    };
    // The old store is whole until the new one is, and then for a moment there is a note that it is about to be.
    let look = || {
        let now: Vec<_> =
            FILES.iter().map(|file| std::fs::read(at.join("out").join(file)).expect("a file")).collect();
        assert!(now == old || now == expected || at.join("out").join(COMMIT).exists(), "torn");
    };
    kill(at, takes, &expected, 37, &begin, &look);
}

fn ctrl_c_keeps_what_was_done() {
    let folder = more_fruit();
    let at = folder.path();
    let expected = fresh(at, &[]);
    let mut interrupted = 0;
    for _ in 0..20 {
        std::fs::remove_dir_all(at.join("out")).ok();
        let child = start(&[&EXTRACT[..], &["--out", "out"]].concat(), at);
        let begun = Instant::now();
        while std::fs::read(at.join("out").join(JOURNAL))
            .map_or(0, |journal| journal.iter().filter(|b| **b == b'\n').count())
            < 20
        {
            assert!(begun.elapsed() < Duration::from_secs(60), "nothing is kept");
        }
        signal(&child, "INT");
        let ran = Ran { command: "an extraction and Ctrl-C".into(), output: end(child) };
        if ran.output.status.success() {
            continue;
        }
        interrupted += 1;
        ran.check(130, &["stopped: ", " of 672 pictures are kept in out", "go on with the same command"]);
        huemax(&["train", "out", "--device", "cpu"], at)
            .check(1, &["out: the features there are not finished"]);
        let ran = extract(at, "out", &["--json"]).check(0, &[" of 672 pictures from out"]);
        let result: Value = serde_json::from_str(&ran.stdout()).expect("JSON");
        assert!(result["kept"].as_u64() >= Some(19), "{result}");
        assert!(bytes(at, "out") == expected, "other bytes than of an undisturbed one");
        if interrupted == 2 {
            return;
        }
    }
    panic!("it was always done before it could be interrupted");
}
