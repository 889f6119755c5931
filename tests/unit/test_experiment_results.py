"""Results of the longer runs: one form, nothing lost, and only parts that exist are run."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.results import as_text, run_parts, write_results

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12
)


@given(st.dictionaries(st.text(), VALUES, min_size=1))
def test_what_is_written_is_read_again(results):
    assert json.loads(as_text(results)) == results


def test_a_number_as_key_becomes_a_string():
    assert json.loads(as_text({"printed": {1: 0.5, 50: 0.25}}))["printed"] == {"1": 0.5, "50": 0.25}


def test_each_setting_and_each_training_has_a_line():
    results = {"settings": {"H": 3, "seeds": [0, 1]}, "runs": [{"a": 1}, {"a": 2}], "text": "ő"}
    assert as_text(results).splitlines() == [
        "{",
        ' "settings": {',
        '  "H": 3,',
        '  "seeds": [0, 1]',
        " },",
        ' "runs": [',
        '  {"a": 1},',
        '  {"a": 2}',
        " ],",
        ' "text": "ő"',
        "}",
    ]


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "results.json"
    write_results(path, {"runs": [1]})
    with pytest.raises(TypeError):
        write_results(path, {"runs": [object()]})
    assert json.loads(path.read_text(encoding="utf-8")) == {"runs": [1]}


def test_only_parts_that_exist_are_run(capsys):
    done = []
    parts = {name: (done.append, {"part": name}) for name in ("rules", "plateau")}
    assert run_parts(parts, ["plateu"]) == 2 and "plateu" in capsys.readouterr().err
    assert run_parts(parts, ["plateau"]) == 0 and run_parts(parts, []) == 0
    assert [settings["part"] for settings in done] == ["plateau", "rules", "plateau"]
