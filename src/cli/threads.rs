//! The threads that pictures are read and numbers computed on.

use std::env;
use std::io;
use std::num::IntErrorKind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;

use rayon::{ThreadBuilder, ThreadPoolBuilder};

use super::output;
use crate::error::{Error, Result};

/// More than any machine has use for, and few enough to start in a moment.
const MOST: usize = 1024;
/// Threads that are wanted beside these now and then: those that read features, the bar's own, and one to say that Ctrl-C was heard.
const SPARE: usize = 4;
/// Says how many there are to be, as rayon has it: the first counts.
const VARIABLES: [&str; 2] = ["RAYON_NUM_THREADS", "RAYON_RS_NUM_CPUS"];

/// Whether the system let this process start fewer threads than it wanted.
static SHORT: AtomicBool = AtomicBool::new(false);

/// Starts the threads of this process: a limit on processes, or a lack of memory, makes them fewer, down to the one that there is.
///
/// # Errors
/// More are asked for than make sense.
pub(super) fn start() -> Result<()> {
    let wanted = wanted()?;
    // rayon starts its threads once and for all, and fails where one of them is refused. So they are there before it asks.
    let mut waiting: Vec<Sender<ThreadBuilder>> = Vec::new();
    let mut refused = None;
    while waiting.len() < wanted + SPARE {
        let (give, work) = channel::<ThreadBuilder>();
        let wait = move || {
            if let Ok(work) = work.recv() {
                work.run();
            }
        };
        match thread::Builder::new().spawn(wait) {
            Ok(_) => waiting.push(give),
            Err(error) => {
                refused = Some(error);
                break;
            }
        }
    }
    let count = waiting.len().saturating_sub(SPARE);
    let builder = ThreadPoolBuilder::new();
    let built = if count == 0 {
        builder.num_threads(1).use_current_thread().build_global()
    } else {
        let give = |work| {
            let to = waiting.pop().ok_or(io::ErrorKind::NotFound)?;
            to.send(work).map_err(|_| io::ErrorKind::BrokenPipe.into())
        };
        builder.num_threads(count).spawn_handler(give).build_global()
    };
    if let Err(error) = built {
        refused.get_or_insert(io::Error::other(error));
    }
    if let Some(error) = refused {
        SHORT.store(true, Ordering::Relaxed);
        output::tell(&format!(
            "note: the system refuses threads ({error}): work is done on {} in place of {wanted}; a higher `ulimit -u`, or fewer other programs, \
             allow more",
            count.max(1)
        ));
    }
    Ok(())
}

/// Whether there is a thread to spare for what is only nice to have.
pub(super) fn to_spare() -> bool {
    !SHORT.load(Ordering::Relaxed)
}

/// How many there are to be.
fn wanted() -> Result<usize> {
    for variable in VARIABLES {
        let typed = env::var(variable).unwrap_or_default();
        match typed.parse::<usize>() {
            Ok(0) => break,
            Ok(count) if count <= MOST => return Ok(count),
            Err(error) if *error.kind() != IntErrorKind::PosOverflow => {}
            _ => {
                let problem = format!(
                    "{typed} threads are too many; at most 1,024 are allowed, and one a core, as without it, is best"
                );
                return Err(Error::option(variable, problem));
            }
        }
    }
    Ok(thread::available_parallelism().map_or(1, Into::into))
}
