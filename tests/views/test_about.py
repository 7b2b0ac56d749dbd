"""The page about the portal and the front page say who runs it, for which elections, and what is true of a report."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.test import Client, override_settings
from django.utils import timezone

from complaints.domain.operator import SAMPLE, Operator
from complaints.domain.workflow import LIMITS, Status
from complaints.models.reference_data import Election
from complaints.models.rights import LINES
from complaints.services import reference_data
from complaints.views import public
from tests.views import walk

pytestmark = pytest.mark.django_db


@override_settings(OPERATOR=SAMPLE, PUBLIC_ORIGIN="https://lapor.example.go.id", ONION_ORIGIN="http://abc.onion")
def test_everything_the_operator_states_is_shown(client: Client) -> None:
    for prefix in ("", "/en"):
        text = walk.words(client.get(f"{prefix}/tentang/"))
        stated = (SAMPLE.name, SAMPLE.unit, SAMPLE.basis, SAMPLE.contact, SAMPLE.address_published)
        assert [line for line in (*stated, "https://lapor.example.go.id", "http://abc.onion") if line not in text] == []


@override_settings(OPERATOR=SAMPLE)
def test_the_front_page_says_who_runs_it_and_leads_to_the_page_about_it(client: Client) -> None:
    page = client.get("/")
    assert f"Dijalankan oleh {SAMPLE.name}, dengan dasar {SAMPLE.basis}." in walk.words(page)
    assert page.content.decode().count('href="/tentang/"') == 2


@override_settings(OPERATOR=replace(SAMPLE, name='<b>"Badan" & </b>'))
def test_what_the_operator_states_is_text_and_no_markup(client: Client) -> None:
    for path in ("/", "/tentang/"):
        assert b"&lt;b&gt;&quot;Badan&quot; &amp; &lt;/b&gt;" in client.get(path).content


@override_settings(OPERATOR=Operator())
def test_what_is_not_stated_is_said_to_be_so_and_never_made_up(client: Client) -> None:
    assert "Dijalankan oleh" not in walk.words(client.get("/"))
    assert walk.words(client.get("/tentang/")).count("Belum dinyatakan oleh penyelenggara.") == 4


def test_each_empty_setting_is_named() -> None:
    assert Operator(name="Badan", basis=" ").missing() == [
        "OPERATOR_UNIT",
        "OPERATOR_BASIS",
        "OPERATOR_CONTACT",
        "OPERATOR_ADDRESS_PUBLISHED",
    ]
    assert SAMPLE.missing() == []
    assert Operator() == settings.OPERATOR, "a portal that is no sample takes no sample's operator"


def named_elections(client: Client, monkeypatch: pytest.MonkeyPatch, *rows: Election) -> list[str]:
    """The names of those ``rows`` that the page shows."""
    monkeypatch.setattr(reference_data, "elections", lambda: list(rows))
    reference_data.clear_cache()
    text = walk.words(client.get("/tentang/"))
    assert ("Belum ada pemilihan yang tercatat" in text) is not any(row.name_id in text for row in rows)
    return [row.name_id for row in rows if row.name_id in text]


def test_only_elections_that_are_not_over_and_not_made_up_are_named(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = timezone.localdate()
    over = Election(name_id="Pilkada Lama", starts_on=today - timedelta(9), ends_on=today - timedelta(1))
    running = Election(name_id="Pilkada Kini", starts_on=today - timedelta(9), ends_on=today)
    made_up = Election(name_id="Pilkada Rekaan", starts_on=today, ends_on=today, fictional=True)
    assert named_elections(client, monkeypatch) == []
    assert named_elections(client, monkeypatch, over, made_up) == []
    assert named_elections(client, monkeypatch, over, running, made_up) == ["Pilkada Kini"]
    with override_settings(SAMPLE_MODE=True):
        assert named_elections(client, monkeypatch, over, made_up) == ["Pilkada Rekaan"]


@pytest.mark.usefixtures("office")
def test_the_body_named_is_the_one_in_charge_today(client: Client) -> None:
    for path in ("/", "/tentang/"):
        text = walk.words(client.get(path))
        assert "BKN" in text
        assert "KASN" not in text


def test_what_is_not_locked_stands_beside_what_is(client: Client) -> None:
    text = walk.words(client.get("/"))
    for words in ("Jenis kejadian", "jenis terlapor", "provinsi", "jenis instansi", "tanggal, dan status"):
        assert words in text[text.index("tidak terkunci") : text.index("tidak kami catat")]


def test_no_limit_of_others_is_promised(client: Client) -> None:
    text = walk.words(client.get("/"))
    steps = text[text.index("Diterima") : text.index("Apa yang tidak dapat kami lindungi")]
    assert steps.count("Janji kami: dalam") == 2
    assert steps.count("di luar kendali kami") == 2


def test_how_long_a_report_is_kept_comes_from_the_rules_and_the_backups(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = {"retention-unforwarded": 81, "retention-forwarded": 82, "retention-withdrawn": 83, "retention-inquiry": 84}
    days |= {"retention-resting": 85, "erasure": 86}
    monkeypatch.setattr(public, "limit_rule", lambda name, _edition: SimpleNamespace(number=days[name]))
    with override_settings(BACKUP_KEEP_DAYS=20):
        text = walk.words(client.get("/tentang/"))
    assert "81 hari, atau 82 hari bila pernah diteruskan" in text
    assert "yang dicabut: 83 hari" in text
    assert "84 hari setelah dijawab" in text
    assert "menunggu jawaban Anda: 85 hari" in text
    assert "dua petugas dalam 86 hari" in text
    assert "dihapus 21 hari kemudian" in text


@pytest.mark.parametrize("model", ["Complaint", "Message", "Evidence", "EvidenceObject", "Identity"])
def test_what_was_sent_is_deleted_by_no_process_but_the_one_that_erases(model: str) -> None:
    line = LINES[f"complaints.{model}"]
    assert not line.web.delete and not line.jobs.delete


def test_the_days_of_our_promises_come_from_the_rules(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(public, "limit_rule", lambda name, _edition: SimpleNamespace(number=len(name)))
    reference_data.clear_cache()
    text = walk.words(client.get("/"))
    for status in (Status.IN_REVIEW, Status.VERIFIED):
        assert f"Janji kami: dalam {len(LIMITS[status])} hari kerja" in text
