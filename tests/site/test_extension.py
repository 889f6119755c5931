"""The book's own extension on a book of one page: buttons, check lines, pictures, drop-downs."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
ADDRESS = "https://github.com/someone/a-course"

PICTURE = (  # one white dot
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8/5+hHgAHggJ/PchI7wAAAABJRU5ErkJggg=="
)
TEXT = """# A chapter

$$a = b$$ (eq-a)

```{exercise-start}
:label: ex-one
```
Is it?
```{exercise-end}
```

```{solution-start} ex-one
:class: dropdown
```
It is.
```{solution-end}
```
"""


def code_cell(name, source, metadata, outputs=()):
    return {
        "cell_type": "code",
        "execution_count": 1,
        "id": name,
        "metadata": metadata,
        "outputs": list(outputs),
        "source": source,
    }


def picture(metadata):
    output = {"output_type": "display_data", "data": {"image/png": PICTURE}, "metadata": {}}
    return code_cell("picture", "draw()", metadata, [output])


def notebook(*cells):
    text = {"cell_type": "markdown", "id": "text", "metadata": {}, "source": TEXT}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {
        "cells": [text, *cells],
        "metadata": {"kernelspec": kernel},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


class SmallBook:
    """A book of two pages with the real settings and the real theme."""

    def __init__(self, folder):
        self.folder = folder
        self.site = folder / "_build" / "html"
        shutil.copytree(
            ROOT / "theme", folder / "theme", ignore=shutil.ignore_patterns("__pycache__")
        )
        (folder / "book").mkdir()
        (folder / "book/index.md").write_text("# The book\n", "utf-8")
        (folder / "book/references.bib").write_text("", "utf-8")
        toc = {"format": "jb-book", "root": "book/index"}
        toc["parts"] = [{"numbered": True, "chapters": [{"file": "book/chapter"}]}]
        (folder / "_toc.yml").write_text(yaml.safe_dump(toc), "utf-8")

    def build(self, *cells, address=""):
        """Build with the given code cells; returns the exit code and what was printed."""
        settings = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
        settings["repository"]["url"] = address
        (self.folder / "_config.yml").write_text(yaml.safe_dump(settings), "utf-8")
        source = json.dumps(notebook(*cells))
        (self.folder / "book/chapter.ipynb").write_text(source, "utf-8")
        main = "from jupyter_book.cli.main import main; main()"
        command = [sys.executable, "-c", main, "build", ".", "--all", "-W", "--keep-going"]
        run = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=120)
        return run.returncode, run.stdout + run.stderr

    def page(self):
        return (self.site / "book/chapter.html").read_text("utf-8")

    def published_notebook(self):
        return json.loads((self.site / "_sources/book/chapter.ipynb").read_text("utf-8"))


def cell_of(label):
    return code_cell("check", "1", {"tags": [f"checks:{label}"]})


def small_book(tmp_path_factory, *cells, address="", name="book"):
    """A small book, built; what was printed and the exit code are its attributes."""
    book = SmallBook(tmp_path_factory.mktemp(name))
    book.code, book.printed = book.build(*cells, address=address)
    return book


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """Everything right, and no public address."""
    described = picture({"mystnb": {"image": {"alt": "A white dot."}}})
    book = small_book(tmp_path_factory, cell_of("eq-a"), described)
    assert book.code == 0, book.printed
    return book


@pytest.fixture(scope="module")
def public_book(tmp_path_factory):
    """The same with an address."""
    book = small_book(tmp_path_factory, address=ADDRESS)
    assert book.code == 0, book.printed
    return book


@pytest.fixture(scope="module")
def faulty_book(tmp_path_factory):
    """A check of an equation that doesn't exist, and a picture that nobody described."""
    return small_book(tmp_path_factory, cell_of("eq-unknown"), picture({}))


def test_without_an_address_no_button_leads_nowhere(book):
    page = re.sub(r"<article.*?</article>", "", book.page(), flags=re.DOTALL)
    for word in ("mybinder.org", "colab.research", "github.com", "repository-button", "issues"):
        assert word not in page
    assert "btn-download-source-button" in page
    assert book.published_notebook()["cells"][0]["cell_type"] == "markdown"


def test_with_an_address_the_buttons_lead_to_the_notebook(public_book):
    binder = "https://mybinder.org/v2/gh/someone/a-course/main?urlpath=lab/tree/book/chapter.ipynb"
    colab = (
        "https://colab.research.google.com/github/someone/a-course/blob/gh-pages"
        "/_sources/book/chapter.ipynb"
    )
    page = public_book.page()
    for address in (binder, colab, ADDRESS, f"{ADDRESS}/issues/new"):
        assert f'href="{address}' in page


def test_with_an_address_the_copy_for_colab_installs_the_library(public_book):
    first = public_book.published_notebook()["cells"][0]
    assert f"git+{ADDRESS}@main" in "".join(first["source"])
    source = json.loads((public_book.folder / "book/chapter.ipynb").read_text("utf-8"))
    assert source["cells"][0]["cell_type"] == "markdown"


def test_a_check_line_leads_to_its_equation(book):
    line = re.search(r'<p class="equation-check">.*?</p>', book.page())[0]
    assert 'href="#equation-eq-a">(1.1)</a>' in line


def test_a_check_of_an_unknown_equation_fails(faulty_book):
    assert faulty_book.code != 0
    assert "equation not found: eq-unknown" in faulty_book.printed


def test_a_picture_without_alternative_text_fails(faulty_book):
    assert faulty_book.code != 0
    assert "no alternative text" in faulty_book.printed


def test_a_picture_has_its_size(book):
    tag = re.search(r"<article.*?(<img[^>]*>)", book.page(), re.DOTALL)[1]
    assert 'width="1"' in tag and 'height="1"' in tag and 'alt="A white dot."' in tag


def test_a_solution_is_a_drop_down(book):
    box = re.search(r"<details.*?</details>", book.page(), re.DOTALL)[0]
    assert "<summary" in box and "Solution to Exercise 1.1" in box and "It is." in box
    assert "<a" not in box.split("</summary>")[0]
