"""What a container or a service may take of a computer's memory: the limits of its control groups, on Linux.

A process is in one group of a tree, and the limits of all groups above it hold as well. A container sees its own group
as the top of the tree, but may still be told the path that it has outside: what is not there of a path is passed over.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class _Tree(NamedTuple):
    """Where systems mount a tree of groups, and its files: the limit, and what is used of it."""

    folder: str
    limit: str
    used: str


UNIFIED = _Tree("sys/fs/cgroup", "memory.max", "memory.current")  # version 2
MEMORY = _Tree("sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes")  # version 1: one for memory
CACHED = ("total_inactive_file", "total_active_file", "inactive_file", "active_file")  # version 1 has "total", 2 not
UNLIMITED = 2**60  # version 1 says so by a number of this size, rounded to pages


def memory_limit(root: Path = Path("/")) -> tuple[int, int] | None:
    """Tell how many bytes this process's groups may hold, and how many of them are free; None where nothing limits it.

    `root`: the folder that holds proc and sys.
    """
    found = [limit for tree, group in _groups(root) if (limit := _limit(tree, group))]
    return (min(most for most, _ in found), min(free for _, free in found)) if found else None


def _groups(root: Path) -> Iterator[tuple[_Tree, Path]]:
    """Go through the groups that this process is in, each from its own up to the top of its tree."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:  # no Linux
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers or "memory" in controllers.split(","):
            tree = MEMORY if controllers else UNIFIED
            top = root / tree.folder
            own = top / path.lstrip("/")
            yield from ((tree, group) for group in (own, *own.parents) if group.is_relative_to(top))


def _limit(tree: _Tree, group: Path) -> tuple[int, int] | None:
    """Read a group's limit and what is free of it, in bytes; so are files that are cached, for they can be dropped."""
    try:
        most = (group / tree.limit).read_text().strip()
        used = int((group / tree.used).read_text())
        told = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    except OSError:  # not there, or not for us
        return None
    if most == "max" or int(most) >= UNLIMITED:
        return None
    whole = "total_active_file" in told
    cached = sum(int(told.get(name, "0")) for name in CACHED if name.startswith("total_") == whole)
    return int(most), min(int(most), max(0, int(most) - used + cached))
