"""Audio and video: codes of revealing metadata, a copy with the audio and video streams only, and a still image.

Packets are copied, never encoded again, so no quality is lost. Runs in the sandbox only.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import BinaryIO, Final

import av
from av.codec.codec import UnknownCodecError
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from complaints.adapters.media import headers, hints, images
from complaints.adapters.media.refusal import MAX_PIXELS, Unreadable, refusal

# By recognised type: the demuxer and the muxer. A fixed demuxer keeps playlists and the like out.
_FORMATS: Final = {
    "audio/mpeg": ("mp3", "mp3"),
    "audio/mp4": ("mp4", "ipod"),
    "audio/x-m4a": ("mp4", "ipod"),
    "audio/ogg": ("ogg", "ogg"),
    "audio/x-wav": ("wav", "wav"),
    "audio/amr": ("amr", "amr"),
    "audio/aac": ("aac", "adts"),
    "audio/x-hx-aac-adts": ("aac", "adts"),
    "audio/flac": ("flac", "flac"),
    "video/mp4": ("mp4", "mp4"),
    "video/x-m4v": ("mp4", "mp4"),
    "video/quicktime": ("mov", "mov"),
    "video/webm": ("webm", "webm"),
    "video/3gpp": ("mp4", "3gp"),
    "video/3gpp2": ("mp4", "3g2"),
    "video/x-msvideo": ("avi", "avi"),
    "video/x-matroska": ("matroska", "matroska"),
}
# What a copy is called that its muxer writes as another kind.
_COPIES: Final = {"video/x-m4v": "video/mp4"}
MUXER: Final = {"fflags": "+bitexact"}
_MUXERS: Final = {"mp3": {"id3v2_version": "0", "write_id3v1": "0"}, "adts": {"write_id3v2": "0", "write_apetag": "0"}}
# Encoders identify themselves in stream headers and in SEI messages; players need neither.
_SIGNED_HEADERS: Final = {
    "vorbis": headers.bare_vorbis,
    "h264": headers.bare_h264,
    "hevc": headers.bare_hevc,
    "av1": headers.bare_av1_setup,
}
# The tag that the muxer here writes; it tells nothing of a person.
_MUXER_TAGS: Final = {"Lavf"}
_PLACE_TRACKS: Final = ("gpmd", "camm", "rtmd", "gps")
_FAILURES: Final = (av.FFmpegError, OSError, ValueError, TypeError, LookupError, RuntimeError, MemoryError)
# By the type of a stream; a track of data, as of positions, is metadata.
_LOSSES: Final = {"subtitle": "captions", "attachment": "embedded-files"}
_MAX_STREAMS: Final = 16
_FRAMES_TRIED: Final = 60


class Nameless:
    """A file without a name, because PyAV requires names of type str and memory files have numbers."""

    def __init__(self, file: BinaryIO) -> None:
        self.read, self.write, self.seek, self.tell = file.read, file.write, file.seek, file.tell
        self.readable, self.writable, self.seekable = file.readable, file.writable, file.seekable


@contextmanager
def opened(source: BinaryIO, media_type: str) -> Iterator[InputContainer]:
    if media_type not in _FORMATS:
        raise Unreadable("unsupported")
    source.seek(0)
    try:
        with av.open(Nameless(source), "r", format=_FORMATS[media_type][0], metadata_errors="ignore") as container:
            yield container
    except _FAILURES as error:
        # FFmpeg's muxers give it for what they do not write, as a codec whose frames have no fixed size.
        if isinstance(error, av.FFmpegError) and error.errno == errno.EPERM:
            raise Unreadable("unsupported") from error
        raise refusal(error) from error


def shown(container: InputContainer) -> list[Stream]:
    """Return the audio and video streams; covers, captions, positions and other data are dropped."""
    streams = [
        stream
        for stream in container.streams
        if stream.type in {"audio", "video"} and not stream.disposition & Disposition.attached_pic
    ]
    if not streams or len(streams) > _MAX_STREAMS:
        raise Unreadable
    return streams


def _losses(container: InputContainer) -> Iterator[str]:
    """Yield the codes of :mod:`losses` for the streams that a copy lacks and that a player shows."""
    for stream in container.streams:
        if stream.disposition & Disposition.attached_pic:
            yield "pictures"
        elif stream.type in _LOSSES:
            yield _LOSSES[stream.type]


def clean(source: BinaryIO, out: BinaryIO, media_type: str, losses: set[str] | None = None) -> str:
    """Write the same audio and video in a new container without metadata; return its media type.

    ``losses`` gets the codes of :mod:`losses` that apply. Raises Unreadable: damaged, without audio and video, or of a
    codec that no muxer here accepts.
    """
    with opened(source, media_type) as container:
        if losses is not None:
            losses.update(_losses(container))
        if not write_streams(container, out, media_type, shown(container)):
            raise Unreadable
    return _COPIES.get(media_type, media_type)


def write_streams(
    container: InputContainer,
    out: BinaryIO,
    media_type: str,
    streams: Sequence[Stream],
    keeps: Callable[[Packet[Stream]], bool] = lambda packet: True,
) -> int:
    """Write the packets of these streams that ``keeps`` lets pass, which may change their times; return their number.

    Raises Unreadable ("unsupported") for a codec that no muxer here accepts.
    """
    form = _FORMATS[media_type][1]
    options = {**MUXER, **_MUXERS.get(form, {})}
    with av.open(Nameless(out), "w", format=form, container_options=options) as writer:
        copied = {stream.index: _Track(stream, writer) for stream in streams}
        packets = (packet for packet in container.demux(streams) if not packet.size or keeps(packet))
        return sum(copied[packet.stream.index].write(packet) for packet in packets)


class _Track:
    def __init__(self, source: Stream, writer: OutputContainer) -> None:
        self._writer = writer
        try:
            self._stream = _added(source, writer)
        except ValueError as error:
            raise Unreadable("unsupported") from error
        self._stream.metadata.clear()
        self._codec = source.codec_context.codec.canonical_name
        self._setup = source.codec_context.extradata or b""
        if self._codec in _SIGNED_HEADERS and self._setup:
            self._stream.codec_context.extradata = _SIGNED_HEADERS[self._codec](self._setup)

    def write(self, packet: Packet[Stream]) -> int:
        if not packet.size:  # the flush packet at the end
            return 0
        for cleaned in self._clean(packet):
            cleaned.stream = self._stream
            self._writer.mux_one(cleaned)
        return 1

    def _clean(self, packet: Packet[Stream]) -> list[Packet[Stream]]:
        """Return a packet without its encoder's tags and messages, in as many parts as the muxer takes; [] if empty."""
        if self._codec in _FRAMED:
            return _split(packet, headers.amr_frames(bytes(packet), self._codec))
        if self._codec not in _SIGNED_PACKETS:
            return [packet]
        before = bytes(packet)
        after = _SIGNED_PACKETS[self._codec](before, self._setup)
        if after == before:
            return [packet]
        return _split(packet, [after] if after else [])


