"""Whoever stands in a case finds it nowhere: every address of the staff's door, asked by an officer, a liaison, an
auditor and a superuser who are concerned, answers as if the case had never been."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from pytest_django import DjangoDbBlocker

from complaints import access
from complaints.models.team import Staff
from complaints.services import assignment, conflicts, first_look
from complaints.services.keyring import Actor
from tests.database import built_once
from tests.security.addresses.expected import STAFF_GETS
from tests.security.addresses.scene import NOW, AddressScenario, build
from tests.security.addresses.test_url_matrix import FORM, ask, everything
from tests.world import Cast, change_account

CONCERNED = ("verifier", "lead body", "auditor", "superuser")


@pytest.fixture(scope="module")
def scene(shared_cast: Cast, django_db_blocker: DjangoDbBlocker) -> Iterator[AddressScenario]:
    with built_once(django_db_blocker), pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.conf.settings.TEAM_KEY_PINS", shared_cast.pins)
        # On a busy machine the module may take longer than a password and a code count as fresh.
        patch.setattr("django.conf.settings.ACCOUNT_REAUTHENTICATION_TIMEOUT", 3600)
        made = build(shared_cast)
        case = made.sent.case
        assignment.assign(actor=Actor(shared_cast.ring("vera"), NOW), case_id=case.pk, assignee=shared_cast["vera"])
        # The pages around a look are allowed for an hour: not to whom the case is gone meanwhile.
        for who in ("verifier", "lead body"):
            for name in ("admin:complaints_case_view", "admin:complaints_release_view"):
                made.browsers[who].get(made.address(name))
        conflicts.declare_conflict(actor=Actor(shared_cast.ring("vera"), NOW), case_id=case.pk, reason="Ia paman saya.")
        for name in ("kirana", "audi", "super"):
            change_account(name, first_name="Kepala", last_name="Bidang X", must_recheck=True)
        first_look.process_new_reports(actor=Actor(shared_cast.ring("fitri"), NOW))
        yield made


def secrets(scene: AddressScenario) -> list[str]:
    """What would tell that the case is there."""
    ids = {str(value) for name in ("case_change", "release_change") for value in scene.ids[f"admin:complaints_{name}"]}
    return [scene.sent.case.reference, *ids]


def of_case(scene: AddressScenario, name: str) -> bool:
    """Whether an address names something of the case."""
    parts = name.partition("complaints_")[2].partition("_")
    return parts[0] in {"case", "release"} and any(
        isinstance(argument, uuid.UUID) for argument in scene.ids.get(name, ())
    )


@pytest.mark.parametrize("who", CONCERNED)
def test_no_address_tells_of_the_case(db: None, scene: AddressScenario, who: str) -> None:
    answers_by_name = {}
    for name in STAFF_GETS:
        answer = ask(scene, who, name)
        text = b"".join(answer) if answer.streaming else answer.content
        leaks = [secret for secret in secrets(scene) if secret.encode() in text]
        never = ask(scene, who, name, missing=True) if of_case(scene, name) else None
        if leaks or (never is not None and (answer.status_code, text) != (never.status_code, never.content)):
            answers_by_name[name] = (answer.status_code, leaks)
    assert answers_by_name == {}


@pytest.mark.parametrize("query", ["?status=every", "?due=late", "?officer=me", "?answers=unread", "?status=bodys"])
def test_no_list_or_count_includes_the_locked_case(db: None, scene: AddressScenario, query: str) -> None:
    page = scene.browsers["verifier"].get(scene.address("admin:complaints_case_changelist") + query)
    assert scene.sent.case.reference not in page.content.decode()
    desk = scene.browsers["verifier"].get(scene.address("admin:index"))
    # The scene has two other cases, one of them late; nothing else counts.
    assert {count.number for count in desk.context["counts"]} <= {0, 1, 2}
    assert not access.cases_for(Staff.objects.get(username="vera")).filter(pk=scene.sent.case.pk).exists()
    assert scene.sent.case.reference not in desk.content.decode()
    others = scene.browsers["forwarder"].get(scene.address("admin:complaints_case_changelist") + "?status=every")
    assert scene.sent.case.reference in others.content.decode()


@pytest.mark.parametrize("who", CONCERNED)
def test_no_post_of_a_locked_out_person_changes_anything(db: None, scene: AddressScenario, who: str) -> None:
    before = everything()
    for name in STAFF_GETS:
        if of_case(scene, name):
            answer = scene.browsers[who].post(scene.address(name), FORM)
            assert answer.status_code in {404, 405}, (name, answer.status_code)
    assert everything() == before


def test_conflict_lock_leaves_others_access(db: None, scene: AddressScenario) -> None:
    for who, name in (
        ("forwarder", "admin:complaints_case_change"),
        ("other body", "admin:complaints_release_changelist"),
    ):
        assert ask(scene, who, name).status_code == 200
