//! The reference itself, against OpenCV's, SciPy's and published values, and against numerical derivatives.

use huemax::backend::{Adam, Loss, Step, Targets, reference};
use libtest_mimic::Trial;
use ndarray::{Array1, Array2, arr2};
use sha2::{Digest, Sha256};

use super::describe::hex;
use crate::support::{f64s, fixture, plain, random, uniform};

pub fn register(trials: &mut Vec<Trial>) {
    plain(trials, "reference::hsv_equals_opencv_on_every_colour", hsv_equals_opencv_on_every_colour);
    plain(trials, "reference::softmax_of_the_published_example", softmax_of_the_published_example);
    plain(trials, "reference::gradient_equals_numerical_derivatives", gradient_equals_numerical_derivatives);
    plain(trials, "reference::losses_of_a_few_scores", losses_of_a_few_scores);
    plain(trials, "reference::steps_equal_those_of_optax", steps_equal_those_of_optax);
    plain(trials, "reference::zeros_add_nothing", zeros_add_nothing);
    plain(trials, "reference::the_golden_optimum_is_one", the_golden_optimum_is_one);
}

fn hsv_equals_opencv_on_every_colour() {
    let golden = fixture("hsv.json");
    for sample in golden["rgb_to_hsv"].as_array().expect("samples") {
        let triple = |key: &str| [0, 1, 2].map(|i| sample[key][i].as_u64().expect("a byte") as u8);
        assert_eq!(reference::hsv(triple("rgb")), triple("hsv"));
    }
    let mut hash = Sha256::new();
    for r in 0..=255 {
        let plane: Vec<u8> =
            (0..65_536u32).flat_map(|gb| reference::hsv([r, (gb >> 8) as u8, gb as u8])).collect();
        hash.update(plane);
    }
    assert_eq!(hex(&hash.finalize()), golden["hsv_sha256_rgb_order"].as_str().expect("a hash"));
}

/// Scores of dog, cat, boat and airplane, from "Softmax Classifiers Explained".
fn softmax_of_the_published_example() {
    let scores = arr2(&[[-3.44, 1.16, -0.81, 3.91]]);
    let (residual, losses) = reference::softmax(scores.view(), &Targets::classes(4, &[3]));
    let expected = [0.0006, 0.0596, 0.0083, 0.9315 - 1.0];
    for (got, expected) in residual.iter().zip(expected) {
        assert!((got - expected).abs() < 6e-5, "{got} {expected}");
    }
    assert!((losses[0] - 0.0709).abs() < 5e-5, "{}", losses[0]);
}

fn gradient_equals_numerical_derivatives() {
    let (n, columns, outputs) = (7, 4, 3);
    let rng = &mut random(41);
    let matrix = |rng: &mut _, rows: usize, columns: usize| {
        Array2::from_shape_vec((rows, columns), f64s(&uniform(rng, rows * columns, 1.0))).expect("shape")
    };
    let (x, weight) = (matrix(rng, n, columns), matrix(rng, outputs, columns));
    let bias = Array1::from(f64s(&uniform(rng, outputs, 1.0)));
    let h = 1e-5;
    for loss in Loss::ALL {
        let rows: Vec<Vec<u32>> = (0..n as u32)
            .map(|i| if loss.exclusive() { vec![i % 3] } else { (0..i % 4).map(|k| (i + k) % 3).collect() })
            .collect();
        let weights = vec![1.0, 0.5, 3.0, 2.0, 1.5, 0.25];
        let targets = Targets::new(loss, outputs, &rows).weighted(weights);
        let value = |weight: &Array2<f64>, bias: &Array1<f64>| {
            let scores = reference::scores(x.view(), weight.view(), bias.view());
            reference::loss(scores.view(), &targets).1.sum()
        };
        let (weight_gradient, bias_gradient, sum) =
            reference::objective(x.view(), weight.view(), bias.view(), &targets);
        assert_eq!(sum[0], value(&weight, &bias));
        for k in 0..outputs {
            for d in 0..columns {
                let (mut up, mut down) = (weight.clone(), weight.clone());
                up[[k, d]] += h;
                down[[k, d]] -= h;
                let slope = (value(&up, &bias) - value(&down, &bias)) / (2.0 * h);
                let off = (slope - weight_gradient[[k, d]]).abs();
                assert!(off < 1e-8, "{loss}, weight {k} {d}: {slope}");
            }
            let (mut up, mut down) = (bias.clone(), bias.clone());
            up[k] += h;
            down[k] -= h;
            let slope = (value(&weight, &up) - value(&weight, &down)) / (2.0 * h);
            assert!((slope - bias_gradient[k]).abs() < 1e-8, "{loss}, bias {k}: {slope}");
        }
    }
}

