"""What the unit tests of the library share."""

import matplotlib
from hypothesis import settings

matplotlib.use("agg")  # figures are drawn in memory; no screen is needed

# A busy machine is slow, not wrong: a property has no deadline. Forty examples find every fault
# that was planted in the library to try these tests; all else is as in the whole house.
settings.register_profile("unit", settings(deadline=None, max_examples=40))
settings.load_profile("unit")
