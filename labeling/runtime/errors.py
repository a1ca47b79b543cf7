"""The one error of this package: a sentence for the person at the terminal."""

from __future__ import annotations

ELSEWHERE = "name another data folder with DATA_DIR"


class StartError(Exception):
    """Prefloop cannot start. The message names what is wrong and what to do; it is shown without a traceback."""
