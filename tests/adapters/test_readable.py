"""Files that every other program opens get a copy: with broken notes, cut, very long, in rare variants. What has none
says so in its own word."""

import base64
import contextlib
import io
import struct
import time
import zipfile
import zlib
from collections.abc import Iterator

import av
import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name
from PIL import Image, ImageStat
from PIL.PngImagePlugin import PngInfo

from complaints.adapters import sandbox
from complaints.adapters.media import headers, images, kinds, scans
from complaints.adapters.media.refusal import Unreadable
from complaints.adapters.sandbox import JobFailed, Sandbox
from tests.adapters import samples
from tests.adapters.samples import MARK, SAMPLES, SHOWN

PDF = "application/pdf"


@pytest.fixture(scope="module")
def real() -> Iterator[Sandbox]:
    box = Sandbox()
    yield box
    box.close()


def copied(box: Sandbox, data: bytes, media_type: str) -> tuple[str, bytes, tuple[str, ...]]:
    """The type of the copy, the copy, and what it lacks, of a file that is inspected first."""
    with sandbox.hold([data], 10**9) as held:
        box.run("inspect", held, media_type).close()
        with box.run("clean", held, media_type, limits=sandbox.limits_of(held)) as result:
            return result.type, result.parts[0].read(), tuple(result.codes)


def refused(box: Sandbox, job: str, data: bytes, media_type: str) -> str:
    with sandbox.hold([data], 10**9) as held, pytest.raises(JobFailed) as failed:
        box.run(job, held, media_type).close()
    return failed.value.code


def codes(box: Sandbox, data: bytes, media_type: str) -> set[str]:
    with sandbox.hold([data], 10**9) as held, box.run("inspect", held, media_type) as result:
        return set(result.codes)


def recognised(box: Sandbox, data: bytes) -> str:
    with sandbox.hold([data], 10**9) as held, box.run("recognise", held) as result:
        return result.type


# --- Recognition


@pytest.mark.parametrize(
    "text",
    [
        "P5 rapat di balai kota",
        "<title> saya catat begini",
        "dia menulis <body> di grup",
        "a",
        "BMKG: hujan. ID3 bukan lagu. GIF89a juga bukan gambar.",
        "1\n00:00:01,000 --> 00:00:02,000\nhalo\n",
        '{"from": "Budi"}\n{"from": "Siti"}\n',
        "<?xml version='1.0'?><smses count='1'><sms body='halo'/></smses>",
    ],
)
def test_text_is_text_whatever_it_begins_with(text: str) -> None:
    for coding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"):
        assert kinds.recognise(text.encode(coding)) == "text/plain", coding


def test_text_is_recognised_in_old_codings_and_where_it_is_cut() -> None:
    assert kinds.recognise("Ma’ruf sudah tiba – “baik”.".encode("cp1252")) == "text/plain"
    assert kinds.recognise(("ꦗꦮ" * 40_000).encode()[: kinds.HEAD_BYTES - 1]) == "text/plain"
    for binary in (bytes(range(256)), b"\x00\x01" * 200, b"MZ" + bytes(200), bytes(1)):
        assert kinds.recognise(binary) not in kinds.ALLOWED


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (b"<!DOCTYPE html><html><body>Obrolan</body></html>", "text/html"),
        (b"\xef\xbb\xbf\n<!-- dari telepon -->\n<html lang=id><body>Obrolan</body></html>", "text/html"),
        (b'<?xml version="1.0"?>\n<!-- a --><!-- b -->\n<head></head>', "text/html"),
        (b"{\\rtf1\\ansi Surat}", "text/rtf"),
    ],
)
def test_pages_and_rich_text_are_taken_as_they_are(data: bytes, media_type: str) -> None:
    assert kinds.recognise(data) == media_type
    assert media_type in kinds.ALLOWED
    assert kinds.no_copy_reason(media_type) == "opaque"


