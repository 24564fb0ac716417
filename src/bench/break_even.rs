//! From how many pictures or rows on the GPU wins: both costs as a straight line, and where the lines cross.

/// A cost that grows with how much there is: `fixed + each·n` seconds.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Cost {
    /// Seconds before the first.
    pub fixed: f64,
    /// Seconds for each.
    pub each: f64,
}

impl Cost {
    /// The line through two measurements `(n, seconds)`. Noise can make either number negative, which no cost is.
    #[must_use]
    pub fn through((few, fast): (usize, f64), (many, slow): (usize, f64)) -> Self {
        let each = ((slow - fast) / (many - few).max(1) as f64).max(0.0);
        Self { fixed: (fast - each * few as f64).max(0.0), each }
    }
}

/// Where one device begins to win over another.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wins {
    /// From this many on.
    From(u64),
    /// Up to this many.
    UpTo(u64),
    /// With any number.
    Always,
    /// With no number.
    Never,
}

/// For how many `gpu` costs less than `cpu`.
#[must_use]
pub fn wins(gpu: Cost, cpu: Cost) -> Wins {
    // fixed + each·n is less on the GPU where n·(cpu.each − gpu.each) > gpu.fixed − cpu.fixed.
    let (gain, start) = (cpu.each - gpu.each, gpu.fixed - cpu.fixed);
    let cross = start / gain;
    match (gain > 0.0, start > 0.0) {
        (true, true) => Wins::From(cross.floor() as u64 + 1),
        (true, false) => Wins::Always,
        (false, false) if gain < 0.0 && start < 0.0 => match cross.floor() as u64 {
            0 => Wins::Never,
            n => Wins::UpTo(n),
        },
        (false, _) => Wins::Never,
    }
}

/// One break-even with what it was computed from.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Line {
    /// What is done to how much.
    pub what: String,
    /// Whether it is done to pictures; if not, to rows of numbers.
    pub of_pictures: bool,
    /// On the GPU.
    pub gpu: Cost,
    /// On the CPU, all threads.
    pub cpu: Cost,
    /// For how many the GPU wins.
    pub wins: Wins,
    /// What the line of the GPU goes through; none where it was made of another.
    pub gpu_samples: Vec<Measured>,
    /// The same of the CPU.
    pub cpu_samples: Vec<Measured>,
}

/// What one number of things cost.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Measured {
    /// How many things.
    pub n: usize,
    /// Seconds, every sample.
    pub seconds: Vec<f64>,
}

/// From how many pictures or rows on the GPU wins here.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct BreakEven {
    /// Describing decoded pictures, with everything running.
    pub pictures: Line,
    /// The same from a cold start: with opening the device and compiling its shaders.
    pub cold: Line,
    /// One evaluation of the objective, handed over and waited for alone; `None` where it was not measured.
    pub rows: Option<Line>,
}

impl BreakEven {
    /// Each line there is.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        [&self.pictures, &self.cold].into_iter().chain(&self.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(fixed: f64, each: f64) -> Cost {
        Cost { fixed, each }
    }

    #[test]
    fn lines_go_through_their_points() {
        assert_eq!(Cost::through((10, 3.0), (30, 7.0)), cost(1.0, 0.2));
        assert_eq!(Cost::through((10, 3.0), (30, 2.9)), cost(3.0, 0.0));
        assert_eq!(Cost::through((10, 1.0), (30, 9.0)), cost(0.0, 0.4));
    }

    #[test]
    fn the_gpu_wins_where_its_line_is_lower() {
        assert_eq!(wins(cost(10.0, 1.0), cost(0.0, 2.0)), Wins::From(11));
        assert_eq!(wins(cost(0.0, 1.0), cost(0.5, 2.0)), Wins::Always);
        assert_eq!(wins(cost(1.0, 2.0), cost(0.0, 1.0)), Wins::Never);
        assert_eq!(wins(cost(1.0, 1.0), cost(1.0, 1.0)), Wins::Never);
        assert_eq!(wins(cost(0.0, 2.0), cost(10.0, 1.0)), Wins::UpTo(10));
        for n in [1.0, 10.0, 11.0, 100.0] {
            let (gpu, cpu) = (cost(10.0, 1.0), cost(0.0, 2.0));
            assert_eq!(gpu.fixed + gpu.each * n < cpu.fixed + cpu.each * n, n >= 11.0);
        }
    }
}
