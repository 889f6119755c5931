"""Each chapter keeps the rules of chapter_rules, and each rule sees the fault it is there for."""

import chapter_rules as rules
import pytest
from nbformat.v4 import new_output
from notebooks import BOOK, code_hash

EXERCISE = "```{exercise} Warm-up\n:label: ex-a\nDo it.\n```\n"
SOLUTION = "```{solution} ex-a\n:class: dropdown\nDone.\n```\n"
OPENING = (
    "# Title\n\n```{admonition} What you will learn\n:class: learn\n- One thing.\n\n"
    "**You need** numbers. **Time**: 40 minutes.\n```\n"
)


@pytest.mark.parametrize("rule", rules.CHAPTER_RULES, ids=lambda rule: rule.__name__)
def test_chapter(chapter, rule, load):
    faults = rule(load(chapter))
    assert not faults, f"{chapter.relative_to(BOOK)}: {rule.__doc__}\n" + "\n".join(faults)


@pytest.mark.parametrize("rule", rules.NOTEBOOK_RULES, ids=lambda rule: rule.__name__)
def test_notebook(notebook_path, rule, load):
    faults = rule(load(notebook_path))
    assert not faults, f"{notebook_path.relative_to(BOOK)}: {rule.__doc__}\n" + "\n".join(faults)


def test_words_of_the_book(book, pages):
    texts = [rules.prose(notebook) for notebook in book] + list(pages)
    assert not [fault for text in texts for fault in rules.plain_words(text)]


def test_citations_exist(book, pages):
    texts = [rules.prose(notebook) for notebook in book] + list(pages)
    cited = set().union(*(rules.citations(text) for text in texts))
    known = set()
    for path in BOOK.rglob("*.bib"):
        known |= rules.bibliography_keys(path.read_text(encoding="utf-8"))
    assert cited <= known, f"cited but not in the bibliography: {sorted(cited - known)}"


# --- Planted faults --------------------------------------------------------------------------


def test_a_good_chapter_passes(notebook):
    ending = "## The result to remember\n\nThis, from {cite:t}`someone1990`."
    exercises = [
        (EXERCISE + SOLUTION).replace("ex-a", f"ex-{number}") for number in range(rules.EXERCISES)
    ]
    good = notebook(OPENING, ("print(1)", ()), *exercises, ending)
    good.metadata["course"] = {"code_sha256": code_hash(good)}
    for rule in (*rules.CHAPTER_RULES, *rules.NOTEBOOK_RULES):
        assert rule(good) == [], rule.__name__


def test_too_few_exercises_are_seen(notebook):
    assert rules.enough_exercises(notebook(4 * EXERCISE))
    assert not rules.enough_exercises(notebook(5 * EXERCISE))
    assert not rules.enough_exercises(notebook(5 * EXERCISE.replace("exercise", "exercise-start")))


@pytest.mark.parametrize(
    "text",
    [
        EXERCISE,
        EXERCISE + 2 * SOLUTION,
        EXERCISE + SOLUTION.replace("ex-a", "ex-b"),
        EXERCISE + SOLUTION.replace(":class: dropdown\n", ""),
        EXERCISE.replace(":label: ex-a\n", "") + SOLUTION,
        EXERCISE + SOLUTION.replace("{solution}", "{solution-start}"),
    ],
    ids=["none", "two", "of another", "not folded", "no label", "without its end"],
)
def test_a_wrong_solution_is_seen(notebook, text):
    assert rules.one_solution_each(notebook(text))


def test_a_gated_solution_across_cells_passes(notebook):
    start = SOLUTION.replace("{solution}", "{solution-start}")
    cells = (EXERCISE + start, ("print(1)", ()), "```{solution-end}\n```")
    assert not rules.one_solution_each(notebook(*cells))


def test_a_long_cell_is_seen(notebook):
    assert not rules.short_cells(notebook(("x = 1\n" * 25, ())))
    assert "26 lines" in rules.short_cells(notebook(("x = 1\n" * 26, ())))[0]