/// By hand: of two rows of three features one is empty, and the other has its last feature alone.
fn zeros_add_nothing() {
    let targets = Targets::new(Loss::Sigmoid, 1, &[vec![], vec![0]]);
    let sparse = (&[0, 0, 1][..], &[2][..], &[2.0][..]);
    let (weight, bias) = (arr2(&[[5.0, 7.0, -0.5]]), Array1::from(vec![1.0]));
    let (of_weights, of_biases, loss) =
        reference::objective_sparse(3, sparse, weight.view(), bias.view(), &targets);
    // Scores are 1 and 2·(−0.5) + 1 = 0.
    assert_eq!(of_weights, arr2(&[[0.0, 0.0, -1.0]]));
    let p = 1.0 / (1.0 + (-1f64).exp());
    assert!((of_biases[0] - (p - 0.5)).abs() < 1e-15, "{of_biases}");
    assert!((loss[0] - (1.0 + (-1f64).exp().ln_1p() + 2f64.ln())).abs() < 1e-15, "{loss}");
}

/// By hand: a score of 0 and one of −1,000 with their labels, and margins on both sides of 0 and at it.
fn losses_of_a_few_scores() {
    let targets = Targets::new(Loss::Sigmoid, 3, &[vec![0, 1]]).weighted(vec![2.0, 1.0, 1.0, 1.0, 1.0, 3.0]);
    let (residual, losses) = reference::loss(arr2(&[[0.0, -1000.0, 0.0]]).view(), &targets);
    assert_eq!(residual, arr2(&[[-1.0, -1.0, 1.5]]));
    assert!((losses[[0, 0]] - (1000.0 + 5.0 * 2f64.ln())).abs() < 1e-12, "{losses}");

    let scores = arr2(&[[0.5, 1.0, 0.0, -3.0], [0.5, 1.0, 0.0, -3.0]]);
    let of = |loss| {
        let targets = Targets::new(loss, 4, &[vec![1], vec![]]).weighted(vec![2.0; 8]);
        reference::loss(scores.view(), &targets)
    };
    let (residual, losses) = of(Loss::Hinge);
    assert_eq!(residual, arr2(&[[2.0, -2.0, 0.0, 0.0], [0.0; 4]]));
    assert_eq!(losses.into_raw_vec_and_offset().0, [1.0, 0.0]);
    let (residual, losses) = of(Loss::SquaredHinge);
    assert_eq!(residual, arr2(&[[2.0, -2.0, 0.0, 0.0], [0.0; 4]]));
    assert_eq!(losses.into_raw_vec_and_offset().0, [0.5, 0.0]);
}

