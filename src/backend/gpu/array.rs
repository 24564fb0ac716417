//! Arrays in device memory: making, filling, copying, reading back.

use std::marker::PhantomData;
use std::sync::mpsc;
use std::time::Duration;

use super::Gpu;
use super::memory::Buffer;
use crate::backend::info::size;
use crate::backend::{DeviceError, Element};
use crate::guard::guarded;
use crate::sync::lock;

/// Numbers in the memory of a GPU.
#[derive(Debug)]
pub struct GpuArray<T> {
    buffer: Buffer,
    len: usize,
    element: PhantomData<T>,
}

impl<T> GpuArray<T> {
    /// An array in a buffer that has room for `len` elements.
    pub(super) fn wrap(buffer: impl Into<Buffer>, len: usize) -> Self {
        Self { buffer: buffer.into(), len, element: PhantomData }
    }

    /// The buffer, of at least `len` elements: shaders do not report what they would have read past the end.
    pub(super) fn of(&self, len: usize) -> &wgpu::Buffer {
        assert!(len <= self.len, "{len} elements of an array of {}", self.len);
        &self.buffer
    }
}

/// What is read back in one piece, so that a large array does not need its whole size again in host memory that is mapped.
const READ_BYTES: u64 = 64 << 20;
/// What helps where a GPU is full.
pub(super) const GPU_WAYS_OUT: &str = "let features pass through it piece by piece (--device-memory with less than it has), take \
     fewer --bins or, of a solver that has one, a smaller --batch-size, or use --device cpu";
/// How long a device may take for what it was given. Software drivers are slow; a hang is longer.
const PATIENCE: Duration = Duration::from_secs(600);
/// How long it may take to say why it refused something, or why a wait failed.
const AFTERMATH: Duration = Duration::from_secs(20);
/// How often, and how long apart, it is asked for that.
const MOMENTS: usize = 20;
const MOMENT: Duration = Duration::from_millis(10);

impl Gpu {
    /// A buffer of `bytes`, which the storage limit of the device allows.
    pub(super) fn buffer(&self, bytes: u64, what: &str) -> Result<Buffer, DeviceError> {
        let limit = self.info.max_array_bytes;
        if bytes > limit {
            return Err(DeviceError::ArrayTooLarge {
                device: self.info.name.clone(),
                what: what.into(),
                bytes,
                limit,
                way_out: "use fewer bins, classes or rows at a time, or --device cpu",
            });
        }
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
        // A binding must not be empty, and a shader reads in words of up to 16 bytes.
        self.make(bytes.next_multiple_of(16).max(16), what, usage)
    }

    /// Memory that is not there is no end of the device: the caller may do with less.
    fn make(&self, bytes: u64, what: &str, usage: wgpu::BufferUsages) -> Result<Buffer, DeviceError> {
        let about =
            wgpu::BufferDescriptor { label: Some(what), size: bytes, usage, mapped_at_creation: false };
        let held = self.memory.taken();
        let made = self.memory.buffer(bytes, || {
            let scope = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
            let buffer = self.device.create_buffer(&about);
            pollster::block_on(scope.pop()).map_or(Ok(buffer), |error| Err(error.to_string()))
        });
        self.sound()?;
        made.map_err(|reason| DeviceError::OutOfMemory {
            device: self.info.name.clone(),
            asked: format!(" for {} more ({what}), beside {} that are taken", size(bytes), size(held)),
            reason,
            way_out: GPU_WAYS_OUT,
        })
    }

    pub(super) fn allocate<T: Element>(&self, len: usize) -> Result<GpuArray<T>, DeviceError> {
        let buffer = self.buffer(bytes::<T>(len), &format!("{len} numbers"))?;
        Ok(GpuArray::wrap(buffer, len))
    }

    /// Writes without waiting for what is recorded: only for arrays that nothing recorded uses.
    pub(super) fn write_unordered<T: Element>(&self, array: &mut GpuArray<T>, at: usize, values: &[T]) {
        assert!(
            at + values.len() <= array.len,
            "{} values at {at} into an array of {}",
            values.len(),
            array.len
        );
        if !values.is_empty() {
            self.queue.write_buffer(&array.buffer, bytes::<T>(at), bytemuck::cast_slice(values));
            lock(&self.recorder).uploaded(bytes::<T>(values.len()));
        }
    }

