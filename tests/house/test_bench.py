"""The benchmark: who may take part, how times become ratios, what is written. No test measures."""

import json
import os
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from notebooks import ROOT

import rnnlib
from bench import __main__ as command
from bench import bars, cases, checking, linearity, loops, memory, page, report, turns, worker


@pytest.fixture
def tiny(monkeypatch):
    """Return a function that makes a small case; no two of its sizes are equal."""
    monkeypatch.setitem(cases.SIZES, "tiny", cases.Size(B=1, T=6, V=7, H=4))
    return lambda **options: cases.Case("tiny", dtype="float64", **options)


def gradient_of_sum(case):
    """Return the library's loss and gradient for the first batch, not divided by T."""
    _, _, V, H = case.shape
    model = rnnlib.RNN(V, H, V, reduction="sum", rng=np.random.default_rng(0))
    for name, array in cases.weights(case).items():
        model.params[name][...] = array
    options = {}
    if case.truncation is not None:
        options = {"truncation": "steps-back", "steps": case.truncation}
    loss, grads, _ = model.loss_and_grads(*cases.batches(case)[0], **options)
    return loss, grads


# --- Contenders ----------------------------------------------------------------------------------


def new(kind, case, rate=1.0):
    contender = kind(case, kind.variants(case)[0], cases.weights(case), rate)
    return contender, contender.batch(*cases.batches(case)[0])


def test_the_loop_of_columns_has_the_librarys_gradient(tiny):
    contender, batch = new(loops.MinCharRNN, tiny())
    loss, grads = contender.gradient(*batch)
    right_loss, right = gradient_of_sum(tiny())
    assert loss == pytest.approx(right_loss, rel=1e-12)
    assert grads.keys() == right.keys()
    for name, grad in grads.items():
        np.testing.assert_allclose(grad.reshape(right[name].shape), right[name], rtol=1e-9)


@pytest.mark.parametrize("truncation", [None, 0, 1, 4, 9])
def test_the_network_of_gates_has_the_librarys_gradient(tiny, truncation):
    case = tiny(biases=False, truncation=truncation)
    contender, batch = new(loops.Gates, case)
    loss, grads = contender.gradient(*batch)
    right_loss, right = gradient_of_sum(case)
    assert loss == pytest.approx(right_loss, rel=1e-12)
    assert grads.keys() == {"W_xh", "W_hh", "W_hy"}
    for name, grad in grads.items():
        np.testing.assert_allclose(grad, right[name], rtol=1e-9)


@pytest.mark.parametrize("kind", [loops.MinCharRNN, loops.Gates])
def test_the_step_that_is_timed_is_the_step_that_is_checked(tiny, kind):
    case = tiny(biases=kind is loops.MinCharRNN)
    contender, _ = new(kind, case, checking.RATE)
    used = checking.gradient_used(contender, case)
    assert checking.compare("a loop", case, used, checking.expected(case)) < 1e-12


class Transposed(loops.MinCharRNN):
    """Has its gradient of W_hh the wrong way round: the shape fits, the numbers don't."""

    def gradient(self, x, y):
        loss, grads = super().gradient(x, y)
        return loss, {**grads, "W_hh": grads["W_hh"].T}


def test_a_wrong_gradient_is_refused(tiny):
    contender, _ = new(Transposed, tiny(), checking.RATE)
    used = checking.gradient_used(contender, tiny())
    with pytest.raises(checking.Refused, match=r"crooked at tiny f64: its gradient of W_hh is not"):
        checking.compare("crooked", tiny(), used, checking.expected(tiny()))


@pytest.mark.parametrize("spoil", [lambda g: g * np.nan, lambda g: g[:, :1], lambda g: 1.01 * g])
def test_a_spoilt_gradient_is_refused(tiny, spoil):
    right = checking.expected(tiny())
    assert checking.compare("fine", tiny(), right, right) == 0
    with pytest.raises(checking.Refused, match="W_hy"):
        checking.compare("spoilt", tiny(), {**right, "W_hy": spoil(right["W_hy"])}, right)


def test_a_parameter_left_out_is_refused(tiny):
    contender, _ = new(loops.MinCharRNN, tiny(), checking.RATE)
    contender.weights.pop("b_y")
    contender.step = lambda x, y: None
    with pytest.raises(checking.Refused, match="has the parameters"):
        checking.gradient_used(contender, tiny())


def test_the_library_itself_is_checked(tiny):
    bench = worker.Bench("ours")
    for cell in ("tanh", "lstm", "gru"):
        used = bench.gradient("ours", tiny(cell=cell), "rnnlib.RNN")
        assert checking.compare("ours", tiny(cell=cell), used, checking.expected(tiny(cell=cell)))


