"""Pictures to features, side by side in one run: decoding alone, huemax, and OpenCV from Python.

    pip install opencv-python-headless numpy
    cargo build --release --examples --bins
    python benches/pictures.py FOLDER [--repeat 1] [--rounds 7] [--threads 2] [--device gpu] [--bin target/release]

FOLDER is anything that `huemax train` takes; --repeat links its pictures so many times into a folder of their own, so that
small ones take long enough to be timed. In each round, in turns and on as many threads:

    decode    examples/decode: every picture through huemax's decoder, and nothing else
    cpu, gpu  what `huemax train` reports for describing (`seconds.describe`): reading, decoding, describing, normalising
    opencv    imread, cvtColor, calcHist, normalize

Each round's figures are printed, then the median, least and greatest of the rounds' ratios: of huemax to decoding alone, and to
OpenCV.
"""
import argparse, json, os, pathlib, statistics, subprocess, sys, tempfile, time
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np

EXTENSIONS = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"}


def feature(path):
    picture = cv2.imread(str(path))
    if picture is None:
        return None
    hsv = cv2.cvtColor(picture, cv2.COLOR_BGR2HSV)
    histogram = cv2.calcHist([hsv], [0, 1, 2], None, (8, 8, 8), [0, 180, 0, 256, 0, 256])
    return cv2.normalize(histogram, histogram).ravel()


def opencv(paths, threads):
    start = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        features = [f for f in pool.map(feature, paths) if f is not None]
    np.stack(features)
    return len(paths) / (time.perf_counter() - start)


def answer(command, threads):
    run = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "RAYON_NUM_THREADS": str(threads)}
    )
    if run.returncode:
        sys.exit(run.stderr)
    return json.loads(run.stdout)


def decode(programs, folder, threads):
    found = answer([programs / "examples/decode", folder, str(threads)], threads)
    return found["pictures"] / found["seconds"]


def huemax(programs, folder, count, device, threads):
    with tempfile.TemporaryDirectory() as out:
        options = ["--device", device, "--max-iter", "1", "--no-cache", "--json", "--quiet", "--out", out]
        lines = answer_lines([programs / "huemax", "train", folder, *options], threads)
    return count / lines["seconds"]["describe"]


def answer_lines(command, threads):
    """The result is the last JSON object, be it alone or after lines of events."""
    run = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "RAYON_NUM_THREADS": str(threads)}
    )
    if run.returncode:
        sys.exit(run.stderr)
    try:
        return json.loads(run.stdout)
    except json.JSONDecodeError:
        return json.loads(run.stdout.splitlines()[-1])


def repeated(folder, times, into):
    """The pictures of `folder`, `times` times, as links that keep its layout."""
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in EXTENSIONS):
        for i in range(times):
            link = into / path.relative_to(folder).with_name(f"{path.stem}.{i}{path.suffix}")
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path.resolve())
    return into


def main():
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("folder", type=pathlib.Path)
    parse.add_argument("--repeat", type=int, default=1)
    parse.add_argument("--rounds", type=int, default=7)
    parse.add_argument("--threads", type=int, default=2)
    parse.add_argument("--device", action="append", help="besides cpu; repeatable")
    parse.add_argument("--bin", type=pathlib.Path, default=pathlib.Path("target/release"))
    args = parse.parse_args()
    cv2.setNumThreads(1)  # the threads are the pool's
    with tempfile.TemporaryDirectory() as links:
        folder = args.folder if args.repeat == 1 else repeated(args.folder, args.repeat, pathlib.Path(links))
        measure(args, folder)


def measure(args, folder):
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in EXTENSIONS)
    devices = ["cpu", *(args.device or [])]
    ways = {"decode": lambda: decode(args.bin, folder, args.threads)}
    for device in devices:
        ways[device] = lambda device=device: huemax(args.bin, folder, len(paths), device, args.threads)
    ways["opencv"] = lambda: opencv(paths, args.threads)
    print(f"{len(paths)} pictures of {args.folder.name}, {args.threads} threads, OpenCV {cv2.__version__}; pictures/s")
    for way in ways.values():
        way()  # warms the file cache
    rates = {name: [] for name in ways}
    for turn in range(args.rounds):
        for name, way in ways.items():
            rates[name].append(way())
        print(f"round {turn + 1}: " + ", ".join(f"{name} {rates[name][-1]:.0f}" for name in ways), flush=True)
    print("median:  " + ", ".join(f"{name} {statistics.median(rates[name]):.0f}" for name in ways))
    for device in devices:
        for other in ("decode", "opencv"):
            ratios = sorted(mine / its for mine, its in zip(rates[device], rates[other]))
            spread = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
            print(f"{device} : {other}  {spread}")


if __name__ == "__main__":
    main()
