"""Make what the README and the pages beside this file show: pictures, the table of models, and the last benchmark run.

    python docs/make.py

Pictures come from the product itself on the demo's photo; tables from `depth/cards.py` and `benchmarks/results*.md`.
"""

import re
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

import vergence
from vergence.depth.cards import CARDS, ModelCard
from vergence.media.colour_map import colourise
from vergence.media.visualise import DisplayRange

ROOT = Path(__file__).parents[1]
PHOTO = Path(vergence.__file__).parent / "demo" / "dinosaur.jpg"
NETWORKS = ROOT / "benchmarks" / "results_networks.md"
TABLES = {  # the results each page shows, between markers of their names
    "README.md": ("bench", "stability", "networks", "synthetic"),
    "docs/stereo.md": ("stereo",),
    "docs/clouds.md": ("splats", "render"),
    "docs/worlds.md": ("trajectory",),
    "docs/depth_anything_3.md": ("depth_anything_3", "memory"),
    "docs/viewer.md": ("live", "first_run"),
}
PANEL = 420  # pixels, of each of the three pictures


def picture() -> Image.Image:
    """The photo, its depth and its red-cyan anaglyph, side by side."""
    with tempfile.TemporaryDirectory() as folder:
        anaglyph, depth = Path(folder) / "anaglyph.jpg", Path(folder) / "depth.npz"
        model = vergence.load_model("preview")
        vergence.process_photo(PHOTO, anaglyph, layout="anaglyph", depth=model)
        vergence.process_depth(PHOTO, depth, model=model)
        values = vergence.read_depth(depth)
        shown = Image.fromarray(colourise(DisplayRange.of([values]).shown(values)))
        panels = [_panel(image) for image in (Image.open(PHOTO), shown, Image.open(anaglyph))]
    return Image.fromarray(np.hstack(panels))


def _panel(image: Image.Image) -> np.ndarray:
    return np.asarray(ImageOps.fit(image.convert("RGB"), (PANEL, PANEL)))


def models() -> str:
    """The table of models, from the same rows `vergence models list` prints."""
    head = "| name | depth | licence | commercial use | parameters | CPU s | |\n|---|---|---|---|---|---|---|"
    seconds = measured()
    return "\n".join([head, *(_row(card, seconds.get(unscaled(card.name), "")) for card in CARDS.values())])


def _row(card: ModelCard, seconds: str) -> str:
    use = "yes" if card.is_commercial else "no"
    size = f"{card.parameters / 1e6:.1f} M"
    return f"| `{card.name}` | {card.kind} | {card.licence} | {use} | {size} | {seconds} | {card.summary} |"


def measured() -> dict[str, str]:
    """CPU seconds of each network in torch, by the name of the relative model, from the last benchmark run."""
    rows = re.findall(r"^\| ([a-z0-9-]+-(?:small|base|large)) \| ([0-9.]+) \|$", NETWORKS.read_text(), re.MULTILINE)
    return dict(rows)


def unscaled(name: str) -> str:
    """The relative model whose network a metric one shares."""
    return re.sub("-metric(-indoor|-outdoor)?", "", name)


def filled(page: str, name: str, text: str) -> str:
    """Put `text` between a page's markers `<!-- name -->` and `<!-- /name -->`."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if not pattern.search(page):
        raise ValueError(f"the page has no markers for {name}")
    return pattern.sub(lambda found: f"{found[1]}\n{text.strip()}\n\n{found[2]}", page)


def main() -> None:
    picture().save(ROOT / "docs" / "dinosaur.jpg", quality=90)
    readme = ROOT / "README.md"
    readme.write_text(filled(readme.read_text(), "models", models()))
    for page, names in TABLES.items():
        fill(ROOT / page, names)


def fill(path: Path, names: tuple[str, ...]) -> None:
    """Put the results that there are into a page."""
    text = path.read_text()
    for name in names:
        results = ROOT / "benchmarks" / f"results_{name}.md"
        if results.exists():
            text = filled(text, name, results.read_text())
    path.write_text(text)


if __name__ == "__main__":
    main()
