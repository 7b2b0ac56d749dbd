"""Every column of every table is bound into the chain, or named unbound with a reason."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.apps import apps

from complaints.services.audit.coverage import COVERAGE
from complaints.services.audit.state import STATES

# Of other applications the tables that decide who signs in.
OTHERS = [Authenticator, EmailAddress]
MODELS = {model.__name__: model for model in [*apps.get_app_config("complaints").get_models(), *OTHERS]}
# Tables of the chain itself are named as a whole.
WHOLE = ["*"]


def test_every_table_is_named_and_no_other() -> None:
    assert set(COVERAGE) == set(MODELS)


def test_every_column_is_named_once() -> None:
    for name, model in MODELS.items():
        named = COVERAGE[name].columns()
        if named != WHOLE:
            assert sorted(named) == sorted(field.name for field in model._meta.concrete_fields), name


def test_what_is_unbound_says_why() -> None:
    for name, coverage in COVERAGE.items():
        for column, reason in coverage.unbound.items():
            assert len(reason) > 10, (name, column)


def test_every_state_is_known() -> None:
    named = {state for coverage in COVERAGE.values() for state in coverage.states}
    assert named == {*STATES, "catalog"}
