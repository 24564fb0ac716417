"""A disk that is full: a small file system in memory, of many sizes. Linux, and the right to mount one."""

import shutil
import subprocess

from common import Failure, content, said


def mount(folder, kib):
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={kib}k", "none", str(folder)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def resize(folder, kib):
    subprocess.run(["mount", "-o", f"remount,size={kib}k", str(folder)], check=True)


def unmount(folder):
    subprocess.run(["umount", "-l", str(folder)], check=False)


def jobs(bench):
    """Commands that write, the files that matter, and whether the same bytes come on an empty disk."""
    data = bench.pictures(per_class=60)
    model = bench.work / "model"
    bench.run("train", data, "--out", model, "--device", "cpu", "--quiet", "--no-cache")
    model = model / "model.safetensors"
    cpu = ["--device", "cpu"]
    return [
        ("extract", lambda to: ["extract", data, "--out", to / "store", *cpu], ("features.npy", "samples.csv", "features.json")),
        ("train", lambda to: ["train", data, "--out", to / "run", "--force", *cpu], ("model.safetensors", "predictions.csv")),
        ("train --no-cache", lambda to: ["train", data, "--out", to / "run", "--force", "--no-cache", *cpu],
         ("model.safetensors", "predictions.csv")),
        ("evaluate", lambda to: ["evaluate", model, data, "--out", to / "evaluation", "--force", *cpu], ("predictions.csv",)),
        ("train --tensorboard", lambda to: ["train", data, "--out", to / "run", "--force", "--no-cache", "--tensorboard",
                                           to / "events", *cpu], ("model.safetensors",)),
        ("bench --json", lambda to: ["bench", "--quick", "--stage", "normalize", "--json", to / "bench.json", "--force", *cpu], ()),
        ("demo", lambda to: ["demo", to / "demo", *cpu], ()),
    ]


def check(bench, times):
    disk = bench.work / "disk"
    if not mount(disk, 64):
        print("disk: not checked, as no file system can be mounted here (root can)")
        return
    unmount(disk)
    for name, command, names in jobs(bench):
        reference = bench.work / "reference"
        shutil.rmtree(reference, ignore_errors=True)
        reference.mkdir()
        bench.run(*command(reference), "--quiet")
        wanted = content(reference, names) if names else {}
        need = sum(len(b) for b in content(reference).values()) // 1024 + 16
        full = 0
        messages = set()
        for i in range(times):
            kib = 4 + int(need * (i + bench.random.random()) / times)
            mount(disk, kib)
            try:
                # Something that was there before.
                (disk / "mine.txt").write_bytes(b"precious")
                status, out, err = bench.run(*command(disk), ok=False)
                if status != 0:
                    full += 1
                    if "space" not in err and "No space" not in out:
                        raise Failure(f"{name} on {kib} KiB says nothing of space: {said(err)}")
                    messages.add(said(err)[:140].replace(str(disk), "DISK"))
                if (disk / "mine.txt").read_bytes() != b"precious":
                    raise Failure("another file was touched")
                resize(disk, 64 * 1024)
                status, _, err = bench.run(*command(disk), "--quiet", ok=False)
                if status != 0:
                    raise Failure(f"{name} on {kib} KiB, and again with room: {said(err)}")
                now = content(disk, names) if names else {}
                for file, bytes_ in wanted.items():
                    if "features/" not in file and now.get(file) != bytes_:
                        raise Failure(f"{name} on {kib} KiB, and again with room: {file} differs")
            finally:
                unmount(disk)
        print(f"{name}: {times} disks of 4 to {need + 4} KiB, {full} of them full: an error that says so, and the same command "
              "goes on once there is room")
        if full:
            print(f"    for example: {min(messages, key=len)}")
