"""Gives the fields of a PDF's form the look that programs give them when they open it; for ``pdf`` only."""

from __future__ import annotations

from typing import Final

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream

_PUSH_BUTTON: Final = 1 << 16


def annotations_of(page: Object) -> list[Object]:
    """Return the annotations of a page, among which are the fields that stand on it."""
    notes = page.get("/Annots")
    return [note for note in notes if isinstance(note, Dictionary)] if isinstance(notes, Array) else []


def draw(document: Pdf) -> set[str]:
    """Draw fields that have a value and no look; return the code of ``losses`` where the library cannot."""
    form = document.Root.get("/AcroForm")
    if not isinstance(form, Dictionary):
        return set()
    fields = [
        note for page in document.pages for note in annotations_of(page.obj) if note.get("/Subtype") == Name.Widget
    ]
    boxes = [field for field in fields if _is_chosen(field) and not _has_look(field)]
    for box in boxes:
        _draw_box(document, box)
    try:
        _draw_texts(document, form, [field for field in fields if _inherited(field, "/FT") != Name.Btn])
    except pikepdf.PdfError:
        return {"form-values"}
    return set()


def _draw_texts(document: Pdf, form: Dictionary, fields: list[Object]) -> None:
    if form.get("/NeedAppearances"):
        document.generate_appearance_streams()
        return
    looks = [field.get("/AP") for field in fields]
    if not any(look is None and _has_value(field) for field, look in zip(fields, looks, strict=True)):
        return
    form.NeedAppearances = True
    document.generate_appearance_streams()
    # The library draws the others anew as well, and knows few fonts.
    for field, look in zip(fields, looks, strict=True):
        if look is not None:
            field.AP = look
        elif not _has_value(field) and "/AP" in field:
            del field.AP


def _inherited(field: Object, key: str) -> object:
    """Return an entry of a field, or of the field to which it belongs."""
    parent = field.get("/Parent")
    return field.get(key, parent.get(key) if isinstance(parent, Dictionary) else None)


def _has_value(field: Object) -> bool:
    return _inherited(field, "/V") is not None


def _is_chosen(field: Object) -> bool:
    """Return whether a field is a check box or radio button that is ticked."""
    flags = _inherited(field, "/Ff")
    if _inherited(field, "/FT") != Name.Btn or (isinstance(flags, int) and flags & _PUSH_BUTTON):
        return False
    state = field.get("/AS") or field.get("/V")
    return isinstance(state, Name) and state != Name.Off


def _has_look(field: Object) -> bool:
    """Return whether the state of a check box is among its looks."""
    looks = field.get("/AP")
    normal = looks.get("/N") if isinstance(looks, Dictionary) else None
    if isinstance(normal, Stream):
        return True
    state = field.get("/AS") or field.get("/V")
    if not isinstance(normal, Dictionary):
        return False
    return any(isinstance(look, Stream) for key, look in normal.items() if key.isascii() and Name(key) == state)


def _draw_box(document: Pdf, box: Object) -> None:
    """Draw the sign of a ticked box: its frame, and a cross."""
    rectangle = box.get("/Rect")
    corners = [float(side) for side in rectangle] if isinstance(rectangle, Array) and len(rectangle) == 4 else [0.0] * 4
    width, height = abs(corners[2] - corners[0]), abs(corners[3] - corners[1])
    x, y = round(width - 1, 2), round(height - 1, 2)
    sign = f"1 1 {x - 1:g} {y - 1:g} re S 1 1 m {x:g} {y:g} l S 1 {y:g} m {x:g} 1 l S"
    look = document.make_stream(sign.encode(), Type=Name.XObject, Subtype=Name.Form)
    look.BBox = Array([0, 0, width, height])
    box.AP = Dictionary(N=look)
