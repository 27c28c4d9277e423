"""The viewer's bundle is kept in the tree: it must be the one its sources give, whole and at home everywhere."""

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
WEB = ROOT / "web"
STATIC = ROOT / "src" / "vergence" / "server" / "static"
# As web/build/sources.mjs has them.
FILES = ("index.html", "package.json", "package-lock.json", "vite.config.js", "build/sources.mjs")
FOLDERS = ("public", "src")
SPARK = "spark.module.js"


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def sources_hash():
    names = [
        path.relative_to(WEB).as_posix() for folder in FOLDERS for path in (WEB / folder).rglob("*") if path.is_file()
    ]
    lines = (f"{name}\n{sha256((WEB / name).read_bytes())}\n" for name in sorted([*FILES, *names]))
    return sha256("".join(lines).encode())


@pytest.fixture(scope="module")
def manifest():
    return json.loads((STATIC / "manifest.json").read_text())


def test_the_bundle_was_built_from_these_sources(manifest):
    assert manifest["sources"] == sources_hash(), "web/ has changed since the bundle was built: run `make web`"


def test_the_bundle_is_whole(manifest):
    found = {
        path.relative_to(STATIC).as_posix(): sha256(path.read_bytes()) for path in STATIC.rglob("*") if path.is_file()
    }
    del found["manifest.json"]
    assert found == manifest["files"]


def test_the_page_loads_nothing_from_elsewhere():
    page = (STATIC / "index.html").read_text()
    links = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert links
    assert all(link.startswith("./") for link in links), links
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=", page), "the policy forbids scripts in the page"


def test_the_splat_renderer_is_fetched_only_when_it_is_wanted():
    assert SPARK not in (STATIC / "index.html").read_text()
    sizes = {path.name: path.stat().st_size for path in (STATIC / "assets").iterdir()}
    assert sizes["index.js"] < 900_000
    assert sizes[SPARK] > sizes["index.js"]


def test_dependencies_are_pinned():
    package = json.loads((WEB / "package.json").read_text())
    wanted = package["dependencies"] | package["devDependencies"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values()), wanted
    assert tuple(map(int, package["dependencies"]["three"].split("."))) >= (0, 180, 0)
    locked = json.loads((WEB / "package-lock.json").read_text())["packages"]
    for name, version in package["dependencies"].items():
        assert locked[f"node_modules/{name}"]["version"] == version
    assert all("integrity" in entry for path, entry in locked.items() if path)


def test_notice_names_what_the_bundle_carries():
    notice = (ROOT / "NOTICE").read_text()
    package = json.loads((WEB / "package.json").read_text())
    for name, version in package["dependencies"].items():
        assert f"{name} {version}" in notice
    assert "fflate" in notice


def test_javascript_decodes_the_golden_packets():
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node here: the JavaScript tests need Node 20")
    tests = sorted(str(path) for path in (WEB / "tests").glob("*.test.mjs"))
    done = subprocess.run([node, "--test", *tests], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    assert int(re.search(r"(?:#|ℹ) pass (\d+)", done.stdout)[1]) > 25
