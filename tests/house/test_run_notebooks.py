"""tools/run_notebooks.py stores a chapter only when it ran to its end, and always the same way."""

import nbformat
import pytest
import run_notebooks
from nbformat.v4 import new_output
from notebooks import (
    WIDGET,
    clean_outputs,
    code_hash,
    describe_cell,
    normalise,
    overwritten,
    stored_hash,
    without_progress,
)

GOOD = (
    ("import numpy as np\nfrom tqdm import tqdm", ()),
    ("for _ in tqdm(range(3)):\n    pass\nprint(np.float64(1) / 3, {'b', 'a', 'c'})", ()),
    ("raise ValueError('expected')", ("raises-exception",)),
    ("import matplotlib.pyplot as plt\n\nplt.plot([1, 2])\nplt.show()", ()),
)


@pytest.fixture
def write_chapter(tmp_path, notebook):
    """Return a function that writes a chapter and gives its path."""

    def make(*cells):
        path = tmp_path / "chapter.ipynb"
        nbformat.write(notebook("# Chapter", "## A section", *cells), path)
        return path

    return make


def test_twice_the_same_bytes(write_chapter, capsys):
    path = write_chapter(*GOOD)
    before = path.read_bytes()
    assert run_notebooks.main([str(path)]) == 0
    first = path.read_bytes()
    assert first != before
    assert run_notebooks.main([str(path)]) == 0
    assert path.read_bytes() == first
    assert "0 of the files changed" in capsys.readouterr().out


def test_what_is_stored(write_chapter):
    path = write_chapter(*GOOD)
    run_notebooks.run_all([path])
    made = run_notebooks.read(path)
    assert stored_hash(made) == code_hash(made)
    assert set(made.metadata) == {"course", "kernelspec", "language_info"}
    assert "version" not in made.metadata.language_info
    assert [cell.execution_count for cell in made.cells[2:]] == [1, 2, 3, 4]
    assert not any("execution" in cell.metadata for cell in made.cells)
    outputs = made.cells[3].outputs
    assert [output.get("name") for output in outputs] == ["stdout"], "no progress bar"
    assert made.cells[4].outputs[0].traceback == ["ValueError: expected"]
    assert list(path.parent.iterdir()) == [path], "nothing else is left in the folder"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("x = 1\n1 / 0", "ZeroDivisionError"),
        ("import warnings\nwarnings.warn('mind the step')", "mind the step"),
        ("import sys\nprint('oh dear', file=sys.stderr)", "oh dear"),
        ("import os\nos._exit(1)", "ended the kernel"),
    ],
    ids=["error", "warning", "stderr", "dead kernel"],
)
def test_a_chapter_that_fails_is_named_and_left_alone(write_chapter, capsys, code, said):
    path = write_chapter(("y = 1", ()), (code, ("checks:eq-a",)))
    before = path.read_bytes()
    assert run_notebooks.main([str(path)]) == 1
    shown = capsys.readouterr().err
    for part in ("chapter.ipynb", "cell 4 of 4", "“A section”", "checks:eq-a", said):
        assert part in shown
    assert code.split("\n")[0] in shown
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("text", ["{", '{"cells": 3}', "<<<<<<< ours\n", ""])
def test_a_file_that_is_no_notebook_is_named(tmp_path, capsys, text):
    path = tmp_path / "broken.ipynb"
    path.write_text(text, encoding="utf-8")
    assert run_notebooks.main([str(path)]) == 1
    assert "broken.ipynb is not a readable notebook" in capsys.readouterr().err
    assert path.read_text(encoding="utf-8") == text


def test_a_file_that_is_not_there_is_named(tmp_path, capsys):
    assert run_notebooks.main([str(tmp_path / "none.ipynb")]) == 1
    assert "there is no such file" in capsys.readouterr().err


def test_only_changed_chapters_can_be_asked_for(write_chapter, capsys):
    path = write_chapter(("x = 1", ()))
    assert run_notebooks.main(["--changed", str(path)]) == 0
    assert "1 chapters ran" in capsys.readouterr().out
    assert run_notebooks.main(["--changed", str(path)]) == 0
    assert "0 chapters ran" in capsys.readouterr().out


# --- The parts -----------------------------------------------------------------------------------


def test_streams_are_joined_and_widget_ids_dropped():
    outputs = [
        new_output("stream", text="a"),
        new_output("stream", name="stderr", text="\r 50%|██  | 1/2 [00:00<00:00, 9.1it/s]"),
        new_output("stream", text="b\n"),
        new_output("display_data", data={WIDGET: {"model_id": "1"}, "text/html": "<b>"}),
        new_output("display_data", data={WIDGET: {}, "text/plain": "0%|  | 0/2 [00:00<?, ?it/s]"}),
        new_output("display_data", data={WIDGET: {"model_id": "2"}, "text/plain": "IntSlider()"}),
    ]
    texts = [output.get("text") or sorted(output["data"]) for output in clean_outputs(outputs)]
    assert texts == ["ab\n", ["text/html"], [WIDGET, "text/plain"]]
    assert outputs[0].text == "a", "what was given is left alone"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("\r 10%|█    | 1/9 [00:00<00:01, 6.1it/s]\r100%|███| 9/9 [00:01<00:00, 6.5it/s]\n", ""),
        ("training: 3it [00:00, 12.1it/s]\n", ""),
        ("\rsteps:   0%|          | 0/5 [00:00<?, ?it/s]", ""),
        ("loss fell by 50% | see above\n", "loss fell by 50% | see above"),
        ("  0%|   | 0/2 [00:00<?, ?it/s]\nRuntimeWarning: overflow", "RuntimeWarning: overflow"),
    ],
)
def test_progress_bars_are_told_from_warnings(text, left):
    assert without_progress(text) == left


def test_an_overwritten_line_is_gone():
    assert overwritten("step 1\rstep 2\ndone\n") == "step 2\ndone\n"
    assert overwritten("a\r\nb\n") == "a\nb\n"


def test_cell_ids_are_stable(notebook):
    made = notebook("# One", "# One", ("x = 1", ()))
    for cell in made.cells:
        cell["id"] = "same"
    normalise(made)
    ids = [cell["id"] for cell in made.cells]
    assert ids[0] == "same" and len(set(ids)) == 3
    again = notebook("# One", "# One", ("x = 1", ()))
    for cell in again.cells:
        cell["id"] = "same"
    normalise(again)
    assert [cell["id"] for cell in again.cells] == ids


def test_a_cell_is_described_as_a_person_finds_it(notebook):
    made = notebook("# Title\n\n## First\n\ntext\n\n### Deeper", ("\n  x = 1\ny", ("a", "b")))
    assert describe_cell(made, 1) == (
        "cell 2 of 2, under the heading “Deeper”, tagged a, b, which begins: x = 1"
    )


def test_the_hash_sees_code_alone(notebook):
    one = notebook("text", ("x = 1", ()))
    assert code_hash(one) == code_hash(notebook("other text", ("x = 1\n", ("tag",))))
    assert code_hash(one) != code_hash(notebook("text", ("x = 2", ())))
    assert code_hash(notebook(("a\nb", ()))) != code_hash(notebook(("a", ()), ("b", ())))
