"""Spark, the viewer's own loader and a much used one, opens the files of Gaussians that we write."""

from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

from gaussian_clouds import covariances, gaussians
from vergence.media.splats.axes import flipped
from vergence.media.splats.open import read_gaussians, write_gaussians
from vergence.types import Gaussians

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
DRAW = """async ([url, turn]) => {
  const THREE = await import("three");
  const { SparkRenderer, SplatMesh } = await import("spark");
  const renderer = new THREE.WebGLRenderer({ preserveDrawingBuffer: true });
  renderer.setSize(200, 200);
  document.body.style.margin = 0;
  document.body.append(renderer.domElement);
  const scene = new THREE.Scene();
  const camera = new THREE.PerspectiveCamera(60, 1, 0.1, 100);
  scene.add(new SparkRenderer({ renderer }));
  const splats = new SplatMesh({ url });
  await splats.initialized;
  splats.quaternion.set(...turn);
  scene.add(splats);
  window.drawn = 0;
  renderer.setAnimationLoop(() => { renderer.render(scene, camera); window.drawn += 1; });
}"""
TYPES = {".js": "text/javascript", ".html": "text/html"}


@pytest.fixture
def spark(chromium, tmp_path):
    """A page with Spark, which finds the files of `tmp_path`."""
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

    page = chromium.new_page(viewport={"width": 200, "height": 200})
    page.route(f"{SITE}/**", answer)
    page.goto(f"{SITE}/")
    yield page
    page.close()


@pytest.mark.parametrize("name", ["a.ply", "a.compressed.ply", "a.spz", "a.splat"])
def test_spark_sees_the_gaussians_that_we_wrote(spark, tmp_path, name):
    path = tmp_path / name
    before = gaussians(300, degree=0)
    write_gaussians(before, path)
    ours, found = read_gaussians(path), np.array(spark.evaluate(READ, f"/{name}"))
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


@pytest.mark.parametrize(("name", "turn"), [("a.ply", (1, 0, 0, 0)), ("a.spz", (0, 0, 0, 1))])
def test_spark_shows_them_right_side_up_as_the_documentation_says(spark, tmp_path, name, turn):
    """Four discs 4 m away: red above, green to the right, blue below, white to the left."""
    places = np.array([[0, -1, 4], [1, 0, 4], [0, 1, 4], [-1, 0, 4]], np.float32)
    colours = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]], np.float32)
    discs = Gaussians(
        means=places,
        scales=np.full((4, 3), 0.2, np.float32),
        rotations=np.tile(np.array([1, 0, 0, 0], np.float32), (4, 1)),
        opacities=np.full(4, 0.99, np.float32),
        harmonics=((colours - 0.5) / 0.28209479)[:, None].astype(np.float32),
    )
    write_gaussians(discs, tmp_path / name)
    spark.evaluate(DRAW, [f"/{name}", turn])
    spark.wait_for_function("window.drawn > 5")
    spots = {"above": (56, 100), "right": (100, 143), "below": (143, 100), "left": (100, 56)}
    for _ in range(30):  # Spark sorts in a worker, and draws when it is done
        seen = np.asarray(Image.open(BytesIO(spark.screenshot())).convert("RGB"), np.float64) / 255
        found = np.array([seen[spot] for spot in spots.values()])
        if np.allclose(found, colours, atol=0.1):
            break
        spark.wait_for_timeout(200)
    np.testing.assert_allclose(found, colours, atol=0.1)
