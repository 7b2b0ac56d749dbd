"""Links to posts: one spelling for each post, two for two, nothing left that names who shared it, whatever is typed."""

from __future__ import annotations

import string
import time
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from complaints.adapters.post_rules import load
from complaints.domain import posts
from complaints.domain.post_rules import Form, parse
from tests.domain.post_addresses import DIFFERENT, SAME

RULES = load()
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
    ("https://id-id.facebook.com/groups/Tim/posts/5/?ref=x", "facebook.com/groups/tim/posts/5", "facebook", ""),
    ("https://fb.watch/AbC_1/?mibextid=Nif5oz", "fb.watch/AbC_1", "facebook", ""),
    ("https://www.instagram.com/Budi/reel/CXY_1/?igsh=MzR=", "instagram.com/p/CXY_1", "instagram", "budi"),
    ("https://instagram.com/p/CXY_1/?igshid=1&utm_source=ig", "instagram.com/p/CXY_1", "instagram", ""),
    ("https://www.instagram.com/stories/Budi/77/", "instagram.com/stories/budi/77", "instagram", "budi"),
    ("https://twitter.com/Budi/status/123/photo/1?s=20&t=abc", "x.com/i/status/123", "x", "budi"),
    ("https://mobile.x.com/i/web/status/9", "x.com/i/status/9", "x", ""),
    ("https://www.tiktok.com/@Budi_1/video/77?_t=1&_r=1", "tiktok.com/@_/video/77", "tiktok", "budi_1"),
    ("https://vt.tiktok.com/ZSabC/", "vt.tiktok.com/ZSabC", "tiktok", ""),
    ("https://youtu.be/AbC_1?si=zz&t=3", "youtube.com/watch?v=AbC_1", "youtube", ""),
    ("https://m.youtube.com/watch?v=AbC_1&feature=share", "youtube.com/watch?v=AbC_1", "youtube", ""),
    ("https://youtube.com/shorts/AbC_1", "youtube.com/watch?v=AbC_1", "youtube", ""),
    ("https://www.youtube.com/@Kanal/community", "youtube.com/@kanal/community", "youtube", "kanal"),
    ("t.me/s/Kanal/12", "t.me/kanal/12", "telegram", "kanal"),
    ("https://telegram.me/+AbCd", "t.me/+AbCd", "telegram", ""),
    ("https://wa.me/62812?text=halo", "wa.me/62812", "whatsapp", "62812"),
    ("https://chat.whatsapp.com/ABCdef?mode=r", "chat.whatsapp.com/ABCdef", "whatsapp", ""),
    ("https://www.threads.net/@Budi/post/CXY_1?xmt=AQ", "threads.com/t/CXY_1", "threads", "budi"),
    ("http://www.berita.example:80/a//b/?id=2&utm_source=z&fbclid=1#atas", "berita.example/a/b?id=2", "other", ""),
    ("https://berita.example:8443/A?B=1", "berita.example:8443/A?B=1", "other", ""),
    ("(https://berita.example/a).", "berita.example/a", "other", ""),
    ("https://l.facebook.com/l.php?u=https%3A%2F%2Fberita.example%2Fa%3Fd%3D3", "berita.example/a?d=3", "other", ""),
]  # fmt: skip
NO_LINKS = [
    "akun @budi menyukai postingan itu",
    "javascript:alert(1)",
    "data:text/html,halo",
    "ftp://berita.example/a",
    "http://nama:sandi@x.com/a",
    "http://[::1",
    "https://localhost/a",
    "https://10.0.0.1/a",
    "https://berita.example:99999/a",
    "budi.santoso",
    "saya melihatnya di facebook.com kemarin pukul 12.30/13.00",
    "surat dari S.Sos/M.Si dan dari budi@kominfo.go.id/arsip",
    "https://x.com/" + "a" * 2_000,
    "https://x.com/budi/status/1 dan https://x.com/budi/status/2",
    "",
]
# Whatever is appended to an address of a known site or of another: it names or counts who shares and follows links.
SHARERS = ["utm_source=wa", "fbclid=1", "igsh=2", "igshid=3", "mibextid=6", "UTM_Campaign=8", "xmt=9", "rcm=10"]
SITE_SHARERS = {
    "facebook.com": ["ref=7", "__cft__[0]=1", "rdid=2", "share_url=3", "__tn__=R"],
    "instagram.com": ["hl=id", "img_index=2"],
    "x.com": ["s=20", "t=abc", "ref_src=twsrc"],
    "tiktok.com": ["_t=1", "_r=1", "is_from_webapp=1", "sender_device=pc", "u_code=1"],
    "youtube.com/watch": ["si=4", "feature=share", "t=5", "pp=1"],
}
# Addresses that hold no account: their words are not one.
NO_ACCOUNT = [
    "https://www.instagram.com/stories/highlights/179123/",
    "https://www.instagram.com/s/aGlna?story_media_id=1_2",
    "https://www.instagram.com/reels/audio/111/",
    "https://www.instagram.com/explore/tags/pilkada/",
    "https://www.facebook.com/video.php?v=111",
    "https://www.facebook.com/l.php?u=bukan",
    "https://www.facebook.com/plugins/post.php",
    "https://www.facebook.com/ads/library/?id=1",
    "https://www.facebook.com/stories/123/UzpfSVNDOjE=/",
    "https://www.facebook.com/hashtag/pilkada",
    "https://www.facebook.com/../..",
    "https://x.com/search?q=a",
    "https://x.com/i/lists/1",
    "https://whatsapp.com/channel/0029Va",
    "https://wa.me/message/ABC1",
    "https://t.me/s/",
    "https://t.me/addstickers/Nama",
    "https://www.youtube.com/channel",
    "https://www.youtube.com/feed/trending",
    "https://www.tiktok.com/tag/pilkada",
    "https://www.linkedin.com/pulse/judul-panjang",
    "https://news.detik.com/berita/d-1/judul",
]


