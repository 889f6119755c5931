"""A figure that moves: recomputed where a kernel is alive, pre-drawn frames where none is."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from tqdm import tqdm

from rnnlib.checks import whole_number

__all__ = ["Explorer", "explore"]

_FRAME_DPI = 120  # less than a still figure has: a player holds many

_PLAYER = """<figure class="rnn-player" id="{uid}">
<img src="{first}" alt="{alt}" width="{width}" height="{height}"\
 style="max-width:100%;height:auto">
<div class="rnn-player-controls">
<button type="button">Play</button>
<label><span>{label}</span> <input type="range" min="0" max="{last}" step="1" value="{start}"\
 aria-valuetext="{value}"></label>
<output>{value}</output>
</div>
<figcaption>{caption}</figcaption>
<script>{script}</script>
</figure>"""

# Ten lines, no library: the slider chooses a frame, the button runs through them.
_SCRIPT = """(function () {{
  var figure = document.getElementById({uid}), frames = {frames}, alts = {alts}, values = {values};
  var image = figure.querySelector("img"), slider = figure.querySelector("input");
  var output = figure.querySelector("output"), button = figure.querySelector("button");
  var timer = null;
  function show() {{
    var k = Number(slider.value);
    image.src = "data:image/png;base64," + frames[k]; image.alt = alts[k];
    output.textContent = values[k]; slider.setAttribute("aria-valuetext", values[k]);
  }}
  function stop() {{ clearInterval(timer); timer = null; button.textContent = "Play"; }}
  function next() {{
    slider.value = Number(slider.value) + 1; show();
    if (slider.value === slider.max) stop();
  }}
  slider.addEventListener("input", function () {{ stop(); show(); }});
  button.addEventListener("click", function () {{
    if (timer) {{ stop(); return; }}
    if (slider.value === slider.max) {{ slider.value = slider.min; show(); }}
    timer = setInterval(next, 450); button.textContent = "Pause";
  }});
}})();"""


class Explorer:
    """What `explore` returns: it displays itself, as a widget or as a player of frames."""

    def __init__(
        self,
        draw: Callable[[Any], Figure],
        values: Sequence[Any],
        label: str,
        describe: Callable[[Any], str],
        caption: str,
        start: int,
        form: str,
    ) -> None:
        self.draw, self.values, self.label = draw, list(values), label
        self.describe, self.caption, self.start, self.form = (
            describe,
            caption,
            start,
            form,
        )

    def frames(self) -> list[bytes]:
        """Draw every frame, as PNG images of one size."""
        # In a notebook the drawing takes a second or two; the bar appears only if it takes longer.
        bar = tqdm(self.values, desc="drawing frames", delay=2, leave=False)
        frames = [_png(self.draw(value)) for value in bar]
        sizes = {Image.open(io.BytesIO(frame)).size for frame in frames}
        if len(sizes) > 1:
            raise ValueError(
                f"draw: expected figures of one size, got {sorted(sizes)} pixels"
            )
        return frames

    def to_html(self) -> str:
        """The player: a figure, a slider and a button that need no kernel and no network."""
        frames = self.frames()
        width, height = Image.open(io.BytesIO(frames[0])).size
        coded = [base64.b64encode(frame).decode() for frame in frames]
        alts = [self.describe(value) for value in self.values]
        texts = [format(value, self.form) for value in self.values]
        # The same figure gets the same name in every run; two figures differ in what they say.
        about = json.dumps([self.label, self.caption, texts, alts])
        uid = "rnn-player-" + hashlib.sha256(about.encode()).hexdigest()[:10]
        script = _SCRIPT.format(
            uid=_script_json(uid),
            frames=_script_json(coded),
            alts=_script_json(alts),
            values=_script_json(texts),
        )
        return _PLAYER.format(
            uid=uid,
            first="data:image/png;base64," + coded[self.start],
            alt=html.escape(alts[self.start]),
            width=width,
            height=height,
            label=_with_indices(self.label),
            last=len(frames) - 1,
            start=self.start,
            value=html.escape(texts[self.start]),
            caption=_with_indices(self.caption),
            script=script,
        )

    def to_widget(self) -> Any:
        """The live control: a slider, finer than the frames where it can be, that recomputes."""
        import ipywidgets  # only here, so that frames can be drawn where it is not installed

        first = self.values[self.start]
        options = {"description": self.label, "layout": {"width": "95%"}}
        if all(isinstance(value, int) for value in self.values):
            slider = ipywidgets.IntSlider(
                first, min(self.values), max(self.values), **options
            )
        elif all(isinstance(value, int | float) for value in self.values):
            low, high = min(self.values), max(self.values)
            slider = ipywidgets.FloatSlider(
                first,
                min=low,
                max=high,
                step=(high - low) / 200,
                readout_format=".3g",
                **options,
            )
        else:
            slider = ipywidgets.SelectionSlider(
                options=self.values, value=first, **options
            )
        image = ipywidgets.Image(
            value=_png(self.draw(first)), layout={"max_width": "100%"}
        )
        words = ipywidgets.HTML(html.escape(self.describe(first)))
        caption = ipywidgets.HTML(_with_indices(self.caption))

        def recompute(change: dict) -> None:
            """Draw again where the slider stands now."""
            image.value = _png(self.draw(change["new"]))
            words.value = html.escape(self.describe(change["new"]))

        slider.observe(recompute, names="value")
        return ipywidgets.VBox([slider, image, words, caption])

    def _repr_mimebundle_(
        self, include: Any = None, exclude: Any = None
    ) -> dict[str, Any]:
        """Both at once: a live notebook shows the widget, the built page the player."""
        bundle = {
            "text/plain": self.describe(self.values[self.start]),
            "text/html": self.to_html(),
        }
        try:
            bundle.update(self.to_widget()._repr_mimebundle_())
        except ImportError:
            return bundle  # without ipywidgets the player alone is shown
        bundle["text/plain"] = self.describe(self.values[self.start])
        return bundle


def explore(
    draw: Callable[[Any], Figure],
    values: Sequence[Any],
    *,
    label: str,
    describe: Callable[[Any], str],
    caption: str,
    start: int = 0,
    form: str = "g",
) -> Explorer:
    """Make a figure that the reader moves with a slider.

    Arguments
        draw      draws the figure for one value and returns it; all of one size
        values    the values at which frames are drawn for the static page; with a live kernel
                  the slider also reaches the numbers between them
        label     what the slider changes, as a person would call it
        describe  says in words what the figure shows at a value: its alternative text
        caption   what to see
        start     index into `values` of the frame shown first
        form      how a value is printed, as in `format`

    Returns
        explorer  displays itself when it ends a cell

    Errors
        ValueError  no values, a start outside them, figures of different sizes
        TypeError   draw or describe cannot be called

    Chapters: *recurrence* onwards.
    """
    values = list(values)
    if len(values) == 0:
        raise ValueError("values: expected at least one value, got none")
    if whole_number("start", start, least=0) >= len(values):
        raise ValueError(
            f"start: expected an index from 0 to {len(values) - 1}, got {start}"
        )
    for name, function in (("draw", draw), ("describe", describe)):
        if not callable(function):
            raise TypeError(
                f"{name}: expected a function of one value, got {function!r:.60}"
            )
    return Explorer(draw, values, label, describe, caption, start, form)


def _with_indices(text: str) -> str:
    """Text as HTML, with w_x and s_3 set as letters with an index."""
    return re.sub(
        r"\b([a-zδξ])_(\w+)", r"<i>\1</i><sub>\2</sub>", html.escape(text)
    )


def _png(figure: Figure) -> bytes:
    """The figure as a PNG of 128 colours: half the size, and no difference to the eye."""
    if not isinstance(figure, Figure):
        raise TypeError(
            f"draw: expected it to return a figure, got {figure!r:.60}"
        )
    figure.set_dpi(_FRAME_DPI)
    # Whatever canvas the figure came with, this one has pixels.
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    plt.close(figure)
    packed = io.BytesIO()
    pixels.quantize(128, dither=Image.Dither.NONE).save(
        packed, "PNG", optimize=True
    )
    return packed.getvalue()


def _script_json(value: object) -> str:
    """JSON that can stand inside a script element whatever text it holds."""
    return json.dumps(value).replace("<", "\\u003c")