    /// Writes to the beginning of `buffer` before the next submission: only for buffers that nothing recorded uses.
    pub(super) fn write_bytes(&self, buffer: &wgpu::Buffer, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.queue.write_buffer(buffer, 0, bytes);
            lock(&self.recorder).uploaded(bytes.len() as u64);
        }
    }

    pub(super) fn copy_array<T: Element>(
        &self,
        (from, from_at): (&GpuArray<T>, usize),
        (to, to_at): (&mut GpuArray<T>, usize),
        len: usize,
    ) -> Result<(), DeviceError> {
        assert!(
            from_at + len <= from.len && to_at + len <= to.len,
            "a copy of {len} past the end of an array"
        );
        if len > 0 {
            let mut recorder = lock(&self.recorder);
            recorder.encoder(&self.device).copy_buffer_to_buffer(
                &from.buffer,
                bytes::<T>(from_at),
                &to.buffer,
                bytes::<T>(to_at),
                bytes::<T>(len),
            );
        }
        Ok(())
    }

    /// Zeros into the first `len` elements, in the order of recording.
    pub(super) fn clear<T: Element>(&self, array: &mut GpuArray<T>, len: usize) {
        assert!(len <= array.len, "{len} zeros into an array of {}", array.len);
        lock(&self.recorder).encoder(&self.device).clear_buffer(&array.buffer, 0, Some(bytes::<T>(len)));
    }

    pub(super) fn read_back<T: Element>(
        &self,
        array: &GpuArray<T>,
        len: usize,
    ) -> Result<Vec<T>, DeviceError> {
        assert!(len <= array.len, "{len} values out of an array of {}", array.len);
        let mut values = vec![T::zeroed(); len];
        let piece = (READ_BYTES / bytes::<T>(1)) as usize;
        for (i, values) in values.chunks_mut(piece).enumerate() {
            self.read_piece(array, i * piece, values)?;
        }
        Ok(values)
    }

    fn read_piece<T: Element>(
        &self,
        array: &GpuArray<T>,
        at: usize,
        values: &mut [T],
    ) -> Result<(), DeviceError> {
        let size = bytes::<T>(values.len());
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        let staging = self.make(size, "what is read back", usage)?;
        let mut recorder = lock(&self.recorder);
        recorder.encoder(&self.device).copy_buffer_to_buffer(
            &array.buffer,
            bytes::<T>(at),
            &staging,
            0,
            size,
        );
        drop(recorder);
        // `None`: another thread has just submitted it, and everything is waited for.
        let submission = self.submit()?;
        let (send, mapped) = mpsc::channel();
        staging.map_async(wgpu::MapMode::Read, .., move |result| drop(send.send(result)));
        self.wait(submission)?;
        // Another thread's wait may be the one that delivers the answer, a moment after this one ends.
        match mapped.recv_timeout(PATIENCE) {
            Ok(Ok(())) => {}
            answer => {
                return Err(self.lost(&format!("its memory cannot be read back ({answer:?})")));
            }
        }
        let view = staging.get_mapped_range(..).map_err(|e| self.lost(&e.to_string()))?;
        bytemuck::cast_slice_mut(values).copy_from_slice(&view);
        drop(view);
        staging.unmap();
        Ok(())
    }

    /// Fails where anything has gone wrong on the device.
    pub(super) fn sound(&self) -> Result<(), DeviceError> {
        match self.failure.check(&self.info.name) {
            Err(DeviceError::Refused { .. }) => self.explained(),
            found => found,
        }
    }

    /// What is wrong with a device that refuses something, or fails a wait. That it is lost, which would explain it, is told when
    /// all that it was given before has ended, and perhaps by another thread's wait, a moment after this one's.
    fn explained(&self) -> Result<(), DeviceError> {
        let wait = || wgpu::PollType::Wait { submission_index: None, timeout: Some(AFTERMATH) };
        for _ in 0..MOMENTS {
            let answer = guarded(|| self.device.poll(wait()));
            let found = self.failure.check(&self.info.name);
            let hangs = matches!(answer, Ok(Err(wgpu::PollError::Timeout)));
            if hangs || !matches!(found, Ok(()) | Err(DeviceError::Refused { .. })) {
                return found;
            }
            std::thread::sleep(MOMENT);
        }
        self.failure.check(&self.info.name)
    }

    /// Waits for a submission, or for all.
    pub(super) fn wait(&self, submission_index: Option<wgpu::SubmissionIndex>) -> Result<(), DeviceError> {
        let wait = wgpu::PollType::Wait { submission_index, timeout: Some(PATIENCE) };
        // wgpu panics where the driver reports a lost device to a wait.
        let answer = guarded(|| self.device.poll(wait));
        self.sound()?;
        match answer {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(wgpu::PollError::Timeout)) => {
                // It was asked for so long that there is nothing more to ask, and others should not ask as long.
                self.failure.gave_up(&format!("no answer in {} s", PATIENCE.as_secs()));
                self.failure.check(&self.info.name)
            }
            // A device that was given up meanwhile does not know its work any more.
            Ok(Err(error)) => Err(self.lost(&error.to_string())),
            Err(_) => Err(self.lost("the driver gave up on it")),
        }
    }

    /// The device is of no more use, for what it says itself or, where it says nothing, for `reason`. Whoever asks next is told at
    /// once, and does not wait as long again.
    fn lost(&self, reason: &str) -> DeviceError {
        if let Err(why) = self.explained() {
            return why;
        }
        self.failure.gave_up(reason);
        DeviceError::Lost { device: self.info.name.clone(), reason: reason.into() }
    }
}

fn bytes<T>(len: usize) -> u64 {
    len as u64 * size_of::<T>() as u64
}
