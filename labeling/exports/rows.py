"""What a row is, and a shape of rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from labeling.selectors.judgements import judgements

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class View:
    """A shape of the rows. ``columns`` maps each name to its type, in the order they are written; ``rows`` makes rows
    of each thing that ``read`` streams.

    Types: int, float, text, bool, messages (role and content), completions (id, text, policy_version), written
    (completions with the model that wrote each), ints and texts (lists, with nulls), flags (list of lists of texts).
    ``of_models`` are columns that are there only where some completion was written by a model with a name.
    """

    name: str
    columns: dict[str, str]
    rows: Callable[[Any, Counter[str]], Iterator[Row]]
    read: Callable[..., Iterator[Any]] = judgements
    key: str = "label"
    """The id of what is streamed, in whose order it comes."""
    of_models: Mapping[str, str] = field(default_factory=dict)

    def with_models(self) -> View:
        """The view with the columns of models."""
        return replace(self, columns={**self.columns, **self.of_models})
