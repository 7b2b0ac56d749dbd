"""Stores sealed objects in an S3-compatible store, through django-storages; chosen by EVIDENCE_S3_BUCKET.

It differs from S3Storage in three points. An object is read by ranges, never downloaded whole. A new object is a
multipart upload from memory, which is aborted when writing fails. Every error of the store or the network is an
OSError, as on a disk. Only ciphertext is stored.
"""

from __future__ import annotations

import contextlib
import io
import logging
import threading
from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, ReadTimeoutError
from django.core.files.base import File
from django.utils import timezone
from storages.backends.s3 import S3Storage

from complaints.adapters.store import StoredObject

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# boto3 and botocore have no types: a client of S3, and the body of an object it reads.
Client: TypeAlias = Any
logger = logging.getLogger(__name__)
# The smallest part that S3 accepts, except for the last; each upload holds one part in memory.
PART_BYTES = 5 * 1024 * 1024
# Sequential reads request growing ranges, so that a seek wastes little. The first holds a header and a whole segment.
FIRST_WINDOW, LAST_WINDOW = 1024 * 1024 + 128, 16 * 1024 * 1024
# How long a store that hangs holds a thread: each try takes one of these, or both.
CONNECT_SECONDS, READ_SECONDS, TRIES = 5.0, 30.0, 3


@contextlib.contextmanager
def _as_os_error() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        # The message of a ClientError has the operation and an error code, never the key of an object.
        raise (FileNotFoundError if status == 404 else OSError)(str(error)) from error
    except (ConnectTimeoutError, ReadTimeoutError) as error:
        raise TimeoutError(type(error).__name__) from error  # a store that hangs does so for every object
    except BotoCoreError as error:
        raise OSError(type(error).__name__) from error


class PartsFile:
    """A new object, buffered in memory until a part is full; it exists once :meth:`close` has returned."""

    def __init__(self, client: Client, location: dict[str, str]) -> None:
        """Begin the object at ``location`` (Bucket, Key); nothing is sent yet."""
        self._client, self._location = client, location
        self._buffer = bytearray()
        self._upload: str | None = None
        self._parts: list[dict[str, object]] = []

    def write(self, data: bytes | memoryview) -> int:
        self._buffer += data
        if len(self._buffer) >= PART_BYTES:
            self._send_part()
        return len(data)

    def _send_part(self) -> None:
        with _as_os_error():
            if self._upload is None:
                self._upload = self._client.create_multipart_upload(**self._location)["UploadId"]
            number = len(self._parts) + 1
            answer = self._client.upload_part(
                **self._location, UploadId=self._upload, PartNumber=number, Body=self._buffer
            )
        self._parts.append({"PartNumber": number, "ETag": answer["ETag"]})
        self._buffer = bytearray()

    def close(self) -> None:
        """Complete the object. Raises OSError; then there is none, and :meth:`abandon` deletes the parts."""
        if self._upload is None:
            with _as_os_error():
                self._client.put_object(**self._location, Body=bytes(self._buffer))
            self._buffer = bytearray()
            return
        if self._buffer:
            self._send_part()
        with _as_os_error():
            parts = {"Parts": self._parts}
            self._client.complete_multipart_upload(**self._location, UploadId=self._upload, MultipartUpload=parts)
        self._upload = None

    def abandon(self) -> None:
        """Abort the upload; if the store fails, :meth:`EvidenceS3Storage.abandoned` does it later."""
        self._buffer = bytearray()
        if self._upload is not None:
            with contextlib.suppress(OSError), _as_os_error():
                self._client.abort_multipart_upload(**self._location, UploadId=self._upload)
            self._upload = None


