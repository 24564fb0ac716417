//! Memory that pictures take on their way, shared by all cores.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::{Budget, Bytes};

/// A number of bytes, of which many take some and give them back. Whoever asks first is served first, so that a large picture is not
/// kept waiting by small ones for good.
#[derive(Debug)]
pub struct Room {
    all: u64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    free: u64,
    /// The number of who comes next, and of whose turn it is.
    next: u64,
    turn: u64,
}

/// Bytes of a [`Room`] that are taken, and given back when this is dropped.
#[derive(Debug)]
pub struct Held<'a> {
    room: &'a Room,
    bytes: u64,
}

impl Room {
    /// Room for `all` bytes.
    #[must_use]
    pub fn new(all: u64) -> Self {
        Self { all, state: Mutex::new(State { free: all, next: 0, turn: 0 }), changed: Condvar::new() }
    }

    /// How much there is, taken or not.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.all
    }

    /// Takes `bytes`, once there is so much; `None` where there never is. Whoever holds some must not ask for more, lest two wait for
    /// each other.
    #[must_use]
    pub fn take(&self, bytes: u64) -> Option<Held<'_>> {
        if bytes > self.all {
            return None;
        }
        let mut state = self.lock();
        let mine = state.next;
        state.next += 1;
        while state.turn != mine || state.free < bytes {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.turn += 1;
        state.free -= bytes;
        drop(state);
        self.changed.notify_all();
        Some(Held { room: self, bytes })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held<'_> {
    /// Gives back all but `bytes`.
    pub fn shrink(&mut self, bytes: u64) {
        let less = self.bytes.saturating_sub(bytes);
        self.bytes -= less;
        self.room.lock().free += less;
        self.room.changed.notify_all();
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.shrink(0);
    }
}

/// How the memory for pictures is divided: a quarter for the buffers that each core keeps, a quarter for large files, and a half for
/// the pixels of large pictures and what decoding them takes. A core takes from the first room before the second and holds
/// neither when it asks for the first, so none waits for ever.
#[derive(Debug)]
pub struct PictureMemory {
    kept: u64,
    files: Room,
    pixels: Room,
}

/// Buffers that a core keeps are no larger than this.
const MOST_KEPT: u64 = 64 << 20;

impl PictureMemory {
    /// The memory of `budget` for so many cores.
    #[must_use]
    pub fn new(budget: &Budget, cores: usize) -> Self {
        let Bytes(all) = budget.for_pictures();
        // A core keeps a batch of `kept`, three buffers of a quarter of that (see `kept_to_read`), and what a decoder allocates for a
        // picture that takes no room here is up to a half: 2.25 times `kept`, and together less than a quarter of all.
        let kept = (all / 10 / cores.max(1) as u64).min(MOST_KEPT);
        Self { kept, files: Room::new(all / 4), pixels: Room::new(all / 2) }
    }

    /// Bytes that each buffer of a core keeps for the next picture, besides the batch.
    #[must_use]
    pub fn kept_to_read(&self) -> usize {
        self.kept() / 4
    }

    /// Bytes that the batch of a core keeps for the next one.
    #[must_use]
    pub fn kept(&self) -> usize {
        usize::try_from(self.kept).unwrap_or(usize::MAX)
    }

    /// Room for a file; nothing is taken for one that fits what a core keeps anyway.
    ///
    /// # Errors
    /// There never is so much: how much there is.
    pub fn file(&self, bytes: u64) -> Result<Option<Held<'_>>, Bytes> {
        if bytes <= self.kept / 4 {
            return Ok(None);
        }
        self.files.take(bytes).map(Some).ok_or(Bytes(self.files.all()))
    }

    /// Room for `pixels` bytes that stay until the picture is described, and for `scratch` bytes while it is decoded.
    ///
    /// # Errors
    /// There never is so much: how much there is.
    pub fn pixels(&self, pixels: u64, scratch: u64) -> Result<Option<Held<'_>>, Bytes> {
        if pixels <= self.kept / 2 && scratch <= self.kept / 2 {
            return Ok(None);
        }
        self.pixels.take(pixels.saturating_add(scratch)).map(Some).ok_or(Bytes(self.pixels.all()))
    }

    /// Whether a batch with so many bytes more is handed on at once, so that what is held for them is given back before anything
    /// else is asked for.
    #[must_use]
    pub fn fills_a_batch(&self, pixels: u64) -> bool {
        pixels > self.kept / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;
    use std::time::Duration;

    #[test]
    fn no_more_is_held_than_there_is() {
        let room = Room::new(100);
        let (held, most) = (AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|scope| {
            for i in 0..8u64 {
                let (room, held, most) = (&room, &held, &most);
                scope.spawn(move || {
                    for round in 0..200 {
                        let bytes = 1 + (i * 37 + round * 11) % 100;
                        let mut mine = room.take(bytes).unwrap();
                        most.fetch_max(held.fetch_add(bytes, Ordering::SeqCst) + bytes, Ordering::SeqCst);
                        held.fetch_sub(bytes / 2, Ordering::SeqCst);
                        mine.shrink(bytes - bytes / 2);
                        thread::yield_now();
                        held.fetch_sub(bytes - bytes / 2, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!((51..=100).contains(&most.into_inner()));
        assert_eq!(room.lock().free, 100);
        assert!(room.take(101).is_none());
    }

    #[test]
    fn who_asks_first_is_served_first() {
        let room = Room::new(10);
        let first = room.take(6).unwrap();
        thread::scope(|scope| {
            let large = scope.spawn(|| room.take(10).map(drop));
            while room.lock().next < 2 {
                thread::sleep(Duration::from_millis(1));
            }
            let small = scope.spawn(|| room.take(1).map(drop));
            thread::sleep(Duration::from_millis(20));
            assert!(!large.is_finished() && !small.is_finished());
            drop(first);
            assert!(large.join().unwrap().is_some() && small.join().unwrap().is_some());
        });
    }

    #[test]
    fn small_pictures_take_nothing_and_too_large_ones_are_told() {
        let budget = Budget { host: Some(Bytes(64 << 20)), ..Budget::default() };
        let memory = PictureMemory::new(&budget, 2);
        let kept = memory.kept() as u64;
        assert_eq!(kept, (64 << 20) / 20);
        assert!(memory.file(kept / 4).unwrap().is_none() && memory.file(kept / 4 + 1).unwrap().is_some());
        assert!(memory.pixels(kept / 2, kept / 2).unwrap().is_none());
        assert!(memory.pixels(kept / 2 + 1, 0).unwrap().is_some());
        assert!(memory.pixels(0, kept / 2 + 1).unwrap().is_some());
        assert_eq!(memory.file(17 << 20).unwrap_err(), Bytes(16 << 20));
        assert_eq!(memory.pixels(30 << 20, 3 << 20).unwrap_err(), Bytes(32 << 20));
        assert!(memory.pixels(u64::MAX, u64::MAX).is_err());
    }
}
