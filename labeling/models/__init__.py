"""Fields and constraints, no rules: those are in labeling.services."""

from __future__ import annotations

from labeling.models.assignments import NEVER_LEASED, Assignment, Item, ItemCompletion, Passage, Slot, State
from labeling.models.flags import Flag
from labeling.models.guidelines import Guidelines
from labeling.models.kinds import PREFERENCES, Kind, Purpose
from labeling.models.labels import Comparison, Label, Outcome, Rank, Rating, Source
from labeling.models.people import User
from labeling.models.projects import Membership, Project, Role
from labeling.models.prompts import Completion, Origin, Prompt
from labeling.models.skips import SkipReason
from labeling.models.topics import Topic

__all__ = [
    "NEVER_LEASED",
    "PREFERENCES",
    "Assignment",
    "Comparison",
    "Completion",
    "Flag",
    "Guidelines",
    "Item",
    "ItemCompletion",
    "Kind",
    "Label",
    "Membership",
    "Origin",
    "Outcome",
    "Passage",
    "Project",
    "Prompt",
    "Purpose",
    "Rank",
    "Rating",
    "Role",
    "SkipReason",
    "Slot",
    "Source",
    "State",
    "Topic",
    "User",
]
