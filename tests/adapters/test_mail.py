"""Mail to staff: one server, one connection; one that hangs or is dead costs one wait and not one a person."""

from __future__ import annotations

from dataclasses import dataclass
from smtplib import SMTPRecipientsRefused, SMTPServerDisconnected
from typing import Any

import pytest
from django.core import mail as outbox
from django.core.mail.backends.locmem import EmailBackend
from django.utils.functional import lazystr
from pytest_django import Settings

from complaints.adapters import mail


@dataclass
class Person:
    """Who gets mail."""

    email: str
    language: str = "id"


PEOPLE = [Person("a@example.invalid"), Person(""), Person("b@example.invalid", "en"), Person("c@example.invalid")]


class Broken(EmailBackend):
    """A server that does what a test says to the mails of one address; counts how often it was tried."""

    error: Exception = OSError()
    address = ""
    opened = 0
    tried: list[str] = []

    def open(self) -> bool | None:
        type(self).opened += 1
        if not self.address:
            raise self.error
        return None

    def send_messages(self, messages: Any) -> int:
        for message in messages:
            self.tried.append(message.to[0])
            if message.to[0] == self.address:
                raise self.error
        return super().send_messages(messages)


@pytest.fixture
def server(settings: Settings) -> type[Broken]:
    settings.EMAIL_BACKEND = f"{__name__}.Broken"
    Broken.opened, Broken.tried, Broken.address, Broken.error = 0, [], "", OSError()
    return Broken


def send_to_all() -> int:
    return mail.send_each(PEOPLE, lazystr("Ada pekerjaan"), lazystr("Silakan masuk."))


def test_everybody_with_an_address_gets_one() -> None:
    assert send_to_all() == 3
    assert [message.to for message in outbox.outbox] == [[person.email] for person in PEOPLE if person.email]


def test_a_dead_server_is_tried_once(server: type[Broken], caplog: pytest.LogCaptureFixture) -> None:
    assert send_to_all() == 0
    assert (server.opened, server.tried) == (1, [])
    assert "3 mails were not sent" in caplog.text and "example.invalid" not in caplog.text


def test_a_server_that_goes_away_is_not_waited_for_again(server: type[Broken]) -> None:
    for error in (TimeoutError(), SMTPServerDisconnected()):
        server.address, server.error, server.tried = "b@example.invalid", error, []
        assert send_to_all() == 1
        assert server.tried == ["a@example.invalid", "b@example.invalid"]


def test_one_refused_address_costs_the_others_nothing(server: type[Broken], caplog: pytest.LogCaptureFixture) -> None:
    server.address, server.error = "a@example.invalid", SMTPRecipientsRefused({})
    assert send_to_all() == 2
    assert "example.invalid" not in caplog.text


def test_an_address_that_no_mail_can_bear_costs_the_others_nothing(caplog: pytest.LogCaptureFixture) -> None:
    people = [Person("a@example.invalid\nBcc: x@example.invalid"), Person("b@example.invalid")]
    assert mail.send_each(people, lazystr("Ada pekerjaan"), lazystr("Silakan masuk.")) == 1
    assert [message.to for message in outbox.outbox] == [["b@example.invalid"]]
    assert "example.invalid" not in caplog.text


def test_a_single_mail_tells_whether_it_was_taken(server: type[Broken]) -> None:
    server.address, server.error = "x@example.invalid", TimeoutError()
    assert mail.send(["x@example.invalid"], "Head", "1 2 3") == 0
    assert mail.send(["y@example.invalid"], "Head", "1 2 3") == 1
