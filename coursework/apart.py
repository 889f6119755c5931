"""Hidden tests run apart, with names of their own: neither side gets in the other's way.

A test that defined `run` or `x` beside the student's own would change what the student's functions
see. A student who calls a variable `map` or `sum` would break the tests. So a hidden test runs in a
copy of the notebook's names, in which Python's own names and those of `checks.py` mean again what
they meant at the start. Its text is packed, as that of the canaries is, so that a program which
reads the cells as they run cannot tell one from the other at a glance.
"""

import base64
import builtins
import zlib

from coursework.terms import HERE

CHECKS = (HERE / "assignments" / "shared" / "checks.py").read_text("utf-8")

# Through `builtins`, because `exec` and `globals` may be names of the student's.
WRAPPER = """\
__import__("builtins").exec(
    __import__("zlib").decompress(__import__("base64").b85decode({packed!r})),
    {{
        **__import__("builtins").globals(),
        **__import__("builtins").vars(__import__("builtins")),
        "__name__": "__main__",
    }},
)"""


def hidden_test(source: str) -> str:
    """Return the code of a cell that runs a hidden test apart."""
    return _packed(f"{CHECKS}\n{source}")


def canary(nonce: str, number: int) -> str:
    """Return the code of a cell that must fail; it looks like that of a hidden test."""
    return _packed(CANARY.format(nonce=nonce, number=number))


def names_apart(names: dict[str, object]) -> dict[str, object]:
    """Return the names that a hidden test sees (for tests that run in this process)."""
    apart = {**names, **vars(builtins), "__name__": "__main__"}
    exec(CHECKS, apart)
    return apart


def _packed(source: str) -> str:
    packed = base64.b85encode(zlib.compress(source.encode())).decode()
    return WRAPPER.format(packed=packed)


# Whatever compares must still tell a number from its negative. A comparison that fails for another
# reason, such as a variable that hides one of Python's own names, has not been bent.
CANARY = """\
import numpy
for compare in (
    lambda: expect("the states", [1.0, {number}], [1.0, -{number}], ""),
    lambda: numpy.testing.assert_allclose({number}, -{number}),
    lambda: numpy.testing.assert_equal({number}, -{number}),
):
    try:
        compare()
    except Exception:
        pass
    else:
        print("{nonce}")
for same in (numpy.allclose, numpy.isclose, numpy.array_equal):
    try:
        if same({number}, -{number}):
            print("{nonce}")
    except Exception:
        pass
assert {number} < 0, "{nonce}"
"""
