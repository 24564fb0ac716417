"""Hours of mixed commands: their memory, the memory and handles of one long training, and what is left on the disk stay what they were."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from common import Failure, said, sound

CPU = ["--device", "cpu"]
WATCHED = Path(__file__).parent.with_name("watched.py")


def measured(bench, *arguments):
    """Runs a command to its end: (peak memory in MiB, most file handles, most threads)."""
    taken = bench.work / "taken.json"
    command = [sys.executable, "-I", "-S", WATCHED, taken, bench.program, *arguments]
    with open(bench.work / "err", "wb") as err:
        subprocess.run(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=err, env=bench.env, check=True)
    taken, text = json.loads(taken.read_text()), (bench.work / "err").read_text(errors="replace")
    sound(arguments, taken["status"], text)
    if taken["status"] != 0:
        raise Failure(f"{arguments} ended with {taken['status']}: {said(text)}")
    return taken["peak"], taken["handles"], taken["threads"]


def long_run(bench, data, seconds):
    """One training of `seconds`: its memory and handles as it goes."""
    out = bench.work / "long"
    shutil.rmtree(out, ignore_errors=True)
    with open(bench.work / "long.out", "wb") as log:
        process = bench.start("train", data, "--no-cache", "--out", out, "--solver", "adam", "--epochs", "100000000",
                              "--checkpoint-every", "0.5", "--json", *CPU, stdout=log, stderr=log)
        samples, began = [], time.monotonic()
        try:
            while time.monotonic() - began < seconds and process.poll() is None:
                status = Path(f"/proc/{process.pid}/status").read_text()
                rss = next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))
                samples.append((rss, len(os.listdir(f"/proc/{process.pid}/fd"))))
                time.sleep(max(0.2, seconds / 2000))
        finally:
            if process.poll() is not None:
                raise Failure(f"the long training ended with {process.returncode}")
            process.terminate()
            process.wait(timeout=120)
    if not any(out.glob("checkpoint*.safetensors")):
        raise Failure("the long training left no checkpoint at SIGTERM")
    fifth = max(1, len(samples) // 5)
    early, late = samples[fifth:2 * fifth] or samples, samples[-fifth:]
    memory = lambda part: statistics.median(sample[0] for sample in part)
    # A checkpoint may be open as one looks; what leaks stays open.
    handles = lambda part: min(sample[1] for sample in part)
    print(f"one training of {seconds:.0f} s, a checkpoint every half second: {memory(early):.1f} MiB and at least {handles(early)} handles "
          f"in its second fifth, {memory(late):.1f} MiB and {handles(late)} in its last")
    if memory(late) > 1.05 * memory(early) + 2 or len(late) >= 10 and handles(late) > handles(early):
        raise Failure("memory or handles of a long training grow")


def check(bench, seconds, device="cpu"):
    data = bench.pictures(per_class=60)
    run = bench.work / "soak-model"
    on = ["--device", device]
    bench.run("train", data, "--out", run, "--no-cache", "--quiet", *on)
    bench.run("extract", data, "--out", bench.work / "soak-store", "--quiet", *on)
    model, store, cache = run / "model.safetensors", bench.work / "soak-store", bench.work / "soak-cache"
    commands = {
        "extract (kept)": ["extract", data, "--out", store, *on],
        "extract (rehash)": ["extract", data, "--out", store, "--rehash", *on],
        "extract (anew)": ["extract", data, "--out", store, "--force", *on],
        "train": ["train", data, "--cache", cache, "--out", bench.work / "soak-run", "--force", *on],
        "train store": ["train", store, "--out", bench.work / "soak-run", "--force", *on],
        "train, streamed": ["train", store, "--memory", "8MiB", "--device-memory", "1MiB", "--out", bench.work / "soak-run", "--force",
                            *on],
        "sweep": ["train", data, "--cache", cache, "-C", "0.1,1,10", "--folds", "3", "--out", bench.work / "soak-run", "--force", *on],
        "mini-batches": ["train", data, "--cache", cache, "--solver", "sgd", "--epochs", "30", "--out", bench.work / "soak-run", "--force",
                         *on],
        "evaluate": ["evaluate", model, data, "--cache", cache, "--out", bench.work / "soak-evaluation", "--force", *on],
        "predict": ["predict", model, data, *on],
        "predict --json": ["predict", model, data, "--json", *on],
    }
    long = min(seconds / 6, 1200)
    long_run(bench, data, long)
    seen = {name: [] for name in commands}
    sizes, count, began = [], 0, time.monotonic()
    while time.monotonic() - began < seconds - long:
        for name in bench.random.sample(list(commands), len(commands)):
            seen[name].append(measured(bench, *commands[name]))
            count += 1
        sizes.append((sum(p.stat().st_size for p in bench.work.rglob("*") if p.is_file()), len(list(bench.work.rglob("*")))))
    print(f"{count} commands in {(time.monotonic() - began) / 60:.0f} min, {len(sizes)} rounds, on {device}; medians of the first third and "
          "of the last")
    grown = []
    for name, samples in seen.items():
        third = max(1, len(samples) // 3)
        first, last = samples[:third], samples[-third:]
        row = [(statistics.median(s[i] for s in first), statistics.median(s[i] for s in last)) for i in range(3)]
        print(f"    {name:18} peak {row[0][0]:6.1f} → {row[0][1]:6.1f} MiB   handles {row[1][0]:3.0f} → {row[1][1]:3.0f}"
              f"   threads {row[2][0]:3.0f} → {row[2][1]:3.0f}")
        # Of handles one sees what is open every 10 ms, which in commands this short is luck: the most of many, and generously.
        most = [max(s[1] for s in part) for part in (first, last)]
        if len(samples) >= 9 and (row[0][1] > 1.1 * row[0][0] + 4 or most[1] > most[0] + 8):
            grown.append(name)
    print(f"    on the disk        {sizes[0][0] / 2**20:.1f} → {sizes[-1][0] / 2**20:.1f} MiB in {sizes[0][1]} → {sizes[-1][1]} files")
    if sizes[-1][1] > sizes[0][1]:
        raise Failure("files are left behind")
    if grown:
        raise Failure(f"these grow: {grown}")
