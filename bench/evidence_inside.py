"""The part of bench/evidence.py that needs the portal's services: reading a stored object, and the worker. Prints one
JSON object; run in a process of its own, because Django reads its settings once."""

from __future__ import annotations

import io
import json
import sys
import time
from typing import Any

import django

from complaints.services.audit import log
from complaints.services.evidence import processing, storage

MIB = 1024 * 1024
PHOTOS = 12
READ_MIB = 200


def photo(number: int) -> bytes:
    """Return a JPEG as large as a phone's screenshot, of its own colour."""
    from PIL import Image

    out = io.BytesIO()
    noise = Image.effect_noise((1080, 1440), 40 + number)
    Image.merge("RGB", (noise, noise, noise)).save(out, "JPEG", quality=80)
    return out.getvalue()


def main() -> int:
    """Measure and print."""
    django.setup()
    from complaints.models.evidence import Evidence, EvidenceObject

    pass
    from complaints.services.evidence.intake import Sink
    from complaints.services.evidence.storage import FileInfo
    from tests.cast import send_report

    def sealed(content: list[bytes], name: str) -> Any:
        sink = Sink(name)
        for piece in content:
            sink.write(piece)
        return sink.finish()

    big = sealed([b"%PDF-1.4\n" + b"\x5a" * (MIB - 9)] + [b"\x5a" * MIB] * (READ_MIB - 1), "v.pdf")
    info: FileInfo = big.info
    stored = EvidenceObject(pk=big.id, object_name=big.object_name)
    begun = time.perf_counter()
    read = sum(map(len, storage.stream(stored, info)))
    download = read / MIB / (time.perf_counter() - begun)
    storage.delete_object(big.object_name)

    send_report(files=[sealed([photo(number)], f"{number}.jpg") for number in range(PHOTOS)])
    assert log.server_signer()
    begun = time.perf_counter()
    while Evidence.objects.filter(state=Evidence.State.PENDING).exists():
        processing.process_pending()
    rate = PHOTOS / (time.perf_counter() - begun)
    print(json.dumps({"download_mib_per_s": round(download, 1), "worker_files_per_s": round(rate, 2)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
