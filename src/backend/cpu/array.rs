//! Arrays of the CPU: numbers of their own, or those of an owner who lends them.

use std::collections::TryReserveError;
use std::ops::{Deref, DerefMut, Range};
use std::ptr::NonNull;
use std::sync::Arc;

use crate::backend::{Element, Lend};

/// Numbers in the memory of the host.
#[derive(Debug, Clone)]
pub struct CpuArray<T> {
    held: Held<T>,
}

#[derive(Debug, Clone)]
enum Held<T> {
    Own(Vec<T>),
    Lent {
        numbers: NonNull<[T]>,
        /// Keeps what `numbers` points to alive, and shared.
        _owner: Arc<dyn Lend>,
    },
}

// SAFETY: what is lent is only read, and its owner may be shared between threads and sent to others; elements may as well.
#[allow(unsafe_code)]
unsafe impl<T: Element> Send for CpuArray<T> {}
// SAFETY: as above.
#[allow(unsafe_code)]
unsafe impl<T: Element> Sync for CpuArray<T> {}

impl CpuArray<f32> {
    /// The numbers of `owner`, without a copy of them. They are not written to.
    pub(super) fn lent(owner: Arc<dyn Lend>) -> Self {
        let numbers = NonNull::from(owner.numbers());
        Self { held: Held::Lent { numbers, _owner: owner } }
    }
}

impl<T> From<Vec<T>> for CpuArray<T> {
    fn from(values: Vec<T>) -> Self {
        Self { held: Held::Own(values) }
    }
}

/// Bytes of a huge page.
#[cfg(target_os = "linux")]
const PAGE: usize = 2 << 20;

/// The addresses of the huge pages that lie wholly in `bytes` bytes from `address` on; at least two huge pages of bytes.
#[cfg(target_os = "linux")]
fn whole_pages(address: usize, bytes: usize) -> Range<usize> {
    address.next_multiple_of(PAGE)..(address + bytes) / PAGE * PAGE
}

/// Room for `len` numbers. Where Linux gives huge pages to those who ask (`madvise`), a large array asks for them before
/// it is written to: a pass over it needs fewer translations of addresses, and the first one fewer faults.
pub(super) fn room<T: Element>(len: usize) -> Result<Vec<T>, TryReserveError> {
    let mut values: Vec<T> = Vec::new();
    values.try_reserve_exact(len)?;
    #[cfg(target_os = "linux")]
    // From here on NumPy asks for them, too.
    if len * size_of::<T>() >= 2 * PAGE {
        let whole = whole_pages(values.as_ptr().addr(), len * size_of::<T>());
        let pages = values.as_mut_ptr().with_addr(whole.start).cast();
        // SAFETY: the pages lie in room that is `values`' own; advice about them changes nothing that can be read there.
        #[allow(unsafe_code)]
        let advised = unsafe { rustix::mm::madvise(pages, whole.len(), rustix::mm::Advice::LinuxHugepage) };
        // A kernel without huge pages gives small ones.
        let _ = advised;
    }
    Ok(values)
}

impl<T> Deref for CpuArray<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        match &self.held {
            Held::Own(values) => values,
            // SAFETY: the slice was borrowed from what the `Arc` beside it keeps alive. As long as that is there, nobody has its
            // content alone, so that a shared borrow of it may last as long.
            #[allow(unsafe_code)]
            Held::Lent { numbers, .. } => unsafe { numbers.as_ref() },
        }
    }
}

impl<T> DerefMut for CpuArray<T> {
    /// # Panics
    /// The numbers are lent: that is the caller's mistake.
    fn deref_mut(&mut self) -> &mut [T] {
        match &mut self.held {
            Held::Own(values) => values,
            Held::Lent { .. } => panic!("an array that is lent is not written to"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{Backend, Cpu};

    #[test]
    fn room_for_small_and_large_arrays_takes_their_numbers() {
        for len in [0, 1, 4 << 20, (4 << 20) + 1] {
            let mut values = room::<f32>(len).expect("16 MiB");
            values.resize(len, 1.5);
            assert_eq!(values.capacity(), len);
            assert!(values.iter().all(|&value| value == 1.5));
        }
        assert!(room::<f32>(usize::MAX / 8).is_err());
        assert!(Cpu::new().zeros::<f32>(usize::MAX).is_err(), "an error, and no overflow in its message");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn huge_pages_lie_wholly_in_their_array() {
        for address in [8 * PAGE, 8 * PAGE + 16, 9 * PAGE - 4] {
            for bytes in [2 * PAGE, 2 * PAGE + 4, 7 * PAGE - 4] {
                let whole = whole_pages(address, bytes);
                assert!(whole.start >= address && whole.end <= address + bytes, "{address} {bytes}");
                assert!(whole.start.is_multiple_of(PAGE) && whole.len().is_multiple_of(PAGE));
                assert!(!whole.is_empty() && whole.len() + 2 * PAGE > bytes);
            }
        }
    }

    #[derive(Debug)]
    struct Kept(Vec<f32>);

    impl Lend for Kept {
        fn numbers(&self) -> &[f32] {
            &self.0
        }
    }

    #[test]
    fn what_is_lent_lives_as_long_as_the_array() {
        let owner = Arc::new(Kept(vec![1.0, 2.0, 3.0]));
        let (at, weak) = (owner.0.as_ptr(), Arc::downgrade(&owner));
        let array = CpuArray::lent(owner);
        assert_eq!((&array[..], array.as_ptr()), (&[1.0, 2.0, 3.0][..], at));
        assert!(weak.upgrade().is_some());
        drop(array);
        assert!(weak.upgrade().is_none());
    }

    #[test]
    #[should_panic(expected = "not written to")]
    fn what_is_lent_is_not_written_to() {
        CpuArray::lent(Arc::new(Kept(vec![1.0])))[0] = 2.0;
    }
}
