//! Arrays of the CPU: numbers of their own, or those of an owner who lends them.

use std::ops::{Deref, DerefMut};
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
