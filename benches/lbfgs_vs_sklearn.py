"""The time to an optimum beside scikit-learn's, side by side in one run.

    pip install scikit-learn
    cargo build --release --example fit
    python benches/lbfgs_vs_sklearn.py [--rounds 5] [--rows 20000] [--huemax target/release/examples/fit] [--json FILE]

1. softmax, 10 classes, C = 1, L-BFGS, against LogisticRegression(solver="lbfgs") with its default tolerance.
2. sigmoid, 17 labels, any number of them a row, against OneVsRestClassifier of the same.
3. softmax of histograms of which 5 % is not zero, against LogisticRegression on the same numbers as a CSR matrix.
4. What huemax takes for an evaluation with four times the rows, columns and outputs.

Both are given the same float32 histograms of 512 bins, drawn from a seed: pictures of
a few materials that their labels prefer, each of a few colours; counts divided by their norm. Both minimise mean loss + |W|^2/(2 C N); scikit-learn is given as many
iterations as it wants. The two objectives are computed here, in float64, from the parameters that each returns: huemax must be
as low as scikit-learn, but for one millionth of it, or the run fails; it is given the loosest of a few tolerances with which it is.

They take turns, round by round, so that whatever else the machine does falls on both. Times go from features in memory to
parameters in memory. Printed are the medians, and the median of the rounds' ratios with the least and the greatest of them; then the same of the processor time of all threads (huemax's with reading
its files), which other work on the machine disturbs less. --threads 1 gives both one thread: where others want the cores too, threads
that wait for each other say little.
"""
import argparse, json, os, pathlib, resource, statistics, subprocess, sys, tempfile, time, warnings

import numpy as np
import scipy
import sklearn
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from threadpoolctl import threadpool_limits

COLUMNS = 512
MATERIALS = 300
ITERATIONS = 10_000
TOLERANCES = [1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6]


def histograms(random, labels, columns, pixels, spread):
    """Histograms of pictures with the `labels` (rows x K of 0 and 1). There are materials, each of a few colours (`spread` says of
    how many), some of them common and most of them rare; labels prefer some, and a picture shows a few."""
    materials = random.dirichlet(np.full(columns, spread), MATERIALS)
    common = 1 / np.arange(1, MATERIALS + 1)
    common /= common.sum()
    preferred = random.dirichlet(0.3 * MATERIALS * common, labels.shape[1])
    mean = (labels @ preferred + 0.2 * common) / (labels.sum(1, keepdims=True) + 0.2)
    p = random.standard_gamma(2 * mean) @ materials + 1e-12
    counts = random.multinomial(pixels, p / p.sum(1, keepdims=True)).astype(np.float32)
    return counts / np.linalg.norm(counts, axis=1, keepdims=True)


def one_of(random, rows, outputs):
    return np.eye(outputs, dtype=np.uint8)[random.integers(0, outputs, rows)]


def some_of(random, rows, outputs):
    return (random.random((rows, outputs)) < random.uniform(0.05, 0.4, outputs)).astype(np.uint8)


def objective(x, y, weight, bias, loss, c):
    """Mean loss + |W|^2/(2 C N) in float64."""
    scores = x.astype(np.float64) @ weight.T + bias
    if loss == "softmax":
        losses = logsumexp(scores, axis=1) - (scores * y).sum(1)
    else:
        losses = (np.logaddexp(0, scores) - scores * y).sum(1)
    return losses.mean() + (weight**2).sum() / (2 * c * len(x))


class Huemax:
    def __init__(self, args, folder, x, y, loss, c):
        self.arrays = [str(folder / "x.npy"), str(folder / "y.npy")]
        self.out, self.arguments = str(folder / "parameters.npy"), ["--loss", loss, "-C", str(c)]
        self.program = args.huemax
        self.environment = {**os.environ, **({"RAYON_NUM_THREADS": str(args.threads)} if args.threads else {})}
        np.save(self.arrays[0], np.ascontiguousarray(x, dtype=np.float32))
        np.save(self.arrays[1], y)

    def fit(self, *more):
        command = [self.program, *self.arrays, *self.arguments, "--out", self.out, *more]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        answer = subprocess.run(command, capture_output=True, text=True, env=self.environment)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if answer.returncode:
            sys.exit(answer.stderr)
        found = json.loads(answer.stdout)
        if not found["optimised"]:
            sys.exit("this huemax is a debug build; run cargo build --release --example fit")
        parameters = np.load(self.out).astype(np.float64)
        found["processor"] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return found["seconds"], (parameters[:, :-1], parameters[:, -1]), found


def sklearn_fit(x, y, loss, c):
    one = LogisticRegression(C=c, solver="lbfgs", max_iter=ITERATIONS)
    model = one if loss == "softmax" else OneVsRestClassifier(one)
    labels = y.argmax(1) if loss == "softmax" else y
    start, processor = time.perf_counter(), time.process_time()
    model.fit(x, labels)
    seconds, processor = time.perf_counter() - start, time.process_time() - processor
    models = [model] if loss == "softmax" else model.estimators_
    weight, bias = np.vstack([m.coef_ for m in models]), np.concatenate([m.intercept_ for m in models])
    iterations = max(int(m.n_iter_[0]) for m in models)
    return seconds, (weight.astype(np.float64), bias.astype(np.float64)), iterations, processor


