"""A reader that was taken over finds nothing in its room: no escape works behind the walls, and each one can work, or
fails for another reason, without them. Where the walls do not stand, no file is opened."""

import ctypes
import errno
import json
import os
import re
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.attack import escape_jobs, escapes
from complaints.adapters import confinement, system_calls
from complaints.adapters.sandbox import JobFailed, Sandbox, Unconfined, hold

ROOT = Path(__file__).resolve().parents[2]
JOBS = "bench.attack.escape_jobs"
# Without root these are forbidden outside the sandbox as well.
OF_ROOT = {
    *("chroot", "mount", "umount", "setns", "reboot", "kexec_load", "finit_module", "syslog", "sethostname", "swapon"),
    *("raw packets", "bpf", "perf_event_open", "userfaultfd", "unshare", "ptrace", "kcmp", "io_uring_setup"),
    *("process_vm_readv", "process_vm_writev", "open the memory of another"),
}
# What Landlock knows of; the others are left to the list.
OF_LANDLOCK = {
    *("open to read", "open to write", "create", "openat2", "open the memory of another", "open a device", "list"),
    *("unlink", "rename", "truncate", "mkdir", "rmdir", "symlink", "link", "mknod", "execve of a static program"),
}


def test_no_escape_works_inside_the_sandbox(tmp_path: Path) -> None:
    assert escapes.not_refused(tmp_path) == []
    assert len(escape_jobs.ESCAPES) >= 40


def test_an_escape_that_works_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here a list that names too much: what the sandbox calls anyway counts as an escape."""
    monkeypatch.setattr(escapes, "BY_THE_LIST", "ENOSYS")
    assert set(escapes.not_refused(tmp_path)) == set(escape_jobs.ESCAPES)


def test_each_escape_works_outside_or_fails_for_another_reason(tmp_path: Path) -> None:
    command = [sys.executable, "-m", JOBS, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    results = json.loads(done.stdout)
    assert set(results) == set(escape_jobs.ESCAPES)
    refused = {name for name, error in results.items() if error in {"EPERM", "EACCES"}}
    assert refused <= (OF_ROOT if os.geteuid() else set())
    worked = {name for name, error in results.items() if not error}
    assert worked >= set(escape_jobs.FILES) - OF_ROOT
    assert len(worked) >= 40


# --- Each wall before the file system by itself


def behind(wall: Callable[[], bool], place: escape_jobs.Place) -> dict[str, str]:
    """Try the escapes to files in a process behind one wall, without the list."""
    receiver, sender = os.pipe()
    child = os.fork()
    if not child:
        confinement.cut_network()  # gives the right to mount where it is not root that runs
        stands = wall()
        results = escape_jobs.attempts(place, escape_jobs.FILES) if stands else {}
        os.write(sender, json.dumps(results).encode())
        os._exit(0)
    os.close(sender)
    with os.fdopen(receiver, "rb") as answer:
        results = json.loads(answer.read())
    os.waitpid(child, 0)
    if not results:
        pytest.skip("this system does not give this wall")
    return dict(results)


def test_behind_an_empty_root_there_is_no_file(tmp_path: Path) -> None:
    place = escape_jobs.prepare(tmp_path)
    assert set(behind(confinement.empty_root, place).values()) == {"ENOENT"}
    assert (tmp_path / "cut").read_text() == (tmp_path / "gone").read_text() == "portal"


def test_landlock_denies_every_name(tmp_path: Path) -> None:
    results = behind(confinement.deny_files, escape_jobs.prepare(tmp_path))
    assert {name: error for name, error in results.items() if name in OF_LANDLOCK and not error} == {}
    assert {path.name for path in tmp_path.iterdir()} >= {"gone", "moved", "emptied"}
    assert (tmp_path / "cut").read_text() == "portal"


# --- Systems that lack a wall

_OUTER = """
import json, os, sys
from tests.adapters.test_escapes import refuse
from complaints.adapters import sandbox
refuse(json.loads(sys.argv[1]))
box = sandbox.Sandbox("bench.attack.escape_jobs")
print(json.dumps(vars(box.walls)))
held = sandbox.hold([sys.argv[2].encode()], 4096)
try:
    with box.run("escape", held, process=os.getpid()) as result:
        print(result.parts[0].read().decode())
except sandbox.Unconfined:
    print("unconfined")
