"""A report about the operator is found by nobody outside the team that holds it: every address of the staff's door
answers triage, a superuser and everybody else as if its case had never been, and no list or file tells of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django import DjangoDbBlocker

from tests.database import built_once
from tests.security.addresses.expected import STAFF_GETS
from tests.security.addresses.scene import SEPARATE, STAFF, AddressScenario, build
from tests.security.addresses.test_conflict_lock import of_case, secrets
from tests.security.addresses.test_url_matrix import FORM, ask, everything
from tests.world import Cast

HOLDERS = {"separate"}
# The body has its release; auditors read that something happened in a case, by its reference.
OUTSIDE = [who for who in STAFF if who not in HOLDERS | {"lead body", "auditor"}]


@pytest.fixture(scope="module")
def scene(shared_cast: Cast, django_db_blocker: DjangoDbBlocker) -> Iterator[AddressScenario]:
    with built_once(django_db_blocker), pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.conf.settings.TEAM_KEY_PINS", shared_cast.pins)
        # On a busy machine the module may take longer than a password and a code count as fresh.
        patch.setattr("django.conf.settings.ACCOUNT_REAUTHENTICATION_TIMEOUT", 3600)
        yield build(shared_cast, hands=SEPARATE, accused_kind="military_police")


def test_the_team_works_on_the_same_pages(db: None, scene: AddressScenario) -> None:
    assert scene.sent.case.held_by == "separate"
    for name in ("case_change", "case_view", "case_risk", "case_custody", "case_rules", "case_conflict"):
        assert ask(scene, "separate", f"admin:complaints_{name}").status_code == 200, name
    queue = scene.browsers["separate"].get(scene.address("admin:complaints_case_changelist")).content.decode()
    assert scene.sent.case.reference in queue


def test_nobody_else_finds_the_case(db: None, scene: AddressScenario) -> None:
    wrong = {}
    for who in OUTSIDE:
        for name in STAFF_GETS:
            if name.startswith(("account_", "mfa_")) or name.endswith("logout"):
                continue
            page = ask(scene, who, name)
            content = page.content.decode(errors="replace")
            if any(secret in content for secret in secrets(scene)):
                wrong[f"{name} {who} told"] = page.status_code
            if of_case(scene, name):
                missing = ask(scene, who, name, missing=True)
                if (page.status_code, page.content) != (missing.status_code, missing.content):
                    wrong[f"{name} {who}"] = page.status_code
    assert wrong == {}


def test_nobody_else_acts_on_the_case(db: None, scene: AddressScenario) -> None:
    before = everything()
    for who in OUTSIDE:
        for name in STAFF_GETS:
            if of_case(scene, name):
                answer = scene.browsers[who].post(scene.address(name), FORM)
                assert answer.status_code in {404, 405, 409}, (who, name, answer.status_code)
    assert everything() == before
