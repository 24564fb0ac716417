//! Finding adapters and opening one.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use super::Gpu;
use super::dispatch::Recorder;
use super::failure::Failure;
use super::memory::Memory;
use crate::backend::{DeviceError, DeviceInfo, DeviceKind, Lack};

/// An adapter that wgpu found, not yet opened.
#[derive(Debug, Clone)]
pub struct Adapter {
    adapter: wgpu::Adapter,
    info: DeviceInfo,
    limits: wgpu::Limits,
}

/// How an adapter is opened.
#[derive(Debug, Clone, Copy)]
struct Opening {
    /// With no more than WebGPU guarantees.
    guaranteed: bool,
    /// The most bytes of an array, and of all arrays.
    array: u64,
    memory: u64,
    /// With bounds checks.
    checked: bool,
    /// With 64-bit loads, where they are faster.
    pairs: bool,
}

impl Opening {
    /// With all there is.
    const WHOLE: Self =
        Self { guaranteed: false, array: u64::MAX, memory: u64::MAX, checked: true, pairs: true };
}

/// Storage buffers that a kernel binds at most.
pub const STORAGE_BUFFERS: u64 = 7;

/// What the kernels need: the WebGPU name of each limit, the least value, and how to read it.
type Need = (&'static str, u64, fn(&wgpu::Limits) -> u64);
const NEEDS: [Need; 6] = [
    ("maxComputeInvocationsPerWorkgroup", 256, |l| l.max_compute_invocations_per_workgroup.into()),
    ("maxComputeWorkgroupSizeX", 256, |l| l.max_compute_workgroup_size_x.into()),
    ("maxComputeWorkgroupStorageSize", 16_384, |l| l.max_compute_workgroup_storage_size.into()),
    ("maxStorageBuffersPerShaderStage", STORAGE_BUFFERS, |l| l.max_storage_buffers_per_shader_stage.into()),
    ("maxComputeWorkgroupsPerDimension", 65_535, |l| l.max_compute_workgroups_per_dimension.into()),
    ("maxStorageBufferBindingSize", 1 << 24, |l| l.max_storage_buffer_binding_size),
];

/// No array is larger, whatever an adapter offers: shaders count elements, and on Metal bytes too, in 32 bits.
const MOST: u64 = i32::MAX as u64 & !15;

/// All adapters of this machine: hardware before software, otherwise in the order the drivers give.
#[must_use]
pub fn adapters() -> Vec<Adapter> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let found = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::PRIMARY));
    let mut adapters: Vec<_> = found.into_iter().map(Adapter::new).collect();
    adapters.sort_by_key(|a| a.info.kind == DeviceKind::Software);
    adapters
}

impl Adapter {
    fn new(adapter: wgpu::Adapter) -> Self {
        let (about, limits) = (adapter.get_info(), adapter.limits());
        let kind = match about.device_type {
            wgpu::DeviceType::Cpu => DeviceKind::Software,
            _ => DeviceKind::Hardware,
        };
        let info = DeviceInfo {
            name: about.name.clone(),
            backend: about.backend.to_str().into(),
            driver: format!("{} {}", about.driver, about.driver_info).trim().into(),
            kind,
            max_array_bytes: limits.max_storage_buffer_binding_size.min(limits.max_buffer_size).min(MOST),
            threads: 0,
        };
        Self { adapter, info, limits }
    }

    /// What it is and what it can hold.
    #[must_use]
    pub fn info(&self) -> &DeviceInfo {
        &self.info
    }

    /// Integrated, discrete, virtual or CPU, in wgpu's words.
    #[must_use]
    pub fn device_type(&self) -> String {
        format!("{:?}", self.adapter.get_info().device_type)
    }

    /// Whether the kernels can run on it.
    #[must_use]
    pub fn is_enough(&self) -> bool {
        self.lacks().is_empty()
    }

    /// Each limit that is below what the kernels need.
    #[must_use]
    pub fn lacks(&self) -> Vec<Lack> {
        let all = self.limits().into_iter().map(|(limit, has, needs)| Lack { limit, has, needs });
        all.filter(|lack| lack.has < lack.needs).collect()
    }

