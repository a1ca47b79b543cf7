"""One form for each kind of judgement, each turned into a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from labeling.judgement_forms.base import JudgementForm, TextField
from labeling.judgement_forms.conversations import step_form
from labeling.models import Kind
from labeling.selectors.queue import Sheet
from labeling.services.verdicts import MAX_DEMONSTRATION_CHARACTERS, Verdict
from labeling.templatetags.prefloop import letter

RATINGS = [str(value) for value in range(1, 8)]
TIE = 4
# From the one pole to the other; the distance from the tie is the strength.
CHOICES = [
    ("1", _("A is much better")),
    ("2", _("A is better")),
    ("3", _("A is slightly better")),
    ("4", _("tie")),
    ("5", _("B is slightly better")),
    ("6", _("B is better")),
    ("7", _("B is much better")),
]


class RatingForm(JudgementForm):
    """A rating for each completion."""

    fragment = "labeling/_rating.html"
    kept = {"rating": "ratings", "flags": "flags"}

    def __init__(self, data: Any = None, *, sheet: Sheet) -> None:
        super().__init__(data, sheet=sheet)
        self.ask_each("rating", rating_field())

    def verdict(self) -> Verdict:
        """The ratings."""
        return replace(super().verdict(), ratings={pk: int(self.cleaned_data[f"rating-{pk}"]) for pk in self.ids})


class RankingForm(RatingForm):
    """A rating and a place for each completion.

    Places are the numbered slots of the page and may have gaps; ranks are the places closed up.
    """

    kept = {"rating": "ratings", "flags": "flags", "place": "ranks"}

    def __init__(self, data: Any = None, *, sheet: Sheet) -> None:
        super().__init__(data, sheet=sheet)
        self.ask_each("place", place_field(len(self.ids)))

    def verdict(self) -> Verdict:
        """The ratings and the ranks."""
        ranks = close_up({pk: int(self.cleaned_data[f"place-{pk}"]) for pk in self.ids})
        return replace(super().verdict(), ranks=ranks)


class BestForm(JudgementForm):
    """The one completion that is liked most."""

    fragment = "labeling/_best.html"

    def __init__(self, data: Any = None, *, sheet: Sheet) -> None:
        super().__init__(data, sheet=sheet)
        unpicked = _("Pick one of the completions shown.")
        self.fields["best"] = forms.ChoiceField(
            choices=[(str(pk), letter(index)) for index, pk in enumerate(self.ids)],
            error_messages={"required": unpicked, "invalid_choice": unpicked},
        )

    def initial_work(self) -> dict[str, Any]:
        """With the one that was picked."""
        return {**super().initial_work(), "best": _scalar(self.sheet.draft.get("best"))}

    def verdict(self) -> Verdict:
        """The one picked."""
        return replace(super().verdict(), best=int(self.cleaned_data["best"]))


class PairForm(JudgementForm):
    """Which of two completions is better and how much: one choice on a scale from A over the tie to B."""

    fragment = "labeling/_pair.html"
    choice = forms.ChoiceField(
        choices=CHOICES,
        error_messages={
            "required": _("Say which one is better, from 1 (A is much better) over 4 (tie) to 7 (B is much better)."),
            "invalid_choice": _("Use a number from 1 (A is much better) over 4 (tie) to 7 (B is much better)."),
        },
    )

    def initial_work(self) -> dict[str, Any]:
        """With the choice that the draft's ranks and strength make."""
        return {**super().initial_work(), "choice": self._drafted()}

    def _drafted(self) -> str:
        ranks, strength = self.sheet.draft.get("ranks"), self.sheet.draft.get("strength")
        found = [ranks.get(str(pk)) for pk in self.ids] if isinstance(ranks, dict) else []
        if found == [1, 1]:
            return str(TIE)
        if found in ([1, 2], [2, 1]) and strength in (1, 2, 3):
            return str(TIE + (found[0] - found[1]) * strength)
        return ""

    def verdict(self) -> Verdict:
        """The ranks of both, and the strength unless they are tied."""
        first, second = self.ids
        lead = int(self.cleaned_data["choice"]) - TIE
        ranks = {first: 2 if lead > 0 else 1, second: 2 if lead < 0 else 1}
        return replace(super().verdict(), ranks=ranks, strength=abs(lead) or None)


class DemonstrationForm(JudgementForm):
    """A completion that the person wrote, and the suggestion that they began from, if any."""

    fragment = "labeling/_demonstration.html"
    kept = {}
    max_characters = MAX_DEMONSTRATION_CHARACTERS
    unwritten = _("Write the completion that you would want to read.")
    text = TextField(
        max_length=MAX_DEMONSTRATION_CHARACTERS, required=True, rows=12, error_messages={"required": unwritten}
    )

    def __init__(self, data: Any = None, *, sheet: Sheet) -> None:
        super().__init__(data, sheet=sheet)
        self.fields["suggestion"] = forms.ChoiceField(
            required=False,
            choices=[("", ""), *((str(pk), str(pk)) for pk in self.ids)],
            widget=forms.HiddenInput,
            error_messages={"invalid_choice": _("The suggestion taken over is not one of those shown.")},
        )

    def initial_work(self) -> dict[str, Any]:
        """With the text so far."""
        draft = self.sheet.draft
        return {
            **super().initial_work(),
            "text": _scalar(draft.get("text")),
            "suggestion": _scalar(draft.get("suggestion")),
        }

    def clean_text(self) -> str:
        """White space alone is no completion."""
        text: str = self.cleaned_data["text"]
        if not text.strip():
            raise forms.ValidationError(self.unwritten)
        return text

    def verdict(self) -> Verdict:
        """The text and where it came from."""
        suggestion = self.cleaned_data["suggestion"]
        return replace(
            super().verdict(), text=self.cleaned_data["text"], suggestion=int(suggestion) if suggestion else None
        )


FORMS: dict[str, type[JudgementForm]] = {
    Kind.RANKING: RankingForm,
    Kind.RATING: RatingForm,
    Kind.BEST: BestForm,
    Kind.PAIR: PairForm,
    Kind.DEMONSTRATION: DemonstrationForm,
}


def judgement_form(sheet: Sheet, data: Any = None) -> JudgementForm:
    """The form that the sheet's kind asks for."""
    if sheet.conversation is not None:
        return step_form(data, sheet=sheet)
    return FORMS[sheet.kind](data, sheet=sheet)


@cache
def rating_field() -> forms.Field:
    """1 to 7."""
    return forms.ChoiceField(
        choices=[(value, value) for value in RATINGS],
        error_messages={"required": _("Rate it from 1 to 7."), "invalid_choice": _("Use a rating from 1 to 7.")},
    )


@cache
def place_field(count: int) -> forms.Field:
    """A place among so many completions."""
    places = [("", _("not ranked yet")), *((str(n), str(n)) for n in range(1, count + 1))]
    return forms.ChoiceField(choices=places, error_messages={"required": _("Give it a place in the ranking.")})


def close_up(places: Mapping[int, int]) -> dict[int, int]:
    """Ranks without holes from numbered places: 1, 4, 4 becomes 1, 2, 2."""
    ranks = {place: rank for rank, place in enumerate(sorted(set(places.values())), start=1)}
    return {completion: ranks[place] for completion, place in places.items()}


def _scalar(value: object) -> str:
    """A draft's text or id as the form holds it; nothing of any other shape."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
