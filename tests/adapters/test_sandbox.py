"""A file that takes over its reader gets nothing: no disk, no network, no other file, no time without end. What it
leaves is an error with a code, and the next file is served as if nothing had been."""

import contextlib
import io
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pikepdf
import pytest

from complaints.adapters import sandbox
from complaints.adapters.sandbox import Held, JobFailed, Limits, Sandbox, Unavailable, hold
from tests.adapters.samples import COPIES, MARK, SAMPLES, SILENT

SMALL = Limits(memory_bytes=256 * 1024 * 1024, cpu_seconds=1, wall_seconds=1, output_bytes=4 * 1024 * 1024)


@pytest.fixture(scope="module")
def odd() -> Iterator[Sandbox]:
    box = Sandbox("tests.adapters.odd_jobs")
    yield box
    box.close()


@pytest.fixture(scope="module")
def real() -> Iterator[Sandbox]:
    box = Sandbox()
    yield box
    box.close()


def failure(box: Sandbox, job: str, data: bytes, media_type: str = "", limits: Limits = SMALL) -> str:
    with hold([data], 10**9) as held, pytest.raises(JobFailed) as failed:
        box.run(job, held, media_type, limits=limits).close()
    return failed.value.code


def answer(box: Sandbox, job: str, data: bytes, media_type: str = "", **options: int) -> list[bytes]:
    with hold([data], 10**9) as held, box.run(job, held, media_type, **options) as result:
        return [part.read() for part in result.parts]


def children(of: int | None = None) -> set[int]:
    """Processes that this one (or another) started, and theirs."""
    pids, waiting = set(), [of or os.getpid()]
    while waiting:
        parent = waiting.pop()
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{parent}/task").iterdir():
                new = {int(word) for word in (task / "children").read_text().split()} - pids
                pids |= new
                waiting += new
    return pids


def servers() -> set[int]:
    """Those of them that wait for jobs."""
    pids = set()
    for pid in children():
        with contextlib.suppress(OSError):
            stat = Path(f"/proc/{pid}/stat").read_text()
            if b"odd_jobs" in Path(f"/proc/{pid}/cmdline").read_bytes() and int(stat.split()[3]) == os.getpid():
                pids.add(pid)
    return pids


def assert_is_refused(read: Callable[[], object]) -> None:
    """Nobody but root reads this of a process of the sandbox."""
    with pytest.raises(PermissionError):
        read()


# --- What a job sees


def test_sandboxed_job_opens_and_inherits_no_file(odd: Sandbox) -> None:
    os.environ["SECRET_OF_THE_TEST"] = MARK
    (text,) = answer(odd, "look_around", b"x")
    results = json.loads(text)
    for door in ("open", "create", "list", "internet", "unix", "pipe", "memory", "session"):
        assert results[door] == "PermissionError", door
    for change in ("files", "core"):
        assert results[change] == "ValueError", change
    assert results["change the input"] in {"OSError", "PermissionError"}
    assert not set(results["environment"]) - {"LC_CTYPE"}
    assert MARK not in text.decode()
    # Three that lead nowhere, the file, the output, the answers.
    assert len(results["descriptors"]) == 6


def test_sandbox_reports_missing_network_isolation(odd: Sandbox) -> None:
    assert isinstance(odd.walls.network, bool)
    answer(odd, "echo", b"x")
    (server,) = servers()
    ours, theirs = (Path(f"/proc/{name}/ns/net") for name in ("self", server))
    if os.geteuid():
        # A process that is not dumpable shows this to root alone, and not to the user that runs it.
        assert_is_refused(theirs.readlink)
        return
    assert (ours.readlink() != theirs.readlink()) is odd.walls.network


def test_plaintext_is_in_no_argument_and_in_no_file(odd: Sandbox) -> None:
    assert answer(odd, "echo", MARK.encode() * 1000) == [MARK.encode() * 1000]
    for pid in servers():
        assert MARK.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
        if os.geteuid():
            assert_is_refused(Path(f"/proc/{pid}/environ").read_bytes)
            continue
        assert MARK.encode() not in Path(f"/proc/{pid}/environ").read_bytes()
        links = {str(link.readlink()).partition(":")[0] for link in Path(f"/proc/{pid}/fd").iterdir()}
        assert links <= {"/dev/null", "socket"}


