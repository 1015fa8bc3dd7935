"""Tells whether others use the cores: results that are kept come from a quiet machine.

As a program, `quiet.py NOTES` stands for the process that started it. The first call, before NOTES is there, looks for a moment; every
later one looks at all the time since the call before it. It ends with 1, and says why, where others took more than they may.
"""

import json
import os
import sys
import time
from pathlib import Path

# Of one core, on average.
ALLOWED = 0.1
MOMENT = 2
TICKS = os.sysconf("SC_CLK_TCK")


def all_seconds() -> float:
    """Processor time of everything since the machine started, and what its host took away."""
    user, nice, system, _, _, _, _, steal = map(int, Path("/proc/stat").read_text().split(maxsplit=9)[1:9])
    return (user + nice + system + steal) / TICKS


def tree_seconds(root: int) -> float:
    """Processor time of a process and all that descend from it, those that have ended too."""
    times, children = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # It ended meanwhile.
            continue
        times[int(folder.name)] = sum(map(int, fields[11:15])) / TICKS
        children.setdefault(int(fields[1]), []).append(int(folder.name))
    total, left = 0.0, [root]
    while left:
        process = left.pop()
        total += times.get(process, 0)
        left += children.get(process, [])
    return total


class Watch:
    """What others take beside the process `root` and its descendants."""

    def __init__(self, root: int, notes: dict | None = None):
        self.root = root
        self.notes = notes or self.now()
        if notes is None:
            time.sleep(MOMENT)

    def now(self) -> dict:
        return {"clock": time.monotonic(), "all": all_seconds(), "own": tree_seconds(self.root)}

    def complaint(self) -> str | None:
        """Why results of the time since the last call must not be kept, or nothing."""
        before, self.notes = self.notes, self.now()
        elapsed, everything, own = (self.notes[key] - before[key] for key in ("clock", "all", "own"))
        others = (everything - own) / max(elapsed, 1e-9)
        if others <= ALLOWED:
            return None
        return (
            f"the machine is not quiet: in {elapsed:.0f} s others took {100 * others:.0f} % of a core, at most {100 * ALLOWED:.0f} % may be; "
            "no results are written"
        )


def watch() -> Watch | None:
    """Of this process; ends it where the machine is busy already. Only Linux tells."""
    if not Path("/proc/stat").exists():
        return None
    found = Watch(os.getpid())
    refuse(found)
    return found


def refuse(watch: Watch | None) -> None:
    """Ends the process where others took more than they may since the last call."""
    if watch and (complaint := watch.complaint()):
        sys.exit(complaint)


if __name__ == "__main__" and Path("/proc/stat").exists():
    path = Path(sys.argv[1])
    own = Watch(os.getppid(), json.loads(path.read_text()) if path.exists() else None)
    refuse(own)
    path.write_text(json.dumps(own.notes))
