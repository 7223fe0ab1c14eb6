"""Shared by all tests: quiet tools and one thread a process, so that parallel test workers do not fight."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

from hypothesis import settings

from sealproof.evidence.telemetry import silence

silence()

# A gate says the same of the same commit: drawn examples follow from the test, not from the moment. New ones are drawn
# with `HYPOTHESIS_PROFILE=search make test`; what it finds goes into the test by hand.
settings.register_profile("same", derandomize=True)
settings.register_profile("search", derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))
