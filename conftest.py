"""What every run of pytest needs, whether it tests the library, the house or a chapter.

It stands at the top so that `pytest book/counting/rprop.ipynb` compares pictures, too.
"""

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT / "tools"))

from notebooks import set_kernel_variables  # noqa: E402

set_kernel_variables()  # before anything imports NumPy: one BLAS thread

import pytest  # noqa: E402
from compare_outputs import Output, pictures_faults, side_by_side, split  # noqa: E402
from hypothesis import settings  # noqa: E402
from nbval.plugin import IPyNbCell  # noqa: E402

# The same examples at each run, here and on other machines, so that a red test stays red until
# it is mended. To search farther: HYPOTHESIS_PROFILE=explore pytest tests
settings.register_profile("course", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("explore", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "course"))

FAILURES = ROOT / "_build" / "pictures"


@pytest.fixture(scope="session", autouse=True)
def _draw_without_a_window() -> None:
    """Let unit tests that draw do so without a screen (notebooks draw inline)."""
    import matplotlib

    matplotlib.use("agg")


# Assignments, as students get them, fail on purpose: tests/coursework runs them in its own way.
collect_ignore_glob = ["book/coursework/*.ipynb"]


# --- Several processes -------------------------------------------------------------------------


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """With -n, a file stays within one process; the longest is split: by assignment."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            part = re.search(r"test_answers\.py::\w+\[(\w+)-", nodeid)
            return super()._split_scope(nodeid) + (f" {part[1]}" if part else "")

    return Scheduling(config, log)


# --- Pictures in notebooks ---------------------------------------------------------------------

_compare_text = IPyNbCell.compare_outputs


def compare_outputs(
    cell: IPyNbCell, fresh: list[Output], stored: list[Output], skip_compare: object = None
) -> bool:
    """Do nbval's comparison on everything but pictures, then compare those as pictures."""
    fresh_rest, fresh_pictures = split(fresh)
    stored_rest, stored_pictures = split(stored)
    from nbformat import from_dict

    if not _compare_text(cell, from_dict(fresh_rest), from_dict(stored_rest), skip_compare):
        return False
    faults = pictures_faults(stored_pictures, fresh_pictures)
    for number, fault in faults:
        cell.comparison_traceback.append(f"picture {number}: {fault}" if number else fault)
        if number:
            sheet = FAILURES / f"{cell.path.stem}-cell-{cell.cell_num}-picture-{number}.png"
            FAILURES.mkdir(parents=True, exist_ok=True)
            side_by_side(stored_pictures[number - 1], fresh_pictures[number - 1]).save(sheet)
            where = sheet.relative_to(ROOT)
            cell.comparison_traceback.append(f"  stored (left) and now (right): {where}")
    return not faults


IPyNbCell.compare_outputs = compare_outputs


# --- The last words ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Need:
    """A program of the machine without which some tests cannot run."""

    tests: str  # their folder
    name: str
    variable: str  # set to 1: a test that is skipped for want of it is a failure
    package: str

    def skipped(self, stats: dict[str, list[pytest.TestReport]]) -> list[pytest.TestReport]:
        """Return the tests that did not run for want of it."""
        return [report for report in stats.get("skipped", []) if self.tests in report.nodeid]

    def is_required(self) -> bool:
        """Tell whether this run asks for it."""
        return os.environ.get(self.variable) == "1"


NEEDS = (
    Need("tests/site/", "browser", "REQUIRE_BROWSER", "chromium"),
    Need("tests/coursework/", "sandbox", "REQUIRE_SANDBOX", "bubblewrap"),
)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where a browser or a sandbox is required, a test skipped for want of it is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    stats = reporter.stats if reporter else {}
    if any(need.is_required() and need.skipped(stats) for need in NEEDS):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_unconfigure(config: pytest.Config) -> None:
    """End with a line that says what passed, and what was left out and why."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or config.option.collectonly or not reporter.stats.get("passed"):
        return
    print("\n".join(last_words(reporter.stats)))


def last_words(stats: dict[str, list[pytest.TestReport]]) -> list[str]:
    """Return the lines that close a run."""
    passed = [report for report in stats.get("passed", []) if report.when == "call"]
    cells = [report for report in passed if ".ipynb::" in report.nodeid]
    notebooks = {report.nodeid.split("::")[0] for report in cells}
    broken = len(stats.get("failed", [])) + len(stats.get("error", []))
    lines = [
        f"Passed: {len(passed) - len(cells)} tests, and {len(cells)} cells of "
        f"{len(notebooks)} chapters that gave again what they had stored."
        + (f" FAILED: {broken}." if broken else "")
    ]
    for need in NEEDS:
        skipped = need.skipped(stats)
        if not skipped:
            continue
        reason = skipped[0].longrepr
        reason = reason[2] if isinstance(reason, tuple) else str(reason)
        lines.append(
            f"The {need.name} tests did not run ({len(skipped)} skipped): "
            f"{reason.removeprefix('Skipped: ')}\n"
            f"To run them, for instance: sudo apt-get install {need.package}"
        )
        if need.is_required():
            lines.append(f"{need.variable}=1 is set, so this run counts as failed.")
    return lines
