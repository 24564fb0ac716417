"""Two of the same command into one folder at once: one is refused, or both end in the same bytes; never a mixture."""

import shutil
import time

from common import Failure, content, said, sound

CPU = ["--device", "cpu"]


def check(bench, times):
    data = bench.pictures(per_class=60)
    run = bench.work / "together-model"
    bench.run("train", data, "--out", run, "--no-cache", "--quiet", *CPU)
    model = run / "model.safetensors"
    out, other = bench.work / "together", bench.work / "together-cache"
    jobs = {
        "extract": (["extract", data, "--out", out, *CPU], ("features.npy", "samples.csv", "features.json")),
        "train": (["train", data, "--out", out, "--force", "--solver", "adam", "--epochs", "300", *CPU], ("model.safetensors", "predictions.csv")),
        "train, one cache": (["train", data, "--cache", other, "--out", None, *CPU], ("model.safetensors",)),
        "evaluate": (["evaluate", model, data, "--out", out, "--force", *CPU], ("predictions.csv",)),
    }
    for name, (command, names) in jobs.items():
        statuses, messages, reference = {}, set(), None
        for _ in range(times + 1):
            shutil.rmtree(out, ignore_errors=True)
            shutil.rmtree(other, ignore_errors=True)
            outs = [out / "a", out / "b"] if None in command else [out, out]
            commands = [[where if part is None else part for part in command] for where in outs]
            if reference is None:
                bench.run(*commands[0], "--quiet")
                reference = content(outs[0], names)
                shutil.rmtree(out, ignore_errors=True)
                shutil.rmtree(other, ignore_errors=True)
            first = bench.start(*commands[0])
            time.sleep(bench.random.uniform(0, 0.15))
            second = bench.start(*commands[1])
            ends = []
            for process, arguments in ((first, commands[0]), (second, commands[1])):
                _, err = process.communicate(timeout=600)
                err = err.decode(errors="replace")
                sound(arguments, process.returncode, err)
                ends.append(process.returncode)
                if process.returncode != 0:
                    if not any(word in err for word in ("another huemax", "exists", "already")):
                        raise Failure(f"{name}: {said(err)}")
                    messages.add(said(err).replace(str(bench.work), "FOLDER"))
            if 0 not in ends:
                raise Failure(f"{name}: both were refused: {messages}")
            for where, status in zip(outs, ends):
                now = content(where, names) if status == 0 or where == out else reference
                if {file: b for file, b in now.items() if "features/" not in file} != {
                    file: b for file, b in reference.items() if "features/" not in file
                }:
                    raise Failure(f"{name}: other bytes than alone")
            statuses[tuple(ends)] = statuses.get(tuple(ends), 0) + 1
        print(f"{name}: {times + 1} pairs, they ended with {statuses}: the same bytes as alone")
        for message in sorted(messages)[:2]:
            print(f"    {message[:200]}")
