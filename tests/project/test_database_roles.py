"""The roles of the database: real logins are refused what would undo the chain, and can do a whole day's work.

The roles are made by the command that operators run, in the test database, which a superuser owned until then: an
existing installation that moves over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import wraps
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client, override_settings
from django.utils import timezone
from pytest_django import DjangoDbBlocker, Settings

from complaints import database_checks, database_roles, queue, tasks
from complaints.adapters import age_files
from complaints.domain import lane
from complaints.domain.sealing.keys import DraftKeys
from complaints.domain.workflow import Action
from complaints.models.assignment import AutoAssignmentRule
from complaints.models.case import Case
from complaints.models.draft import Draft
from complaints.models.evidence import DraftFile, Evidence
from complaints.models.measurement import Measurement
from complaints.models.rights import LINES, RoleKind, columns, stored_models
from complaints.models.session import Heartbeat, LoginDelay, SealedSession
from complaints.services import (
    assignment,
    case_actions,
    case_deadlines,
    case_file,
    draft_rows,
    first_look,
    follow_up,
    lane_proposals,
    measurement,
    retention,
    scheduled,
)
from complaints.services.audit import batches, log, recorded_backups, structure, verify
from complaints.services.backup import making, manifest
from complaints.services.erasure import erasing
from complaints.services.evidence import processing
from complaints.services.keyring import Actor
from tests import cases
from tests.accounts import test_login, test_second_factor
from tests.erasures import agreed
from tests.floods import close_day, flood
from tests.images import photo
from tests.roles import Roles, acting, made, postgresql, run_within, signed_in
from tests.services import test_assignment, test_case_links, test_whole_procedure
from tests.services.erasure import test_erasing
from tests.services.team_keys import test_rotation
from tests.world import Cast, sealed_upload, send_report, start_session

on_postgresql = pytest.mark.skipif(not postgresql, reason="SQLite has no roles")
KINDS: tuple[RoleKind, ...] = ("web", "jobs", "backup", "erase")


@pytest.fixture(scope="module")
def roles(
    shared_cast: Cast, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Roles]:
    making = made(tmp_path_factory.mktemp("roles"))
    with django_db_blocker.unblock():
        present = making.__enter__()
    try:
        yield present
    finally:
        with django_db_blocker.unblock():
            making.__exit__(None, None, None)


@pytest.fixture
def outside(roles: Roles, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The database without a transaction, for tests that sign in anew and leave every row as it was."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture(params=KINDS)
def login(request: pytest.FixtureRequest, roles: Roles) -> Iterator[psycopg.Connection[Any]]:
    """A connection of its own that signed in with name and password, as somebody would who stole them."""
    role = roles.sign_in[request.param]
    with psycopg.connect(
        host=role["HOST"] or None,
        port=role["PORT"] or None,
        dbname=role["NAME"],
        user=role["USER"],
        password=role["PASSWORD"],
        autocommit=True,
    ) as session:
        yield session


# --- What is refused --------------------------------------------------------------------------------------------------

HARMS = [
    "UPDATE complaints_auditentry SET event = 'x'",
    "DELETE FROM complaints_auditentry",
    "TRUNCATE complaints_auditentry",
    "UPDATE complaints_casestep SET day = '2020-01-01'",
    "DELETE FROM complaints_casestep",
    "UPDATE complaints_chainhead SET sequence = 0",
    "UPDATE complaints_chainhead SET digest = ''",
    "DELETE FROM complaints_chainhead",
    "INSERT INTO complaints_chainhead VALUES (1, 0, '')",
    "DELETE FROM complaints_complaint",
    "UPDATE complaints_complaint SET day = '2020-01-01'",
    "UPDATE complaints_team SET slug = 'x'",
    "INSERT INTO complaints_team SELECT * FROM complaints_team",
    "DROP TRIGGER complaints_auditentry_append_only ON complaints_auditentry",
    "DROP TRIGGER complaints_auditentry_move_head ON complaints_auditentry",
    "ALTER TABLE complaints_auditentry DISABLE TRIGGER ALL",
    "ALTER TABLE complaints_auditentry DISABLE TRIGGER complaints_auditentry_append_only",
    "ALTER TABLE complaints_case DROP CONSTRAINT case_status_known",
    "ALTER TABLE complaints_case ADD COLUMN x integer",
    "ALTER TABLE complaints_auditentry RENAME TO x",
    "DROP TABLE complaints_auditentry",
    "DROP INDEX audit_subject_sequence",
    "CREATE OR REPLACE FUNCTION complaints_append_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "CREATE FUNCTION x() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "CREATE TABLE x (id integer)",
    "CREATE TEMPORARY TABLE x (sequence bigint, digest bytea)",
    "CREATE SCHEMA x",
    "CREATE TRIGGER x BEFORE INSERT ON complaints_case FOR EACH ROW EXECUTE FUNCTION complaints_append_only()",
    "CREATE RULE x AS ON INSERT TO complaints_auditentry DO INSTEAD NOTHING",
    "SELECT complaints_move_head()",
    "SET session_replication_role = replica",
    "SET ROLE {owner}",
    "ALTER ROLE {owner} PASSWORD 'x'",
    "DELETE FROM django_migrations",
    "INSERT INTO auth_permission (name) VALUES ('x')",
    "COPY complaints_case TO PROGRAM 'true'",
    "SELECT pg_read_file('/etc/hostname')",
]


@on_postgresql
@pytest.mark.parametrize("statement", HARMS)
def test_neither_role_can_undo_what_keeps_rows_true(
    login: psycopg.Connection[Any], roles: Roles, statement: str
) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        login.execute(statement.format(owner=roles.names.owner).encode())


def forbidden(kind: RoleKind) -> Iterator[str]:
    """Yield a statement for every right on a table that no line of this kind gives."""
    for label, model in stored_models().items():
        table, rights = model._meta.db_table, LINES[label].of(kind)
        yield f"TRUNCATE {table}"
        if not rights.read:
            yield f"SELECT * FROM {table}"
        if not rights.insert:
            yield f"INSERT INTO {table} DEFAULT VALUES"
        if not rights.delete:
            yield f"DELETE FROM {table} WHERE false"
        allowed = set(columns(model, rights.update))
        for field in model._meta.concrete_fields:
            if field.column not in allowed:
                yield f'UPDATE {table} SET "{field.column}" = NULL WHERE false'


@on_postgresql
def test_no_role_has_a_right_that_its_line_does_not_give(login: psycopg.Connection[Any], roles: Roles) -> None:
    kind = next(kind for kind in KINDS if roles.names.of(kind) == login.info.user)
    statements = list(forbidden(kind))
    assert len(statements) > 300
    for statement in statements:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            login.execute(statement.encode())


# --- The ordinary life ------------------------------------------------------------------------------------------------

# What the job runner alone does, wherever a test of the web server's work calls it.
JOBS: list[tuple[Any, str]] = [
    (processing, "process_pending"),
    (processing, "end_grants"),
    (case_deadlines, "run_deadlines"),
    (scheduled, "close_batch"),
    (retention, "sweep"),
    (batches, "close_due"),
]


def in_browsers(test: Callable[..., None]) -> Callable[[Cast], None]:
    """A test that opens sessions, as one that needs the cast alone."""

    @wraps(test)
    def run(cast: Cast) -> None:
        test(cast=cast, signed_in=start_session)

    return run


def in_a_browser(test: Callable[..., None]) -> Callable[[Cast], None]:
    """A test that signs in by itself, as one that needs the cast alone."""

    @wraps(test)
    def run(cast: Cast) -> None:
        test(cast=cast, client=Client())

    return run


# Each with a login of its own, and rows that are committed.
SIGNED_IN: list[Callable[[Cast], None]] = [
    test_whole_procedure.test_from_report_to_sanction,
    test_rotation.test_nothing_stays_under_an_old_key,
    in_a_browser(test_login.test_login_unlocks_the_key),
]
# Each with the rights of the role, in a transaction that is rolled back.
ACTING: list[Callable[[Cast], None]] = [
    test_case_links.test_a_report_comes_back_to_its_own_case_with_fresh_days,
    test_case_links.test_the_report_that_a_joint_case_began_with_gets_a_new_case,
    test_case_links.test_reporter_sees_the_joint_stage_and_own_messages_only,
    test_assignment.test_several_cases_are_handed_over_with_one_sealed_note,
    test_assignment.test_the_stand_in_gets_what_the_absent_would_get,
    test_rotation.test_removal_is_audited_and_its_reason_sealed_for_members,
    test_rotation.test_a_person_comes_back_after_the_change,
    test_rotation.test_names_follow_and_the_reporter_may_write_meanwhile,
    in_a_browser(test_login.test_replacing_the_initial_password_creates_the_key),
    in_browsers(test_login.test_changing_the_own_password_keeps_the_key_and_the_teams),
    in_browsers(test_second_factor.test_a_recovery_code_gets_in_once),
    in_browsers(test_second_factor.test_a_new_phone_takes_the_place_of_the_old),
    in_browsers(test_second_factor.test_an_administrator_resets_a_lost_factor),
]


@on_postgresql
@pytest.mark.parametrize("life", SIGNED_IN, ids=lambda life: life.__name__)
def test_the_ordinary_life_goes_on(
    live_cast: Cast, roles: Roles, monkeypatch: pytest.MonkeyPatch, life: Callable[[Cast], None]
) -> None:
    for module, name in JOBS:
        as_jobs = run_within(lambda: signed_in(roles.sign_in["jobs"]), getattr(module, name))
        monkeypatch.setattr(module, name, as_jobs)
    with signed_in(roles.sign_in["web"]):
        life(live_cast)


@on_postgresql
@pytest.mark.parametrize("life", ACTING, ids=lambda life: life.__name__)
def test_rarer_acts_go_on_too(
    roles: Roles, cast: Cast, monkeypatch: pytest.MonkeyPatch, life: Callable[[Cast], None]
) -> None:
    for module, name in JOBS:
        monkeypatch.setattr(module, name, run_within(lambda: acting(roles.names.jobs), getattr(module, name)))
    with acting(roles.names.web):
        life(cast)


@on_postgresql
def test_the_first_look_of_an_officer_assigns(roles: Roles, cast: Cast) -> None:
    """By the web server's role: the job that does the same comes later."""
    AutoAssignmentRule.objects.update_or_create(pk=1, defaults={"by": AutoAssignmentRule.By.PROVINCE})
    new = send_report()
    with acting(roles.names.web):
        first_look.process_new_reports(actor=Actor(cast.ring("vera"), timezone.now()))
    assert Case.objects.get(pk=new.case.pk).assignee is not None


