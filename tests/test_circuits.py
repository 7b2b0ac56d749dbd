"""Circuits are read from Tor's line alone, each is limited by itself, and what is known of one is soon forgotten."""

from __future__ import annotations

import pytest

from portal.circuits import BURST, CONNECTIONS, REQUESTS_PER_SECOND, Circuits, read_circuit

TOR = b"PROXY TCP6 fc00:dead:beef:4dad::1:29 ::1 41 80"


def test_the_number_of_a_circuit_is_read() -> None:
    assert read_circuit(TOR) == 0x10029
    assert read_circuit(b"PROXY TCP6 fc00:dead:beef:4dad::0:2A ::1 41 80") == 0x2A
    assert read_circuit(b"PROXY TCP6 fc00:dead:beef:4dad::ffff:ffff ::1 1 80") == 0xFFFFFFFF


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"GET / HTTP/1.1",
        b"PROXY UNKNOWN",
        TOR.lower(),
        TOR.replace(b"TCP6", b"TCP4"),
        TOR + b" x",
        TOR[:-3],
        b"PROXY TCP4 127.0.0.1 127.0.0.1 41 80",
        b"PROXY TCP6 2001:db8::1 ::1 41 80",
        b"PROXY TCP6 ::1 ::1 41 80",
        b"PROXY TCP6 \xff ::1 41 80",
        b"PROXY TCP6 fc00:dead:beef:4dad:: 1 ::1 41 80",
        b"\r\n\r\n\x00\r\nQUIT\n",
    ],
)
def test_what_tor_does_not_write_is_no_circuit(line: bytes) -> None:
    assert read_circuit(line) is None


def test_a_circuit_has_so_many_connections_and_others_have_theirs() -> None:
    circuits = Circuits(files=1)
    assert [circuits.open(1, 0.0) for _connection in range(CONNECTIONS + 1)] == [True] * CONNECTIONS + [False]
    assert circuits.open(2, 0.0)
    circuits.close(1)
    circuits.close(1)
    assert circuits.open(1, 0.0)


def test_a_circuit_has_so_many_requests_a_second_and_others_have_theirs() -> None:
    circuits = Circuits(files=1)
    circuits.open(1, 0.0)
    circuits.open(2, 0.0)
    assert [circuits.take_request(1, 0.0) for _request in range(BURST + 1)] == [True] * BURST + [False]
    assert circuits.take_request(2, 0.0)
    assert [circuits.take_request(1, 1.0) for _ in range(REQUESTS_PER_SECOND + 1)][-2:] == [True, False]
    assert sum(circuits.take_request(1, 10_000.0) for _request in range(3 * BURST)) == BURST


def sending(circuits: Circuits) -> list[bool]:
    return [circuits.may_send_files(number) for number in (1, 2, 3)]


def test_a_circuit_leaves_threads_for_files_to_others_and_all_have_so_many() -> None:
    circuits = Circuits(files=4)
    for number in (1, 2, 3):
        circuits.open(number, 0.0)
    circuits.count_files(1, 1)
    assert sending(circuits) == [True, True, True]
    circuits.count_files(1, 1)
    assert sending(circuits) == [False, True, True]
    circuits.count_files(2, 1)
    circuits.count_files(3, 1)
    assert sending(circuits) == [False, False, False]
    circuits.count_files(1, -1)
    assert sending(circuits) == [True, True, True]


def test_a_circuit_may_send_one_file_where_threads_are_few() -> None:
    circuits = Circuits(files=1)
    circuits.open(1, 0.0)
    circuits.open(2, 0.0)
    circuits.count_files(1, 0)
    assert circuits.may_send_files(1)
    circuits.count_files(1, 1)
    assert (circuits.may_send_files(1), circuits.may_send_files(2)) == (False, False)


def test_circuits_are_forgotten_but_not_to_get_round_a_limit() -> None:
    circuits = Circuits(files=1)
    circuits.open(1, 0.0)
    for _request in range(BURST):
        circuits.take_request(1, 1.0)
    circuits.close(1)
    circuits.forget(2.0)
    assert circuits.open(1, 2.0)
    assert sum(circuits.take_request(1, 2.0) for _request in range(BURST)) < BURST / 2
    circuits.forget(60.0)
    assert len(circuits) == 1, "it has a connection"
    circuits.close(1)
    circuits.forget(60.0)
    assert len(circuits) == 0
