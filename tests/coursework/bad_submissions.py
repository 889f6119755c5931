"""Submissions that break a careless grader: accidents of honest students, and attacks.

Each is a function that gets the finished notebook, the folder to hand it in, and whatever it wants
of the course. It changes the notebook, or writes files itself and returns False. `LOSES` says what
it must cost: nothing, everything that tests give, or the first question's tests. A program that
prints FOUND has done what it should not be able to do.
"""

import json
import os
import re
import socket

import nbformat

from coursework.sources import role

NOTHING, FIRST, ALL = "nothing", "the first question", "everything"
WHATEVER = "whatever"  # the mark is withheld
BAD = {}


def bad(loses, suspect=False, remark=""):
    """Enter a kind of submission into the list."""

    def enter(function):
        BAD[function.__name__.replace("_", "-")] = (function, loses, suspect, remark)
        return function

    return enter


def add(notebook, code, place=1):
    """Add a cell, before all others but the title: where an attack would stand."""
    notebook.cells.insert(place, nbformat.v4.new_code_cell(code))


def answers(notebook):
    return [cell for cell in notebook.cells if role(cell) == "answer"]


def first_answer(notebook):
    return answers(notebook)[0]


def essay(notebook):
    return next(c for c in notebook.cells if role(c) == "essay" and c.cell_type == "markdown")


# The folder of the kernel's sockets, the one place outside that can be written to.
SOCKETS = """
import os, pathlib, time
from ipykernel.connect import get_connection_file
run = pathlib.Path(get_connection_file()).parent
"""


# --- Accidents ------------------------------------------------------------------------------------


@bad(NOTHING)
def tests_edited(notebook, folder, course):
    for cell in notebook.cells:
        if role(cell) == "visible":
            cell.source = "assert True"


@bad(NOTHING)
def tests_deleted(notebook, folder, course):
    notebook.cells = [cell for cell in notebook.cells if role(cell) not in ("visible", "hidden")]


@bad(NOTHING)
def setup_deleted(notebook, folder, course):
    notebook.cells = [cell for cell in notebook.cells if role(cell) != "setup"]


@bad(NOTHING)
def metadata_stripped(notebook, folder, course):
    for cell in notebook.cells:
        cell.metadata = {}


@bad(NOTHING)
def metadata_and_ids_stripped(notebook, folder, course):
    notebook.nbformat_minor = 4
    for cell in notebook.cells:
        cell.metadata = {}
        del cell["id"]


@bad(NOTHING, remark="2 times")
def answer_cell_twice(notebook, folder, course):
    cell = first_answer(notebook)
    again = nbformat.from_dict({**cell, "id": "again"})
    again.source = cell.source + "\n# once more"
    notebook.cells.insert(notebook.cells.index(cell) + 1, again)


@bad(NOTHING)
def every_cell_twice(notebook, folder, course):
    notebook.cells = [
        nbformat.from_dict({**cell, "id": f"{cell.id}{suffix}"})
        for cell in notebook.cells
        for suffix in ("", "-2")
    ]


@bad(NOTHING)
def cells_in_another_order(notebook, folder, course):
    notebook.cells = notebook.cells[::-1]


@bad(NOTHING, remark="was taken for its answer")
def essays_beside_their_cells(notebook, folder, course):
    for cell in [cell for cell in notebook.cells if role(cell) == "essay"]:
        if cell.cell_type == "markdown":
            beside = nbformat.v4.new_markdown_cell(cell.source)
            notebook.cells.insert(notebook.cells.index(cell) + 1, beside)
            cell.source = ""


@bad(NOTHING, remark="was not found")
def essays_deleted(notebook, folder, course):
    notebook.cells = [cell for cell in notebook.cells if role(cell) != "essay"]


@bad(NOTHING)
def an_answer_tried_otherwise_at_the_end(notebook, folder, course):
    name = re.search(r"def (\w+)", first_answer(notebook).source)[1]
    code = f"def {name}(*given):\n    return None  # does not work yet"
    notebook.cells.append(nbformat.v4.new_code_cell(code))


