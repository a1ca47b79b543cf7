"""What judgements and conversations are called outside, wherever they go."""

from __future__ import annotations

KEY = r"^[0-9a-f]{16}$"
