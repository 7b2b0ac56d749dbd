"""What was beneath a box or in a muted span is in no byte of what is written: shown by programs that are not ours."""

from __future__ import annotations

import io
import random
import shutil
import subprocess
import wave
from collections import Counter
from fractions import Fraction
from pathlib import Path

import av
import pikepdf
import pytest
from PIL import Image, ImageChops, ImageStat

from complaints.adapters import sandbox
from complaints.adapters.media import instructions
from complaints.domain.redaction import MOST_AREAS, MUTE_MARGIN, SCALE, Box, Reason, Span
from tests.adapters import samples

RATE = 8_000


def redacted(data: bytes, media_type: str, *wanted: Box | Span, limit: int = 20) -> tuple[bytes, str, int]:
    boxes = [item for item in wanted if isinstance(item, Box)]
    mutes = [item for item in wanted if isinstance(item, Span)]
    options = instructions.packed_boxes(boxes) | instructions.packed_mutes(mutes)
    with sandbox.hold([data], 10**9) as held:
        result = sandbox.run("redact", held, media_type, limits=sandbox.limits_of(held, jobs=2), limit=limit, **options)
        with result:
            (part,) = result.parts
            return part.read(), part.type, result.pages


def box(left: int, top: int, width: int, height: int, page: int = 1) -> Box:
    """A box in percent."""
    return Box(page, left * 100, top * 100, width * 100, height * 100, Reason.IDENTITY)


def test_instructions_come_back_as_they_were_packed() -> None:
    boxes = [Box(20, 0, SCALE, 1, 9_999, Reason.IDENTITY), Box(1, 17, 4_242, SCALE, SCALE, Reason.IDENTITY)]
    assert instructions.boxes_of({"limit": 20, **instructions.packed_boxes(boxes)}) == boxes
    mutes = [Span(0, 1, Reason.IDENTITY), Span(3_600_000, 7_200_000, Reason.IDENTITY)]
    assert instructions.mutes_of(instructions.packed_mutes(mutes)) == [(0, 1), (3_600_000, 7_200_000)]


def test_as_many_boxes_as_a_form_takes_reach_the_sandbox() -> None:
    boxes = [Box(20, SCALE, SCALE, SCALE, SCALE, Reason.IDENTITY)] * (MOST_AREAS - 1) + [box(0, 0, 50, 50)]
    Image.new("RGB", (64, 64), "white").save(file := io.BytesIO(), "PNG")
    data, _type, _pages = redacted(file.getvalue(), "image/png", *boxes)
    drawn = Image.open(io.BytesIO(data))
    assert (drawn.getpixel((0, 0)), drawn.getpixel((63, 63))) == ((0, 0, 0), (255, 255, 255))


def noise(width: int, height: int) -> Image.Image:
    generator = random.Random(7)
    return Image.frombytes("RGB", (width, height), generator.randbytes(width * height * 3)).resize(
        (width * 4, height * 4)
    )


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_box_is_black_and_the_rest_of_a_picture_stays(form: str) -> None:
    picture, file = noise(80, 60), io.BytesIO()
    picture.save(file, form, quality=90)
    data, media_type, _pages = redacted(file.getvalue(), f"image/{form.lower()}", box(25, 25, 50, 50))
    assert media_type == f"image/{form.lower()}"
    drawn, before = Image.open(io.BytesIO(data)).convert("RGB"), Image.open(file).convert("RGB")
    # Where JPEG and WebP keep colours for two by two pixels, that of the neighbours reaches into the edge of a box.
    inner, edge = (80, 60, 240, 180), 0 if form == "PNG" else 8
    middle = (inner[0] + edge, inner[1] + edge, inner[2] - edge, inner[3] - edge)
    assert max(high for _low, high in drawn.crop(middle).getextrema()) <= (4 if edge else 0)
    # Of the same picture with another content of the box, the very same bytes come out: nothing of it is left.
    other = before.copy()
    other.paste((250, 120, 3), inner)
    exact = io.BytesIO()
    other.save(exact, "PNG")
    before.save(plain := io.BytesIO(), "PNG")
    wanted = box(25, 25, 50, 50)
    assert redacted(exact.getvalue(), "image/png", wanted)[0] == redacted(plain.getvalue(), "image/png", wanted)[0]
    left, right = ImageChops.difference(drawn, before).crop((0, 0, 64, 240)), drawn.crop((0, 0, 64, 240))
    assert ImageStat.Stat(left.convert("L")).mean[0] < 8, "what is outside of the box was changed"
    assert right.getextrema() != ((0, 0),) * 3


