"""Pictures inside of documents lose their comments, previews and profiles, and keep every order that draws."""

import io
import struct

import pytest
from PIL import Image, ImageCms

from complaints.adapters.media import icc, pieces
from tests.adapters import samples
from tests.adapters.samples import MARK


def test_previews_and_comments_in_a_jpeg_go() -> None:
    data = samples.jpeg()
    preview = b"JFXX\x00\x13" + b"\x01\x01" + MARK.encode()
    jfif = b"JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x01\x03" + MARK.encode()
    segments = b"".join(b"\xff\xe0" + (len(part) + 2).to_bytes(2, "big") + part for part in (jfif, preview))
    bare = pieces.jpeg(data[:2] + segments + data[2:])
    assert bare is not None
    assert MARK.encode() not in bare
    with Image.open(io.BytesIO(bare)) as image:
        assert image.convert("RGB").tobytes() == Image.open(io.BytesIO(data)).convert("RGB").tobytes()


def emf_record(kind: int, content: bytes) -> bytes:
    content += bytes(-len(content) % 4)
    return struct.pack("<II", kind, len(content) + 8) + content


def test_enhanced_metafiles_keep_what_draws() -> None:
    words = MARK.encode("utf-16-le")
    header = bytearray(108) + words + bytes(-len(words) % 4)
    header[0:8], header[40:44] = struct.pack("<II", 1, len(header)), b" EMF"
    header[60:68] = struct.pack("<II", len(MARK), 108)
    line, end = emf_record(54, struct.pack("<ii", 3, 4)), emf_record(14, bytes(12))
    plus_comment = struct.pack("<HHII", 0x4003, 0, 24, 12) + MARK.encode().ljust(12, b"\0")
    plus_line = struct.pack("<HHII", 0x400D, 0, 12, 0)
    plus = emf_record(70, struct.pack("<I", 4 + 36) + b"EMF+" + plus_comment + plus_line)
    comment, escape = emf_record(70, struct.pack("<I", 9) + MARK.encode()), emf_record(106, MARK.encode())
    bare = pieces.picture(bytes(header) + comment + line + escape + plus + end + MARK.encode())
    assert bare is not None
    assert MARK.encode() not in bare
    assert words not in bare
    assert line in bare
    assert plus_line in bare
    assert struct.unpack("<II", bare[48:56]) == (len(bare), 4)
    assert pieces.picture(bytes(header) + line[:-2]) is None or line not in bytes(header)


@pytest.mark.parametrize("placeable", [b"", b"\xd7\xcd\xc6\x9a" + bytes(18)])
def test_windows_metafiles_keep_what_draws(placeable: bytes) -> None:
    line, end = struct.pack("<IHhh", 5, 0x0213, 3, 4), struct.pack("<IH", 3, 0)
    word = MARK.encode() + b"\0"
    escape = struct.pack("<IHHH", 5 + len(word) // 2, 0x0626, 15, len(word)) + word
    header = struct.pack("<HHHIHIH", 1, 9, 0x300, 999, 0, 20, 0)
    bare = pieces.picture(placeable + header + escape + line + end + MARK.encode())
    assert bare is not None
    assert MARK.encode() not in bare
    assert bare.startswith(placeable)
    assert bare.endswith(line + end)
    assert struct.unpack("<I", bare[len(placeable) + 6 : len(placeable) + 10])[0] == (len(bare) - len(placeable)) // 2


def test_comments_in_jpeg_2000_are_blank() -> None:
    comment = b"\xff\x64" + (4 + len(MARK)).to_bytes(2, "big") + b"\x00\x01" + MARK.encode()
    stream = b"\xff\x4f\xff\x51\x00\x04ab" + comment + b"\xff\x90\x00\x0a" + bytes(8) + b"\xff\x93pixels\xff\xd9"
    stream = stream.replace(
        b"\xff\x90\x00\x0a" + bytes(8), b"\xff\x90\x00\x0a\x00\x00" + (20).to_bytes(4, "big") + b"\0\1"
    )
    bare = pieces.jp2(stream)
    assert bare is not None
    assert MARK.encode() not in bare
    assert len(bare) == len(stream)
    assert b"pixels" in bare


def test_colour_profiles_convert_alike_and_name_nobody() -> None:
    data = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (data, srgb):
        bare = icc.bare(profile)
        assert bare is not None
        assert len(bare) == len(profile)
        for word in ("sRGB built-in", "Lab identity", "No copyright", "lcms"):
            assert word.encode() not in bare
            assert word.encode("utf-16-be") not in bare
    before, after = (ImageCms.ImageCmsProfile(io.BytesIO(profile)) for profile in (srgb, icc.bare(srgb) or b""))
    lab = ImageCms.createProfile("LAB")
    converted = [
        ImageCms.applyTransform(samples.picture(), ImageCms.buildTransform(profile, lab, "RGB", "LAB"))
        for profile in (before, after)
    ]
    assert converted[0] is not None
    assert converted[1] is not None
    assert converted[0].tobytes() == converted[1].tobytes()
    assert icc.bare(b"short") is None
