"""A submission is put back on its skeleton: only answers are believed."""

import json
import re

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


TEXTS = {
    "a script": ("<script>alert(1)</script>", "<script"),
    "a picture that acts": ("<img src=x onerror=alert(1)>", "<img"),
    "the end of a tag": ("</div>", "</"),
    "a link that acts": ("[x](javascript:alert(1))", "javascript:"),
    "a link that acts, in capitals": ("[x](JavaScript :alert(1))", "JavaScript:"),
    "an equation that acts": (r"$\href{javascript:alert(1)}{x}$", "javascript:"),
    "a tag in mathematics": ("$<img src=x>$", "<img"),
}


@pytest.mark.parametrize("kind", TEXTS)
def test_nothing_in_a_text_acts_in_the_markers_browser(graded, handed, kind):
    text, alive = TEXTS[kind]
    handed.cells[5].source = text
    handed.cells.insert(1, cell("mine", text, "text"))
    texts = [one.source for one in graded(handed).notebook.cells if one.cell_type == "markdown"]
    assert len(texts) == 3
    assert alive not in "".join(texts)


@pytest.mark.parametrize(
    "text",
    [
        r"$$\begin{aligned} a &= b \\ c &= d \end{aligned}$$ and $x_{t-1} < 3$, $y > 0$ & **so**",
        "> quoted\n\n```python\nif a < 3 and b > 2: c &= d\n```",
    ],
)
def test_mathematics_quotes_and_code_stay_as_they_are(graded, handed, text):
    handed.cells[5].source = text
    assert sources(graded(handed))[5] == text


def page_of(notebook):
    """Return the notebook as the marker's browser gets it."""
    from nbconvert import HTMLExporter

    return HTMLExporter(template_name="basic").from_notebook_node(notebook)[0]


def test_nothing_acts_on_the_page_either(graded, handed):
    handed.cells = [cell(f"mine-{i}", text, "text") for i, (text, _) in enumerate(TEXTS.values())]
    texts = [one for one in graded(handed).notebook.cells if one.id.startswith("added")]
    assert len(texts) == len(TEXTS)
    page = page_of(nbformat.v4.new_notebook(cells=texts))
    assert not re.search(r"<script|<img|href=.?javascript", page)


# --- Essays that are not where they should be ----------------------------------------------------


def essay_of(made):
    return next(one for one in made.notebook.cells if role(one) == "essay")


@pytest.mark.parametrize("stub", ["", "*Write here.*"])
def test_an_essay_beside_its_cell_is_put_into_it(graded, handed, stub):
    handed.cells[5].source = stub
    handed.cells.append(cell("mine", "Because.", "text"))
    handed.cells.append(cell("mine-2", "And so.", "text"))
    made = graded(handed)
    assert essay_of(made).source == "Because.\n\nAnd so."
    assert "“why”" in made.notes[0]
    assert len(made.notebook.cells) == 6


def test_an_essay_without_names_is_found_by_what_stands_before_it(graded, handed):
    handed.cells.insert(5, cell("question", "Why is that?", "text"))
    del handed.cells[6]
    handed.cells.append(cell("x", "Because.", "text"))
    for number, one in enumerate(handed.cells):
        one.metadata, one.id = {}, f"x{number}"
    assert "Because." in essay_of(graded(handed)).source


def test_an_essay_that_is_not_there_waits_for_the_marker(graded, handed, frame):
    del handed.cells[5]
    made = graded(handed)
    assert essay_of(made).source != frame.cells[5].source
    assert "“why”" in made.notes[0]


def test_an_essay_that_was_left_empty_stays_as_it_was(graded, handed, frame):
    handed.cells[5].source = frame.cells[5].source
    made = graded(handed)
    assert essay_of(made).source == frame.cells[5].source
    assert made.notes == []


def test_a_trial_that_defines_an_answer_again_is_no_answer(graded, handed):
    trial = "def f(x):\n    return None  # does not work yet"
    handed.cells.append(cell("mine", trial))
    made = graded(handed)
    assert sources(made) == [*SOLVED, trial]
    assert made.notes == []


# --- Pictures -------------------------------------------------------------------------------------


def test_a_link_to_a_picture_that_is_gone_does_not_break_the_page(graded, handed):
    handed.cells[5].source = "![a](attachment:a.png) ![b](attachment:b%20c.png)"
    handed.cells[5].attachments = {"b c.png": {"image/png": "AAAA"}}
    made = graded(handed)
    assert page_of(made.notebook).count("data:image/png") == 1


@pytest.mark.parametrize(
    "odd", [5, [1], {"a": 5}, {"a": {"image/png": 7}}, {"a": {"image/svg+xml": "<svg/>"}}]
)
def test_odd_attachments_are_dropped(graded, handed, odd):
    handed.cells[5]["attachments"] = odd
    made = graded(handed)
    assert not essay_of(made).get("attachments")
    nbformat.validate(made.notebook)


def test_half_a_character_is_replaced(graded, handed):
    handed.cells[5].source = handed.cells[2].source = "a \ud800 b"
    made = graded(handed)
    assert nbformat.writes(made.notebook).encode("utf-8")


def test_pasted_pictures_stay(graded, handed):
    handed.cells[5].source = "![a](attachment:a.png)"
    handed.cells[5].attachments = {"a.png": {"image/png": "AAAA"}}
    essay = essay_of(graded(handed))
    ((name, kinds),) = essay.attachments.items()
    assert essay.source == f"![a](attachment:{name})"
    assert kinds == {"image/png": "AAAA"}


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
