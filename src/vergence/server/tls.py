"""A certificate of one's own: browsers give a page neither camera nor headset without https, even at home.

Nobody vouches for it, so the browser asks once; the fingerprint shown in the terminal is what one compares there. It is
kept, so that it is asked once and not every day.
"""

import datetime
import ipaddress
import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from vergence.errors import TargetError

DAYS = 397  # phones refuse certificates that live longer than 825, browsers of some makers than 398
RENEWED = datetime.timedelta(days=30)  # before its end


@dataclass(frozen=True)
class Certificate:
    """Where the two files lie that a server needs, and the SHA-256 of the certificate as browsers show it."""

    certificate: Path
    key: Path
    fingerprint: str


def own_certificate(folder: Path, names: Iterable[str]) -> Certificate:
    """The certificate in `folder` for these host names and addresses; a new one where there is none that still holds.

    Raises:
        TargetError: it cannot be written.
    """
    wanted = set(names)
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    try:
        found = _read(certificate)
        if found is None or not key.is_file() or not _holds(found, wanted):
            folder.mkdir(parents=True, exist_ok=True)
            found = _make(certificate, key, wanted | (_names_of(found) if found is not None else set()))
    except OSError as error:
        raise TargetError(f"the certificate cannot be written to {folder}: {error}") from error
    digest = found.fingerprint(hashes.SHA256()).hex().upper()
    return Certificate(certificate, key, ":".join(digest[i : i + 2] for i in range(0, len(digest), 2)))


def own_addresses() -> list[str]:
    """The addresses under which other machines at home reach this one; none where it is alone."""
    found = []
    for family, elsewhere in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((elsewhere, 9))  # sends nothing: it only asks which way it would go
                found.append(str(probe.getsockname()[0]))
            except OSError:
                continue
    return [address for address in found if not ipaddress.ip_address(address).is_loopback]


def _read(path: Path) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None


def _names_of(certificate: x509.Certificate) -> set[str]:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return set(names.get_values_for_type(x509.DNSName)) | set(map(str, names.get_values_for_type(x509.IPAddress)))


def _holds(certificate: x509.Certificate, wanted: set[str]) -> bool:
    ends = certificate.not_valid_after_utc
    return wanted <= _names_of(certificate) and ends - RENEWED > datetime.datetime.now(datetime.UTC)


def _make(path: Path, key_path: Path, names: set[str]) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "vergence live")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName([_general(each) for each in sorted(names)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with os.fdopen(os.open(key_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(secret)
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return certificate


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
