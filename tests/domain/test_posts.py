"""Links to posts: one spelling for each post, nothing left that names who shared it, and no input that stops it."""

from __future__ import annotations

import string
from itertools import product
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from complaints.domain import posts

# typed, in one spelling, platform, account
LINKS = [
    ("https://www.facebook.com/Budi.S/posts/pf0Ab?__tn__=R", "facebook.com/budi.s/posts/pf0Ab", "facebook", "budi.s"),
    (
        "HTTPS://M.Facebook.com/story.php?story_fbid=12&id=34&mibextid=x",
        "facebook.com/permalink.php?id=34&story_fbid=12",
        "facebook",
        "34",
    ),
    ("facebook.com/photo.php?fbid=9&set=a.1", "facebook.com/photo?fbid=9", "facebook", ""),
    ("https://id-id.facebook.com/groups/Tim/posts/5/?ref=x", "facebook.com/groups/Tim/posts/5", "facebook", ""),
    ("https://fb.watch/AbC_1/?mibextid=Nif5oz", "fb.watch/AbC_1", "facebook", ""),
    ("https://www.instagram.com/Budi/reel/CXY_1/?igsh=MzR=", "instagram.com/p/CXY_1", "instagram", "budi"),
    ("https://instagram.com/p/CXY_1/?igshid=1&utm_source=ig", "instagram.com/p/CXY_1", "instagram", ""),
    ("https://www.instagram.com/stories/Budi/77/", "instagram.com/stories/budi/77", "instagram", "budi"),
    ("https://twitter.com/Budi/status/123/photo/1?s=20&t=abc", "x.com/budi/status/123", "x", "budi"),
    ("https://mobile.x.com/i/web/status/9", "x.com/i/status/9", "x", ""),
    ("https://www.tiktok.com/@Budi_1/video/77?_t=1&_r=1", "tiktok.com/@budi_1/video/77", "tiktok", "budi_1"),
    ("https://vt.tiktok.com/ZSabC/", "vt.tiktok.com/ZSabC", "tiktok", ""),
    ("https://youtu.be/AbC_1?si=zz&t=3", "youtube.com/watch?v=AbC_1", "youtube", ""),
    ("https://m.youtube.com/watch?v=AbC_1&feature=share", "youtube.com/watch?v=AbC_1", "youtube", ""),
    ("https://youtube.com/shorts/AbC_1", "youtube.com/watch?v=AbC_1", "youtube", ""),
    ("https://www.youtube.com/@Kanal/community", "youtube.com/@kanal/community", "youtube", "kanal"),
    ("t.me/s/Kanal/12", "t.me/kanal/12", "telegram", "kanal"),
    ("https://telegram.me/+AbCd", "t.me/+AbCd", "telegram", ""),
    ("https://wa.me/62812?text=halo", "wa.me/62812", "whatsapp", "62812"),
    ("https://chat.whatsapp.com/ABCdef?mode=r", "chat.whatsapp.com/ABCdef", "whatsapp", ""),
    ("http://www.berita.example:80/a//b/?id=2&utm_source=z&fbclid=1#atas", "berita.example/a/b?id=2", "other", ""),
    ("https://berita.example:8443/A?B=1", "berita.example:8443/A?B=1", "other", ""),
    ("(https://berita.example/a).", "berita.example/a", "other", ""),
    ("https://l.facebook.com/l.php?u=https%3A%2F%2Fberita.example%2Fa%3Fd%3D3", "berita.example/a?d=3", "other", ""),
]  # fmt: skip
NO_LINKS = [
    "akun @budi menyukai unggahan itu",
    "lihat https://x.com/budi",
    "javascript:alert(1)",
    "data:text/html,halo",
    "ftp://berita.example/a",
    "http://nama:sandi@x.com/a",
    "http://[::1",
    "https://localhost/a",
    "https://10.0.0.1/a",
    "https://berita.example:99999/a",
    "budi.santoso",
    "https://x.com/" + "a" * 2_000,
    "",
]
ADDED = [
    "utm_source=wa",
    "fbclid=1",
    "igsh=2",
    "igshid=3",
    "si=4",
    "s=20",
    "t=5",
    "mibextid=6",
    "ref=7",
    "UTM_Campaign=8",
]


@pytest.mark.parametrize(("typed", "text", "platform", "account"), LINKS)
def test_a_link_gets_its_one_spelling(typed: str, text: str, platform: str, account: str) -> None:
    assert posts.read(typed) == posts.Address(f"https://{text}", is_link=True, platform=platform, account=account)


@pytest.mark.parametrize("typed", NO_LINKS)
def test_what_is_no_link_is_kept_as_text_and_marked(typed: str) -> None:
    assert posts.read(typed) == posts.Address(typed, is_link=False)


def test_what_tracks_the_sharer_is_dropped() -> None:
    kept = []
    for typed, added in product([row[0] for row in LINKS], ADDED):
        if typed.startswith("(") or "l.php" in typed:
            continue
        plain, _hash, fragment = typed.partition("#")
        more = f"{plain}{'&' if '?' in plain else '?'}{added}" + (f"#{fragment}" if fragment else "")
        if posts.read(more) != posts.read(typed):
            kept.append(more)
    assert kept == []


@given(st.text(max_size=200))
def test_any_text_is_taken(typed: str) -> None:
    post = posts.read(typed)
    assert post.platform in posts.PLATFORMS
    if not post.is_link:
        assert post.text == " ".join(typed.split())


HOSTS = st.sampled_from(
    ["m.facebook.com", "www.instagram.com", "twitter.com", "tiktok.com", "youtu.be", "t.me", "a.example"]
)
STEPS = st.lists(st.text(string.ascii_letters + string.digits + "@+._%-", max_size=12), max_size=4)
QUERY = st.dictionaries(st.text(string.ascii_letters + "_", min_size=1, max_size=8), st.text(max_size=8), max_size=3)


@given(HOSTS, STEPS, QUERY)
@example("www.instagram.com", ["P", "0", "0"], {})
@example("www.instagram.com", ["akun", "REEL", "0"], {})
@example("twitter.com", ["I", "Web", "Status", "5"], {})
@example("t.me", ["S", "JoinChat", "Ab"], {})
@example("t.me", ["s", "s", "5"], {})
def test_the_spelling_is_stable_and_carries_no_more_than_it_must(
    host: str, steps: list[str], query: dict[str, str]
) -> None:
    typed = f"https://{host}/{'/'.join(steps)}?" + "&".join(f"{name}={value}" for name, value in query.items())
    link = posts.read(typed)
    again = posts.read(link.text)
    assert (again.text, again.is_link, again.platform) == (link.text, link.is_link, link.platform)
    if link.is_link:
        parts = urlsplit(link.text)
        assert (parts.scheme, parts.fragment, parts.username) == ("https", "", None)
        assert parts.hostname == (parts.hostname or "").lower()
        names = {name.lower() for name, _value in parse_qsl(parts.query)}
        assert not names & {"fbclid", "igsh", "si", "s", "t", "ref"}
        assert not [name for name in names if name.startswith("utm_")]
