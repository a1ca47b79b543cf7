"""Runs and what they made."""

from __future__ import annotations
