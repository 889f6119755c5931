"""The book as the tests of the house read it, and small notebooks to plant faults in."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from notebooks import BOOK, ROOT, Notebook, chapters
from run_notebooks import read


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test that asks for a `chapter` or a `notebook_path` one case per file."""
    paths = chapters()
    parts = [path for path in paths if path.parent != BOOK]
    for name, found in (("chapter", parts), ("notebook_path", paths)):
        if name in metafunc.fixturenames:
            names = [path.relative_to(BOOK).with_suffix("").as_posix() for path in found]
            metafunc.parametrize(name, found, ids=names)


@pytest.fixture(scope="session")
def load() -> Callable[[Path], Notebook]:
    """Return a function that reads a notebook once per run."""
    cache: dict[Path, Notebook] = {}
    return lambda path: cache.setdefault(path, read(path))


@pytest.fixture(scope="session")
def book(load: Callable[[Path], Notebook]) -> list[Notebook]:
    """Return all notebooks of the book."""
    return [load(path) for path in chapters()]


@pytest.fixture(scope="session")
def pages() -> tuple[str, ...]:
    """Return the text of the book's Markdown pages."""
    return tuple(path.read_text(encoding="utf-8") for path in sorted(BOOK.rglob("*.md")))


@pytest.fixture
def root() -> Path:
    """Return the repository's folder."""
    return ROOT


@pytest.fixture
def notebook() -> Callable[..., Notebook]:
    """Return a maker of notebooks: strings become text cells, (code, tags) become code cells."""

    def make(*cells: str | tuple[str, tuple[str, ...]], **metadata: Any) -> Notebook:
        made, count = [], 0
        for cell in cells:
            if isinstance(cell, str):
                made.append(new_markdown_cell(cell))
            else:
                count += 1
                made.append(new_code_cell(cell[0], execution_count=count))
                made[-1].metadata["tags"] = list(cell[1])
        return new_notebook(cells=made, metadata=nbformat.from_dict(metadata))

    return make
