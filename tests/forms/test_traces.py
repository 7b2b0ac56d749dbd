"""Each sentence on a file that waits to be sent, beside the check that makes it true."""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable
from importlib import import_module
from unittest import mock

import pytest
from django.utils.translation import override

from complaints.adapters.media import hints, inspection, kinds, refusal, tracks
from complaints.admin import evidence_labels
from complaints.domain import file_names
from complaints.forms import traces
from complaints.services.evidence import metadata_check
from complaints.services.evidence.storage import FileInfo
from tests.adapters import samples
from tests.adapters.test_tails import bare

CHAT = "12/01/26, 10.11 - Seorang: halo 0812-3456-7890, 198001012005011001, a@example.test\nAlamat: Jl. Contoh\n"
PICTURE_CODES = {"place", "device", "author", "time"}
TEXT_CODES = {"names", "phones", "emails", "numbers", "addresses", "hours"}


def codes_of(data: bytes, media_type: str) -> set[str]:
    """What the job of the sandbox finds."""
    module = import_module(f"complaints.adapters.media.{inspection.reader(media_type)}")
    return set(module.inspect(io.BytesIO(data), media_type))


def tagged(form: str, codec: str) -> bytes:
    """A recording with all that phones write."""
    with mock.patch.dict(samples.TAGS, {"com.android.model": samples.MARK}):
        return samples.track(form, codec, frames=5, options={"movflags": "use_metadata_tags"})


def copied(media_type: str, data: bytes) -> bytes:
    """The copy of a recording, which has no tags."""
    out = io.BytesIO()
    tracks.clean(io.BytesIO(data), out, media_type)
    return out.getvalue()


def quiet_docx() -> bytes:
    return samples.packed({"[Content_Types].xml": "<Types/>", "word/document.xml": "<w xmlns='urn:w'>halo</w>"})


# Per group: the sentence where nothing was found, what its words speak of, and the check. A file that has all of it
# gives those codes; a bare one gives none of them, and none that has words.
PROOFS: dict[str, tuple[str, set[str], list[tuple[str, Callable[[], bytes]]], str, Callable[[], bytes]]] = {
    "picture": (
        "The hidden data of this file names no place, device, author or time.",
        PICTURE_CODES,
        [("image/jpeg", samples.jpeg), ("image/png", samples.png), ("image/webp", samples.webp)],
        "image/png",
        lambda: bare("PNG"),
    ),
    "sound": (
        "The hidden data of this file names no place, device, author or time.",
        PICTURE_CODES,
        [("audio/x-m4a", lambda: tagged("mp4", "aac"))],
        "audio/ogg",
        lambda: copied("audio/ogg", samples.track("ogg", "libopus", frames=5)),
    ),
    "film": (
        "The hidden data of this file names no place, device, author or time.",
        PICTURE_CODES,
        [("video/mp4", lambda: tagged("mp4", "libx264"))],
        "video/mp4",
        lambda: copied("video/mp4", samples.track("mp4", "libx264", frames=5)),
    ),
    "document": (
        "The properties and comments of this document name no author, no other people and no time.",
        {"author", "people", "time"},
        [("application/pdf", samples.pdf), (kinds.DOCX, samples.docx)],
        kinds.DOCX,
        quiet_docx,
    ),
    "text": (
        "We looked for names of senders, telephone numbers, e-mail addresses, NIP and NIK, postal addresses and times "
        "of day, and recognised none.",
        TEXT_CODES,
        [("text/plain", CHAT.encode)],
        "text/plain",
        lambda: b"halo",
    ),
    "archive": (
        "In file names, texts and pictures inside it we recognised no senders, numbers, addresses, times or places.",
        TEXT_CODES | {"place"},
        [("application/zip", lambda: samples.packed({"a.txt": CHAT, "b.jpg": samples.jpeg()}))],
        "",
        bytes,
    ),
}
# What was not looked at, and what of the code makes it so.
UNSEEN: dict[str, tuple[str, Callable[[], bool]]] = {
    "picture": (
        "Look yourself at what the picture shows: faces, names, profile pictures, the status bar.",
        lambda: "picture" in PROOFS,  # images.inspect decodes no pixel; nothing recognises faces or letters
    ),
    "sound": ("We do not listen to it: voices can be recognised.", lambda: inspection.reader("audio/ogg") == "tracks"),
    "film": (
        "We do not watch it: faces, voices and places can be recognised.",
        lambda: inspection.reader("video/mp4") == "tracks",
    ),
    "document": (
        "We did not read what it says and shows: check it for names, letter numbers and dates.",
        lambda: not codes_of(quiet_docx().replace(b"halo", b"NIP1"), kinds.DOCX) & TEXT_CODES,
    ),
    "text": (
        "Officers get the text as it is: take out names, numbers and times first.",
        lambda: kinds.no_copy_reason("text/plain") == "opaque",
    ),
    "archive": (
        "Officers get it as it is. We did not open files in it other than texts and pictures.",
        lambda: (
            kinds.no_copy_reason("application/zip") == "opaque"
            and "author" not in codes_of(samples.packed({"a.pdf": samples.pdf()}), "application/zip")
        ),
    ),
}


