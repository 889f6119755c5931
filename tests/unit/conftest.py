"""What the unit tests of the library share."""

import matplotlib
import matplotlib.pyplot as plt
import pytest
from hypothesis import settings

from rnnlib import plots

matplotlib.use("agg")  # figures are drawn in memory; no screen is needed

# A busy machine is slow, not wrong: a property has no deadline. Forty examples find every fault
# that was planted in the library to try these tests; all else is as in the whole house.
settings.register_profile("unit", settings(deadline=None, max_examples=40))
settings.load_profile("unit")


@pytest.fixture
def ax():
    """Axes in the style of the book; afterwards the style is put back and the figure closed."""
    with plt.rc_context():
        plots.use_style()
        figure, axes = plt.subplots()
        yield axes
        plt.close(figure)
