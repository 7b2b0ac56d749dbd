"""Promise 1: of all that anybody typed or sent, not one word is found in what is kept: database, files, logs, mails,
caches, temporary files, addresses. The searcher itself is tried on planted words."""

from __future__ import annotations

import io
import logging
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core import mail
from django.core.cache import cache
from django.utils import timezone

from complaints.domain.sealing.keys import reporter_keys
from complaints.models.session import SealedSession
from complaints.services import follow_up
from portal.logs import QuietFormatter, logging_config
from tests.security import traces
from tests.security.canary.flow import MarkedProcedure, run_all
from tests.security.traces import Place
from tests.world import PASSWORD, Cast, close_batch

LOUD = logging_config("DEBUG")["loggers"]


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """Everything that the portal would log with LOG_LEVEL=DEBUG, through its own formatter."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(QuietFormatter())
    loggers = {name: logging.getLogger(name) for name in ("", *LOUD)}
    before = {name: logger.level for name, logger in loggers.items()}
    for name, logger in loggers.items():
        logger.setLevel(LOUD.get(name, {}).get("level", "DEBUG"))
        if name == "" or (LOUD[name].get("propagate") is False and LOUD[name].get("handlers")):
            logger.addHandler(handler)
    yield stream
    for name, logger in loggers.items():
        logger.setLevel(before[name])
        logger.removeHandler(handler)


def everywhere(since: float, flow: MarkedProcedure, written: io.StringIO) -> Iterator[Place]:
    """All places that outlive a request."""
    yield from traces.tables()
    yield from traces.database_files()
    yield from traces.evidence_files()
    yield from traces.mails()
    yield from traces.cached()
    yield "log", written.getvalue().encode()
    yield from (("address or cookie", line.encode()) for line in flow.wire)
    folders = {Path(tempfile.gettempdir()), Path("/var/tmp"), Path("/dev/shm"), settings.VAR_DIR}  # noqa: S108
    for folder in folders:
        yield from traces.files_below(folder, since=since)


def test_no_word_is_left_anywhere(live_cast: Cast, written: io.StringIO) -> None:
    cache.clear()
    since, flow = traces.now(), MarkedProcedure()
    run_all(flow)
    close_batch(timezone.now() + timedelta(days=1))
    places = list(everywhere(since, flow, written))
    assert len({place.split(".")[0] for place, _ in places}) > 30
    stored_places = [place for place in places if place[0] != "address or cookie"]
    # What somebody wrote behind an address stands in it, and must not stand anywhere else.
    asked = {"unknown_path": flow.markers.pop("unknown_path")}
    assert traces.hits_of(flow.markers, places, stem="Kenari") == {}
    assert traces.hits_of(asked, stored_places, stem="Kenari") == {}
    assert traces.hits_of(flow.secrets | {"password": PASSWORD, "nip": flow.number("nip")}, stored_places) == {}
    assert no_key_is_left(flow, stored_places) == []
    assert len(flow.markers) > 80
    shown = read_by_the_reporter(flow)
    for name in (
        "reply",
        "question",
        "reply_of_forwarding",
        "body_question",
        "finding_reply",
        "sanction_reply",
        "warned_of",
    ):
        assert flow.markers[name] in shown, name


def no_key_is_left(flow: MarkedProcedure, places: list[Place]) -> list[str]:
    """The private keys that the code makes open what staff wrote to the reporter."""
    keys = reporter_keys(flow.secrets["code"])
    hits = []
    for place, content in places:
        for secret in (keys.box.private, keys.sign.seed):
            if secret in content or secret.hex().encode() in content:
                hits.append(place)
    return hits


def read_by_the_reporter(flow: MarkedProcedure) -> str:
    ticket = follow_up.open_ticket(flow.secrets["code"])
    return str(follow_up.status_page(ticket=ticket or {}, today=timezone.localdate()))


# --- The searcher finds what is there

WORD = "KenariTanaman7f3a91"


@pytest.mark.parametrize("shape", traces.shapes(WORD))
@pytest.mark.parametrize("around", [b"", b"x", b"xy", b"xyz"])
def test_search_finds_a_word_in_every_encoding(shape: str, around: bytes) -> None:
    content = around + traces.shapes(WORD)[shape] + around
    assert any(shape in hit or "base64" in shape for hit in traces.hits(WORD, [("here", content)]))
    assert traces.hits(WORD, [("here", content[::-1])]) == []


@pytest.mark.parametrize("before", range(6))
def test_search_finds_a_word_in_base64_at_any_offset(before: int) -> None:
    import base64

    content = base64.b64encode(b"?" * before + WORD.encode() + b"???")
    assert traces.hits(WORD, [("here", content)])


def test_search_finds_a_word_in_every_store(live_cast: Cast, written: io.StringIO, tmp_path: Path) -> None:
    since, flow = traces.now(), MarkedProcedure()
    flow.wire.append(f"/cek/?kode={WORD}")
    SealedSession.objects.create(pk="planted", data=WORD.encode("utf-16-le"), expires_on=timezone.localdate())
    Path(settings.EVIDENCE_DIR).mkdir(parents=True, exist_ok=True)
    (Path(settings.EVIDENCE_DIR) / WORD).write_bytes(b"")
    (tmp_path / "left.tmp").write_text(WORD, encoding="ascii")
    mail.send_mail(WORD, "", None, ["a@example.invalid"])
    cache.set("planted", WORD.encode().hex())
    logging.getLogger("complaints").debug(WORD)
    hit_places = {hit.rsplit(" (", 1)[0] for hit in traces.hits(WORD, everywhere(since, flow, written))}
    for place in ("complaints_sealedsession.data", "mail", "cache", "log", "address or cookie"):
        assert place in hit_places
    assert str(tmp_path / "left.tmp") in hit_places
    assert str(Path(settings.EVIDENCE_DIR) / WORD) in hit_places
    assert any(".sqlite3" in place or "file of complaints_sealedsession" in place for place in hit_places)
