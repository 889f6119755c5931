"""The course's own Sphinx extension: what Jupyter Book and its theme don't do by themselves.

It loads one small module for each concern:

- `course_assets`: style and script of the book, MathJax from an installed package, nothing from
  another host;
- `course_html`: repairs of the HTML of the theme;
- `course_images`: width, height and alternative text of every picture;
- `course_cells`: the line "checks (1.3)" at cells that prove an equation;
- `course_citations`: citations by author and year;
- `course_disclosure`: drop-downs (solutions) as plain `<details>`, which need no script;
- `course_docstrings`: the docstrings of `rnnlib` as pages;
- `course_math`: room for equations, so that the page doesn't jump when they are set;
- `course_launch`: Binder, Colab and repository buttons from one setting.
"""

import course_assets
import course_cells
import course_citations
import course_disclosure
import course_docstrings
import course_html
import course_images
import course_launch
import course_math

MODULES = (
    course_assets,
    course_cells,
    course_citations,
    course_disclosure,
    course_docstrings,
    course_html,
    course_images,
    course_launch,
    course_math,
)


def setup(app):
    for module in MODULES:
        module.setup(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
