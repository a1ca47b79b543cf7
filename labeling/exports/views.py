"""What an export shows of a judgement: rows of comparisons, whole rankings, ratings, or what trainers read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from labeling.exports import trainers
from labeling.exports.conversations import COLUMNS as CONVERSATION_COLUMNS
from labeling.exports.conversations import conversation_rows
from labeling.exports.demonstrations import COLUMNS, demonstration_rows
from labeling.exports.evaluations import COLUMNS as EVALUATION_COLUMNS
from labeling.exports.evaluations import evaluation_rows
from labeling.exports.pairs import margin_of, pairs_of
from labeling.exports.rows import Row, View
from labeling.exports.told import told
from labeling.models import Outcome
from labeling.selectors.evaluations import blind_judgements
from labeling.selectors.judgements import demonstrations, judged_prompts
from labeling.selectors.stored import StoredJudgement, StoredPrompt, prompt_key
from labeling.selectors.talks import conversations

_CONTEXT = {
    "rule": "text",
    "propensity": "float",
    "random_propensity": "float",
    "is_random": "bool",
    "held_out": "bool",
    "topics": "texts",
    "tags": "texts",
    "annotator": "text",
    "source": "text",
    "is_extra": "bool",
    "guidelines_version": "int",
    "created": "text",
    "superseded_by": "text",
}


def _context(judgement: StoredJudgement) -> Row:
    context = {
        "rule": judgement.rule,
        "propensity": judgement.propensity,
        "random_propensity": judgement.random_propensity,
        "is_random": judgement.is_random,
        "held_out": judgement.held_out,
        "topics": judgement.topics,
        "tags": judgement.tags,
        "annotator": judgement.called,
        "source": judgement.source,
        "is_extra": judgement.is_extra,
        "guidelines_version": judgement.guidelines_version,
        "created": judgement.created,
        "superseded_by": judgement.replaced_by,
    }
    return context if judgement.said is None else told(context, judgement.said)


def comparison_rows(judgement: StoredJudgement, counts: Counter[str]) -> Iterator[Row]:
    """One row for each pair of a ranking, weighted 1/C(k,2)."""
    count = len(judgement.completions)
    prompt, context = prompt_key(judgement.prompt_digest), _context(judgement)
    for chosen, rejected, outcome in pairs_of(judgement, counts):
        counts["ties" if outcome is Outcome.TIE else "wins"] += 1
        yield {
            "ranking_id": judgement.key,
            "prompt_id": prompt,
            "prompt": judgement.messages,
            "chosen_id": judgement.keys[chosen],
            "chosen": judgement.texts[chosen],
            "rejected_id": judgement.keys[rejected],
            "rejected": judgement.texts[rejected],
            "outcome": str(outcome),
            "weight": 2.0 / (count * (count - 1)),
            "strength": judgement.strength,
            "margin": margin_of(judgement, chosen, rejected),
            "chosen_rating": judgement.ratings[chosen],
            "rejected_rating": judgement.ratings[rejected],
            "chosen_policy": judgement.versions[chosen],
            "rejected_policy": judgement.versions[rejected],
            **context,
            **({} if judgement.models is None else _written(judgement.models, chosen, rejected)),
        }


def _written(models: list[str | None], chosen: int, rejected: int) -> Row:
    """The models that wrote the two, where they have names."""
    names = {"chosen_model": models[chosen], "rejected_model": models[rejected]}
    return {side: name for side, name in names.items() if name is not None}


def ranking_rows(judgement: StoredJudgement, counts: Counter[str]) -> Iterator[Row]:
    """One row for each judgement, with everything that was decided; the import format "ranked" reads it back."""
    counts["rankings" if any(judgement.ranks) else "picks" if judgement.best is not None else "ratings_only"] += 1
    row = {
        "ranking_id": judgement.key,
        "kind": judgement.kind,
        "prompt_id": prompt_key(judgement.prompt_digest),
        "prompt": judgement.messages,
        "completions": [
            {"id": pk, "text": text, "policy_version": version}
            for pk, text, version in zip(judgement.keys, judgement.texts, judgement.versions, strict=True)
        ],
        "ranks": judgement.ranks if any(judgement.ranks) else None,
        "ratings": judgement.ratings if any(judgement.ratings) else None,
        "best": judgement.best,
        "strength": judgement.strength,
        "flags": judgement.flags,
        "notes": judgement.notes,
        "seconds": judgement.seconds,
        **_context(judgement),
    }
    for completion, model in zip(row["completions"], judgement.models or (), strict=False):
        if model is not None:
            completion["model"] = model
    yield row if judgement.said is None else told(row, judgement.said)


def rating_rows(judgement: StoredJudgement, counts: Counter[str]) -> Iterator[Row]:
    """One row for each completion that was rated or flagged."""
    prompt, context = prompt_key(judgement.prompt_digest), _context(judgement)
    for place, completion in enumerate(judgement.keys):
        rating, flags = judgement.ratings[place], judgement.flags[place]
        if rating is None and not flags:
            counts["unrated_left_out"] += 1
            continue
        counts["flagged"] += bool(flags)
        row = {
            "label_id": judgement.key,
            "kind": judgement.kind,
            "prompt_id": prompt,
            "prompt": judgement.messages,
            "completion_id": completion,
            "completion": judgement.texts[place],
            "policy": judgement.versions[place],
            "rating": rating,
            "raised": flags,
            "rank": judgement.ranks[place],
            "seconds": judgement.seconds,
            **context,
        }
        if judgement.models is not None and judgement.models[place] is not None:
            row["model"] = judgement.models[place]
        yield row if judgement.said is None else told(row, judgement.said, place)


def prompt_rows(prompt: StoredPrompt, counts: Counter[str]) -> Iterator[Row]:
    """One row for each prompt that was judged: TRL's prompt-only type, with what is known of it."""
    counts["held_out"] += prompt.held_out
    yield {
        "prompt_id": prompt_key(prompt.prompt_digest),
        "prompt": prompt.messages,
        "held_out": prompt.held_out,
        "topics": prompt.topics,
        "tags": prompt.tags,
    }