def test_files_come_back_whole_in_parts_and_by_options(odd: Sandbox) -> None:
    data = random.Random(7).randbytes(3_000_000)
    with hold((data[place : place + 70_000] for place in range(0, len(data), 70_000)), len(data)) as held:
        assert held.size == len(data)
        with odd.run("echo", held, pages=7) as result:
            assert result.pages == 7
            assert result.type == "text/plain"
            assert [len(piece) for piece in result.parts[0].chunks(1_000_000)] == [1_000_000] * 3
        with odd.run("echo", held) as result:
            assert result.parts[0].read() == data
    assert answer(odd, "echo", b"") == [b""]


def test_a_held_file_cannot_change_and_knows_its_limit() -> None:
    with hold([b"abc"], 3) as held:
        with pytest.raises(PermissionError):
            os.pwrite(held.descriptor, b"x", 0)
        with pytest.raises(PermissionError):
            os.ftruncate(held.descriptor, 0)
    assert held.descriptor == -1
    with pytest.raises(JobFailed) as failed:
        hold([b"abc", b"d"], 3)
    assert failed.value.code == "too_large"


# --- What a job may not


@pytest.mark.parametrize(
    ("deed", "code"),
    [
        ("crash", "crashed"),
        ("abort", "crashed"),
        ("exit", "crashed"),
        ("exit with a number", "crashed"),
        ("eat memory", "memory"),
        ("eat memory in C", "crashed"),
        ("spin", "time"),
        ("spin deaf", "time"),
        ("sleep", "time"),
        ("sleep deaf", "time"),
        ("write too much", "too_large"),
        ("raise", "crashed"),
        ("refuse", "bomb"),
    ],
)
def test_every_misdeed_ends_in_a_code_and_hurts_nobody_else(odd: Sandbox, deed: str, code: str) -> None:
    before = children()
    start = time.monotonic()
    assert failure(odd, "misbehave", deed.encode()) == code
    assert time.monotonic() - start < 20
    assert answer(odd, "echo", b"next") == [b"next"]
    deadline = time.monotonic() + 5
    while (left := children() - before) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(left) <= 1  # the server itself, where this was its first job


def test_children_of_a_sandboxed_job_end_with_it(odd: Sandbox) -> None:
    answer(odd, "echo", b"x")
    before = children()
    with contextlib.suppress(JobFailed):  # a user who is not root may start nothing at all
        answer(odd, "misbehave", b"leave a child")
    deadline = time.monotonic() + 5
    while children() - before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert children() <= before
    # One that escaped belongs to the first process; those of other runs of the tests have their own parents.
    jobs = [path.parent for path in Path("/proc").glob("[0-9]*/cmdline") if b"odd_jobs" in _bytes(path)]
    assert [job for job in jobs if b"\nPPid:\t1\n" in _bytes(job / "status")] == []
    assert {int(job.name) for job in jobs} & children() == servers()


def test_output_of_a_sandboxed_job_is_discarded(odd: Sandbox, capfd: pytest.CaptureFixture[str]) -> None:
    answer(odd, "misbehave", b"shout")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "words",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b'{"refused": "nonsense"}',
        b'{"refused": ["a"]}',
        b'{"type": "image/svg+xml", "codes": [], "pages": 0, "parts": []}',
        b'{"type": "", "codes": [], "pages": 0, "parts": [["image/svg+xml", 0]]}',
        b'{"type": "", "codes": [], "pages": 0, "parts": [["text/plain", 5]]}',
        b'{"type": "", "codes": [], "pages": 0, "parts": [["text/plain", -1], ["text/plain", 1]]}',
        b'{"type": "", "codes": [], "pages": "x", "parts": []}',
        b'{"type": "", "codes": [], "pages": -1, "parts": []}',
        b'{"type": "", "codes": [], "pages": 1e999, "parts": []}',
        b'{"type": "", "codes": [], "pages": 1%s, "parts": []}' % (b"0" * 300),
        b'{"type": "", "codes": [], "pages": 0, "parts": [%s]}' % b",".join([b'["image/jpeg", 0]'] * 101),
        b'{"type": "", "codes": 5, "pages": 0, "parts": []}',
        b'{"type": "", "codes": [], "pages": 0, "parts": 5}',
        b"[" * 60_000,
        b" " * 100_000,
    ],
)
def test_forged_answers_are_errors(odd: Sandbox, words: bytes) -> None:
    assert failure(odd, "forge", words) == "crashed"


