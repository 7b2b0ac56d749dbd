"""The download of all that a body holds of a release: one ZIP with its words, its files and their custody sheet."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from datetime import date
from typing import TypedDict

from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from complaints import access
from complaints.adapters import printed_pdf
from complaints.admin import labels
from complaints.admin.base import StaffRequest, as_attachment, staff_page
from complaints.admin.case_evidence import VARIANTS, released_label
from complaints.admin.case_summary import PostLines
from complaints.admin.custody import EVENTS, EntryLine
from complaints.admin.decision_labels import DecisionLines, decision_lines
from complaints.admin.evidence_labels import file_label
from complaints.admin.release_content import ContentLines, ReportLines, content_lines, report_count, told_words
from complaints.admin.releases import release_or_404
from complaints.models.oversight import Release
from complaints.services.forwarding import dossier
from complaints.services.forwarding.dossier import Document, Dossier, DossierFile, HistoryEntry
from complaints.services.forwarding.release_thread import ReleaseMessage

Rows = list[tuple[str, str]]


class Block(TypedDict):
    """A piece of the dossier under a heading of level 2 to 4: texts as they were written, then (label, value)."""

    level: int
    heading: str
    texts: list[str]
    rows: Rows


@staff_page("POST", opens_for=access.is_overseer)
def download_all(request: StaffRequest, object_id: uuid.UUID) -> StreamingHttpResponse:
    """Download all that the body holds as a ZIP; what the scanner warned of only where the person says they know."""
    release = release_or_404(request, object_id)
    knowing = request.POST.get("knowing") == "yes"
    try:
        opened = dossier.open_dossier(
            actor=request.actor, release_id=release.pk, knowing=knowing, is_replaced=release.replaced
        )
    except Release.DoesNotExist:
        raise Http404 from None  # recalled meanwhile
    pieces = dossier.pieces_of_zip(opened, _documents(opened))
    response = StreamingHttpResponse(pieces, content_type="application/zip")
    return as_attachment(response, f"{release.case.reference}-penerusan-{opened.releases[-1].number}.zip")


@staff_page("GET", opens_for=access.is_overseer)
def custody_sheet(request: StaffRequest, object_id: uuid.UUID) -> HttpResponse:
    """Give the custody sheet of all files that the body holds, as a PDF to sign, without the files."""
    release, lang = release_or_404(request, object_id), (get_language() or "id")[:2]
    try:
        opened = dossier.open_custody(actor=request.actor, release_id=release.pk, is_replaced=release.replaced)
    except Release.DoesNotExist:
        raise Http404 from None  # recalled meanwhile
    texts = _custody_texts(opened, lang) | {
        "about": _("Made for %(body)s on %(day)s. It contains %(reports)s.") % _about_words(opened),
        "last": _("Last entry on this release: %(number)s") % {"number": opened.history[-1].entry.sequence},
        "explained": _("The office finds each entry in its audit chain by number and digest."),
    }
    response = HttpResponse(printed_pdf.render("custody", texts), content_type="application/pdf")
    return as_attachment(response, f"berita-acara-{release.case.reference}.pdf")


def _documents(opened: Dossier) -> list[Document]:
    reference, lang = opened.opened.case.reference, (get_language() or "id")[:2]
    words = {
        "lang": lang,
        "title": _("Release %(reference)s") % {"reference": reference},
        "about": _about(opened),
        "blocks": list(_blocks(opened)),
    }
    return [
        Document("berkas-penerusan.html", render_to_string("admin/dossier.html", words).encode()),
        Document("berkas-penerusan.pdf", printed_pdf.render("dossier", words)),
        Document("berita-acara.pdf", printed_pdf.render("custody", _custody_texts(opened, lang))),
    ]


def _about(opened: Dossier) -> str:
    return _("Downloaded by %(body)s on %(day)s. It contains %(reports)s.") % _about_words(opened)


def _about_words(opened: Dossier) -> dict[str, str]:
    return {
        "body": str(opened.opened.release.body),
        "day": _day(opened.day),
        "reports": report_count(len(opened.opened.report_numbers)),
    }


def _day(value: date | None) -> str:
    return date_format(value, "l, j M Y") if value else ""


# --- The words of the release page as blocks, which the page in the ZIP and its PDF set alike


def _block(level: int, heading: str, *texts: str, rows: Iterable[tuple[str, str]] = ()) -> Block:
    return {"level": level, "heading": heading, "texts": [text for text in texts if text], "rows": list(rows)}


def _blocks(opened: Dossier) -> Iterator[Block]:
    for release in opened.opened.opened:
        is_supplement = release.release.first_id is not None
        yield from _release_blocks(content_lines(release.content, release.release, is_supplement=is_supplement))
    thread = [_thread_line(entry) for entry in opened.opened.thread]
    if thread:
        yield _block(2, _("Messages on this release"), rows=thread)
    decisions = [_decision(lines) for lines in decision_lines(opened.opened.decisions, opened.copies, with_people=True)]
    if decisions:
        yield _block(2, _("Decisions"), rows=decisions)
    yield _block(2, _("Files in this ZIP"), rows=[_file_line(file) for file in opened.files])
    if opened.left_out:
        reason = _("The malware scanner found something in these, or had not read them when they were released.")
        yield _block(2, _("Files left out of this ZIP"), reason, rows=[_file_line(file) for file in opened.left_out])


def _release_blocks(part: ContentLines) -> Iterator[Block]:
    release = part["release"]
    if release is None:
        return
    words = {"number": release.number, "day": _day(timezone.localdate(release.at))}
    urgent = _("urgent") if part["urgent"] else ""
    danger = _("Danger to the reporter: %(grade)s") % {"grade": part["danger"]}
    yield _block(2, _("Release %(number)s of %(day)s") % words, danger, urgent)
    if part["cover"]:
        yield _block(3, _("Covering note of the office"), part["cover"])
    for report in part["reports"]:
        yield from _report_blocks(report)


def _report_blocks(report: ReportLines) -> Iterator[Block]:
    words = {"number": report["number"], "day": _day(report["day"])}
    heading = _("Report %(number)s, received on %(day)s") if report["day"] else _("Report %(number)s")
    yield _block(3, heading % words, rows=report["rows"])
    if report["story"]:
        yield _block(4, _("The account"), report["story"])
    if report["links"]:
        yield _block(4, _("Links, as text: opening one shows the accused that somebody looks"), *report["links"])
    for number, post in enumerate(report["posts"]):
        heading = "" if number else _("Posts, as text: opening one shows the accused that somebody looks")
        yield _block(4, heading, rows=_post_rows(post))
    told = [(item["day"], f"{item['short']}\n{item['text']}".strip()) for item in report["told"]]
    for heading, entries in (
        (_("Retaliation against the reporter"), told),
        (_("Messages of the reporter"), report["messages"]),
        (_("Notes of the office"), report["notes"]),
    ):
        if entries:
            yield _block(4, heading, rows=[(_day(day), text) for day, text in entries])
    if report["stated"]:
        stated_on, statement = report["stated"]
        yield _block(4, _("What the office states for the rules of the law"), rows=[(_day(stated_on), statement)])
    if report["left_out"]:
        yield _block(4, "", _("Left out by the office: %(what)s.") % {"what": report["left_out"]})


def _post_rows(post: PostLines) -> Rows:
    named = [("", post.title), (_("Address of the post"), post.url), (_("As typed"), post.typed), *post.rows]
    return [(label, value) for label, value in named if value]


def _thread_line(entry: ReleaseMessage) -> tuple[str, str]:
    text = f"{told_words(entry.told)}\n{entry.text}".strip() if entry.told else entry.text
    who = entry.message.get_direction_display()
    if entry.readers > 1:
        who = f"{who} ({report_count(entry.readers)})"
    return f"{who}, {_day(entry.message.day)}", text


def _decision(decision: DecisionLines) -> tuple[str, str]:
    facts = [f"{label}: {value}" for label, value in decision.rows]
    if decision.lacks_copy:
        facts.append(_("No copy of this decision is stored here."))
    words = "\n".join(text for text in (*facts, decision.text) if text)
    return f"{decision.what}, {_day(timezone.localdate(decision.at))}", words


def _file_line(file: DossierFile) -> tuple[str, str]:
    info = file.item.info
    what = [file_label(file.item.report, file.item.number), released_label(file.item.variant, info), info.label]
    return file.name, f"{', '.join(map(str, what))}\nSHA-256 {info.sha256}"


# --- The custody sheet of what the body holds, in the shape that ``custody.typ`` reads


def _custody_texts(opened: Dossier, lang: str) -> dict[str, object]:
    names = {str(file.stored.pk): file.name for file in [*opened.files, *opened.left_out]}
    of_files = [line for line in opened.history if str(line.entry.facts.get("object")) in names]
    last = opened.history[-1].entry
    explained = _(
        "The SHA-256 of each file is the one in manifest.json: sha256sum gives the same for the file in the ZIP. "
        "The office finds each entry in its audit chain by number and digest."
    )
    return {
        "lang": lang,
        "title": _("Custody sheet %(reference)s") % {"reference": opened.opened.case.reference},
        "about": _about(opened),
        "former": "",
        "items": [_item(file, of_files) for file in [*opened.files, *opened.left_out]],
        "files": [_("File"), _("Bytes"), "SHA-256"],
        "log": [_("Entry"), _("When"), _("By"), _("Act")],
        "opened": _("Who opened it here, one file at a time"),
        "nobody": _("Nobody yet."),
        "empty": _("No file was released."),
        "chain": _("The release in the audit chain"),
        "others": [_entry_line(line) for line in opened.history if line not in of_files],
        "last": _("Entry of this download: %(number)s") % {"number": last.sequence},
        "head": last.digest,
        "explained": explained,
        "hands": [_("Handed over by"), _("Received by")],
        "sign": _("Name, office, date, signature"),
    }


def _item(file: DossierFile, of_files: list[HistoryEntry]) -> dict[str, object]:
    info, release = file.item.info, file.release
    words = {"number": release.number, "day": _day(timezone.localdate(release.at))}
    return {
        "title": file_label(file.item.report, file.item.number),
        "facts": [
            (_("Name in the ZIP"), file.name),
            (_("Kind"), str(info.label)),
            (_("Received"), _("Release %(number)s of %(day)s") % words),
        ],
        "stored": [
            {
                "variant": released_label(file.item.variant, info),
                "bytes": str(info.length),
                "digests": [(_("of the file"), info.sha256)],
            }
        ],
        "openings": [_entry_line(line) for line in of_files if line.entry.facts["object"] == str(file.stored.pk)],
    }


def _entry_line(line: HistoryEntry) -> EntryLine:
    variant = str(line.entry.facts.get("variant", ""))
    opened_as = _("%(variant)s opened") % {"variant": VARIANTS[variant]} if variant else ""
    return {
        "entry": line.entry.sequence,
        "at": date_format(timezone.localtime(line.entry.at), "j M Y, H:i"),
        "who": labels.staff_name(line.person) if line.person else _("the office"),
        "what": opened_as or str(EVENTS[line.entry.event]),
        "why": "",
        "digest": line.entry.digest,
    }
