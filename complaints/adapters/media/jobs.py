"""The closed list of jobs that the sandbox runs on a hostile file: one file, one process, one job or several.

A sequence saves a process and its walls for each job. All jobs of one read the same file: what a file may have done to
the process that read it must not reach the pictures that are drawn of its clean copy.
"""

from __future__ import annotations

import io
import json
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import BinaryIO, Final

from complaints.adapters.image_hash import HASH_BYTES
from complaints.adapters.media import hints, inspection, kinds, losses
from complaints.adapters.media.refusal import Unreadable

# Codecs that readers look up by name while they work; a limited process can no longer load modules.
_CODINGS: Final = ("utf_8", "utf_16", "utf_16_le", "utf_16_be", "utf_32", "latin_1", "ascii", "cp437", "cp1252")
# Beside those of the library's first group. With all of its forty, and the decoders below, a first photo took 276 ms
# instead of 201.
_PICTURE_READERS: Final = ("WebPImagePlugin", "TiffImagePlugin", "MpoImagePlugin", "IptcImagePlugin", "ImageCms")
_OFFICE: Final = ("ooxml", "odf")
# Pictures whose decoders take longer to load than a photo takes to read.
_DECODERS: Final = "decoders"
_DECODED: Final = frozenset({"image/heic", "image/heif", "image/avif"})
# Families whose copies may lack or hide something.
_TELLING: Final = frozenset({"ooxml", "odf", "pdf", "images", "scans", "tracks"})
_PREVIEWERS: Final = {"images": "images", "pdf": "pages", "tracks": "tracks"}
_PASSAGES: Final = "blackout_passages"
_PLAIN: Final = "text/plain"
_REDACTORS: Final = {
    "images": "blackout",
    "pdf": "blackout_pages",
    "tracks": "muting",
    **dict.fromkeys(_OFFICE, _PASSAGES),
}


@dataclass
class Answer:
    """The result of a job; the files that it wrote follow each other in the output, from the first byte."""

    type: str = ""
    codes: list[str] = field(default_factory=list)
    pages: int = 0
    parts: list[tuple[str, int]] = field(default_factory=list)

    def add(self, out: BinaryIO, media_type: str) -> None:
        """Add what was written to ``out`` since the last part as a file."""
        before = sum(size for _, size in self.parts)
        self.parts.append((media_type, out.seek(0, io.SEEK_END) - before))

    def dump(self) -> bytes:
        return json.dumps(asdict(self)).encode()


Job = Callable[[BinaryIO, BinaryIO, str, Mapping[str, int]], Answer]


def _module(family: str, names: Mapping[str, str] | None = None) -> ModuleType:
    return import_module(f"complaints.adapters.media.{(names or {}).get(family, family)}")


def recognise(source: BinaryIO, out: BinaryIO, media_type: str, options: Mapping[str, int]) -> Answer:
    """Return the media type of the whole file."""
    return Answer(type=kinds.recognise_whole(source))


def inspect(source: BinaryIO, out: BinaryIO, media_type: str, options: Mapping[str, int]) -> Answer:
    """Return the codes of revealing metadata."""
    codes = _module(inspection.reader(media_type)).inspect(source, media_type)
    return Answer(type=media_type, codes=hints.ordered(codes))


def clean(source: BinaryIO, out: BinaryIO, media_type: str, options: Mapping[str, int]) -> Answer:
    """Write the clean copy; return the codes of what it lacks or hides."""
    answer, family, lost = Answer(), kinds.family(media_type), set[str]()
    module = _module(family)
    if family in _TELLING:
        answer.type = module.clean(source, out, media_type, lost)
    else:
        answer.type = module.clean(source, out, media_type)
    answer.codes = losses.ordered(lost)
    answer.add(out, answer.type)
    return answer


