"""Stores to test against, each empty at first: a folder, and an S3 server of this process on loopback."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache as django_cache
from django.core.files.storage import storages
from django.test import Client
from pytest_django import Settings

from complaints.adapters.store_s3 import EvidenceS3Storage
from complaints.domain.sealing import segments
from complaints.services.evidence import drafts, resumable
from tests.services.evidence.uploading import on_page_3, store_in
from tests.world import Cast

BUCKET = "bukti"


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """Address of an S3-compatible server.

    Its package is imported here: only one process needs it, if any.
    """
    from moto.server import ThreadedMotoServer

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = ThreadedMotoServer("127.0.0.1", port, verbose=False)
    server.start()
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Path:
    """Keep objects in an empty folder."""
    settings.EVIDENCE_DIR = tmp_path / "evidence"
    store_in(settings, tmp_path / "evidence")
    django_cache.clear()
    return tmp_path / "evidence"


@cache
def s3_storage(endpoint: str) -> EvidenceS3Storage:
    """The storage of the test server's bucket, made once: the client of boto3 takes longer than most tests."""
    store = EvidenceS3Storage(
        bucket_name=BUCKET,
        endpoint_url=endpoint,
        access_key="test",
        secret_key="test",
        region_name="us-east-1",
        location="dalam/",
    )
    store.client.create_bucket(Bucket=BUCKET)
    return store


@pytest.fixture
def bucket(settings: Settings, s3_server: str) -> Iterator[Any]:
    """Keep objects in an empty bucket; gives the storage."""
    backend = {"BACKEND": f"{__name__}.{s3_storage.__name__}", "OPTIONS": {"endpoint": s3_server}}
    settings.STORAGES = {**settings.STORAGES, "evidence": backend}
    django_cache.clear()
    store: Any = storages["evidence"]
    yield store
    for page in store.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
        for entry in page.get("Contents", ()):
            store.client.delete_object(Bucket=BUCKET, Key=entry["Key"])
    for upload in store.client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", ()):
        store.client.abort_multipart_upload(Bucket=BUCKET, Key=upload["Key"], UploadId=upload["UploadId"])


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest) -> Any:
    """Either of the two, empty."""
    request.getfixturevalue(request.param)
    return storages["evidence"]


@pytest.fixture
def reporter(cast: Cast) -> Client:
    """A reporter on page 3."""
    return on_page_3()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> int:
    """Segments of 1,000 bytes."""
    size = 1000
    monkeypatch.setattr(segments, "SEGMENT_BYTES", size)
    monkeypatch.setattr(segments, "STORED_SEGMENT_BYTES", size + segments.NONCE_BYTES + segments.TAG_BYTES)
    monkeypatch.setattr(drafts, "SEGMENT_BYTES", size)
    monkeypatch.setattr(resumable, "SEGMENT_BYTES", size)
    return size