def test_remarks_without_a_page_behind_them_cost_no_time() -> None:
    for text in (b"<!---->" * 9_000 + b"x", b"<!--" * 16_000, b"<?xml" * 13_000, b" <!-- -->" * 7_000 + b"<htm"):
        begun = time.process_time()
        assert kinds.recognise(text) == "text/plain"
        assert time.process_time() - begun < 2


@pytest.mark.parametrize(
    ("name", "media_type", "expected"),
    [
        ("No. 12 tahun 2024", PDF, False),
        ("surat.pdf (1)", PDF, False),
        ("surat.jpg (1)", PDF, True),
        ("SK 31.12.2024", PDF, False),
        ("Keterangan Budi, S.Sos", PDF, False),
        (f"x.{kinds.DOCX.partition('/')[2]}", kinds.DOCX, False),
        (f"x.{kinds.DOCX.partition('/')[2]}", kinds.XLSX, False),
        ("surat.docx", kinds.LOCKED_OFFICE, False),
        ("surat.docx", kinds.LOCKED_ZIP, True),
        ("surat.pdf.scr", PDF, True),
        ("chat.html", "text/plain", True),
    ],
)
def test_only_a_known_ending_can_disagree(name: str, media_type: str, expected: bool) -> None:
    assert kinds.disagrees(name, media_type) is expected


def test_originals_are_given_out_under_an_ending_that_fits() -> None:
    assert kinds.ending("audio/ogg", "suara.opus") == "ogg"
    assert kinds.ending("unknown/kind", "../x") == "bin"
    assert kinds.ending(kinds.LOCKED_OFFICE, "surat.xlsx") == "xlsx"
    assert kinds.ending(kinds.LOCKED_OFFICE, "surat.exe") == "docx"
    assert kinds.ending("image/jpeg", "foto.exe") == "jpg"
    # No browser opens it, so that no script of it runs.
    assert kinds.ending("text/html", "chat.html") == "html.txt"
    assert {"JPEG", "DOCX", "DOC", "HTML"} <= set(kinds.labels())
    assert not [label for label in kinds.labels() if "/" in label]


# --- Pictures


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def with_chunk(data: bytes, chunk: bytes) -> bytes:
    """The PNG with a chunk behind its header."""
    return data[:33] + chunk + data[33:]