VIEWS = {
    view.name: view
    for view in (
        View(
            "comparisons",
            {
                "ranking_id": "text",
                "prompt_id": "text",
                "prompt": "messages",
                "chosen_id": "text",
                "chosen": "text",
                "rejected_id": "text",
                "rejected": "text",
                "outcome": "text",
                "weight": "float",
                "strength": "int",
                "margin": "int",
                "chosen_rating": "int",
                "rejected_rating": "int",
                "chosen_policy": "int",
                "rejected_policy": "int",
                **_CONTEXT,
            },
            comparison_rows,
            of_models={"chosen_model": "text", "rejected_model": "text"},
        ),
        View(
            "rankings",
            {
                "ranking_id": "text",
                "kind": "text",
                "prompt_id": "text",
                "prompt": "messages",
                "completions": "completions",
                "ranks": "ints",
                "ratings": "ints",
                "best": "int",
                "strength": "int",
                "flags": "flags",
                "notes": "text",
                "seconds": "float",
                **_CONTEXT,
            },
            ranking_rows,
            of_models={"completions": "written"},
        ),
        View(
            "ratings",
            {
                "label_id": "text",
                "kind": "text",
                "prompt_id": "text",
                "prompt": "messages",
                "completion_id": "text",
                "completion": "text",
                "policy": "int",
                "rating": "int",
                "raised": "texts",
                "rank": "int",
                "seconds": "float",
                **_CONTEXT,
            },
            rating_rows,
            of_models={"model": "text"},
        ),
        *(View(name, columns, trainers.ROWS[name]) for name, columns in trainers.COLUMNS.items()),
        View("demonstrations", COLUMNS, demonstration_rows, read=demonstrations, of_models={"model": "text"}),
        View("conversations", CONVERSATION_COLUMNS, conversation_rows, read=conversations, key="assignment"),
        View("evaluations", EVALUATION_COLUMNS, evaluation_rows, read=blind_judgements),
        View(
            "prompts",
            {"prompt_id": "text", "prompt": "messages", "held_out": "bool", "topics": "texts", "tags": "texts"},
            prompt_rows,
            read=judged_prompts,
            key="prompt",
        ),
    )
}
