"""What picture files hold beside the picture that is seen is told: films, second pictures, remarks, remains."""

from __future__ import annotations

import io
import random
import struct
import time
import zlib

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from complaints.adapters.media import hints, images, tails
from complaints.adapters.media.refusal import Unreadable
from tests.adapters import samples

JPEG_END = b"\xff\xd9"
FILM = b"\x00\x00\x00\x18ftypmp42" + bytes(8) + b"\x00\x00\x00\x10mdat" + b"suara kamu"
MOTION = b'http://ns.adobe.com/xap/1.0/\x00<x:xmpmeta xmlns:x="adobe:ns:meta/" GCamera:MotionPhoto="1"></x:xmpmeta>'


def bare(form: str) -> bytes:
    """A picture without a word beside its pixels."""
    out = io.BytesIO()
    samples.picture().convert("P" if form == "GIF" else "RGB").save(out, form)
    return out.getvalue()


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def jpeg_with(*segments: bytes, tail: bytes = b"") -> bytes:
    data = bare("JPEG")
    return data[:2] + b"".join(segments) + data[2:] + tail


def multi_picture(count: int) -> bytes:
    """The index of CIPA DC-007 with its three entries."""
    entries = struct.pack(">HHI4s", 0xB000, 7, 4, b"0100") + struct.pack(">HHII", 0xB001, 4, 1, count)
    return b"MPF\x00MM\x00\x2a" + struct.pack(">IH", 8, 2) + entries + bytes(4)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_with(*chunks: bytes, tail: bytes = b"") -> bytes:
    data = bare("PNG")
    end = data.index(b"IEND") - 4
    return data[:end] + b"".join(chunks) + data[end:] + tail


def webp_with(chunk: bytes) -> bytes:
    body = bare("WEBP")[8:] + chunk
    return b"RIFF" + struct.pack("<I", len(body)) + body


def gif_with(extension: bytes) -> bytes:
    data = bare("GIF")
    return data[:-1] + extension + data[-1:]


