import pytest

from complaints.services.transitions import CaseVersion

FULL = CaseVersion("in_review", 3, (1, 12))


@pytest.mark.parametrize(
    ("version", "text"),
    [
        (CaseVersion("received"), "received"),
        (CaseVersion("received", 0), "received.0."),
        (CaseVersion("received", 0, (1,)), "received.0.1"),
        (FULL, "in_review.3.1-12"),
        (CaseVersion(""), ""),
    ],
)
def test_the_text_of_a_version_is_read_back(version: CaseVersion, text: str) -> None:
    assert str(version) == text
    assert CaseVersion.parse(text) == version


@pytest.mark.parametrize(
    "text",
    [
        "in_review.3",
        "in_review.3.1-12-",
        "in_review.3.1--12",
        "in_review.03.1-12",
        "in_review.3.1-12\n",
        "in_review.-3.1-12",
        "in_review.3.1-12.0",
        "in_review.٣.1-12",
        "in_review.3.1-" + "9" * 5000,
    ],
)
def test_any_other_text_agrees_with_no_version(text: str) -> None:
    version = CaseVersion.parse(text)
    assert version.steps is None
    assert str(version) == text
    assert not version.agrees_with(FULL)


def test_a_bare_status_is_compared_by_the_status_alone() -> None:
    assert CaseVersion("in_review").agrees_with(FULL)
    assert FULL.agrees_with(CaseVersion("in_review"))
    assert not CaseVersion("received").agrees_with(FULL)


@pytest.mark.parametrize("text", ["in_review.4.1-12", "in_review.3.1-13", "in_review.3.1", "verified.3.1-12"])
def test_a_full_version_agrees_with_itself_only(text: str) -> None:
    assert FULL.agrees_with(CaseVersion.parse("in_review.3.1-12"))
    assert not FULL.agrees_with(CaseVersion.parse(text))
