"""Photos of the synthetic world: each seed is a place, a camera and a light."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vergence.errors import SettingsError
from vergence.synthetic.builder import Builder, Dice
from vergence.synthetic.camera import is_clear, is_worth_taking, place_camera
from vergence.synthetic.effects import CameraEffects, Film, Rgb, apply_effects, choose_film, develop, random_effects
from vergence.synthetic.kinds import KINDS
from vergence.synthetic.photographs import Cover, Photographs, draw_photographs, find_photographs
from vergence.synthetic.render.device import Device, choose_device
from vergence.synthetic.render.picture import Picture, Pose, Renderer
from vergence.synthetic.render.surface import TILE
from vergence.synthetic.sample import Sample
from vergence.synthetic.scene import Scene
from vergence.synthetic.textures import draw_tiles, with_levels
from vergence.types import DepthMap, Frame

PAGE_SEEDS = 256  # seeds that share one set of textures
PAGE_PICTURES = 10  # renderings among them, for pictures on walls
VIEWS = 8  # tries to find a good view of one scene
SCENES = 40  # tries to build a scene that has one
MOST_PIXELS = 64_000_000

Effects = CameraEffects | bool  # True draws faults from the seed, False is a perfect camera


@dataclass(frozen=True)
class Page:
    """A set of textures: tiles and groups as of `draw_tiles`, and what photographs may cover them."""

    tiles: NDArray[np.uint8]
    groups: dict[str, tuple[int, ...]]
    photographs: Photographs | None = None


@lru_cache(maxsize=4)
def page(number: int, photographs: Path | None = None) -> Page:
    """The textures of a block of seeds: drawn ones, then small renderings of places that use them, and photographs."""
    if photographs is not None:
        drawn = page(number)
        dice = Dice(f"page {number} photographs")
        return replace(drawn, photographs=draw_photographs(photographs, drawn.tiles.reshape(-1, 3), dice))
    tiles, groups = draw_tiles(np.random.default_rng([abs(number), number < 0]))
    plain = Page(tiles, groups | {"picture": groups["print"]})
    pictures = []
    for i in range(PAGE_PICTURES):
        dice = Dice(f"page {number} picture {i}")
        kind = dice.pick({name: kind.share for name, kind in KINDS.items() if kind.is_shown})
        scene, pose = find_view(dice, plain, kind=kind, width=TILE, height=TILE)
        linear = Renderer(scene).picture(pose).linear
        pictures.append(with_levels(develop(linear, choose_film(linear, dice))))
    shown = tuple(range(len(tiles), len(tiles) + PAGE_PICTURES))
    return Page(np.concatenate([tiles, np.stack(pictures)]), groups | {"picture": groups["print"] + shown})


def draw_kind(dice: Dice) -> str:
    """A kind of place, by its share."""
    return dice.pick({name: kind.share for name, kind in KINDS.items()})


def find_view(dice: Dice, textures: Page, *, kind: str | None, width: int, height: int) -> tuple[Scene, Pose]:
    """Build scenes until one offers a view worth taking."""
    wanted = kind or draw_kind(dice)
    for _ in range(SCENES):
        cover = None if textures.photographs is None else Cover(textures.photographs, dice.branch())
        builder = Builder(dice, textures.tiles, textures.groups, cover)
        sights = KINDS[wanted].build(builder)
        scene = builder.finish(wanted)
        renderer = Renderer(scene)
        for _ in range(VIEWS):
            pose = place_camera(sights(dice), dice, width, height)
            if is_clear(renderer, pose.origin) and is_worth_taking(renderer, pose):
                return scene, pose
    raise AssertionError(f"{SCENES} scenes of kind {wanted!r} have no view worth taking")


def check_request(kind: str | None, width: int, height: int, baseline: float | None, photographs: Path | None) -> None:
    """Raise `SettingsError` for what cannot be rendered, `MediaError` for a folder without photographs."""
    if kind is not None and kind not in KINDS:
        raise SettingsError(f"no kind of place is called {kind!r}; choose from {', '.join(KINDS)}")
    if width < 16 or height < 16 or width * height > MOST_PIXELS:
        raise SettingsError(
            f"cannot render {width}x{height} pixels; needed are 16 or more a side, "
            f"and at most {MOST_PIXELS // 10**6} million"
        )
    if baseline is not None and not 0 < baseline < 1:
        raise SettingsError(f"the eyes cannot be {baseline} m apart; give metres between 0 and 1, such as 0.063")
    if photographs is not None:
        find_photographs(photographs)


def render_photo(
    seed: int,
    *,
    width: int = 256,
    height: int = 192,
    kind: str | None = None,
    right_eye_baseline: float | None = None,
    effects: Effects = False,
    photographs: Path | None = None,
    device: Device = "auto",
) -> Sample:
    """Render the photo of a seed; same arguments, same bytes on the same device of the same machine.

    Args:
        seed: any whole number; those of one block of `PAGE_SEEDS` share textures, so neighbours come quickly.
        width, height: of the picture, px.
        kind: of place, one of `kinds.KINDS`; drawn from the seed when None.
        right_eye_baseline: m from this eye to the right one, which is rendered too.
        effects: faults of the camera; True draws them from the seed. The truth stays that of a perfect camera.
        photographs: a folder of pictures that cover a third of the surfaces of the same place: walls, floors, posters,
            furniture, cloth. They follow from the seed and from what the folder holds; leave it as it is meanwhile.

        device: where the picture is rendered; "auto" is the GPU where numba can use one. Place, camera and textures
            come from the CPU alone and are the same; colours may differ by a level or two.

    Raises:
        SettingsError: there is no such kind or device, or a size or baseline cannot be rendered.
        DeviceError: "cuda" is asked for and cannot be used here.
        MediaError: `photographs` is no folder, or holds none that can be read.
    """
    check_request(kind, width, height, right_eye_baseline, photographs)
    processor = choose_device(device)
    dice = Dice(f"photo {seed}")
    scene, pose = find_view(dice, page(seed // PAGE_SEEDS, photographs), kind=kind, width=width, height=height)
    renderer = Renderer(scene, device=processor)
    picture = renderer.picture(pose)
    film = choose_film(picture.linear, dice)
    faults = draw_effects(effects, dice)
    sample = assemble(
        renderer, pose, picture, finish(develop(picture.linear, film), faults, (seed, 0)), index=0, time=Fraction(0)
    )
    if right_eye_baseline is None:
        return sample
    return with_right_eye(sample, renderer, pose, right_eye_baseline, film, faults, noise=(seed, 1))


def iter_photos(
    seeds: Iterable[int],
    *,
    width: int = 256,
    height: int = 192,
    kind: str | None = None,
    right_eye_baseline: float | None = None,
    effects: Effects = False,
    photographs: Path | None = None,
    device: Device = "auto",
) -> Iterator[Sample]:
    """Render one photo a seed, as frames of which each is a shot of its own; see `render_photo`."""
    for index, seed in enumerate(seeds):
        sample = render_photo(
            seed,
            width=width,
            height=height,
            kind=kind,
            right_eye_baseline=right_eye_baseline,
            effects=effects,
            photographs=photographs,
            device=device,
        )
        frame = replace(sample.frame, index=index, time=Fraction(index), shot=index)
        yield replace(sample, frame=frame, right=sample.right and replace(frame, rgb=sample.right.rgb))


def draw_effects(effects: Effects, dice: Dice) -> CameraEffects | None:
    """The faults to apply, or None."""
    if isinstance(effects, CameraEffects):
        return effects
    return random_effects(np.random.default_rng(dice.getrandbits(64))) if effects else None


def finish(rgb: Rgb, faults: CameraEffects | None, noise: tuple[int, int]) -> Rgb:
    """Apply the faults; `noise` seeds the grain of this one picture."""
    if faults is None:
        return rgb
    return apply_effects(rgb, faults, np.random.default_rng([abs(noise[0]), noise[0] < 0, noise[1]]))


def assemble(renderer: Renderer, pose: Pose, picture: Picture, rgb: Rgb, *, index: int, time: Fraction) -> Sample:
    """Join a developed picture with what is true of it."""
    scene, visible = renderer.scene, picture.visible
    in_sky = visible.ids < 0
    return Sample(
        frame=Frame(rgb, index, time, intrinsics=pose.intrinsics),
        depth=DepthMap(
            visible.depth,
            ~in_sky,
            "metric",
            intrinsics=pose.intrinsics,
            world_from_camera=pose.world_from_camera,
        ),
        ids=visible.ids,
        objects=np.append(scene.objects, -1).astype(np.int32)[visible.ids],
        normals=picture.normals,
        is_static=np.append(scene.is_static, True)[visible.ids],
        kind=scene.kind,
    )


def with_right_eye(
    sample: Sample,
    renderer: Renderer,
    pose: Pose,
    baseline: float,
    film: Film,
    faults: CameraEffects | None,
    *,
    noise: tuple[int, int],
    light: float = 1.0,
) -> Sample:
    """The sample with what the eye `baseline` m to the right sees, developed alike."""
    linear = renderer.picture(pose.moved_right(baseline), light=light).linear
    rgb = finish(develop(linear, film), faults, noise)
    return replace(sample, right=replace(sample.frame, rgb=rgb), baseline=baseline)
