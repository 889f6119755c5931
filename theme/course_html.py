"""Small repairs of the HTML that the theme and the extensions write.

Done while the page is written, so that they hold without JavaScript as well.
"""

import re
from pathlib import Path

TEMPLATES = Path(__file__).parent / "templates"

# What is replaced in the text of every page.
REPAIRS = (
    # The summary of a hidden cell carries a label that differs from its visible text.
    (re.compile(r'<summary aria-label="Toggle hidden content">'), "<summary>"),
    # A list of references is announced as a list whose entries are not list items.
    (re.compile(r' role="doc-biblioentry"'), ""),
    (re.compile(r'<div role="list" class="citation-list">'), '<div class="citation-list">'),
    # Exercises, solutions and algorithms all give their inner part the same id.
    (re.compile(r' id="(?:exercise|solution|proof)-content"'), ""),
    # The empty corner of a table is no heading.
    (re.compile(r'<th class="head[^"]*">(?:<p></p>)?\s*</th>'), "<td></td>"),
    # A margin note without a title gets an empty one.
    (re.compile(r'<p class="sidebar-title"></p>\n?'), ""),
)


def repair(app, pagename, templatename, context, doctree):
    """Apply the repairs to one page."""
    if "body" not in context:
        return
    for pattern, replacement in REPAIRS:
        context["body"] = pattern.sub(replacement, context["body"])


def add_templates(app, config):
    config.templates_path.append(str(TEMPLATES))


def setup(app):
    app.connect("config-inited", add_templates)
    app.connect("html-page-context", repair, priority=810)
