"""The facts that decide about a person's access, read by a query that is compiled once for each role."""

import pytest
from django.db.models import Model
from django.db.models.sql.compiler import SQLCompiler

from complaints import access
from complaints.models.team import Role, TeamMembership
from tests.world import Cast, change_account


def test_the_facts_name_the_person_s_own_teams(cast: Cast) -> None:
    for name in ("vera", "vino", "kirana", "bima", "kresna"):
        person = cast[name]
        memberships = access.access_facts(person).memberships
        expected = list(TeamMembership.objects.filter(staff=person).select_related("team"))
        assert [_columns(row) for row in memberships] == [_columns(row) for row in expected]
        assert [_columns(row.team) for row in memberships] == [_columns(row.team) for row in expected]
        assert len(memberships) == 1


@pytest.mark.parametrize("name", ["luar", "audi", "adi", "super"])
def test_whom_nobody_admitted_has_no_team(cast: Cast, name: str) -> None:
    assert access.access_facts(cast[name]).memberships == ()


@pytest.mark.parametrize("change", [{"is_active": False}, {"role": Role.AUDITOR}, {"is_superuser": True}])
def test_who_is_no_member_any_more_has_no_team(cast: Cast, change: dict[str, object]) -> None:
    change_account("vera", **change)
    assert access.access_facts(cast["vera"]).memberships == ()


def test_a_liaison_of_another_body_leaves_the_team(cast: Cast) -> None:
    change_account("kirana", body="kasn")
    assert access.access_facts(cast["kirana"]).memberships == ()


def test_the_query_is_compiled_once_for_a_role(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = cast["vera"], cast["vino"]
    access.access_facts(first)
    monkeypatch.setattr(SQLCompiler, "as_sql", None)
    facts = access.access_facts(second)
    assert [membership.staff_id for membership in facts.memberships] == [second.pk]


def _columns(row: Model) -> dict[str, object]:
    return {column.attname: getattr(row, column.attname) for column in row._meta.concrete_fields}
