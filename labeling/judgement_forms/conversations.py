"""The steps of a conversation, each a form."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from labeling.judgement_forms.base import JudgementForm, TextField
from labeling.selectors.conversations import Conversation, Step
from labeling.selectors.queue import Sheet
from labeling.services.conversations import MAX_SAID_CHARACTERS
from labeling.services.verdicts import MAX_DEMONSTRATION_CHARACTERS, Verdict
from labeling.templatetags.prefloop import letter


class StepForm(JudgementForm):
    """One step; it names itself, so that what was sent for another one is not taken for it."""

    fragment = "labeling/_conversation.html"
    kept = {}
    max_characters = 0
    gone_on = _("The conversation has gone on, perhaps in another tab. Copy what you need of your text and reload.")

    step = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, sheet: Sheet) -> None:
        assert sheet.conversation is not None, "the sheet of a conversation"
        self.conversation: Conversation = sheet.conversation
        if sheet.draft.get("step") != self.conversation.name:
            sheet = replace(sheet, draft={})  # it was of a step that is done
        super().__init__(data, sheet=sheet)

    def initial_work(self) -> dict[str, Any]:
        """With the step and the text so far."""
        draft = self.sheet.draft
        kept = {name: draft.get(name) for name in ("text", "suggestion", "best")}
        texts = {name: str(value) for name, value in kept.items() if isinstance(value, str | int)}
        return {**super().initial_work(), **texts, "step": self.conversation.name}

    def clean_step(self) -> str:
        """The page may be an old one: of a step that another tab has done."""
        step: str = self.cleaned_data["step"]
        if step != self.conversation.name:
            raise forms.ValidationError(self.gone_on)
        return step

    @property
    def number(self) -> int:
        """The turn that the step belongs to."""
        return self.conversation.turn


class SayForm(StepForm):
    """What the annotator says as the user."""

    max_characters = MAX_SAID_CHARACTERS
    unwritten = _("Write what you want to say.")

    def __init__(self, data: Any = None, *, sheet: Sheet) -> None:
        super().__init__(data, sheet=sheet)
        if not self.conversation.is_given:
            self.fields["text"] = TextField(
                max_length=self.max_characters, required=True, rows=5, error_messages={"required": self.unwritten}
            )

    def clean_text(self) -> str:
        """White space alone says nothing."""
        text: str = self.cleaned_data["text"]
        if not text.strip():
            raise forms.ValidationError(self.unwritten)
        return text


class WriteForm(SayForm):
    """A completion by the annotator, who plays both sides."""

    max_characters = MAX_DEMONSTRATION_CHARACTERS
    unwritten = _("Write the completion that you would want to read.")

    def verdict(self) -> Verdict:
        """The text."""
        return replace(super().verdict(), text=self.cleaned_data["text"])


class PlacesForm(StepForm):
    """Places and flags for what the policy wrote."""

    kept = {"flags": "flags", "place": "ranks"}

    def __init__(self, data: Any = None, *, sheet: Sheet) -> None:
        super().__init__(data, sheet=sheet)
        places = [("", _("not ranked yet")), *((str(n), str(n)) for n in range(1, len(self.ids) + 1))]
        for pk in self.ids:
            self.fields[f"place-{pk}"] = forms.ChoiceField(
                choices=places,
                required=len(self.ids) > 1,
                error_messages={"required": _("Give it a place in the ranking.")},
            )

    def _places(self) -> dict[int, int]:
        places = {pk: self.cleaned_data.get(f"place-{pk}") for pk in self.ids}
        return {pk: int(place) for pk, place in places.items() if place}

    def verdict(self) -> Verdict:
        """The ranks and flags."""
        places = self._places()
        closed = {place: rank for rank, place in enumerate(sorted(set(places.values())), start=1)}
        return replace(super().verdict(), ranks={pk: closed[place] for pk, place in places.items()})


class TurnRevisionForm(PlacesForm):
    """A judged turn, once the conversation is over; what carried it on is not asked again."""

    fragment = "labeling/_turn_revision.html"


class RankForm(PlacesForm):
    """Places for what the policy wrote, and what carries the conversation on: one of the best, or a text."""

    max_characters = MAX_DEMONSTRATION_CHARACTERS

    text = TextField(max_length=MAX_DEMONSTRATION_CHARACTERS, rows=4)

    def __init__(self, data: Any = None, *, sheet: Sheet) -> None:
        super().__init__(data, sheet=sheet)
        own = [("", ""), *((str(pk), letter(index)) for index, pk in enumerate(self.ids))]
        unknown = {"invalid_choice": _("This is none of the completions shown.")}
        self.fields["best"] = forms.ChoiceField(required=False, choices=own, error_messages=unknown)
        self.fields["suggestion"] = forms.ChoiceField(
            required=False, choices=own, widget=forms.HiddenInput, error_messages=unknown
        )

    def clean(self) -> dict[str, Any]:
        """Without a text the best carries on; of several that share the first place one is named."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not cleaned.get("text", "").strip() and not self._carried():
            self.add_error("best", _("Several are in the first place: choose which of them carries on."))
        return cleaned

    def _carried(self) -> int | None:
        places = self._places()
        first = [pk for pk in self.ids if not places or places.get(pk) == min(places.values())]
        named = int(self.cleaned_data.get("best") or 0)
        if named:
            return named
        return first[0] if len(first) == 1 else None

    def verdict(self) -> Verdict:
        """The ranks, flags, and what carries on."""
        text = self.cleaned_data["text"] if self.cleaned_data["text"].strip() else ""
        suggestion = self.cleaned_data["suggestion"] if text else ""
        return replace(
            super().verdict(),
            best=None if text else self._carried(),
            text=text,
            suggestion=int(suggestion) if suggestion else None,
        )


STEPS: dict[Step, type[StepForm]] = {
    Step.SAY: SayForm,
    Step.WAIT: StepForm,
    Step.RANK: RankForm,
    Step.WRITE: WriteForm,
    Step.END: StepForm,
    Step.REVISE: TurnRevisionForm,
}


def step_form(data: Any = None, *, sheet: Sheet) -> StepForm:
    """The form of the step at which the conversation is."""
    assert sheet.conversation is not None, "the sheet of a conversation"
    return STEPS[sheet.conversation.step](data, sheet=sheet)
