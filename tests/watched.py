"""Runs a program to its end and writes what it took.

    python3 -I -S watched.py FILE PROGRAM [ARGUMENT ...]

FILE becomes JSON: "status", "peak" in MiB, "handles" and "threads", the most that were seen every 10 ms. A small process of its own, as
Linux counts the memory of whoever starts a program into the program's peak: below what this one has itself (8 MiB) no peak is told.
"""

import json
import os
import sys
import time


def entries(folder):
    try:
        return len(os.listdir(folder))
    except OSError:
        return 0


def main():
    pid = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
    handles = threads = ended = 0
    while not ended:
        handles = max(handles, entries(f"/proc/{pid}/fd"))
        threads = max(threads, entries(f"/proc/{pid}/task"))
        ended, code, usage = os.wait4(pid, os.WNOHANG)
        if not ended:
            time.sleep(0.01)
    taken = {"status": os.waitstatus_to_exitcode(code), "peak": usage.ru_maxrss / 1024, "handles": handles, "threads": threads}
    with open(sys.argv[1], "w") as file:
        json.dump(taken, file)


if __name__ == "__main__":
    main()
