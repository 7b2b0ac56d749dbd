"""The guide "Is this a breach?": every act and person in words, nothing stored, and no word that sends for evidence."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone, translation

from complaints.domain.law.vocabulary import CATEGORIES, DERIVED, AccusedKind, ElectionKind, ServiceStatus
from complaints.forms.law_labels import LEVELS
from complaints.services import forbidden_questions, guide, legal_basis, reference_data
from complaints.services.rule_book import rule_book
from complaints.views.guide import ANSWER_WORDS
from tests.views import walk

pytestmark = pytest.mark.django_db
PATH = "/pelanggaran/"
NEVER = re.compile(
    r"\b(?:kumpulkan|kumpulkanlah|rekam(?:lah)?|buktikan(?:lah)?|carilah?|cari bukti|mencari bukti|ambil foto|foto(?:lah)?"
    r" dulu|catat(?:lah)? dulu|collect|gather|record (?:it|them|him|her)|go and get|prove it)\b",
    re.IGNORECASE,
)


def ask(client: Client, prefix: str = "", **chosen: str) -> HttpResponse:
    return client.post(f"{prefix}{PATH}", {"category": "A1", "accused_kind": "superior", **chosen})


def main_of(response: HttpResponse) -> str:
    """The words of the page itself, without header and footer."""
    assert response.status_code == 200
    text = response.content.decode()
    response.content = text[text.index("<main") : text.index("</main>")].encode()
    return walk.words(response)


@pytest.mark.parametrize("prefix", ["", "/en"])
@pytest.mark.parametrize("category", CATEGORIES)
def test_every_act_and_person_has_an_answer_in_words_that_send_nobody_for_evidence(
    client: Client, category: str, prefix: str
) -> None:
    answers = {str(words) for words in ANSWER_WORDS.values()}
    with translation.override("en" if prefix else "id"):
        answers = {str(words) for words in ANSWER_WORDS.values()}
    for kind in AccusedKind:
        for election in ElectionKind:
            words = main_of(ask(client, prefix, category=category, accused_kind=kind, election=election))
            assert any(answer in words for answer in answers), (kind, election)
            assert not NEVER.search(words), (kind, election, NEVER.search(words))
            assert [hit.words for hit in forbidden_questions.find(words)] == [], (kind, election)