def test_a_line_wider_than_the_page_is_seen_unless_it_is_folded(notebook):
    assert not rules.narrow_lines(notebook(("x" * 79, ())))
    assert "80 characters" in rules.narrow_lines(notebook(("x" * 80, ())))[0]
    folded = notebook(("x" * 80, ("hide-input",)))
    assert not rules.narrow_lines(folded)
    folded.cells[-1].outputs = [new_output("stream", text="short\n" + "y" * 80)]
    assert "80 characters" in rules.narrow_lines(folded)[0]


def test_a_cell_that_did_not_run_is_seen(notebook):
    broken = notebook(("x = 1", ()), ("y = 2", ()))
    assert not rules.executed(broken)
    broken.cells[1].execution_count = None
    assert rules.executed(broken)


def test_code_changed_after_it_ran_is_seen(notebook):
    stale = notebook(("x = 1", ()))
    assert rules.current_outputs(stale), "no hash at all"
    stale.metadata["course"] = {"code_sha256": code_hash(stale)}
    assert not rules.current_outputs(stale)
    stale.cells[0].source = "x = 2"
    assert rules.current_outputs(stale)


@pytest.mark.parametrize("missing", ["alt", "caption"])
def test_a_figure_without_words_is_seen(notebook, missing):
    figure = notebook(("plt.show()", ()))
    figure.cells[0].outputs = [new_output("display_data", data={"image/png": "AAAA"})]
    setup = {"image": {"alt": "A line."}, "figure": {"caption": "What to see."}}
    figure.cells[0].metadata["mystnb"] = setup
    assert not rules.described_figures(figure)
    setup["image" if missing == "alt" else "figure"][missing] = " "
    figure.cells[0].metadata["mystnb"] = setup
    assert missing in rules.described_figures(figure)[0]


@pytest.mark.parametrize(
    "text", ["/home/me/book", "in /tmp/x", "lib/site-packages/numpy", "<A at 0x7f3a12b4c5d6>"]
)
def test_a_trace_of_the_machine_is_seen(notebook, text):
    stored = notebook(("x", ()))
    stored.cells[0].outputs = [new_output("stream", text="W_hh 0.25, 0x10")]
    assert not rules.clean_stored_outputs(stored)
    for output in (
        new_output("stream", text=text),
        new_output("execute_result", data={"text/plain": text}),
        new_output("display_data", data={"text/html": f"<p>{text}</p>"}),
    ):
        stored.cells[0].outputs = [output]
        assert rules.clean_stored_outputs(stored)


def test_a_stored_warning_is_seen(notebook):
    stored = notebook(("x", ()))
    stored.cells[0].outputs = [new_output("stream", name="stderr", text="RuntimeWarning")]
    assert "warning" in rules.clean_stored_outputs(stored)[0]


@pytest.mark.parametrize("word", rules.FORBIDDEN)
def test_a_forbidden_word_is_seen(word):
    assert rules.plain_words(f"This is {word.capitalize()}\nso.")
    assert rules.plain_words(word.replace(" ", "\n"))
    assert not rules.plain_words("a simplyfied, unclearly-named, easy thing")


@pytest.mark.parametrize("removed", ["# Title", "What you will learn", "You need", "Time"])
def test_a_wrong_opening_is_seen(notebook, removed):
    assert not rules.opening(notebook(OPENING))
    assert rules.opening(notebook(OPENING.replace(removed, "")))


def test_a_wrong_ending_is_seen(notebook):
    good = "## A\n\n## The result to remember\n\n{cite:p}`a1990, b2000`"
    assert not rules.ending(notebook(good))
    assert rules.ending(notebook(good + "\n\n## More"))
    assert rules.ending(notebook(good.replace("{cite:p}`a1990, b2000`", "")))
    assert rules.citations(good) == {"a1990", "b2000"}


def test_bibliography_keys_are_read():
    assert rules.bibliography_keys("@article{a1990,\n}\n@book{ b2000 ,") == {"a1990", "b2000"}
