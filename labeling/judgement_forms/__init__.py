"""What people send from the judging page, turned into verdicts: one form for each kind of judgement."""

from __future__ import annotations

from labeling.judgement_forms.base import JudgementForm
from labeling.judgement_forms.kinds import RATINGS, judgement_form

__all__ = ["RATINGS", "JudgementForm", "judgement_form"]
