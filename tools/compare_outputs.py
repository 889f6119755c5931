"""Compare what a cell shows now with what is stored, pictures included.

nbval compares text and leaves pictures out. `split` takes the pictures out of a cell's outputs, so
that nbval goes on comparing the rest as text; `picture_fault` compares them one by one.
"""

import base64
import io
import re
from typing import Any

import numpy as np
from notebooks import clean_outputs
from PIL import Image, ImageFilter

# How much two pictures may differ. The same code on the same versions draws the same picture but
# for antialiasing: where a coordinate differs in its 15th digit, a pixel may change by a level or
# two of 255. Both pictures are blurred by one pixel, which evens such pixels out; then no more
# than PIXELS pixels may differ by more than LEVEL in any channel. A line moved by one pixel, a
# series in another colour, or the smallest label gone each change hundreds (test_pictures.py).
BLUR = 1.0
LEVEL = 8
PIXELS = 15

FRAME = re.compile(r"data:image/png;base64,([A-Za-z0-9+/=\s]+)")
Output = dict[str, Any]


def decode(text: str) -> Image.Image:
    """Return the picture that a stored base64 text holds, laid on white."""
    picture = Image.open(io.BytesIO(base64.b64decode(text))).convert("RGBA")
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture).convert("RGB")


def differing_pixels(one: Image.Image, two: Image.Image) -> int:
    """Count the pixels in which two pictures of one size differ by more than antialiasing."""
    blur = ImageFilter.GaussianBlur(BLUR)
    a, b = (np.asarray(picture.filter(blur), dtype=np.int16) for picture in (one, two))
    return int((np.abs(a - b).max(axis=2) > LEVEL).sum())


def picture_fault(stored: Image.Image, fresh: Image.Image) -> str:
    """Say in what two pictures differ; empty if they agree within the tolerance."""
    if stored.size != fresh.size:
        return f"stored at {stored.size[0]}×{stored.size[1]}, now {fresh.size[0]}×{fresh.size[1]}"
    count = differing_pixels(stored, fresh)
    if count <= PIXELS:
        return ""
    return f"{count} pixels differ by more than {LEVEL} of 255 (allowed: {PIXELS})"


def split(outputs: list[Output]) -> tuple[list[Output], list[str]]:
    """Return the outputs without their pictures, and the pictures (base64) in order."""
    rest, pictures = [], []
    for output in clean_outputs(outputs):
        if "data" in output:
            data = dict(output["data"])
            pictures += [data.pop("image/png")] if "image/png" in data else []
            if "text/html" in data:
                pictures += FRAME.findall(data["text/html"])
                data["text/html"] = FRAME.sub("data:image/png;base64,(picture)", data["text/html"])
            output = {**output, "data": data}
        rest.append(output)
    return rest, pictures


def pictures_faults(stored: list[str], fresh: list[str]) -> list[tuple[int, str]]:
    """Compare two lists of pictures pairwise; return the number (from 1) and fault of each."""
    if len(stored) != len(fresh):
        return [(0, f"{len(stored)} pictures are stored, the code now draws {len(fresh)}")]
    pairs = enumerate(zip(stored, fresh, strict=True), start=1)
    faults = [(k, picture_fault(decode(a), decode(b)) if a != b else "") for k, (a, b) in pairs]
    return [(number, fault) for number, fault in faults if fault]


def side_by_side(stored: str, fresh: str) -> Image.Image:
    """Return both pictures next to each other, for a person to look at."""
    one, two = decode(stored), decode(fresh)
    size = (one.width + two.width + 10, max(one.height, two.height))
    sheet = Image.new("RGB", size, "black")
    sheet.paste(one, (0, 0))
    sheet.paste(two, (one.width + 10, 0))
    return sheet