def preview(source: BinaryIO, out: BinaryIO, media_type: str, options: Mapping[str, int]) -> Answer:
    """Write a small picture of a photo, of the first page of a PDF, or of a frame of a video."""
    family = kinds.family(media_type)
    if family not in _PREVIEWERS:
        raise Unreadable("unsupported")
    answer = Answer(type="image/jpeg")
    answer.add(out, _module(family, _PREVIEWERS).preview(source, out, media_type, options.get("side", 480)))
    return answer


def pages(source: BinaryIO, out: BinaryIO, media_type: str, options: Mapping[str, int]) -> Answer:
    """Write pictures of pages of a PDF from ``first`` (default 0), at most ``limit``, at most ``side`` pixels long."""
    if kinds.family(media_type) != "pdf":
        raise Unreadable("unsupported")
    renderer, images = _module("pages"), _module("images")
    side = options.get("side", 1600)
    answer = Answer(type="image/jpeg", pages=renderer.count(source))
    for picture in renderer.each(source, options.get("first", 0), options.get("limit", 20), side):
        packed = io.BytesIO()
        images.save_preview(picture, packed, side)
        out.write(packed.getvalue())
        answer.add(out, "image/jpeg")
    return answer


def _redactor(media_type: str) -> str:
    """Return the module that removes parts of such a file; raises Unreadable where none does."""
    if media_type == _PLAIN:
        return _PASSAGES
    if media_type.startswith("video/"):
        return "cutting"
    family = kinds.family(media_type)
    if family not in _REDACTORS:
        raise Unreadable("unsupported")
    return _REDACTORS[family]


def redact(source: BinaryIO, out: BinaryIO, media_type: str, options: Mapping[str, int]) -> Answer:
    """Write a picture, document, text, sound or film anew without what its instructions name (:mod:`instructions`).

    ``pages`` is the number of all pages of a PDF, of which the first ``limit`` are written, the length of a sound in
    tenths of a second, or what is left of that of a film.
    """
    answer = Answer()
    answer.type, answer.pages = _module(_redactor(media_type)).redact(source, out, media_type, options)
    answer.add(out, answer.type)
    return answer


def read_text(source: BinaryIO, out: BinaryIO, media_type: str, options: Mapping[str, int]) -> Answer:
    """Write the text of a working copy of an office document, or of a plain text: by it, passages are counted."""
    if _redactor(media_type) != _PASSAGES:
        raise Unreadable("unsupported")
    answer = Answer()
    out.write(_module(_PASSAGES).read(source, media_type).encode("utf-8", "replace"))
    answer.add(out, "text/plain")
    return answer


def compare(source: BinaryIO, out: BinaryIO, media_type: str, options: Mapping[str, int]) -> Answer:
    """Write the hash by which a picture is compared with others, HASH_BYTES long."""
    answer = Answer()
    out.write(_module("picture_hash").dhash(source.read()).to_bytes(HASH_BYTES, "big"))
    answer.add(out, "text/plain")
    return answer


JOBS: Final[Mapping[str, Job]] = {
    "recognise": recognise,
    "inspect": inspect,
    "clean": clean,
    "preview": preview,
    "pages": pages,
    "redact": redact,
    "read_text": read_text,
    "compare": compare,
}


Step = tuple[str, Callable[[], Answer]]


def derive(source: BinaryIO, out: BinaryIO, media_type: str, options: Mapping[str, int]) -> Iterator[Step]:
    """Yield the jobs that a file gets: its type, its metadata, its clean copy.

    Where the whole file is of another type than ``media_type`` and its readers are not loaded, "recognise" is the only
    one: the sequence has to be asked for anew with that type. A kind that gets no copy is looked into where a reader
    does. A job that fails costs no other.
    """
    answer = Answer()

    def recognised() -> Answer:
        nonlocal answer
        answer = recognise(source, out, media_type, options)
        return answer

    yield "recognise", recognised
    kind = answer.type or media_type
    if _needed(kind) not in _loaded:
        return
    yield "inspect", lambda: inspect(source, out, kind, options)
    if kind in kinds.FAMILIES:
        yield "clean", lambda: clean(source, out, kind, options)