@bad(NOTHING)
def names_of_python_for_variables(notebook, folder, course):
    names = ("map", "str", "exec", "vars", "globals", "type", "dict")
    first_answer(notebook).source += "".join(f"\n{name} = 3" for name in names)


@bad(NOTHING)
def names_of_the_hidden_tests(notebook, folder, course):
    add(notebook, "def hidden(value):\n    return value\nx, run, rng = 1, 2, 3")
    code = "if (hidden(1), x, run, rng) != (1, 1, 2, 3):\n    print('FOUND')"
    notebook.cells.append(nbformat.v4.new_code_cell(code))


@bad(NOTHING)
def files_named_like_modules(notebook, folder, course):
    for name in ("token", "random", "signal", "zlib", "base64", "resource"):
        (folder / f"{name}.py").write_text("raise SystemExit\n", "utf-8")


@bad(NOTHING)
def a_picture_is_missing(notebook, folder, course):
    essay(notebook).source += "\n![sketch](attachment:image.png)"


@bad(NOTHING)
def attachments_of_odd_types(notebook, folder, course):
    essay(notebook)["attachments"] = {"a.png": 5, "b.png": {"image/png": 7}, "c": None}
    (folder / "counting.ipynb").write_text(json.dumps(notebook), "utf-8")
    return False


@bad(NOTHING)
def half_a_character(notebook, folder, course):
    text = essay(notebook).source
    data = json.dumps(notebook).replace(json.dumps(text), json.dumps(text + "\ud800"))
    (folder / "counting.ipynb").write_text(data, "utf-8")
    return False


@bad(NOTHING)
def displays_that_change_later(notebook, folder, course):
    code = "handle = [display(i, display_id=True) for i in range(40)][-1]"
    add(notebook, "handle.update('later')\nhandle.update({1: 2}, raw=True)")
    add(notebook, code)


@bad(NOTHING)
def foreign_kernel(notebook, folder, course):
    notebook.metadata["kernelspec"] = {"display_name": "R", "language": "R", "name": "ir"}


@bad(NOTHING)
def warnings_on_stderr(notebook, folder, course):
    answer = first_answer(notebook)
    answer.source += "\nimport sys, warnings\nwarnings.warn('oh')\nprint('!', file=sys.stderr)"
    add(notebook, "import numpy\nnumpy.log(numpy.zeros(2))")


@bad(NOTHING)
def renamed(notebook, folder, course):
    (folder / "counting (1) final.ipynb").write_text(nbformat.writes(notebook), "utf-8")
    return False


@bad(NOTHING)
def old_format(notebook, folder, course):
    old = nbformat.convert(nbformat.reads(nbformat.writes(notebook), 4), 3)
    (folder / "counting.ipynb").write_text(nbformat.v3.writes_json(old), "utf-8")
    return False


@bad(NOTHING)
def fifty_megabytes(notebook, folder, course):
    cell = next(cell for cell in notebook.cells if cell.cell_type == "code")
    cell.outputs = [nbformat.v4.new_output("stream", text="x" * 50_000_000)]


@bad(ALL, remark="bytes")
def hundred_megabytes(notebook, folder, course):
    (folder / "counting.ipynb").write_bytes(b"[" + b" " * 100_000_000 + b"]")
    return False


@bad(ALL, remark="empty file")
def empty_file(notebook, folder, course):
    (folder / "counting.ipynb").touch()
    return False


@bad(ALL, remark="not a notebook")
def invalid_json(notebook, folder, course):
    (folder / "counting.ipynb").write_text(nbformat.writes(notebook)[:-500], "utf-8")
    return False


@bad(ALL, remark="not a notebook")
def not_unicode(notebook, folder, course):
    (folder / "counting.ipynb").write_bytes(b"\xff\xfe\x00" * 99)
    return False


