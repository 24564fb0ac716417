//! Ctrl-C, and being asked to end in other ways (SIGTERM, SIGHUP): leave at once, or save first where that is worth it.
//!
//! While [`Savable`] lives, the first signal only asks ([`asked`]), and the second leaves. At all other times the first one
//! leaves. Leaving is exit code 130 with the bar off the terminal; files that are being written are finished.

use std::sync::mpsc::channel;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::{output, progress};
use crate::files::settle;

/// What a signal means just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Leave: there is nothing to save.
    Leave,
    /// Ask whoever works to stop and save.
    Savable,
    /// That was asked; the next one leaves.
    Asked,
}

static PHASE: Mutex<Phase> = Mutex::new(Phase::Leave);

/// Exit code of a process that was interrupted, as shells have it: 128 + SIGINT.
pub(super) const EXIT: u8 = 130;
/// How long files that are being written are waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// The same for somebody who has asked twice: what is left of a file then goes with the next `--resume`.
const IMPATIENCE: Duration = Duration::from_millis(300);

/// Takes signals from now on.
pub(super) fn install() {
    let ignored = ignored_signals();
    // Where there are no signals to be had, or no thread to take them, the system's own way of ending a process is as good.
    if ctrlc::set_handler(handle).is_err() {
        give_back();
    }
    ignore(&ignored);
    say_what_cannot_be_written();
}

fn handle() {
    let before = {
        let mut phase = lock();
        let before = *phase;
        if before == Phase::Savable {
            *phase = Phase::Asked;
        }
        before
    };
    if before == Phase::Savable {
        let say = || progress::say_aside("stopping to save after this step; once more: stop now");
        // Whoever reads the terminal may have stopped reading; the next signal must be heard all the same.
        if thread::Builder::new().spawn(say).is_err() {
            say();
        }
    } else {
        leave(if before == Phase::Asked { IMPATIENCE } else { PATIENCE });
    }
}

/// Ends the process, after `patience` at the latest and a moment.
fn leave(patience: Duration) -> ! {
    let (done, wait) = channel();
    let end = move || {
        settle(patience);
        progress::clear();
        output::tell("interrupted");
    };
    let apart = move || {
        end();
        // Nobody waits any more if this took too long.
        let _ = done.send(());
    };
    match thread::Builder::new().spawn(apart) {
        Ok(_) => drop(wait.recv_timeout(patience + IMPATIENCE)),
        Err(_) => end(),
    }
    exit()
}

/// Ends the process without what the C library does at exit: threads are at work, some of them inside graphics drivers whose
/// data would be torn down under them.
#[cfg(unix)]
fn exit() -> ! {
    // SAFETY: `_exit` takes any number and has no other condition.
    #[allow(unsafe_code)]
    unsafe {
        libc::_exit(EXIT.into())
    }
}

#[cfg(not(unix))]
fn exit() -> ! {
    std::process::exit(EXIT.into())
}

/// While this lives, the first signal asks instead of ending the process.
#[derive(Debug)]
pub(super) struct Savable(());

impl Savable {
    pub(super) fn begin() -> Self {
        let mut phase = lock();
        if *phase == Phase::Leave {
            *phase = Phase::Savable;
        }
        Self(())
    }
}

impl Drop for Savable {
    fn drop(&mut self) {
        // Asked stays asked: whatever ends the work now, the next signal leaves.
        let mut phase = lock();
        if *phase == Phase::Savable {
            *phase = Phase::Leave;
        }
    }
}

/// Whether a signal asked to stop.
pub(super) fn asked() -> bool {
    *lock() == Phase::Asked
}

fn lock() -> std::sync::MutexGuard<'static, Phase> {
    PHASE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Signals that this process was started to ignore, as `nohup` has it with SIGHUP and shells with SIGINT in scripts' background.
#[cfg(unix)]
fn ignored_signals() -> Vec<libc::c_int> {
    let ignored = |&signal: &libc::c_int| {
        // SAFETY: an all-zero `sigaction` is a valid one to be written to, and a null pointer as the new action changes
        // nothing.
        #[allow(unsafe_code)]
        unsafe {
            let mut found: libc::sigaction = std::mem::zeroed();
            libc::sigaction(signal, std::ptr::null(), &raw mut found) == 0
                && found.sa_sigaction == libc::SIG_IGN
        }
    };
    SIGNALS.into_iter().filter(ignored).collect()
}

/// Those that are taken.
#[cfg(unix)]
const SIGNALS: [libc::c_int; 3] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP];

/// Goes on ignoring them.
#[cfg(unix)]
fn ignore(signals: &[libc::c_int]) {
    dispose(signals, libc::SIG_IGN);
}

/// Leaves to the system what [`SIGNALS`] do.
#[cfg(unix)]
fn give_back() {
    dispose(&SIGNALS, libc::SIG_DFL);
}

/// A file that grows beyond what the system allows (`ulimit -f`) is an error of writing it, and not the end of the process without a word.
#[cfg(unix)]
fn say_what_cannot_be_written() {
    ignore(&[libc::SIGXFSZ]);
}

/// Makes `disposition`, which is SIG_IGN or SIG_DFL, what `signals` do.
#[cfg(unix)]
fn dispose(signals: &[libc::c_int], disposition: libc::sighandler_t) {
    for &signal in signals {
        // SAFETY: SIG_IGN and SIG_DFL are valid dispositions of these signals.
        #[allow(unsafe_code)]
        unsafe {
            libc::signal(signal, disposition);
        }
    }
}

#[cfg(not(unix))]
fn ignored_signals() -> Vec<i32> {
    Vec::new()
}

#[cfg(not(unix))]
fn ignore(_signals: &[i32]) {}

#[cfg(not(unix))]
fn give_back() {}

#[cfg(not(unix))]
fn say_what_cannot_be_written() {}
