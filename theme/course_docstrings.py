"""The docstrings of rnnlib, as they are written for a reader of the source, made fit for a page.

Their form is plain text: equations are indented, and under `Arguments`, `Returns`, `Errors` and
`Attributes` each line begins with a name, two spaces, and what it is. Here the equations become
literal blocks, the sections lists, and the names of chapters links.
"""

import re

SECTIONS = ("Arguments", "Attributes", "Returns", "Errors")
ENTRY = re.compile(r"(\S.*?)  +(\S.*)")


def setup(app):
    app.connect("autodoc-process-docstring", rewrite)


def rewrite(app, what, name, obj, options, lines):
    """Sphinx event: change the lines of one docstring in place."""
    pages = {page.rsplit("/", 1)[-1]: page for page in app.env.found_docs}
    lines[:] = to_rst(lines, pages)


def to_rst(lines, pages):
    """The docstring as reStructuredText."""
    out = []
    for indented, run in _runs(lines):
        if not indented:
            out += [_prose(line, pages) for line in run]
        elif out and out[-1] in SECTIONS:
            out += ["", f":{out.pop()}:", *_entries(run), ""]
        else:
            out += ["", "::", "", *run, ""]
    return out


def _runs(lines):
    """The docstring in pieces: (True, indented lines) and (False, other lines), in turn."""
    runs = []
    for line in lines:
        indented = line.startswith(" ")
        if line and (not runs or runs[-1][0] != indented):
            runs.append((indented, []))
        if runs:
            runs[-1][1].append(line)  # an empty line stays with what it follows
    return runs


def _prose(line, pages):
    line = re.sub(r"(?<!`)`([^`]+)`(?!`)", r"``\1``", line)
    return re.sub(
        r"\*([a-z-]+)\*",
        lambda name: f":doc:`/{pages[name[1]]}`" if name[1] in pages else name[0],
        line,
    )


def _entries(block):
    """One bullet for each name; lines indented further belong to the bullet above them."""
    indent = min(len(line) - len(line.lstrip()) for line in block if line.strip())
    out = []
    for line in block:
        entry = ENTRY.fullmatch(line[indent:])
        if entry and line[indent] != " ":
            out.append(f"   - ``{entry[1]}``: {_prose(entry[2], {})}")
        elif line.strip() and line[indent] != " ":
            out.append(f"   - {_prose(line.strip(), {})}")
        elif line.strip():
            out.append(f"     {_prose(line.strip(), {})}")
    return out