def said(media_type: str, codes: set[str], looked: str = "read", name: str = "a") -> traces.Told:
    with override("en"):
        return traces.told(media_type, hints.ordered(codes), looked, name)


def test_every_sentence_has_a_check_behind_it() -> None:
    with override("en"):
        assert {kind: str(words) for kind, words in traces.NOTHING_FOUND.items()} == {
            kind: proof[0] for kind, proof in PROOFS.items()
        }
        assert {kind: str(words) for kind, words in traces.NOT_LOOKED_AT.items()} == {
            kind: words for kind, (words, _) in UNSEEN.items()
        }
    assert set(PROOFS) == set(UNSEEN) == set(inspection.GROUPS.values()) == set(evidence_labels.NOT_LOOKED_AT)


@pytest.mark.parametrize("group", PROOFS)
def test_what_a_sentence_speaks_of_is_looked_for(group: str) -> None:
    sentence, codes, planted, quiet_type, quiet = PROOFS[group]
    for media_type, make in planted:
        found = codes_of(make(), media_type)
        assert inspection.GROUPS[media_type] == group
        assert codes <= found
        told = said(media_type, found)
        assert sentence not in told.sentences
        assert told.in_file
        assert told.is_warning
    if quiet_type:
        told = said(quiet_type, codes_of(quiet(), quiet_type))
        assert told.in_file == []
        assert told.sentences == [sentence, UNSEEN[group][0]]
        assert told.is_warning == (group == "text")


@pytest.mark.parametrize("group", UNSEEN)
def test_what_was_not_looked_at_is_said(group: str) -> None:
    sentence, is_so = UNSEEN[group]
    assert is_so()
    media_type = next(name for name, of in inspection.GROUPS.items() if of == group)
    for codes in (set(), {"time"}, {"partly"}):
        assert sentence in said(media_type, codes).sentences


def test_no_sentence_calls_a_file_clean() -> None:
    """Of a file that was not read to its end nothing is said that speaks of the whole."""
    for media_type, group in inspection.GROUPS.items():
        partly = said(media_type, {"partly"})
        assert partly.sentences[0] == "We looked at a part of this file only."
        assert PROOFS[group][0] not in partly.sentences
        assert said(media_type, set(), "unreadable").sentences[0].startswith("We could not check this file.")
        assert said(media_type, set(), "").sentences[0].startswith("This file was not checked yet.")
        assert all(said(media_type, set(), looked).is_warning for looked in ("", "unreadable"))


@pytest.mark.parametrize("media_type", sorted(kinds.ALLOWED))
def test_a_kind_that_nobody_opens_is_called_so(media_type: str) -> None:
    is_open = media_type in inspection.GROUPS
    assert is_open == (not kinds.no_copy_reason(media_type) or media_type in {*inspection.TEXTS, "application/zip"})
    if not is_open:
        told = said(media_type, set(), "unreadable")
        assert told.sentences[0].startswith("We do not open this kind of file; officers get it as it is.")
        assert told.is_warning
        assert said(media_type, set(), "locked").sentences[0].startswith("This file is locked with a password")
        if kinds.is_container(media_type):
            return  # it may be locked, which its whole tells
        info = metadata_check.check_object(
            FileInfo("", "a", media_type, 1, ""),
            object_name="",
            identifier=uuid.uuid4(),
        )
        assert (info.looked, info.betrays) == ("unreadable", [])
        with pytest.raises(refusal.Unreadable):
            inspection.reader(media_type)


def test_every_code_has_words() -> None:
    silent = {"software", "script", "remote", "partly"}  # those lead to nobody; officers read three of them
    assert set(hints.CODES) - silent == set(traces.TRACES)
    assert set(hints.CODES) - {"partly"} == set(evidence_labels.ORIGIN_TRACES)
    assert set(file_names.CODES) == set(traces.NAME_TRACES)


def test_a_film_is_called_a_film() -> None:
    told = said("image/jpeg", {"attachment", "film"})
    assert told.in_file == ["a short film with sound, recorded with the photo"]


def test_the_name_is_told_beside_the_content() -> None:
    told = said("image/png", set(), name="Screenshot_20240112_101112_WhatsApp.png")
    assert told.in_name == ["a date", "a time of day", "an app"]
    assert told.is_warning
    assert not said("image/png", set(), name="layar.png").is_warning
