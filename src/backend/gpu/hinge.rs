//! **hinge** and **squared-hinge** on the GPU: its shader; [`loss`](super::loss) dispatches it.

use super::dispatch::Shader;

pub(super) const SHADER: Shader = ("hinge", include_str!("../../../shaders/hinge.wgsl"));
