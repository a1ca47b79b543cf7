"""Fields and constraints, no rules: those are in labeling.services."""

from __future__ import annotations

from labeling.models.assignments import NEVER_LEASED, Assignment, Item, ItemCompletion, Passage, Slot, State
from labeling.models.audit import ACTIONS, AuditEntry
from labeling.models.conversations import TURN_SOURCE, ImportedConversation, Turn, TurnState
from labeling.models.figures import AgreementFigures, DayFigures, Folded, Level, Measure, Reliability, Trust
from labeling.models.flags import Flag
from labeling.models.groups import Group, Invitation
from labeling.models.guidelines import Guidelines
from labeling.models.imports import Import, ImportState, RejectedRow
from labeling.models.kinds import PREFERENCES, Kind, Opening, Purpose, Rule, Sides
from labeling.models.known import KnownAnswer, Probe, Qualification, QualificationState
from labeling.models.labels import Comparison, Label, Outcome, Rank, Rating, Source
from labeling.models.logins import LoginAttempts, RecoveryCode, SecondFactor, Session
from labeling.models.members import Membership, Role
from labeling.models.people import User
from labeling.models.projects import Project
from labeling.models.prompts import MAX_MODEL_CHARACTERS, Completion, ImportedModel, Origin, Prompt
from labeling.models.provenance import Provenance
from labeling.models.reviews import Review, ReviewReason, ReviewState
from labeling.models.skips import SkipReason
from labeling.models.snapshot_jobs import SnapshotJob
from labeling.models.snapshots import ExportMark, Snapshot, SnapshotConversation, SnapshotLabel
from labeling.models.standings import FlagSums, OutcomeSums
from labeling.models.tags import PromptTag, Tag
from labeling.models.tokens import ApiToken, ApiUse, Scope
from labeling.models.topics import Topic

__all__ = [
    "ACTIONS",
    "MAX_MODEL_CHARACTERS",
    "NEVER_LEASED",
    "PREFERENCES",
    "TURN_SOURCE",
    "AgreementFigures",
    "ApiToken",
    "ApiUse",
    "Assignment",
    "AuditEntry",
    "Comparison",
    "Completion",
    "DayFigures",
    "ExportMark",
    "Flag",
    "FlagSums",
    "Folded",
    "Group",
    "Guidelines",
    "Import",
    "ImportState",
    "ImportedConversation",
    "ImportedModel",
    "Invitation",
    "Item",
    "ItemCompletion",
    "Kind",
    "KnownAnswer",
    "Label",
    "Level",
    "LoginAttempts",
    "Measure",
    "Membership",
    "Opening",
    "Origin",
    "Outcome",
    "OutcomeSums",
    "Passage",
    "Probe",
    "Project",
    "Prompt",
    "PromptTag",
    "Provenance",
    "Purpose",
    "Qualification",
    "QualificationState",
    "Rank",
    "Rating",
    "RecoveryCode",
    "RejectedRow",
    "Reliability",
    "Review",
    "ReviewReason",
    "ReviewState",
    "Role",
    "Rule",
    "Scope",
    "SecondFactor",
    "Session",
    "Sides",
    "SkipReason",
    "Slot",
    "Snapshot",
    "SnapshotConversation",
    "SnapshotJob",
    "SnapshotLabel",
    "Source",
    "State",
    "Tag",
    "Topic",
    "Trust",
    "Turn",
    "TurnState",
    "User",
]
