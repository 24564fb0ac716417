//! Recording work and handing it to the queue: pipelines, configurations, folding of large dispatches, and how much
//! may be under way at a time.

use super::Gpu;
use super::clock::Clock;
use super::source::{has_constant, specialize};
use crate::backend::DeviceError;
use crate::sync::lock;

/// A stage's name and its WGSL.
pub(super) type Shader = (&'static str, &'static str);

/// A structure that host and shader share, with the names and offsets of its fields for the test that holds the two
/// together.
macro_rules! shared {
    ($(#[$about:meta])* struct $name:ident { $($field:ident: $type:ty,)* }) => {
        $(#[$about])*
        #[repr(C)]
        #[derive(Debug, Clone, Copy, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
        pub(super) struct $name {
            $($field: $type,)*
        }

        impl $name {
            pub(super) const FIELDS: &'static [(&'static str, usize)] =
                &[$((stringify!($field), std::mem::offset_of!($name, $field)),)*];
        }
    };
}
pub(super) use shared;

/// A pipeline is made once for each shader and set of constants.
pub(super) type PipelineKey = (&'static str, Vec<(&'static str, u32)>);

/// A compiled pipeline with its bind group layout.
#[derive(Debug, Clone)]
pub(super) struct Kernel {
    pipeline: wgpu::ComputePipeline,
    layout: wgpu::BindGroupLayout,
}

/// Dispatches of one submission: many, because a submission costs more than a dispatch.
const DISPATCHES: usize = 512;
/// Workgroups of one submission, about: a GPU that draws a desktop is reset when one submission takes it seconds.
const WORKGROUPS: u64 = 1 << 17;
/// Offset between configurations: the largest alignment that WebGPU lets an adapter ask for.
const CONFIG_BYTES: usize = 256;
/// Uploaded bytes that may wait for the device at a time, so that memory is bounded however fast pictures come.
const UPLOADS_IN_FLIGHT: u64 = 64 << 20;
/// Submissions that may wait for the device at a time.
const SUBMISSIONS_IN_FLIGHT: usize = 8;

/// Commands that are not submitted yet.
#[derive(Debug)]
pub(super) struct Recorder {
    encoder: Option<wgpu::CommandEncoder>,
    config_buffer: wgpu::Buffer,
    configs: Vec<u8>,
    uploaded: u64,
    workgroups: u64,
    pub(super) clock: Option<Clock>,
    /// Uploaded bytes that may wait for the device at a time.
    uploads: u64,
}

impl Recorder {
    pub(super) fn new(device: &wgpu::Device) -> Self {
        let config_buffer = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("configurations"),
            size: (DISPATCHES * CONFIG_BYTES) as u64,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let clock = Clock::new(device);
        Self {
            encoder: None,
            config_buffer,
            configs: Vec::new(),
            uploaded: 0,
            workgroups: 0,
            clock,
            uploads: UPLOADS_IN_FLIGHT,
        }
    }

    pub(super) fn encoder(&mut self, device: &wgpu::Device) -> &mut wgpu::CommandEncoder {
        self.encoder
            .get_or_insert_with(|| device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default()))
    }

    pub(super) fn bound_uploads(&mut self, bytes: u64) {
        self.uploads = bytes.min(UPLOADS_IN_FLIGHT);
    }

    fn is_full(&self) -> bool {
        self.configs.len() == DISPATCHES * CONFIG_BYTES || self.workgroups > WORKGROUPS
    }

    pub(super) fn uploaded(&mut self, bytes: u64) {
        self.uploaded += bytes;
    }
}

