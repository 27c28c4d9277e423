"""Where a user's eyes are made when the GPU is asked for."""

from vergence.cli.stereo import _views_device
from vergence.errors import DeviceError


def test_eyes_are_made_on_the_cpu_with_a_warning_where_torch_has_no_cuda(monkeypatch, caplog):
    def missing(device):
        raise DeviceError("cannot make views on cuda")

    monkeypatch.setattr("vergence.stereo.device.find_views", missing)
    assert _views_device() == "cpu"
    assert "made on the cpu: cannot make views on cuda" in caplog.text
    monkeypatch.setattr("vergence.stereo.device.find_views", lambda device: None)
    assert _views_device() == "cuda"
