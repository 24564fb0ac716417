"""The CPU's figures beside those of Python's libraries, side by side in one run.

    pip install numpy opencv-python-headless        # and jax, if it is to be compared with
    cargo build --release
    python benches/cpu_vs_python.py FOLDER [--rounds 7] [--huemax target/release/huemax]

FOLDER holds photographs, laid out as for `huemax train`.

1. describe: pictures that are decoded already to 8x8x8 HSV histograms, one thread each. OpenCV: cvtColor and calcHist.
   huemax: the stage describe/photograph of `huemax bench` with RAYON_NUM_THREADS=1, on pictures of the same folder.
   Figures are per pixel.
2. objective: loss and gradient of softmax regression, 20,250 rows, 512 columns, 10 classes, dense float32, all threads.
   NumPy: two matrix products and a softmax that cannot overflow. JAX: jitted value_and_grad of the same. huemax: the stage
   objective of `huemax bench --size 20250,512,10`.

All take turns, round by round, so that whatever else the machine does falls on all of them. Printed are the medians, and
the median of the rounds' ratios with the least and the greatest of them.
"""
import argparse, json, os, pathlib, statistics, subprocess, sys, time

import cv2
import numpy as np

try:
    import jax
    import jax.numpy as jnp
except ImportError:
    jax = None

EXTENSIONS = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"}
PICTURES = 48
ROWS, COLUMNS, OUTPUTS = 20250, 512, 10


def huemax(program, stage, arguments, threads=None):
    """Median seconds, and what one run works on, of a stage of `huemax bench`."""
    command = [program, "bench", *arguments, "--stage", stage, "--device", "cpu", "--samples", "9", "--json", "-", "--quiet"]
    environment = {**os.environ, **({"RAYON_NUM_THREADS": str(threads)} if threads else {})}
    answer = subprocess.run(command, capture_output=True, text=True, env=environment)
    if answer.returncode:
        sys.exit(answer.stderr)
    run = json.loads(answer.stdout)
    if not run["optimised"]:
        sys.exit("this huemax is a debug build; run cargo build --release")
    [stage] = [found for found in run["stages"] if found["stage"] == stage]
    return statistics.median(stage["series"][0]["wall"]), stage["items"]


def seconds(work, repeats):
    """Median seconds of a call."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def describe_all(pictures):
    for picture in pictures:
        hsv = cv2.cvtColor(picture, cv2.COLOR_BGR2HSV)
        cv2.calcHist([hsv], [0, 1, 2], None, (8, 8, 8), [0, 180, 0, 256, 0, 256])


def compare(name, unit, rounds, measures, floors):
    """Runs each of `measures` (name to a function that returns a rate) in turns; huemax comes first."""
    for measure in measures.values():
        measure()
    rates = {who: [] for who in measures}
    for _ in range(rounds):
        for who, measure in measures.items():
            rates[who].append(measure())
    print(f"\n{name}")
    ours = rates["huemax"]
    print(f"  {'huemax':<8} {statistics.median(ours):9.1f} {unit}")
    for who, theirs in rates.items():
        if who != "huemax":
            ratios = sorted(a / b for a, b in zip(ours, theirs))
            print(f"  {who:<8} {statistics.median(theirs):9.1f} {unit}   huemax is {statistics.median(ratios):.2f} times as fast "
                  f"({ratios[0]:.2f} to {ratios[-1]:.2f}; aimed at: {floors[who]})")


def main():
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("folder")
    parse.add_argument("--rounds", type=int, default=7)
    parse.add_argument("--huemax", default="target/release/huemax")
    args = parse.parse_args()

    paths = sorted(p for p in pathlib.Path(args.folder).rglob("*") if p.suffix.lower() in EXTENSIONS)
    picked = [paths[i * len(paths) // PICTURES] for i in range(PICTURES)] if len(paths) > PICTURES else paths
    pictures = [p for p in (cv2.imread(str(path)) for path in picked) if p is not None]
    if not pictures:
        sys.exit(f"no pictures in {args.folder}")
    pixels = sum(p.shape[0] * p.shape[1] for p in pictures)
    print(f"OpenCV {cv2.__version__}, NumPy {np.__version__}, {'JAX ' + jax.__version__ if jax else 'no JAX'}; "
          f"{os.cpu_count()} processors, {args.rounds} rounds")

    def describe_huemax():
        median, items = huemax(args.huemax, "describe/photograph", [args.folder], threads=1)
        return items / median / 1e6

    cv2.setNumThreads(1)
    compare(
        f"describe, {len(pictures)} decoded photographs, one thread each", "Mpixel/s", args.rounds,
        {"huemax": describe_huemax, "OpenCV": lambda: pixels / seconds(lambda: describe_all(pictures), 5) / 1e6},
        {"OpenCV": "5"},
    )

    random = np.random.default_rng(1)
    x = random.uniform(0, (3 / COLUMNS) ** 0.5, (ROWS, COLUMNS)).astype(np.float32)
    w = random.uniform(-1, 1, (OUTPUTS, COLUMNS)).astype(np.float32)
    b = random.uniform(-1, 1, OUTPUTS).astype(np.float32)
    y = np.arange(ROWS) % OUTPUTS
    rows = np.arange(ROWS)

    def with_numpy():
        scores = x @ w.T + b
        scores -= scores.max(axis=1, keepdims=True)
        powers = np.exp(scores)
        sums = powers.sum(axis=1)
        loss = (np.log(sums) - scores[rows, y]).sum()
        residual = powers / sums[:, None]
        residual[rows, y] -= 1
        return loss, residual.T @ x, residual.sum(axis=0)

    def objective_huemax():
        median, _ = huemax(args.huemax, "objective", ["--size", f"{ROWS},{COLUMNS},{OUTPUTS}"])
        return 1 / median

    measures = {"huemax": objective_huemax, "NumPy": lambda: 1 / seconds(with_numpy, 9)}
    if jax:
        def loss(parameters, x, y):
            scores = x @ parameters[0].T + parameters[1]
            return -jnp.take_along_axis(jax.nn.log_softmax(scores), y[:, None], axis=1).sum()

        both, on_device = jax.jit(jax.value_and_grad(loss)), [jnp.asarray(v) for v in (x, y)]
        parameters = (jnp.asarray(w), jnp.asarray(b))
        value, gradient = both(parameters, *on_device)
        for got, expected in zip((value, *gradient), with_numpy()):
            assert np.allclose(got, expected, rtol=1e-3, atol=1e-2), "JAX and NumPy disagree"
        measures["JAX"] = lambda: 1 / seconds(lambda: jax.block_until_ready(both(parameters, *on_device)), 9)
    compare(
        f"objective, {ROWS}x{COLUMNS}x{OUTPUTS} float32, all threads", "evaluations/s", args.rounds, measures,
        {"NumPy": "5", "JAX": "1.5"},
    )


if __name__ == "__main__":
    main()
