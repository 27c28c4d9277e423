"""Every view of a film that comes with the package, in depth by the model that does; and Gaussians, counted."""

from importlib import resources
from itertools import combinations

import numpy as np
import pytest
from PIL import Image

from live_models import RuleModel
from vergence.depth.model import load_model
from vergence.depth.world import World
from vergence.server.protocol import SPLAT_BLOCK
from vergence.types import Gaussians
from viewers import TOKEN

pytestmark = pytest.mark.slow

FILM = resources.files("vergence") / "demo" / "stream.mp4"
SPARK = "vergence.stage.scene.getObjectByName('spark')"
RED, BLUE = (0.85, 0.1, 0.1), (0.1, 0.15, 0.85)
SH = 0.28209479  # of a Gaussian's colour: the first harmonic


def inside(viewer):
    """What is seen in the middle of the picture."""
    seen = viewer.seen(is_bare=True)
    height, width = seen.shape[:2]
    return seen[int(0.2 * height) : int(0.68 * height), int(0.26 * width) : int(0.74 * width)]


def blurred(seen, size=12):
    """Means of squares: surfels are fewer than pixels where there is no graphics card."""
    rows, columns = (side // size for side in seen.shape[:2])
    return seen[: rows * size, : columns * size].reshape(rows, size, columns, size, 3).mean((1, 3))


def test_every_view_of_a_film_is_drawn_and_each_is_its_own(open_viewer, tmp_path, serve):
    url = serve(str(FILM), model=load_model("preview"))
    viewer = open_viewer(f"{url}?panel=0#t={TOKEN}").wait_for_picture()
    viewer.page.keyboard.press("Space")
    viewer.wait("vergence.statistics.server.is_playing === false && vergence.state.isPaused")
    viewer.page.keyboard.press(".")
    viewer.wait("vergence.stream.head.flags.still")
    viewer.get("vergence.settings.set('side_by_side', false)")
    viewer.get("vergence.settings.set('stereo_strength', 3)")
    seen = {}
    for mode in ("points", "mesh", "surfels", "depth", "stereo"):
        viewer.show(mode)
        if mode == "surfels":
            viewer.wait(f"{SPARK}?.activeSplats > 3000 && !vergence.views.points.object.visible")
            viewer.settle()
            viewer.settle()
        seen[mode] = inside(viewer)
        Image.fromarray(seen[mode].astype(np.uint8)).save(tmp_path / f"{mode}.png")
    for mode, picture in seen.items():
        assert picture.std((0, 1)).min() > 12, f"{mode} is all of one colour"
    for a, b in combinations(seen, 2):
        fine, coarse = (np.abs(of(seen[a]) - of(seen[b])).mean() for of in (np.asarray, blurred))
        if {a, b} < {"points", "mesh", "surfels"}:  # from where it was filmed all of them are the film's picture
            assert fine > 0.05, (a, b, fine)
            assert coarse < 10, (a, b, coarse)
        else:
            assert coarse > 20, (a, b, coarse)


class Wall:
    """Gaussians in two colours, left red and right blue, of which there are others at every picture."""

    def __init__(self, *counts):
        self.card, self.counts, self.asked = RuleModel().card, counts, 0

    def world(self, frames, *, cameras=None, gaussians=False):
        count = self.counts[min(self.asked, len(self.counts) - 1)]
        self.asked += 1
        (view,) = RuleModel().estimate(frames)
        across = np.linspace(-0.9, 0.9, count, dtype=np.float32)
        down = np.tile(np.linspace(-0.45, 0.45, 25, dtype=np.float32), -(-count // 25))[:count]
        means = np.stack([across, down, np.full(count, 2, np.float32)], -1)
        colours = np.where(across[:, None] < 0, RED, BLUE).astype(np.float32)
        turns = np.tile(np.float32([1, 0, 0, 0]), (count, 1))
        sizes, opacities = np.full((count, 3), 0.04, np.float32), np.full(count, 0.95, np.float32)
        return World((view,), Gaussians(means, sizes, turns, opacities, ((colours - 0.5) / SH)[:, None]))


def test_gaussians_of_a_model_are_counted_and_keep_their_room(open_viewer, picture, serve):
    url = serve(str(picture), gaussian_model=Wall(1500, 1100, 1900))
    viewer = open_viewer(f"{url}?panel=0#t={TOKEN}", width=480, height=270).wait_for_picture()
    viewer.get("vergence.settings.set('background', 'black')")
    viewer.page.keyboard.press("4")
    for number, count in enumerate((1500, 1100, 1900)):
        viewer.wait(f"vergence.views.splats?.count === {count} && {SPARK}?.activeSplats === {count}")
        if number == 0:
            viewer.get("window.first = vergence.views.splats.object.packedSplats.packedArray, true")
        packed = "vergence.views.splats.object.packedSplats"
        assert viewer.get(f"{packed}.numSplats") == SPLAT_BLOCK
        assert viewer.get(f"{packed}.packedArray === window.first"), "the array was swapped"
        # Whatever changes the camera has the model asked again.
        viewer.get(f"vergence.connection.send({{t: 'set', path: 'camera.fov', value: {60 + number}}})")
    viewer.settle()
    viewer.settle()
    seen = inside(viewer)
    width = seen.shape[1]
    left, right = (seen[10:60, columns].mean((0, 1)) for columns in (slice(width // 3), slice(-width // 3, None)))
    assert left[0] > left[2] + 60, f"the left is red, not {left}"
    assert right[2] > right[0] + 60, f"the right is blue, not {right}"


def test_a_page_that_last_showed_gaussians_shows_them_when_it_is_opened_again(open_viewer, picture, serve):
    url = serve(str(picture), gaussian_model=Wall(1200))
    viewer = open_viewer(f"{url}?panel=0#t={TOKEN}", width=480, height=270).wait_for_picture()
    viewer.page.keyboard.press("4")
    viewer.wait(f"{SPARK}?.activeSplats === 1200")
    viewer.page.reload()
    viewer.wait_for_picture()
    viewer.wait(f"vergence.settings.get('mode') === 'splats' && {SPARK}?.activeSplats === 1200")