def text_pdf(pages: int = 2) -> bytes:
    document = pikepdf.new()
    font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
    for number in range(1, pages + 1):
        page = document.add_blank_page(page_size=(600, 800))
        orders = f"BT /F1 24 Tf 60 700 Td (RAHASIA Rahmawati {number}) Tj 0 -400 Td (Tetap terbaca {number}) Tj ET"
        page.obj.Contents = document.make_stream(orders.encode())
        page.obj.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=font))
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def called(program: str, *arguments: str | Path) -> bytes:
    if shutil.which(program) is None:
        pytest.skip(f"no {program} here")
    return subprocess.run([program, *map(str, arguments)], check=True, capture_output=True).stdout


def test_nothing_is_beneath_a_box_of_a_pdf(tmp_path: Path) -> None:
    """pdftotext reads no letter, qpdf finds nothing but pictures, and a raster of the page is black there."""
    before, after = tmp_path / "before.pdf", tmp_path / "after.pdf"
    before.write_bytes(text_pdf())
    assert b"Rahmawati" in called("pdftotext", before, "-")
    data, media_type, pages = redacted(before.read_bytes(), "application/pdf", box(5, 5, 80, 15, page=1))
    after.write_bytes(data)
    assert (media_type, pages) == ("application/pdf", 2)
    assert called("pdftotext", after, "-").split() == []
    called("qpdf", "--check", after)
    plain = called("qpdf", "--qdf", "--object-streams=disable", after, "-")
    assert b"Rahmawati" not in plain
    assert b"/Font" not in plain
    assert b" Tj" not in plain
    called("pdftoppm", "-r", "72", "-png", after, tmp_path / "page")
    first, second = (Image.open(path).convert("L") for path in sorted(tmp_path.glob("page-*.png")))
    assert first.size == second.size
    width, height = first.size
    beneath = (int(width * 0.06), int(height * 0.06), int(width * 0.84), int(height * 0.19))
    assert first.crop(beneath).getextrema()[1] < 6
    assert second.crop(beneath).getextrema()[1] > 200, "a box of one page is on no other"
    below = (0, int(height * 0.4), width, int(height * 0.7))
    assert first.crop(below).getextrema()[0] < 128, "the rest of the page is still read"


def test_of_a_long_pdf_the_first_pages_are_written_and_all_are_counted() -> None:
    data, _type, pages = redacted(text_pdf(5), "application/pdf", box(0, 0, 10, 10, page=4), limit=3)
    assert (len(pikepdf.open(io.BytesIO(data)).pages), pages) == (3, 5)


