"""The closed list of jobs that the sandbox runs on a hostile file: one job, one file, one process."""

from __future__ import annotations

import io
import json
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import BinaryIO, Final

from complaints.adapters.media import hints, inspection, kinds, losses
from complaints.adapters.media.refusal import Unreadable

# Codecs that readers look up by name while they work; a limited process can no longer load modules.
_CODINGS: Final = ("utf_8", "utf_16", "utf_16_le", "utf_16_be", "utf_32", "latin_1", "ascii", "cp437", "cp1252")
_OFFICE: Final = ("ooxml", "odf")
# Families whose copies may lack or hide something.
_TELLING: Final = frozenset({"ooxml", "odf", "pdf", "images", "scans"})
_PREVIEWERS: Final = {"images": "images", "pdf": "pages", "tracks": "tracks"}


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
    answer, family, found = Answer(), kinds.family(media_type), set[str]()
    module = _module(family)
    if family in _TELLING:
        answer.type = module.clean(source, out, media_type, found)
    else:
        answer.type = module.clean(source, out, media_type)
    answer.codes = losses.ordered(found)
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


JOBS: Final[Mapping[str, Job]] = {
    "recognise": recognise,
    "inspect": inspect,
    "clean": clean,
    "preview": preview,
    "pages": pages,
}


def preload(media_type: str) -> None:
    """Load all that jobs on ``media_type`` will need, while loading is still possible; opens no evidence."""
    for coding in _CODINGS:
        "".encode(coding)
    kinds.recognise(b"")
    import_module("PIL.Image").init()
    for name in ("PIL.ImageCms", "PIL.MpoImagePlugin", "PIL.TiffImagePlugin", "PIL.IptcImagePlugin"):
        import_module(name)
    if inspection.looks_into(media_type):
        _module(inspection.reader(media_type))
    family = kinds.FAMILIES.get(media_type)
    if family is None:
        return
    for names in ({}, _PREVIEWERS):
        _module(family, names)
    _LOADERS.get(family, lambda: None)()


def _load_for_documents() -> None:
    """Read the lists of what copies of office documents may hold, and load what draws their pictures anew."""
    for family in _OFFICE:
        _module("vocabulary").load(family)
    _module("formulas").load()
    _module("pieces").load()


@cache
def _load_all_of(package: str) -> None:
    """Load a package with its submodules, which it would import lazily."""
    loaded = import_module(package)
    for module in pkgutil.walk_packages(loaded.__path__, f"{package}."):
        if not module.name.endswith("__main__"):
            import_module(module.name)


_LOADERS: Final[Mapping[str, Callable[[], None]]] = {
    "images": lambda: _module("decoders").load(),
    "tracks": lambda: _load_all_of("av"),
    "pdf": lambda: _module("pdf").load(),
    **dict.fromkeys(_OFFICE, _load_for_documents),
}