@bad(ALL, remark="not a notebook")
def nested_without_end(notebook, folder, course):
    (folder / "counting.ipynb").write_text("[" * 200_000, "utf-8")
    return False


@bad(ALL, remark="not a notebook")
def a_list(notebook, folder, course):
    (folder / "counting.ipynb").write_text("[1, 2]", "utf-8")
    return False


@bad(ALL, remark="None of the answer cells")
def cells_of_odd_types(notebook, folder, course):
    cells = [{"cell_type": 7, "source": 3, "metadata": []}, "cell", None, {"source": {"a": 1}}]
    data = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (folder / "counting.ipynb").write_text(json.dumps(data), "utf-8")
    return False


@bad(ALL, remark="found: none")
def no_notebook(notebook, folder, course):
    (folder / "counting.docx").write_bytes(b"PK")
    return False


@bad(ALL, remark="found: a.ipynb, b.ipynb")
def two_notebooks(notebook, folder, course):
    for name in "ab":
        (folder / f"{name}.ipynb").write_text(nbformat.writes(notebook), "utf-8")
    return False


# --- Programs that do not end, or end too early ---------------------------------------------------


@bad(FIRST)
def endless_loop(notebook, folder, course):
    answer = first_answer(notebook)
    name = re.search(r"def (\w+)", answer.source)[1]
    answer.source += f"\ndef {name}(*given):\n    while True:\n        pass"


@bad(NOTHING)
def endless_loop_outside_of_functions(notebook, folder, course):
    first_answer(notebook).source += "\nwhile True:\n    pass"


@bad(NOTHING, remark="Python stopped, or did not answer")
def endless_loop_that_cannot_be_stopped(notebook, folder, course):
    code = "import time\nwhile True:\n    try:\n        time.sleep(9)\n"
    code += "    except BaseException:\n        pass"
    add(notebook, code)


@bad(NOTHING, remark="Python stopped")
def os_exit(notebook, folder, course):
    add(notebook, "import os\nos._exit(0)")


@bad(NOTHING, remark="Python stopped")
def quits(notebook, folder, course):
    add(notebook, "exit()")
    add(notebook, "1 + 1", 2)


@bad(NOTHING, remark="Python stopped")
def crashes(notebook, folder, course):
    add(notebook, "import ctypes\nctypes.string_at(0)")


@bad(NOTHING, remark="Python stopped")
def closes_its_sockets(notebook, folder, course):
    add(notebook, "import os\nos.closerange(3, 255)\nimport time; time.sleep(1)")


@bad(NOTHING)
def flood_of_output(notebook, folder, course):
    add(notebook, "while True:\n    print('x' * 10_000)")


@bad(NOTHING)
def one_endless_line(notebook, folder, course):
    add(notebook, "print('x' * 100_000_000)")


@bad(NOTHING)
def a_thousand_pictures(notebook, folder, course):
    code = "from IPython.display import Image, display\nfor i in range(1000):\n"
    code += "    display({'image/png': 'A' * 100_000}, raw=True)"
    add(notebook, code)


@bad(NOTHING)
def huge_memory(notebook, folder, course):
    code = "import numpy\nblocks = [numpy.ones(10**8) for _ in range(99)]\nprint('FOUND')"
    add(notebook, code)


@bad(NOTHING)
def huge_displays(notebook, folder, course):
    code = "for i in range(25):\n    display({'image/png': 'A' * 20_000_000}, raw=True)"
    add(notebook, code)


@bad(NOTHING, remark="Python stopped")
def fork_bomb(notebook, folder, course):
    add(notebook, "import os\nwhile True:\n    os.fork()")


@bad(NOTHING)
def many_threads(notebook, folder, course):
    code = "import threading, time\nfor i in range(5000):\n"
    code += "    threading.Thread(target=time.sleep, args=(99,), daemon=True).start()\n"
    add(notebook, code + "time.sleep(1)\nprint('FOUND')")


