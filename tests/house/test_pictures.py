"""The comparison of pictures sees what a reader would see, and nothing else."""

import base64
import io

import matplotlib.pyplot as plt
import numpy as np
import pytest
from compare_outputs import (
    PIXELS,
    decode,
    differing_pixels,
    picture_fault,
    pictures_faults,
    side_by_side,
    split,
)
from PIL import Image


def draw(shift=0.0, color="#0072b2", label="step", width=1.5, size=(6, 4), mark=True, title=""):
    """Draw a curve as the chapters do; return the picture in base64."""
    fig, ax = plt.subplots(figsize=size)
    x = np.linspace(0, 1, 50)
    ax.plot(x, x**2 + shift, color=color, linewidth=width)
    ax.plot(x, 0.3 * x, color="#d55e00")
    if mark:
        ax.plot([0.5], [0.8], "o", color="black", markersize=5)
    ax.set(xlabel=label, xlim=(0, 1), ylim=(0, 1), title=title)
    file = io.BytesIO()
    fig.savefig(file, dpi=100)
    plt.close(fig)
    return base64.b64encode(file.getvalue()).decode()


@pytest.fixture(scope="module")
def stored():
    return draw()


def fault(stored, fresh):
    return picture_fault(decode(stored), decode(fresh))


def test_the_same_code_draws_the_same_picture(stored):
    assert fault(stored, draw()) == ""
    assert differing_pixels(decode(stored), decode(draw())) == 0


def test_a_difference_in_the_last_digits_passes(stored):
    assert fault(stored, draw(shift=1e-12)) == ""
    assert fault(stored, draw(shift=1e-5)) == ""


def test_noise_of_one_level_passes(stored):
    picture = np.asarray(decode(stored), dtype=int)
    noise = np.random.default_rng(0).integers(-1, 2, size=picture.shape)
    noisy = Image.fromarray((picture + noise).clip(0, 255).astype(np.uint8))
    assert picture_fault(decode(stored), noisy) == ""


@pytest.mark.parametrize(
    "change",
    [
        {"shift": 0.004},  # about one pixel
        {"color": "#009e73"},
        {"color": "#0082c2"},  # a shade of the same blue
        {"label": ""},
        {"label": "stop"},
        {"label": "step k"},
        {"width": 2.5},
        {"mark": False},
        {"title": "."},
    ],
    ids=str,
)
def test_what_a_reader_could_see_fails(stored, change):
    said = fault(stored, draw(**change))
    assert said.endswith(f"(allowed: {PIXELS})"), change


def test_another_size_fails(stored):
    assert fault(stored, draw(size=(6, 4.1))) == "stored at 600×400, now 600×410"


def test_a_missing_picture_fails(stored):
    assert pictures_faults([stored], []) == [(0, "1 pictures are stored, the code now draws 0")]


def test_the_fault_names_the_picture(stored):
    other = draw(color="black")
    assert [number for number, _ in pictures_faults([stored] * 3, [stored, other, stored])] == [2]


def test_frames_in_html_are_taken_out(stored):
    html = f'<img src="data:image/png;base64,{stored}" alt="A"><p>text</p>'
    outputs = [
        {"output_type": "display_data", "data": {"text/html": html, "text/plain": "x"}},
        {"output_type": "display_data", "data": {"image/png": stored, "text/plain": "y"}},
    ]
    rest, pictures = split(outputs)
    assert pictures == [stored, stored]
    assert rest[0]["data"]["text/html"] == (
        '<img src="data:image/png;base64,(picture)" alt="A"><p>text</p>'
    )
    assert rest[1]["data"] == {"text/plain": "y"}
    assert outputs[0]["data"]["text/html"] == html, "the stored output itself is left alone"


def test_a_transparent_ground_counts_as_white():
    clear = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    file = io.BytesIO()
    clear.save(file, "PNG")
    picture = decode(base64.b64encode(file.getvalue()).decode())
    assert np.asarray(picture).min() == 255


def test_both_pictures_are_shown_side_by_side(stored):
    assert side_by_side(stored, stored).size == (1210, 400)
