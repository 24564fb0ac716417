//! **softmax** and cross-entropy on the GPU: its shader; [`loss`](super::loss) dispatches it.

use super::dispatch::Shader;

pub(super) const SHADER: Shader = ("softmax", include_str!("../../../shaders/softmax.wgsl"));
