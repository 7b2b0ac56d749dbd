"""A backup of a portal at work, restored into an empty database and store: every code opens, and no other backup is
taken."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core import mail as django_mail
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from psycopg import sql
from pytest_django import Settings

from complaints import database_checks
from complaints.adapters import age_files
from complaints.models.complaint import Complaint
from complaints.models.draft import Draft
from complaints.models.erasure import Erasure
from complaints.models.evidence import EvidenceObject
from complaints.models.session import SealedSession
from complaints.services import follow_up, scheduled
from complaints.services.audit import log, recorded_backups, recorded_restorations, verify
from complaints.services.backup import making, manifest, restoring
from complaints.services.erasure import erasing, listed
from complaints.services.evidence import storage
from tests.erasures import agreed, erased, left_of
from tests.floods import close_day
from tests.images import photo
from tests.opened import everything
from tests.roles import postgresql
from tests.services.erasure.test_erasing import withdrawn
from tests.services.evidence.uploading import store_in
from tests.webserver import ROOT, database_url, environment_of
from tests.world import Cast, Sent, sealed_upload, send_report, start_session

pytestmark = [
    pytest.mark.skipif(not postgresql, reason="SQLite has no backups"),
    pytest.mark.django_db(transaction=True),
]


class Offline:
    """The key of those who may open a backup, and the file that holds its private half."""

    def __init__(self, folder: Path) -> None:
        self.identity = age_files.Identity.generate()
        self.file = folder / "identity.txt"
        # What a portal gives that has erased nothing.
        self.no_erasures = folder / "no-erasures.txt"
        self.no_erasures.touch()
        self.file.write_text(f"# created: 2026-11-30\n{self.identity}\n", encoding="ascii")

    @property
    def public(self) -> str:
        return str(self.identity.to_public())


@pytest.fixture
def offline(tmp_path: Path, settings: Settings) -> Offline:
    key = Offline(tmp_path)
    settings.BACKUP_RECIPIENTS = key.public
    store_in(settings, tmp_path / "store")
    return key


def backup(folder: Path, **options: Any) -> str:
    printed = StringIO()
    call_command("backup", folder, stdout=printed, **options)
    return printed.getvalue()


def restore(folder: Path, key: Offline, **options: Any) -> str:
    printed = StringIO()
    options.setdefault("erasures", key.no_erasures)
    call_command("restore", folder, identity=key.file, stdout=printed, **options)
    return printed.getvalue()


@pytest.fixture
def made(live_cast: Cast, offline: Offline, tmp_path: Path) -> Path:
    send_report(files=[sealed_upload(photo())])
    backup(tmp_path / "backups")
    return tmp_path / "backups"


@contextmanager
def empty_portal(settings: Settings, folder: Path) -> Iterator[None]:
    """Another database of the same server and another folder for evidence, as on a new machine."""
    ours = dict(connection.settings_dict)
    name = f"{ours['NAME']}_restored"
    connection.close()
    place = {"host": ours["HOST"] or None, "port": ours["PORT"] or None, "user": ours["USER"] or None}
    place |= {"password": ours["PASSWORD"] or None, "dbname": "postgres"}
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    with psycopg.connect(**place, autocommit=True) as server:
        server.execute(drop)
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        connection.settings_dict["NAME"] = name
        stores = settings.STORAGES
        store_in(settings, folder)
        try:
            yield
        finally:
            settings.STORAGES = stores
            connection.close()
            connection.settings_dict["NAME"] = ours["NAME"]
            server.execute(drop)


def files_of(sent: Sent) -> list[bytes]:
    """The stored objects of a report, byte by byte."""
    rows = EvidenceObject.objects.filter(evidence__complaint=sent.ticket.complaint_id).order_by("pk")
    return [storage.storage().get(row.object_name) for row in rows]


def test_every_code_opens_after_a_restoration_and_nothing_of_drafts_is_in_it(
    live_cast: Cast, offline: Offline, settings: Settings, tmp_path: Path
) -> None:
    first = [send_report(files=[sealed_upload(photo(maker=f"K{number}"))]) for number in range(2)]
    close_day()
    heads = tmp_path / "heads.txt"
    settings.AUDIT_HEADS_FILE = heads
    scheduled._export_heads()
    start_session("vera")
    assert SealedSession.objects.exists()
    stopping, meanwhile = threading.Event(), []

    def go_on_sending() -> None:
        while not stopping.is_set():
            meanwhile.append(send_report(files=[sealed_upload(photo(maker=f"M{len(meanwhile)}"))]))
        connection.close()

    sender = threading.Thread(target=go_on_sending)
    sender.start()
    try:
        printed = backup(tmp_path / "backups")
    finally:
        stopping.set()
        sender.join()
    assert printed.startswith(f"Backup {timezone.localdate().isoformat()}: database, ")
    assert recorded_backups.last_day_of(recorded_backups.MADE) == timezone.localdate()
    kept = {sent.code: files_of(sent) for sent in (*first, *meanwhile)}
    assert len(meanwhile) > 1
    with empty_portal(settings, tmp_path / "elsewhere"):
        printed = restore(tmp_path / "backups", offline, heads=heads)
        assert "all whole" in printed
        assert not restoring.is_unfinished() and not list(database_checks._structure())
        assert not SealedSession.objects.exists() and not Draft.objects.exists()
        # Each report that was sent before the snapshot is there with all of its files, and none by half.
        restored = 0
        for code, files in kept.items():
            ticket = follow_up.open_ticket(code)
            if ticket is None:
                continue
            follow_up.status_page(ticket=ticket, today=timezone.localdate())
            rows = EvidenceObject.objects.filter(evidence__complaint=ticket.complaint_id).order_by("pk")
            assert [storage.storage().get(row.object_name) for row in rows] == files
            restored += 1
        assert restored == Complaint.objects.count() >= len(first)
        assert all(follow_up.open_ticket(sent.code) for sent in first)
        assert verify.verify_chain().whole
    # The rehearsal is told to the portal, once.
    line = printed.splitlines()[-1].split('"')[1]
    call_command("backup", rehearsed=line, stdout=StringIO())
    call_command("backup", rehearsed=line, stdout=StringIO())
    assert recorded_backups.last_day_of(recorded_backups.REHEARSED) == timezone.localdate()
    end = "00" if line[-2:] != "00" else "11"
    for other in (line.replace("rehearsed ", "made "), line[:-2] + end, line.replace(line.split()[1], "0" * 64)):
        with pytest.raises(CommandError, match="no line"):
            call_command("backup", rehearsed=other, stdout=StringIO())


def test_what_was_erased_after_a_backup_is_gone_again_before_it_serves(
    live_cast: Cast, offline: Offline, settings: Settings, tmp_path: Path
) -> None:
    """By the list that left with the heads: it also names what the backup never had, and what was only proposed."""
    settings.AUDIT_HEADS_FILE, settings.AUDIT_HEADS_MAIL = tmp_path / "heads.txt", "heads@example.invalid"
    gone, other = (withdrawn(live_cast, mark) for mark in ("melati", "mawar"))
    proposed = agreed(gone.ticket.complaint_id)
    close_day()
    backup(tmp_path / "backups")
    later = withdrawn(live_cast, "kenanga")
    assert erasing.erase(proposed.pk, now=timezone.now())
    done = erased(later.ticket.complaint_id, now=timezone.now())
    Erasure.objects.create(
        complaint_id=other.ticket.complaint_id, ground="listed", state="done", done_on=timezone.localdate()
    )
    scheduled._export_heads()
    kept = settings.AUDIT_HEADS_FILE.read_text(encoding="ascii")
    assert (
        kept.count("erased ") == 2
        and "erased 2 " in kept
        and str(done.pk) in kept
        and str(other.ticket.complaint_id) not in kept
    )
    assert sorted(mail.body.strip() for mail in django_mail.outbox) == sorted(kept.splitlines())
    with empty_portal(settings, tmp_path / "elsewhere"):
        with pytest.raises(CommandError, match="Name the list of erasures"):
            restore(tmp_path / "backups", offline, erasures=None)
        lines, altered = kept.splitlines(), tmp_path / "altered.txt"
        ((place, first),) = [(place, line) for place, line in enumerate(lines) if line.startswith("erased 1 ")]
        other_report = first.replace(first.split()[4], str(other.ticket.complaint_id))
        for words, wrong in {
            "number 1 is missing": [line for line in lines if line != first],
            "number 2 is missing": [line for line in lines if not line.startswith("erased 2 ")],
            "older than the newest head": [line for line in lines if not line.startswith("erasures")],
            "not signed by the server": [*lines[:place], other_report, *lines[place + 1 :]],
        }.items():
            altered.write_text("".join(f"{line}\n" for line in wrong), encoding="ascii")
            with pytest.raises(CommandError, match=words):
                restore(tmp_path / "backups", offline, heads=altered)
        assert connection.introspection.table_names() == [], "refused before anything was written"
        printed = restore(tmp_path / "backups", offline, heads=settings.AUDIT_HEADS_FILE)
        assert "names 2 erasures; 1 reports were erased again" in printed
        assert not Complaint.objects.filter(pk=gone.ticket.complaint_id).exists()
        assert left_of(gone.ticket.complaint_id) == {} and not restoring.is_unfinished()
        assert b"melati" not in everything([gone, other]) and b"mawar" in everything([gone, other])
        # Also against what left the machine before: the new era names what was lost.
        assert verify.verify_chain(heads=log.parse_heads(kept)).whole
        (restoration,) = recorded_restorations.recorded()
        assert (restoration.era, restoration.erasures, log.era()) == (2, 2, 2)
        printed = StringIO()
        call_command("audit_verify", heads=settings.AUDIT_HEADS_FILE, stdout=printed)
        # The list of the restored portal names both, for the next backup that is restored.
        assert {line.complaint for line in listed.listed()} == {gone.case.pk, later.case.pk}


def test_nothing_of_a_report_is_readable_in_a_backup(live_cast: Cast, offline: Offline, tmp_path: Path) -> None:
    sent = send_report(files=[sealed_upload(photo(), name="rahasia.jpg")])
    names = [row.object_name for row in EvidenceObject.objects.all()]
    backup(tmp_path / "backups")
    whole = b"".join(path.read_bytes() for path in (tmp_path / "backups").rglob("*") if path.is_file())
    reference = sent.case.reference.encode()
    assert reference not in whole and b"complaints_case" not in whole and b"PGDMP" not in whole
    assert {path.stem for path in (tmp_path / "backups" / "objects").iterdir()} == set(names)
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "backups").rglob("*"))


@pytest.mark.skipif(shutil.which("age") is None, reason="no age here")
def test_the_stock_tools_open_a_backup(made: Path, offline: Offline) -> None:
    path = made / timezone.localdate().isoformat() / "database.age"
    dump = subprocess.run(
        ["age", "--decrypt", "--identity", offline.file, path], capture_output=True, check=True
    ).stdout
    listed = subprocess.run(["pg_restore", "--list"], input=dump, capture_output=True, check=True).stdout.decode()
    assert "TABLE DATA public complaints_complaint " in listed
    assert "TABLE DATA public complaints_sealedsession " not in listed


def test_a_second_backup_copies_what_is_new_and_old_ones_go(live_cast: Cast, offline: Offline, tmp_path: Path) -> None:
    folder, now = tmp_path / "backups", timezone.now()
    send_report(files=[sealed_upload(photo())])
    keys = age_files.recipients(offline.public)
    first = making.make(folder, recipients=keys, now=now - timedelta(days=40))
    # What only the old backup names goes with it.
    (folder / "objects" / f"{'a' * 32}.age").write_bytes(b"x")
    send_report(files=[sealed_upload(photo(maker="Lain"))])
    second = making.make(folder, recipients=keys, now=now)
    assert (first.new_objects, second.new_objects) == (1, 1)
    assert second.deleted == (first.manifest.name,)
    assert manifest.present(folder) == [second.manifest.name]
    assert {path.stem for path in (folder / "objects").iterdir()} == set(second.manifest.objects)
    third = making.make(folder, recipients=keys, now=now)
    assert (third.manifest.name, third.new_objects) == (f"{second.manifest.name}-2", 0)


KILLED = """
import os, signal, sys
from complaints.adapters import age_files
import django
django.setup()
from django.core.management import call_command
take, calls = age_files._Encrypting.take, []

