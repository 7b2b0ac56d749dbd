"""Removes what encoders and cameras write into the headers of audio and video streams; for ``tracks`` only."""

from __future__ import annotations

from typing import Final

from complaints.adapters.media.refusal import Unreadable

# ISO 11172-3 and 13818-3, layer III.
_MPEG1_KILOBITS: Final = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MPEG2_KILOBITS: Final = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_HEVC_ARRAYS_AT: Final = 22
_HEVC_PARAMETERS: Final = {32, 33, 34}
# The offset of the field with the width of a NAL unit's length, and the types of SEI messages.
_WIDTH_AT: Final = {"h264": 4, "hevc": 21}
_MESSAGES: Final = {"h264": {6}, "hevc": {39, 40}}


def without_messages(data: bytes, codec: str, setup: bytes) -> bytes:
    """Return a packet of H.264 or HEVC without SEI messages, in which encoders and cameras identify themselves.

    ``setup`` is the decoder configuration record of the stream (ISO 14496-15, 5.3.3.1 and 8.3.3.1), with the layout of
    its NAL units; ``codec`` is "h264" or "hevc". Raises Unreadable: malformed, or with another layout.
    """
    if len(setup) <= _WIDTH_AT[codec] or setup[0] != 1:
        raise Unreadable("unsupported")
    width = (setup[_WIDTH_AT[codec]] & 3) + 1
    units, position, dropped = [], 0, False
    while position + width < len(data):
        end = position + width + int.from_bytes(data[position : position + width], "big")
        if end > len(data):
            raise Unreadable
        first = data[position + width]
        kind = first & 0x1F if codec == "h264" else first >> 1 & 0x3F
        if kind in _MESSAGES[codec]:
            dropped = True
        else:
            units.append(data[position:end])
        position = end
    return b"".join(units) if dropped else data


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


def bare_hevc(setup: bytes) -> bytes:
    """Return an HEVC configuration record (ISO 14496-15, 8.3.3.1) with its parameter sets only; raises Unreadable."""
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
