"""What people and models wrote, as HTML that is safe to show."""

from __future__ import annotations

from labeling.rendering.extracts import extract
from labeling.rendering.views import Shown, show

__all__ = ["Shown", "extract", "show"]
