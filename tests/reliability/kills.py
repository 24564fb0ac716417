"""Kills, SIGTERM and Ctrl-C at random moments: what was there before is there, and the same command goes on to the same bytes."""

import shutil
import signal
import time

from common import Failure, content, sound, timed

STORE = ("features.npy", "samples.csv", "features.json")
RUN = ("model.safetensors", "predictions.csv")


def extract(bench):
    """(name, prepare, command, names): extract into a store that is there with half of the pictures."""
    half, whole = bench.pictures(per_class=30), bench.pictures(per_class=60)
    data, old = bench.work / "data", bench.work / "old-store"
    # A store belongs to its folder: pictures are added to the same one.
    shutil.copytree(half, data)
    bench.run("extract", data, "--out", old, "--device", "cpu", "--quiet")
    shutil.copytree(whole, data, dirs_exist_ok=True)

    def prepare(out):
        shutil.copytree(old, out)

    return "extract", prepare, lambda out: ["extract", data, "--out", out, "--device", "cpu", "--checkpoint-every", "0.01"], STORE


def train(bench):
    """Training over an older run with other settings."""
    data, old = bench.pictures(per_class=60), bench.work / "old-run"
    bench.run("train", data, "--out", old, "--seed", "1", "--device", "cpu", "--quiet")

    def prepare(out):
        shutil.copytree(old, out)

    def command(out):
        return ["train", data, "--out", out, "--force", "--solver", "adam", "--epochs", "1500", "--device", "cpu",
                "--checkpoint-every", "0.02"]

    return "train", prepare, command, RUN


def again(bench, command, out):
    """The command that goes on: that of the checkpoint, where one is there."""
    if command(out)[0] == "train" and any(out.glob("checkpoint*.safetensors")):
        return ["train", "--resume", out]
    return command(out)


def check_old(bench, name, old, out, names, reference):
    """What is there after an end in the middle: the old files whole, or the new ones whole."""
    now = content(out, names)
    if name == "train":
        # Each file is replaced as a whole.
        for file, bytes_ in now.items():
            if "/" not in file and bytes_ not in (old.get(file), reference.get(file)):
                raise Failure(f"{file} is neither the old one nor the new one")
        missing = [file for file in old if file not in now]
        if missing:
            raise Failure(f"gone: {missing}")
    else:
        status, _, err = bench.run("train", out, "--out", bench.work / "probe", "--force", "--device", "cpu", "--quiet", ok=False)
        if status != 0 and "interrupted at the very end" not in err:
            raise Failure(f"the store cannot be read: {err}")


def interrupted(bench, job, times, kind):
    """Ends `job` at `times` random moments by `kind`, and goes on each time."""
    name, prepare, command, names = job
    out = bench.work / f"{name}-out"

    def fresh():
        shutil.rmtree(out, ignore_errors=True)
        prepare(out)

    fresh()
    old = {file: b for file, b in content(out, names).items() if "/" not in file}
    seconds, _ = timed(lambda: bench.run(*command(out), "--quiet"))
    reference = {file: b for file, b in content(out, names).items() if "/" not in file}
    in_middle = resumed = 0
    for _ in range(times):
        fresh()
        for _ in range(200):
            arguments = again(bench, command, out)
            process = bench.start(*arguments)
            time.sleep(bench.random.uniform(0, 1.1 * seconds))
            running = process.poll() is None
            process.send_signal(kind)
            _, err = process.communicate(timeout=600)
            err = err.decode(errors="replace")
            if kind != signal.SIGKILL:
                sound(arguments, process.returncode, err)
            if not running or process.returncode == 0:
                if process.returncode != 0:
                    raise Failure(f"{arguments} ended with {process.returncode}: {err}")
                break
            in_middle += 1
            check_old(bench, name, old, out, names, reference)
            if bench.random.random() < 0.5:
                resumed += 1
                bench.run(*again(bench, command, out), "--quiet")
                break
        else:
            raise Failure("never came to its end")
        now = {file: b for file, b in content(out, names).items() if "/" not in file}
        if now != reference:
            different = [file for file in reference if now.get(file) != reference[file]]
            raise Failure(f"{name}: other bytes after going on: {different}")
        left = [p.name for p in out.rglob("*") if p.name.startswith(".huemax-") or p.name.endswith(".part")]
        if left:
            raise Failure(f"{name}: left behind: {left}")
    print(f"{name}: {times} runs, {in_middle} times ended by {kind.name} in the middle ({seconds:.1f} s undisturbed): "
          f"every time the same bytes, and the old files until then")


def check(bench, times):
    for make in (extract, train):
        job = make(bench)
        interrupted(bench, job, times, signal.SIGKILL)
        for kind in (signal.SIGTERM, signal.SIGINT):
            interrupted(bench, job, max(1, times // 3), kind)
