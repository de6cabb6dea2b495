"""What many tests need: the tiny checkpoint, written once a process; and which tests may be skipped."""

import os
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import pytest

if TYPE_CHECKING:  # they take seconds to import, which only those who need them shall wait for
    from model.weights.checkpoint import Janus

os.environ["OMP_NUM_THREADS"] = "1"  # torch's: tests run beside each other, a process each

SKIPS_FAIL: Final = bool(os.environ.get("SKIPPED_TESTS_FAIL"))  # where everything that tests need shall be there
MAY_BE_SKIPPED: Final = {  # by a word of the reason: what not every such machine can have
    "JANUS_REFERENCE": "names a checkpoint of 1.6 GB that is not in the repository",
    "CUDA": "needs a GPU",
    "control groups": "takes root on Linux",
    "systemd": "is not on every Linux",
}
Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def failed_if_skipped(report: Report) -> Report:
    """Turn a skipped test into a failed one, unless its reason is in the list."""
    if SKIPS_FAIL and report.skipped and isinstance(report.longrepr, tuple):
        *_, reason = report.longrepr
        if not any(word in reason for word in MAY_BE_SKIPPED):
            report.outcome = "failed"
            report.longrepr = f"SKIPPED_TESTS_FAIL is set, and this test can't run: {reason}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return failed_if_skipped((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return failed_if_skipped((yield))


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny checkpoint's folder, in transformers' layout. Not to be changed."""
    from tests.tiny import write

    return write(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def tiny(tiny_folder: Path) -> "Janus":
    """The tiny checkpoint, loaded: float32, CPU."""
    from model.weights.checkpoint import load

    return load(tiny_folder, device="cpu")
