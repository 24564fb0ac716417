"""Pictures to features: huemax against OpenCV from Python, side by side in one run.

    pip install opencv-python-headless numpy
    cargo build --release
    python benches/describe_vs_opencv.py FOLDER [--runs 5] [--threads 2] [--huemax target/release/huemax]

FOLDER is anything that `huemax train` takes. Both read every picture and make an L2-normalised 8x8x8 HSV histogram of
it, on as many threads, in turns; each run's figure and the ratio of the medians are printed. huemax's time is the one
it reports for describing (`seconds.describe`), without training.
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


def with_opencv(paths, threads):
    start = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        features = [f for f in pool.map(feature, paths) if f is not None]
    np.stack(features)
    return time.perf_counter() - start


def with_huemax(program, folder, threads):
    with tempfile.TemporaryDirectory() as out:
        command = [program, "train", folder, "--device", "cpu", "--epochs", "1", "--json", "--quiet", "--out", out]
        answer = subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, "RAYON_NUM_THREADS": str(threads)}
        )
    if answer.returncode:
        sys.exit(answer.stderr)
    return json.loads(answer.stdout)["seconds"]["describe"]


def main():
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("folder")
    parse.add_argument("--runs", type=int, default=5)
    parse.add_argument("--threads", type=int, default=2)
    parse.add_argument("--huemax", default="target/release/huemax")
    args = parse.parse_args()
    cv2.setNumThreads(1)  # the threads are the pool's
    paths = sorted(p for p in pathlib.Path(args.folder).rglob("*") if p.suffix.lower() in EXTENSIONS)
    print(f"{len(paths)} pictures, {args.threads} threads, OpenCV {cv2.__version__}")
    with_opencv(paths, args.threads), with_huemax(args.huemax, args.folder, args.threads)  # warm the file cache
    rates = {"opencv": [], "huemax": []}
    for run in range(args.runs):
        rates["opencv"].append(len(paths) / with_opencv(paths, args.threads))
        rates["huemax"].append(len(paths) / with_huemax(args.huemax, args.folder, args.threads))
        print(f"run {run + 1}: OpenCV {rates['opencv'][-1]:7.0f} pictures/s, huemax {rates['huemax'][-1]:7.0f} pictures/s")
    opencv, huemax = (statistics.median(rates[name]) for name in ("opencv", "huemax"))
    ratios = sorted(h / o for h, o in zip(rates["huemax"], rates["opencv"]))
    print(f"median: OpenCV {opencv:.0f}, huemax {huemax:.0f} pictures/s; ratio {statistics.median(ratios):.2f} "
          f"({ratios[0]:.2f} to {ratios[-1]:.2f})")


if __name__ == "__main__":
    main()
