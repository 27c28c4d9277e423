"""Drawing on a GPU: gsplat is told the scene and the camera as its documentation names them."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

import slow_splats as reference
from splat_scenes import SMALL, decibels, scene, toward, turned
from vergence.errors import DeviceError
from vergence.splats.cuda import GpuCanvas
from vergence.splats.project import View
from vergence.splats.rasterise import draw_gaussians
from vergence.types import Gaussians, Intrinsics


def test_gsplat_draws_the_same_picture(monkeypatch):
    torch = pytest.importorskip("torch")

    def rasterization(
        means, quats, scales, opacities, colors, viewmats, Ks, width, height,
        *, near_plane, eps2d, sh_degree, backgrounds,
    ):  # fmt: skip
        assert eps2d == pytest.approx(0.3)
        assert colors.shape[1] == (sh_degree + 1) ** 2
        lens = Intrinsics(*(float(Ks[0][place]) for place in [(0, 0), (1, 1), (0, 2), (1, 2)]), width, height)
        view = View(lens, np.linalg.inv(viewmats[0].numpy().astype(float)), near=near_plane)
        told = Gaussians(*(part.numpy() for part in (means, scales, quats, opacities, colors)))
        rgb, light = reference.draw(told, view, toward(told, view), backgrounds[0].numpy())
        return torch.tensor(rgb)[None], torch.tensor(1 - light)[None, ..., None], {}

    monkeypatch.setitem(sys.modules, "gsplat", SimpleNamespace(rasterization=rasterization))
    gaussians, view = scene(200, degree=2), View(SMALL, turned(0.4, (0.2, -0.1, -0.3)), near=0.5)
    found = GpuCanvas(gaussians, device="cpu").draw(view, background=(0.2, 0.4, 0.6))
    expected = draw_gaussians(gaussians, view, background=(0.2, 0.4, 0.6))
    assert decibels(found.rgb, expected.rgb) > 60
    assert decibels(found.alpha, expected.alpha) > 60


def test_without_gsplat_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "gsplat", None)
    with pytest.raises(DeviceError, match=r"gsplat is not installed.*pip install gsplat"):
        GpuCanvas(scene(2))


@pytest.mark.gpu
@pytest.mark.parametrize("degree", [0, 2])
def test_a_gpu_draws_what_the_processor_draws(degree):
    torch = pytest.importorskip("torch")
    pytest.importorskip("gsplat")
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    gaussians, view = scene(400, degree=degree), View(SMALL, turned(0.4))
    found, expected = GpuCanvas(gaussians).draw(view), draw_gaussians(gaussians, view)
    assert decibels(found.rgb, expected.rgb) > 40
