"""Every word of a custody sheet on paper, in the officer's language, as plain data for ``adapters.paper``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import get_language
from django.utils.translation import gettext as _


def on_paper(made: Mapping[str, Any]) -> dict[str, Any]:
    """Return what ``custody.typ`` needs of a sheet as the page shows it."""
    sheet, person = made["sheet"], made["sheet"].person
    at = date_format(localtime(sheet.at), "l, j M Y, H:i")
    about = _("Made on %(at)s by") % {"at": at}
    confidential = _("Confidential: it names who worked on the case and tells the hashes of what the reporter sent.")
    explained = _(
        "The SHA-256 of an original is that of the file as the reporter sent it: sha256sum on the sender's side gives "
        "the same. The chain is verified with the command audit_verify."
    )
    last = _("Last entry of the chain when this sheet was made: %(number)s") % {"number": sheet.head[0]}
    return {
        "lang": (get_language() or "id")[:2],
        "title": made["title"],
        "about": f"{about} {(person.get_full_name() or person.username) if person else ''}. {confidential}",
        "items": [_item(part, several=made["several"]) for part in made["items"]],
        "files": [_("File"), _("Bytes"), "SHA-256"],
        "log": [_("Entry"), _("When"), _("Who"), _("What")],
        "opened": _("Who opened it"),
        "nobody": _("Nobody yet."),
        "empty": _("No files were sent."),
        "chain": _("The case in the audit chain"),
        "others": [_line(one) for one in made["others"]],
        "last": last,
        "head": sheet.head[1],
        "explained": explained,
        "hands": [_("Handed over by"), _("Received by")],
        "sign": _("Name, office, date, signature"),
    }


def _item(part: Mapping[str, Any], *, several: bool) -> dict[str, Any]:
    item = part["item"]
    numbers = {"number": item.report, "sequence": item.sequence}
    title = _("Report %(number)s, evidence %(sequence)s") if several else _("Evidence %(sequence)s")
    info = item.original.info
    return {
        "title": title % numbers,
        "facts": [
            [_("Received"), date_format(item.received, "l, j M Y")],
            [_("Name"), info.name],
            [_("Kind"), info.label],
        ],
        "stored": [_stored(one, variant) for one, variant in part["stored"]],
        "openings": [_line(one) for one in part["openings"]],
    }


def _stored(one: Any, variant: Any) -> dict[str, Any]:
    return {
        "variant": f"{variant} {one.number}" if one.number else str(variant),
        "bytes": str(one.info.length),
        "digests": [[_("of the file"), one.info.sha256], [_("of the stored ciphertext"), one.object_digest]],
    }


def _line(one: Mapping[str, Any]) -> dict[str, Any]:
    entry = one["entry"]
    return {
        "entry": entry.sequence,
        "at": date_format(localtime(entry.at), "j M Y, H:i"),
        "who": str(one["who"]),
        "what": str(one["what"]),
        "why": one["why"],
        "digest": entry.digest,
    }