"""
UNSHARE = {"x86_64": 272, "aarch64": 97}[os.uname().machine]
PRCTL_SECCOMP, LANDLOCK = "seccomp", 444


def refuse(calls: list[object]) -> None:
    """Have the kernel refuse these calls to this process and all that it starts, as profiles of containers do."""
    load, equal, leave = 0x20, 0x15, 0x06
    steps = []
    for call in calls:
        if call == PRCTL_SECCOMP:
            prctl = {"x86_64": 157, "aarch64": 167}[os.uname().machine]
            steps += [(load, 0, 0, 0), (equal, 0, 3, prctl), (load, 0, 0, 16), (equal, 0, 1, 22)]
        else:
            steps += [(load, 0, 0, 0), (equal, 0, 1, call)]
        steps.append((leave, 0, 0, 0x50000 | errno.EPERM))
    steps.append((leave, 0, 0, 0x7FFF0000))
    assert system_calls.install(b"".join(struct.pack("=HBBI", *step) for step in steps))


def on_a_system_without(calls: list[object], folder: Path) -> tuple[dict[str, bool], str]:
    """Return the walls that stand where the kernel refuses these calls, and what the escapes came to."""
    command = [sys.executable, "-c", _OUTER, json.dumps(calls), str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    walls, answer = done.stdout.splitlines()
    return json.loads(walls), answer


@pytest.mark.parametrize(("calls", "missing"), [([LANDLOCK], {"landlock"}), ([UNSHARE], {"network", "root"})])
def test_one_wall_before_the_files_is_enough(calls: list[object], missing: set[str], tmp_path: Path) -> None:
    escape_jobs.prepare(tmp_path)
    walls, answer = on_a_system_without(calls, tmp_path)
    assert not any(walls[name] for name in missing)
    if not walls["root"] and not walls["landlock"]:
        pytest.skip("this system has no other wall before the files")
    assert set(json.loads(answer).values()) == {"EPERM"}


@pytest.mark.parametrize("calls", [[LANDLOCK, UNSHARE], [PRCTL_SECCOMP]], ids=["no file wall", "no list"])
def test_without_the_list_or_both_file_walls_no_file_is_opened(calls: list[object], tmp_path: Path) -> None:
    walls, answer = on_a_system_without(calls, tmp_path)
    assert answer == "unconfined"
    assert not walls["calls"] or not (walls["root"] or walls["landlock"])


def test_walls_that_fall_later_are_noticed_before_the_file_is_read() -> None:
    box = Sandbox("tests.adapters.odd_jobs")
    try:
        with hold([b"x"], 10) as held:
            box.run("echo", held).close()
            assert box.walls.stand
            with pytest.raises(Unconfined):
                box.run("echo", held, "no list any more")
    finally:
        box.close()


def test_a_file_cannot_pretend_that_it_was_not_opened() -> None:
    """What would be tried again for ever must not be the file's own word."""
    box = Sandbox("tests.adapters.odd_jobs")
    try:
        with hold([b"exit with a number"], 100) as held, pytest.raises(JobFailed):
            box.run("misbehave", held)
    finally:
        box.close()


# --- The list


def decision(steps: bytes, *, architecture: int, number: int, argument: int = 0) -> int:
    """Run a filter as the kernel does, and return what it decides on a call."""
    data = struct.pack("=iIQQ5Q", number, architecture, 0, argument, *[0] * 5)
    program = list(struct.iter_unpack("=HBBI", steps))
    place = word = 0
    while True:
        code, if_true, if_false, value = program[place]
        place += 1
        if code == 0x20:
            (word,) = struct.unpack_from("=I", data, value)
        elif code == 0x15:
            place += if_true if word == value else if_false
        else:
            return int(value)


ALLOW, REFUSE, UNKNOWN, KILL = 0x7FFF0000, 0x50001, 0x50026, 0x80000000
THREAD = 0x3D0F00


@pytest.mark.parametrize("machine", list(system_calls.MACHINES.values()), ids=list(system_calls.MACHINES))
def test_the_list_allows_what_it_names_and_nothing_else(machine: system_calls.Machine) -> None:
    steps, own = system_calls.program(machine), machine.architecture
    assert len(steps) // 8 <= 256
    for number in [*range(600), 0x40000000, 0x40000000 + 1]:
        expected = ALLOW if number in machine.numbers.values() else UNKNOWN if number == 435 else REFUSE
        assert decision(steps, architecture=own, number=number) == expected, number
    assert decision(steps, architecture=0x40000003, number=3) == KILL


@pytest.mark.parametrize("machine", list(system_calls.MACHINES.values()), ids=list(system_calls.MACHINES))
def test_the_list_allows_threads_and_no_processes_or_namespaces(machine: system_calls.Machine) -> None:
    steps, own = system_calls.program(machine), machine.architecture

    def cloned(flags: int) -> int:
        return decision(steps, architecture=own, number=machine.clone, argument=flags)

    assert cloned(THREAD) == ALLOW
    for flags in (0, 17, THREAD | 17, THREAD | 0x10000000, THREAD ^ 0x10000, THREAD | 1 << 32, 0x4111):
        assert cloned(flags) == REFUSE, hex(flags)


@pytest.mark.parametrize(
    ("name", "header"),
    [("x86_64", "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), ("aarch64", "/usr/include/asm-generic/unistd.h")],
)
def test_numbers_are_the_kernels(name: str, header: str) -> None:
    if not Path(header).exists():
        pytest.skip(f"no {header}: the package linux-libc-dev is not installed")
    known = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", Path(header).read_text()))
    machine = system_calls.MACHINES[name]
    assert {call: number for call, number in machine.numbers.items() if known[call] != str(number)} == {}
    assert known["clone"] == str(machine.clone)


def test_both_machines_allow_the_same() -> None:
    assert set(system_calls.X86_64.numbers) == set(system_calls.AARCH64.numbers)


def test_another_machine_has_no_list() -> None:
    assert not system_calls.restrict("riscv64")
    assert ctypes.CDLL(None).prctl(21, 0, 0, 0, 0) == 0  # PR_GET_SECCOMP: this process is under none
