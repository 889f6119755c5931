"""What the page of published results calls ours is what the cells that it names print."""

import pytest
from nbformat.v4 import new_output
from notebooks import BOOK
from published_results import faults, rows

PAGE = BOOK / "published-results.md"

TABLE = """
| tutorial | published | here | cell |
|---|---|---|---|
| A | 1.5 | `1.49` and `1.51` | {ref}`weights <result-a>` |
"""


def chapter(notebook, target="(result-a)=\nHere.", text="1.49 1.51\n"):
    made = notebook(target, ("print(1)", ()))
    made.cells[1].outputs = [new_output("stream", name="stdout", text=text)]
    return made


def test_published_results(book):
    page = PAGE.read_text(encoding="utf-8")
    assert len(rows(page)) >= 5
    assert not faults(page, book)


def test_a_good_page_passes(notebook):
    assert faults(TABLE, [chapter(notebook)]) == []


@pytest.mark.parametrize(
    ("page", "changed", "said"),
    [
        (TABLE, {"text": "1.48 1.51\n"}, "says 1.49"),
        (TABLE, {"text": "11.49 1.51\n"}, "says 1.49"),
        (TABLE, {"text": "1.492 1.51\n"}, "says 1.49"),
        (TABLE, {"target": "Here."}, "no chapter"),
        (TABLE.replace("`1.49` and `1.51`", "1.49"), {}, "no number"),
        ("", {}, "not on the page"),
    ],
    ids=["other number", "longer", "more digits", "no such cell", "nothing quoted", "left out"],
)
def test_faults_are_seen(notebook, page, changed, said):
    found = faults(page, [chapter(notebook, **changed)])
    assert len(found) == 1 and said in found[0]
