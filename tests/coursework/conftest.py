"""What the tests of the coursework share: a term that is released, and a sandbox to grade in.

Environment: REQUIRE_SANDBOX=1 makes a missing sandbox a failure, not a reason to skip.
"""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from coursework import sandbox
from coursework.course import Course
from coursework.release import release
from coursework.terms import ASSIGNMENTS


@pytest.fixture(scope="session")
def walls():
    """Skip where there is no sandbox; where one is required, fail."""
    if reason := sandbox.fault():
        if os.environ.get("REQUIRE_SANDBOX"):
            pytest.fail(f"bubblewrap {reason}, and REQUIRE_SANDBOX is set")
        pytest.skip(f"bubblewrap {reason}: no submission can be run")


@pytest.fixture(scope="session")
def released(tmp_path_factory):
    """Return the course of a term whose assignments are all released."""
    course = Course.of("2031-autumn", tmp_path_factory.mktemp("terms"))
    release(course, list(ASSIGNMENTS), pages=None)
    return course