def dies(self, source):
    calls.append(1)
    if len(calls) == int(sys.argv[2]):
        self._file.write(b"half")
        self._file.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    take(self, source)

age_files._Encrypting.take = dies
call_command("backup", sys.argv[1])
"""


@pytest.mark.parametrize("step", [1, 3], ids=["dump", "object"])
def test_a_backup_that_was_killed_is_none_and_the_next_one_is_whole(
    live_cast: Cast, offline: Offline, settings: Settings, tmp_path: Path, step: int
) -> None:
    sent = [send_report(files=[sealed_upload(photo(maker=f"K{number}"))]) for number in range(2)]
    folder = tmp_path / "backups"
    more = {"DATABASE_URL": database_url(), "EVIDENCE_DIR": str(tmp_path / "store")}
    environment = environment_of(more | {"BACKUP_RECIPIENTS": offline.public, "TEAM_KEY_PINS": live_cast.pins})
    command = [sys.executable, "-c", KILLED, str(folder), str(step)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert manifest.present(folder) == []
    left = [path for path in folder.rglob(".*") if path.name != ".lock"]
    assert left
    backup(folder)
    assert [path.name for path in folder.rglob(".*")] == [".lock"], "nothing of the killed one is left"
    with empty_portal(settings, tmp_path / "elsewhere"):
        assert "all whole" in restore(folder, offline)
        assert all(follow_up.open_ticket(one.code) for one in sent)


def test_objects_that_the_store_lacks_are_told(live_cast: Cast, offline: Offline, tmp_path: Path) -> None:
    send_report(files=[sealed_upload(photo())])
    shutil.rmtree(tmp_path / "store")
    with pytest.raises(CommandError, match="lacks 1 objects"):
        backup(tmp_path / "backups")
    assert manifest.read(tmp_path / "backups" / timezone.localdate().isoformat(), log.server_keys()).missing


Alter = Callable[[Path, Path], object]


def _sign_anew(folder: Path, _objects: Path) -> None:
    path = folder / "manifest.json"
    fields = json.loads(path.read_text(encoding="ascii")) | {"objects": ["../../etc/passwd"]}
    path.write_text(json.dumps(fields), encoding="ascii")


def _other_dump(folder: Path, _objects: Path) -> None:
    """A dump of somebody else's, encrypted to the same key, with a manifest that names its digest."""
    (folder / "database.age").write_bytes(b"age-encryption.org/v1\n-> X25519 x\n")
    path = folder / "manifest.json"
    digest = hashlib.sha256((folder / "database.age").read_bytes()).hexdigest()
    path.write_text(json.dumps(json.loads(path.read_text(encoding="ascii")) | {"database": digest}), encoding="ascii")


