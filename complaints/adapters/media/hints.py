"""Codes of revealing metadata in files, and the metadata fields of all formats that lead to each code.

A table plus a reader of XMP packets, for the readers of this package. The interface labels the codes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

# What texts name, and the notes of zip files: it is their content, which no copy leaves out.
TEXT_CODES: Final = (
    "names",  # those who write, in mails and chats; contacts; columns and labels of names
    "phones",  # telephone numbers
    "emails",  # e-mail addresses
    "numbers",  # numbers of persons: NIP, NIK
    "addresses",  # postal addresses
    "hours",  # hours of the day
    "network",  # internet addresses of computers
)
CODES: Final = (
    "place",  # where a photo was taken
    "device",  # which phone, camera or computer
    "author",  # who made or last changed the file
    "people",  # names of other persons: in comments, changes, signatures
    "organisation",  # to which organisation the program is registered
    "time",  # when it was made or changed, to the minute
    "software",  # the program that wrote the file
    "title",  # a title, description or key words beside the content
    "path",  # the folder and computer of the file
    "thumbnail",  # a small picture of an earlier state
    "history",  # earlier or deleted text
    "attachment",  # other files inside
    "script",  # macros or scripts
    "remote",  # addresses that a program would request by itself
    "film",  # a short film with sound beside a photo
    "second-picture",  # another picture in the same file
    "remnant",  # data beside the picture or behind its end, as what was cropped away
    "provenance",  # a signed record of device, program and time (C2PA)
    "hidden",  # sheets, rows, text or layers that nobody sees at first
    *TEXT_CODES,
    "partly",  # only a part of the file was read
)

# Field names of EXIF, XMP, IPTC, PDF, OOXML, ODF, ID3, QuickTime and Matroska, in lower case without separators.
_WORDS: Final = {
    "place": "location place gps city country state province sublocation geotag latitude longitude xyz loci",
    "device": "make model serialnumber cameraserialnumber lens lensmodel hostcomputer makernote deviceid"
    " manufacturer bodyserialnumber imageuniqueid",
    "author": "author artist creator copyright xpauthor ownername cameraownername byline performer composer director"
    " credit initialcreator lastmodifiedby printedby albumartist encodedby rights writer leadartist cprt"
    " captionwriter authorsposition createdby publisher",
    "organisation": "company manager organization organisation",
    "time": "date createdate creationdate modifydate moddate metadatadate datecreated timecreated created modified"
    " creationtime datetime datetimeoriginal datetimedigitized modificationtime year printdate lastprinted day dateutc"
    " tdrc tyer trda",
    "software": "software creatortool processingsoftware encoder application generator encodingtool writingapp"
    " muxingapp appversion tool producer",
    "title": "title description subject keywords comment caption usercomment imagedescription xptitle xpcomment"
    " xpsubject xpkeywords synopsis headline album show category contentstatus lyrics",
}
_CODE_OF: Final = {word: code for code, words in _WORDS.items() for word in words.split()}
_PREFIXES: Final = (("gps", "place"), ("location", "place"), ("lens", "device"), ("date", "time"))
_RDF: Final = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_OWN_PLACE: Final = re.compile(
    r"\bfile:|(?<![A-Za-z])[A-Za-z]:[\\/]|\\\\|(?<![\w.])/(home|Users|Volumes|media|mnt)/", re.I
)
_ADDRESS: Final = re.compile(r"(https?|ftp|mailto):", re.I)
_XMP_LIMIT: Final = 4 * 1024 * 1024
_XMP_BODIES: Final = ((b"<x:xmpmeta", b"</x:xmpmeta>"), (b"<rdf:RDF", b"</rdf:RDF>"))


def names_own_place(target: str) -> bool:
    """Return whether a link or formula leads to a folder or file of its author's computer or network."""
    return _OWN_PLACE.search(target) is not None and not _ADDRESS.match(target)


def code_of(field: str) -> str:
    """Return the code of a metadata field, or ""; a QuickTime or XMP prefix is ignored."""
    field = field.lower()
    if field.startswith("com.android."):
        return "device"
    word = re.sub(r"[^a-z]", "", re.split(r"[.:/}]", field)[-1])
    return _CODE_OF.get(word) or next((code for prefix, code in _PREFIXES if word.startswith(prefix)), "")


def codes_of(fields: Iterable[str]) -> set[str]:
    return {code for field in fields if (code := code_of(field))}


def ordered(codes: Iterable[str]) -> list[str]:
    """Return the known codes among ``codes``, each once, in the order of :data:`CODES`."""
    present = set(codes)
    return [code for code in CODES if code in present]


def _xmp_body(packet: bytes) -> bytes:
    for begin, end in _XMP_BODIES:
        start = packet.find(begin)
        stop = packet.find(end, start) if start >= 0 else -1
        if stop >= 0:
            return packet[start : stop + len(end)]
    return b""


def codes_of_xmp(packet: bytes) -> set[str]:
    """Return the codes of the fields in an XMP packet; "partly" where it cannot be read."""
    text = _xmp_body(packet[:_XMP_LIMIT])
    if not text:
        return {"partly"} if packet.strip() else set()
    try:
        root = ElementTree.fromstring(text, forbid_dtd=True)
    except (ParseError, ValueError, DefusedXmlException):
        return {"partly"}
    codes: set[str] = set()
    for element in root.iter():
        codes |= _codes_of_element(element)
    return codes


def _codes_of_element(element: Element) -> set[str]:
    fields = [name for name, value in element.attrib.items() if value.strip()]
    # rdf:Description is only a wrapper, dc:description is text.
    if not element.tag.startswith(_RDF) and ((element.text or "").strip() or len(element)):
        fields.append(element.tag)
    return codes_of(fields)
