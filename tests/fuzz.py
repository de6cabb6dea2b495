"""How long inputs are made up: for a moment in every run, and for as long as somebody likes by hand.

FUZZ=100000 pytest -n 2 -k made_up tries so many inputs in each of these tests.
"""

import os
from typing import Final

from hypothesis import HealthCheck, settings

EXAMPLES: Final = int(os.environ.get("FUZZ", "150"))

# Files take milliseconds each, and a folder of the test's is as good for the next input as for the first.
made_up = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
