//! How much of a device's memory this program has taken. No graphics interface says how much there is, or is left.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of a device that are taken, and at most may be.
#[derive(Debug)]
pub(super) struct Memory {
    most: u64,
    taken: AtomicU64,
}

/// Bytes that are given back when this is dropped.
#[derive(Debug)]
struct Taken {
    memory: Arc<Memory>,
    bytes: u64,
}

/// A buffer whose bytes are counted.
#[derive(Debug)]
pub(super) struct Buffer {
    buffer: wgpu::Buffer,
    _taken: Option<Taken>,
}

impl Memory {
    /// Of which at most so many bytes may be taken.
    pub(super) fn of(most: u64) -> Arc<Self> {
        Arc::new(Self { most, taken: AtomicU64::new(0) })
    }

    /// Bytes that are taken.
    pub(super) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// What `make` makes of `bytes`, which are counted for as long as it lives.
    ///
    /// # Errors
    /// So many more may not be taken, or `make` failed: why.
    pub(super) fn buffer(
        self: &Arc<Self>,
        bytes: u64,
        make: impl FnOnce() -> Result<wgpu::Buffer, String>,
    ) -> Result<Buffer, String> {
        let before = self.taken.fetch_add(bytes, Ordering::Relaxed);
        let taken = Taken { memory: Arc::clone(self), bytes };
        if before.saturating_add(bytes) > self.most {
            return Err(format!("it was opened to use {} bytes", self.most));
        }
        make().map(|buffer| Buffer { buffer, _taken: Some(taken) })
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.memory.taken.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl From<wgpu::Buffer> for Buffer {
    /// One that is not counted.
    fn from(buffer: wgpu::Buffer) -> Self {
        Self { buffer, _taken: None }
    }
}

impl Deref for Buffer {
    type Target = wgpu::Buffer;

    fn deref(&self) -> &wgpu::Buffer {
        &self.buffer
    }
}
