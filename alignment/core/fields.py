"""Settings that check themselves: dataclass fields with a kind and a range. Standard library only."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import Field, asdict, dataclass, field, fields
from typing import Any, Self


class InvalidSetting(ValueError):
    """A setting is unknown or out of its range; the message names it, its value and what is allowed.

    Attributes:
        name: the field, so that a form can put the message beside it.
    """

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


def whole(default: int | None, *, low: int, high: int | None = None, optional: bool = False) -> Any:
    """A whole number from ``low`` to ``high``."""
    return field(default=default, metadata={"kind": "whole", "low": low, "high": high, "optional": optional})


def real(
    default: float | None, *, low: float, high: float | None = None, above: bool = False, optional: bool = False
) -> Any:
    """A finite number from ``low`` (not itself when ``above``) to ``high``."""
    metadata = {"kind": "real", "low": low, "high": high, "above": above, "optional": optional}
    return field(default=default, metadata=metadata)


def flag(default: bool) -> Any:
    """Yes or no."""
    return field(default=default, metadata={"kind": "flag"})


def text(default: str | None, *, optional: bool = False) -> Any:
    """Free text that is not empty."""
    return field(default=default, metadata={"kind": "text", "optional": optional})


def choice(default: str, *options: str) -> Any:
    """One of a few words."""
    return field(default=default, metadata={"kind": "choice", "options": (default, *options)})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Base of the frozen settings dataclasses: ranges are checked on construction, dictionaries by name."""

    def __post_init__(self) -> None:
        self.validate()

    def validate(self) -> None:
        """Check every field.

        Raises:
            InvalidSetting: the first field out of its range, with its value and the range.
        """
        for each in fields(self):
            check(each, getattr(self, each.name), owner=type(self).__name__)

    def to_dict(self) -> dict[str, Any]:
        """All settings as plain JSON values, to be stored with the run."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Settings from plain values; what is not named keeps its default.

        Raises:
            InvalidSetting: a key that is no setting, or a value out of range.
        """
        known = [each.name for each in fields(cls)]
        for name in values:
            if name not in known:
                raise InvalidSetting(name, f"{cls.__name__} has no setting {name!r}; there are {', '.join(known)}")
        return cls(**values)


def check(setting: Field[Any], value: object, *, owner: str) -> None:
    """Check one value against the kind and range of its field.

    Raises:
        InvalidSetting: it does not fit.
    """
    limits = setting.metadata
    if value is None and limits.get("optional"):
        return
    if not _fits(value, limits):
        message = f"{owner}.{setting.name} is {value!r}; it must be {describe(limits)}"
        raise InvalidSetting(setting.name, message)


def describe(limits: Mapping[str, Any]) -> str:
    """What a field allows, in words: ``a number above 0 up to 1, or nothing``."""
    end = ", or nothing" if limits.get("optional") else ""
    match limits["kind"]:
        case "flag":
            return "true or false"
        case "text":
            return "text" + end
        case "choice":
            return "one of " + ", ".join(limits["options"])
    noun = "a whole number" if limits["kind"] == "whole" else "a number"
    low, high = limits["low"], limits["high"]
    if limits.get("above"):
        bounds = f"above {low}" + ("" if high is None else f" up to {high}")
    else:
        bounds = f"of {low} or more" if high is None else f"from {low} to {high}"
    return f"{noun} {bounds}{end}"


def _fits(value: object, limits: Mapping[str, Any]) -> bool:
    match limits["kind"]:
        case "flag":
            return isinstance(value, bool)
        case "text":
            return isinstance(value, str) and bool(value.strip())
        case "choice":
            return value in limits["options"]
    kinds = (int,) if limits["kind"] == "whole" else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not math.isfinite(value):
        return False
    low, high = limits["low"], limits["high"]
    return (value > low if limits.get("above") else value >= low) and (high is None or value <= high)
