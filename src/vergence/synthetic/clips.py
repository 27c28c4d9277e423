"""Clips of the synthetic world: a moving camera, moving things, cuts and flickering light."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from math import pi, sin
from pathlib import Path as Folder

from vergence.errors import SettingsError
from vergence.synthetic.builder import Dice
from vergence.synthetic.camera import CAMERA_MOTIONS, CameraMotion, Path, clear_path, draw_path
from vergence.synthetic.effects import CameraEffects, Film, choose_film, develop, smear
from vergence.synthetic.photos import (
    PAGE_SEEDS,
    SCENES,
    Effects,
    assemble,
    check_request,
    draw_effects,
    find_view,
    finish,
    page,
    with_right_eye,
)
from vergence.synthetic.render.device import Device, Processor, choose_device
from vergence.synthetic.render.flow import forward_flow
from vergence.synthetic.render.picture import Picture, Pose, Renderer
from vergence.synthetic.sample import Sample

MOTION_SHARES: dict[CameraMotion, float] = {"handheld": 0.4, "dolly": 0.3, "pan": 0.15, "static": 0.15}
FLICKER_RATES = (0.7, 3.1, 7.9)  # 1/s, of slow lamps to tubes beating with the frame rate


@dataclass(frozen=True)
class _Shot:
    """What stays the same from one cut to the next."""

    number: int
    renderer: Renderer  # of its first moment
    path: Path
    film: Film
    faults: CameraEffects | None
    flicker: tuple[float, ...]  # phases
    opening: Picture  # its first frame in steady light, which the film was chosen by


@dataclass(frozen=True)
class _Exposure:
    """One rendered frame, before it is developed."""

    index: int
    renderer: Renderer
    pose: Pose
    light: float
    picture: Picture


def render_clip(
    seed: int,
    *,
    frames: int,
    rate: Fraction | int = 24,
    width: int = 256,
    height: int = 192,
    motion: CameraMotion | None = None,
    kind: str | None = None,
    cuts: Sequence[int] = (),
    flicker: float = 0.0,
    shutter: float = 0.0,
    effects: Effects = False,
    right_eye_baseline: float | None = None,
    photographs: Folder | None = None,
    device: Device = "auto",
) -> Iterator[Sample]:
    """Render the clip of a seed; same arguments, same bytes on the same device of the same machine.

    Every sample but the last of each shot has the flow to its successor.

    Args:
        seed: any whole number.
        frames: how many.
        rate: frames a second.
        width, height: px.
        motion: of the camera; drawn for each shot when None.
        kind: of place, one of `kinds.KINDS`; drawn for each shot when None.
        cuts: numbers of the frames that begin a new shot, in another place; ascending, not 0.
        flicker: greatest change of the light, as a share of it.
        shutter: share of a frame's duration that the shutter is open, for motion blur.
        effects: faults of the camera, see `render_photo`; the same through a shot, with new grain in each frame.
        right_eye_baseline: m from this eye to the right one, which is rendered too.
        photographs: a folder of pictures that cover some surfaces, see `render_photo`.
        device: where pictures are rendered, see `render_photo`.

    Raises:
        SettingsError: an argument is outside its range.
        DeviceError: "cuda" is asked for and cannot be used here.
        MediaError: `photographs` is no folder, or holds none that can be read.
    """
    check_request(kind, width, height, right_eye_baseline, photographs)
    if frames < 1 or rate <= 0:
        raise SettingsError(f"a clip has at least one frame and a rate above 0, not {frames} frames at {rate}")
    if motion is not None and motion not in CAMERA_MOTIONS:
        raise SettingsError(f"no camera moves {motion!r}; choose from {', '.join(CAMERA_MOTIONS)}")
    if list(cuts) != sorted(set(cuts)) or any(not 0 < cut < frames for cut in cuts):
        raise SettingsError(f"cuts are ascending numbers of frames from 1 to {frames - 1}, not {list(cuts)}")
    if not (0 <= flicker < 1 and 0 <= shutter <= 1):
        raise SettingsError(f"flicker is from 0 to below 1 and the shutter from 0 to 1, not {flicker} and {shutter}")

    processor = choose_device(device)

    def samples() -> Iterator[Sample]:
        for number, (first, end) in enumerate(pairwise([0, *cuts, frames])):
            duration = float((end - first) / Fraction(rate))
            shot = _plan(seed, number, duration, width, height, motion, kind, effects, photographs, processor)
            yield from _render_shot(seed, shot, first, end, Fraction(rate), flicker, shutter, right_eye_baseline)

    return samples()


def _plan(
    seed: int, number: int, duration: float, width: int, height: int, motion: CameraMotion | None, kind: str | None,
    effects: Effects, photographs: Folder | None, processor: Processor,
) -> _Shot:  # fmt: skip
    """Find a place and a path through it that touches nothing."""
    dice = Dice(f"clip {seed} shot {number}")
    textures = page(seed // PAGE_SEEDS, photographs)
    manner = motion if motion is not None else dice.pick(MOTION_SHARES)
    for _ in range(SCENES):
        scene, pose = find_view(dice, textures, kind=kind, width=width, height=height)
        path = clear_path(scene, draw_path(pose, manner, duration, dice))
        if path is not None:
            break
    else:
        raise AssertionError(f"clip {seed}: no camera path in {SCENES} scenes touches nothing")
    renderer = Renderer(scene, device=processor)
    opening = renderer.picture(path.at(0))
    film = choose_film(opening.linear, dice)
    phases = tuple(dice.random() for _ in FLICKER_RATES)
    return _Shot(number, renderer, path, film, draw_effects(effects, dice), phases, opening)


def _render_shot(
    seed: int, shot: _Shot, first: int, end: int, rate: Fraction, flicker: float, shutter: float, baseline: float | None
) -> Iterator[Sample]:
    """One frame is held back, because flow needs the next."""
    past: _Exposure | None = None
    for index in range(first, end):
        time = float((index - first) / rate)
        pose = shot.path.at(time)
        renderer = shot.renderer.at(time)
        light = 1 + flicker * _flicker(shot.flicker, time)
        is_known = index == first and light == 1
        picture = shot.opening if is_known else renderer.picture(pose, light=light)
        now = _Exposure(index, renderer, pose, light, picture)
        if past is not None:
            yield _develop(seed, shot, past, now, rate, shutter, baseline)
        past = now
    assert past is not None  # a shot has a frame
    yield _develop(seed, shot, past, None, rate, shutter, baseline)


def _develop(
    seed: int, shot: _Shot, now: _Exposure, after: _Exposure | None, rate: Fraction, shutter: float,
    baseline: float | None,
) -> Sample:  # fmt: skip
    flow = valid = None
    linear = now.picture.linear
    if after is not None:
        flow, valid = forward_flow(
            now.renderer.scene, now.pose, now.picture.visible, after.pose, after.picture.visible,
            device=now.renderer.device,
        )  # fmt: skip
        if shutter > 0:
            linear = smear(linear, flow, shutter)
    rgb = finish(develop(linear, shot.film), shot.faults, (seed, 2 * now.index))
    sample = assemble(now.renderer, now.pose, now.picture, rgb, index=now.index, time=now.index / rate)
    frame = replace(sample.frame, duration=1 / rate, shot=shot.number)
    sample = replace(sample, frame=frame, flow=flow, flow_valid=valid)
    if baseline is None:
        return sample
    return with_right_eye(
        sample,
        now.renderer,
        now.pose,
        baseline,
        shot.film,
        shot.faults,
        noise=(seed, 2 * now.index + 1),
        light=now.light,
    )


def _flicker(phases: Sequence[float], time: float) -> float:
    """Change of the light at a moment, -1..1."""
    waves = [sin(2 * pi * (rate * time + phase)) for rate, phase in zip(FLICKER_RATES, phases, strict=True)]
    return sum(waves) / len(waves)