def read(text: str) -> posts.Address:
    return posts.read(text, RULES)


@pytest.mark.parametrize(("typed", "text", "platform", "account"), LINKS)
def test_a_link_gets_its_one_spelling(typed: str, text: str, platform: str, account: str) -> None:
    link = read(typed)
    assert (link.text, link.is_link, link.platform, link.account) == (f"https://{text}", True, platform, account)


@pytest.mark.parametrize("typed", NO_LINKS)
def test_what_is_no_link_is_kept_as_text_and_marked(typed: str) -> None:
    assert read(typed) == posts.Address(typed, is_link=False)


@pytest.mark.parametrize("group", SAME, ids=lambda group: group[0])
def test_addresses_of_one_post_have_one_spelling(group: list[str]) -> None:
    spellings = {typed: read(typed) for typed in group}
    assert all(link.is_link for link in spellings.values())
    assert len({link.text for link in spellings.values()}) == 1, spellings


@pytest.mark.parametrize("group", DIFFERENT, ids=lambda group: group[0])
def test_different_posts_stay_apart_and_are_still_led_to(group: list[str]) -> None:
    spellings = {typed: read(typed) for typed in group}
    assert all(link.is_link for link in spellings.values())
    assert len({link.text for link in spellings.values()}) == len(group), spellings


@pytest.mark.parametrize("typed", NO_ACCOUNT)
def test_a_word_of_an_address_is_no_account(typed: str) -> None:
    link = read(typed)
    assert (link.is_link, link.account) == (True, "")


def test_what_names_the_sharer_is_not_in_the_normal_form() -> None:
    kept = []
    for typed, text, *_rest in LINKS:
        added = SHARERS + [more for site, listed in SITE_SHARERS.items() if text.startswith(site) for more in listed]
        for more in added if not typed.startswith("(") and "l.php" not in typed else ():
            plain, _hash, fragment = typed.partition("#")
            longer = f"{plain}{'&' if '?' in plain else '?'}{more}" + (f"#{fragment}" if fragment else "")
            if read(longer).text != read(typed).text:
                kept.append(longer)
    assert kept == []