@bad(NOTHING, remark="Python stopped")
def many_processes_behind_a_link_that_leads_nowhere(notebook, folder, course):
    code = SOCKETS + "import subprocess\nos.symlink('/nowhere', run / 'x')\n"
    code += "for i in range(90):\n    subprocess.Popen(['sleep', '60'])\n"
    add(notebook, code + "time.sleep(2)\nprint('FOUND')")


@bad(NOTHING)
def a_child_is_left_running(notebook, folder, course):
    code = "import subprocess\nsubprocess.Popen(['sleep', '987'], start_new_session=True)"
    add(notebook, code)


@bad(NOTHING)
def fills_the_disk(notebook, folder, course):
    code = "for i in range(99):\n    for place in ('/tmp', '/dev/shm', '.'):\n"
    code += "        with open(f'{place}/{i}', 'wb') as f: f.write(bytes(10**7))\n"
    add(notebook, code + "print('FOUND')")


@bad(NOTHING, remark="Python stopped")
def fills_the_disk_below_the_sockets(notebook, folder, course):
    code = SOCKETS + "(run / 'a' / 'b').mkdir(parents=True)\nfor i in range(9):\n"
    code += "    (run / 'a' / 'b' / str(i)).write_bytes(bytes(19_000_000))\n"
    add(notebook, code + "time.sleep(2)\nprint('FOUND')")


# --- Attacks --------------------------------------------------------------------------------------


LISTENING = []


@bad(NOTHING)
def opens_a_socket(notebook, folder, course):
    LISTENING.append(socket.create_server(("127.0.0.1", 0)))
    address = LISTENING[-1].getsockname()
    code = f"import socket\nsocket.create_connection({address}, 1)\nprint('FOUND')"
    add(notebook, code)


@bad(NOTHING)
def writes_outside(notebook, folder, course):
    target = course.root / "written-by-a-student"
    code = f"import pathlib\npathlib.Path({str(target)!r}).parent.mkdir(parents=True)\n"
    add(notebook, code + f"pathlib.Path({str(target)!r}).write_text('!')")


@bad(NOTHING)
def changes_the_gradebook(notebook, folder, course):
    code = "import sqlite3\n"
    code += f"book = sqlite3.connect('file:{course.root}/gradebook.db?mode=rw', uri=True)\n"
    add(notebook, code + "book.execute('update grade set auto_score = 100')\nbook.commit()")


@bad(NOTHING)
def reads_hidden_tests(notebook, folder, course):
    code = "import os\nfound = []\nfor top, _, files in os.walk('/'):\n"
    code += "    found += [os.path.join(top, f) for f in files if f.endswith('.ipynb')]\n"
    add(notebook, code + "print('FOUND', [f for f in found if 'site-packages' not in f])")


@bad(NOTHING)
def reads_the_solutions(notebook, folder, course):
    add(notebook, f"print('FOUND', open({str(course.source('counting'))!r}).read())")


@bad(NOTHING)
def kills_its_parent(notebook, folder, course):
    add(notebook, "import os\nfor p in range(2, 99999):\n    p == os.getpid() or os.kill(p, 9)")


@bad(NOTHING)
def lifts_its_limits(notebook, folder, course):
    code = "import resource\nresource.setrlimit(resource.RLIMIT_AS, (-1, -1))\nprint('FOUND')"
    add(notebook, code)


@bad(NOTHING)
def limits_that_a_file_of_its_own_would_not_set(notebook, folder, course):
    names = "RLIMIT_AS=RLIMIT_FSIZE=RLIMIT_CPU=RLIMIT_NOFILE=RLIMIT_CORE=RLIMIT_NPROC=0"
    text = f"{names}\ndef setrlimit(*given): pass\n"
    (folder / "resource.py").write_text(text, "utf-8")
    code = "lines = open('/proc/self/limits').read().splitlines()\n"
    code += "if 'unlimited' in [l for l in lines if 'address space' in l][0]: print('FOUND')"
    add(notebook, code)


@bad(ALL, remark="link")
def symbolic_link_to_the_solution(notebook, folder, course):
    os.symlink(course.source("counting"), folder / "counting.ipynb")
    return False


