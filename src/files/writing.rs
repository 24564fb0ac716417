//! Who is writing files just now, so that a process that is told to leave does not do so between two files that belong
//! together, nor leave temporary ones behind.

use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The writers of a process.
#[derive(Debug)]
struct Writers {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    count: usize,
    leaving: bool,
}

static WRITERS: Writers = Writers::none();

thread_local! {
    /// Guards of this thread: whoever has one may have more, also when the process is about to leave.
    static HERE: Cell<usize> = const { Cell::new(0) };
}

/// While this lives, files are being written. Several files that belong together are written under one.
#[derive(Debug)]
pub(crate) struct Writing {
    writers: &'static Writers,
    /// Counted by thread, so it must stay in its own.
    _here: PhantomData<*const ()>,
}

impl Writing {
    /// Begins to write; never returns in a process that is about to leave.
    pub(crate) fn begin() -> Self {
        WRITERS.begin()
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.writers.lock().count -= 1;
        HERE.set(HERE.get() - 1);
        self.writers.changed.notify_all();
    }
}

/// Lets those who are writing finish, and nobody begin any more; waits for `most` at most. The process is to end after it.
pub(crate) fn settle(most: Duration) {
    WRITERS.settle(most);
}

impl Writers {
    const fn none() -> Self {
        Self { state: Mutex::new(State { count: 0, leaving: false }), changed: Condvar::new() }
    }

    fn begin(&'static self) -> Writing {
        let mut state = self.lock();
        while state.leaving && HERE.get() == 0 {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.count += 1;
        HERE.set(HERE.get() + 1);
        Writing { writers: self, _here: PhantomData }
    }

    fn settle(&self, most: Duration) {
        let mut state = self.lock();
        state.leaving = true;
        let outcome = self.changed.wait_timeout_while(state, most, |state| state.count > 0);
        drop(outcome.unwrap_or_else(PoisonError::into_inner));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn whoever_writes_may_finish_and_nobody_begins() {
        const SOON: Duration = Duration::from_millis(50);
        const LONG: Duration = Duration::from_secs(60);
        let writers: &'static Writers = Box::leak(Box::new(Writers::none()));
        let first = writers.begin();
        let (settled, hears) = channel();
        let leaver = {
            let settled = settled.clone();
            std::thread::spawn(move || {
                writers.settle(LONG);
                settled.send("settled").unwrap();
            })
        };
        while !writers.lock().leaving {
            std::thread::yield_now();
        }
        // The second file of a set, and after it the first.
        drop(writers.begin());
        assert!(hears.recv_timeout(SOON).is_err(), "left while a file was being written");
        std::thread::spawn(move || {
            let _writing = writers.begin();
            settled.send("began").unwrap();
        });
        assert!(hears.recv_timeout(SOON).is_err(), "another began");
        drop(first);
        assert_eq!(hears.recv_timeout(LONG), Ok("settled"));
        leaver.join().unwrap();
        assert!(hears.recv_timeout(SOON).is_err(), "another began after all had settled");
    }
}