def test_forged_codes_are_ignored(odd: Sandbox) -> None:
    words = b'{"type": "", "codes": ["place", "<b>", "place"], "pages": 0, "parts": []}'
    with hold([words], 1000) as held, odd.run("forge", held) as result:
        assert result.codes == ("place",)


def test_only_listed_jobs_run(odd: Sandbox) -> None:
    assert failure(odd, "os.system", b"") == "crashed"


# --- The server


def test_many_at_once_get_each_their_own(odd: Sandbox) -> None:
    texts = [f"{number:06}".encode() * 1000 for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda text: answer(odd, "echo", text), texts))
    assert answers == [[text] for text in texts]


def test_one_held_file_serves_jobs_side_by_side(odd: Sandbox) -> None:
    data = random.Random(1).randbytes(2_000_000)

    def once(_: int) -> bool:
        with odd.run("echo", held) as result:
            return result.parts[0].read() == data

    with hold([data], 10**7) as held, ThreadPoolExecutor(4) as pool:
        assert all(pool.map(once, range(8)))


def test_too_many_at_once_wait_and_then_say_so() -> None:
    box = Sandbox("tests.adapters.odd_jobs", parallel=1)
    try:
        with hold([b"sleep"], 10) as held, ThreadPoolExecutor(1) as pool:
            slow = pool.submit(failure, box, "misbehave", b"sleep")
            # The place is taken before the server starts, which a busy machine may not do for seconds.
            while box._slots._value:
                time.sleep(0.01)
            with pytest.raises(Unavailable):
                box.run("echo", held, wait_seconds=0.01)
            assert slow.result() == "time"
    finally:
        box.close()


def test_a_dead_server_is_replaced() -> None:
    before = servers()
    box = Sandbox("tests.adapters.odd_jobs")
    try:
        assert answer(box, "echo", b"a") == [b"a"]
        server = (servers() - before).pop()
        os.kill(server, signal.SIGKILL)
        while _alive(server):
            time.sleep(0.01)
        assert answer(box, "echo", b"b") == [b"b"]
        with hold([b"x"], 10) as held, pytest.raises(Unavailable):
            box.run("echo", held, "fatal")
        assert answer(box, "echo", b"c") == [b"c"]
    finally:
        box.close()


def test_a_server_that_cannot_start_is_unavailable() -> None:
    with hold([b"x"], 10) as held, pytest.raises(Unavailable):
        Sandbox("tests.adapters.no_such_jobs").run("echo", held)


