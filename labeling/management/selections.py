"""Filters of labels as options of commands."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from labeling.selectors.selection import Selection, Superseded, parse

FILTERS = {
    "kinds": ("KIND,...", "kinds of judgement"),
    "since": ("TIME", "the first moment: a day, or a time in ISO 8601; UTC"),
    "until": ("TIME", "the moment after the last"),
    "annotators": ("NAME,...", "pseudonyms, as in exports"),
    "groups": ("NAME,...", "groups that the annotator is in"),
    "agreement": ("SHARE", "the least share, 0 to 1, of others who say the same"),
    "tags": ("TAG,...", "tags of the prompt, one of them is enough"),
    "policies": ("VERSION,...", "policy versions, one of which wrote one of the completions"),
    "sources": ("SOURCE,...", "who judged: person, import, simulation, review"),
}
SIDES = {"only": "true", "without": "false"}


def add_filters(parser: CommandParser) -> None:
    """The options."""
    for name, (metavar, text) in FILTERS.items():
        parser.add_argument(f"--{name}", metavar=metavar, help=text)
    parser.add_argument("--held-out", choices=list(SIDES), help="only held-out prompts, or only the others")
    parser.add_argument("--extra", choices=list(SIDES), help="only judgements beyond the overlap, or only the others")
    parser.add_argument(
        "--superseded", choices=list(Superseded), help="judgements that were revised: left out, too, or alone (without)"
    )


def selection_of(options: dict[str, Any]) -> Selection:
    """What the options say.

    Raises:
        Invalid: a value that is not understood.
    """
    sides = {name: SIDES.get(options[name] or "") for name in ("held_out", "extra")}
    return parse({name: options[name] for name in FILTERS} | sides | {"superseded": options["superseded"]})