@bad(ALL, remark="no folder")
def folder_that_is_a_link(notebook, folder, course):
    folder.rmdir()
    os.symlink(course.root / "source" / "counting", folder)
    return False


@bad(NOTHING, remark="a link or a folder: left out")
def data_that_is_a_link(notebook, folder, course):
    os.symlink(course.root / "gradebook.db", folder / "data.txt")
    add(notebook, "print('FOUND', open('data.txt', 'rb').read())")


@bad(NOTHING)
def points_of_its_own(notebook, folder, course):
    for cell in notebook.cells:
        if "nbgrader" in cell.metadata and "points" in cell.metadata.nbgrader:
            cell.metadata.nbgrader["points"] = 1000
    extra = nbformat.v4.new_code_cell("1")
    extra.metadata["nbgrader"] = dict(grade=True, grade_id="mine", points=1000, locked=False)
    extra.metadata["nbgrader"].update(schema_version=3, solution=False, task=False)
    notebook.cells.append(extra)


@bad(NOTHING)
def a_script_for_the_marker(notebook, folder, course):
    notebook.cells.insert(1, nbformat.v4.new_markdown_cell("<script>alert('FOUND')</script>"))
    add(notebook, "from IPython.display import HTML\nHTML('<script>alert(\"FOUND\")</script>')")


@bad(NOTHING)
def a_script_in_a_display_that_changes_later(notebook, folder, course):
    html = "{'text/html': '<script>alert(1)</script>'}"
    add(notebook, f"display({html}, raw=True, display_id='a', update=True)")
    add(notebook, "display({'text/plain': 'x'}, raw=True, display_id='a')")


@bad(NOTHING, remark="left out")
def a_script_in_the_name_of_a_file(notebook, folder, course):
    os.symlink("nowhere", folder / "<img src=x onerror=alert(1)>.txt")


@bad(NOTHING)
def a_script_in_a_link(notebook, folder, course):
    essay(
        notebook
    ).source += "\n[see](JavaScript:alert(1)) <iframe srcdoc='x'> $\\href{javascript:1}{x}$"


@bad(NOTHING, suspect=True)
def expect_replaced(notebook, folder, course):
    first_answer(notebook).source += "\nexpect = lambda *a, **k: None"


@bad(NOTHING, suspect=True)
def comparison_replaced(notebook, folder, course):
    code = "\nimport numpy as np\nnp.testing.assert_allclose = lambda *a, **k: None"
    first_answer(notebook).source += code


@bad(WHATEVER, suspect=True)
def closeness_replaced(notebook, folder, course):
    code = "\nimport numpy as np\nnp.allclose = lambda *a, **k: True"
    first_answer(notebook).source += code


@bad(NOTHING, suspect=True)
def cells_that_never_fail(notebook, folder, course):
    code = "\nshell = type(get_ipython())\nshell.run_ast_nodes_was = shell.run_ast_nodes\n"
    code += "async def quiet(self, nodes, *a, **k):\n    return False\n"
    first_answer(notebook).source += code + "shell.run_ast_nodes = quiet"


@bad(NOTHING)
def errors_that_are_not_shown(notebook, folder, course):
    first_answer(notebook).source += "\nget_ipython().showtraceback = lambda *a, **k: None"


@bad(NOTHING, suspect=True)
def expect_bent_for_some_tests(notebook, folder, course):
    first, last = answers(notebook)[1], answers(notebook)[-1]
    first.source += "\nexpect_was = expect\nexpect = lambda *a, **k: None"
    last.source += "\nexpect = expect_was"


@bad(WHATEVER, suspect=True)
def cells_that_are_not_run(notebook, folder, course):
    code = "import re\n\ndef blank(lines):\n    text = ''.join(lines)\n"
    code += "    return ['pass\\n'] if 'b85decode' in text else lines\n\n"
    add(notebook, code + "get_ipython().input_transformers_cleanup.append(blank)")