/// Three steps by optax 0.2.8 in f64: `sgd(0.25, momentum=0.75, nesterov=…)` and `adam(0.25, b1=0.75, b2=0.9375, eps=2⁻²⁰)`.
fn steps_equal_those_of_optax() {
    let gradients = [[0.5, -2.0, 0.0], [0.25, 1.0, -0.125], [-1.5, 0.75, 0.0]];
    let start = || Array1::from(vec![1.0, -0.5, 0.25]);
    let learning_rate = 0.25;
    for (nesterov, expected) in
        [(false, [0.976_562_5, 0.031_25, 0.304_687_5]), (true, [1.169_921_875, -0.039_062_5, 0.322_265_625])]
    {
        // The gradient as half of a sum.
        let step = Step { learning_rate, momentum: 0.75, nesterov, l2: 0.0, l1: 0.0, scale: 0.5 };
        let (mut parameters, mut velocity) = (start(), Array1::zeros(3));
        for gradient in gradients {
            let sum: Array1<f64> = gradient.iter().map(|g| 2.0 * g).collect();
            reference::step(&mut parameters, &mut velocity, sum.view(), 2, step);
        }
        assert_eq!(parameters.to_vec(), expected);
    }
    let (mut parameters, mut first, mut second) = (start(), Array1::zeros(3), Array1::zeros(3));
    for (step, gradient) in gradients.iter().enumerate() {
        let (beta1, beta2) = (0.75, 0.9375);
        let [correction1, correction2] = [beta1, beta2].map(|beta| Adam::correction(beta, step as u64 + 1));
        let epsilon = 2f32.powi(-20);
        let (l2, l1, scale) = (0.0, 0.0, 1.0);
        let adam = Adam { learning_rate, beta1, beta2, epsilon, l2, l1, scale, correction1, correction2 };
        let gradient: Array1<f64> = gradient.iter().copied().collect();
        reference::adam(&mut parameters, &mut first, &mut second, gradient.view(), 2, adam);
    }
    for (got, expected) in
        parameters.iter().zip([0.639_572_550_543_804_5, -0.234_760_181_248_131_86, 0.589_378_800_716_214_5])
    {
        // Corrections are f32.
        assert!((got - expected).abs() < 1e-7, "{got} {expected}");
    }
}

/// Where SciPy says the optimum is, the objective has SciPy's value and the gradient vanishes.
fn the_golden_optimum_is_one() {
    let golden = Golden::load();
    let features = reference::normalize(golden.counts.view());
    let scores = reference::scores(features.view(), golden.weight.view(), golden.bias.view());
    let (residual, losses) = reference::softmax(scores.view(), &golden.targets(Loss::Softmax));
    let n = golden.labels.len() as f64;
    let l2 = 1.0 / n;
    let objective = reference::penalized(losses.view(), golden.weight.view(), l2);
    assert!((objective / golden.objective - 1.0).abs() < 1e-9, "{objective} {}", golden.objective);
    let (weight, bias) = reference::gradient(features.view(), residual.view());
    let weight = weight / n + l2 * &golden.weight;
    let largest = weight.iter().chain(&(bias / n)).fold(0.0f64, |a, g| a.max(g.abs()));
    assert!(largest < 1e-7, "largest gradient {largest:e}");
}

/// The 1,000 × 512 problem of 64×64 satellite pictures, with SciPy's optimum at C = 1.
pub struct Golden {
    pub counts: Array2<u32>,
    pub labels: Vec<u32>,
    pub classes: Vec<String>,
    pub weight: Array2<f64>,
    pub bias: Array1<f64>,
    pub objective: f64,
}

impl Golden {
    /// The labels, for a loss of one label a row.
    pub fn targets(&self, loss: Loss) -> Targets {
        let rows: Vec<&[u32]> = self.labels.iter().map(std::slice::from_ref).collect();
        Targets::new(loss, self.classes.len(), &rows)
    }

    pub fn load() -> Self {
        let json = fixture("eurosat1k.json");
        let list = |v: &serde_json::Value| v.as_array().expect("a list").clone();
        let number = |v: &serde_json::Value| v.as_f64().expect("a number");
        let labels: Vec<u32> = list(&json["labels"]).iter().map(|v| number(v) as u32).collect();
        let classes: Vec<String> =
            list(&json["classes"]).iter().map(|v| v.as_str().expect("a name").to_owned()).collect();
        let mut counts = Array2::zeros((labels.len(), 512));
        for (i, row) in list(&json["counts"]).iter().enumerate() {
            for pair in list(row).chunks_exact(2) {
                counts[[i, number(&pair[0]) as usize]] = number(&pair[1]) as u32;
            }
        }
        let weight: Vec<f64> = list(&json["weight"]).iter().flat_map(list).map(|v| number(&v)).collect();
        Self {
            weight: Array2::from_shape_vec((classes.len(), 512), weight).expect("shape"),
            bias: list(&json["bias"]).iter().map(number).collect(),
            objective: number(&json["objective"]["1"]),
            counts,
            labels,
            classes,
        }
    }
}
