"""Removes what encoders and cameras write into the headers of audio and video streams; for ``tracks`` only."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

from complaints.adapters.media.refusal import Unreadable

# ISO 11172-3 and 13818-3, layer III.
_MPEG1_KILOBITS: Final = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MPEG2_KILOBITS: Final = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_HEVC_ARRAYS_AT: Final = 22
_HEVC_PARAMETERS: Final = {32, 33, 34}
# The offset of the field with the width of a NAL unit's length, and the types of SEI messages.
_WIDTH_AT: Final = {"h264": 4, "hevc": 21}
_START_CODE: Final = re.compile(rb"\x00?\x00\x00\x01")
_MESSAGES: Final = {"h264": {6}, "hevc": {39, 40}}
# Bytes of a frame with its header by frame type: 3GPP TS 26.101 and 26.201, storage format of RFC 4867.
_AMR_BYTES: Final = {
    "amr_nb": (13, 14, 16, 18, 20, 21, 27, 32, 6, 1, 1, 1, 1, 1, 1, 1),
    "amr_wb": (18, 24, 33, 37, 41, 47, 51, 59, 61, 6, 1, 1, 1, 1, 1, 1),
}
# Types of open bitstream units (AV1, 6.2.2): metadata and padding.
_AV1_REMARKS: Final = {5, 15}
_AV1_UNITS_AT: Final = 4
# JPEG's application segments but those of JFIF and Adobe, and its remarks.
_JPEG_REMARKS: Final = {*range(0xE1, 0xEE), 0xEF, 0xFE}
_JPEG_SCAN: Final = 0xDA


def without_messages(data: bytes, codec: str, setup: bytes) -> bytes:
    """Return a packet of H.264 or HEVC without SEI messages, in which encoders and cameras identify themselves.

    ``setup`` is the decoder configuration record of the stream (ISO 14496-15, 5.3.3.1 and 8.3.3.1), with the layout of
    its NAL units; without one, as in AVI, start codes part them (ISO 14496-10, annex B). ``codec`` is "h264" or "hevc".
    Raises Unreadable: malformed, or with another layout.
    """
    if _has_start_codes(setup or data):
        return _without_messages_between_codes(data, codec)
    if len(setup) <= _WIDTH_AT[codec] or setup[0] != 1:
        raise Unreadable("unsupported")
    width = (setup[_WIDTH_AT[codec]] & 3) + 1
    units, position, dropped = [], 0, False
    while position + width < len(data):
        end = position + width + int.from_bytes(data[position : position + width], "big")
        if end > len(data):
            raise Unreadable
        if _is_message(data[position + width], codec):
            dropped = True
        else:
            units.append(data[position:end])
        position = end
    return b"".join(units) if dropped else data


def _is_message(first: int, codec: str) -> bool:
    """Return whether the NAL unit that begins with this byte is an SEI message."""
    return (first & 0x1F if codec == "h264" else first >> 1 & 0x3F) in _MESSAGES[codec]


def _has_start_codes(data: bytes) -> bool:
    return data.startswith((b"\0\0\1", b"\0\0\0\1"))


def _without_messages_between_codes(data: bytes, codec: str) -> bytes:
    begins = [match.start() for match in _START_CODE.finditer(data)]
    units = [data[begin:end] for begin, end in pairwise([*begins, len(data)])]
    kept = [unit for unit in units if len(unit.lstrip(b"\0")) > 1 and not _is_message(unit.lstrip(b"\0")[1], codec)]
    return b"".join(kept) if len(kept) < len(units) else data


def bare_h264(setup: bytes) -> bytes:
    """Return the set-up of an H.264 stream without SEI messages; a configuration record has none."""
    return _without_messages_between_codes(setup, "h264") if _has_start_codes(setup) else setup


def mp3_frame_length(data: bytes) -> int:
    """Return the length in bytes of an MPEG audio layer III frame from its header, 0 where there is none."""
    if len(data) < 4 or data[0] != 0xFF or data[1] & 0xE6 != 0xE2:
        return 0
    version, rate, bitrate = data[1] >> 3 & 3, data[2] >> 2 & 3, data[2] >> 4
    if version == 1 or rate == 3 or not 0 < bitrate < 15:
        return 0
    is_mpeg1 = version == 3
    kilobits = (_MPEG1_KILOBITS if is_mpeg1 else _MPEG2_KILOBITS)[bitrate - 1]
    hertz = (44_100, 48_000, 32_000)[rate] >> {3: 0, 2: 1, 0: 2}[version]
    return (144 if is_mpeg1 else 72) * kilobits * 1000 // hertz + (data[2] >> 1 & 1)


def amr_frames(data: bytes, codec: str) -> list[bytes]:
    """Return the frames of a packet, of which some recorders write several a sample; ``codec`` is "amr_nb" or "amr_wb".

    Raises Unreadable: the last one is cut.
    """
    frames, position = [], 0
    while position < len(data):
        end = position + _AMR_BYTES[codec][data[position] >> 3 & 0x0F]
        if end > len(data):
            raise Unreadable
        frames.append(data[position:end])
        position = end
    return frames


def bare_av1(units: bytes) -> bytes:
    """Return open bitstream units (AV1, 5.3.1) without metadata and padding; raises Unreadable."""
    kept, position = [], 0
    while position < len(units):
        start, first = position, units[position]
        position += 2 if first & 4 else 1
        if not first & 2:  # without a length the unit is the last
            position = len(units)
        else:
            length, position = _leb128(units, position)
            position += length
        if position > len(units):
            raise Unreadable
        if first >> 3 & 15 not in _AV1_REMARKS:
            kept.append(units[start:position])
    return b"".join(kept)


def _leb128(data: bytes, position: int) -> tuple[int, int]:
    """Return a number of at most eight bytes (AV1, 4.10.5), and where it ends."""
    number = 0
    for shift in range(0, 56, 7):
        byte = data[position : position + 1]
        if not byte:
            break
        number |= (byte[0] & 0x7F) << shift
        position += 1
        if not byte[0] & 0x80:
            return number, position
    raise Unreadable


def bare_av1_setup(setup: bytes) -> bytes:
    """Return an AV1 configuration record (AV1-ISOBMFF, 2.3) without metadata; raises Unreadable."""
    return setup[:_AV1_UNITS_AT] + bare_av1(setup[_AV1_UNITS_AT:])


def bare_mjpeg(frame: bytes) -> bytes:
    """Return a frame of Motion JPEG without EXIF and remarks, in which cameras identify themselves.

    What follows the first scan stays, because interlaced frames hold two pictures.
    """
    if not frame.startswith(b"\xff\xd8"):
        return frame
    kept, position = [frame[:2]], 2
    while frame[position : position + 1] == b"\xff" and position + 4 <= len(frame):
        marker = frame[position + 1]
        end = position + 2 + int.from_bytes(frame[position + 2 : position + 4], "big")
        if marker == _JPEG_SCAN:
            break
        if marker not in _JPEG_REMARKS:
            kept.append(frame[position:end])
        position = end
    return b"".join([*kept, frame[position:]])


def bare_hevc(setup: bytes) -> bytes:
    """Return an HEVC configuration record (ISO 14496-15, 8.3.3.1) with its parameter sets only; raises Unreadable."""
    if _has_start_codes(setup):
        return _without_messages_between_codes(setup, "hevc")
    if len(setup) <= _HEVC_ARRAYS_AT or setup[0] != 1:
        raise Unreadable
    arrays, position = [], _HEVC_ARRAYS_AT + 1
    for _ in range(setup[_HEVC_ARRAYS_AT]):
        start = position
        count = int.from_bytes(setup[position + 1 : position + 3], "big")
        position += 3
        for _ in range(count):
            position += 2 + int.from_bytes(setup[position : position + 2], "big")
        if position > len(setup):
            raise Unreadable
        if setup[start] & 0x3F in _HEVC_PARAMETERS:
            arrays.append(setup[start:position])
    return setup[:_HEVC_ARRAYS_AT] + bytes([len(arrays)]) + b"".join(arrays)


def bare_vorbis(setup: bytes) -> bytes:
    """Return the three Vorbis headers in Xiph lacing, with an empty comment header; raises Unreadable."""
    if not setup or setup[0] != 2:
        raise Unreadable
    lengths, position = [], 1
    for _ in range(2):
        length = 0
        while setup[position : position + 1] == b"\xff":
            length, position = length + 255, position + 1
        if position >= len(setup):
            raise Unreadable
        lengths.append(length + setup[position])
        position += 1
    first = setup[position : position + lengths[0]]
    last = setup[position + sum(lengths) :]
    comment = b"\x03vorbis" + bytes(8) + b"\x01"
    return b"\x02" + _laced(len(first)) + _laced(len(comment)) + first + comment + last


def _laced(length: int) -> bytes:
    return b"\xff" * (length // 255) + bytes([length % 255])
