//! **sigmoid** and binary cross-entropy on the GPU: its shader; [`loss`](super::loss) dispatches it.

use super::dispatch::Shader;

pub(super) const SHADER: Shader = ("sigmoid", include_str!("../../../shaders/sigmoid.wgsl"));