def _added(source: Stream, writer: OutputContainer) -> Stream:
    """Return a new stream of the same codec; of one that can only be decoded here, packets can be copied as well."""
    try:
        return writer.add_stream_from_template(source)
    except UnknownCodecError:
        return writer.add_stream_from_template(source, opaque=True)


def _split(packet: Packet[Stream], parts: Sequence[bytes]) -> list[Packet[Stream]]:
    """Return packets of these parts that share the time of ``packet`` equally."""
    if len(parts) == 1 and len(parts[0]) == packet.size:
        return [packet]
    made = []
    for number, part in enumerate(parts):
        piece: Packet[Stream] = Packet(part)
        begin, end = ((packet.duration or 0) * count // len(parts) for count in (number, number + 1))
        piece.pts = None if packet.pts is None else packet.pts + begin
        piece.dts = None if packet.dts is None else packet.dts + begin
        piece.duration, piece.time_base, piece.is_keyframe = end - begin, packet.time_base, packet.is_keyframe
        made.append(piece)
    return made


def _mp3_frame(data: bytes, setup: bytes) -> bytes:
    """Return the audio frame only; the demuxer takes tags behind it as part of the packet."""
    length = headers.mp3_frame_length(data)
    return data[:length] if length <= len(data) else b""


_SIGNED_PACKETS: Final[Mapping[str, Callable[[bytes, bytes], bytes]]] = {
    "mp3": _mp3_frame,
    "h264": lambda data, setup: headers.without_messages(data, "h264", setup),
    "hevc": lambda data, setup: headers.without_messages(data, "hevc", setup),
    "av1": lambda data, setup: headers.bare_av1(data),
    "mjpeg": lambda data, setup: headers.bare_mjpeg(data),
}
# Of these the muxer takes one frame a packet.
_FRAMED: Final = {"amr_nb", "amr_wb"}


def preview(source: BinaryIO, out: BinaryIO, media_type: str, side: int) -> str:
    """Write a still of a video, upright, as JPEG; return its media type.

    Raises Unreadable: damaged, too large to decode, or without video (``unsupported``).
    """
    with opened(source, media_type) as container:
        videos = [stream for stream in shown(container) if isinstance(stream, VideoStream)]
        if not videos:
            raise Unreadable("unsupported")
        video = videos[0]
        if video.codec_context.width * video.codec_context.height > MAX_PIXELS:
            raise Unreadable("bomb")
        video.codec_context.thread_count = 1  # threads count as processes, of which the sandbox has few
        frame = _first_varied_frame(container, video)
        picture = frame.to_image()  # type: ignore[no-untyped-call]
        if frame.rotation:
            picture = picture.rotate(frame.rotation, expand=True)
        images.save_preview(picture, out, side)
    return "image/jpeg"


def _first_varied_frame(container: InputContainer, video: VideoStream) -> VideoFrame:
    """Return the first frame that is not of a single colour, because many videos begin in black."""
    first = None
    for number, frame in enumerate(container.decode(video)):
        first = first or frame
        low, high = frame.to_image(width=32, height=32).convert("L").getextrema()  # type: ignore[no-untyped-call]
        if high - low > 16:
            return frame
        if number >= _FRAMES_TRIED:
            break
    if first is None:
        raise Unreadable
    return first


def inspect(source: BinaryIO, media_type: str) -> set[str]:
    """Return the codes of ``hints.CODES`` that apply; raises Unreadable where it is damaged."""
    with opened(source, media_type) as container:
        codes = _codes_of_tags(container.metadata)
        for stream in container.streams:
            codes |= _codes_of_tags(stream.metadata) | _codes_of_stream(stream)
    return codes


def _codes_of_tags(tags: Mapping[str, str]) -> set[str]:
    return hints.codes_of(key for key, value in tags.items() if value.strip() and value not in _MUXER_TAGS)


def _codes_of_stream(stream: Stream) -> set[str]:
    if stream.disposition & Disposition.attached_pic:
        return {"thumbnail"}
    if stream.type == "attachment":
        return {"attachment"}
    if stream.type == "data":
        name = f"{getattr(stream, 'name', '')} {stream.metadata.get('handler_name', '')}".lower()
        return {"place"} if any(tag in name for tag in _PLACE_TRACKS) else {"title"}
    return set()
