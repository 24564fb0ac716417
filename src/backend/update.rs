//! The sizes of one parameter update: of **step** and of **adam**.

/// The sizes of one **step**: momentum, Polyak's or Nesterov's, and a proximal step for an L1 penalty.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// Learning rate.
    pub learning_rate: f32,
    /// Share of the velocity that is kept, 0 ≤ momentum < 1.
    pub momentum: f32,
    /// Whether to look ahead along the velocity, as Nesterov does.
    pub nesterov: bool,
    /// Penalty on the weights (never on the bias): `1/(C·N)`.
    pub l2: f32,
    /// Weights (never a bias) come closer to zero by `learning_rate·l1`, and stop at it; 0 for none. A velocity adds up
    /// 1/(1 − momentum) gradients: for a penalty of λ·Σ|w| this is `λ/(1 − momentum)`, so that both pull equally hard.
    pub l1: f32,
    /// What turns the gradient sum into a mean: `1/n`.
    pub scale: f32,
}

/// The sizes of one **adam** step (Kingma and Ba 2015).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adam {
    /// Learning rate: about how far a parameter moves in a step.
    pub learning_rate: f32,
    /// Share of the first moment that is kept, 0 ≤ beta1 < 1.
    pub beta1: f32,
    /// Share of the second moment that is kept, 0 ≤ beta2 < 1.
    pub beta2: f32,
    /// Added to the root of the second moment; above 0.
    pub epsilon: f32,
    /// Penalty on the weights (never on the bias), as part of the gradient: `1/(C·N)`.
    pub l2: f32,
    /// Penalty λ·Σ|w| on the weights (never on the bias), by a proximal step; 0 for none.
    pub l1: f32,
    /// What turns the gradient sum into a mean: `1/n`.
    pub scale: f32,
    /// See [`correction`](Self::correction), of `beta1`.
    pub correction1: f32,
    /// See [`correction`](Self::correction), of `beta2`.
    pub correction2: f32,
}

impl Adam {
    /// `1/(1 − betaᵗ)` for step t, from 1: what a moment is divided by for having begun at zero. In f64, of the very f32 that
    /// the device decays by.
    #[must_use]
    pub fn correction(beta: f32, step: u64) -> f32 {
        let kept = (f64::from(beta).ln() * step as f64).exp_m1();
        (-1.0 / kept) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::Adam;

    #[test]
    fn corrections_undo_the_beginning_at_zero() {
        for beta in [0.0f32, 0.5, 0.9, 0.999] {
            let mut moment = 0.0;
            for step in 1..=3000 {
                moment = f64::from(beta) * moment + (1.0 - f64::from(beta)) * 7.0;
                let corrected = moment * f64::from(Adam::correction(beta, step));
                assert!((corrected - 7.0).abs() < 7.0 * 1e-7, "{beta}, step {step}: {corrected}");
            }
        }
    }
}
