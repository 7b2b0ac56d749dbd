"""How fast evidence comes in, over real HTTP and sealed, against a loop that only reads, hashes and encrypts.

Keys: mib_per_s_20 and mib_per_s_1024, one upload of so many MiB by the form; ratio, the second to the plain loop on one
core (plain_mib_per_s), both measured in turns because other work disturbs them; cpu_ratio, the same by processor time
alone; rss_mib_above_idle, memory of all the server's processes together while four uploads of 200 MiB run at once;
download_mib_per_s, opening and decrypting a stored object; worker_files_per_s, working copies of photos.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import secrets
import socket
import sys
import threading
import time
from pathlib import Path

sys.path.pop(0)  # this folder: bench/queue.py would stand in for the standard library's
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from nacl import bindings
from PIL import Image

from bench.client import Browser, UnexpectedAnswer, multipart
from bench.intake import CHECK, NO_FILE, START, STORY, WHO, shown_code
from bench.server import HOST, Portal, run_python, running

MIB = 1024 * 1024
LIMITS = {
    "EVIDENCE_MAX_FILE_BYTES": str(2048 * MIB),
    "EVIDENCE_MAX_TOTAL_BYTES": str(4096 * MIB),
    "EVIDENCE_MIN_FREE_BYTES": "0",
}
PHOTOS = 12
STORY_PAGE = "/lapor/cerita/"
HEAD = b"%PDF-1.4\n"
PAGE = os.sysconf("SC_PAGE_SIZE")


def at_story(portal: Portal) -> Browser:
    """Return the browser of a reporter who has reached page 3, where files are added."""
    browser = Browser(HOST, portal.port)
    browser.send(browser.send(browser.open("/lapor/"), START), WHO)
    return browser


def upload(portal: Portal, browser: Browser, size: int, block: bytes) -> float:
    """Send a file of ``size`` MiB by the form of page 3; return the seconds until the answer is there.

    The body is written piece by piece, because the whole of it need not fit into the client's memory.

    Raises:
        UnexpectedAnswer: the file was not accepted.
    """
    fields = browser.open(STORY_PAGE).hidden() | STORY | {"go": "stay"}
    place = secrets.token_bytes(16)
    content_type, form = multipart(fields, {"evidence": ("v.pdf", HEAD + place)})
    first, _place, last = form.partition(place)
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    head = (
        f"POST {STORY_PAGE} HTTP/1.1\r\nHost: {HOST}:{portal.port}\r\nOrigin: http://{HOST}:{portal.port}\r\n"
        f"Cookie: {cookies}\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(first) + size * MIB + len(last)}\r\nConnection: close\r\n\r\n"
    )
    begun = time.perf_counter()
    with socket.create_connection((HOST, portal.port), 120) as connection:
        connection.sendall(head.encode() + first)
        for _ in range(size):
            connection.sendall(block)
        connection.sendall(last)
        answer = b""
        while data := connection.recv(65536):
            answer += data
    seconds = time.perf_counter() - begun
    if not answer.startswith(b"HTTP/1.1 302"):
        raise UnexpectedAnswer(answer[:200].decode("latin-1"))
    return seconds


def photo(number: int) -> bytes:
    """Return a JPEG as large as a phone's screenshot, each ``number`` of another noise."""
    content = io.BytesIO()
    noise = Image.effect_noise((1080, 1440), 40 + number)
    Image.merge("RGB", (noise, noise, noise)).save(content, "JPEG", quality=80)
    return content.getvalue()


def send_photos(portal: Portal) -> None:
    """Send a report with PHOTOS photos, which wait for the worker afterwards."""
    browser = at_story(portal)
    for number in range(PHOTOS):
        page = browser.open(STORY_PAGE)
        browser.post(page, STORY | {"go": "stay"}, files={"evidence": (f"{number}.jpg", photo(number))})
    page = browser.send(browser.open(STORY_PAGE), STORY, files=NO_FILE)
    shown_code(browser.send(page, CHECK))


def plain(file: Path) -> tuple[float, float]:
    """Read, hash and encrypt a file in pieces of 1 MiB; return seconds, and seconds of processor time."""
    key, digest = secrets.token_bytes(32), hashlib.sha256()
    begun, used = time.perf_counter(), time.process_time()
    with file.open("rb", buffering=0) as source:
        while segment := source.read(MIB):
            digest.update(segment)
            bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(segment, b"", secrets.token_bytes(24), key)
    return time.perf_counter() - begun, time.process_time() - used


def resident(portal: Portal) -> int:
    """Return the resident memory of all processes of the server, in bytes."""
    return sum(map(resident_bytes, portal.processes()))


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * PAGE


def four_at_once(portal: Portal, block: bytes) -> float:
    """Return how many MiB the server's processes grow by while four files of 200 MiB come in at once."""
    browsers = [at_story(portal) for _ in range(4)]
    idle, highest = resident(portal), 0
    threads = [threading.Thread(target=upload, args=(portal, browser, 200, block)) for browser in browsers]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        highest = max(highest, resident(portal))
        time.sleep(0.02)
    return (highest - idle) / MIB


def in_process(portal: Portal) -> dict[str, float]:
    """Measure what needs the portal's services, in a process with the server's environment."""
    figures: dict[str, float] = json.loads(
        run_python(portal.environment, "-m", "bench.evidence_inside").splitlines()[-1]
    )
    return figures


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sqlite", action="store_true")
    parser.add_argument("--big", type=int, default=1024, help="MiB of the large upload")
    options = parser.parse_args()
    block = secrets.token_bytes(MIB)
    with running(sqlite=options.sqlite, settings=LIMITS) as portal:
        same = portal.folder / "same-bytes"
        with same.open("wb") as file:
            file.writelines(block for _ in range(options.big // 4))
        for _ in range(4):  # both workers have imported everything
            upload(portal, at_story(portal), 2, block)
        memory = four_at_once(portal, block)
        small = min(upload(portal, at_story(portal), 20, block) for _ in range(3))
        before = plain(same)
        used = portal.cpu_seconds()
        large = upload(portal, at_story(portal), options.big, block)
        used = portal.cpu_seconds() - used
        after = plain(same)
        # Last: photos drawn in this process change how fast its allocator serves the plain loop, by half.
        send_photos(portal)
        plain_rate = 2 * (options.big // 4) / (before[0] + after[0])
        plain_cpu = 2 * (options.big // 4) / (before[1] + after[1])
        figures = {
            "mib_per_s_20": round(20 / small, 1),
            "mib_per_s_1024": round(options.big / large, 1),
            "ratio": round(options.big / large / plain_rate, 2),
            "rss_mib_above_idle": round(memory, 1),
            "plain_mib_per_s": round(plain_rate, 1),
            "cpu_ratio": round(options.big / used / plain_cpu, 2),
            **in_process(portal),
            "database": "sqlite" if options.sqlite else "postgresql",
        }
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