def draw(source: BinaryIO, out: BinaryIO, media_type: str, options: Mapping[str, int]) -> Iterator[Step]:
    """Yield the jobs that a clean copy gets: its preview, and the pictures of its pages.

    They are drawn from the copy, so that none shows what cleaning removed, and in a process that never met the
    original, so that none shows what a reader did that the original took over.
    """
    if kinds.family(media_type) in _PREVIEWERS:
        yield "preview", lambda: _behind(out, preview, source, media_type, options)
    if kinds.family(media_type) == "pdf":
        yield "pages", lambda: _behind(out, pages, source, media_type, options)


def _behind(out: BinaryIO, job: Job, copy: BinaryIO, media_type: str, options: Mapping[str, int]) -> Answer:
    """Do a job on the copy and write what it makes behind what is there; by itself it writes from the first byte."""
    made = io.BytesIO()
    copy.seek(0)
    answer = job(copy, made, media_type, options)
    out.seek(0, io.SEEK_END)
    out.write(made.getbuffer())
    return answer


def _needed(kind: str) -> str:
    """Return what has to be loaded for a kind: its family, or the reader of one without a copy; "" for neither."""
    if kind in _DECODED:
        return _DECODERS
    return kinds.FAMILIES.get(kind) or (inspection.reader(kind) if inspection.looks_into(kind) else "")


SEQUENCES: Final[Mapping[str, Callable[[BinaryIO, BinaryIO, str, Mapping[str, int]], Iterator[Step]]]] = {
    "derive": derive,
    "draw": draw,
}

# The families whose readers are loaded in this process, and the readers of kinds that get no copy.
_loaded: Final = set[str]()
# A file that looked like a plain zip at its first bytes may be a document.
_IN_A_ZIP: Final = ("ooxml", "odf")


def preload(media_type: str) -> None:
    """Load all that jobs on ``media_type`` will need, while loading is still possible; opens no evidence."""
    for coding in _CODINGS:
        "".encode(coding)
    kinds.recognise(b"")
    import_module("PIL.Image").preinit()
    for name in _PICTURE_READERS:
        import_module(f"PIL.{name}")
    family = kinds.FAMILIES.get(media_type)
    if inspection.looks_into(media_type):
        _module(inspection.reader(media_type))
        _loaded.add(inspection.reader(media_type))
    for needed in (family,) if family else _IN_A_ZIP if media_type == "application/zip" else ():
        for names in ({}, _PREVIEWERS, _REDACTORS):
            _module(needed, names)
        _LOADERS.get(needed, lambda: None)()
        _loaded.add(needed)
    if media_type == _PLAIN:
        _module(_PASSAGES)
    if media_type in _DECODED:
        _module(_DECODERS).load()
        _loaded.add(_DECODERS)


def _load_for_documents() -> None:
    """Read the lists of what copies of office documents may hold, and load what draws their pictures anew."""
    for family in _OFFICE:
        _module("vocabulary").load(family)
    _module("formulas").load()
    _module("pieces").load()


def _load_for_pictures() -> None:
    _module("picture_hash")


def _load_for_tracks() -> None:
    _load_all_of("av")
    _module("cutting")


@cache
def _load_all_of(package: str) -> None:
    """Load a package with its submodules, which it would import lazily."""
    loaded = import_module(package)
    for module in pkgutil.walk_packages(loaded.__path__, f"{package}."):
        if not module.name.endswith("__main__"):
            import_module(module.name)


_LOADERS: Final[Mapping[str, Callable[[], None]]] = {
    "images": _load_for_pictures,
    "tracks": _load_for_tracks,
    "pdf": lambda: _module("pdf").load(),
    **dict.fromkeys(_OFFICE, _load_for_documents),
}
