"""Several replicas of the model, in processes of their own on one or more machines, over Ray.

Ray takes some settings from the environment when it is imported: so they are made here, before any module imports it.
"""

import os
from typing import Final

SETTINGS: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # else each replica of a bot begun by `uv run` installs the project anew
    "RAY_worker_niceness": "0",  # else replicas would stand behind every other process, at 15
    "RAY_COLOR_PREFIX": "0",  # of replicas' lines, which the bot logs among its own
}

os.environ.update({**SETTINGS, **os.environ})  # what somebody set holds
