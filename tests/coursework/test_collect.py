"""What students hand in comes to the grader: all of it or none, and to whom it belongs."""

import errno
import json
import zipfile
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coursework import collect as module
from coursework import handed_in, rebuild
from coursework.__main__ import main
from coursework.collect import Entry, Report, collect, sort, unwrapped
from coursework.course import Course
from coursework.execute import FILES
from coursework.handed_in import plain
from coursework.rebuild import Unreadable, find_notebook, read_submission
from coursework.terms import Trouble

A = "counting"
MOODLE = {
    "Anna Kovács_4711_assignsubmission_file_/counting.ipynb": "a",
    "Bo_4712_assignsubmission_file/Counting (2).ipynb": "b",  # Moodle 4.1 and newer
    "Cy Dee_4713_assignsubmission_file_counting.ipynb": "c",  # without folders
}


@pytest.fixture
def course(tmp_path):
    """Return a course in which counting seems to be released."""
    made = Course.of("2027", tmp_path / "terms")
    for path in (made.source(A), made.release(A)):
        path.parent.mkdir(parents=True)
        path.touch()
    return made


@pytest.fixture
def take(course, tmp_path, capsys):
    """Return a function that collects files, given by name, and returns what was said."""

    def run(files, change=bytes):
        path = tmp_path / "handed-in.zip"
        packed(path, files)
        path.write_bytes(change(path.read_bytes()))
        try:
            collect(course, A, path)
        finally:
            run.said = capsys.readouterr().out
        return run.said

    return run