# --- Ratios and bars -----------------------------------------------------------------------------


def test_a_ratio_is_the_median_over_paired_turns():
    ours = [1.0, 2.0, 4.0, 1.0, 10.0]  # the machine was busy at the last turn, for both
    ratio = turns.paired_ratio([2.0, 4.0, 12.0, 1.0, 20.0], ours)
    assert ratio.median == 2.0
    assert ratio.low == pytest.approx(1.4)  # of 1 2 2 2 3, by linear interpolation
    assert ratio.high == pytest.approx(2.6)


def test_turns_without_a_partner_are_an_error():
    with pytest.raises(ValueError, match="3 and 2 turns"):
        turns.paired_ratio([1.0, 2.0, 3.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="0 and 0 turns"):
        turns.paired_ratio([], [])


def test_the_exponent_of_a_power_is_found():
    x = [1, 2, 4, 8]
    assert linearity.slope(x, [3 * v**2 for v in x]) == pytest.approx(2)
    assert linearity.slope(x, [5.0] * 4) == pytest.approx(0)


def line(name, **ratios):
    """Return a line of the table as `turns.measure` makes it, with made-up numbers."""
    case = next(case for case in cases.CASES if case.name == name)
    times = {who: [ratio] * 3 for who, ratio in ratios.items()}
    tried = {who: {"one way": 1.0, "another": 2.0} for who in times} | {"ours": {"RNN": 1.0}}
    times["ours"] = [1.0] * 3
    names = ["ours", *ratios]
    return turns._line(case, names, tried, dict.fromkeys(names, 1e-7), times)


def test_bars_say_reached_and_not_reached():
    asked = [
        bars.Bar("S1", "torch", 6),
        bars.Bar("S1", "jax", 0.9),
        bars.Bar("S1", "jax", 1.0, hoped=True),
        bars.Bar("S2", "torch", 1.6),  # not measured
    ]
    judged = bars.judge([line("S1", torch=6.0, jax=0.95)], asked)
    assert [bar["reached"] for bar in judged] == [True, True, False]
    assert [bar["ratio"] for bar in judged] == [6.0, 0.95, 0.95]
    said = report._bars(judged)
    assert "Bars (theirs ÷ ours): 2 of 2 reached" in said
    assert "Beyond the bars: 0 of 1 reached" in said
    assert said.count("NOT REACHED") == 1


def test_every_bar_is_about_something_that_is_measured():
    contenders = {case.name: turns.contenders(case) for case in cases.CASES}
    assert len(contenders) == len(cases.CASES), "two cases have one name"
    for bar in bars.BARS:
        assert bar.against in contenders[bar.line]
    assert {who for names in contenders.values() for who in names} == worker.CONTENDERS.keys()
    assert set(report.COLUMNS) == worker.CONTENDERS.keys() - {"ours"}


# --- What is printed and written -----------------------------------------------------------------


def found():
    """Return a whole result with made-up numbers."""
    every = {"torch": 1234.5, "torch loop": 0.123, "jax": 99.7, "min-char-rnn": 5.0}
    speed = [line("W1", **every), line("W1 f64 back 4", gy910210=110.0), line("S1 lstm", jax=1.0)]
    shape = cases.Size(32, 1000, 65, 128)
    accounts = [
        {"name": who, "measure": how, "own": 2000.0, "system": system}
        for (who, how), system in zip(memory.MEASURES.items(), (2100.0, None, 9.0), strict=True)
    ]
    series = [
        {
            "against": against,
            "T": [T for T, _ in shapes],
            "B": [B for _, B in shapes],
            "ms": [1.0] * len(shapes),
            "slope": 1.0,
            "slope_of_upper_half": 1.0,
        }
        for against, shapes in linearity.SERIES.items()
    ]
    return {
        "date": report.today(),
        "machine": report.machine(),
        "versions": {"python": "3.11", "numpy": "2", "torch": "2", "jax": "0"},
        "one_core": True,
        "speed": speed,
        "memory": {
            **shape._asdict(),
            "formula": memory.formula(shape),
            "bytes_per_token": accounts,
        },
        "linearity": {"V": 65, "H": 128, "series": series},
        "bars": bars.judge(speed),
    }


def test_the_table_fits_a_terminal():
    lines = report.text(found()).splitlines()
    machine_s_name = lines.pop(0)
    assert machine_s_name and max(map(len, lines)) <= 80
    assert "W1 f64 back 4" in "\n".join(lines)


def test_the_formula_of_the_memory():
    assert memory.formula(cases.SIZES["S2"]) == (3 * 128 + 2 * 65) * 4


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "benchmarks.json"
    path.write_text("old")
    monkeypatch.setattr(report, "FILE", path)
    monkeypatch.setattr(command, "missing", lambda: "")
    monkeypatch.setattr(command, "measure", lambda options: found())
    return path


@pytest.mark.parametrize(
    "words", [["--quick"], ["--free"], ["--only", "S1"], ["--quick", "--only", "S1-gru"]]
)
def test_a_partial_run_does_not_overwrite_unless_told_to(file, capsys, words):
    assert command.main(words) == 0
    assert file.read_text() == "old"
    assert "nothing was written" in capsys.readouterr().out
    if "--only" in words:  # the book shows the whole table
        with pytest.raises(SystemExit):
            command.main([*words, "--write"])
        assert file.read_text() == "old"
    else:
        assert command.main([*words, "--write"]) == 0
        assert json.loads(file.read_text())["speed"]


def test_a_whole_run_writes_what_the_book_may_show(file):
    assert command.main([]) == 0
    text = file.read_text(encoding="utf-8")
    assert json.loads(text) == json.loads(json.dumps(found()))
    assert str(ROOT) not in text and os.path.expanduser("~/") not in text
    assert not re.search(rf"\b{re.escape(report.platform.node() or '-none-')}\b", text)


def test_a_result_that_cannot_be_stored_leaves_the_old_file(file):
    with pytest.raises(ValueError):
        page.write({**found(), "ms": float("nan")})
    assert file.read_text() == "old"
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("trouble", [checking.Refused("torch is refused"), worker.Trouble("gone")])
def test_a_run_that_fails_writes_nothing(file, capsys, monkeypatch, trouble):
    def fail(options):
        raise trouble

    monkeypatch.setattr(command, "measure", fail)
    assert command.main([]) == 1
    assert file.read_text() == "old"
    assert str(trouble) in capsys.readouterr().err


def test_lines_are_chosen_by_size_and_cell():
    assert [case.name for case in command.chosen(["S2"])] == ["S2", "S2 lstm", "S2 gru"]
    assert [case.name for case in command.chosen(["S1-gru", "S4"])] == ["S4", "S1 gru"]
    assert command.chosen([]) == cases.CASES
    with pytest.raises(worker.Trouble, match="'S9' is none of S1, "):
        command.chosen(["S9"])


# --- What the book shows -------------------------------------------------------------------------


def test_the_stored_tables_and_figure_belong_to_the_stored_result():
    assert page.stale() == [], "python -m bench.page makes them anew"


def test_the_page_includes_every_part_once():
    shown = (ROOT / "book" / "speed.md").read_text(encoding="utf-8")
    parts = re.findall(r"^% begin (\w+)$", page.text(found()), flags=re.MULTILINE)
    assert re.findall(r':start-after: "% begin (\w+)"', shown) == parts
    assert re.findall(r':end-before: "% end (\w+)"', shown) == parts
    assert shown.count(f"{{include}} {page.TEXT}") == len(parts)
    assert shown.count(f"{{figure}} {page.FIGURE}") == 1


def test_the_tables_hold_what_was_found():
    said = page.text(found()).replace("\u2060", "")
    assert "| W1 | 1000 | **1234** (1234–1234) | **100** (100–100) |" in said
    assert "| S1 | 1000 | – | **1.00** (1.00–1.00) |" in said
    assert "| W1 | **0.12** (0.12–0.12) | **5.00** (5.00–5.00) |" in said
    assert "| 4 steps | 1000 | **110** (110–110) |" in said
    assert "| W1, float64, 4 steps back, gy910210 | 100 | 110 | yes |" in said
    assert "The system gave no account" in said
    assert "in float32" in said and "in float64" in said


def test_a_bar_is_shown_as_missed_even_by_little():
    asked = [bars.Bar("S1", "jax", 1.0), bars.Bar("S1", "torch", 6)]
    said = page._bars(bars.judge([line("S1", jax=0.9996, torch=6.0)], asked), "bars")
    assert "Reached: 1 of 2 bars." in said
    assert "| S1, jax | 1 | 0.9996 | **no** |" in said


def test_the_system_s_account_is_shown_where_there_is_one():
    result = found()
    for account in result["memory"]["bytes_per_token"]:
        account["system"] = 2.0 * account["own"]
    said = page.text(result)
    assert said.count("| torch | 2000 | 1.00 |") == 1
    assert said.count("| torch | 4000 | 1.00 |") == 1


def test_tables_are_narrow_and_their_columns_have_names():
    rows = [row.split(" | ") for row in page.text(found()).splitlines() if row.startswith("|")]
    assert max(map(len, rows)) <= 5
    assert all(cell.strip("| ") for row in rows for cell in row)


def test_the_figure_is_the_same_each_time_and_loads_nothing():
    drawn = page.figure(found())
    assert drawn == page.figure(found())
    root = ElementTree.fromstring(drawn)
    assert root.tag.endswith("svg") and root.get("viewBox")
    assert not re.search(r"\bhref=\"(?!#)|\bsrc=|@import", drawn)
    assert report.today() not in drawn


def test_the_figure_shows_the_exponents_that_were_fitted():
    result = found()["linearity"]
    result["series"][0].update(slope=0.75, slope_of_upper_half=1.25)
    words = [
        word.get_text()
        for ax in page._draw(result).axes
        for word in (ax.get_legend().get_title(), *ax.get_legend().get_texts())
    ]
    assert words[:3] == ["$B = 32$", "exponent 0.75", "upper half 1.25"]
    assert words[3] == "$T = 64$" and words[6] == "$T = 2B$"


def test_a_run_that_could_not_draw_does_not_begin(file, capsys, monkeypatch):
    monkeypatch.setattr(command, "find_spec", lambda name: None)
    assert command.main([]) == 2
    assert file.read_text() == "old"
    assert "needs matplotlib" in capsys.readouterr().err
    assert command.main(["--quick"]) == 0


@pytest.mark.parametrize("part", ["content", "text", "figure"])
def test_a_part_that_cannot_be_made_leaves_all_as_it_was(file, monkeypatch, part):
    page.write(found())
    before = {path.name: path.read_bytes() for path in file.parent.iterdir()}
    assert before.keys() == {file.name, page.TEXT, page.FIGURE}

    def fail(found):
        raise ValueError(part)

    monkeypatch.setattr(page, part, fail)
    with pytest.raises(ValueError, match=part):
        page.write({**found(), "date": "2001-02-03"})
    assert {path.name: path.read_bytes() for path in file.parent.iterdir()} == before


def test_a_draft_that_cannot_be_written_leaves_nothing_behind(file, monkeypatch):
    monkeypatch.setattr(page, "figure", lambda found: "\ud800")  # no text in UTF-8
    with pytest.raises(UnicodeEncodeError):
        page.write(found())
    assert file.read_text() == "old"
    assert list(file.parent.iterdir()) == [file]


def test_tables_or_a_figure_of_another_result_are_noticed(file):
    page.write(found())
    assert page.stale(file) == []
    kept = file.read_text(encoding="utf-8")
    other = json.loads(kept)
    other["speed"][0]["ours_ms"] *= 1.0001  # too little for any digit that is shown
    file.write_text(page.content(other), encoding="utf-8")
    assert page.stale(file) == [page.TEXT, page.FIGURE]
    file.write_text(kept, encoding="utf-8")
    tables = file.with_name(page.TEXT)
    tables.write_text(tables.read_text("utf-8").replace("1234", "9999"), encoding="utf-8")
    file.with_name(page.FIGURE).unlink()
    assert page.stale(file) == [page.TEXT, page.FIGURE]


def test_the_page_is_made_anew_without_measuring(file, capsys):
    page.write(found())
    file.with_name(page.TEXT).write_text("by hand")
    assert page.main() == 0
    assert page.stale(file) == []
    file.unlink()
    assert page.main() == 1
    assert "`make bench` makes it" in capsys.readouterr().err


# --- Processes -----------------------------------------------------------------------------------


def test_without_the_frameworks_it_says_what_to_do(monkeypatch, capsys):
    assert command.missing(("json", "re")) == ""
    said = command.missing(("json", "no_such_framework"))
    assert "no_such_framework is not installed" in " ".join(said.split())
    assert "`make bench` installs" in said
    monkeypatch.setattr(command, "find_spec", lambda name: None)
    assert command.main([]) == 2
    assert "torch and jax are not" in capsys.readouterr().err


def test_a_process_answers_and_says_what_went_wrong():
    """One real process: it needs the library alone."""
    process = worker.Worker("loops")
    try:
        assert process.ask("version", "numpy") == np.__version__
        with pytest.raises(worker.Trouble, match=r"loops, version: ModuleNotFoundError: .*no_such"):
            process.ask("version", "no_such")
        process.process.terminate()
        process.process.join()
        with pytest.raises(worker.Trouble, match="the process for loops ended"):
            process.ask("version", "numpy")
    finally:
        process.close()