JPEGS = {
    "a film behind the picture": (jpeg_with(tail=FILM), {"film", "attachment"}),
    "Google's film": (jpeg_with(segment(0xE1, MOTION), tail=b"\0" * 10 + FILM), {"film", "attachment"}),
    "Samsung's trailer": (
        jpeg_with(tail=b"Image_UTC_Data1705032712345MotionPhoto_Data" + FILM + b"SEFHSEFT"),
        {"film", "attachment", "time"},
    ),
    "a second picture": (jpeg_with(segment(0xE2, multi_picture(2)), tail=bare("JPEG")), {"second-picture"}),
    "an index of one": (jpeg_with(segment(0xE2, multi_picture(1))), set()),
    "an index that is cut": (jpeg_with(segment(0xE2, b"MPF\x00MM")), {"second-picture"}),
    "a second picture without index": (jpeg_with(tail=bare("JPEG")), {"second-picture"}),
    "other bytes behind the end": (jpeg_with(tail=b"\0\0sisa"), {"remnant"}),
    "padding behind the end": (jpeg_with(tail=bytes(2000) + b"\xff" * 10), set()),
    "a remark": (jpeg_with(segment(0xFE, b"difoto oleh seorang pegawai")), {"title"}),
    "a remark of a library": (jpeg_with(segment(0xFE, b"CREATOR: gd-jpeg v1.0")), {"software"}),
    "an empty remark": (jpeg_with(segment(0xFE, b"\0")), set()),
    "a thumbnail of JFIF": (
        jpeg_with(segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\1\1" + bytes(3))),
        {"thumbnail"},
    ),
    "a thumbnail of JFXX": (jpeg_with(segment(0xE0, b"JFXX\0\x10" + bare("JPEG")[:50])), {"thumbnail"}),
    "a thumbnail of Photoshop": (
        jpeg_with(segment(0xED, b"Photoshop 3.0\x008BIM\x04\x0c\0\0\0\0\0\4abcd")),
        {"thumbnail"},
    ),
    "a signed record": (jpeg_with(segment(0xEB, b"JP\0\1\0\0\0\1" + bytes(20))), {"provenance"}),
    "an unknown segment": (jpeg_with(segment(0xE6, b"GoPro 1234")), {"remnant"}),
    "no end mark": (bare("JPEG")[:-2], set()),
}
PNGS = {
    "the uncropped picture behind the end": (png_with(tail=bare("PNG")[40:]), {"remnant"}),
    "a time": (png_with(chunk(b"tIME", struct.pack(">H5B", 2024, 1, 12, 10, 11, 12))), {"time"}),
    "an author": (png_with(chunk(b"tEXt", b"Author\0Seorang pegawai")), {"author"}),
    "a remark under a key of its own": (png_with(chunk(b"tEXt", b"Catatan\0rapat")), {"title"}),
    "ImageMagick's date": (png_with(chunk(b"tEXt", b"date:create\x002024-01-12")), {"time"}),
    "an unknown chunk": (png_with(chunk(b"mkBT", b"lapisan")), {"remnant"}),
    "a signed record": (png_with(chunk(b"caBX", b"jumb")), {"provenance"}),
    "a screenshot of Apple": (png_with(chunk(b"iDOT", bytes(28))), set()),
}
OTHERS = {
    "a remark in a GIF": ("image/gif", gif_with(b"\x21\xfe\x05rapat\x00"), {"title"}),
    "bytes behind a GIF": ("image/gif", bare("GIF") + b"sisa", {"remnant"}),
    "another program's data in a GIF": ("image/gif", gif_with(b"\x21\xff\x0bABCDEFGH123\x01x\x00"), {"remnant"}),
    "an unknown chunk in a WebP": ("image/webp", webp_with(b"abcd" + struct.pack("<I", 4) + b"isi!"), {"remnant"}),
    "bytes behind a WebP": ("image/webp", bare("WEBP") + b"sisa", {"remnant"}),
    "bytes behind a BMP": ("image/bmp", bare("BMP") + b"sisa", {"remnant"}),
    "a film in a HEIC": ("image/heic", samples.heic() + b"\0\0\0\x10mpvd" + bytes(8), {"film", "attachment"}),
    "bytes behind a HEIC": ("image/heic", samples.heic() + b"\0\0\0\x0csefdabcd", {"remnant"}),
}
CASES = {
    **{name: ("image/jpeg", *case) for name, case in JPEGS.items()},
    **{name + " (PNG)": ("image/png", *case) for name, case in PNGS.items()},
    **OTHERS,
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_beside_a_picture_is_told(name: str) -> None:
    media_type, data, expected = CASES[name]
    assert tails.inspect(io.BytesIO(data), media_type) == expected
    assert expected <= set(hints.CODES)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
def test_a_bare_picture_has_nothing_beside_it(form: str) -> None:
    assert tails.inspect(io.BytesIO(bare(form)), f"image/{form.lower()}") == set()
    assert tails.inspect(io.BytesIO(samples.heic()), "image/heic") == set()
    assert tails.inspect(io.BytesIO(b"II*\0"), "image/tiff") == set()


@pytest.mark.parametrize(("kind", "name"), [("jpg", "a film behind the picture"), ("png", "a time (PNG)")])
def test_the_check_of_a_picture_tells_it_and_its_copy_has_none(kind: str, name: str) -> None:
    media_type, data, expected = CASES[name]
    assert expected <= images.inspect(io.BytesIO(data), media_type)
    out = io.BytesIO()
    images.clean(io.BytesIO(data), out, media_type)
    assert tails.inspect(out, media_type) == set()


def test_progressive_pictures_end_where_they_end() -> None:
    out = io.BytesIO()
    Image.effect_noise((200, 200), 60).save(out, "JPEG", progressive=True, restart_marker_rows=1)
    assert tails.inspect(out, "image/jpeg") == set()
    assert tails.inspect(io.BytesIO(out.getvalue() + b"sisa"), "image/jpeg") == {"remnant"}


def test_damaged_pictures_end_in_codes_or_a_refusal() -> None:
    randomly = random.Random(7)
    for media_type, data, _expected in CASES.values():
        for _ in range(5):
            broken = bytearray(data[: randomly.randrange(len(data))])
            for _ in range(min(8, len(broken))):
                broken[randomly.randrange(len(broken))] = randomly.randrange(256)
            assert tails.inspect(io.BytesIO(bytes(broken)), media_type) <= set(hints.CODES)


@pytest.mark.parametrize(
    ("media_type", "head", "piece"),
    [
        ("image/jpeg", b"\xff\xd8", segment(0xFE, b"")),
        ("image/png", b"\x89PNG\r\n\x1a\n", chunk(b"tIME", b"")),
        ("image/gif", bare("GIF")[:13].replace(b"\xf7", b"\x00"), b"\x21\xfe\x00"),
    ],
)
def test_more_pieces_than_any_picture_has_are_refused(media_type: str, head: bytes, piece: bytes) -> None:
    if media_type == "image/gif":
        head = head[:10] + b"\0" + head[11:]
    with pytest.raises(Unreadable) as refused:
        tails.inspect(io.BytesIO(head + piece * 200_001), media_type)
    assert refused.value.code == "bomb"


def test_text_chunks_that_the_library_writes_are_read() -> None:
    texts, out = PngInfo(), io.BytesIO()
    texts.add_itxt("Description", "rapat", zip=True)
    samples.picture().save(out, "PNG", pnginfo=texts)
    assert tails.inspect(out, "image/png") == {"title"}


def test_many_notes_in_a_gif_are_each_read_once() -> None:
    note = b"\x21\xff\x0bXMP DataXMP\0"
    begun = time.process_time()
    assert tails.inspect(io.BytesIO(gif_with(note * 50_000)), "image/gif") == {"partly"}
    assert time.process_time() - begun < 3


def test_an_odd_block_behind_the_first_picture_is_a_damage_and_no_crash() -> None:
    with pytest.raises(Unreadable) as refused:
        images.clean(io.BytesIO(gif_with(b"\x21\xf9\x01x\0")), io.BytesIO(), "image/gif")
    assert refused.value.code == "damaged"
