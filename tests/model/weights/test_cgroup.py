"""What control groups say of memory: on made-up trees, and of a process in a real group."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from bot.config import ROOT
from model.weights.cgroup import memory_limit

GIB = 2**30
REAL = Path("/sys/fs/cgroup/memory/janus-bot-test"), Path("/sys/fs/cgroup/janus-bot-test")


def tree(root: Path, own: str, groups: Mapping[str, Mapping[str, object]]) -> Path:
    """Write /proc/self/cgroup, and the files of every group."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(own)
    for group, files in groups.items():
        folder = root / "sys/fs/cgroup" / group
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_text(f"{content}\n")
    return root


def unified(limit: object, used: int, cached: int = 0) -> dict[str, object]:
    stat = f"anon {used - cached}\nfile {cached}\ninactive_file {cached // 2}\nactive_file {cached - cached // 2}"
    return {"memory.max": limit, "memory.current": used, "memory.stat": stat}


def older(limit: int, used: int, cached: int = 0) -> dict[str, object]:
    stat = f"cache 0\ninactive_file 5\nactive_file 5\ntotal_inactive_file {cached}\ntotal_active_file 0"
    return {"memory.limit_in_bytes": limit, "memory.usage_in_bytes": used, "memory.stat": stat}


def test_a_container_sees_its_own_group_as_the_top(tmp_path: Path) -> None:
    tree(tmp_path, "0::/\n", {".": unified(8 * GIB, 3 * GIB, cached=2 * GIB)})
    assert memory_limit(tmp_path) == (8 * GIB, 7 * GIB)  # what is cached of files can be dropped


def test_the_least_of_all_groups_above_holds(tmp_path: Path) -> None:
    groups: dict[str, dict[str, object]] = {
        ".": {"cgroup.controllers": "memory"},  # the top of a whole system has no limit
        "system.slice": unified(6 * GIB, 5 * GIB),
        "system.slice/janus-bot.service": unified(8 * GIB, 1 * GIB),
    }
    tree(tmp_path, "0::/system.slice/janus-bot.service\n", groups)
    assert memory_limit(tmp_path) == (6 * GIB, 1 * GIB)


def test_where_nothing_limits_there_is_no_limit(tmp_path: Path) -> None:
    assert memory_limit(tmp_path) is None  # no Linux
    tree(tmp_path, "0::/user.slice\n", {"user.slice": unified("max", GIB)})
    assert memory_limit(tmp_path) is None


def test_the_older_tree_and_a_path_that_only_the_host_sees(tmp_path: Path) -> None:
    own = "9:name=systemd:/docker/1234\n4:memory:/docker/1234\n0::/\n"
    tree(tmp_path, own, {"memory": older(4 * GIB, 4 * GIB, cached=3 * GIB)})
    assert memory_limit(tmp_path) == (4 * GIB, 3 * GIB)


def test_the_older_tree_says_by_a_huge_number_that_there_is_no_limit(tmp_path: Path) -> None:
    tree(tmp_path, "4:cpu,memory:/\n", {"memory": older(2**63 - 4096, GIB)})
    assert memory_limit(tmp_path) is None


def test_more_than_the_limit_is_never_free(tmp_path: Path) -> None:
    tree(tmp_path, "0::/\n", {".": unified(1 * GIB, 2 * GIB)})
    assert memory_limit(tmp_path) == (GIB, 0)


@pytest.fixture
def group() -> Iterator[Path]:
    """A real group that may hold 700 MiB."""
    for folder, limit in zip(REAL, ("memory.limit_in_bytes", "memory.max"), strict=True):
        try:
            folder.mkdir()
        except OSError:
            continue
        try:
            (folder / limit).write_text(str(700 * 2**20))
            yield folder
            return
        except OSError:
            continue
        finally:
            folder.rmdir()
    pytest.skip("control groups can't be made here: that takes root, and a writable /sys/fs/cgroup")


def test_the_memory_plan_of_a_real_process_keeps_within_its_group(group: Path) -> None:
    script = (
        "from pathlib import Path; import os, sys\n"
        "Path(sys.argv[1], 'cgroup.procs').write_text(str(os.getpid()))\n"
        "import torch\n"
        "from model.engine.memory import free_bytes\n"
        "from model.weights.machine import this_machine\n"
        "print(this_machine('cpu').memory, free_bytes(torch.device('cpu')))"
    )
    told = subprocess.run(
        [sys.executable, "-c", script, str(group)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    memory, free = map(int, told.stdout.split())
    assert memory == 700 * 2**20
    assert 0 < free < 350 * 2**20
