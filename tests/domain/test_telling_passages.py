"""What of a text may betray its reporter is proposed; each proposal names its place and its kind."""

from __future__ import annotations

from complaints.domain.telling_passages import MOST_PROPOSALS, Tells, proposals

STORY = (
    "Nama saya Rahmawati, NIP 198501012010012003, telepon 0812-3456-7890. "
    "Di Subbag Keuangan kami hanya 3 orang, dan hanya saya yang mencatat. "
    "Pak Budi Santosa memanggil saya berdua pada 3 November 2026 pukul 09.30. "
    "Rapat umum berlangsung pada Senin di aula. Ibu Sari Dewi, kepala dinas, meminta dukungan."
)


def told(text: str, **known: list[str]) -> set[tuple[str, str]]:
    return {(found.kind.value, text[found.start : found.end]) for found in proposals(text, **known)}


def test_names_units_counts_only_i_and_private_talks_are_proposed() -> None:
    found = told(STORY, accused=["Sari Dewi, S.E."])
    assert {
        ("own_name", "Rahmawati"),
        ("contact", "198501012010012003"),
        ("contact", "0812-3456-7890"),
        ("unit", "Subbag Keuangan"),
        ("count", "hanya 3 orang"),
        ("alone", "hanya saya"),
        ("name", "Pak Budi Santosa"),
        ("count", "berdua"),
        ("talk", "3 November 2026"),
        ("talk", "pukul 09.30"),
    } <= found
    assert told("Kepala Bidang X", accused=["Kepala Bidang X"]) == set()
    # The accused is whom the body needs, and of a meeting for all the day tells nobody.
    assert not any("Sari" in words or words == "Senin" for _kind, words in found)


def test_what_one_report_alone_tells_is_proposed_beside_others() -> None:
    text = "Kepala dinas meminta dukungan. Sopirnya menunggu dekat warung kopi pojok."
    assert told(text) == set()
    found = told(text, others=["Kepala dinas meminta kami memberi dukungan."])
    assert found == {(Tells.SINGLE.value, "Sopirnya menunggu dekat warung kopi pojok.")}
    assert told(text, others=[text]) == set()


def test_proposals_are_bounded_and_stand_in_the_text() -> None:
    text = "Pak Budi dan hanya saya, berdua. " * 200
    found = proposals(text)
    assert len(found) == MOST_PROPOSALS
    assert all(0 <= item.start < item.end <= len(text) for item in found)
