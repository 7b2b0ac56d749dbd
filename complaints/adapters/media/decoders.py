"""Sets up the decoders of HEIF and AVIF, which processes that answer requests never need."""

from functools import cache
from importlib import import_module

from PIL import AvifImagePlugin


@cache
def load() -> None:
    """Register the decoders; a limited process can no longer load them."""
    pillow_heif = import_module("pillow_heif")
    pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
    # All in the calling thread; libde265 starts one of its own all the same.
    pillow_heif.options.DECODE_THREADS = 0
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