@on_postgresql
def test_what_operators_watch_is_read_by_the_web_servers_role(roles: Roles, cast: Cast) -> None:
    with acting(roles.names.web):
        assert measurement.watched(now=timezone.now()).measured is None


@on_postgresql
def test_likely_junk_is_listed_and_closed(roles: Roles, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "ALIKE_AT_LEAST", 3)
    flood(3)
    with acting(roles.names.web):
        first_look.process_new_reports(actor=Actor(cast.ring("vera"), timezone.now()))
    close_day()
    with acting(roles.names.web):
        vera, vino = (Actor(cast.ring(name), timezone.now()) for name in ("vera", "vino"))
        for sampled in lane_proposals.open_lane(actor=vera).sample:
            case_file.open_case(actor=vera, case_id=sampled.case.pk)
        lane_proposals.propose(actor=vera, words=lane_proposals.Words("Sama.", "Kami tutup."))
        view = lane_proposals.open_lane(actor=vino)
        assert view.proposal is not None
        lane_proposals.confirm(actor=vino, proposal_id=view.proposal.row.pk)
    assert set(Case.objects.values_list("status", flat=True)) == {"ineligible"}


@pytest.fixture
def work_for_every_job(live_cast: Cast, settings: Settings, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Something that each job has to do, made by the web server's services."""
    settings.AUDIT_HEADS_FILE, settings.AUDIT_HEADS_MAIL = tmp_path / "heads.txt", ""
    today = timezone.localdate()
    asked = cases.in_review(live_cast, today=today - timedelta(days=60))
    long_ago = Actor(live_cast.ring("vera"), timezone.now() - timedelta(days=60))
    case_actions.act(actor=long_ago, case_id=asked.case.pk, action=Action.ASK_REPORTER, reason="Kapan?")
    new = send_report(today=today - timedelta(days=50))
    follow_up.add_message(ticket=new.ticket, text="Foto.", files=[sealed_upload(photo())], today=today)
    first_look.process_new_reports(actor=Actor(live_cast.ring("vera"), timezone.now()))
    admin = Actor(live_cast.ring("vera"), timezone.now())
    assignment.set_auto_assignment_rule(actor=admin, by=AutoAssignmentRule.By.PROVINCE)
    SealedSession.objects.create(pk="ended", data=b"", expires_on=today - timedelta(days=1))
    keys = DraftKeys.of("a secret")
    draft_rows.write_row(keys, {"draft": {}}, timezone.now().timestamp() - 1, version=1, seen=None)
    DraftFile.objects.create(draft_id=keys.id, object_digest=b"", sealed=b"", day=today)
    LoginDelay.objects.create(pk="old", until=timezone.now() - timedelta(hours=1))
    yield {"asked": asked, "new": new}


@on_postgresql
def test_every_job_does_its_work(work_for_every_job: dict[str, Any], roles: Roles) -> None:
    with signed_in(roles.sign_in["jobs"]):
        for job in queue.JOBS:
            getattr(tasks, job.name)()
    assert Heartbeat.objects.exists() and not LoginDelay.objects.exists()
    assert Measurement.objects.exists()
    assert Evidence.objects.get().state == Evidence.State.READY
    asked, new = (Case.objects.get(pk=work_for_every_job[name].case.pk) for name in ("asked", "new"))
    assert asked.status == "needs_information", "silence ends no case"
    assert new.assignee is not None
    assert not SealedSession.objects.filter(pk="ended").exists()
    assert not DraftFile.objects.exists() and not Draft.objects.exists()
    assert log.heads(limit=1)
    assert verify.verify_chain().whole


@on_postgresql
@pytest.mark.parametrize(
    ("harm", "named"),
    [
        ("GRANT DELETE ON complaints_casestep TO {web}", "complaints_casestep: has DELETE"),
        ("REVOKE INSERT ON complaints_verificationfault FROM {jobs}", "complaints_verificationfault: lacks INSERT"),
        ("GRANT UPDATE (reference) ON complaints_case TO PUBLIC", "complaints_case: has UPDATE"),
        ("ALTER ROLE {web} BYPASSRLS", "bypasses row security"),
        ("CREATE VIEW x AS SELECT 1", "view x"),
        ("ALTER ROLE {jobs} SET search_path = x, public", "setting of role {jobs} search_path"),
    ],
)
def test_the_night_names_altered_rights_as_the_job_runner(
    roles: Roles, cast: Cast, settings: Settings, harm: str, named: str
) -> None:
    names = {"web": roles.names.web, "jobs": roles.names.jobs}
    settings.DATABASE_ROLES = {"DATABASE_URL": roles.sign_in["web"], "DATABASE_JOBS_URL": roles.sign_in["jobs"]}
    with acting(roles.names.jobs):
        assert structure.structure_faults() == []
    with connection.cursor() as cursor:
        cursor.execute(harm.format(**names))
    with acting(roles.names.jobs):
        faults = structure.structure_faults()
    # Names of roles in tests are long, and a place is cut.
    assert any(named.format(**names)[:60] in fault.subject for fault in faults)


# --- A backup ---------------------------------------------------------------------------------------------------------


@on_postgresql
def test_the_role_of_backups_makes_one_and_changes_nothing_else(
    roles: Roles, outside: None, settings: Settings, tmp_path: Path
) -> None:
    with signed_in(roles.sign_in["backup"]):
        made = making.make(tmp_path, recipients=[age_files.Identity.generate().to_public()], now=timezone.now())
        assert recorded_backups.last_day_of(recorded_backups.MADE) == timezone.localdate()
    assert manifest.present(tmp_path) == [made.manifest.name]
    assert (tmp_path / made.manifest.name / manifest.DATABASE).stat().st_size > 10_000


# --- Erasing ----------------------------------------------------------------------------------------------------------


@on_postgresql
def test_the_role_for_erasing_erases_and_every_check_is_content(roles: Roles, cast: Cast) -> None:
    sent, _made = test_erasing.joint(cast, ("melati", "mawar"))
    row = agreed(sent[1].ticket.complaint_id)
    with acting(roles.names.erase):
        assert erasing.work(now=timezone.now() + test_erasing.LATER) == 1
    row.refresh_from_db()
    assert row.state == "done" and verify.verify_chain().whole


# --- The command ------------------------------------------------------------------------------------------------------


@on_postgresql
def test_the_command_hands_everything_over_and_shows_no_password(roles: Roles, db: None) -> None:
    owners = {row[3] for row in database_roles.fetch(database_roles._RELATIONS, ["e"])}
    assert owners == {roles.names.owner}
    assert "CREATE ROLE" in roles.printed
    for role in roles.sign_in.values():
        assert role["PASSWORD"] and role["PASSWORD"] not in roles.printed
    assert "SCRAM" not in roles.printed


def command(roles: Roles, **options: Any) -> None:
    names = roles.names
    known = {
        "DATABASE_URL": roles.sign_in["web"],
        "DATABASE_JOBS_URL": roles.sign_in["jobs"],
        "DATABASE_BACKUP_URL": roles.sign_in["backup"],
        "DATABASE_ERASE_URL": roles.sign_in["erase"],
        "DATABASE_OWNER_URL": roles.sign_in["owner"],
    }
    with override_settings(DATABASE_ROLES=known):
        call_command("database_roles", **vars(names), **options)


@on_postgresql
def test_a_second_run_changes_nothing(roles: Roles, db: None, capsys: pytest.CaptureFixture[str]) -> None:
    command(roles)
    command(roles, check=True)
    printed = capsys.readouterr().out
    assert not any(word in printed for word in ("CREATE", "ALTER", "REVOKE", "password", "Wrote"))


@on_postgresql
def test_the_owner_grants_without_a_superuser(roles: Roles, outside: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"REVOKE ALL ON complaints_case FROM {roles.names.web}")
    with signed_in(roles.sign_in["owner"]):
        command(roles)
    command(roles, check=True)


@on_postgresql
@pytest.mark.parametrize(
    "grant",
    [
        "GRANT DELETE ON complaints_auditentry TO {web}",
        "GRANT UPDATE (event) ON complaints_auditentry TO PUBLIC",
        "GRANT UPDATE ON complaints_jobfailure TO {web}",
        "REVOKE INSERT ON complaints_message FROM {web}",
        "REVOKE UPDATE (is_read) ON complaints_message FROM {web}",
        "GRANT CREATE ON SCHEMA public TO {web}",
        "GRANT EXECUTE ON FUNCTION complaints_move_head() TO PUBLIC",
        "GRANT TEMPORARY ON DATABASE {database} TO {web}",
        "CREATE TABLE forgotten (id integer); GRANT SELECT ON forgotten TO {web}",
        "GRANT {owner} TO {web}",
        "ALTER ROLE {web} SUPERUSER",
        "ALTER TABLE complaints_case OWNER TO {web}",
    ],
)
def test_another_right_is_told_and_taken_back(roles: Roles, db: None, grant: str) -> None:
    names = roles.names
    database = connection.ops.quote_name(str(connection.settings_dict["NAME"]))
    with connection.cursor() as cursor:
        cursor.execute(grant.format(owner=names.owner, web=names.web, database=database))
    with pytest.raises(CommandError, match=names.web):
        command(roles, check=True)
    command(roles)
    command(roles, check=True)


@on_postgresql
def test_an_existing_role_keeps_its_password_unless_told(roles: Roles, db: None, tmp_path: Path) -> None:
    names = roles.names
    with override_settings(DATABASE_ROLES={}), pytest.raises(CommandError, match="--new-passwords"):
        call_command("database_roles", owner=names.owner, web=names.web, jobs=names.jobs, env_file=tmp_path / "env")
    assert not (tmp_path / "env").exists()


@on_postgresql
def test_whoever_may_not_make_roles_is_told_what_to_do(roles: Roles, outside: None, tmp_path: Path) -> None:
    files = {"env_file": tmp_path / "env", "owner_file": tmp_path / "owner"}
    with signed_in(roles.sign_in["web"]), pytest.raises(CommandError, match="DATABASE_ADMIN_URL"):
        call_command("database_roles", owner="somebody_new", web="somebody_web", jobs="somebody_jobs", **files)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(postgresql, reason="PostgreSQL has roles")
def test_sqlite_has_no_roles(db: None) -> None:
    with pytest.raises(CommandError, match="PostgreSQL"):
        call_command("database_roles")


@pytest.mark.parametrize(
    "names", [("a", "a", "b", "c"), ("a b", "c", "d", "e"), ('x"; DROP', "c", "d"), ("", "c", "d")]
)
def test_names_that_need_quoting_are_refused(names: tuple[str, str, str]) -> None:
    with pytest.raises(ValueError):
        database_roles.RoleNames(*names)


# --- The deployment check ---------------------------------------------------------------------------------------------


def ids() -> set[str]:
    messages = database_checks.check_database(None)
    assert all(message.hint for message in messages)
    return {str(message.id).removeprefix("portal.") for message in messages}


@on_postgresql
@pytest.mark.parametrize("kind", ["web", "jobs"])
def test_a_runtime_role_passes_the_check(roles: Roles, outside: None, kind: str) -> None:
    with override_settings(DATABASE_ROLES={"DATABASE_JOBS_URL": roles.sign_in["jobs"]}), signed_in(roles.sign_in[kind]):
        assert ids() == set()


@on_postgresql
def test_a_powerful_role_is_refused(roles: Roles, outside: None) -> None:
    with override_settings(DATABASE_ROLES={}):
        assert ids() == {"E031"}  # the tests' own superuser
        with signed_in(roles.sign_in["owner"]):
            assert ids() == {"E031"}
    for variable in ("DATABASE_JOBS_URL", "DATABASE_BACKUP_URL"):
        powerful = {variable: roles.sign_in["owner"]}
        with override_settings(DATABASE_ROLES=powerful), signed_in(roles.sign_in["web"]):
            assert ids() == {"E031"}


@on_postgresql
def test_an_owner_at_hand_is_refused(roles: Roles, outside: None) -> None:
    at_hand = {"DATABASE_OWNER_URL": roles.sign_in["owner"]}
    with override_settings(DATABASE_ROLES=at_hand), signed_in(roles.sign_in["web"]):
        assert ids() == {"E034"}


@on_postgresql
def test_other_rights_are_refused(roles: Roles, outside: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"GRANT DELETE ON complaints_message TO {roles.names.web}")
    try:
        with override_settings(DATABASE_ROLES={}), signed_in(roles.sign_in["web"]):
            assert ids() == {"E032"}
    finally:
        command(roles)


@on_postgresql
@pytest.mark.parametrize(("kept", "expected"), [("on", {"E061"}), ("off", set())])
def test_hours_of_transactions_are_refused(
    roles: Roles, outside: None, kept: str, expected: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a restart of the server changes the setting, so its answer is given here."""
    fetch = database_roles.fetch

    def answering(query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        rows = fetch(query, *parameters)
        return [(kept,)] if "track_commit_timestamp" in query else rows

    monkeypatch.setattr(database_roles, "fetch", answering)
    with override_settings(DATABASE_ROLES={}), signed_in(roles.sign_in["web"]):
        assert ids() == expected


@pytest.mark.skipif(postgresql, reason="speaks of SQLite")
@pytest.mark.parametrize(("origin", "expected"), [("https://lapor.example.go.id", {"E030"}), ("", set())])
def test_a_public_portal_on_sqlite_is_refused(db: None, origin: str, expected: set[str]) -> None:
    with override_settings(PUBLIC_ORIGIN=origin):
        assert ids() == expected
