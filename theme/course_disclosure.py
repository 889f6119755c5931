"""Drop-downs as `<details>`: they work with the keyboard, without a script, and don't jump.

Every admonition or solution with the class `dropdown` is turned into one. (The script that Jupyter
Book brings for this closes the boxes after the page is shown, and not at all without JavaScript.)
"""

from docutils import nodes
from sphinx.locale import admonitionlabels
from sphinx.transforms.post_transforms import SphinxPostTransform

# After sphinx-exercise and sphinx-proof have written their titles, before the writer.
AFTER_TITLES = 950


class disclosure(nodes.General, nodes.Element):
    """A box that opens and closes."""


class disclosure_summary(nodes.General, nodes.TextElement):
    """The line of a drop-down that is always visible."""


class Disclosures(SphinxPostTransform):
    default_priority = AFTER_TITLES
    formats = ("html",)

    def run(self, **kwargs):
        for node in list(self.document.findall(is_dropdown)):
            node.parent.replace(node, as_disclosure(node))


def is_dropdown(node):
    return isinstance(node, nodes.Admonition) and "dropdown" in node.get("classes", [])


def as_disclosure(node):
    title, body = split_title(node)
    classes = [name for name in node["classes"] if name != "dropdown"]
    box = disclosure("", classes=["admonition", *classes], ids=node["ids"])
    box += summary_of(title)
    box += body
    return box


def split_title(node):
    """Title and contents. A note or a tip has no title of its own: its kind is its title."""
    if node.children and isinstance(node.children[0], nodes.title):
        return node.children[0], node.children[1:]
    return nodes.title("", admonitionlabels.get(node.tagname, "More")), node.children


def summary_of(title):
    """The title's text without its links: a click on the line must open the box, not leave it."""
    summary = disclosure_summary(classes=["admonition-title"])
    for child in title.children:
        if isinstance(child, nodes.reference):
            summary += child.children
        else:
            summary += child
    return summary


def visit_disclosure(writer, node):
    writer.body.append(writer.starttag(node, "details"))


def depart_disclosure(writer, node):
    writer.body.append("</details>\n")


def visit_summary(writer, node):
    writer.body.append(writer.starttag(node, "summary", ""))


def depart_summary(writer, node):
    writer.body.append("</summary>\n")


def setup(app):
    app.add_node(disclosure, html=(visit_disclosure, depart_disclosure))
    app.add_node(disclosure_summary, html=(visit_summary, depart_summary))
    app.add_post_transform(Disclosures)
