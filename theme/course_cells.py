"""Cells tagged `checks:<equation label>` get a line that links to the equations they prove."""

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.transforms import SphinxTransform

PREFIX = "checks:"


def checked_labels(cell):
    """Equation labels in the tags of a code cell's node, in the order written."""
    tags = cell.get("cell_metadata", {}).get("tags", [])
    return [tag.removeprefix(PREFIX).strip() for tag in tags if tag.startswith(PREFIX)]


class CheckLines(SphinxTransform):
    """Put "checks (1.3)" above every code cell that is tagged with an equation's label.

    The link is an ordinary reference that Sphinx resolves once all chapters are read, so the
    equation may stand in another chapter; a label that doesn't exist is a warning.
    """

    default_priority = 400

    def apply(self):
        for cell in list(self.document.findall(nodes.container)):
            labels = checked_labels(cell) if cell.get("nb_element") == "cell_code" else []
            if labels:
                cell.parent.insert(cell.parent.index(cell), self.line(cell, labels))

    def line(self, cell, labels):
        line = nodes.paragraph(classes=["equation-check"])
        line.source, line.line = cell.source or self.document["source"], cell.line
        line += nodes.inline("", "✓", classes=["equation-check-mark"])
        line += nodes.Text(" checks ")
        for position, label in enumerate(labels):
            if position:
                line += nodes.Text(", ")
            line += self.reference(label, line)
        return line

    def reference(self, label, line):
        xref = pending_xref(
            "",
            nodes.literal(label, label, classes=["xref", "eq"]),
            refdomain="math",
            reftype="eq",
            reftarget=label,
            refdoc=self.env.docname,
            refexplicit=False,
            refwarn=True,
        )
        xref.source, xref.line = line.source, line.line
        return xref


def setup(app):
    app.add_transform(CheckLines)