impl Gpu {
    /// Records one dispatch of `workgroups` workgroups. `config` is binding 0, `buffers` follow in order.
    pub(super) fn dispatch(
        &self,
        (name, source): Shader,
        constants: &[(&'static str, u32)],
        config: &impl bytemuck::Pod,
        buffers: &[&wgpu::Buffer],
        workgroups: u64,
    ) -> Result<(), DeviceError> {
        if workgroups == 0 {
            return Ok(());
        }
        let [x, y] = fold(workgroups, self.limits.max_compute_workgroups_per_dimension);
        let kernel = self.kernel((name, source), constants)?;
        let mut recorder = lock(&self.recorder);
        while recorder.is_full() {
            drop(recorder);
            self.flush()?;
            recorder = lock(&self.recorder);
        }
        recorder.workgroups += workgroups;
        let at = recorder.configs.len();
        let config = bytemuck::bytes_of(config);
        recorder.configs.extend_from_slice(config);
        recorder.configs.resize(at + CONFIG_BYTES, 0);
        let mut entries = vec![wgpu::BindGroupEntry {
            binding: 0,
            resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                buffer: &recorder.config_buffer,
                offset: at as u64,
                size: std::num::NonZeroU64::new(config.len() as u64),
            }),
        }];
        for (binding, buffer) in (1..).zip(buffers) {
            entries.push(wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() });
        }
        let group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(name),
            layout: &kernel.layout,
            entries: &entries,
        });
        let stamps = recorder.clock.as_mut().and_then(Clock::pass);
        let timestamp_writes = stamps.as_ref().map(|(query_set, at)| wgpu::ComputePassTimestampWrites {
            query_set,
            beginning_of_pass_write_index: Some(*at),
            end_of_pass_write_index: Some(at + 1),
        });
        let about = wgpu::ComputePassDescriptor { label: Some(name), timestamp_writes };
        let mut pass = recorder.encoder(&self.device).begin_compute_pass(&about);
        pass.set_pipeline(&kernel.pipeline);
        pass.set_bind_group(0, &group, &[]);
        pass.dispatch_workgroups(x, y, 1);
        Ok(())
    }

    /// Submits what is recorded, and waits where too much is under way.
    pub(super) fn flush(&self) -> Result<(), DeviceError> {
        self.submit().map(drop)
    }

    /// The same; what was submitted last.
    pub(super) fn submit(&self) -> Result<Option<wgpu::SubmissionIndex>, DeviceError> {
        let mut recorder = lock(&self.recorder);
        let mut submission = None;
        if let Some(encoder) = recorder.encoder.take() {
            if !recorder.configs.is_empty() {
                self.queue.write_buffer(&recorder.config_buffer, 0, &recorder.configs);
                recorder.configs.clear();
            }
            recorder.workgroups = 0;
            self.submits();
            let index = self.queue.submit([encoder.finish()]);
            lock(&self.in_flight).push_back((index.clone(), std::mem::take(&mut recorder.uploaded)));
            submission = Some(index);
        }
        // Who waits for the device holds no lock: other threads go on recording, and above all decoding.
        drop(recorder);
        while let Some(oldest) = self.too_much() {
            self.wait(Some(oldest))?;
        }
        self.sound()?;
        Ok(submission)
    }

    /// The oldest submission, where more is under way than should be.
    fn too_much(&self) -> Option<wgpu::SubmissionIndex> {
        let most = lock(&self.recorder).uploads;
        let mut in_flight = lock(&self.in_flight);
        let bytes: u64 = in_flight.iter().map(|(_, bytes)| bytes).sum();
        let too_much = in_flight.len() > SUBMISSIONS_IN_FLIGHT || (in_flight.len() > 1 && bytes > most);
        if too_much { in_flight.pop_front().map(|(oldest, _)| oldest) } else { None }
    }

    fn kernel(
        &self,
        (name, source): Shader,
        constants: &[(&'static str, u32)],
    ) -> Result<Kernel, DeviceError> {
        let mut pipelines = lock(&self.pipelines);
        let key = (name, constants.to_vec());
        if let Some(kernel) = pipelines.get(&key) {
            return Ok(kernel.clone());
        }
        let about = wgpu::ShaderModuleDescriptor {
            label: Some(name),
            source: wgpu::ShaderSource::Wgsl(specialize(source, constants).into()),
        };
        let module = if self.checked {
            self.device.create_shader_module(about)
        } else {
            // Only to measure what the checks cost: the same shaders run with them in every test.
            #[allow(unsafe_code)]
            unsafe {
                self.device.create_shader_module_trusted(about, wgpu::ShaderRuntimeChecks::unchecked())
            }
        };
        let overrides = constants.iter().filter(|(name, _)| !has_constant(source, name));
        let values: Vec<_> = overrides.map(|&(name, value)| (name, f64::from(value))).collect();
        let pipeline = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(name),
            layout: None,
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &values,
                // Every kernel writes its workgroup memory before it reads it.
                zero_initialize_workgroup_memory: false,
            },
            cache: None,
        });
        self.sound()?;
        let kernel = Kernel { layout: pipeline.get_bind_group_layout(0), pipeline };
        pipelines.insert(key, kernel.clone());
        Ok(kernel)
    }
}

/// Workgroups as x × y with neither above `most`, and as few beyond `workgroups` as possible. The kernels take
/// `y · x_size + x` as their number and leave those past the end idle.
fn fold(workgroups: u64, most: u32) -> [u32; 2] {
    let y = workgroups.div_ceil(u64::from(most)).max(1);
    let x = workgroups.div_ceil(y);
    [x as u32, y as u32]
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn folding_covers_all_and_wastes_less_than_a_line() {
        let most = 65_535;
        for workgroups in [1, 2, 65_534, 65_535, 65_536, 131_070, 131_071, 4_294_836_225] {
            let [x, y] = fold(workgroups, most).map(u64::from);
            assert!(x <= u64::from(most) && y <= u64::from(most), "{workgroups}: {x} × {y}");
            assert!(x * y >= workgroups && x * y - workgroups < y, "{workgroups}: {x} × {y}");
        }
    }
}
