"""Time and memory as the data grows: made-up rows, and pictures.

    cargo build --release --example scale && cargo build --release
    python benches/scale.py --folder DIR [--rows 1000,10000,100000,1000000] [--pictures 1000,10000,50000 --from DATA] \
        [--device cpu,llvmpipe] [--memory 256MiB] [--device-memory 64MiB] [--out benches/results/DATE-scale.txt]

1. Rows: N x 512 numbers, float32, a .npy file each in DIR (2 GB for a million; kept, and used again); 95 % of them are zero, and a class in ten shows in some
   columns. `scale` trains L-BFGS on them, 15 iterations, within the budget: where they lie in the mapped file, and (`--read`) as rows that must be read. It says
   the largest RssAnon that it saw in /proc/self/status, 20 ms apart: what it has in memory beside the pages of mapped files.
2. Pictures: hard links to those of DATA (a folder a class), again and again until there are enough, and `huemax train` on them. Its RssAnon is looked at from here.

Time is to grow with the rows, and memory hardly: what is left of it a row is labels, their division, and answers of the test part.
The same problem without a budget is fitted too: the objective must be the same but for 1e-6, and where the rows lie the same bytes.
"""
import argparse, json, os, pathlib, random, subprocess, sys, time

import numpy as np

COLUMNS, CLASSES = 512, 10


def made(folder, rows):
    """A file of so many rows, written some at a time."""
    path = folder / f"rows-{rows}.npy"
    if path.exists():
        return path
    part = folder / f"rows-{rows}.part"
    with open(part, "wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "<f4", "fortran_order": False, "shape": (rows, COLUMNS)})
        for first in range(0, rows, 20_000):
            count = min(20_000, rows - first)
            random = np.random.default_rng(first)
            x = random.random((count, COLUMNS), dtype=np.float32)
            x *= random.random((count, COLUMNS), dtype=np.float32) < 0.05
            labels = (first + np.arange(count)) % CLASSES
            own = labels[:, None] + CLASSES * random.integers(0, COLUMNS // CLASSES, (count, 4))
            x[np.arange(count)[:, None], own] += 0.5 * random.random((count, 4), dtype=np.float32)
            x /= np.linalg.norm(x, axis=1, keepdims=True)
            x.astype("<f4").tofile(file)
    part.rename(path)
    return path


def scale(program, path, *arguments):
    run = subprocess.run([program, path, *arguments], capture_output=True, text=True)
    if run.returncode:
        sys.exit(f"{path} {arguments}: {run.stderr}")
    return json.loads(run.stdout)


def anonymous(pid):
    try:
        for line in open(f"/proc/{pid}/status"):
            if line.startswith("RssAnon:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


def linked(folder, data, count):
    """A folder of so many pictures, links to those of `data`."""
    path = folder / f"pictures-{count}"
    if path.exists():
        return path
    pictures = sorted(p for p in data.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
    random.Random(1).shuffle(pictures)  # of every class from the beginning
    for i in range(count):
        source = pictures[i % len(pictures)]
        to = path / source.parent.name / f"{source.stem}-{i // len(pictures):04}{source.suffix}"  # labels may stand in front
        to.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source, to)
        except OSError:
            to.symlink_to(source.resolve())
    return path


def trained(program, path, out, *arguments):
    clock, peak = time.monotonic(), 0
    run = subprocess.Popen([program, "train", path, "--out", out, "--force", "--quiet", *arguments],
                           stdout=subprocess.DEVNULL)
    while run.poll() is None:
        peak = max(peak, anonymous(run.pid))
        time.sleep(0.02)
    if run.returncode:
        sys.exit(f"{path}: exit code {run.returncode}")
    return time.monotonic() - clock, peak


def main():
    numbers = lambda text: [int(n) for n in text.split(",") if n]
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--folder", type=pathlib.Path, required=True)
    options.add_argument("--rows", type=numbers, default=[1_000, 10_000, 100_000, 1_000_000])
    options.add_argument("--pictures", type=numbers, default=[])
    options.add_argument("--from", dest="data", type=pathlib.Path)
    options.add_argument("--device", default="cpu")
    options.add_argument("--memory", default="256MiB")
    options.add_argument("--device-memory", default="64MiB")
    options.add_argument("--iterations", default="15")
    options.add_argument("--whole", type=int, default=100_000, help="up to so many rows are fitted without a budget too")
    options.add_argument("--scale", default="target/release/examples/scale")
    options.add_argument("--huemax", default="target/release/huemax")
    options.add_argument("--out", type=pathlib.Path)
    given = options.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    lines = []

    def say(line):
        print(line, flush=True)
        lines.append(line)

    budget = ["--memory", given.memory, "--device-memory", given.device_memory]
    say(f"rows of {COLUMNS} features, {CLASSES} classes, {given.iterations} iterations of L-BFGS, {' '.join(budget)}")
    say(f"{'device':<12}{'rows':>10}  {'how':<12}{'seconds':>9}{'training':>10}{'peak MiB':>10}{'objective':>13}  against no budget")
    for device in given.device.split(","):
        for rows in given.rows:
            path = made(given.folder, rows)
            common = ["--device", device, "--max-iter", given.iterations]
            whole = scale(given.scale, path, *common) if rows <= given.whole else None
            for how, more in [("in place", []), ("read", ["--read"])]:
                found = scale(given.scale, path, *common, *budget, *more)
                against = ""
                if whole:
                    off = found["objective"] / whole["objective"] - 1
                    same = found["parameters"] == whole["parameters"]
                    against = "the same bytes" if same else f"{off:+.1e}"
                    if abs(off) > 1e-6:
                        sys.exit(f"{device}, {rows} rows, {how}: the objective is {off:+.1e} off")
                say(f"{device:<12}{rows:>10}  {how:<12}{found['seconds']:>9.2f}{found['train_seconds']:>10.2f}"
                    f"{found['peak_kib'] / 1024:>10.0f}{found['objective']:>13.6f}  {against}")
    if given.pictures and given.data:
        say("")
        say(f"pictures of {given.data.name}, `huemax train` with {' '.join(budget)}")
        say(f"{'pictures':>10}{'seconds':>10}{'peak MiB':>10}")
        for count in given.pictures:
            path = linked(given.folder, given.data, count)
            seconds, peak = trained(given.huemax, path, given.folder / "run", *budget)
            say(f"{count:>10}{seconds:>10.2f}{peak / 1024:>10.0f}")
    if given.out:
        given.out.write_text("\n".join(lines) + "\n")


main()
