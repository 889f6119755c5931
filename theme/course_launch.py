"""Buttons that lead to the repository, to Binder and to Colab, all from one setting.

`repository: url` in `_config.yml` is the public address. While it is empty there is no such button.

Binder builds its machine from `requirements.txt`, so it opens the notebooks of the repository.
A Colab session knows nothing of the library. So Colab opens the *site's* copy of a notebook, on
the branch the site is published to, and that copy begins with a cell that installs the library.
"""

import json
from pathlib import Path

BINDER = "https://mybinder.org"
COLAB = "https://colab.research.google.com"

INSTALL_CELL = """\
# This cell matters on Google Colab alone, where the course's library is not installed.
import sys

if "google.colab" in sys.modules:
    %pip install --quiet "rnnlib[draw] @ git+{url}@{branch}"
"""


def public_address(config):
    return (config.html_theme_options.get("repository_url") or "").rstrip("/")


def is_on_github(address):
    return address.startswith("https://github.com/")


def switch_buttons_on(app, config):
    """Turn the theme's own buttons on where there is an address for them to lead to."""
    if not public_address(config):
        return
    options = config.html_theme_options
    options["use_repository_button"] = True
    options["use_issues_button"] = True
    options["launch_buttons"] = {"binderhub_url": BINDER, "notebook_interface": "jupyterlab"}


def colab_url(app, pagename):
    owner_and_name = public_address(app.config).removeprefix("https://github.com/")
    branch = app.config.course_site_branch
    return f"{COLAB}/github/{owner_and_name}/blob/{branch}/_sources/{pagename}.ipynb"


def add_colab_button(app, pagename, templatename, context, doctree):
    """Add Colab to the group of launch buttons (the theme's own would open the wrong copy)."""
    if not is_on_github(public_address(app.config)):
        return
    for group in context.get("header_buttons", []):
        if group.get("label") == "launch-buttons":
            group["buttons"].append(
                {
                    "type": "link",
                    "text": "Colab",
                    "tooltip": "Launch on Colab",
                    "icon": "_static/images/logo_colab.png",
                    "url": colab_url(app, pagename),
                }
            )


def add_install_cell(path, url, branch):
    """Write the cell that installs the library at the top of one notebook, once."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    source = INSTALL_CELL.format(url=url, branch=branch)
    if notebook["cells"] and "".join(notebook["cells"][0]["source"]) == source:
        return
    cell = {
        "cell_type": "code",
        "execution_count": None,
        "id": "install-rnnlib",
        "metadata": {},
        "outputs": [],
        "source": source.splitlines(keepends=True),
    }
    notebook["cells"].insert(0, cell)
    text = json.dumps(notebook, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def prepare_colab_copies(app, exception):
    """Give the site's copy of every notebook its first cell. The sources stay as they are."""
    address = public_address(app.config)
    if exception or app.builder.format != "html" or not is_on_github(address):
        return
    branch = app.config.html_theme_options.get("repository_branch") or "main"
    for path in sorted((Path(app.outdir) / "_sources").rglob("*.ipynb")):
        add_install_cell(path, address, branch)


def setup(app):
    app.add_config_value("course_site_branch", "gh-pages", "html")
    app.connect("config-inited", switch_buttons_on)
    app.connect("html-page-context", add_colab_button, priority=600)
    app.connect("build-finished", prepare_colab_copies)