def test_it_is_told_what_can_name_the_sharer() -> None:
    assert read("https://www.instagram.com/p/AbC/?igsh=MzR").sharer == "typed"
    assert read("https://l.facebook.com/l.php?u=https%3A%2F%2Fexample.com%2Fa&h=AT1").sharer == "typed"
    assert read("https://vt.tiktok.com/ZSabC/").sharer == "link"
    assert read("https://www.facebook.com/share/p/AbC/?mibextid=x").sharer == "link"
    assert read("https://www.instagram.com/p/AbC/?utm_source=x").sharer == ""


@pytest.mark.parametrize(
    ("typed", "left"),
    [
        (
            "Lihat  https://instagr.am/Budi/p/A/?igsh=PENGIRIM&lain=1 (kabid)",
            "Lihat  https://instagr.am/Budi/p/A/ (kabid)",
        ),
        ("https://arsip.example.id/doc?si=1&fbclid=PENGIRIM#b", "https://arsip.example.id/doc?si=1#b"),
        ("x.com/a/status/1?t=PENGIRIM,https://x.com/a/status/12?t=PENGIRIM", "x.com/a/status/1,https://x.com/a/status/12"),
        ("https://www.instagram.com/accounts/login/?next=%2Fp%2FAbC%2F%3Figsh%3DPENGIRIM", "https://instagram.com/p/AbC"),
        ("akun @kabid, tanpa tautan", "akun @kabid, tanpa tautan"),
    ],
)  # fmt: skip
def test_what_names_the_sharer_is_taken_out_of_a_text(typed: str, left: str) -> None:
    assert posts.without_sharer(typed, RULES) == left


def test_links_in_one_line_are_found_each() -> None:
    line = (
        "https://x.com/a/status/1, lalu (https://x.com/a/status/2);https://t.me/kanal/3|t.me/kanal/4 www.example.id/5"
    )
    assert [link.text for link in posts.find(line, RULES)] == [
        "https://x.com/i/status/1",
        "https://x.com/i/status/2",
        "https://t.me/kanal/3|t.me/kanal/4".replace("|", "%7C"),
        "https://example.id/5",
    ]
    assert len(posts.find("https://x.com/a/status/1 https://twitter.com/b/status/1", RULES)) == 1


@given(st.text(max_size=200))
@example("https://x.com/a\ud800b")
@example("https://x.com/%")
@example("https://" + "a." * 130)
@example("https://xn--a.com/a https://\u3002com/a")
def test_any_text_is_taken(typed: str) -> None:
    post = read(typed)
    assert post.platform in posts.PLATFORMS
    assert post.is_link or post.text == " ".join(typed.split())
    posts.without_sharer(typed, RULES)


HOSTS = st.sampled_from(
    [
        "m.facebook.com", "l.facebook.com", "www.instagram.com", "threads.net", "twitter.com", "tiktok.com", "youtu.be",
        "youtube.com", "t.me", "u.t.me", "web.telegram.org", "api.whatsapp.com", "id.linkedin.com", "amp.kompas.com",
        "news.detik.com", "google.com", "redd.it", "a.example",
    ]
)  # fmt: skip
WORDS = st.sampled_from(
    ["p", "posts", "status", "i", "web", "video", "c", "s", "amp", "read", "groups", "login", "1", "@a"]
)
STEPS = st.lists(WORDS | st.text(string.printable, max_size=12), max_size=4)
NAMES = st.sampled_from(["v", "id", "story_fbid", "next", "u", "q", "phone", "lb"]) | st.text("abcT_%+", max_size=8)
VALUES = st.text(string.printable, max_size=8) | HOSTS.map(lambda host: f"https%3A//{host}/p/1%3Fu=2")
QUERY = st.lists(st.tuples(NAMES, VALUES), max_size=3)


