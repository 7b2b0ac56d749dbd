"""Passwords that are refused: names of the office and of the person, and what lists and patterns lead to."""

from __future__ import annotations

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from pytest_django import Settings

from complaints.models.team import Staff
from complaints.services.samples.people import PEOPLE
from portal.accounts.validators import context_words


@pytest.fixture
def staff(cast: object) -> Staff:
    """Somebody with a name, a number and an agency."""
    return Staff(
        username="kurniawan7",
        first_name="Ayu",
        last_name="Kurniawan",
        nip="198001012005011001",
        agency="Dinas Perikanan Kabupaten Suka Maju",
    )


def codes(password: str, staff: Staff | None = None) -> set[str | None]:
    """Why a password is refused; empty where it is taken."""
    try:
        validate_password(password, staff)
    except ValidationError as refused:
        return {error.code for error in refused.error_list}
    return set()


@pytest.mark.parametrize(
    "password",
    [
        "kuda besi kanal netral biru",
        "Kanal-Netral kuda besi biru",
        "kuda NETRALITAS besi biru",
        "kuda besi biru BKN laut",
        "kuda besi badan kepegawaian negara",
        "kuda besi biru kurniawan7 laut",
        "kuda besi biru kurniawan laut",
        "ayu kuda besi biru laut",
        "kuda besi 198001012005011001",
        "kuda besi perikanan biru laut",
        "kuda besi 19800101 2005011001",
    ],
)
def test_a_name_of_the_office_or_the_person_is_refused(staff: Staff, password: str) -> None:
    assert "context_word" in codes(password, staff)


@pytest.mark.parametrize(
    "password",
    [
        "kuda besi biru di atas laut",
        "sayur bayam kota tua dan kabupaten",  # words of every agency
        "kukubknya panjang laut sekali",  # three letters that meet by chance
        "payung ayunan hijau di taman",  # a name of three letters inside of another word
    ],
)
def test_words_that_only_look_like_it_are_taken(staff: Staff, password: str) -> None:
    assert codes(password, staff) == set()


def test_the_portals_own_address_is_a_name_of_it(cast: object, settings: Settings) -> None:
    settings.PUBLIC_ORIGIN = "https://suarakita.example.go.id"
    assert {"suarakita", "example", "kanalnetral", "bkn", "kasn"} <= context_words(None)
    assert not {"go", "id", "badan", "dinas", ""} & context_words(None)
    assert "context_word" in codes("kuda besi suarakita biru")


@pytest.mark.parametrize(
    "password",
    ["passwordpassword", "qwertyuiopasdfgh", "aaaaaaaaaaaaaaaa", "lain lain lain lain", "abcdefghijklmnop",
     "rumah rumah rumah rumah", "bismillah786786", "password1234567", "Indonesia2024!!"],
)  # fmt: skip
def test_what_is_guessed_early_is_refused(db: None, password: str) -> None:
    assert "guessable" in codes(password)


def test_a_very_long_password_is_judged_at_once(db: None) -> None:
    assert codes("kuda besi biru laut " * 50) == set()


def test_the_samples_passwords_are_taken(cast: object) -> None:
    for person in PEOPLE:
        staff = Staff(username=person.username, first_name=person.first_name, last_name=person.last_name)
        assert codes(person.password, staff) == set(), person.username


def test_the_words_say_what_to_do(staff: Staff) -> None:
    with pytest.raises(ValidationError) as refused:
        validate_password("kuda besi perikanan biru laut", staff)
    assert "perikanan" in str(refused.value) and "tidak berkaitan" in str(refused.value)
