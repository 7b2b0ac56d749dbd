"""Whoever the portal speaks to on another machine has to prove who it is: a certificate of nobody known is refused."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import redis
from botocore.exceptions import SSLError
from django.core.cache.backends.redis import RedisCache
from django.core.mail import get_connection

from bench.proxy import certify
from complaints.adapters.store_s3 import EvidenceS3Storage

HOST = "localhost"


def nothing_first(client: socket.socket) -> None:
    """TLS from the first byte."""


def as_postgresql(client: socket.socket) -> None:
    """PostgreSQL takes eight bytes that ask for TLS, and says yes."""
    client.recv(8)
    client.sendall(b"S")


def as_smtp(client: socket.socket) -> None:
    """A mail server says who it is, and takes STARTTLS."""
    client.sendall(b"220 surat.example.go.id\r\n")
    client.recv(1000)
    client.sendall(b"250-surat.example.go.id\r\n250 STARTTLS\r\n")
    client.recv(1000)
    client.sendall(b"220 go on\r\n")


@contextmanager
def unknown_server(folder: Path, before: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server whose certificate nobody knows; gives its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "fullchain.pem", folder / "privkey.pem")

    def serve(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _address = listener.accept()
                with client, contextlib.suppress(OSError):
                    before(client)
                    context.wrap_socket(client, server_side=True)

    with socket.create_server((HOST, 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    certify(tmp_path, "http://127.0.0.1:9/")
    return tmp_path


@pytest.mark.parametrize("starts_plain", [True, False])
def test_mail_is_given_to_no_unknown_server(folder: Path, starts_plain: bool) -> None:
    with unknown_server(folder, as_smtp if starts_plain else nothing_first) as port:
        mail = get_connection(
            "django.core.mail.backends.smtp.EmailBackend",
            host=HOST, port=port, use_tls=starts_plain, use_ssl=not starts_plain, timeout=10,
        )  # fmt: skip
        with pytest.raises(ssl.SSLCertVerificationError):
            mail.open()


def test_redis_gives_counters_to_no_unknown_server(folder: Path) -> None:
    with unknown_server(folder, nothing_first) as port:
        cache = RedisCache(f"rediss://{HOST}:{port}", {})
        with pytest.raises(redis.exceptions.ConnectionError, match="certificate verify failed"):
            cache.get("x")


def test_files_are_given_to_no_unknown_store(folder: Path) -> None:
    with unknown_server(folder, nothing_first) as port:
        store = EvidenceS3Storage(
            bucket_name="kanal", endpoint_url=f"https://{HOST}:{port}", access_key="x", secret_key="x",
            region_name="us-east-1", addressing_style="path",
        )  # fmt: skip
        with pytest.raises(SSLError):
            store.connection.meta.client.head_object(Bucket="kanal", Key="x")


def test_postgresql_signs_in_to_no_unknown_server(folder: Path, tmp_path: Path) -> None:
    """With the mode that check --deploy asks for (E035); another authority than the server's is trusted."""
    (tmp_path / "other").mkdir()
    certify(tmp_path / "other", "http://127.0.0.1:9/")
    trusted = tmp_path / "other" / "fullchain.pem"
    with unknown_server(folder, as_postgresql) as port:
        place = f"postgresql://kanal:x@{HOST}:{port}/kanal?sslmode=verify-full&sslrootcert={trusted}&gssencmode=disable"
        with pytest.raises(psycopg.OperationalError, match="SSL error"):
            psycopg.connect(place, connect_timeout=10)
