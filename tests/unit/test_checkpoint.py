"""A snapshot of a run comes back bit by bit, and nothing damaged, foreign or crafted comes in."""

import copy
import io
import json
import math
import os
import pickle
import zipfile
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from test_files import kill_at_every_call, names

from rnnlib import checkpoint, files
from rnnlib.checkpoint import Snapshot, clean, read, write
from rnnlib.model import RNN
from rnnlib.weights import load, save

KINDS = ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")


def generator_state(kind="PCG64", seed=0, draws=3):
    generator = np.random.Generator(getattr(np.random, kind)(seed))
    generator.random(draws, np.float32)
    return generator.bit_generator.state


def snapshot(seed=0, **changes):
    """A snapshot with something in every place."""
    rng = np.random.default_rng(seed)
    params = {"W_hh": rng.normal(size=(3, 3)), "b_h": rng.normal(size=3).astype(np.float32)}
    optimizer = {"settings/kind": "Adam", "settings/learning_rate": 0.1, "memory/W_hh/0/steps": 7}
    optimizer["memory/W_hh/0/first"] = rng.normal(size=(3, 3))
    whole = Snapshot(
        begun={"model": {"cell": "tanh", "H": 3}, "data": "12ab", "patience": None, "eps": [0.1]},
        params=params,
        optimizer=optimizer,
        generator=generator_state("MT19937" if seed % 2 else "PCG64", seed),
        epoch=2,
        batch=int(rng.integers(100)),
        state=rng.normal(size=(2, 3)),
        sums={"loss": rng.normal(), "tokens": 12},
        best={name: param + 1 for name, param in params.items()},
        counters={"best_loss": np.inf, "waited": 1, "last": None},
        history={"step_loss": rng.normal(size=9), "seconds": [0.5, 1]},
    )
    return replace(whole, **changes)


def assert_same(found, wanted, where=""):
    """The same kinds and bits, in the same order; lists of the history have become arrays."""
    if isinstance(wanted, Snapshot):
        assert isinstance(found, Snapshot)
        for field in fields(Snapshot):
            assert_same(getattr(found, field.name), getattr(wanted, field.name), field.name)
    elif isinstance(wanted, dict):
        assert isinstance(found, dict) and list(found) == list(wanted), where
        for name in wanted:
            assert_same(found[name], wanted[name], f"{where}/{name}")
    elif isinstance(wanted, np.ndarray) or where.startswith("history/"):
        wanted = np.asarray(wanted)
        assert isinstance(found, np.ndarray), where
        assert found.dtype == wanted.dtype and found.shape == wanted.shape, where
        assert found.tobytes() == wanted.tobytes(), where
    elif isinstance(wanted, list):
        # One by one: NaN is not equal to itself, and 1 is equal to 1.0.
        assert isinstance(found, list) and len(found) == len(wanted), where
        for i, (one, other) in enumerate(zip(found, wanted, strict=True)):
            assert_same(one, other, f"{where}/{i}")
    else:
        assert type(found) is type(wanted), where
        if isinstance(wanted, float):
            assert found.hex() == wanted.hex(), where
        else:
            assert found == wanted, where


