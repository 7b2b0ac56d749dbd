"""Spans of a sound muted: decoded, set to zero, and written anew without loss as FLAC. Runs in the sandbox only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import BinaryIO, Final

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream

from complaints.adapters.media.instructions import mutes_of
from complaints.adapters.media.refusal import Unreadable
from complaints.adapters.media.tracks import MUXER, Nameless, opened
from complaints.domain.redaction import MUTE_MARGIN

_BYTES: Final = 2


def redact(source: BinaryIO, out: BinaryIO, media_type: str, options: Mapping[str, int]) -> tuple[str, int]:
    """Write the first sound track as FLAC with its spans muted; return the media type and its tenths of a second.

    Raises Unreadable: a film ("unsupported"), without a sound, or as :func:`tracks.clean`.
    """
    with opened(source, media_type) as container:
        if container.streams.video or not container.streams.audio:
            raise Unreadable("unsupported")
        track = container.streams.audio[0]
        track.codec_context.thread_count = 1  # threads count as processes, of which the sandbox has few
        rate, layout = track.codec_context.sample_rate, track.codec_context.layout.name
        resampler = av.AudioResampler("s16", layout, rate)
        spans = [((start - MUTE_MARGIN) * rate // 1000, -(-(end + MUTE_MARGIN) * rate // 1000)) for start, end in
                 mutes_of(options)]  # fmt: skip
        done = 0
        with av.open(Nameless(out), "w", format="flac", container_options=MUXER) as writer:
            written: AudioStream = writer.add_stream("flac", rate=rate)
            written.codec_context.layout = layout
            written.codec_context.format = "s16"
            for decoded in (*container.decode(track), None):
                for frame in resampler.resample(decoded):
                    _mute(frame, done, spans)
                    done, frame.pts = done + frame.samples, None
                    writer.mux(written.encode(frame))
            writer.mux(written.encode(None))
    if not done:
        raise Unreadable
    return "audio/flac", done * 10 // rate


def _mute(frame: AudioFrame, before: int, spans: Sequence[tuple[int, int]]) -> None:
    """Set the samples of a frame to zero that lie in a span; ``before`` is how many samples came before it."""
    plane, wide = frame.planes[0], _BYTES * len(frame.layout.channels)
    inside = [(max(0, start - before), min(frame.samples, end - before)) for start, end in spans]
    if not any(start < end for start, end in inside):
        return
    samples = bytearray(bytes(plane))
    for start, end in inside:
        if start < end:
            samples[start * wide : end * wide] = bytes((end - start) * wide)
    plane.update(bytes(samples))
