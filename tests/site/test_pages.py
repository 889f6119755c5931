"""What each page says of itself, read from its file: its download, its description, its icon."""

import json
import re

import pytest
from site_pages import ALL_PAGES, CHAPTERS


def links_of_class(site, name, css_class):
    """Addresses of the links of a class in a page, read from the file."""
    text = (site / f"{name}.html").read_text("utf-8")
    tags = re.findall(rf'<a\b[^>]*class="[^"]*\b{css_class}\b[^"]*"[^>]*>', text)
    return [re.search(r'href="([^"]+)"', tag)[1] for tag in tags]


@pytest.mark.parametrize("name", CHAPTERS)
def test_chapter_can_be_downloaded(built_site, name):
    (address,) = links_of_class(built_site, name, "btn-download-source-button")
    notebook = (built_site / name).parent / address
    assert notebook.resolve() == built_site / "_sources" / f"{name}.ipynb"
    assert json.loads(notebook.read_text("utf-8"))["nbformat"] == 4


@pytest.mark.parametrize("name", ALL_PAGES)
def test_page_has_description_and_icon(built_site, name):
    text = (built_site / f"{name}.html").read_text("utf-8")
    icon = re.search(r'<link[^>]*rel="icon"[^>]*href="([^"]+)"', text) or re.search(
        r'<link[^>]*href="([^"]+)"[^>]*rel="icon"', text
    )
    assert ((built_site / f"{name}.html").parent / icon[1].split("?")[0]).resolve().is_file()
    if name not in ("search", "genindex"):
        descriptions = re.findall(r'<meta[^>]*name="description"[^>]*>', text)
        assert len(descriptions) == 1
        assert len(re.search(r'content="([^"]*)"', descriptions[0])[1]) > 20