@given(HOSTS, STEPS, QUERY, st.text(string.printable, max_size=6))
@example("www.instagram.com", ["P", "0", "0"], [], "")
@example("www.instagram.com", ["akun", "REEL", "0"], [], "")
@example("twitter.com", ["I", "Web", "Status", "5"], [], "")
@example("t.me", ["S", "JoinChat", "Ab"], [], "")
@example("t.me", ["s", "s", "5"], [], "")
@example("a.example", ["a)", ""], [], "")
def test_the_spelling_is_stable_and_carries_no_more_than_it_must(
    host: str, steps: list[str], query: list[tuple[str, str]], fragment: str
) -> None:
    pairs = "&".join(f"{name}={value}" for name, value in query)
    link = read(f"https://{host}/{'/'.join(steps)}?{pairs}#{fragment}".replace(" ", ""))
    again = read(link.text)
    assert (again.text, again.is_link, again.platform) == (link.text, link.is_link, link.platform)
    if link.is_link:
        parts = urlsplit(link.text)
        assert (parts.scheme, parts.username) == ("https", None)
        assert parts.hostname == (parts.hostname or "").lower()
        names = {name.lower() for name, _value in parse_qsl(parts.query)}
        assert not names & {"fbclid", "igsh", "xmt", "rcm", "mibextid"}
        assert not [name for name in names if name.startswith("utm_")]


def test_time_grows_with_the_text_and_no_faster() -> None:
    """Shapes that make a careless search slow, four times as long: at most ten times the work, and little of it."""
    shapes = [
        "https://",
        "a.",
        "https://x.com/(",
        "%25",
        "https://l.facebook.com/l.php?u=",
        "x.com/a,",
        "-.",
        "])}",
        "/..",
        "&u=https%3A%2F%2Fx.com",
    ]
    spent: dict[int, float] = {}
    for size in (2_000, 8_000):
        texts = [(shape * size)[:size] for shape in shapes] + [
            "https://x.com/" + (shape * size)[:1_900] for shape in shapes
        ]
        began = time.process_time()
        for text in texts:
            posts.find(text, RULES)
            posts.without_sharer(text, RULES)
        spent[size] = time.process_time() - began
    assert spent[8_000] < max(10 * spent[2_000], 2)


# --- The file of rules


PAGE = {"from": ["/a/{b}"], "to": "/c/{b}"}
SITE = {"platform": "x", "hosts": {"x.com": ["y.com"]}, "page": [PAGE]}


@pytest.mark.parametrize(
    "wrong",
    [
        {"sites": []},
        {"site": [SITE | {"host": "x.com"}]},
        {"site": [SITE | {"platform": "myspace"}]},
        {"site": [SITE, SITE]},
        {"site": [SITE | {"page": [PAGE | {"form": "/"}]}]},
        {"site": [SITE | {"page": [PAGE | {"to": "/c/{d}"}]}]},
        {"site": [SITE | {"page": [PAGE | {"from": ["/a/{b:letters}"]}]}]},
        {"site": [SITE | {"page": [PAGE | {"account": "d"}]}]},
        {"drop": "utm_*"},
    ],
    ids=str,
)
def test_rules_that_say_what_nobody_reads_are_refused(wrong: dict[str, object]) -> None:
    parse({"site": [SITE]})
    with pytest.raises(ValueError, match=r"."):
        parse(wrong)


SAMPLES = {"any": "Ab-1", "digits": "12", "code": "AbC_1", "name": "nama", "account": "budi", "phone": "62812345"}


def example_of(form: Form, kinds: Mapping[str, str], main_host: str) -> str:
    """Return an address of a form, with a sample for each variable."""
    values = {name: SAMPLES[kind] for name, kind in kinds.items()} | {"host": main_host}
    path = "/".join("sisa" if piece.rest else piece.filled(values) for piece in (form.host, *form.segments))
    return f"https://{path}?" + "&".join(f"{name}={piece.filled(values)}" for name, piece in form.query.items())


def test_each_form_of_the_file_leads_to_its_normal_form() -> None:
    """No form stands behind another one that takes its addresses, and normal forms stay as they are."""
    wrong = []
    for site in {id(site): site for site in RULES.sites.values()}.values():
        main_host = next(iter(site.hosts))
        for page, form in ((each, form) for each in site.pages for form in each.forms):
            link = read(example_of(form, form.variables, main_host))
            expected = read(example_of(page.to, form.variables, main_host)).text
            account = SAMPLES[form.variables[page.account]] if page.account in form.variables else ""
            if (link.text, link.account, read(link.text).text) != (expected, account, expected):
                wrong.append((example_of(form, form.variables, main_host), link, expected))
    assert wrong == []