class RangedFile(io.RawIOBase):
    """An object of ``size`` bytes, read by ranges from any position."""

    def __init__(self, client: Client, location: dict[str, str], size: int) -> None:
        """Wrap the object at ``location`` (Bucket, Key); nothing is read yet."""
        super().__init__()
        self._client, self._location, self.size = client, location, size
        self._position = self._window_end = 0
        self._window = FIRST_WINDOW
        self._body: BinaryIO | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move the position; a response for another range is closed."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        target = max(0, base + offset)
        if target != self._position:
            self._close_response()
            self._position, self._window = target, FIRST_WINDOW
        return target

    def _close_response(self) -> None:
        if self._body is not None:
            self._body.close()
            self._body = None

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill ``buffer`` at most; return the number of bytes, 0 at the end. Raises OSError."""
        target = memoryview(buffer)
        size = min(len(target), self.size - self._position)
        if size <= 0:
            return 0
        with _as_os_error():
            if self._body is None:
                self._window_end = min(self._position + self._window, self.size)
                span = f"bytes={self._position}-{self._window_end - 1}"
                self._body = self._client.get_object(**self._location, Range=span)["Body"]
                self._window = min(2 * self._window, LAST_WINDOW)
            piece = self._body.read(min(size, self._window_end - self._position))
        if not piece:
            raise OSError("cut")
        target[: len(piece)] = piece
        self._position += len(piece)
        if self._position == self._window_end:
            self._close_response()
        return len(piece)

    def close(self) -> None:
        self._close_response()
        super().close()


class EvidenceS3Storage(S3Storage):  # type: ignore[misc]
    """django-storages' S3Storage with one client for all threads: boto3 clients are thread-safe, resources are not."""

    def __init__(self, **options: object) -> None:
        """Take django-storages' options; those that protect evidence are fixed here."""
        config = Config(
            signature_version="s3v4",
            s3={"addressing_style": options.pop("addressing_style", "path")},
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": TRIES},
            max_pool_connections=32,
            # Many S3-compatible stores do not know the newer checksums; each segment is authenticated anyway.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        super().__init__(**options, client_config=config, file_overwrite=False, default_acl=None, gzip=False)
        self._lock = threading.Lock()
        self._client: Client = None

    @property
    def client(self) -> Client:
        with self._lock:
            if self._client is None:
                self._client = self._create_session().client(
                    "s3",
                    region_name=self.region_name,
                    endpoint_url=self.endpoint_url,
                    config=self.client_config,
                    verify=self.verify,
                )
            return self._client

    def _location(self, name: str) -> dict[str, str]:
        return {"Bucket": self.bucket_name, "Key": self._normalize_name(name)}

    def _open(self, name: str, mode: str = "rb") -> PartsFile | File[bytes]:
        if "w" in mode:
            return PartsFile(self.client, self._location(name))
        with _as_os_error():
            size = self.client.head_object(**self._location(name))["ContentLength"]
        return File(RangedFile(self.client, self._location(name), size), name)  # type: ignore[arg-type]

    def put(self, name: str, data: bytes) -> None:
        with _as_os_error():
            self.client.put_object(**self._location(name), Body=data)

    def get(self, name: str) -> bytes:
        with _as_os_error():
            return bytes(self.client.get_object(**self._location(name))["Body"].read())

    def delete(self, name: str) -> None:
        with _as_os_error():
            self.client.delete_object(**self._location(name))

    def delete_all(self, names: Sequence[str]) -> None:
        # One by one: DeleteObjects demands a checksum of the request that many S3-compatible stores do not know.
        for name in names:
            self.delete(name)
        self._abort_uploads({self._location(name)["Key"] for name in names})

    def _abort_uploads(self, keys: set[str]) -> None:
        """Abort multipart uploads of these keys that were never completed."""
        with _as_os_error():
            for upload in self._uploads():
                if upload["Key"] in keys:
                    self._abort(upload)

    def present(self) -> Iterator[StoredObject]:
        prefix = self._prefix()
        with _as_os_error():
            for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket_name, Prefix=prefix):
                for entry in page.get("Contents", ()):
                    stored_at = entry["LastModified"].astimezone(timezone.get_default_timezone())
                    yield StoredObject(entry["Key"].removeprefix(prefix), entry["Size"], stored_at.date())

    def _prefix(self) -> str:
        return f"{self.location.strip('/')}/" if self.location.strip("/") else ""

    def abandoned(self, *, until: date) -> int:
        """Abort multipart uploads that were begun up to ``until`` and never completed; return how many."""
        aborted = 0
        with _as_os_error():
            for upload in self._uploads():
                if timezone.localtime(upload["Initiated"]).date() <= until:
                    self._abort(upload)
                    aborted += 1
        return aborted

    def _uploads(self) -> Iterator[dict[str, Any]]:
        pages = self.client.get_paginator("list_multipart_uploads")
        for page in pages.paginate(Bucket=self.bucket_name, Prefix=self._prefix()):
            yield from page.get("Uploads", ())

    def _abort(self, upload: dict[str, Any]) -> None:
        location = {"Bucket": self.bucket_name, "Key": upload["Key"]}
        self.client.abort_multipart_upload(**location, UploadId=upload["UploadId"])

    def free_bytes(self) -> int | None:
        """Return None: an object store does not report its free space."""
        return None
