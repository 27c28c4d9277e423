"""The table of scenes with a true right eye, in sets that one asks for by name."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vergence.errors import SettingsError
from vergence.evaluation.stereo import drawn, pairs, textures
from vergence.evaluation.stereo import rendered as places
from vergence.evaluation.stereo.truth import Truth

FIXTURES = Path("tests/fixtures/stereo")  # of a checkout
CLIP_FRAMES = 16
SMALL = 960  # px, width of clips and rendered places where drawn scenes have 1920
CLIP_SEED = 0


@dataclass(frozen=True)
class SceneSet:
    """Scenes of one sort.

    Attributes:
        name: as tables print it.
        scenes: for each scene its name and what makes its frames (a picture has one), none before it is asked for.
        missing: why there are none, and what to do about it.
    """

    name: str
    scenes: dict[str, Callable[[], Iterator[Truth]]]
    missing: str | None = None


def analytic(width: int, _: Path) -> SceneSet:
    """Cut-out pictures of the package before a slanted wall."""
    return SceneSet("analytic", {f"sprites {k}": _sprites(k, width, textures.package_pictures) for k in range(3)})


def harder(width: int, _: Path) -> SceneSet:
    """Hair, leaves and slanted cards, in low contrast, and bright before dark."""
    names = ("strands", "low contrast", "bright before dark")
    return SceneSet("harder", {name: _harder(k, width) for k, name in enumerate(names)})


def photographs(width: int, _: Path) -> SceneSet:
    """As `analytic`, of photographs that scikit-image carries."""
    if not textures.photographs():
        return SceneSet("photographs", {}, "photographs are left out: pip install scikit-image brings them")
    return SceneSet("photographs", {f"photographs {k}": _sprites(k, width, textures.photographs) for k in (3, 4, 5)})


def rendered(width: int, _: Path) -> SceneSet:
    """Places of the synthetic world, half as wide as the drawn scenes."""
    small = width * SMALL // drawn.WIDTH

    def scene(kind: str) -> Callable[[], Iterator[Truth]]:
        return lambda: iter([places.place(kind, width=small, height=small * 9 // 16)])

    return SceneSet("rendered", {kind: scene(kind) for kind in places.KINDS})


def aloe(_: int, folder: Path) -> SceneSet:
    """A real pair of a checkout."""
    if not (folder / "aloeGT.png").is_file():
        return SceneSet("aloe", {}, f"aloe is left out: it is not in {folder}; run this in a checkout")
    return SceneSet("aloe", {"Aloe": lambda: iter([pairs.aloe(folder)])})


def motorcycle(_: int, __: Path) -> SceneSet:
    """A real pair that scikit-image carries."""
    truth = pairs.motorcycle()
    if truth is None:
        return SceneSet("motorcycle", {}, "motorcycle is left out: pip install scikit-image brings it")
    return SceneSet("motorcycle", {"Motorcycle": lambda: iter([truth])})


def clips(width: int, _: Path) -> SceneSet:
    """The first analytic scene as films of a tripod, a pan and a slide, half as wide as the pictures."""
    small = width * SMALL // drawn.WIDTH

    def clip(camera: str) -> Callable[[], Iterator[Truth]]:
        def make() -> Iterator[Truth]:
            scene = drawn.sprites(CLIP_SEED, textures.package_pictures(), width=small)
            return drawn.frames(drawn.moving(scene, camera), CLIP_FRAMES)

        return make

    return SceneSet("clips", {camera: clip(camera) for camera in drawn.CLIPS})


def _sprites(
    seed: int, width: int, pictures: Callable[[], Sequence[textures.Picture]]
) -> Callable[[], Iterator[Truth]]:
    return lambda: iter([drawn.sprites(seed, pictures(), width=width).truth()])


def _harder(seed: int, width: int) -> Callable[[], Iterator[Truth]]:
    def make() -> Iterator[Truth]:
        pictures = (*textures.package_pictures()[:3], *textures.patterns())
        yield drawn.harder(seed, pictures, width=width).truth()

    return make


SETS: dict[str, Callable[[int, Path], SceneSet]] = {  # of the width of drawn scenes and the folder of Aloe
    "analytic": analytic,
    "photographs": photographs,
    "harder": harder,
    "rendered": rendered,
    "aloe": aloe,
    "motorcycle": motorcycle,
    "clips": clips,
}


def find_scenes(
    names: Sequence[str], *, only: Sequence[str] = (), width: int = drawn.WIDTH, folder: Path = FIXTURES
) -> tuple[list[SceneSet], list[str]]:
    """The sets called `names` (all when there are none), of them the scenes that begin with one of `only`.

    Args:
        names: of sets.
        only: beginnings of scenes' names; all scenes when there are none.
        width: of drawn scenes, px.
        folder: holds the Aloe pair.

    Returns:
        the sets that have scenes, and a line about each that is missing.

    Raises:
        SettingsError: a name is that of no set, or no scene is left.
    """
    for name in names:
        if name not in SETS:
            raise SettingsError(f"no set of stereo scenes is called {name!r}; choose from {', '.join(SETS)}")
    asked = [make(width, folder) for name, make in SETS.items() if not names or name in names]
    missing = [scenes.missing for scenes in asked if scenes.missing]
    kept = [_beginning(scenes, only) for scenes in asked]
    found = [scenes for scenes in kept if scenes.scenes]
    if not found and not missing:
        known = ", ".join(name for scenes in asked for name in scenes.scenes)
        raise SettingsError(f"no stereo scene begins with {' or '.join(map(repr, only))}; choose from {known}")
    return found, missing


def _beginning(scenes: SceneSet, only: Sequence[str]) -> SceneSet:
    kept = {n: make for n, make in scenes.scenes.items() if not only or any(n.startswith(o) for o in only)}
    return replace(scenes, scenes=kept)
