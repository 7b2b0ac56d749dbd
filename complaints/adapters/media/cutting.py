"""Spans of time cut out of a film, or all of its sound: packets are left out, none is encoded anew.

A film is cut at pictures that need no other, so that what is left shows nothing of what went. A picture within a film
is not covered: that would take an encoder for each kind of film. In the sandbox only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from complaints.adapters.media import tracks
from complaints.adapters.media.instructions import cuts_of
from complaints.adapters.media.refusal import Unreadable
from complaints.domain.redaction import MUTE_MARGIN

_MILLISECONDS: Final = 1_000
_MICROSECONDS: Final = 1_000_000
_TENTH: Final = 100
# It tells when a picture is decoded, and not always when it is shown.
_AVI: Final = "video/x-msvideo"
# Later than any film ends, in milliseconds.
_NEVER: Final = 1e12


def redact(source: BinaryIO, out: BinaryIO, media_type: str, options: Mapping[str, int]) -> tuple[str, int]:
    """Write a film without spans, without sound, or both; return its media type and the tenths of a second left of it.

    With 0 nothing is left, and what is written is no film. Raises Unreadable as :func:`tracks.clean`.
    """
    if media_type == _AVI:
        raise Unreadable("unsupported")
    with tracks.opened(source, media_type) as container:
        streams = _streams(container, is_silent="silent" in options)
        cuts, length = _measured(container, streams, cuts_of(options)) if streams else ([], 0.0)
    left = round(length - sum(min(end, length) - start for start, end in cuts))
    if left < _TENTH:
        out.write(b"\0")
        return media_type, 0
    with tracks.opened(source, media_type) as container:
        film = _Film(cuts, _begin(container))
        streams = _streams(container, is_silent="silent" in options)
        if not tracks.write_streams(container, out, media_type, streams, film.keeps):
            raise Unreadable
    return media_type, left // _TENTH


def _streams(container: InputContainer, *, is_silent: bool) -> list[Stream]:
    """Return the first track of pictures, by which a film is cut, and its sounds unless they go."""
    streams = tracks.shown(container)
    videos = [stream for stream in streams if stream.type == "video"]
    return videos[:1] + ([] if is_silent else [stream for stream in streams if stream.type == "audio"])


def _time(packet: Packet[Stream], begin: float) -> float:
    """Return when a packet is shown, in milliseconds after the film begins, as players count it.

    Raises Unreadable ("unsupported") where the film does not tell it.
    """
    if packet.pts is None or packet.time_base is None:
        raise Unreadable("unsupported")
    return float(packet.pts * packet.time_base) * _MILLISECONDS - begin


def _begin(container: InputContainer) -> float:
    return (container.start_time or 0) / _MICROSECONDS * _MILLISECONDS


def _length(packet: Packet[Stream]) -> float:
    return float((packet.duration or 0) * (packet.time_base or 0)) * _MILLISECONDS


def _measured(
    container: InputContainer, streams: Sequence[Stream], wanted: Sequence[tuple[int, int]]
) -> tuple[list[tuple[float, float]], float]:
    """Return the spans that are cut, widened to pictures that need no other, and how long the film is."""
    whole, length, has_pictures = list[float](), 0.0, streams[0].type == "video"
    for packet in (packet for packet in container.demux(streams) if packet.size):
        at = _time(packet, _begin(container))
        length = max(length, at + _length(packet))
        if packet.is_keyframe and packet.stream.type == "video":
            whole.append(at)
    cuts = list[tuple[float, float]]()
    for start, end in wanted:
        first = max((at for at in whole if at <= start), default=0.0) if has_pictures else float(start)
        last = min((at for at in whole if at >= end), default=_NEVER) if has_pictures else float(end)
        if cuts and first <= cuts[-1][1]:
            cuts[-1] = (cuts[-1][0], max(cuts[-1][1], last))
        elif first < length:
            cuts.append((first, last))
    return cuts, length


def _overlaps(at: float, packet: Packet[Stream], start: float, end: float) -> bool:
    """Whether a sound, with the margin that its neighbours echo in, lies in a span."""
    return start - MUTE_MARGIN < at + _length(packet) and at < end + MUTE_MARGIN


@dataclass
class _Film:
    """Decides on each packet of a film, and moves those behind a cut to its beginning."""

    cuts: Sequence[tuple[float, float]]
    begin: float = 0.0
    # Of each stream, the last time at which a packet was decoded.
    decoded: dict[int, int] = field(default_factory=dict)
    # Whether the pictures that are read need one that went, though they are shown before it.
    is_cut: bool = False

    def keeps(self, packet: Packet[Stream]) -> bool:
        """Return whether a packet stays; its times are moved then."""
        at = _time(packet, self.begin)
        if packet.stream.type == "video":
            inside = any(start <= at < end for start, end in self.cuts)
            self.is_cut = inside if packet.is_keyframe else self.is_cut
            if inside or self.is_cut:
                return False
        elif any(_overlaps(at, packet, start, end) for start, end in self.cuts):
            return False
        self._move(packet, at)
        return True

    def _move(self, packet: Packet[Stream], at: float) -> None:
        gone = sum(end - start for start, end in self.cuts if end <= at)
        shift = round(gone / _MILLISECONDS / float(packet.time_base or 1))
        stream = packet.stream.index
        if packet.dts is not None:
            packet.dts = max(packet.dts - shift, self.decoded.get(stream, packet.dts - shift - 1) + 1)
            self.decoded[stream] = packet.dts
        if packet.pts is not None:
            packet.pts = max(packet.pts - shift, packet.dts if packet.dts is not None else packet.pts - shift)
