//! Panics in code of others (decoders, readers of foreign formats, drivers) made errors.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local!(static GUARDED: Cell<u32> = const { Cell::new(0) });

/// Does `work`; where it panics, what it said. Whatever it was about to change is to be thrown away or written anew by the caller.
///
/// What `work` gives to other threads is not guarded.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    /// Counts back in every case.
    struct Inside;
    impl Drop for Inside {
        fn drop(&mut self) {
            GUARDED.set(GUARDED.get() - 1);
        }
    }
    GUARDED.set(GUARDED.get() + 1);
    let inside = Inside;
    let outcome = catch_unwind(AssertUnwindSafe(work));
    drop(inside);
    outcome.map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message").to_owned()
    })
}

/// From now on, panics that are caught and become errors are not told as panics as well. All others are told as before.
///
/// For programs: the hook of panics is the process's own, and no library's to change.
pub fn quiet_guarded_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let told = take_hook();
        set_hook(Box::new(move |panic| {
            if GUARDED.get() == 0 {
                told(panic);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_its_message_and_the_guard_ends_with_it() {
        assert_eq!(guarded(|| 7), Ok(7));
        assert_eq!(guarded(|| -> u8 { panic!("row {}", 3) }), Err("row 3".into()));
        assert_eq!(guarded(|| -> u8 { panic!("plain") }), Err("plain".into()));
        assert_eq!(guarded(|| guarded(|| -> u8 { panic!("inner") })), Ok(Err("inner".into())));
        assert_eq!(guarded(|| -> u8 { std::panic::panic_any(5) }), Err("no message".into()));
        assert_eq!(GUARDED.get(), 0);
    }
}
