"""Posts on social media as evidence, sealed to the complaint and signed by the reporter. No link is ever opened."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, TypedDict

from complaints.domain import posts
from complaints.domain.sealing.primitives import BoxPair, SignPair
from complaints.domain.sealing.records import Context, open_record, seal_record
from complaints.models.complaint import Complaint
from complaints.models.evidence import Evidence

# Per sending; further links remain text of the report.
MOST_POSTS: Final = 40


class Post(TypedDict):
    """A post in an unfinished report, as :func:`describe` returns it: ``screenshot`` is the id of a file, or ""."""

    id: str
    url: str
    is_link: bool
    platform: str
    account: str
    act: str
    seen_on: str
    screenshot: str


@dataclass(frozen=True)
class PostInfo:
    """A post as its reporter described it.

    ``url`` is in canonical form, or the text as entered where it is no link (``is_link`` False). ``seen_on`` is an ISO
    date or "". ``screenshot`` is the sequence number of the file that shows the post, 0 for none.
    """

    url: str = ""
    is_link: bool = False
    platform: str = ""
    account: str = ""
    act: str = ""
    seen_on: str = ""
    screenshot: int = 0


def describe(answers: Mapping[str, object]) -> Post:
    """Return a post as an unfinished report keeps it: the link in canonical form, platform and account read from it.

    ``answers`` has "url", and optionally "platform", "account", "act", "seen_on", "screenshot" (id of a file).
    """
    address = posts.read(str(answers.get("url") or ""))
    platform, act = str(answers.get("platform") or ""), str(answers.get("act") or "")
    linked_platform = address.platform if address.is_link else ""
    return {
        "id": secrets.token_hex(8),
        "url": address.text,
        "is_link": address.is_link,
        "platform": platform if platform in posts.PLATFORMS else linked_platform,
        "account": str(answers.get("account") or "").strip() or address.account,
        "act": act if act in posts.ACTS else "",
        "seen_on": str(answers.get("seen_on") or ""),
        "screenshot": str(answers.get("screenshot") or ""),
    }


def collect(links: str, described: Sequence[Post]) -> tuple[list[Post], str]:
    """Return every post of a report once, described ones first, and the lines of ``links`` above MOST_POSTS."""
    collected = list(described[:MOST_POSTS])
    urls = {post["url"] for post in collected}
    surplus = []
    for line in links.splitlines():
        if not line.strip():
            continue
        post = describe({"url": line})
        if post["url"] in urls:
            continue
        if len(collected) >= MOST_POSTS:
            surplus.append(post["url"])
            continue
        urls.add(post["url"])
        collected.append(post)
    return collected, "\n".join(surplus)


def attach_posts(
    *,
    complaint: Complaint,
    signer: SignPair,
    described: Iterable[Post],
    screenshots: Mapping[str, int],
    first: int,
    today: date,
    batch: int,
) -> int:
    """Make posts of :func:`describe` evidence of ``complaint``; return the next free sequence number after ``first``.

    ``screenshots`` are the sequence numbers of the files that were sent too, by their ids; ``batch`` is the open batch.
    """
    rows = []
    for sequence, post in enumerate(described, start=first):
        row = Evidence(complaint=complaint, sequence=sequence, kind=Evidence.Kind.POST, day=today, batch=batch)
        row.state = Evidence.State.NO_COPY
        # What is sealed are the fields of a PostInfo.
        content = {name: value for name, value in post.items() if name != "id"}
        content["screenshot"] = screenshots.get(post["screenshot"], 0)
        row.sealed_post = seal_record(bytes(complaint.public_key), post_context(row), content, signer)
        rows.append(row)
    Evidence.objects.bulk_create(rows)
    return first + len(rows)


def post_context(row: Evidence) -> Context:
    """Return the context of a sealed post."""
    return Context("post", str(row.pk), str(row.complaint_id), row.sequence)


def read_post(pair: BoxPair, row: Evidence, complaint: Complaint) -> PostInfo:
    """Open a post with the complaint's pair; raises SealError where the reporter did not sign it."""
    signer = bytes(complaint.reporter_verify_key)
    return PostInfo(**open_record(pair, row.sealed_post or b"", post_context(row), signer))
