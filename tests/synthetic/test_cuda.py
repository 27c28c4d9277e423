"""The GPU renders what the CPU renders. Without a GPU numba's simulator runs the kernels, a thread a pixel.

Run as a program with NUMBA_ENABLE_CUDASIM=1 this file compares the two in the simulator.
"""

import os
import subprocess
import sys

import numpy as np
import pytest

from vergence.errors import DeviceError, SettingsError
from vergence.synthetic import iter_photos, render_clip, render_photo
from vergence.synthetic.render.device import choose_device

SIMULATED = [(11, "room", 24, 18), (4, "nature", 21, 19), (8, "mirrors", 24, 18)]
RENDERED = [(11, "room", 200, 152), (4, "nature", 333, 241), (8, "mirrors", 256, 192), (2, "chaos", 640, 480)]
COLOUR = 2  # levels
HAS_GPU = os.environ.get("NUMBA_ENABLE_CUDASIM", "0") == "0" and choose_device("auto") == "cuda"


def assert_photos_agree(seed, kind, width, height, *, most_moved=0.0):
    """`most_moved`: share of pixels on the outlines of things whose rays may round to either side."""
    a, b = (
        render_photo(seed, kind=kind, width=width, height=height, right_eye_baseline=0.063, device=device)
        for device in ("cpu", "cuda")
    )
    assert len(np.unique(a.ids)) > 3  # there is something to see
    same = a.ids == b.ids
    assert (~same).mean() <= most_moved
    np.testing.assert_allclose(b.depth.values[same], a.depth.values[same], rtol=1e-4)
    turned = np.abs(b.normals - a.normals).max(axis=2) > 1e-4
    assert turned[same].mean() <= most_moved
    for one, other in ((a.frame.rgb, b.frame.rgb), (a.right.rgb, b.right.rgb)):
        off = np.abs(one.astype(int) - other).max(axis=2) > COLOUR
        # A shadow ray that passes an edge on the other side changes the 5 x 5 pixels that share its light.
        assert off.mean() <= 25 * most_moved


def assert_clips_agree(seed, width, height, *, most_moved=0.0):
    clips = (
        list(render_clip(seed, frames=2, width=width, height=height, motion="handheld", flicker=0.3, device=device))
        for device in ("cpu", "cuda")
    )
    (a, after), (b, after_b) = clips
    same = a.ids == b.ids
    assert (~same).mean() <= most_moved
    assert np.abs(a.flow).max() > 0.1
    assert np.abs(b.flow - a.flow)[same].max() < 1e-3
    assert (a.flow_valid != b.flow_valid).mean() <= 4 * most_moved
    assert (np.abs(after.frame.rgb.astype(int) - after_b.frame.rgb).max(axis=2) > COLOUR).mean() <= 25 * most_moved


def simulate():
    """Compare in the simulator; its launches are counted, so that nothing can be compared with itself."""
    from numba.cuda.simulator import kernel

    from vergence.synthetic.render import cuda

    launched = []
    run = kernel.FakeCUDAKernel.__call__

    def counted(self, *arrays):
        launched.append(self.fn.__name__)
        run(self, *arrays)

    kernel.FakeCUDAKernel.__call__ = counted
    # The simulator's own arrays are unknown to compiled functions, and all of ours are compiled: plain ones instead.
    kernel.FakeWithinKernelCUDAArray = lambda fake: fake._ary
    for n, (seed, kind, width, height) in enumerate(SIMULATED):
        cuda.LIST_BYTES = 1 if n == 1 else 2**28  # once in bands of a single row of cells
        assert_photos_agree(seed, kind, width, height)
    assert_clips_agree(5, 24, 18)
    print(*sorted(set(launched)))


@pytest.mark.slow
def test_simulated_kernels_render_what_the_cpu_renders():
    environment = os.environ | {"NUMBA_ENABLE_CUDASIM": "1"}
    done = subprocess.run([sys.executable, __file__], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    kernels = "collect_cells compose_pixels move_pixels see_pixels shade_pixels soften_pixels"
    assert done.stdout.split() == kernels.split()


@pytest.mark.gpu
@pytest.mark.skipif(not HAS_GPU, reason="no CUDA GPU")
@pytest.mark.parametrize(("seed", "kind", "width", "height"), RENDERED)
def test_a_gpu_renders_what_the_cpu_renders(seed, kind, width, height):
    assert_photos_agree(seed, kind, width, height, most_moved=1e-3)


@pytest.mark.gpu
@pytest.mark.skipif(not HAS_GPU, reason="no CUDA GPU")
def test_a_gpu_finds_the_flow_that_the_cpu_finds():
    assert_clips_agree(5, 256, 192, most_moved=1e-3)


@pytest.mark.skipif(HAS_GPU, reason="there is a GPU")
@pytest.mark.parametrize(
    "render",
    [
        lambda: render_photo(1, width=24, height=18, device="cuda"),
        lambda: next(iter_photos([1], width=24, height=18, device="cuda")),
        lambda: render_clip(1, frames=2, width=24, height=18, device="cuda"),
    ],
)
def test_a_gpu_that_is_not_there_is_told_before_anything_is_rendered(render):
    with pytest.raises(DeviceError, match="cannot render on cuda"):
        render()


@pytest.mark.skipif(HAS_GPU, reason="there is a GPU")
def test_the_command_line_tells_of_it_before_anything_is_made(tmp_path):
    command = [sys.executable, "-c", "from vergence.cli.main import main; main()", "synth", "--device", "cuda"]
    done = subprocess.run([*command, "--out", str(tmp_path / "new")], capture_output=True, text=True)
    assert done.returncode == 1
    assert "cannot render on cuda" in done.stderr
    assert "numba-cuda" in done.stderr
    assert not (tmp_path / "new").exists()


@pytest.mark.skipif(HAS_GPU, reason="there is a GPU")
def test_without_a_gpu_auto_is_the_cpu():
    assert choose_device("auto") == choose_device("cpu") == "cpu"


def test_a_device_nobody_knows_is_told():
    with pytest.raises(SettingsError, match="no device is called 'tpu'"):
        render_photo(1, width=24, height=18, device="tpu")


def test_naming_and_rendering_on_the_cpu_loads_nothing_of_cuda():
    code = (
        "import sys; from vergence.synthetic import render_photo; render_photo(1, width=24, height=18, device='cpu'); "
        "print([name for name in sys.modules if name.startswith('numba.cuda')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


if __name__ == "__main__":
    simulate()
