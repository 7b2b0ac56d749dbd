"""The part of bench/evidence.py that needs the portal's services: reading a stored object, and the worker. Prints one
JSON object; run in a process of its own, because Django reads its settings once."""

from __future__ import annotations

import json
import sys
import time

import django

django.setup()

from complaints import tasks
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.services.evidence.intake import Sink
from complaints.services.evidence.storage import stream

MIB = 1024 * 1024
READ_MIB = 200


def download_rate() -> float:
    """Store an object of READ_MIB and read it again; return how many MiB a second were opened and decrypted."""
    sink = Sink("v.pdf")
    sink.write(b"%PDF-1.4\n" + b"\x5a" * (MIB - 9))
    for _ in range(READ_MIB - 1):
        sink.write(b"\x5a" * MIB)
    upload = sink.finish()
    assert upload.info is not None
    stored = EvidenceObject(pk=upload.id, object_name=upload.object_name)
    begun = time.perf_counter()
    size = sum(map(len, stream(stored, upload.info)))
    return size / MIB / (time.perf_counter() - begun)


def worker_rate() -> float:
    """Make the working copies that wait; return how many files a second."""
    pending = Evidence.objects.filter(state=Evidence.State.PENDING)
    files = pending.count()
    assert files
    begun = time.perf_counter()
    while pending.exists():
        tasks.process_evidence()
    return files / (time.perf_counter() - begun)


def main() -> int:
    """Measure and print."""
    rates = {"download_mib_per_s": round(download_rate(), 1), "worker_files_per_s": round(worker_rate(), 2)}
    print(json.dumps(rates))
    return 0


if __name__ == "__main__":
    sys.exit(main())
