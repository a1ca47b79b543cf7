from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from labeling.models import Project
from labeling.services.cleaning import clean

pytestmark = pytest.mark.django_db


def test_a_row_that_keeps_all_rules_costs_one_statement(django_assert_num_queries):
    project = Project(slug="colours", name="Colours")

    with django_assert_num_queries(3):  # a savepoint, all constraints, its release
        clean(project)


def test_each_broken_rule_is_said_as_django_says_it():
    project = Project(slug="colours", name="Colours", overlap=51, held_out_percent=60, daily_limit=0)

    with pytest.raises(ValidationError) as refused:
        clean(project)

    with pytest.raises(ValidationError) as usual:
        project.full_clean(validate_unique=False)
    assert refused.value.message_dict == usual.value.message_dict
    assert {"overlap", "held_out_percent", "daily_limit"} <= set(refused.value.message_dict)


def test_a_rule_between_fields_is_said_too():
    project = Project(slug="colours", name="Colours", completions_per_item=9)
    project.kinds = []

    with pytest.raises(ValidationError) as refused:
        clean(project)

    assert "kinds" in refused.value.message_dict or "__all__" in refused.value.message_dict
