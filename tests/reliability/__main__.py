"""Ends huemax in the middle, fills its disk, takes its output away, and lets it run for hours.

    python3 tests/reliability [kills|disk|outputs|together|soak ...] [--times N] [--seconds S] [--huemax PROGRAM]

Python's own library is enough. Without a name every check is run, in a short form. It ends with 1 at the first thing that must not
happen. `docs/reliability.md` has what it said.
"""

import argparse
import signal
import sys
import time
from pathlib import Path

import disk
import kills
import outputs
import soak
import together
from common import Bench, Failure

PROJECT = Path(__file__).resolve().parents[2]


def main():
    # Shells let what runs in the background ignore Ctrl-C, and huemax would leave it so.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checks", nargs="*", help="kills, disk, outputs, together, soak")
    parser.add_argument("--times", type=int, default=3, help="kills, disks, vanishing folders of each kind")
    parser.add_argument("--seconds", type=float, default=30, help="of the soak")
    parser.add_argument("--device", default="cpu", help="of the soak")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--huemax", default=str(PROJECT / "target/release/huemax"))
    arguments = parser.parse_args()
    known = {
        "kills": lambda bench: kills.check(bench, arguments.times),
        "disk": lambda bench: disk.check(bench, arguments.times),
        "outputs": lambda bench: outputs.check(bench, arguments.times),
        "together": lambda bench: together.check(bench, arguments.times),
        "soak": lambda bench: soak.check(bench, arguments.seconds, arguments.device),
    }
    for name in arguments.checks:
        if name not in known:
            parser.error(f"{name!r} is none of {', '.join(known)}")
    if not Path(arguments.huemax).is_file():
        parser.error(f"there is no {arguments.huemax}; build it (cargo build --release), or name another with --huemax")
    for name in arguments.checks or known:
        bench, began = Bench(arguments.huemax, arguments.seed), time.monotonic()
        print(f"== {name}", flush=True)
        try:
            known[name](bench)
        except Failure as failure:
            print(f"FAILED: {failure}", flush=True)
            return 1
        finally:
            bench.close()
        print(f"   {time.monotonic() - began:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
