"""What the checks share: the program, pictures for it, and looking at what it leaves."""

import os
import random
import shutil
import subprocess
import tempfile
import time
from pathlib import Path


class Failure(Exception):
    """What must not happen."""


class Bench:
    """The program and the pictures that it is tried with."""

    def __init__(self, program, seed):
        self.program = Path(program).resolve()
        self.random = random.Random(seed)
        self.work = Path(tempfile.mkdtemp(prefix="huemax-reliability-"))
        self.env = {**os.environ, "RUST_BACKTRACE": "1", "NO_COLOR": "1"}

    def close(self):
        shutil.rmtree(self.work, ignore_errors=True)

    def pictures(self, per_class=20, classes=4):
        """A folder of the demo's pictures, a folder a class."""
        drawn = self.work / "drawn"
        if not drawn.exists():
            self.run("demo", drawn, "--device", "cpu", "--quiet")
        to = self.work / f"pictures-{classes}-{per_class}"
        if not to.exists():
            for folder in sorted(p for p in (drawn / "pictures").iterdir() if p.is_dir())[:classes]:
                (to / folder.name).mkdir(parents=True)
                for picture in sorted(folder.iterdir())[:per_class]:
                    shutil.copy2(picture, to / folder.name)
        return to

    def start(self, *arguments, **options):
        command = [str(self.program), *map(str, arguments)]
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": self.env, **options}
        return subprocess.Popen(command, **options)

    def run(self, *arguments, ok=True, **options):
        """Runs to the end; (status, standard output, standard error)."""
        process = self.start(*arguments, **options)
        try:
            out, err = process.communicate(timeout=600)
        except subprocess.TimeoutExpired:
            process.kill()
            raise Failure(f"did not end within 600 s: {arguments}") from None
        out, err = (out or b"").decode(errors="replace"), (err or b"").decode(errors="replace")
        sound(arguments, process.returncode, err)
        if ok and process.returncode != 0:
            raise Failure(f"{arguments} ended with {process.returncode}: {err.strip()}")
        return process.returncode, out, err


def sound(arguments, status, err):
    """Fails where a command panicked or was ended by the system."""
    if "panicked at" in err or status in (-6, -7, -11, 101, 134):
        raise Failure(f"{' '.join(map(str, arguments))} crashed ({status}):\n{err}")


def content(folder, names=None):
    """Names and bytes of the files in and below `folder`; of those called so."""
    files = sorted(p for p in Path(folder).rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): p.read_bytes() for p in files if names is None or p.name in names}


def said(err):
    """An error as one line, without the progress before it."""
    text = " ".join(err.split())
    return text[max(text.rfind("error: "), 0):][:300]


def timed(call):
    began = time.monotonic()
    result = call()
    return time.monotonic() - began, result