def _cut(folder: Path, _objects: Path) -> None:
    os.truncate(folder / "database.age", (folder / "database.age").stat().st_size - 100)


def _link(_folder: Path, objects: Path) -> None:
    (path,) = objects.iterdir()
    target = path.rename(path.with_name("elsewhere"))
    path.symlink_to(target)


def _pipe(_folder: Path, objects: Path) -> None:
    (path,) = objects.iterdir()
    path.unlink()
    os.mkfifo(path)


ALTERED: dict[str, tuple[Alter, str]] = {
    "no manifest": (lambda folder, _: (folder / "manifest.json").unlink(), "no whole backup"),
    "cut manifest": (lambda folder, _: os.truncate(folder / "manifest.json", 40), "no whole backup"),
    "path for a name": (_sign_anew, "names what no backup"),
    "foreign dump": (_other_dump, "not signed by the server's key"),
    "cut dump": (_cut, "cut or altered"),
    "no dump": (lambda folder, _: (folder / "database.age").unlink(), "not whole"),
    "no object": (lambda _, objects: shutil.rmtree(objects), "not whole"),
    "a link": (_link, "not whole"),
    "a pipe": (_pipe, "not whole"),
}


def test_an_altered_backup_is_refused_before_anything_is_written(
    made: Path, offline: Offline, settings: Settings, tmp_path: Path
) -> None:
    for what, (alter, words) in ALTERED.items():
        folder = tmp_path / "altered"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(made, folder)
        alter(folder / timezone.localdate().isoformat(), folder / "objects")
        with empty_portal(settings, tmp_path / "elsewhere"):
            with pytest.raises(CommandError, match=words):
                restore(folder, offline)
            assert connection.introspection.table_names() == [], what
            assert not (tmp_path / "elsewhere").exists() or not list((tmp_path / "elsewhere").iterdir()), what


