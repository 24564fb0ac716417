#!/usr/bin/env python3
"""Hostile pictures through the built huemax, a line a kind: what became of the files, in what time and memory.

    python tests/hostile.py [FOLDER...] [--huemax target/release/huemax] [--kinds WORD] [--quick]

Makes the kinds in tests/kinds into a temporary folder, and takes the files of FOLDER too, such as the corpus of a decoder. Each
kind is one run of `huemax extract` under a limit of time and of memory. With NumPy and OpenCV the features are compared with those of
`cv2.imread(IMREAD_COLOR)`; the pixels too, where `cargo build --example pixels` has made that program beside huemax. Exits with 1 if anything
crashed, hung, or became something else than docs/pictures.md says.
"""

import argparse
import csv
import importlib
import itertools
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", "200000000")
try:
    import cv2
    import numpy as np
except ImportError:
    cv2 = np = None

from kinds.kind import Kind  # noqa: E402

WATCHED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "watched.py")
FORMATS = ["jpeg", "png", "gif", "webp", "bmp", "tiff", "others"]
ENDINGS = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff")
BINS = (26, 17, 16)
NEAR = (16, 1.1)  # levels by which JPEG decoders differ, at most and on average
MEGABYTE = 1 << 20


def run(command, seconds, megabytes):
    """Exit code (or "hung"), standard output and errors, seconds, megabytes at the peak."""
    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (megabytes * MEGABYTE,) * 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.NamedTemporaryFile("r") as taken:
        command = [sys.executable, "-I", "-S", WATCHED, taken.name, *command]
        begin = time.monotonic()
        child = subprocess.Popen(command, stdout=out, stderr=err, preexec_fn=limit, start_new_session=True)
        try:
            child.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            pass
        finally:  # also at Ctrl-C, which a session of its own does not get
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        spent = time.monotonic() - begin
        out.seek(0), err.seek(0)
        found = json.loads(taken.read() or '{"status": "hung", "peak": 0}')
        return found["status"], out.read().decode(errors="replace"), err.read().decode(errors="replace"), spent, round(found["peak"])


