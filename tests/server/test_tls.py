import datetime
import os
import ssl
import stat

import pytest
from cryptography import x509

from vergence.errors import TargetError
from vergence.server import tls
from vergence.server.tls import own_addresses, own_certificate


def test_a_certificate_is_made_once_and_kept(tmp_path):
    first = own_certificate(tmp_path, ["localhost", "192.168.1.5"])
    assert own_certificate(tmp_path, ["localhost"]) == first
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(first.certificate, first.key)
    assert len(first.fingerprint.split(":")) == 32


def test_it_names_what_it_is_for(tmp_path):
    made = own_certificate(tmp_path, ["localhost", "192.168.1.5", "::1"])
    found = x509.load_pem_x509_certificate(made.certificate.read_bytes())
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert {str(address) for address in names.get_values_for_type(x509.IPAddress)} == {"192.168.1.5", "::1"}
    assert not found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_another_address_makes_a_new_one_that_keeps_the_old_names(tmp_path):
    first = own_certificate(tmp_path, ["localhost"])
    second = own_certificate(tmp_path, ["10.0.0.9"])
    assert second.fingerprint != first.fingerprint
    assert own_certificate(tmp_path, ["localhost", "10.0.0.9"]) == second


def test_one_that_is_about_to_end_is_renewed(tmp_path, monkeypatch):
    monkeypatch.setattr(tls, "DAYS", 20)
    first = own_certificate(tmp_path, ["localhost"])
    monkeypatch.undo()
    second = own_certificate(tmp_path, ["localhost"])
    assert second.fingerprint != first.fingerprint
    found = x509.load_pem_x509_certificate(second.certificate.read_bytes())
    assert found.not_valid_after_utc > datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=300)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_the_key_is_for_its_owner_only(tmp_path):
    key = own_certificate(tmp_path, ["localhost"]).key
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(TargetError, match="certificate"):
        own_certificate(tmp_path / "file" / "tls", ["localhost"])


def test_damaged_files_are_replaced(tmp_path):
    own_certificate(tmp_path, ["localhost"])
    (tmp_path / "certificate.pem").write_text("damaged")
    assert own_certificate(tmp_path, ["localhost"]).fingerprint


def test_addresses_of_this_machine_are_no_loopback():
    assert not [address for address in own_addresses() if address.startswith("127.")]