    /// The same adapter as if it had other limits: to test what becomes of those that have too little.
    #[doc(hidden)]
    #[must_use]
    pub fn pretending(mut self, change: impl FnOnce(&mut wgpu::Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    /// The limits that matter to the kernels: WebGPU name, what the adapter has, what is needed.
    #[must_use]
    pub fn limits(&self) -> Vec<(&'static str, u64, u64)> {
        NEEDS.iter().map(|&(name, needs, read)| (name, read(&self.limits), needs)).collect()
    }

    /// Opens the adapter with all it offers.
    ///
    /// # Errors
    /// [`DeviceError::TooSmall`] when a limit is below what the kernels need, [`DeviceError::Open`] when the driver refuses.
    pub fn open(&self) -> Result<Gpu, DeviceError> {
        self.open_with(Opening::WHOLE)
    }

    /// Opens the adapter as [`open`](Self::open) does, with shaders compiled without the checks that wgpu adds to array
    /// accesses and loops: to measure what these cost. Results are the same; a kernel with a fault could do anything.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn open_unchecked(&self) -> Result<Gpu, DeviceError> {
        self.open_with(Opening { checked: false, ..Opening::WHOLE })
    }

    /// Opens the adapter as if it had no more than WebGPU guarantees (and so no subgroups), and no array more than `bytes`: to test that kernels
    /// keep to those limits, and chunking without filling a GPU.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn open_within(&self, bytes: u64) -> Result<Gpu, DeviceError> {
        self.open_with(Opening { guaranteed: true, array: bytes, ..Opening::WHOLE })
    }

    /// Opens the adapter as if it had memory for arrays of `bytes` together: to test what happens when it is full, without filling it.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    #[doc(hidden)]
    pub fn open_with_memory(&self, bytes: u64) -> Result<Gpu, DeviceError> {
        self.open_with(Opening { memory: bytes, ..Opening::WHOLE })
    }

    /// Opens the adapter as [`open`](Self::open) does, with no loads of 64 bits, as hardware is opened: to test on a software driver what
    /// hardware runs.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    #[doc(hidden)]
    pub fn open_without_pairs(&self) -> Result<Gpu, DeviceError> {
        self.open_with(Opening { pairs: false, ..Opening::WHOLE })
    }

    fn open_with(&self, opening: Opening) -> Result<Gpu, DeviceError> {
        let Opening { guaranteed, array, memory, checked, pairs } = opening;
        let limits = if guaranteed { wgpu::Limits::default() } else { self.adapter.limits() };
        let name = self.info.name.clone();
        let lacks = self.lacks();
        if !lacks.is_empty() {
            return Err(DeviceError::TooSmall { device: name, lacks });
        }
        let mut wanted = if guaranteed { wgpu::Features::empty() } else { wgpu::Features::SUBGROUP };
        // A load costs lavapipe the same for 64 bits as for 32. Hardware loads a vector of 128 at once and is asked for nothing it may lack.
        if pairs && !guaranteed && self.info.kind == DeviceKind::Software {
            wanted |= wgpu::Features::SHADER_INT64;
        }
        // Timestamps are for measuring; without them the wall clock has to do.
        let features = self.adapter.features() & (wanted | wgpu::Features::TIMESTAMP_QUERY);
        let about = self.adapter.get_info();
        let subgroup = (features.contains(wgpu::Features::SUBGROUP)
            && about.subgroup_min_size == about.subgroup_max_size)
            .then_some(about.subgroup_min_size as usize);
        let request = self.adapter.request_device(&wgpu::DeviceDescriptor {
            label: Some("huemax"),
            required_features: features,
            required_limits: limits.clone(),
            memory_hints: wgpu::MemoryHints::Performance,
            ..Default::default()
        });
        let (device, queue) = pollster::block_on(request)
            .map_err(|e| DeviceError::Open { device: name, reason: e.to_string() })?;
        let failure = Arc::new(Failure::default());
        let (on_error, on_lost) = (Arc::clone(&failure), Arc::clone(&failure));
        device.on_uncaptured_error(Arc::new(move |error| on_error.error(&error)));
        device.set_device_lost_callback(move |reason, message| on_lost.lost(reason, &message));
        let mut info = self.info.clone();
        info.max_array_bytes = info.max_array_bytes.min(array);
        Ok(Gpu {
            recorder: Mutex::new(Recorder::new(&device)),
            in_flight: Mutex::new(VecDeque::new()),
            uploads: Mutex::new(Vec::new()),
            pipelines: Mutex::new(HashMap::new()),
            info,
            device,
            queue,
            limits,
            subgroup,
            pairs: features.contains(wgpu::Features::SHADER_INT64),
            checked,
            failure,
            memory: Memory::of(memory),
            lose_in: AtomicU64::new(lose_after()),
        })
    }
}

/// Of a build for development, after how many submissions a device is to be given up, so that a test can see what the program does
/// then; a release does not look.
fn lose_after() -> u64 {
    let asked = || std::env::var("HUEMAX_TEST_LOSE_AFTER").ok()?.parse().ok();
    if cfg!(debug_assertions) { asked().unwrap_or(u64::MAX) } else { u64::MAX }
}
