"""Posts on social media as evidence, sealed to the complaint and signed by the reporter. No link is ever opened."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, TypedDict

from complaints.adapters import post_rules
from complaints.domain import posts
from complaints.domain.sealing.primitives import BoxPair, SignPair
from complaints.domain.sealing.records import Context, open_record, seal_record
from complaints.models.complaint import Complaint
from complaints.models.evidence import Evidence

# Per sending; further links remain text of the report.
MOST_POSTS: Final = 40
# What can name who shared a link: nothing, the address as typed, its normal form as well.
_SHARERS: Final = ("", "typed", "link")


class Post(TypedDict):
    """A post in an unfinished report, as :func:`describe` returns it: ``screenshot`` is the id of a file, or ""."""

    id: str
    url: str
    typed: str
    sharer: str
    is_link: bool
    platform: str
    account: str
    act: str
    seen_on: str
    screenshot: str


@dataclass(frozen=True)
class PostInfo:
    """A post as its reporter described it.

    ``url`` is the normal form of the address, or the text as entered where it is no link (``is_link`` False); ``typed``
    is the address with the words around it as entered, a line each where one post was entered several times.
    ``sharer`` says what can name who shared the link: "typed", "link" (the normal form too), or "". ``seen_on`` is an
    ISO date or "". ``screenshot`` is the sequence number of the file that shows the post, 0 for none.
    """

    url: str = ""
    typed: str = ""
    sharer: str = ""
    is_link: bool = False
    platform: str = ""
    account: str = ""
    act: str = ""
    seen_on: str = ""
    screenshot: int = 0


def find(text: str) -> list[posts.Address]:
    """Return the links in a text in their normal forms, each post once."""
    return posts.find(text, post_rules.load())


def describe(answers: Mapping[str, object]) -> Post:
    """Return a post as an unfinished report keeps it: the link in its normal form, platform and account read from it.

    ``answers`` has "url", and optionally "platform", "account", "act", "seen_on", "screenshot" (id of a file).
    """
    typed = str(answers.get("url") or "").strip()
    return _described(posts.read(typed, post_rules.load()), typed, answers)


def _described(address: posts.Address, typed: str, answers: Mapping[str, object]) -> Post:
    platform, act = str(answers.get("platform") or ""), str(answers.get("act") or "")
    linked_platform = address.platform if address.is_link else ""
    return {
        "id": secrets.token_hex(8),
        "url": address.text,
        "typed": typed,
        "sharer": address.sharer,
        "is_link": address.is_link,
        "platform": platform if platform in posts.PLATFORMS else linked_platform,
        "account": str(answers.get("account") or "").strip() or address.account,
        "act": act if act in posts.ACTS else "",
        "seen_on": str(answers.get("seen_on") or ""),
        "screenshot": str(answers.get("screenshot") or ""),
    }


def collect(links: str, described: Sequence[Post]) -> tuple[list[Post], str]:
    """Return every post of a report once, described ones first, and the lines of ``links`` above MOST_POSTS.

    A line with several links becomes a post for each, a line without a link a post without an address. What was typed
    of a post that is there already is added to it. Lines above the limit are without what can name who shared a link.
    """
    rules, surplus = post_rules.load(), list[str]()
    collected = list(described[:MOST_POSTS])
    # The first place of each address; posts without one stand for themselves.
    places = {post["url"]: place for place, post in reversed(list(enumerate(collected))) if post["url"]}
    for line in filter(None, map(str.strip, links.splitlines())):
        addresses = posts.find(line, rules) or [posts.read(line, rules)]
        new = [address for address in addresses if address.text not in places]
        if len(collected) + len(new) > MOST_POSTS:
            surplus.append(posts.without_sharer(line, rules))
            continue
        for address in addresses:
            post = _described(address, line, {})
            place = places.setdefault(address.text, len(collected))
            if place == len(collected):
                collected.append(post)
            else:
                collected[place] = _joined(collected[place], post)
    return collected, "\n".join(surplus)


def _joined(earlier: Post, post: Post) -> Post:
    """Return a post with what was typed of it elsewhere, each spelling once."""
    spellings = dict.fromkeys([*earlier["typed"].splitlines(), *post["typed"].splitlines()])
    return {
        **earlier,
        "typed": "\n".join(spellings),
        "sharer": max(earlier["sharer"], post["sharer"], key=_SHARERS.index),
    }


def for_body(post: PostInfo) -> PostInfo:
    """Return a post as a body reads it: what was typed without the parts that can name who shared the link."""
    typed = posts.without_sharer(post.typed, post_rules.load())
    return replace(post, typed=typed, sharer="" if post.sharer == "typed" else post.sharer)


def attach_posts(
    *,
    complaint: Complaint,
    signer: SignPair,
    described: Iterable[Post],
    screenshots: Mapping[str, int],
    first: int,
    today: date,
    batch: int,
    act: uuid.UUID | None = None,
) -> int:
    """Make posts of :func:`describe` evidence of ``complaint``; return the next free sequence number after ``first``.

    ``screenshots`` are the sequence numbers of the files that were sent too, by their ids; ``batch`` is the open batch,
    ``act`` the id of the first row, by default a random one.
    """
    rows = []
    for sequence, post in enumerate(described, start=first):
        row = Evidence(complaint=complaint, sequence=sequence, kind=Evidence.Kind.POST, day=today, batch=batch)
        row.id, act = act or row.id, None
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
