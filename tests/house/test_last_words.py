"""The line that ends a run says what passed, and what was left out and why."""

from types import SimpleNamespace

import pytest
from notebooks import ROOT


@pytest.fixture
def top(pytestconfig):
    """Return the repository's conftest.py, as pytest has loaded it."""
    loaded = pytestconfig.pluginmanager.get_plugins()
    return next(p for p in loaded if getattr(p, "__file__", "") == str(ROOT / "conftest.py"))


def report(nodeid, longrepr=None):
    return SimpleNamespace(nodeid=nodeid, when="call", longrepr=longrepr)


PASSED = [report("tests/a.py::b"), report("book/c.ipynb::Cell 0"), report("book/c.ipynb::Cell 1")]
SKIPPED = [report("tests/site/test_pages.py::a", ("f", 1, "Skipped: no browser on the path"))]


def test_what_passed_is_counted(top):
    (line,) = top.last_words({"passed": PASSED})
    assert line.startswith("Passed: 1 tests, and 2 cells of 1 chapters")
    assert "FAILED" not in line
    assert "FAILED: 2." in top.last_words({"passed": PASSED, "failed": PASSED[:2]})[0]


def test_skipped_browser_tests_are_told_with_their_reason(top, monkeypatch):
    monkeypatch.delenv("REQUIRE_BROWSER", raising=False)
    said = "\n".join(top.last_words({"passed": PASSED, "skipped": SKIPPED}))
    assert "did not run (1 skipped): no browser on the path" in said
    assert "apt-get install chromium" in said
    monkeypatch.setenv("REQUIRE_BROWSER", "1")
    assert "counts as failed" in top.last_words({"passed": PASSED, "skipped": SKIPPED})[-1]


@pytest.mark.parametrize(("required", "status"), [("1", 1), ("", 0)])
def test_where_a_browser_is_required_a_skip_fails(top, monkeypatch, required, status):
    monkeypatch.setenv("REQUIRE_BROWSER", required)
    reporter = SimpleNamespace(stats={"skipped": SKIPPED})
    manager = SimpleNamespace(get_plugin=lambda name: reporter)
    session = SimpleNamespace(config=SimpleNamespace(pluginmanager=manager), exitstatus=0)
    top.pytest_sessionfinish(session)
    assert session.exitstatus == status
