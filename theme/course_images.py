"""Width, height and alternative text of the pictures in a page.

A browser that knows the size of a picture leaves room for it, and the text below doesn't jump
when it arrives. The size is read from the file while the page is written.
"""

import re
import struct
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

from docutils import nodes
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

logger = logging.getLogger(__name__)

IMG = re.compile(r"<img\b[^>]*>")
SRC = re.compile(r'\bsrc="([^"]+)"')
HAS_WIDTH = re.compile(r"\swidth=")
HAS_HEIGHT = re.compile(r"\sheight=")

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# A figure drawn with more dots than this per inch is a sharp one, not a larger one: it is shown
# at the size that it would have at this resolution (7 inches: the width of the text).
SHOWN_DPI = 100


def png_chunks(data):
    """Yield the name and content of each chunk of a PNG file up to the pixels."""
    position = len(PNG_SIGNATURE)
    while position + 8 <= len(data):
        length, name = struct.unpack(">I4s", data[position : position + 8])
        if name == b"IDAT":
            return
        yield name, data[position + 8 : position + 8 + length]
        position += length + 12


def png_size(data):
    """Width and height in CSS pixels of a PNG file, by its header and its dots per inch."""
    chunks = dict(png_chunks(data))
    width, height = struct.unpack(">II", chunks[b"IHDR"][:8])
    dots = struct.unpack(">IIB", chunks[b"pHYs"]) if b"pHYs" in chunks else (0, 0, 0)
    dpi = dots[0] * 0.0254 if dots[2] == 1 else SHOWN_DPI
    scale = min(1.0, SHOWN_DPI / dpi) if dpi else 1.0
    return round(width * scale), round(height * scale)


def svg_size(data):
    """Width and height of an SVG file: its own, or those of its view box."""
    root = ElementTree.fromstring(data)
    box = root.get("viewBox", "0 0 0 0").replace(",", " ").split()
    found = []
    for name, fallback in (("width", box[2]), ("height", box[3])):
        match = re.fullmatch(r"([\d.]+)(px|pt)?", root.get(name, ""))
        pixels = float(match[1]) * (4 / 3 if match[2] == "pt" else 1) if match else float(fallback)
        found.append(round(pixels))
    return tuple(found)


def image_size(path):
    """Size of a picture file, or None for a kind that is not read."""
    data = Path(path).read_bytes()
    if data.startswith(PNG_SIGNATURE):
        return png_size(data)
    if Path(path).suffix == ".svg":
        return svg_size(data)
    return None


def with_size(tag, sources):
    """The `<img>` tag with width and height added, where they are missing and can be known."""
    if HAS_WIDTH.search(tag) and HAS_HEIGHT.search(tag):
        return tag
    src = SRC.search(tag)
    path = sources.get(unquote(src[1]).rsplit("/", 1)[-1]) if src else None
    size = image_size(path) if path and path.is_file() else None
    if not size:
        return tag
    bare = re.sub(r'\s(?:width|height)="[^"]*"', "", tag)
    return bare.replace("<img", f'<img width="{size[0]}" height="{size[1]}"', 1)


def add_sizes(app, pagename, templatename, context, doctree):
    """Give every picture in the page's text its width and height."""
    if "body" not in context:
        return
    sources = {name: Path(app.srcdir) / path for path, name in app.builder.images.items()}
    context["body"] = IMG.sub(lambda match: with_size(match[0], sources), context["body"])


class MissingAlt(SphinxTransform):
    """A picture without alternative text is a warning, and so, with -W, no book."""

    default_priority = 400

    def apply(self):
        for image in self.document.findall(nodes.image):
            if not image.get("alt", "").strip():
                logger.warning(
                    "a picture has no alternative text "
                    "(cell metadata: mystnb: {image: {alt: ...}})",
                    location=image,
                    type="course",
                    subtype="alt",
                )


def setup(app):
    app.add_transform(MissingAlt)
    app.connect("html-page-context", add_sizes, priority=800)
