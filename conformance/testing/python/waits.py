"""How long a client waits (protocol/SPEC.md, W-61)."""
from __future__ import annotations

import random

STEP_SECONDS, STEP_SECONDS_MAX = 0.5, 60.0


def random_wait(failures: int) -> float:
    """Seconds to wait after so many failures in a row."""
    return random.uniform(0, min(STEP_SECONDS_MAX, STEP_SECONDS * 2 ** min(failures, 10)))