def broken_pictures() -> dict[str, tuple[str, bytes, tuple[str, ...]]]:
    """By what is wrong with it: type, file, and what its copy lacks."""
    jpeg, png, webp = (samples.saved(form) for form in ("JPEG", "PNG", "WEBP"))
    passes = samples.saved("JPEG", progressive=True)
    odd = b"Photoshop 3.0\x008BIM\x04\x04\x00\x00" + struct.pack(">I", 9) + b"\x1c\x02\x50\x80\x10abcd"
    texts = PngInfo()
    texts.add_text("Author", MARK)
    remark = bytearray(samples.saved("PNG", pnginfo=texts))
    remark[remark.index(b"Author") + 8] ^= 1
    exif = b"XXXX\0\0no notes"
    chunks = b"VP8X" + struct.pack("<I", 10) + b"\x08\0\0\0" + b"\x5f\0\0" + b"\x3f\0\0" + webp[12:]
    chunks += b"EXIF" + struct.pack("<I", len(exif)) + exif
    odd_webp = b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks
    return {
        "IPTC": ("image/jpeg", jpeg[:2] + b"\xff\xed" + struct.pack(">H", len(odd) + 2) + odd + jpeg[2:], ()),
        "EXIF of PNG": ("image/png", with_chunk(png, png_chunk(b"eXIf", b"XX*\0notes")), ()),
        "EXIF of WebP": ("image/webp", odd_webp, ()),
        "checksum": ("image/png", bytes(remark), ()),
        "end mark": ("image/jpeg", jpeg[:-2], ("cut",)),
        "few bytes": ("image/jpeg", jpeg[:-20], ("cut",)),
        "in passes": ("image/jpeg", passes[:-20], ("cut",)),
        "last rows": ("image/png", png[: len(png) * 3 // 4], ("cut",)),
    }


def test_pictures_that_others_show_have_a_copy(real: Sandbox) -> None:
    for fault, (media_type, data, lost) in broken_pictures().items():
        kind, copy, codes_of_copy = copied(real, data, media_type)
        assert (kind, codes_of_copy) == (media_type, lost), fault
        with Image.open(io.BytesIO(copy)) as image:
            assert image.size == (96, 64), fault
            red, _, blue = ImageStat.Stat(image.convert("RGB").crop((4, 4, 5, 5))).mean
            assert red > 90 > blue, fault
    # What can be read of the notes is read, and what cannot is said.
    for fault in ("IPTC", "EXIF of PNG", "EXIF of WebP"):
        assert codes(real, broken_pictures()[fault][1], broken_pictures()[fault][0]) == {"partly"}
    assert codes(real, broken_pictures()["checksum"][1], "image/png") == {"author"}


def test_pictures_of_which_nothing_is_left_are_damaged(real: Sandbox) -> None:
    for data in (samples.saved("JPEG")[:300], samples.saved("JPEG")[:20], samples.png_bomb(100, 100, rows=0)):
        media_type = kinds.recognise(data)
        assert refused(real, "clean", data, media_type) == "damaged"


def test_long_screenshots_and_panoramas_have_a_copy(real: Sandbox) -> None:
    for form, size in (("PNG", (72, 36_000)), ("PNG", (70_000, 30)), ("JPEG", (40_000, 20)), ("BMP", (20, 70_000))):
        out = io.BytesIO()
        samples.picture().resize(size).save(out, form)
        kind, copy, lost = copied(real, out.getvalue(), f"image/{form.lower()}")
        with Image.open(io.BytesIO(copy)) as image:
            assert image.size == size
        assert kind == ("image/jpeg" if form == "JPEG" else "image/png")
        assert lost == ()


def test_a_side_above_those_of_jpeg_is_written_as_png(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "_JPEG_SIDE", 95)
    assert images.clean(io.BytesIO(samples.heic()), io.BytesIO(), "image/heic") == "image/png"


def test_what_a_copy_of_a_picture_lacks_is_said(real: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    others = [samples.picture().rotate(180)]
    for form in ("GIF", "PNG", "WEBP", "AVIF"):
        data = samples.saved(form, save_all=True, append_images=others)
        assert copied(real, data, f"image/{form.lower()}")[2] == ("animations",)
    monkeypatch.setattr(images, "MAX_PIXELS", 5_000)
    lost: set[str] = set()
    images.clean(io.BytesIO(samples.saved("JPEG")), io.BytesIO(), "image/jpeg", lost)
    assert lost == {"full-size"}


def test_a_scan_of_several_pages_becomes_a_document(real: Sandbox) -> None:
    fax, page = samples.picture(200, 300).convert("1"), samples.picture(300, 200)
    data = io.BytesIO()
    fax.save(data, "TIFF", save_all=True, append_images=[page, page.convert("L")], dpi=(100, 100), exif=samples.exif())
    kind, copy, lost = copied(real, data.getvalue(), "image/tiff")
    assert (kind, lost) == (PDF, ())
    assert MARK.encode() not in copy
    with pikepdf.open(io.BytesIO(copy)) as document:
        assert "/Info" not in document.trailer
        sizes = [tuple(float(side) for side in page.mediabox[2:]) for page in document.pages]
    assert sizes == [(216, 144), (144, 216), (144, 216)]  # upright, in points
    with sandbox.hold([copy], 10**9) as held, real.run("pages", held, PDF) as result:
        assert result.pages == 3
        pages = [Image.open(io.BytesIO(part.read())).convert("L") for part in result.parts]
    # Dark stands in the same corner of each, turned to the right.
    assert [page.getpixel((page.width - 9, 9)) < 100 < page.getpixel((9, 9)) for page in pages] == [True] * 3
    assert {"device", "author"} <= codes(real, data.getvalue(), "image/tiff")


def test_raw_files_of_cameras_are_named_so() -> None:
    data = io.BytesIO()
    samples.picture().save(data, "TIFF", tiffinfo={50706: b"\1\4\0\0"})
    with pytest.raises(Unreadable) as error:
        scans.clean(data, io.BytesIO(), "image/tiff")
    assert error.value.code == "unsupported"


# --- Sound and film


def packed_speech() -> bytes:
    """Speech in 3GP with three frames a sample, as old telephones and call recorders write it: its tables rewritten."""
    data = bytearray(samples.track("3gp", "libopencore_amrnb", frames=50))

    def write(table: bytes, offset: int, *numbers: int) -> None:
        start = data.index(table) + 4 + offset
        data[start : start + 4 * len(numbers)] = struct.pack(f">{len(numbers)}I", *numbers)

    (size, count) = struct.unpack(">II", data[(start := data.index(b"stsz") + 8) : start + 8])
    assert count % 3 == 0
    write(b"stsz", 4, 3 * size, count // 3)
    write(b"stts", 8, count // 3 - 1, 3 * 160, 1, 3 * 160)
    write(b"stsc", 12, count // 3)
    return bytes(data)


def packets(data: bytes) -> list[bytes]:
    with av.open(io.BytesIO(data)) as container:
        return [bytes(packet) for packet in container.demux() if packet.size]


def decoded(data: bytes) -> list[bytes]:
    with av.open(io.BytesIO(data)) as container:
        return [bytes(frame.planes[0]) for frame in container.decode(container.streams[0])]


def test_speech_with_several_frames_in_a_packet_has_a_copy(real: Sandbox) -> None:
    data = packed_speech()
    kind, copy, _lost = copied(real, data, "video/3gpp")
    assert kind == "video/3gpp"
    assert MARK.encode() not in copy
    before, after = packets(data), packets(copy)
    assert {len(packet) for packet in before} == {39}
    assert len(after) == 3 * len(before)
    assert b"".join(after) == b"".join(before)
    assert len(decoded(copy)) == len(after)


def test_films_in_av1_are_copied_by_packets(real: Sandbox) -> None:
    """There is no encoder under the decoder's name, and none is needed. The frame is that of a picture in AVIF."""
    for form, media_type in (("mp4", "video/mp4"), ("webm", "video/webm")):
        out = io.BytesIO()
        with av.open(io.BytesIO(samples.saved("AVIF"))) as source, av.open(out, "w", format=form) as target:
            target.metadata["title"] = MARK
            film = target.add_stream_from_template(source.streams.video[0], opaque=True)
            (frame,) = [bytes(packet) for packet in source.demux(video=0) if packet.size]
            remark = b"\x2a" + bytes([len(MARK) + 2]) + b"\x04\xb5" + MARK.encode()
            for number in range(3):
                packet = av.Packet(remark + frame)
                packet.stream, packet.pts, packet.dts, packet.is_keyframe = film, number * 40, number * 40, True
                target.mux_one(packet)
        assert out.getvalue().count(MARK.encode()) == 4
        kind, copy, _lost = copied(real, out.getvalue(), media_type)
        assert kind == media_type
        assert MARK.encode() not in copy
        assert len(decoded(copy)) == 3


def test_units_of_av1_lose_metadata_and_padding() -> None:
    sequence, frame, last = b"\x0a\x03abc", b"\x36\x00\x02de", b"\x30rest"
    metadata, padding = b"\x2a\x82\x01" + bytes(130), b"\x7a\x01x"
    assert headers.bare_av1(sequence + metadata + frame + padding + last) == sequence + frame + last
    for broken in (b"\x2a", b"\x2a\x80", b"\x2a\x05abc"):
        with pytest.raises(Unreadable):
            headers.bare_av1(broken)


def test_frames_of_motion_jpeg_lose_exif_and_keep_both_fields() -> None:
    field = samples.jpeg()
    fields = headers.bare_mjpeg(field + samples.saved("JPEG"))
    assert MARK.encode() not in headers.bare_mjpeg(field).removesuffix(MARK.encode())
    assert fields.count(b"\xff\xd8\xff") == 2
    with Image.open(io.BytesIO(fields)) as image:
        assert image.convert("RGB").getpixel((4, 4)) == Image.open(io.BytesIO(field)).getpixel((4, 4))


def test_several_frames_of_speech_in_a_packet_are_parted() -> None:
    frame = bytes([0x3C]) + bytes(31)
    silent = bytes([0x7C])
    assert headers.amr_frames(frame * 3 + silent, "amr_nb") == [frame, frame, frame, silent]
    wide = bytes([0x44]) + bytes(60)
    assert headers.amr_frames(wide * 2, "amr_wb") == [wide, wide]
    with pytest.raises(Unreadable):
        headers.amr_frames(frame[:-1], "amr_nb")


# --- PDF


def pdf_with_picture(data: bytes, *filters: str, orders: bytes | None = None) -> bytes:
    """Two pages with the same picture behind filters; ``orders`` stand undecodable on the second."""
    document, out = pikepdf.Pdf.new(), io.BytesIO()
    drawn = document.make_stream(
        data,
        Type=Name.XObject,
        Subtype=Name.Image,
        Width=96,
        Height=64,
        ColorSpace=Name.DeviceRGB,
        BitsPerComponent=8,
        Filter=Array([Name(name) for name in filters]),
    )
    for number in range(2):
        page = document.add_blank_page(page_size=(96, 64))
        page.Resources = Dictionary(XObject=Dictionary(I=drawn))
        page.Contents = document.make_stream(b"96 0 0 64 0 0 cm /I Do")
        if number and orders is not None:
            page.Contents = document.make_stream(orders, Filter=Name.FlateDecode)
    document.save(out, compress_streams=False, stream_decode_level=pikepdf.StreamDecodeLevel.none)
    return out.getvalue()


def run_lengths(data: bytes) -> bytes:
    pieces = [data[start : start + 128] for start in range(0, len(data), 128)]
    return b"".join(bytes([len(piece) - 1]) + piece for piece in pieces) + b"\x80"


def lzw(data: bytes) -> bytes:
    """Codes of nine bits, one a byte, with the table cleared before it would need ten."""
    numbers = [code for place, byte in enumerate(data) for code in ([256] if place % 200 == 0 else []) + [byte]]
    bits = "".join(f"{number:09b}" for number in [*numbers, 257])
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def test_pictures_behind_any_filter_are_kept_and_bared(real: Sandbox) -> None:
    jpeg = samples.jpeg()
    packed = {
        ("/ASCII85Decode", "/DCTDecode"): base64.a85encode(jpeg) + b"~>",
        ("/ASCIIHexDecode", "/FlateDecode", "/DCTDecode"): zlib.compress(jpeg).hex().encode() + b">",
        ("/RunLengthDecode", "/DCTDecode"): run_lengths(jpeg),
        ("/LZWDecode", "/DCTDecode"): lzw(jpeg),
    }
    for filters, data in packed.items():
        whole = pdf_with_picture(data, *filters)
        assert {"place", "author"} <= codes(real, whole, PDF), filters
        _kind, copy, lost = copied(real, whole, PDF)
        assert lost == (), filters
        with pikepdf.open(io.BytesIO(copy)) as document:
            (drawn,) = [item for item in document.objects if isinstance(item, pikepdf.Stream) and "/Width" in item]
            with Image.open(io.BytesIO(drawn.read_raw_bytes())) as image:
                assert image.size == (96, 64)
            assert MARK.encode() not in drawn.read_raw_bytes()


def test_one_broken_picture_or_page_does_not_cost_the_document_its_copy(real: Sandbox) -> None:
    broken = {
        "pictures": pdf_with_picture(MARK.encode(), "/DCTDecode"),
        "damaged-parts": pdf_with_picture(samples.jpeg(), "/DCTDecode", orders=MARK.encode()),
    }
    for code, data in broken.items():
        _kind, copy, lost = copied(real, data, PDF)
        assert lost == (code,)
        with pikepdf.open(io.BytesIO(copy)) as document:
            assert len(document.pages) == 2
            streams = [item.read_raw_bytes() for item in document.objects if isinstance(item, pikepdf.Stream)]
        assert MARK.encode() not in b"".join(streams)


# --- Office documents, and what is locked


def entries_of(kind: str) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(SAMPLES[kind][1]())) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_packages_with_odd_names_of_parts_are_documents(real: Sandbox) -> None:
    for odd in (lambda name: name.replace("/", "\\"), str.lower, str.upper):
        data = samples.packed({odd(name): part for name, part in entries_of("docx").items()})
        assert recognised(real, data) == kinds.DOCX
        _kind, copy, _lost = copied(real, data, kinds.DOCX)
        with zipfile.ZipFile(io.BytesIO(copy)) as archive:
            assert SHOWN.encode() in b"".join(archive.read(name) for name in archive.namelist())


def test_an_unreadable_part_stops_no_other_from_being_inspected(real: Sandbox) -> None:
    data = samples.packed({**entries_of("docx"), "docProps/app.xml": b"<broken", "word/comments.xml": b"\0"})
    assert {"author", "path", "place", "people"} <= codes(real, data, kinds.DOCX)


def test_files_under_a_password_are_called_so(real: Sandbox) -> None:
    ole = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(70_000) + "EncryptedPackage".encode("utf-16-le") + bytes(400)
    assert recognised(real, ole) == kinds.LOCKED_OFFICE
    assert recognised(real, samples.locked_zip(samples.packed({"a.txt": b"a"}))) == kinds.LOCKED_ZIP
    for media_type in (kinds.LOCKED_OFFICE, kinds.LOCKED_ZIP):
        assert kinds.no_copy_reason(media_type) == "encrypted"
        assert media_type in kinds.ALLOWED
    manifest = (
        b'<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"><manifest:file-entry'
        b' manifest:full-path="content.xml"><manifest:encryption-data/></manifest:file-entry></manifest:manifest>'
    )
    cipher = bytes(range(256)) * 4
    kind = SAMPLES["odt"][0]
    for names in (("content.xml", "meta.xml"), ("encrypted-package",)):
        entries = {"mimetype": kind, **dict.fromkeys(names, cipher), "META-INF/manifest.xml": manifest}
        for job in ("inspect", "clean"):
            assert refused(real, job, samples.packed(entries), kind) == "encrypted"


def test_a_pdf_under_another_lock_than_a_password_is_called_locked(real: Sandbox) -> None:
    """As one for holders of certificates, or by the scheme of a shop."""
    document, out = pikepdf.Pdf.new(), io.BytesIO()
    document.add_blank_page()
    plain = pikepdf.ObjectStreamMode.disable
    document.save(out, encryption=pikepdf.Encryption(owner="a", user="", R=6), object_stream_mode=plain)
    locked = out.getvalue().replace(b"/Filter /Standard", b"/Filter /Adobe_PS")
    assert locked != out.getvalue()
    assert refused(real, "clean", locked, PDF) == "encrypted"


def test_random_changes_end_in_a_code(real: Sandbox) -> None:
    """One in each kind that is new here; the others have theirs in ``test_media``."""
    for kind in ("avif", "gif", "bmp", "tif", "m4v", "3g2", "avi", "flac"):
        media_type, make = SAMPLES[kind]
        data = bytearray(make())
        data[len(data) // 2 : len(data) // 2 + 40] = bytes(40)
        for job in ("inspect", "clean"):
            with sandbox.hold([bytes(data)], 10**9) as held, contextlib.suppress(JobFailed):
                real.run(job, held, media_type).close()
