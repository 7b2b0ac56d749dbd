"""No address of a reporter makes the row of a draft longer than its step, however it is asked."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from complaints.forms import circle, guide, inquiry, report, retaliation, status
from complaints.forms.fields import ReporterForm
from complaints.forms.passages import LISTED_AT_MOST
from complaints.forms.posts import MorePostForm, PostForm
from complaints.models.draft import Draft
from complaints.services.evidence import limits
from complaints.urls import urlpatterns
from tests.services.evidence.uploading import session_of
from tests.views import walk

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("office")]
# Of a row whose draft has the whole last step.
ROW_BYTES = 4_096 + 41
GOES = ("", "keep", "stay", "post")
SHOW_THEIR_VERSION = ("report_start", "report_pressed", "report_witnessed", "report_who", "report_story")
VALID = walk.START | walk.WHO | walk.STORY_PAGE | {"identity": "confidential", "recipient": "bkn"}
CHOICES = ("category", "accused_kind", "agency_kind", "province", "identity", "recipient", "platform", "act")
FORMS = (
    *(form for module in (circle, guide, inquiry, report, retaliation, status) for form in vars(module).values()),
    PostForm,
    MorePostForm,
)


def _addresses() -> Iterator[str]:
    for pattern in urlpatterns:
        if pattern.name and not pattern.pattern.converters and pattern.name != "door_elsewhere":
            yield str(pattern.name)


def _texts() -> set[str]:
    forms = [form for form in FORMS if isinstance(form, type) and issubclass(form, ReporterForm)]
    return {name for form in forms for name in form.base_fields} - {*CHOICES, "evidence"}


@pytest.fixture
def flooded(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DRAFT_TEXT_BYTES = 1
    monkeypatch.setattr(limits, "_last_sum", [])


def _begin(stage: str) -> Client:
    client = Client()
    if stage != "nothing":
        (walk.to_story if stage == "page 3" else walk.to_check)(client)
    return client


@pytest.mark.usefixtures("flooded")
@pytest.mark.parametrize("stage", ["nothing", "page 3", "page 4"])
def test_no_address_makes_a_draft_longer_than_its_step(stage: str) -> None:
    long = dict.fromkeys(_texts(), "panjang " * 400)
    assert {"story", "links", "known", "account", "contact", "asked"} <= set(long)
    for name in _addresses():
        client, path = _begin(stage), reverse(name)
        # Typed too long, then as long as one field takes, and then other words, which may not add up.
        for go, filled in itertools.product(GOES, (long, {"known": "a" * 1_990}, {"known": "b" * 1_990})):
            shown = walk.version(client, path) if name in SHOW_THEIR_VERSION else {}
            client.post(path, VALID | filled | shown | {"go": go})
        too_long = [size for size in Draft.objects.values_list("stored_size", flat=True) if size > ROW_BYTES]
        assert not too_long, (name, too_long)
        Draft.objects.all().delete()


def test_words_that_are_kept_do_not_add_up(client: Client) -> None:
    """Each new story has other words to keep; those of earlier ones are forgotten."""
    walk.to_check(client)
    sizes = []
    for number in range(6):
        story = walk.STORY + " ".join(f"Telepon saya 08123456{number}{other}." for other in range(10, 22))
        client.post("/lapor/cerita/", walk.STORY_PAGE | walk.version(client, "/lapor/cerita/") | {"story": story})
        page = client.get("/lapor/bagian/").content.decode()
        hidden = re.findall(r'name="((?:field|words)-\d+)" value="([^"]+)"', page)
        assert len(hidden) == 2 * LISTED_AT_MOST
        client.post("/lapor/bagian/", dict(hidden) | {"do": "apply"})
        sizes.append(len(session_of(client)["draft"]["kept"]))
    assert set(sizes) == {LISTED_AT_MOST}


@pytest.mark.usefixtures("flooded")
def test_a_report_with_a_short_name_goes_out_whatever_else_lies_there(client: Client) -> None:
    walk.to_story(client)
    rest = limits.TEXT_STEPS[-1] - 700
    client.post("/lapor/cerita/", walk.STORY_PAGE | {"story": ("Kami diminta memilih. " * 300)[:rest]})
    page = client.get("/lapor/periksa/")
    named = {"identity": "confidential", "name": "Siti Contoh", "contact": "siti@contoh.invalid", "recipient": "bkn"}
    long = client.post("/lapor/periksa/", named | {"token": walk.token_of(page), "name": "S" * 30_000})
    assert "selebihnya dapat Anda tambahkan nanti" in walk.words(long)
    page = client.get("/lapor/periksa/")
    sent = client.post("/lapor/periksa/", named | {"token": walk.token_of(page)})
    assert sent.headers["Location"] == "/lapor/kode/"