def tone(seconds: int = 3) -> bytes:
    """A loud sound in which no two neighbouring samples are zero."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        generator = random.Random(7)
        samples = [generator.randint(8_000, 16_000) * (-1) ** (number % 2) for number in range(RATE * seconds)]
        file.writeframes(b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples))
    return out.getvalue()


def samples_of(data: bytes, form: str) -> list[int]:
    found = bytearray()
    with av.open(io.BytesIO(data), format=form) as container:
        resampler = av.AudioResampler("s16", "mono", RATE)
        for frame in (*container.decode(audio=0), None):
            for piece in resampler.resample(frame):
                found += bytes(piece.planes[0])[: piece.samples * 2]
    return [int.from_bytes(found[place : place + 2], "little", signed=True) for place in range(0, len(found), 2)]


def test_a_muted_span_is_silent_and_every_other_sample_is_as_it_was() -> None:
    data, media_type, length = redacted(tone(), "audio/x-wav", Span(1_000, 1_500, Reason.IDENTITY))
    assert (media_type, length) == ("audio/flac", 30)
    before, after = samples_of(tone(), "wav"), samples_of(data, "flac")
    start, end = (1_000 - MUTE_MARGIN) * RATE // 1000, (1_500 + MUTE_MARGIN) * RATE // 1000
    assert after[start:end] == [0] * (end - start)
    assert after[:start] == before[:start]
    assert after[end:] == before[end:]


def test_a_long_sound_is_muted() -> None:
    """Half an hour: the length that the job answers with stays within what the portal believes."""
    with wave.open(out := io.BytesIO(), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(bytes(2 * RATE * 1_800))
    assert redacted(out.getvalue(), "audio/x-wav", Span(0, 60_000, Reason.IDENTITY))[2] == 18_000


def test_a_compressed_sound_is_muted_too() -> None:
    media_type, make = samples.SAMPLES["m4a"]
    _data, made, length = redacted(make(), media_type, Span(0, 100, Reason.IDENTITY))
    assert made == "audio/flac"
    assert length >= 4


RATE_OF_PICTURES, SECONDS = 24, 6


def film(form: str, codec: str, audio: str) -> bytes:
    """A film of six seconds, each with a shade and a pitch of its own, and a whole picture at the start of each."""
    with av.open(out := io.BytesIO(), "w", format=form) as writer:
        pictures = writer.add_stream(codec, rate=RATE_OF_PICTURES)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
        pictures.gop_size = RATE_OF_PICTURES
        sounds = writer.add_stream(audio, rate=48_000)
        for number in range(RATE_OF_PICTURES * SECONDS):
            shade = 20 + 40 * (number // RATE_OF_PICTURES)
            frame = av.VideoFrame.from_image(Image.new("RGB", (64, 48), (shade, shade, shade)))
            frame.pts, frame.time_base = number, Fraction(1, RATE_OF_PICTURES)
            writer.mux(pictures.encode(frame))
        writer.mux(pictures.encode(None))
        for number in range(50 * SECONDS):
            sound = av.AudioFrame(format="s16", layout="mono", samples=960)
            sound.sample_rate, sound.pts, sound.time_base = 48_000, number * 960, Fraction(1, 48_000)
            level = 1_000 * (1 + number // 50)
            wave_of = [level * (-1) ** (place // 40) for place in range(960)]
            sound.planes[0].update(b"".join(value.to_bytes(2, "little", signed=True) for value in wave_of))
            writer.mux(sounds.encode(sound))
        writer.mux(sounds.encode(None))
    return out.getvalue()


def without(data: bytes, media_type: str, *cuts: Span, is_silent: bool = False) -> tuple[bytes, int]:
    options = instructions.packed_cuts(cuts, is_silent=is_silent)
    with sandbox.hold([data], 10**9) as held, sandbox.run("redact", held, media_type, **options) as result:
        (part,) = result.parts
        return part.read(), result.pages


def shades(data: bytes) -> list[int]:
    """Return for each picture which second of the film it was."""
    with av.open(io.BytesIO(data)) as reader:
        frames = [frame.to_image().convert("L").getpixel((30, 20)) for frame in reader.decode(video=0)]
    return [round((int(str(frame)) - 20) / 40) for frame in frames]


@pytest.mark.parametrize(
    ("form", "codec", "audio", "media_type"),
    [("mp4", "libx264", "aac", "video/mp4"), ("webm", "libvpx", "libopus", "video/webm")],
)
def test_a_part_of_a_film_is_cut_at_whole_pictures(form: str, codec: str, audio: str, media_type: str) -> None:
    before = film(form, codec, audio)
    assert set(shades(before)) == set(range(SECONDS))
    data, left = without(before, media_type, Span(2_200, 2_800, Reason.IDENTITY))
    assert left == 10 * (SECONDS - 1)
    assert Counter(shades(data)) == dict.fromkeys((0, 1, 3, 4, 5), RATE_OF_PICTURES)
    with av.open(io.BytesIO(data)) as reader:
        length = sum(frame.samples for frame in reader.decode(audio=0)) / 48_000
    assert SECONDS - 1.4 < length < SECONDS - 1
    two, left = without(before, media_type, Span(0, 500, Reason.IDENTITY), Span(4_100, 60_000, Reason.IDENTITY))
    assert (set(shades(two)), left) == ({1, 2, 3}, 30)
    assert without(before, media_type, Span(0, 60_000, Reason.IDENTITY))[1] == 0, "nothing would be left"


def test_a_film_loses_all_of_its_sound() -> None:
    data, left = without(film("mp4", "libx264", "aac"), "video/mp4", is_silent=True)
    with av.open(io.BytesIO(data)) as reader:
        assert [stream.type for stream in reader.streams] == ["video"]
    assert (len(shades(data)), left) == (RATE_OF_PICTURES * SECONDS, 10 * SECONDS)


def test_a_film_that_does_not_tell_when_its_pictures_are_shown_is_refused() -> None:
    with pytest.raises(sandbox.JobFailed) as failed:
        without(film("avi", "mpeg4", "libmp3lame"), "video/x-msvideo", Span(0, 100, Reason.IDENTITY))
    assert failed.value.code == "unsupported"