def test_the_server_ends_with_its_process() -> None:
    code = (
        "import sys, os, json; sys.path.insert(0, '.')\n"
        "from complaints.adapters import sandbox\n"
        "box = sandbox.Sandbox('tests.adapters.odd_jobs')\n"
        "held = sandbox.hold([b'sleep'], 10)\n"
        "box.walls; print(box._server.pid, flush=True)\n"
        "box.run('misbehave', held)\n"
    )
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen([sys.executable, "-c", code], cwd=root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        server = int(process.stdout.readline())
        # The server, and the job that sleeps.
        while len(group := children(process.pid)) < 2 and process.poll() is None:
            time.sleep(0.02)
        process.kill()
    deadline = time.monotonic() + 10
    assert server in group
    while any(_alive(pid) for pid in group) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert [pid for pid in group if _alive(pid)] == []


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def _in_a_copy(box: Sandbox, reply: "multiprocessing.connection.Connection") -> None:
    reply.send(answer(box, "echo", b"copy"))
    box.close()


def test_a_forked_process_has_a_server_of_its_own(odd: Sandbox) -> None:
    answer(odd, "echo", b"x")
    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("fork")
    process = context.Process(target=_in_a_copy, args=(odd, theirs))
    process.start()
    assert ours.poll(30)
    assert ours.recv() == [b"copy"]
    process.join(30)
    assert process.exitcode == 0
    assert answer(odd, "echo", b"still here") == [b"still here"]


# --- The real jobs


@pytest.mark.parametrize("kind", sorted(SAMPLES))
def test_the_real_jobs_give_what_they_give_outside(real: Sandbox, kind: str) -> None:
    media_type, make = SAMPLES[kind]
    with hold([make()], 10**7) as held:
        with real.run("recognise", held, media_type) as result:
            assert result.type == media_type
        with real.run("inspect", held, media_type) as result:
            assert result.codes or kind in SILENT
        with real.run("clean", held, media_type) as result:
            (part,) = result.parts
            assert part.size > 100
            assert MARK.encode() not in part.read()
            assert result.type == part.type == COPIES.get(kind, media_type)


def test_a_pdf_under_aes_256_that_opens_without_a_password_is_read(real: Sandbox) -> None:
    """Statements of banks and signed letters; the library asks for random numbers when it opens one."""
    document, out = pikepdf.Pdf.new(), io.BytesIO()
    document.add_blank_page()
    document.docinfo["/Author"] = MARK
    document.save(out, encryption=pikepdf.Encryption(owner=MARK, user="", R=6))
    with hold([out.getvalue()], 10**9) as held, real.run("inspect", held, "application/pdf") as result:
        assert result.codes == ("author",)
    copy = answer(real, "clean", out.getvalue(), "application/pdf")[0]
    with pikepdf.open(io.BytesIO(copy)) as opened:
        assert len(opened.pages) == 1
        assert not opened.is_encrypted


def test_pages_and_previews_come_as_pictures(real: Sandbox) -> None:
    media_type, make = SAMPLES["pdf"]
    first, second = answer(real, "pages", make(), media_type, side=200)
    assert first != second
    assert first.startswith(b"\xff\xd8")
    assert len(answer(real, "pages", make(), media_type, first=1, limit=5)) == 1
    for kind in ("jpg", "pdf", "mp4"):
        (picture,) = answer(real, "preview", SAMPLES[kind][1](), SAMPLES[kind][0], side=64)
        assert picture.startswith(b"\xff\xd8")
    assert failure(real, "preview", SAMPLES["mp3"][1](), "audio/mpeg") == "unsupported"
    assert failure(real, "pages", SAMPLES["jpg"][1](), "image/jpeg") == "unsupported"


@pytest.mark.parametrize(
    ("media_type", "code"),
    [
        ("application/msword", "legacy"),
        ("application/vnd.ms-excel", "legacy"),
        ("application/x-ole-storage", "legacy"),
        ("application/encrypted", "encrypted"),
        ("application/zip", "opaque"),
        ("text/html", "opaque"),
        ("text/plain", "opaque"),
        ("image/svg+xml", "unsupported"),
        ("../../etc/passwd", "unsupported"),
    ],
)
def test_kinds_without_a_copy_say_why(real: Sandbox, media_type: str, code: str) -> None:
    assert failure(real, "clean", b"whatever", media_type) == code


def test_random_bytes_and_cut_files_never_harm_the_portal(real: Sandbox) -> None:
    """A hundred files of chance, under every name, and cut ones of every kind: only codes come back."""
    dice = random.Random(2026)
    kinds = sorted(SAMPLES)
    cases = [
        (SAMPLES[kinds[number % len(kinds)]][0], dice.randbytes(dice.randrange(1, 5_000))) for number in range(100)
    ]
    for kind in kinds:
        media_type, make = SAMPLES[kind]
        data = make()
        cases.append((media_type, data[: len(data) * 2 // 3]))

    def once(case: tuple[str, bytes]) -> str:
        media_type, data = case
        try:
            with hold([data], 10**6) as held, real.run("clean", held, media_type) as result:
                return result.type
        except JobFailed as failed:
            return failed.code

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(once, cases))
    assert "crashed" not in answers
    assert "damaged" in answers
    assert real.walls.stand


def test_the_default_sandbox_is_lazy() -> None:
    code = (
        "from complaints.adapters import sandbox\nfrom complaints.adapters.media import kinds\nimport sys\n"
        "print(sandbox.DEFAULT._server, [name for name in ('av', 'pikepdf', 'pillow_heif') if name in sys.modules])"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["None", "[]"]
    assert isinstance(sandbox.hold([b""], 1), Held)


def test_decoders_are_loaded_for_the_pictures_that_need_them() -> None:
    """A photo that only the whole file shows to be of another kind is asked for anew, as one of that kind."""
    box = Sandbox()
    box.start_soon()
    with hold([SAMPLES["heic"][1]()], 2**20) as held:
        with box.run_steps("derive", held, "image/jpeg") as steps:
            assert (list(steps.done), steps.done["recognise"].type) == (["recognise"], "image/heic")
        with box.run_steps("derive", held, "image/heic") as steps:
            assert list(steps.done) == ["recognise", "inspect", "clean"]
        with box.run_steps("derive", held, "image/jpeg") as steps:
            assert "clean" in steps.done
    box.close()
