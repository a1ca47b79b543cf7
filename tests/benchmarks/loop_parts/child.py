"""What a fresh process does before it can load the models of the app: imported without them."""

from __future__ import annotations

import django
import torch


def get_ready() -> None:
    """Let Django know its apps, and torch use one core: there is a process for each."""
    django.setup()
    torch.set_num_threads(1)