def expected(path):
    """What OpenCV reads, and its histogram; none if it reads nothing."""
    try:
        picture = cv2.imread(path, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:
        picture = None
    if picture is None:
        return None, None
    hsv = cv2.cvtColor(picture, cv2.COLOR_BGR2HSV)
    counts = cv2.calcHist([hsv], [0, 1, 2], None, BINS, [0, 180, 0, 256, 0, 256])
    return picture, cv2.normalize(counts, None).flatten()


def distance(pixels, folder, path, picture):
    """By how many levels pixels differ from OpenCV's, at most and on average; none where that is not known."""
    if not os.path.exists(pixels):
        return None
    done = subprocess.run([pixels, folder, path], capture_output=True, text=True)
    fields = done.stdout.rstrip("\n").split("\t")
    if len(fields) != 4 or fields[1] == "skipped":
        return None
    width, height = int(fields[1]), int(fields[2])
    data = np.fromfile(os.path.join(folder, "0.ppm"), np.uint8)[-3 * width * height:]
    if picture.shape != (height, width, 3):
        return None
    found = data.reshape(height, width, 3)[..., ::-1]
    away = cv2.absdiff(found, picture)
    return int(away.max()), float(away.mean())


class Checked:
    """What became of the files of a kind."""

    def __init__(self):
        self.exact, self.near, self.skipped, self.other, self.wrong = 0, [], {}, 0, []
        self.seconds = self.megabytes = 0


def extract(huemax, folder, store, limits, keep=False):
    command = [huemax, "extract", folder, "--out", store, "--labels", "folder", "--bins", ",".join(map(str, BINS)), "--device", "cpu", "--quiet",
               "--json", "--max-errors", "100%", "--memory", f"{limits[1] - 512}MiB", "--force"] + (["--truncated", "keep"] if keep else [])
    return run(command, *limits)


def check(kind, options, huge):
    """Runs a kind. `huge`: pictures of as many pixels as are decoded."""
    checked = Checked()
    limits = (options.seconds * (4 if huge else 1), 6144 if huge else 1024)
    with tempfile.TemporaryDirectory() as home:
        folder = os.path.join(home, "data", "kind")
        os.makedirs(folder)
        paths = {}
        for name, content in kind.files:
            shown = name if os.path.splitext(name)[1].lower() in ENDINGS else name + ".png"
            paths[shown] = path = os.path.join(folder, shown)
            if isinstance(content, bytes):
                with open(path, "wb") as file:
                    file.write(content)
            else:
                os.symlink(os.path.abspath(content[0]), path)
        store = os.path.join(home, "store")
        code, out, err, checked.seconds, checked.megabytes = extract(options.huemax, os.path.dirname(folder), store, limits)
        if code not in (0, 1) or not os.path.exists(os.path.join(store, "samples.csv")):
            checked.wrong.append(f"exit code {code}: {err.strip()[-200:]}")
            return checked
        with open(os.path.join(store, "samples.csv"), newline="") as file:
            rows = {os.path.basename(row["path"]): row for row in csv.DictReader(file)}
        features = np.load(os.path.join(store, "features.npy"), mmap_mode="r") if np else None
        for shown, path in paths.items():
            row = rows[shown]
            judge(kind, checked, row, path, features, os.path.join(home, "pixels"), options)
        if kind.becomes == "keep":
            code, out, err, *_ = extract(options.huemax, os.path.dirname(folder), store, limits, keep=True)
            if code != 0 or len(json.loads(out).get("cut_off", [])) != len(paths):
                checked.wrong.append(f"--truncated keep: {out.strip()[-200:]} {err.strip()[-200:]}")
    return checked


def judge(kind, checked, row, path, features, folder, options):
    """Notes what became of a file, and what should not have."""
    name, reason = os.path.basename(path), row["skipped"]
    if reason:
        checked.skipped[reason] = checked.skipped.get(reason, 0) + 1
        if kind.becomes in ("exact", "near", "ours") or kind.reason not in reason:
            checked.wrong.append(f"{name}: {reason}")
        return
    if kind.becomes in ("skip", "keep"):
        checked.wrong.append(f"{name}: read")
    picture, histogram = expected(path) if cv2 else (None, None)
    if picture is None:
        checked.other += 1
        if cv2 and kind.becomes in ("exact", "near"):
            checked.wrong.append(f"{name}: OpenCV reads nothing")
        return
    if np.abs(features[int(row["row"])] - histogram).max() <= 1e-6:
        checked.exact += 1
        return
    away = distance(options.pixels, folder, path, picture)
    if kind.becomes == "exact":
        checked.wrong.append(f"{name}: not as OpenCV reads it ({away} levels)")
    elif kind.becomes == "near" and away and (away[0] > NEAR[0] or away[1] > NEAR[1]):
        checked.wrong.append(f"{name}: {away[0]} levels from OpenCV, {away[1]:.2f} on average")
    elif kind.becomes == "any" and not is_jpeg(path):
        checked.wrong.append(f"{name}: not as OpenCV reads it ({away} levels)")
    checked.near.append(away)


def is_jpeg(path):
    with open(path, "rb") as file:
        return file.read(3) == b"\xff\xd8\xff"


def line(kind, checked):
    parts = []
    if checked.exact:
        parts.append(f"{checked.exact} as OpenCV")
    if checked.near:
        known = [away for away in checked.near if away]
        most = f" (at most {max(a[0] for a in known)} levels, mean {max(a[1] for a in known):.2f})" if known else ""
        parts.append(f"{len(checked.near)} near{most}")
    if checked.other:
        parts.append(f"{checked.other} read, not compared")
    parts += [f"{count} skipped: {reason}" for reason, count in list(checked.skipped.items())[:3]]
    word = "FAILED" if checked.wrong else "ok"
    print(f"{word:6} {kind.name}: {len(kind.files)} files; {'; '.join(parts)}; {checked.seconds:.2f} s, {checked.megabytes} MB", flush=True)
    for wrong in checked.wrong:
        print(f"       {wrong}", flush=True)


def of_folder(folder):
    """A kind for each beginning of names in `folder`."""
    groups = {}
    for home, _, names in os.walk(folder):
        for name in sorted(names):
            if os.path.splitext(name)[1].lower() not in (".tsv", ".md", ".txt", ".rs", ".toml"):
                word = os.path.splitext(name)[0].rstrip("0123456789").rstrip("-_ ") or "others"
                groups.setdefault(word, []).append(os.path.join(home, name))
    return [Kind(f"{folder}: {word}", "any", "", [(f"{i}-{os.path.basename(p)}", [p]) for i, p in enumerate(paths)]) for word, paths in sorted(groups.items())]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folders", nargs="*")
    parser.add_argument("--huemax", default="target/release/huemax")
    parser.add_argument("--seconds", type=float, default=30, help="a run of one kind may take (pictures of 196 million pixels: four times that)")
    parser.add_argument("--kinds", default="", help="only kinds whose names contain this")
    parser.add_argument("--quick", action="store_true", help="without pictures of 196 million pixels")
    options = parser.parse_args()
    options.pixels = os.path.join(os.path.dirname(options.huemax), "examples", "pixels")
    if cv2 is None:
        print("NumPy and OpenCV are not there: nothing is compared")
    failed = count = files = 0
    made = (kind for name in FORMATS for kind in importlib.import_module(f"kinds.{name}").kinds())
    for kind in itertools.chain((kind for folder in options.folders for kind in of_folder(folder)), made):
        huge = "196 million" in kind.name
        if options.kinds.lower() not in kind.name.lower() or huge and options.quick:
            continue
        checked = check(kind, options, huge)
        line(kind, checked)
        count, files, failed = count + 1, files + len(kind.files), failed + bool(checked.wrong)
    print(f"{count} kinds, {files} files: {failed} kinds failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
