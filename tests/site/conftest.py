"""The built site, a server for it and one browser, shared by all tests of this folder.

Environment:
- COURSE_SITE: folder of a site that is already built; without it the book is built first.
- REQUIRE_BROWSER=1: a missing browser is a failure, not a reason to skip.
"""

import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# The tests here share `site_pages`; pytest's importlib mode doesn't put their folder on the path.
sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("page_checks")  # so that a failed check shows what it found
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
FLAGS += ["--disable-component-update", "--disable-sync"]
# No name but this machine's leads anywhere: whatever a page asks of another host fails, and counts.
FLAGS += ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


class QuietServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A page that is closed while it loads breaks its connections: that is no error."""


@contextmanager
def alone(lock):
    """Wait until no other process of this run is in here. A folder can be made only once."""
    while True:
        try:
            lock.mkdir()
            break
        except FileExistsError:
            time.sleep(0.2)
    try:
        yield
    finally:
        lock.rmdir()


@pytest.fixture(scope="session")
def built_site(tmp_path_factory, request):
    """Folder of the built site."""
    if folder := os.environ.get("COURSE_SITE"):
        return Path(folder).resolve()
    # With -n, each process has a folder of its own in one that they share.
    shared = tmp_path_factory.getbasetemp()
    if hasattr(request.config, "workerinput"):
        shared = shared.parent
    with alone(shared / "building"):  # who comes second finds the book built
        run = subprocess.run(
            [sys.executable, "tools/build_book.py"], cwd=ROOT, capture_output=True, text=True
        )
    assert run.returncode == 0, f"the book does not build:\n{run.stdout}\n{run.stderr}"
    return ROOT / "_build" / "html"


@pytest.fixture(scope="session")
def server(built_site):
    """Address of the built site on this machine."""
    handler = functools.partial(QuietHandler, directory=str(built_site))
    server = QuietServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def missing(reason):
    if os.environ.get("REQUIRE_BROWSER"):
        pytest.fail(f"{reason}, and REQUIRE_BROWSER is set")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser():
    """One Chromium for all tests."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("playwright is not installed (pip install -r requirements-test.txt)")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        missing(f"no browser on the path (looked for {', '.join(BROWSERS)})")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe():
    """Source of axe-core, as its Python package carries it."""
    try:
        import axe_playwright_python
    except ImportError:
        missing("axe-playwright-python is not installed (pip install -r requirements-test.txt)")
    return (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