def packed(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def submitted(course):
    """Return what lies in the folder for submissions, without what `collect` knows of names."""
    folder = course.root / "submitted"
    found = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    return {name: p.read_text("utf-8") for name, p in found.items() if "name.json" not in name}


def of(student, *names):
    return {f"{student}/{A}/{name}" for name in names}


# --- The three forms ------------------------------------------------------------------------------


def test_moodles_archive_is_taken_over(course, take):
    assert "3 new" in take(MOODLE)
    assert submitted(course) == {
        "4711/counting/counting.ipynb": "a",
        "4712/counting/Counting (2).ipynb": "b",
        "4713/counting/counting.ipynb": "c",
    }
    names = json.loads((course.root / "submitted" / "4711" / "name.json").read_text("utf-8"))
    assert (names["first_name"], names["last_name"]) == ("Anna", "Kovács")


def test_a_second_time_what_is_unchanged_stays(course, take):
    take(MOODLE)
    assert "1 changed, 2 as before" in take({**MOODLE, next(iter(MOODLE)): "new"})
    assert submitted(course)["4711/counting/counting.ipynb"] == "new"
    assert len(submitted(course)) == 3


def test_folders_and_single_files(course, tmp_path):
    origin = tmp_path / "in"
    for name in ("ak/counting.ipynb", "bo/counting/my.ipynb", "bo/counting/data.txt", "cy.ipynb"):
        (origin / name).parent.mkdir(parents=True, exist_ok=True)
        (origin / name).write_text(name)
    (origin / ".ipynb_checkpoints").mkdir()
    (origin / ".ipynb_checkpoints" / "cy.ipynb").touch()
    collect(course, A, origin)
    assert set(submitted(course)) == {
        *of("ak", "counting.ipynb"),
        *of("bo", "my.ipynb", "data.txt"),
        *of("cy", "counting.ipynb"),
    }


def test_work_for_another_assignment_stays_out(course, take):
    said = take({"ak/counting/my.ipynb": "", "ak/bptt/bptt.ipynb": "", "bo.ipynb": ""})
    assert set(submitted(course)) == {*of("ak", "my.ipynb"), *of("bo", "counting.ipynb")}
    assert "ak/bptt/bptt.ipynb (of another assignment)" in said


def test_the_folder_of_the_assignment_comes_before_what_lies_beside_it(course, take):
    files = ["ak/counting/my.ipynb", "ak/other.ipynb", "bo.ipynb"]
    said = take(dict.fromkeys(files, ""))
    assert set(submitted(course)) == {*of("ak", "my.ipynb"), *of("bo", "counting.ipynb")}
    assert "Left out: ak/other.ipynb" in said


def test_no_name_of_a_student_is_a_command(course, take):
    take({"$(reboot).ipynb": "", "`reboot`/counting.ipynb": ""})
    assert len(course.students(A)) == 2
    assert not any(sign in name for name in course.students(A) for sign in "$`")


@pytest.mark.parametrize("name", ["counting.ipynb", "bptt.ipynb", "bptt/ak.ipynb"])
def test_nobody_is_called_as_an_assignment(course, take, name):
    said = take({name: "", "bo.ipynb": ""})
    assert set(submitted(course)) == of("bo", "counting.ipynb")
    assert f"Left out: {name} (named as an assignment" in said


@pytest.mark.parametrize(
    "files",
    [
        ["in/ak.ipynb", "in/bo.ipynb"],
        ["in/ak.ipynb", "in/bo.ipynb", "in/.DS_Store", "__MACOSX/in/._ak.ipynb"],
        ["in/ak/counting.ipynb", "in/bo/my.ipynb"],
        ["a/b/ak.ipynb", "a/b/bo.ipynb"],
        ["counting/ak.ipynb", "counting/bo.ipynb"],
    ],
)
def test_a_folder_around_a_class_is_no_student(course, take, files):
    said = take(dict.fromkeys(files, ""))
    assert {name.split("/")[0] for name in submitted(course)} == {"ak", "bo"}
    assert "everything lies in one folder" in said


def test_a_folder_around_moodles_folders(course, take):
    take({"in/Anna_4711_assignsubmission_file_/my.ipynb": "", "in/readme.txt": ""})
    assert set(submitted(course)) == of("4711", "my.ipynb")


def test_what_lies_beside_that_folder_is_named(course, take):
    said = take({"in/ak.ipynb": "", "in/bo.ipynb": "", "readme.txt": ""})
    assert "readme.txt (beside the folder in which" in said


@pytest.mark.parametrize("files", [["ak/counting.ipynb"], ["ak/counting/x.ipynb"], ["ak.ipynb"]])
def test_a_single_student_is_no_class(course, take, files):
    take(dict.fromkeys(files, ""))
    assert {name.split("/")[0] for name in submitted(course)} == {"ak"}


@pytest.mark.parametrize(
    "files",
    [["x/ak123.ipynb"], ["x/y/counting.ipynb"], ["x/ak.ipynb", "x/old/bo.ipynb"]],
)
def test_where_it_could_be_either_nothing_is_guessed(course, take, files):
    with pytest.raises(Trouble, match=r"student, or a class.*x/counting\.ipynb"):
        take(dict.fromkeys(files, ""))
    assert submitted(course) == {}


# --- Whose it is ----------------------------------------------------------------------------------


def entry(path):
    return Entry(path, tuple(path.split("/")), 1, False, lambda: None)


def owners(paths):
    """Return which students get which files, and what is said."""
    report = Report()
    found = sort(unwrapped([entry(path) for path in paths], A, report), A, report)
    return {one.student: {e.path for e in one.files.values()} for one in found}, report


def test_nobody_overwrites_anothers_work_by_the_name_of_a_file(course, take):
    take(
        {
            "Anna_4711_assignsubmission_file_counting.ipynb": "Anna's",
            "Mallory_4799_assignsubmission_file_X_4711_assignsubmission_file_counting.ipynb": "M",
        }
    )
    assert submitted(course)["4711/counting/counting.ipynb"] == "Anna's"
    assert {name.split("/")[0] for name in submitted(course)} == {"4711", "4799"}


PIECES = [
    "_4711_assignsubmission_file_",
    "_4711",
    "assignsubmission_file_",
    "_",
    "x",
    "नि",
    " ",
    "7",
]


@settings(max_examples=40)
@given(
    name=st.lists(st.sampled_from(["Anna", " ", "_", "7", "R2_D2", "नि"]), min_size=1).map("".join),
    file=st.lists(st.sampled_from(PIECES), min_size=1).map("".join),
    sub=st.sampled_from(["", "/", "/X_4711_assignsubmission_file_/", "/counting/"]),
)
def test_what_moodle_wrote_decides_and_not_what_the_student_wrote(name, file, sub):
    path = f"{name}_4799_assignsubmission_file_{sub}{file}.ipynb"
    other = "Anna_4711_assignsubmission_file_/counting.ipynb"
    assert owners([path, other])[0] == {"4799": {path}, "4711": {other}}


@pytest.mark.parametrize(
    "clash",
    [
        ("ak.ipynb", "ak/counting.ipynb"),
        ("Ak/counting.ipynb", "ak/counting.ipynb"),  # one folder on many systems
        ("e\u0301.ipynb", "\u00e9.ipynb"),
        ("a:b.ipynb", "a?b.ipynb"),
        ("Anna_4711_assignsubmission_file_/x.ipynb", "Zoe_4711_assignsubmission_file_/x.ipynb"),
        ("Anna_4711_assignsubmission_file_/x.ipynb", "4711/x.ipynb"),
    ],
)
def test_two_who_would_be_one_student_are_both_left_out(clash):
    found, report = owners([*clash, "bo.ipynb"])
    assert found == {"bo": {"bo.ipynb"}}
    (line,) = report.left
    assert all(path.split("/")[0].partition("_assignsub")[0] in line for path in clash)


def test_what_was_there_of_them_stays(course, take):
    take({"ak.ipynb": "first", "bo.ipynb": ""})
    take({"ak.ipynb": "1", "ak/counting.ipynb": "2", "bo.ipynb": ""})
    assert submitted(course)["ak/counting/counting.ipynb"] == "first"


def test_letters_of_all_scripts_stay_what_they_are(course, take):
    names = ["सीता", "साती", "Kovács", "שָׁלוֹם", "O'Neil, J+R @ x.org", "王小明", "Weiß", "Weiss"]
    take({f"{name}.ipynb": name for name in names})
    assert submitted(course) == {f"{name}/counting/counting.ipynb": name for name in names}


def test_a_name_as_macos_writes_it_is_the_name_that_is_typed(course, take):
    take({"Kova\u0301cs/counting.ipynb": "", "Kova\u0301cs/e\u0301.txt": "", "bo.ipynb": ""})
    assert of("Kov\u00e1cs", "counting.ipynb", "\u00e9.txt") < set(submitted(course))


def test_an_archive_of_macos_does_not_say_that_its_names_are_utf8(course, take):
    name = "Kovács.ipynb"
    disguised = "Kov__cs.ipynb"
    take(
        {disguised: "", "bo.ipynb": ""},
        lambda data: data.replace(disguised.encode(), name.encode()),
    )
    assert of("Kovács", "counting.ipynb") < set(submitted(course))


def test_an_archive_of_windows_may_have_other_strokes(course, take):
    take({"ak\\counting.ipynb": "", "bo\\counting.ipynb": ""})
    assert set(submitted(course)) == {*of("ak", "counting.ipynb"), *of("bo", "counting.ipynb")}


@pytest.mark.parametrize("name", ["王" * 90, "x" * 150, "e\u0301" * 120, "x" * 80 + "." * 90])
def test_a_long_name_stays_a_notebook_and_a_student_of_its_own(course, take, name):
    files = {f"{name}{last}/{name}{last}.ipynb": last for last in "ab"}
    assert "2 new" in take(files)
    assert sorted(submitted(course).values()) == ["a", "b"]
    for student in course.students(A):
        assert find_notebook(course.submission(student, A), A).suffix == ".ipynb"


@given(st.text(min_size=1) | st.text(". \t\u3000x", min_size=1))
def test_a_name_fits_every_system(text):
    name = plain(text)
    assert 0 < len(name.encode()) <= 255
    assert not name.startswith(".")
    assert not set(name) & {*map(chr, range(32)), *'/\\:*?"<>|'}
    assert plain(name) == name


@pytest.mark.parametrize(
    "name", [" counting.ipynb ", "counting.IPYNB", ".counting.ipynb", "Counting (1).ipynb"]
)
def test_a_notebook_that_is_called_oddly_is_found(course, take, name):
    take({f"Bo_4712_assignsubmission_file_/{name}": ""})
    assert find_notebook(course.submission("4712", A), A).suffix == ".ipynb"


# --- Every file is taken, or named ----------------------------------------------------------------

PATHS = ["ak", "bo", "counting", "bptt", "old", "Anna_4711_assignsubmission_file_", ".git", "7_a"]
PATHS += ["Anna_4711_assignsubmission_onlinetext_", "Team_assignsubmission_file_", "__MACOSX"]
LAST = ["counting.ipynb", "Counting.ipynb", "my.ipynb", "x.txt", ".DS_Store", "._my.ipynb"]
LAST += ["Cy_4713_assignsubmission_file_my.ipynb", "Cy_4713_assignsubmission_file_", "ak.ipynb"]


@settings(max_examples=60)
@given(
    st.sets(
        st.tuples(st.lists(st.sampled_from(PATHS), max_size=3), st.sampled_from(LAST)).map(
            lambda path: "/".join([*path[0], path[1]])
        ),
        min_size=1,
        max_size=6,
    )
)
def test_no_file_is_dropped_without_a_word(paths):
    with suppress(Trouble):
        found, report = owners(sorted(paths))
        named = [*report.left, *(path for many in report.many.values() for path in many)]
        taken = [path for files in found.values() for path in files]
        for path in {*paths} - {*taken}:
            whose = [part.partition("_assignsub")[0] for part in path.split("/")]
            clashes = [line for line in report.left if "both would be" in line]
            said = any(path in line for line in named)
            assert said or any(name in line for line in clashes for name in whose), path
        assert len(taken) == len(set(taken))


def test_online_text_makes_no_student_and_takes_no_file(course, take):
    said = take(
        {
            "Anna_4711_assignsubmission_onlinetext_/onlinetext.html": "t",
            "Anna_4711_assignsubmission_file_/counting.ipynb": "a",
            "Bo_4712_assignsubmission_onlinetext_onlinetext.html": "t",
        }
    )
    assert submitted(course) == {"4711/counting/counting.ipynb": "a"}
    lines = [line for line in said.splitlines() if "Bo_4712" in line]
    assert len(lines) == 1
    assert "no file" in lines[0]


@pytest.mark.parametrize("sub", ["work", "counting", "a/b"])
def test_a_sub_folder_in_moodle(course, take, sub):
    folder = f"Anna_4711_assignsubmission_file_/{sub}"
    said = take({f"{folder}/counting.ipynb": "a", f"{folder}/data.txt": "d"})
    assert set(submitted(course)) == of("4711", "counting.ipynb", "data.txt")
    assert f"4711: {sub}/data.txt lies beside the notebook" in said


def test_a_notebook_on_top_counts_and_one_below_is_named(course, take):
    said = take(
        {"ak/my.ipynb": "", "ak/old/counting.ipynb": "", "ak/data/x.txt": "", "bo.ipynb": ""}
    )
    assert of("ak", "my.ipynb", "x.txt") < set(submitted(course))
    assert "Left out: ak/old/counting.ipynb" in said


def test_a_second_file_of_the_same_name_is_named(course, take):
    said = take(
        {
            "ak/counting.ipynb": "right",
            "ak/Counting.ipynb": "",
            "ak/a/x.txt": "x",
            "ak/b/x.txt": "y",
            "bo.ipynb": "",
        }
    )
    assert submitted(course)["ak/counting/counting.ipynb"] == "right"
    assert submitted(course)["ak/counting/x.txt"] == "x"
    assert "Left out: ak/Counting.ipynb" in said
    assert "Left out: ak/b/x.txt" in said


def test_many_files_do_not_push_the_notebook_out(course, take):
    files = {f"ak/{number:03}.png": "" for number in range(FILES + 5)}
    said = take({**files, "ak/counting.ipynb": "", "ak/second.ipynb": "", "bo.ipynb": ""})
    mine = {name for name in submitted(course) if name.startswith("ak/")}
    assert of("ak", "counting.ipynb", "second.ipynb") < mine
    assert len(mine) == FILES + 2
    assert "020.png, ak/021.png, ak/022.png and 2 more (more than 20 files" in said


def test_who_handed_in_something_else_counts_as_handed_in(course, take):
    said = take({"Bo_4712_assignsubmission_file_/._counting.ipynb": "", **MOODLE})
    assert "4712" in course.students(A)
    assert "Bo_4712_assignsubmission_file_/._counting.ipynb (hidden" in said
    take({"Cy_4714_assignsubmission_file_/counting.pdf": "", **MOODLE})
    assert "Note: 4714 handed in no notebook" in take.said
    assert "4714" in course.students(A)


def test_links_and_ways_out_are_refused(course, take, tmp_path, capsys):
    origin = tmp_path / "in"
    (origin / "ak").mkdir(parents=True)
    (origin / "ak" / "counting.ipynb").symlink_to("/etc/passwd")
    (origin / "all").symlink_to("/etc")
    (origin / "bo.ipynb").touch()
    collect(course, A, origin)
    said = capsys.readouterr().out
    assert "Left out: ak/counting.ipynb (a link)" in said
    assert "Left out: all (a link)" in said
    said = take({"../../x.ipynb": "!", "/y/z.ipynb": "!", ".": "!", "ok.ipynb": "!"})
    assert "../../x.ipynb (leads out" in said
    assert "/y/z.ipynb (leads out" in said
    assert "Left out: . (leads out" in said
    assert not (tmp_path / "x.ipynb").exists()
    assert set(submitted(course)) == {*of("bo", "counting.ipynb"), *of("ok", "counting.ipynb")}


def test_a_name_does_nothing_to_the_terminal(course, take):
    assert "\x1b" not in take({"ak.ipynb": "", "\x1b[2J.txt": "", "bo/\x1b.ipynb": ""})


# --- One cannot be taken, the others are ----------------------------------------------------------


def damaged(data):
    return data.replace(b"the content of ak", b"THE content of ak")


def locked(data):
    """Set the flag that says: encrypted."""
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.index(mark) + place
        data = data[:at] + bytes([data[at] | 1]) + data[at + 1 :]
    return data


def packed_strangely(data):
    for mark, place in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        at = data.index(mark) + place
        data = data[:at] + b"\x63" + data[at + 1 :]
    return data


@pytest.mark.parametrize(
    ("change", "words"),
    [(damaged, "ownload"), (locked, "Unpack"), (packed_strangely, "Unpack")],
)
def test_what_cannot_be_read_holds_nobody_up(course, take, change, words):
    files = {"ak/counting.ipynb": "the content of ak", "bo.ipynb": "", "cy.ipynb": ""}
    said = take(files, change)
    assert "2 new" in said
    (line,) = [line for line in said.splitlines() if line.startswith("Left out: ak")]
    assert "ak/counting.ipynb" in line
    assert words in line
    assert course.students(A) == ["bo", "cy"]
    assert not (course.root / "submitted" / "ak").exists()
    take({**files, "ak/counting.ipynb": "earlier"})
    assert "2 as before" in take(files, change)
    assert submitted(course)["ak/counting/counting.ipynb"] == "earlier"


def test_it_fails_only_if_nothing_could_be_taken(course, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("coursework.course.TERMS", course.root.parent)
    path = tmp_path / "x.zip"
    for files, code in (
        ({"ak.ipynb": "the content of ak"}, 1),
        ({"ak.ipynb": "the content of ak", "bo.ipynb": ""}, 0),
        ({"readme.txt": ""}, 1),
    ):
        packed(path, files)
        path.write_bytes(damaged(path.read_bytes()))
        assert main(["collect", "2027", "--assignment", A, str(path)]) == code
        assert "Left out" in capsys.readouterr().out


def test_what_may_not_be_read_is_named(course, tmp_path, capsys, monkeypatch):
    origin = tmp_path / "in"
    for name in ("ak", "bo"):
        (origin / name).mkdir(parents=True)
        (origin / name / "counting.ipynb").touch()
    usual = Path.open

    def guarded(self, mode="r", *arguments):
        if self.parent.name == "ak" and mode == "rb" and self.is_relative_to(origin):
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return usual(self, mode, *arguments)

    monkeypatch.setattr(Path, "open", guarded)
    collect(course, A, origin)
    said = capsys.readouterr().out
    assert "Left out: ak, with all files: ak/counting.ipynb may not be read by you" in said
    assert course.students(A) == ["bo"]


def test_a_full_disk_stops_and_leaves_nothing_half_written(course, take, monkeypatch):
    take({"ak.ipynb": "first", "bo.ipynb": "first"})

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "_pieces", full)
    with pytest.raises(Trouble, match="No space left"):
        take({"ak.ipynb": "second", "bo.ipynb": "second"})
    assert set(submitted(course).values()) == {"first"}
    assert len(submitted(course)) == 2


def test_a_file_that_is_too_large_counts_as_handed_in_and_its_page_says_why(
    course, take, monkeypatch
):
    for place in (module, handed_in, rebuild):
        monkeypatch.setattr(place, "LARGEST", 1000)
    files = {"ak/counting.ipynb": "x" * 1234, "ak/data.bin": "x" * 5000, "bo.ipynb": ""}
    said = take(files)
    assert "2 new" in said
    assert "ak: counting.ipynb has 1,234 bytes; at most 1,000" in said
    with pytest.raises(Unreadable, match="has 1,234 bytes; at most 1,000"):
        read_submission(find_notebook(course.submission("ak", A), A))
    assert "x" not in submitted(course)["ak/counting/counting.ipynb"]
    assert "2 as before" in take(files)


def test_a_name_that_is_no_text_does_not_stop_the_gradebook(course):
    path = "Kov\udce1cs_4711_assignsubmission_file_/counting.ipynb"
    (one,) = sort([entry(path)], A, Report())
    assert all(text.encode("utf-8") for text in one.names.values() if text)


def test_a_size_that_is_a_lie_fills_no_disk(course):
    huge = Entry("ak.ipynb", ("ak.ipynb",), 10**18, False, lambda: None)
    one = module.Handed("ak", files={"counting.ipynb": huge})
    module.keep(course, A, one)
    with pytest.raises(Unreadable, match="bytes; at most"):
        read_submission(find_notebook(course.submission("ak", A), A))
    status = (course.submission("ak", A) / "counting.ipynb").stat()
    assert status.st_blocks * 512 < 10_000_000


# --- Stopped in the middle ------------------------------------------------------------------------


@pytest.mark.parametrize("plug", [False, True], ids=["Ctrl-C", "the plug"])
@pytest.mark.parametrize("at", [1, 2])
def test_stopped_at_the_worst_moment_nobody_gets_lost(course, take, monkeypatch, at, plug):
    take({"ak.ipynb": "first", "bo.ipynb": "first"})
    usual = Path.rename
    calls = []

    def stopped(self, target):
        calls.append(self)
        if len(calls) == at:
            raise KeyboardInterrupt
        return usual(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", stopped)
        if plug:
            patch.setattr(module, "put_back", lambda folder: None)
        with pytest.raises(KeyboardInterrupt):
            take({"ak.ipynb": "second", "bo.ipynb": "second"})
    if plug:
        take({"cy.ipynb": "first"})  # the next run, and without them
    assert {"ak", "bo"} < {*course.students(A), "cy"}
    assert set(submitted(course).values()) == {"first"}
    assert len(submitted(course)) == 2 + plug
    assert "changed" in take({"ak.ipynb": "second", "bo.ipynb": "second"})
    assert submitted(course)["ak/counting/counting.ipynb"] == "second"


# --- Where from -----------------------------------------------------------------------------------


def test_the_sign_for_home_is_understood(course, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    packed(tmp_path / "x.zip", MOODLE)
    collect(course, A, Path("~/x.zip"))
    assert len(submitted(course)) == 3


def test_what_was_named_is_missing_or_no_archive_or_damaged(course, tmp_path):
    gather = partial(collect, course, A)
    with pytest.raises(Trouble, match="does not exist"):
        gather(tmp_path / "missing")
    with pytest.raises(Trouble, match=r"~nobody-is-called-so.*does not exist"):
        gather(Path("~nobody-is-called-so/x.zip"))
    path = packed(tmp_path / "x.zip", MOODLE)
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    with pytest.raises(Trouble, match=r"neither a folder nor a zip.*download it again"):
        gather(path)
    start = whole.index(b"PK\x01\x02")
    path.write_bytes(whole[:start] + b"XXXX" + whole[start + 4 :])
    with pytest.raises(Trouble, match="damaged"):
        gather(path)


def test_what_may_not_be_opened(course, tmp_path, monkeypatch):
    path = packed(tmp_path / "x.zip", MOODLE)

    def forbidden(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", forbidden)  # root may open everything
    with pytest.raises(Trouble, match="cannot be read: Permission denied"):
        collect(course, A, path)


def test_nothing_found_says_what_is_known(course, take):
    with pytest.raises(Trouble, match="assignsubmission_file") as trouble:
        take({"readme.txt": "?"})
    assert "one file for each student" in str(trouble.value)
    assert "taken whole" not in str(trouble.value)
    assert "readme.txt" in take.said
