"""nginx with the shipped configuration in front of a portal that runs already.

What has to differ is replaced and nothing else: ports, name and certificate, where it writes, who it runs as. Its
temporary folders are closed to it, so that a request of which it wanted to write something to disk fails.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID

from bench.server import HOST, ROOT, free_port

CONFIGURATION = ROOT / "deploy" / "nginx.conf"
STAFF_CONFIGURATION = ROOT / "deploy" / "nginx-staff.conf"
NAME = "localhost"
STAFF_NAME = "kantor.localhost"
READY_SECONDS = 20
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


@dataclass(frozen=True)
class Authority:
    """Who has issued the certificate of a proxy, and the certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    issued: x509.Certificate


@dataclass(frozen=True)
class Proxy:
    """A running nginx: two ports, the folder in which it writes, what it is told, and who issued its certificate."""

    https_port: int
    http_port: int
    folder: Path
    configuration: Path
    authority: Authority

    def logged(self) -> str:
        """Return all that it wrote anywhere."""
        files = [path for path in self.folder.rglob("*") if path.is_file() and path != self.configuration]
        written = [path for path in files if path.suffix not in (".pem", ".conf")]
        return "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in written)


def nginx_path() -> str | None:
    """Return the program, None where there is none."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def configuration(shipped: str, *, folder: Path, https_port: int, http_port: int, portal_port: int) -> str:
    """Return the shipped configuration for unprivileged ports on this machine.

    Raises ValueError where it does not hold what has to be replaced.
    """
    replacements = {
        r"^user .*;$": "",
        r"^pid .*;$": f"pid {folder}/nginx.pid;",
        r"^ *listen \[::\].*;$": "",
        r"listen 80\b": f"listen {HOST}:{http_port}",
        r"listen 443\b": f"listen {HOST}:{https_port}",
        r"lapor\.example\.go\.id": NAME,
        r"/etc/ssl/lapor/": f"{folder}/",
        r"server 127\.0\.0\.1:8000;": f"server {HOST}:{portal_port};",
        r"^http \{$": "\n".join(["http {", *(f"{name}_temp_path {folder}/closed/{name};" for name in _TEMPORARY)]),
    }
    return _replaced(shipped, replacements)


def staff_configuration(shipped: str, *, folder: Path, https_port: int, secret: str) -> str:
    """Return the shipped configuration of the staff's own address, likewise."""
    replacements = {
        r"^ *listen \[::\].*;$": "",
        r"listen 443\b": f"listen {HOST}:{https_port}",
        r"kantor\.example\.go\.id": STAFF_NAME,
        r"/etc/ssl/kantor/": f"{folder}/",
        r'SUCCESS "STAFF_CLIENT_CERT";': f'SUCCESS "{secret}";',
    }
    return _replaced(shipped, replacements)


def _replaced(text: str, replacements: dict[str, str]) -> str:
    for pattern, replacement in replacements.items():
        text, count = re.subn(pattern, replacement, text, flags=re.MULTILINE)
        if not count:
            raise ValueError(f"a file in deploy/ has no {pattern}")
    return text


def certify(folder: Path, responder: str) -> Authority:
    """Write a key and a certificate for NAME of an authority made for it, whose state ``responder`` (a URL) tells."""
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = _signed("Authority of the tests", authority_key, authority_key.public_key(), None)
    extensions = [
        x509.SubjectAlternativeName([x509.DNSName(NAME)]),
        x509.AuthorityInformationAccess(
            [x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(responder))]
        ),
    ]
    certificate = _signed(NAME, authority_key, key.public_key(), authority, *extensions)
    pem = serialization.Encoding.PEM
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(pem) + authority.public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "privkey.pem").write_bytes(private)
    return Authority(authority_key, authority, certificate)


def _signed(
    name: str,
    signer: ec.EllipticCurvePrivateKey,
    key: ec.EllipticCurvePublicKey,
    issuer: x509.Certificate | None,
    *extensions: x509.ExtensionType,
) -> x509.Certificate:
    """Return a certificate of two days for ``name``; without an issuer that of an authority."""
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(issuer.subject if issuer else subject, subject, key, x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(1))
    builder = builder.add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(signer, hashes.SHA256())


def certify_self(folder: Path, name: str, *, certificate: str, key: str) -> None:
    """Write a key and a certificate for ``name`` that it signs itself: an authority with one certificate, its own."""
    private = ec.generate_private_key(ec.SECP256R1())
    issued = _signed(name, private, private.public_key(), None)
    pem = serialization.Encoding.PEM
    (folder / certificate).write_bytes(issued.public_bytes(pem))
    written = private.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / key).write_bytes(written)


def _include_staff(proxy: Proxy, secret: str) -> None:
    """Switch the staff's own address on, with an authority whose one certificate is client.pem."""
    certify_self(proxy.folder, "petugas", certificate="staff-ca.pem", key="client-key.pem")
    shipped = STAFF_CONFIGURATION.read_text(encoding="utf-8")
    text = staff_configuration(shipped, folder=proxy.folder, https_port=proxy.https_port, secret=secret)
    (proxy.folder / "nginx-staff.conf").write_text(text, encoding="utf-8")
    switched = {r"# include /etc/nginx/nginx-staff\.conf;": f"include {proxy.folder}/nginx-staff.conf;"}
    main = proxy.configuration.read_text(encoding="utf-8")
    proxy.configuration.write_text(_replaced(main, switched), encoding="utf-8")


@contextlib.contextmanager
def proxied(portal_port: int, *, responder: str = "http://127.0.0.1:9/", staff_secret: str = "") -> Iterator[Proxy]:
    """Run nginx in front of a portal while the context lasts. Raises SystemExit where it cannot.

    Args:
        responder: the URL that tells the state of its certificate; by default nobody listens there.
        staff_secret: STAFF_CLIENT_CERT; with it the staff have STAFF_NAME, where client certificates are demanded.
    """
    program = nginx_path()
    if program is None:
        raise SystemExit("There is no nginx.")
    with tempfile.TemporaryDirectory(prefix="kanal-netral-nginx-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        authority = certify(folder, responder)
        proxy = Proxy(free_port(), free_port(), folder, folder / "nginx.conf", authority)
        shipped = CONFIGURATION.read_text(encoding="utf-8")
        ports = {"https_port": proxy.https_port, "http_port": proxy.http_port, "portal_port": portal_port}
        proxy.configuration.write_text(configuration(shipped, folder=folder, **ports), encoding="utf-8")
        if staff_secret:
            _include_staff(proxy, staff_secret)
        (folder / "closed").mkdir()
        log = (folder / "stderr.log").open("wb")
        command = [program, "-p", str(folder), "-c", str(proxy.configuration), "-e", str(folder / "early.log")]
        process = subprocess.Popen([*command, "-g", "daemon off;"], stdout=log, stderr=log, start_new_session=True)
        try:
            _wait_until_listening(process, proxy)
            for path in (folder / "closed").iterdir():
                path.chmod(0)
            yield proxy
        finally:
            process.terminate()
            process.wait(timeout=20)
            log.close()


def _wait_until_listening(process: subprocess.Popen[bytes], proxy: Proxy) -> None:
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((HOST, proxy.https_port), timeout=1):
            return
        time.sleep(0.05)
    raise SystemExit(f"nginx did not start:\n{(proxy.folder / 'stderr.log').read_text(encoding='utf-8')}")


def may_write_anywhere() -> bool:
    """Tell whether closed folders do not stop this user; root's nginx gives its workers to somebody else."""
    return os.geteuid() == 0
