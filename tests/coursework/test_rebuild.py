"""A submission is put back on its skeleton: only answers are believed."""

import json

import nbformat
import pytest

from coursework.rebuild import Unreadable, find_notebook, read_submission, rebuild
from coursework.sources import role

STUB = "def f(x):\n    # YOUR CODE HERE\n    raise NotImplementedError"
GOOD = "def f(x):\n    return x"


def cell(name, source, kind="code", is_for=None):
    make = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
    made = make(source, id=name)
    if is_for:
        made.metadata = nbformat.from_dict(
            {"course": {"role": is_for}, "nbgrader": {"grade_id": name}}
        )
    return made


@pytest.fixture
def frame():
    return nbformat.v4.new_notebook(
        cells=[
            cell("title", "# Title", "text"),
            cell("given", "import numpy as np", is_for="setup"),
            cell("answer", STUB, is_for="answer"),
            cell("test", "assert f(1) == 1", is_for="visible"),
            cell("try-4", "f(2)"),
            cell("why", "*Write here.*", "text", is_for="essay"),
        ]
    )


@pytest.fixture
def handed(frame):
    """What a student hands in, solved; each test changes it."""
    made = nbformat.reads(nbformat.writes(frame), 4)
    made.cells[2].source = GOOD
    made.cells[5].source = "Because."
    return made


@pytest.fixture
def graded(frame, tmp_path):
    """Return a function that writes, reads and rebuilds a submission."""

    def through(notebook):
        path = tmp_path / "a.ipynb"
        path.write_text(json.dumps(notebook), "utf-8")  # as it is, ids that stand twice and all
        return rebuild(read_submission(path), frame)

    return through


def sources(made):
    return [one.source for one in made.notebook.cells]


SOLVED = ["# Title", "import numpy as np", GOOD, "assert f(1) == 1", "f(2)", "Because."]


def test_an_honest_notebook_comes_out_as_it_was(graded, handed):
    made = graded(handed)
    assert sources(made) == SOLVED
    assert made.notes == []


def test_an_unsolved_one_stays_unsolved(graded, frame):
    made = graded(frame)
    assert sources(made) == [one.source for one in frame.cells]
    assert STUB in sources(made)


@pytest.mark.parametrize("place", [1, 3])
@pytest.mark.parametrize("what", ["edited", "deleted", "twice"])
def test_given_cells_and_tests_are_put_back(graded, handed, place, what):
    if what == "edited":
        handed.cells[place].source = "assert True"
    elif what == "deleted":
        del handed.cells[place]
    else:
        handed.cells.insert(place, handed.cells[place])
    assert sources(graded(handed)) == SOLVED


def test_without_metadata_the_ids_tell(graded, handed):
    for one in handed.cells:
        one.metadata = {}
    assert sources(graded(handed)) == SOLVED


def test_without_metadata_and_ids_the_functions_tell(graded, handed):
    for number, one in enumerate(handed.cells):
        one.metadata = {}
        one.id = f"x{number}"
    assert sources(graded(handed))[2] == GOOD
    assert sources(graded(handed)).count(GOOD) == 1


def test_of_two_answers_the_last_counts_and_the_first_is_kept(graded, handed):
    first = nbformat.from_dict(handed.cells[2])
    first.source = "def f(x):\n    return 7"
    handed.cells.insert(2, first)
    made = graded(handed)
    assert sources(made)[2:4] == [first.source, GOOD]
    assert "2 times" in made.notes[0]


def test_an_untouched_copy_does_not_count(graded, handed, frame):
    handed.cells.insert(3, nbformat.from_dict(frame.cells[2]))
    assert sources(graded(handed)) == SOLVED


def test_cells_that_were_added_stay_where_they_were(graded, handed):
    handed.cells.insert(2, cell("mine", "y = 1"))
    handed.cells.insert(0, cell("first", "z = 1"))
    expected = ["z = 1", "# Title", "import numpy as np", "y = 1", *SOLVED[2:]]
    assert sources(graded(handed)) == expected


def test_a_text_that_was_changed_is_kept_beside_the_original(graded, handed):
    handed.cells[0].source = "# Title\n\nMy answer is here."
    assert sources(graded(handed))[:2] == ["# Title", "# Title\n\nMy answer is here."]


def test_scripts_are_taken_out_of_texts_and_mathematics_is_not(graded, handed):
    handed.cells[5].source = "<script>alert(1)</script> $a < b$, **so** $x_{t-1} > 0$"
    (text,) = [one.source for one in graded(handed).notebook.cells if role(one) == "essay"]
    assert "<script" not in text
    assert "**so**" in text
    assert "x_{t-1}" in text


def test_pasted_pictures_stay(graded, handed):
    handed.cells[5].attachments = {"a.png": {"image/png": "AAAA"}}
    (essay,) = [one for one in graded(handed).notebook.cells if role(one) == "essay"]
    assert essay.attachments == {"a.png": {"image/png": "AAAA"}}


def test_outputs_and_metadata_of_a_student_are_gone(graded, handed):
    handed.cells[3].outputs = [nbformat.v4.new_output("stream", text="all right")]
    handed.cells[3].metadata.nbgrader["points"] = 1000
    made = graded(handed)
    assert all(not one.get("outputs") for one in made.notebook.cells)
    assert made.notebook.cells[3].metadata.nbgrader == {"grade_id": "test"}


def test_what_comes_out_is_a_valid_notebook(graded, handed):
    handed.cells = [one for one in handed.cells for _ in range(3)]
    handed.cells += [cell("title", "again", "text"), cell("added-3", "1")]
    made = graded(handed)
    nbformat.validate(made.notebook)
    ids = [one.id for one in made.notebook.cells]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty file"),
        (b"{", "not a notebook"),
        (b"[]", "not a notebook"),
        (b"\xff\xfe", "not a notebook"),
        (b"[" * 100_000, "not a notebook"),
        (b'{"cells": 3, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}', "not a notebook"),
        (b'{"cells": [], "nbformat": 99, "nbformat_minor": 0, "metadata": {}}', "not a notebook"),
    ],
)
def test_what_is_no_notebook_is_refused_in_words(tmp_path, content, said):
    path = tmp_path / "a.ipynb"
    path.write_bytes(content)
    with pytest.raises(Unreadable, match=said):
        read_submission(path)


@pytest.mark.parametrize("odd", [7, "cell", None, {}, {"source": 3, "metadata": []}, [1]])
def test_odd_cells_are_survived(tmp_path, frame, odd):
    data = {"cells": [odd], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps(data))
    made = rebuild(read_submission(path), frame)
    assert "None of the answer cells" in made.notes[-1]


def test_the_notebook_is_found_whatever_its_name(tmp_path):
    folder = tmp_path / "counting"
    with pytest.raises(Unreadable, match="no folder"):
        find_notebook(folder, "counting")
    folder.mkdir()
    with pytest.raises(Unreadable, match="found: none"):
        find_notebook(folder, "counting")
    (folder / "my work.ipynb").touch()
    assert find_notebook(folder, "counting").name == "my work.ipynb"
    (folder / "other.ipynb").touch()
    with pytest.raises(Unreadable, match=r"my work\.ipynb, other\.ipynb"):
        find_notebook(folder, "counting")
    (folder / "counting.ipynb").touch()
    assert find_notebook(folder, "counting").name == "counting.ipynb"
    (folder / "counting.ipynb").unlink()
    (folder / "counting.ipynb").symlink_to(folder / "other.ipynb")
    with pytest.raises(Unreadable, match="link"):
        find_notebook(folder, "counting")
