"""Style, script and MathJax, all served by the book itself."""

from importlib.util import find_spec
from pathlib import Path

from sphinx.errors import ExtensionError
from sphinx.util.fileutil import copy_asset

STATIC = Path(__file__).parent / "static"

# MathJax 3.2.2 as the Python package carries it. The package's own extension would copy 24 MB;
# these three parts are all that the pages ever ask for. (Its name has hyphens, so it cannot be
# imported by an import statement.)
MATHJAX_PACKAGE = "sphinx-mathjax-offline"
MATHJAX_PARTS = ("tex-mml-chtml.js", "output/chtml/fonts", "input/tex/extensions")
# MathJax names this host as the place of its speech rules, which this book doesn't switch on.
MATHJAX_HOST = "https://cdn.jsdelivr.net/"

# Runs before the first paint: with JavaScript on, raw TeX is hidden until it is set.
# With JavaScript off the class is missing and the TeX stays readable.
EARLY_SCRIPT = 'document.documentElement.classList.add("js");'

# Extensions that Jupyter Book always loads and this book doesn't use. Thebe would load code from
# another host (and writes its settings twice, an error in every page); drop-downs need no script.
SILENCED_EXTENSIONS = ("sphinx_thebe", "sphinx_togglebutton")


def silence_extensions(app, config):
    """Disconnect the unused extensions, so that nothing of them reaches a page."""
    for listeners in list(app.events.listeners.values()):
        for listener in list(listeners):
            if listener.handler.__module__.split(".")[0] in SILENCED_EXTENSIONS:
                app.disconnect(listener.id)


def drop_silenced_styles(app, pagename, templatename, context, doctree):
    """Drop the style sheets that the unused extensions registered when they were loaded."""
    names = ("sphinx-thebe", "togglebutton")
    for kind in ("script_files", "css_files"):
        context[kind] = [
            asset
            for asset in context.get(kind, [])
            if not any(name in str(getattr(asset, "filename", asset)) for name in names)
        ]


def mathjax_folder():
    """Folder of the installed MathJax, or an error that says what to install."""
    spec = find_spec(MATHJAX_PACKAGE)
    if spec is None:
        raise ExtensionError(
            f"the package {MATHJAX_PACKAGE} is not installed: pip install -r requirements.txt"
        )
    return Path(spec.origin).parent / "static" / "mathjax"


def add_static_folder(app):
    """Add our files so late that Jupyter Book doesn't put each of them into every page again."""
    if app.builder.format == "html":
        mathjax_folder()
        app.config.html_static_path.append(str(STATIC))


def copy_mathjax(app, exception):
    """Copy the parts of MathJax that the pages use (2.2 MB) into the built site."""
    if exception or app.builder.format != "html":
        return
    target = Path(app.outdir) / "_static" / "mathjax"
    for part in MATHJAX_PARTS:
        source = mathjax_folder() / part
        copy_asset(source, target / part if source.is_dir() else (target / part).parent)
    script = target / MATHJAX_PARTS[0]
    script.write_text(script.read_text("utf-8").replace(MATHJAX_HOST, ""), "utf-8")


def keep_underscores(app, exception):
    """A branch published by GitHub Pages would lose the folders that begin with an underscore."""
    if not exception and app.builder.format == "html":
        (Path(app.outdir) / ".nojekyll").touch()


def setup(app):
    app.add_css_file("course.css", priority=900)
    app.add_js_file(None, body=EARLY_SCRIPT, priority=1)
    # Before MathJax, so that the script can ask it to say when it is done.
    app.add_js_file("course.js", priority=400, defer="defer")
    app.connect("config-inited", silence_extensions)
    app.connect("builder-inited", add_static_folder)
    app.connect("html-page-context", drop_silenced_styles, priority=990)
    app.connect("build-finished", copy_mathjax)
    app.connect("build-finished", keep_underscores)