def test_a_backup_opens_with_its_own_key_only_and_into_an_empty_portal_only(
    made: Path, offline: Offline, settings: Settings, tmp_path: Path
) -> None:
    with pytest.raises(CommandError, match="database is not empty"):
        restore(made, offline)
    (tmp_path / "stranger").mkdir()
    stranger = Offline(tmp_path / "stranger")
    with empty_portal(settings, tmp_path / "elsewhere"):
        with pytest.raises(CommandError, match="does not open with this key"):
            restore(made, stranger)
        assert connection.introspection.table_names() == []
    with empty_portal(settings, tmp_path / "another"):
        storage.storage().put("a" * 32, b"x")
        with pytest.raises(CommandError, match="storage is not empty"):
            restore(made, offline)


def test_an_object_of_somebody_else_is_named_and_the_portal_stays_closed(
    made: Path, offline: Offline, settings: Settings, tmp_path: Path
) -> None:
    (path,) = (made / "objects").iterdir()
    forged = tmp_path / "forged"
    forged.write_bytes(b"another file")
    with forged.open("rb") as source, age_files.encrypt(path, age_files.recipients(offline.public)) as encrypting:
        encrypting.take(source)
    with empty_portal(settings, tmp_path / "elsewhere"):
        with pytest.raises(CommandError, match="was altered"):
            restore(made, offline)
        assert [message.id for message in database_checks._restoration()] == ["portal.E070"]
        with pytest.raises(CommandError, match="has not ended"):
            call_command("database_roles", stdout=StringIO())


def test_one_backup_at_a_time_and_with_recipients_only(
    live_cast: Cast, offline: Offline, settings: Settings, tmp_path: Path
) -> None:
    with making._only_one(tmp_path / "backups"), pytest.raises(CommandError, match="Another backup"):
        backup(tmp_path / "backups")
    for recipients, words in (("", "Set BACKUP_RECIPIENTS"), ("age1rahasia", "no public key")):
        settings.BACKUP_RECIPIENTS = recipients
        with pytest.raises(CommandError, match=words):
            backup(tmp_path / "backups")
    assert manifest.present(tmp_path / "backups") == []