def compare(name, args, folder, x, y, loss, theirs, aim, c=1.0):
    """`theirs` is what scikit-learn is given of x."""
    huemax = Huemax(args, folder, x, y, loss, c)
    tolerance = None
    ours_seconds, sk_seconds, ours_processor, sk_processor = [], [], [], []
    for _ in range(args.rounds):
        seconds, sk, iterations, processor = sklearn_fit(theirs, y, loss, c)
        sk_seconds.append(seconds)
        sk_processor.append(processor)
        if tolerance is None:
            goal = objective(x, y, *sk, loss, c) * (1 + 1e-6)
            for tolerance in TOLERANCES:
                if objective(x, y, *huemax.fit("--tol", str(tolerance))[1], loss, c) <= goal:
                    break
        seconds, ours, found = huemax.fit("--tol", str(tolerance))
        ours_seconds.append(seconds)
        ours_processor.append(found["processor"])
    ratios = sorted(b / a for a, b in zip(ours_seconds, sk_seconds))
    of_processor = sorted(b / a for a, b in zip(ours_processor, sk_processor))
    reached = [objective(x, y, *parameters, loss, c) for parameters in (ours, sk)]
    print(f"\n{name}, {x.shape[0]}x{x.shape[1]}x{y.shape[1]}, {100 * np.mean(x != 0):.1f} % not zero, C = {c:g}")
    print(f"  huemax        {statistics.median(ours_seconds):8.3f} s   objective {reached[0]:.9f}, {found['iterations']} iterations, {found['evaluations']:g} evaluations, --tol {tolerance:g}")
    print(f"  scikit-learn  {statistics.median(sk_seconds):8.3f} s   objective {reached[1]:.9f}, {iterations} iterations")
    print(f"  huemax is {statistics.median(ratios):.1f} times as fast ({ratios[0]:.1f} to {ratios[-1]:.1f}; aimed at: {aim})")
    print(f"  processor time {statistics.median(ours_processor):.3f} s and {statistics.median(sk_processor):.3f} s: "
          f"{statistics.median(of_processor):.1f} times ({of_processor[0]:.1f} to {of_processor[-1]:.1f})", flush=True)
    good = reached[0] <= reached[1] * (1 + 1e-6)
    if not good:
        print(f"  huemax's objective is {reached[0] / reached[1] - 1:.1e} above scikit-learn's: that is no comparison")
    return good, {"name": name, "shape": [*x.shape, y.shape[1]], "huemax": ours_seconds, "scikit-learn": sk_seconds,
                  "processor": [ours_processor, sk_processor], "objectives": reached, "aim": aim, "ratio": statistics.median(ratios)}


def linear(args, folder, random):
    """Seconds an evaluation where one of rows, columns and outputs grows fourfold."""
    iterations = 20
    base = [args.rows // 4, COLUMNS // 4, 8]
    shapes = [base] + [[n * (4 if i == j else 1) for j, n in enumerate(base)] for i in range(3)]
    shapes += [[n * (16 if i == j else 1) for j, n in enumerate(base)] for i in range(3)]
    found = {}
    print(f"\nCost of an evaluation, {iterations} iterations of softmax, dense")
    fits = []
    for n, d, k in shapes:
        y = one_of(random, n, k)
        at = folder / f"{n}x{d}x{k}"
        at.mkdir()
        fits.append(Huemax(args, at, histograms(random, y, d, 60_000, 0.007), y, "softmax", 1.0))
    seconds = {tuple(shape): [] for shape in shapes}
    for _ in range(args.rounds):
        for shape, fit in zip(shapes, fits):
            _, _, done = fit.fit("--max-iter", str(iterations))
            seconds[tuple(shape)].append(done["seconds"] / done["evaluations"])
    for shape in shapes:
        found["x".join(map(str, shape))] = statistics.median(seconds[tuple(shape)])
    first = found["x".join(map(str, base))]
    for shape in shapes:
        t, more = found["x".join(map(str, shape))], np.prod(shape) // np.prod(base)
        print(f"  {'x'.join(map(str, shape)):>16}  {1000 * t:9.3f} ms   {t / first:5.1f} times the first, for {more} times the work")
    return found


def main():
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("--rounds", type=int, default=5)
    parse.add_argument("--rows", type=int, default=20_000)
    parse.add_argument("--huemax", default="target/release/examples/fit")
    parse.add_argument("--threads", type=int, help="of each of the two; all, if left out")
    parse.add_argument("--only", type=int, choices=[1, 2, 3, 4], help="one of the parts above")
    parse.add_argument("--json", help="keep every sample in this file")
    args = parse.parse_args()
    warnings.filterwarnings("error", category=sklearn.exceptions.ConvergenceWarning)
    random = np.random.default_rng(5)
    print(f"scikit-learn {sklearn.__version__}, SciPy {scipy.__version__}, NumPy {np.__version__}; "
          f"{os.cpu_count()} processors, {args.rounds} rounds, threads: {args.threads or 'all'}")
    wanted = lambda part: args.only in (None, part)
    runs, costs = [], {}
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(args.threads):
        folder = pathlib.Path(folder)
        if wanted(1):
            y = one_of(random, args.rows, 10)
            x = histograms(random, y, COLUMNS, 60_000, 0.007)
            runs.append(compare("softmax", args, folder, x, y, "softmax", x, 8))
        if wanted(2):
            y = some_of(random, args.rows, 17)
            x = histograms(random, y, COLUMNS, 60_000, 0.007)
            runs.append(compare("sigmoid, one-vs-rest", args, folder, x, y, "sigmoid", x, 10))
        if wanted(3):
            y = one_of(random, args.rows, 10)
            x = histograms(random, y, COLUMNS, 4096, 0.0006)
            csr = scipy.sparse.csr_matrix(x)
            runs.append(compare("softmax, CSR for scikit-learn", args, folder, x, y, "softmax", csr, 3))
        if wanted(4):
            costs = linear(args, folder, random)
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps({"runs": [run for _, run in runs], "seconds an evaluation": costs}, indent=1))
    if not all(good for good, _ in runs):
        sys.exit(1)


if __name__ == "__main__":
    main()
