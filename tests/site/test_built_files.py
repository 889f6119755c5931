"""What the built site is made of, read as files: nothing foreign, nothing that isn't public."""

import html
import json
import re

import pytest
from notebooks import BOOK, ROOT, assignments, chapters

from coursework.apart import CANARY, WRAPPER
from coursework.sources import instructor_notebook, secrets
from coursework.terms import ASSIGNMENTS

# Tags and rules that make a browser load something, with an address on another host.
ELSEWHERE = r"""\s*["']?(?:https?:)?//"""
TAGS = "script|img|iframe|source|audio|video|embed|track"
RELATIONS = "stylesheet|preload|icon|modulepreload|preconnect|dns-prefetch|manifest"
LOADS = (
    re.compile(rf"<(?:{TAGS})\b[^>]*\bsrc\s*={ELSEWHERE}[^>]*>", re.I),
    re.compile(
        rf"""<link\b(?=[^>]*\brel\s*=\s*["']?(?:{RELATIONS}))[^>]*\bhref\s*={ELSEWHERE}[^>]*>""",
        re.I,
    ),
    re.compile(rf"@import\s+(?:url\()?{ELSEWHERE}[^;]*;", re.I),
    re.compile(rf"url\({ELSEWHERE}[^)]*\)", re.I),
)
# Hosts that serve scripts and fonts. Named in a script, they would be loaded by it some day.
HOSTS = re.compile(
    r"(?:https?:)?//(?:cdn\.[\w.-]+|unpkg\.com|cdnjs\.[\w.-]+|fonts\.(?:googleapis|gstatic)\.com"
    r"|[\w.-]*jsdelivr\.net|esm\.sh|[\w.-]*skypack\.dev)[^\s\"'<]*"
)
PRIVATE = re.compile(r"BEGIN HIDDEN|BEGIN SOLUTION|\*\*Rubric\*\*", re.I)


def foreign_loads(text):
    """Everything in a page, style sheet or script that loads from another host."""
    found = [match[0] for pattern in LOADS for match in pattern.finditer(text)]
    return found + HOSTS.findall(text)


def files(site, *suffixes):
    found = sorted(path for path in site.rglob("*") if path.suffix in suffixes)
    assert found
    return found


def test_nothing_is_loaded_from_another_host(built_site):
    bad = {}
    for path in files(built_site, ".html", ".css", ".js", ".svg"):
        if found := foreign_loads(path.read_text("utf-8", errors="replace")):
            bad[str(path.relative_to(built_site))] = found[:3]
    assert bad == {}


@pytest.mark.parametrize(
    "text",
    [
        '<script async src="https://example.org/a.js"></script>',
        '<link rel="stylesheet" href="//example.org/a.css">',
        '<img alt="" src="https://example.org/a.png">',
        "@font-face { src: url('https://example.org/a.woff') }",
        '@import "https://example.org/a.css";',
        'const URL = "https://unpkg.com/thing@1";',
    ],
)
def test_a_foreign_load_would_be_found(text):
    assert foreign_loads(text)


def test_a_link_is_not_a_load():
    assert not foreign_loads('<a href="https://example.org/">there</a>')


def test_nothing_private_is_published(built_site):
    names = [path.relative_to(built_site).as_posix() for path in built_site.rglob("*")]
    assert [name for name in names if re.search("instructor|hidden[_-]tests", name, re.I)] == []
    for path in files(built_site, ".ipynb", ".md"):
        assert not PRIVATE.search(path.read_text("utf-8")), path.name


def bare(path):
    """Return a file's text without tags and white space, in which a line of code is found again."""
    text = path.read_text("utf-8")
    if path.suffix == ".html":
        text = html.unescape(re.sub(r"<[^>]*>", "", text))
    return without_space(text.replace('\\"', '"'))


def without_space(text):
    """Return a text without white space, also without ends of lines as JSON writes them."""
    return re.sub(r"\s|\\n", "", text)


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_no_solution_and_no_hidden_test_is_published(built_site, assignment):
    """No line of them, of any of these terms, but what the book or the library says elsewhere."""
    page = json.loads((BOOK / "coursework" / f"{assignment}.ipynb").read_text("utf-8"))
    terms = {page["metadata"]["coursework"]["term"], "2027", "2028", "2031-spring"}
    hidden = {line for term in terms for line in secrets(instructor_notebook(assignment, term))}
    hidden |= {line for line in (CANARY + WRAPPER).splitlines() if len(line) > 24}
    others = [path for path in assignments() if path.stem != assignment]
    public = [*chapters(), *others, *(ROOT / "rnnlib").glob("*.py")]
    own = "".join(bare(path) for path in public)
    hidden = {without_space(line) for line in hidden}
    hidden = {line for line in hidden if line not in own}
    assert len(hidden) > 30
    published = files(built_site, ".html", ".ipynb", ".md", ".js", ".txt")
    published = [path for path in published if "mathjax" not in path.parts]
    site = "".join(bare(path) for path in published)
    assert site.count("Acounterthatleaks") > 3
    assert [line for line in hidden if line in site] == []


def test_only_pages_of_the_book_are_published(built_site):
    sources = {
        path.relative_to(built_site / "_sources").as_posix()
        for path in (built_site / "_sources").rglob("*")
        if path.is_file()
    }
    assert all(source.startswith("book/") for source in sources), sources


def test_no_unused_scripts(built_site):
    for path in files(built_site, ".html"):
        text = path.read_text("utf-8")
        for word in ("thebe", "togglebutton", "require.js", "html-manager", "binder-examples"):
            # Words of the text may name them; a script or its settings must not.
            assert not re.search(rf"<script[^>]*>[^<]*{word}|<script[^>]*{word}", text), path.name


def test_published_notebooks_are_notebooks(built_site):
    for path in files(built_site, ".ipynb"):
        assert json.loads(path.read_text("utf-8"))["nbformat"] == 4
