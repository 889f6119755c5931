"""The page that lists published results beside ours: what it claims, and what the cells print."""

import re
from typing import Any

Notebook = Any

ROW = re.compile(r"^\|(.+)\|\s*$", re.MULTILINE)
LINK = re.compile(r"\{ref\}`[^`<]*<(result-[\w-]+)>`")
TARGET = re.compile(r"^\((result-[\w-]+)\)=\s*$", re.MULTILINE)


def rows(page: str) -> list[tuple[str, list[str]]]:
    """Return, for each row of the table, the label it links to and the numbers it calls ours.

    Ours stand in the column before it, in back quotes, as a cell prints them.
    """
    found = []
    for line in ROW.findall(page):
        columns = [column.strip() for column in re.split(r"(?<!\\)\|", line)]
        label = LINK.search(columns[-1])
        if label:
            found.append((label[1], re.findall(r"`([^`]+)`", columns[-2])))
    return found


def printed(notebook: Notebook) -> dict[str, str]:
    """Return, for each target `(result-…)=` of a chapter, what the code below it prints.

    That is: all code cells before the next text.
    """
    found: dict[str, str] = {}
    current: list[str] = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            current = TARGET.findall(cell.source)
            found |= dict.fromkeys(current, "")
        else:
            text = "".join(output.get("text", "") for output in cell.outputs)
            found |= {label: found[label] + text for label in current}
    return found


def stands_in(quoted: str, text: str) -> bool:
    """Say whether a text holds these words or numbers whole: 1.4 does not stand in 1.49."""
    return re.search(rf"(?<![\d.]){re.escape(quoted)}(?!\.?\d)", text) is not None


def faults(page: str, notebooks: list[Notebook]) -> list[str]:
    """Each row names a cell, quotes something from it, and quotes it right; no cell is left out."""
    cells: dict[str, str] = {}
    for notebook in notebooks:
        cells |= printed(notebook)
    listed = rows(page)
    wrong = [f"{label}: no chapter has this target" for label, _ in listed if label not in cells]
    wrong += [f"{label}: no number of ours, in back quotes" for label, ours in listed if not ours]
    wrong += [
        f"{label}: the page says {number}, and the cell does not print it"
        for label, ours in listed
        for number in ours
        if label in cells and not stands_in(number, cells[label])
    ]
    return wrong + [f"{label}: not on the page" for label in cells.keys() - dict(listed).keys()]