# Small, so that each byte of its file can be damaged, and a process be killed at each of its calls.
SMALL = snapshot(
    begun={}, params={"W": np.ones((2, 2))}, optimizer={"kind": "SGD"}, generator=None,
    state=None, sums={}, best=None, counters={}, history={"a": [1.0]},
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def no_waiting():
    """Waiting until the disk has everything is for power cuts, and there are none here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda file: None)
        yield


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.npz"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder for all examples of a property."""
    return tmp_path_factory.mktemp("checkpoints")


# There and back

NAMES = st.text(max_size=8) | st.sampled_from(
    ["W_hh", "a/b", "a//", "/", "", "a.npy", "a", "file", "x\0y", "\\", "%41", "ξ", "\ud800", ".."]
)
NUMBERS = st.floats(allow_nan=True) | st.integers() | st.integers(2**64, 2**200)
TEXTS = st.text() | st.just("\ud800 \0")


def arrays(kinds, **shape):
    return hnp.arrays(st.sampled_from(kinds), hnp.array_shapes(min_side=0, **shape))


FLOATS = arrays(["f2", "<f4", "<f8", ">f8"], min_dims=0)
ORDERED = st.one_of(
    FLOATS, FLOATS.map(lambda a: a.T), FLOATS.map(lambda a: a[::2] if a.ndim else a)
)
COLUMNS = arrays(["<f8", "<f4", "<i8", "?"], min_dims=1, max_dims=1)
PLAIN = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


def entries(values):
    return st.dictionaries(NAMES, values, max_size=4)


SNAPSHOTS = st.builds(
    Snapshot,
    begun=entries(PLAIN),
    params=entries(ORDERED),
    optimizer=entries(FLOATS | arrays(["<i8", "?"]) | NUMBERS | TEXTS | st.booleans()),
    generator=st.none()
    | st.builds(generator_state, st.sampled_from(KINDS), st.integers(0, 9), st.integers(0, 700)),
    epoch=st.integers(0),
    batch=st.integers(0),
    state=st.none() | FLOATS,
    sums=entries(NUMBERS),
    best=st.none() | entries(FLOATS),
    counters=entries(NUMBERS | st.none()),
    history=entries(COLUMNS | st.lists(st.floats(), max_size=3)),
)  # fmt: skip


@given(SNAPSHOTS)
def test_any_snapshot_comes_back_bit_by_bit_and_is_not_changed(folder, wanted):
    before = copy.deepcopy(wanted)
    write(folder / "any.npz", wanted)
    found = read(folder / "any.npz")
    assert_same(found, wanted)
    assert_same(found, before)


@pytest.mark.parametrize("kind", KINDS)
def test_a_generator_goes_on_where_it_was(kind, path):
    generator = np.random.Generator(getattr(np.random, kind)(5))
    generator.integers(9, size=700, dtype=np.int16)
    write(path, snapshot(generator=generator.bit_generator.state))
    other = np.random.Generator(getattr(np.random, kind)(6))
    other.bit_generator.state = read(path).generator
    assert other.permutation(1000).tolist() == generator.permutation(1000).tolist()


def test_numbers_of_numpy_become_numbers(path):
    found = snapshot(
        begun={"rate": np.float64(0.1), "n": np.int64(3), "on": np.bool_(True)},
        sums={"loss": np.float32(0.1)},
        optimizer={"settings/n": np.uint8(4)},
    )
    write(path, found)
    found = read(path)
    assert found.begun == {"rate": 0.1, "n": 3, "on": True} and type(found.begun["n"]) is int
    assert found.sums == {"loss": float(np.float32(0.1))} and found.optimizer == {"settings/n": 4}


def test_a_checkpoint_can_be_looked_at_without_the_library(path):
    wanted = snapshot()
    write(path, wanted)
    with np.load(path, allow_pickle=False) as arrays:
        assert arrays["format"] == "rnnlib.checkpoint" and arrays["version"] == 1
        assert np.array_equal(arrays["params/W_hh"], wanted.params["W_hh"])
        assert json.loads(str(arrays["snapshot"]))["begun"] == wanted.begun


def test_the_same_snapshot_makes_the_same_bytes(path):
    written = []
    for _ in range(2):
        write(path, snapshot())
        written.append(path.read_bytes())
    assert written[0] == written[1]


# The one before

NAMED = {
    "run.npz": "run.previous.npz",
    "run": "run.previous",
    "a.b.npz": "a.b.previous.npz",
    ".npz": ".npz.previous",
}


@pytest.mark.parametrize(("name", "before"), NAMED.items())
def test_the_one_before_is_kept_beside_it(name, before, tmp_path):
    for seed in range(3):
        write(tmp_path / name, snapshot(seed))
        assert_same(read(tmp_path / name), snapshot(seed))
        if seed:
            assert_same(read(tmp_path / before), snapshot(seed - 1))
    assert names(tmp_path) == sorted([name, before])


def test_a_relative_path_and_a_link_are_followed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkdir("far")
    try:
        os.symlink(os.path.join("far", "real.npz"), "run.npz")
    except OSError:
        pytest.skip("this system does not allow links")
    for seed in range(2):
        write("run.npz", snapshot(seed))
    assert names(tmp_path) == ["far", "run.npz"] and os.path.islink("run.npz")
    assert names(tmp_path / "far") == ["real.npz", "real.previous.npz"]
    assert_same(read("run.npz"), snapshot(1))
    os.truncate("run.npz", 99)
    with pytest.raises(ValueError, match=r"^run\.npz: .*rename .*real\.previous\.npz to real\.npz"):
        read("run.npz")


# Killed while it is written


def test_killed_at_any_call_there_is_a_whole_checkpoint_and_a_clean_way_on(path, monkeypatch):
    before = path.with_name("run.previous.npz")
    found = []
    oldest, old, new, later = (replace(SMALL, batch=i) for i in range(4))

    def prepared():
        write(path, oldest)
        write(path, old)
        return lambda: write(path, new)

    def check():
        survivor = read(path)
        found.append(survivor.batch)
        assert_same(survivor, new if survivor.batch == 2 else old)
        assert read(before).batch <= 1
        clean(path)
        assert names(path.parent) == ["run.npz", "run.previous.npz"]
        write(path, later)  # the next process goes on
        assert_same(read(path), later)
        assert read(before).batch == survivor.batch

    calls = kill_at_every_call(prepared, check, monkeypatch)
    assert calls.count("write") > 20  # every array takes several
    assert len(found) == 2 * len(calls) and set(found) == {1, 2}


def test_killed_at_any_call_of_the_first_write_there_is_none_or_a_whole_one(path, monkeypatch):
    found = []

    def prepared():
        for name in names(path.parent):
            (path.parent / name).unlink()
        return lambda: write(path, SMALL)

    def check():
        found.append(path.exists())
        if path.exists():
            assert_same(read(path), SMALL)
        clean(path)
        assert names(path.parent) == ["run.npz"] * path.exists()

    kill_at_every_call(prepared, check, monkeypatch)
    assert set(found) == {False, True}


@pytest.mark.parametrize("name", ["fsync", "replace"])
def test_a_disk_that_is_full_costs_neither_of_the_two(name, path, monkeypatch):
    def full(*_):
        raise OSError("no space left on the device")

    write(path, snapshot(0))
    write(path, snapshot(1))
    with monkeypatch.context() as patch:
        patch.setattr(files.os, name, full)
        with pytest.raises(OSError, match="no space left"):
            write(path, snapshot(2))
    assert_same(read(path), snapshot(1))
    assert_same(read(path.with_name("run.previous.npz")), snapshot(0))
    assert len(names(path.parent)) == 2


def test_clean_in_a_folder_that_is_not_there_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        clean(tmp_path / "nowhere" / "run.npz")


# A file that is not one


def assert_refused(path, data, *words):
    path.write_bytes(data)
    with pytest.raises(ValueError) as caught:
        read(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: "), message
    for word in (*words, "expected", "got"):
        assert word in message, message
    return message


def whole(folder, **changes):
    write(folder / "whole.npz", snapshot(**changes))
    return (folder / "whole.npz").read_bytes()


def test_a_missing_file_is_named(path):
    with pytest.raises(FileNotFoundError, match=r"run\.npz"):
        read(path)


def test_a_folder_is_neither_written_over_nor_read(tmp_path):
    (tmp_path / "run.npz").mkdir()
    with pytest.raises(OSError):
        write(tmp_path / "run.npz", snapshot())
    with pytest.raises(OSError):
        read(tmp_path / "run.npz")
    assert [p.name for p in tmp_path.rglob("*")] == ["run.npz"]


def test_a_file_cut_short_is_refused_wherever_it_is_cut(path):
    write(path, SMALL)
    data = path.read_bytes()
    with open(path, "r+b", buffering=0) as file:  # from the end on: only the length changes
        for length in range(len(data) - 1, -1, -1):
            file.truncate(length)
            with pytest.raises(ValueError, match=f"{path.name}: expected .*, got {length} bytes"):
                read(path)


def put_byte(file, place, byte):
    file.seek(place)
    file.write(bytes([byte]))


def test_a_changed_bit_anywhere_is_refused_or_changes_nothing(path):
    write(path, SMALL)
    data, harmless = path.read_bytes(), 0
    with open(path, "r+b", buffering=0) as file:
        for place in range(len(data)):
            put_byte(file, place, data[place] ^ 1 << place % 8)
            try:
                found = read(path)
            except ValueError as error:
                assert str(error).startswith(f"{path}: ")
            else:
                assert_same(found, SMALL)
                harmless += 1
            put_byte(file, place, data[place])
    assert 0 < harmless < len(data) / 3  # dates and the like, which an archive has, too
    assert_same(read(path), SMALL)


@given(data=st.data())
def test_a_damaged_stretch_is_refused_or_changes_nothing(folder, data):
    good = whole(folder)
    start = data.draw(st.integers(0, len(good) - 1))
    damage = data.draw(st.binary(min_size=1, max_size=5000))
    path = folder / "damaged.npz"
    path.write_bytes(good[:start] + damage + good[start + len(damage) :])
    try:
        found = read(path)
    except ValueError:
        return
    assert_same(found, snapshot())


def test_the_one_before_is_offered_if_it_is_whole(path):
    torn = whole(path.parent)[:-100]
    (path.parent / "whole.npz").unlink()
    offer = "rename"
    assert offer not in assert_refused(path, torn)
    before = path.with_name("run.previous.npz")
    before.write_bytes(torn)
    assert offer not in assert_refused(path, torn)
    before.unlink()
    before.mkdir()
    assert offer not in assert_refused(path, torn)
    before.rmdir()
    write(before, snapshot(4))
    assert_refused(path, torn, f"rename {before} to run.npz")
    os.replace(before, path)  # what the message says
    assert_same(read(path), snapshot(4))


class Trap:
    """Unpickling it would end the test."""

    def __reduce__(self):
        return (pytest.fail, ("a pickle has been run",))


def npz(save_as=np.savez, **arrays):
    file = io.BytesIO()
    save_as(file, **arrays)
    return file.getvalue()


def zipped(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


TRAP = np.array([Trap()])
FOREIGN = {
    "empty": (b"", "0 bytes"),
    "a text": (b"epoch,loss\n1,2.5\n" * 30, "510 bytes"),
    "zeros": (bytes(5000), "5000 bytes"),
    "a pickle": (pickle.dumps(Trap()), "bytes"),
    "pickled arrays": (npz(format=TRAP, version=TRAP, snapshot=TRAP), "bytes"),
    "an empty archive": (zipped(), "format"),
    "an archive of texts": (zipped(format="rnnlib.checkpoint", version="1"), "bytes"),
    "other arrays": (npz(a=np.ones(3)), "'rnnlib.checkpoint', got None"),
    "another format": (npz(format="other", version=1), "got 'other'"),
    "a later version": (npz(format="rnnlib.checkpoint", version=2), "version: expected 1, got 2"),
    "nothing else": (npz(format="rnnlib.checkpoint", version=1), "snapshot"),
}


@pytest.mark.parametrize(("data", "said"), FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_file_is_refused(data, said, path):
    assert_refused(path, data, said)


def test_weights_are_not_a_checkpoint_nor_the_other_way_round(path):
    save(RNN(2, 3, 2, rng=np.random.default_rng(0)), path)
    assert_refused(path, path.read_bytes(), "format: expected 'rnnlib.checkpoint'", "'rnnlib.RNN'")
    write(path, snapshot())
    with pytest.raises(ValueError, match=r"expected 'rnnlib.RNN', got 'rnnlib.checkpoint'"):
        load(path)


# A file that somebody has made up


def made_up(path, tree=(), **arrays):
    """The bytes of a checkpoint with some entries changed; ... leaves one out."""
    write(path, snapshot())
    with np.load(path) as members:
        members = dict(members)
    text = json.loads(str(members["snapshot"])) | dict(tree)
    members["snapshot"] = json.dumps({k: v for k, v in text.items() if v is not ...})
    members |= arrays
    return npz(**{name: v for name, v in members.items() if v is not ...})


def pcg64(**changes):
    state = generator_state()
    return state | changes


ONE = np.ones(1)
NO_PARAMS = {"params/W_hh": ..., "params/b_h": ...}
CRAFTED = {
    "a field too few": ({"epoch": ...}, {}, "epoch"),
    "a field too many": ({"extra": 1}, {}, "extra"),
    "a list of fields": ({}, {"snapshot": "[]"}, "list"),
    "no JSON": ({}, {"snapshot": "{"}, "JSON"),
    "a number for JSON": ({}, {"snapshot": np.array(1.0)}, "JSON"),
    "numbers for JSON": ({}, {"snapshot": np.ones(3)}, "snapshot|size"),
    "deep JSON": ({}, {"snapshot": "[" * 10**5}, "Recursion"),
    "deep plain JSON": ({}, {"snapshot": '{"a":' * 10**5 + "1" + "}" * 10**5}, "Recursion"),
    "a huge number": ({}, {"snapshot": "9" * 10**5}, "digits"),
    "an array too many": ({}, {"extra": ONE}, "extra"),
    "a parameter too many": ({}, {"params/b_y": ONE}, "params/b_y"),
    "a parameter too few": ({}, {"params/b_h": ...}, "b_h"),
    "a parameter of text": ({}, {"params/b_h": "1"}, "b_h"),
    "a parameter of whole numbers": ({}, {"params/b_h": np.ones(2, int)}, "b_h"),
    "a complex parameter": ({}, {"params/b_h": ONE * 1j}, "b_h"),
    "a parameter of dates": ({}, {"params/b_h": np.zeros(2, "M8[s]")}, "b_h"),
    "a parameter with fields": ({}, {"params/b_h": np.zeros(2, "f8,f8")}, "b_h"),
    "numbers as parameters": ({"params": {"W_hh": 1.5, "b_h": 1}}, NO_PARAMS, "W_hh"),
    "no dict of parameters": ({"params": [1]}, {}, "params"),
    "no best dict": ({"best": 3}, {}, "best"),
    "begun with a list": ({"begun": []}, {}, "begun"),
    "an array in begun": ({"begun": {"a": None}}, {"begun/a": ONE}, "begun"),
    "an epoch below 0": ({"epoch": -1}, {}, "epoch"),
    "half an epoch": ({"epoch": 0.5}, {}, "epoch"),
    "a true batch": ({"batch": True}, {}, "batch"),
    "no batch": ({"batch": None}, {}, "batch"),
    "an array as epoch": ({"epoch": None}, {"epoch": np.array(3)}, "epoch"),
    "a state of text": ({}, {"state": "h"}, "state"),
    "a state of lists": ({"state": [1.0]}, {"state": ...}, "state"),
    "a list in the optimiser": ({"optimizer": {"a": [1]}}, {}, "optimizer"),
    "None in the optimiser": ({"optimizer": {"a": None}}, {}, "optimizer"),
    "text in the sums": ({"sums": {"loss": "0"}}, {}, "sums"),
    "an array in the sums": ({"sums": {"loss": None}}, {"sums/loss": ONE}, "sums"),
    "an array in the counters": ({"counters": {"a": None}}, {"counters/a": ONE}, "counters"),
    "a table in the history": ({}, {"history/step_loss": np.ones((2, 2))}, "history"),
    "one number in the history": ({}, {"history/step_loss": np.array(1.0)}, "history"),
    "text in the history": ({}, {"history/step_loss": np.array(["a"])}, "history"),
    "a list in the history": ({"history": {"a": [1.0]}}, {}, "history"),
    "a generator of text": ({"generator": "PCG64"}, {}, "generator"),
    "a generator without a name": ({"generator": {"state": {}}}, {}, "generator"),
    "an unknown generator": ({"generator": pcg64(bit_generator="BitGenerator")}, {}, "one of"),
    "another thing of NumPy": ({"generator": pcg64(bit_generator="seed")}, {}, "one of"),
    "a generator without a state": ({"generator": {"bit_generator": "PCG64"}}, {}, "generator"),
    "another one's state": ({"generator": pcg64(bit_generator="MT19937")}, {}, "generator"),
    "a state below 0": ({"generator": pcg64(state={"state": -1, "inc": 1})}, {}, "generator"),
    "a state of floats": ({"generator": pcg64(state={"state": 1.0, "inc": 1})}, {}, "generator"),
    "too large a state": ({"generator": pcg64(state={"state": 2**128, "inc": 1})}, {}, "generator"),
    "too large a rest": ({"generator": pcg64(uinteger=2**32)}, {}, "generator"),
    "more in a generator": ({"generator": pcg64(extra=1)}, {}, "generator"),
}  # fmt: skip


@pytest.mark.parametrize(("tree", "arrays", "said"), CRAFTED.values(), ids=CRAFTED)
def test_a_crafted_file_is_refused(tree, arrays, said, path):
    message = assert_refused(path, made_up(path, tree, **arrays))
    assert any(word in message for word in said.split("|")), message


def mt19937(pos=3, key=None):
    key = np.arange(624, dtype=np.uint32) if key is None else key
    return {"bit_generator": "MT19937", "state": {"key": key, "pos": pos}}


def philox(buffer_pos):
    return generator_state("Philox") | {"buffer_pos": buffer_pos}


# NumPy would read beyond the end of its array, or count what is there as something else.
DANGEROUS = {
    "has read too much": mt19937(pos=625),
    "has read less than nothing": mt19937(pos=-1),
    "has read a part": mt19937(pos=0.5),
    "has read nan": mt19937(pos=math.nan),
    "has too few": mt19937(key=np.ones(623, np.uint32)),
    "has too many": mt19937(key=np.ones(625, np.uint32)),
    "has others": mt19937(key=np.ones(624)),
    "has read too much of its buffer": philox(5),
    "has read less than nothing of its buffer": philox(-1),
}


@pytest.mark.parametrize("state", DANGEROUS.values(), ids=DANGEROUS)
def test_a_generator_that_would_read_where_it_must_not_is_refused(state, path, monkeypatch):
    with pytest.raises(ValueError, match="generator: expected a state of"):
        write(path, snapshot(generator=state))
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "_check", lambda tree: None)
        write(path, snapshot(generator=state))
    assert_refused(path, path.read_bytes(), "generator: expected a state of")


# What is not written

NOT_WRITTEN = {
    "a tuple": ({"begun": {"shape": (2, 3)}}, "begun"),
    "a tuple in a list": ({"begun": {"a": [(2, 3)]}}, "begun"),
    "a number as name": ({"begun": {"a": {1: 2}}}, "begun"),
    "an array in begun": ({"begun": {"a": ONE}}, "begun"),
    "a set": ({"begun": {"a": {1}}}, "begun"),
    "an object": ({"params": {"W": TRAP}}, "params"),
    "a list": ({"params": {"W": [1.0]}}, "params"),
    "no dict": ({"params": None}, "params"),
    "a name that is none": ({"params": {3: ONE}}, "params"),
    "a history with holes": ({"history": {"loss": [1.0, None]}}, "history"),
    "no history": ({"history": None}, "history"),
    "a generator itself": ({"generator": np.random.default_rng(0)}, "generator"),
    "epochs below 0": ({"epoch": -1}, "epoch"),
    "a state of two": ({"state": (ONE, ONE)}, "state"),
}


@pytest.mark.parametrize(("changes", "said"), NOT_WRITTEN.values(), ids=NOT_WRITTEN)
def test_what_would_not_come_back_is_not_written(changes, said, path):
    write(path, snapshot())
    data = path.read_bytes()
    with pytest.raises((TypeError, ValueError), match=f"^{said}.*expected .*got"):
        write(path, snapshot(**changes))
    assert path.read_bytes() == data and names(path.parent) == ["run.npz"]
