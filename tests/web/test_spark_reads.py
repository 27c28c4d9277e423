"""Spark, the viewer's own loader and a much used one, opens the files of Gaussians that we write."""

from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

from gaussian_clouds import covariances, gaussians
from vergence.media.splats.axes import flipped
from vergence.media.splats.open import read_gaussians, write_gaussians

pytestmark = pytest.mark.slow

MODULES = Path(__file__).parents[2] / "web" / "node_modules"
SITE = "http://localhost:1"  # no server: every request is answered by the test
PAGE = """<!doctype html><script type="importmap">{"imports": {
  "three": "/three/build/three.module.js",
  "three/addons/": "/three/examples/jsm/",
  "spark": "/@sparkjsdev/spark/dist/spark.module.js"
}}</script>"""
READ = """async (url) => {
  const { PackedSplats } = await import("spark");
  const splats = new PackedSplats({ url });
  await splats.initialized;
  const rows = [];
  splats.forEachSplat((i, { x, y, z }, scales, turn, opacity, colour) => rows.push([
    x, y, z, scales.x, scales.y, scales.z, turn.w, turn.x, turn.y, turn.z, opacity, colour.r, colour.g, colour.b,
  ]));
  return rows;
}"""
TYPES = {".js": "text/javascript", ".html": "text/html"}


@pytest.fixture
def spark(chromium, tmp_path):
    """Read a file in `tmp_path` by Spark, as rows of means, scales, rotations, opacity and colour."""
    if not (MODULES / "@sparkjsdev" / "spark").exists():
        pytest.skip("Spark is not here: npm ci in web/")

    def answer(route):
        path = urlsplit(route.request.url).path
        if path == "/":
            return route.fulfill(body=PAGE, content_type="text/html")
        found = MODULES / path[1:] if (MODULES / path[1:]).is_file() else tmp_path / path[1:]
        if not found.is_file():
            return route.fulfill(status=404)
        return route.fulfill(body=found.read_bytes(), content_type=TYPES.get(found.suffix, "application/octet-stream"))

    page = chromium.new_page()
    page.route(f"{SITE}/**", answer)
    page.goto(f"{SITE}/")
    yield lambda path: np.array(page.evaluate(READ, f"/{path.name}"))
    page.close()


@pytest.mark.parametrize("name", ["a.ply", "a.compressed.ply", "a.spz", "a.splat"])
def test_spark_sees_the_gaussians_that_we_wrote(spark, tmp_path, name):
    path = tmp_path / name
    before = gaussians(300, degree=0)
    write_gaussians(before, path)
    ours, found = read_gaussians(path), spark(path)
    if name.endswith(".spz"):
        ours = flipped(ours)  # its axes are y up, and Spark leaves them so
    assert found.shape == (300, 14)
    order = np.argsort(found[:, 0])  # a file may sort them
    mine = np.argsort(ours.means[:, 0])
    found = found[order]
    # Spark packs each into 16 bytes: half floats, logarithms of scales in steps of 0.08, 8 bits for the rest.
    np.testing.assert_allclose(found[:, :3], ours.means[mine], rtol=2e-3, atol=2e-3)
    np.testing.assert_allclose(np.log(found[:, 3:6]), np.log(ours.scales[mine]), atol=0.09)
    seen, meant = covariances(found[:, 6:10], found[:, 3:6]), covariances(ours.rotations[mine], ours.scales[mine])
    size = np.linalg.norm(meant, axis=(1, 2))
    assert np.quantile(np.linalg.norm(seen - meant, axis=(1, 2)) / size, 0.95) < 0.2
    np.testing.assert_allclose(found[:, 10], ours.opacities[mine], atol=0.01)
    colour = np.clip(0.5 + 0.28209479 * ours.harmonics[mine, 0], 0, 1)
    np.testing.assert_allclose(found[:, 11:], colour, atol=0.02)
