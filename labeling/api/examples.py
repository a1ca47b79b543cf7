"""Examples for the description of the API: values by the names of fields, put together as each schema says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

VALUES: dict[str, Any] = {
    "accuracy": [0.71, 0.66, 0.76],
    "actor": "alice",
    "annotator": "a-7f3c91",
    "assignment": 4711,
    "best": 902,
    "change": "Ties are welcome.",
    "client_id": "5f9c2a34-8d1b-4f6e-9b57-0c2f3a1d7e90",
    "code": "invalid",
    "content": "Name a colour.",
    "config": {"trainer": {"epochs": 2}},
    "created": "2026-11-21T09:30:00Z",
    "code_version": "0.1.0",
    "completion": "Blue.",
    "completions": ["Red.", "Blue."],
    "columns": {"prompt": "json", "chosen": "json"},
    "counts": {"rows": 1200},
    "cursor": "cD00NzEx",
    "detail": "overlap: 0 is not a number from 1 to 50",
    "digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "draft": {"notes": "The second one is cut off."},
    "expires": "2027-01-01T00:00:00Z",
    "fields": {"overlap": "0 is not a number from 1 to 50"},
    "filters": {"held_out": False},
    "finished": "2026-11-21T09:41:00Z",
    "guidelines": "Prefer what is true, then what is helpful.",
    "ignored_columns": ["comment"],
    "key": "u",
    "label": "Is rude",
    "lease_expires": "2026-11-21T10:00:00Z",
    "last_used": "2026-11-21T09:20:00Z",
    "name": "Colours",
    "next": "https://prefloop.example/api/v1/projects/?cursor=cD00NzEx",
    "notes": "The second one is cut off.",
    "own_flags": [{"code": "rude", "label": "Is rude", "key": "", "is_harmful": True}],
    "password": "correct horse battery staple",
    "previous": None,
    "prompt": [{"role": "user", "content": "Name a colour."}],
    "promoted": "2026-11-21T09:41:00Z",
    "ranks": {"901": 2, "902": 1},
    "ratings": {"901": 4, "902": 6},
    "reason": "too long to read",
    "rejected": [{"line": 17, "reason": "there is no prompt: give 'prompt' or 'messages'"}],
    "results": None,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "slug": "colours",
    "snapshot_last": 3417,
    "snapshot_counts": {"comparisons": 1200},
    "snapshot_digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "source": "colours.jsonl",
    "started": "2026-11-21T09:31:00Z",
    "text": "Blue.",
    "token": "pf_1b7e5a0c4d2f48c3a9d61e2f7b8c9d0e1f2a3b4c",
    "topic": "The sea",
    "username": "bob",
    "values": {"loss": 0.61},
}
NUMBERS = {"high": 0.78, "low": 0.69, "value": 0.73, "weight": 1.0, "seconds": 41.5, "win_rate": 0.58}
MOST_DEEP = 12


def example_of(schema: Mapping[str, Any], components: Mapping[str, Any], *, name: str = "", depth: int = 0) -> Any:
    """A value that fits a schema of the description; the same at every call."""
    if "$ref" in schema:
        return example_of(components[schema["$ref"].rsplit("/", 1)[-1]], components, name=name, depth=depth + 1)
    if "example" in schema:
        return schema["example"]
    choices = schema.get("allOf") or schema.get("oneOf") or schema.get("anyOf")
    if choices:
        fitting = [each for each in choices if name in VALUES and _is(VALUES[name], [each.get("type")])]
        return example_of((fitting or choices)[0], components, name=name, depth=depth + 1)
    if "enum" in schema:
        return schema["enum"][0]
    kinds = schema.get("type", "object" if "properties" in schema else "string")
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    known = VALUES.get(name)
    if known is not None and _fits(known, schema, kinds):
        return known
    if "null" in kinds and (name == "previous" or depth > MOST_DEEP):
        return None
    return _made(schema, components, name=name, kind=kinds[0], depth=depth)


def _made(schema: Mapping[str, Any], components: Mapping[str, Any], *, name: str, kind: str, depth: int) -> Any:
    if kind == "object":
        return _object(schema, components, depth=depth)
    if kind == "array":
        if schema.get("maxItems") == 0 or depth > MOST_DEEP:
            return []
        one = example_of(schema.get("items", {}), components, name=name.removesuffix("s"), depth=depth + 1)
        return [one] * max(schema.get("minItems", 1), 1)
    if kind == "boolean":
        return bool(schema.get("default", False))
    if kind in {"integer", "number"}:
        return _number(schema, name=name, kind=kind)
    return _text(schema, name=name)


def _object(schema: Mapping[str, Any], components: Mapping[str, Any], *, depth: int) -> dict[str, Any]:
    properties = schema.get("properties", {})
    if not properties and isinstance(schema.get("additionalProperties"), dict):
        return {"901": example_of(schema["additionalProperties"], components, depth=depth + 1)}
    return {
        name: example_of(inner, components, name=name, depth=depth + 1)
        for name, inner in properties.items()
        if not inner.get("writeOnly") or name in schema.get("required", [])
    }


def _number(schema: Mapping[str, Any], *, name: str, kind: str) -> float | int:
    if name in NUMBERS and kind == "number":
        return NUMBERS[name]
    low, high = schema.get("minimum", 1), schema.get("maximum", 10**6)
    number = schema.get("default", min(max(low, 3), high))
    return number if isinstance(number, int | float) else low


FORMATS = {
    "date-time": "2026-11-21T09:30:00Z",
    "date": "2026-11-21",
    "uuid": "5f9c2a34-8d1b-4f6e-9b57-0c2f3a1d7e90",
    "uri": "https://prefloop.example/",
    "email": "bob@example.org",
    "binary": "",
}


def _text(schema: Mapping[str, Any], *, name: str) -> str:
    text = FORMATS.get(schema.get("format", ""), schema.get("default") or (name.replace("_", " ") or "text"))
    return str(text)[: schema.get("maxLength", 200)]


def _is(value: Any, kinds: Sequence[Any]) -> bool:
    """Whether a value is of one of JSON's kinds."""
    of: dict[str, Any] = {
        "string": str,
        "integer": int,
        "number": (int, float),
        "boolean": bool,
        "array": list,
        "object": dict,
    }
    return any(isinstance(value, of[kind]) for kind in kinds if kind in of)


def _fits(value: Any, schema: Mapping[str, Any], kinds: list[str]) -> bool:
    """Whether a value is what a schema without parts of its own asks for."""
    if schema.get("properties") or "$ref" in schema.get("items", {}) or not _is(value, kinds):
        return False
    if isinstance(value, int):
        return bool(schema.get("minimum", value) <= value <= schema.get("maximum", value))
    return not isinstance(value, str) or len(value) <= schema.get("maxLength", len(value))
