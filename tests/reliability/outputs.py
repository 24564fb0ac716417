"""Where output goes: a closed pipe, a folder that is read-only, one that vanishes, clocks that jump."""

import os
import shutil
import subprocess
import time

from common import Failure, content, said, sound
from disk import mount, unmount

CPU = ["--device", "cpu"]


def closed_pipe(bench, data, model):
    """`| head -1`, and a pipe that nobody reads from the beginning."""
    commands = [
        ["devices"], ["devices", "--json"], ["explain"], ["verify", "--quick", *CPU], ["predict", model, data, *CPU],
        ["predict", model, data, "--format", "csv", *CPU], ["predict", model, data, "--json", *CPU], ["evaluate", model, data, *CPU],
        ["train", data, "--no-cache", "--json", "--out", bench.work / "piped", "--force", *CPU],
        ["extract", data, "--json", "--out", bench.work / "piped-store", *CPU],
        ["bench", "--quick", "--stage", "normalize", *CPU], ["--help"], ["train", "--help"],
    ]
    statuses = set()
    for command in commands:
        for lines in (0, 1):
            process = bench.start(*command)
            for _ in range(lines):
                process.stdout.readline()
            process.stdout.close()
            err = process.stderr.read().decode(errors="replace")
            status = process.wait(timeout=600)
            sound(command, status, err)
            statuses.add(status)
    print(f"closed pipe: {len(commands)} commands, read for no line and for one: none crashed, they ended with {sorted(statuses)}")


def read_only(bench, data, model):
    folder = bench.work / "read-only"
    if not mount(folder, 4096):
        print("read-only: not checked, as no file system can be mounted here (root can)")
        return
    try:
        (folder / "mine.txt").write_text("precious")
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        before = content(folder)
        for command in (
            ["extract", data, "--out", folder / "store", *CPU],
            ["train", data, "--out", folder / "run", *CPU],
            ["evaluate", model, data, "--out", folder / "evaluation", *CPU],
            ["bench", "--quick", "--stage", "normalize", "--json", folder / "bench.json", *CPU],
            ["demo", folder / "demo", *CPU],
        ):
            status, _, err = bench.run(*command, ok=False)
            if status == 0 or str(folder) not in err:
                raise Failure(f"{command} on a read-only disk ended with {status}: {said(err)}")
            print(f"    {command[0]}: {said(err).replace(str(folder), 'DISK')[:150]}")
        if content(folder) != before:
            raise Failure("something on the read-only disk has changed")
    finally:
        unmount(folder)
    print("read-only: 5 commands: an error that names the path")


def vanishing(bench, data, times):
    """The folder for the output is removed while the command is at work."""
    outcomes = {}
    for i in range(times):
        for command in ("extract", "train"):
            out = bench.work / "vanishing"
            shutil.rmtree(out, ignore_errors=True)
            extra = ["--checkpoint-every", "0.02"]
            if command == "train":
                extra += ["--solver", "adam", "--epochs", "1500"]
            process = bench.start(command, data, "--out", out, *extra, *CPU)
            time.sleep(bench.random.uniform(0, 0.6))
            shutil.rmtree(out, ignore_errors=True)
            _, err = process.communicate(timeout=600)
            err = err.decode(errors="replace")
            sound([command, i], process.returncode, err)
            if process.returncode != 0 and "huemax" not in err and "error" not in err:
                raise Failure(f"{command} ended with {process.returncode} and said nothing: {said(err)}")
            outcomes[command, process.returncode] = outcomes.get((command, process.returncode), 0) + 1
    told = ", ".join(f"{command} ended with {status}: {n}" for (command, status), n in sorted(outcomes.items()))
    print(f"vanishing folder: {2 * times} runs, none crashed ({told})")


def clocks(bench, data):
    """Pictures from the future and from before 1970; and, with `faketime`, a clock that runs back and jumps."""
    odd = bench.work / "odd-times"
    shutil.copytree(data, odd)
    for i, picture in enumerate(sorted(p for p in odd.rglob("*.jpg"))):
        os.utime(picture, (0, [4e9, -1e9, 0, 1][i % 4]))
    store = bench.work / "odd-store"
    _, first, _ = bench.run("extract", odd, "--out", store, "--json", *CPU)
    before = content(store)
    _, second, _ = bench.run("extract", odd, "--out", store, "--json", *CPU)
    if content(store) != before or '"read": 0' not in second.replace('":0', '": 0'):
        raise Failure(f"pictures with odd times were read again: {second}")
    print("clocks: pictures of 2096, 1938, 1970: kept at the second run")
    if not shutil.which("faketime"):
        print("clocks: jumps not checked, as there is no `faketime`")
        return
    reference = bench.work / "clock-reference"
    arguments = ["train", data, "--no-cache", "--solver", "adam", "--epochs", "400", *CPU]
    bench.run(*arguments, "--out", reference, "--quiet")
    names = ("model.safetensors", "predictions.csv")
    for spec in ("-20y", "+60y", "1970-01-01 00:00:10", "@2030-01-01 00:00:00 x5000"):
        out = bench.work / "clock"
        shutil.rmtree(out, ignore_errors=True)
        command = ["faketime", "-f", spec, str(bench.program), *map(str, arguments), "--out", str(out), "--checkpoint-every", "1"]
        process = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False, env=bench.env)
        sound(command, process.returncode, process.stderr)
        if process.returncode != 0 or content(out, names) != content(reference, names):
            raise Failure(f"with the clock at {spec}: {process.returncode}: {said(process.stderr)}")
    print("clocks: training under 4 clocks that are wrong, jump or race (faketime): the same bytes")


def check(bench, times):
    data = bench.pictures(per_class=60)
    run = bench.work / "outputs-model"
    bench.run("train", data, "--out", run, "--no-cache", "--quiet", *CPU)
    model = run / "model.safetensors"
    closed_pipe(bench, data, model)
    read_only(bench, data, model)
    vanishing(bench, data, times)
    clocks(bench, data)
