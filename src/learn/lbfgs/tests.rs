use super::*;

fn settings(weights: usize) -> Settings {
    Settings { weights, l1: 0.0, tolerance: 1e-6, gap: 0.0, most: 1000, history: 10 }
}

/// Minimises until it stops; the solver, and every point that was taken.
fn run(mut solver: Lbfgs, objective: impl Fn(&[f64]) -> (f64, Vec<f64>)) -> (Lbfgs, Vec<Vec<f64>>) {
    let mut points = Vec::new();
    while solver.stopped().is_none() {
        let (value, gradient) = objective(solver.trial());
        if solver.tell(value, &gradient, None).unwrap() {
            points.push(solver.point().to_vec());
        }
        assert!(solver.evaluations() < 100_000, "it ends");
    }
    (solver, points)
}

/// `½·Σ c_i·(x_i − i)²` with curvatures over six decades.
fn bowl(x: &[f64]) -> (f64, Vec<f64>) {
    let c = |i: usize| 10f64.powi(-(i as i32 % 7));
    let value = x.iter().enumerate().map(|(i, x)| 0.5 * c(i) * (x - i as f64).powi(2)).sum();
    (value, x.iter().enumerate().map(|(i, x)| c(i) * (x - i as f64)).collect())
}

#[test]
fn a_bowl_of_bad_condition() {
    let (solver, _) = run(Lbfgs::new(settings(14), vec![0.0; 14], None), bowl);
    assert!(matches!(solver.stopped(), Some(Stop::Gradient { relative }) if relative <= 1e-6));
    assert!(solver.iterations() < 120, "{}", solver.iterations());
    // What a gradient of 1e-6 of the first leaves of the value.
    assert!(solver.value() < 1e-4, "{}", solver.value());
}

/// Rosenbrock's valley is not convex: the search must lengthen, shorten and interpolate.
#[test]
fn a_valley_with_a_bend() {
    let valley = |x: &[f64]| {
        let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
        (a * a + 100.0 * b * b, vec![-2.0 * a - 400.0 * x[0] * b, 200.0 * b])
    };
    let (solver, _) = run(Lbfgs::new(settings(2), vec![-1.2, 1.0], None), valley);
    assert!(solver.value() < 1e-8, "{solver:?}");
}

#[test]
fn values_that_are_rounded_end_cleanly() {
    let rounded = |x: &[f64]| {
        let (value, gradient) = bowl(x);
        // Upon a large number, in f32: the last third of the way cannot be seen in the value.
        (f64::from((1e4 + value) as f32), gradient)
    };
    let exact = Settings { tolerance: 1e-12, ..settings(14) };
    let (solver, _) = run(Lbfgs::new(exact, vec![0.0; 14], None), rounded);
    assert!(solver.stopped().is_some() && solver.iterations() < 1000, "{:?}", solver.stopped());
    assert!(bowl(solver.point()).0 < 1e-3, "{}", bowl(solver.point()).0);
}

#[test]
fn a_gradient_that_lies_ends_cleanly() {
    let (solver, _) = run(Lbfgs::new(settings(3), vec![1.0; 3], None), |x| (x.iter().sum(), vec![-1.0; 3]));
    assert_eq!(solver.stopped(), Some(Stop::Precision));
    assert_eq!(solver.point(), [1.0; 3], "where it began");
}

#[test]
fn a_start_that_is_no_number_is_an_error() {
    let mut solver = Lbfgs::new(settings(1), vec![0.0], None);
    assert!(matches!(solver.tell(f64::NAN, &[0.0], None), Err(LearnError::NotFinite { .. })));
    let mut solver = Lbfgs::new(settings(1), vec![0.0], None);
    assert!(solver.tell(1.0, &[f64::INFINITY], None).is_err());
}

#[test]
fn an_optimum_to_begin_with_is_left_alone() {
    let (solver, _) = run(Lbfgs::new(settings(2), vec![0.0; 2], None), |x| (1.0, vec![0.0; x.len()]));
    assert_eq!((solver.stopped(), solver.evaluations()), (Some(Stop::Gradient { relative: 0.0 }), 1));
}

/// `½·(x − b)² + l1·|x|` has its least at b drawn towards 0 by l1; the last parameter is no weight.
#[test]
fn l1_gives_exact_zeros_where_they_belong() {
    let b = [3.0, 0.5, -0.2, -2.0, 0.9, 0.3];
    let scale = [1.0, 4.0, 0.3, 2.0, 1.0, 1.0];
    let objective = |x: &[f64]| {
        let value = (0..6).map(|i| 0.5 * scale[i] * (x[i] - b[i]).powi(2)).sum();
        (value, (0..6).map(|i| scale[i] * (x[i] - b[i])).collect())
    };
    let settings = Settings { l1: 1.0, ..settings(5) };
    let (solver, _) = run(Lbfgs::new(settings, vec![0.0; 6], None), objective);
    let expected: Vec<f64> = (0..6)
        .map(|i| if i < 5 { f64::signum(b[i]) * (f64::abs(b[i]) - 1.0 / scale[i]).max(0.0) } else { b[i] })
        .collect();
    for (got, expected) in solver.point().iter().zip(&expected) {
        assert!((got - expected).abs() < 1e-5, "{:?} {expected:?}", solver.point());
        assert!(*expected != 0.0 || *got == 0.0, "exactly zero");
    }
    assert!(matches!(solver.stopped(), Some(Stop::Gradient { .. })), "{:?}", solver.stopped());
}

#[test]
fn resumed_at_any_step_it_takes_the_same_steps() {
    for l1 in [0.0, 0.01] {
        let settings = Settings { l1, ..settings(10) };
        let (whole, points) = run(Lbfgs::new(settings, vec![0.0; 14], None), bowl);
        for at in [1, 2, points.len() / 2, points.len() - 2] {
            let mut solver = Lbfgs::new(settings, vec![0.0; 14], None);
            while solver.iterations() < at {
                let (value, gradient) = bowl(solver.trial());
                solver.tell(value, &gradient, None).unwrap();
            }
            let resumed = Lbfgs::resume(settings, 14, &solver.state(), None).unwrap();
            let (resumed, rest) = run(resumed, bowl);
            assert_eq!(rest, points[at + 1..], "after {at}");
            assert_eq!(resumed.evaluations(), whole.evaluations());
        }
    }
}

#[test]
fn a_state_of_something_else_is_refused() {
    let (solver, _) = run(Lbfgs::new(settings(14), vec![0.0; 14], None), bowl);
    let state = solver.state();
    assert!(Lbfgs::resume(settings(13), 13, &state, None).is_err());
    let mut other = state.clone();
    other.solver = "sgd".into();
    assert!(Lbfgs::resume(settings(14), 14, &other, None).is_err());
    let mut torn = state;
    torn.arrays.remove("gradient");
    let error = Lbfgs::resume(settings(14), 14, &torn, None).unwrap_err().to_string();
    assert!(error.contains("`gradient` is missing"), "{error}");
}
