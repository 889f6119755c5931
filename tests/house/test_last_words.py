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
UNWALLED = [
    report("tests/coursework/test_class.py::a", ("f", 1, "Skipped: bubblewrap is not installed"))
]
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


@pytest.mark.parametrize("variable", ["REQUIRE_BROWSER", "REQUIRE_SANDBOX"])
@pytest.mark.parametrize("required", ["1", ""])
def test_where_something_is_required_a_skip_for_want_of_it_fails(
    top, monkeypatch, variable, required
):
    for name in ("REQUIRE_BROWSER", "REQUIRE_SANDBOX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, required)
    skips = {"REQUIRE_BROWSER": SKIPPED, "REQUIRE_SANDBOX": UNWALLED}
    for name, skipped in skips.items():
        reporter = SimpleNamespace(stats={"skipped": skipped})
        manager = SimpleNamespace(get_plugin=lambda name, reporter=reporter: reporter)
        session = SimpleNamespace(config=SimpleNamespace(pluginmanager=manager), exitstatus=0)
        top.pytest_sessionfinish(session)
        assert session.exitstatus == (1 if required and name == variable else 0)


def test_a_missing_sandbox_is_told(top, monkeypatch):
    monkeypatch.delenv("REQUIRE_SANDBOX", raising=False)
    said = "\n".join(top.last_words({"passed": PASSED, "skipped": UNWALLED}))
    assert "The sandbox tests did not run (1 skipped): bubblewrap is not installed" in said
    assert "apt-get install bubblewrap" in said
