"""How far the end of a long film drifts when its chunks are put into one world, as Markdown.

    python benchmarks/trajectory.py
    python benchmarks/trajectory.py --frames 60 --seeds 1 2

Clips of the synthetic world have exact depth and poses. A feigned model of many views gives each chunk in a unit of its
own (drawn with a deviation of 50 %) and errs as the table says; see `vergence.evaluation.feigned`. Figures are medians
over the clips: the distance of cameras from where they were after one similarity for all of the path (absolute error),
as a share of the path; the error of the way over each tenth of the path; the error of the turn; how unsteady the scale
of depth is from frame to frame. "points" brings the shared frames' points onto each other instead of their cameras.
"""

import argparse
import logging
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vergence.depth.cards import CARDS
from vergence.depth.long_film import ChunkSettings, Link, Linker, fit_link, posed
from vergence.evaluation.feigned import Faults, FeignedModel
from vergence.evaluation.trajectory import trajectory_errors
from vergence.geometry.project import unproject
from vergence.geometry.similarity import fit_similarity_robust
from vergence.synthetic.camera import CameraMotion
from vergence.synthetic.clips import render_clip
from vergence.synthetic.sample import Sample
from vergence.types import DepthFrame, DepthMap

SEEDS = (1, 2, 6, 7)
RATE = 6  # key frames a second
WIDTH, HEIGHT = 64, 48

NONE = Faults(depth=0, grain=0, lens=0, turn=0, step=0, bend=0)
KINDS = {
    "none": NONE,
    "depth 2 %, cameras 0.06°": Faults(),
    "depth 10 %, cameras 0.06°": Faults(depth=0.1, grain=0.05),
    "depth 2 %, cameras 0.6°": Faults(turn=0.01, step=0.02),
    "as the second, moving things 50 % off": Faults(moving=0.5),
}
CHUNKS = ((16, 2), (16, 6), (32, 8))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, nargs="*", default=[60, 240])
    parser.add_argument("--seeds", type=int, nargs="*", default=SEEDS)
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)  # chunks that do not fit are what is measured
    print("| frames | errors of the model | chunks | linked by | path, m | drift, % | relative, % | °/m | scale, % |")
    print("|---|---|---|---|---|---|---|---|---|")
    for count in arguments.frames:
        clips = [list(clip(seed, count)) for seed in arguments.seeds]
        for kind, faults in KINDS.items():
            for size, overlap in CHUNKS if kind == list(KINDS)[1] else CHUNKS[1:2]:
                for name, linker in LINKERS.items():
                    rows = [measure(samples, faults, ChunkSettings(size, overlap), linker) for samples in clips]
                    figures = " | ".join(f"{figure:.2f}" for figure in np.median(rows, axis=0))
                    print(f"| {count} | {kind} | {size} / {overlap} | {name} | {figures} |", flush=True)


def clip(seed: int, frames: int) -> list[Sample]:
    """A clip of one shot through which the camera moves."""
    motion: CameraMotion = "handheld" if seed % 3 == 0 else "dolly"
    return list(render_clip(seed, frames=frames, rate=RATE, width=WIDTH, height=HEIGHT, motion=motion))


def measure(samples: list[Sample], faults: Faults, settings: ChunkSettings, linker: Linker) -> tuple[float, ...]:
    """Path, drift, relative error, turn and unsteadiness of scale of one clip."""
    truth = {sample.frame.index: sample.depth for sample in samples}
    moving = {sample.frame.index: ~sample.is_static for sample in samples}
    model = FeignedModel(next(iter(CARDS.values())), truth, moving=moving, faults=faults)
    frames = [sample.frame for sample in samples]
    poses, ratios = [], []
    for view in posed(frames, model, settings=settings, linker=linker):
        true = truth[view.frame.index]
        poses.append(pose_of(view.depth))
        ratios.append(float(np.median(view.depth.values[true.valid] / true.values[true.valid])))
    errors = trajectory_errors(np.stack(poses), np.stack([pose_of(depth) for depth in truth.values()]))
    unsteady = float(np.std(np.log(ratios)))
    return errors.path, 100 * errors.drift, 100 * errors.relative, errors.turn, 100 * unsteady


def link_points(chunk: Sequence[DepthFrame], world: Sequence[DepthFrame]) -> Link:
    """The similarity of the points, robust and weighted by one over the distance squared: the way of VGGT-Long."""
    pairs, distances = [], []
    for a, b in zip(chunk, world, strict=True):
        both = a.depth.valid & b.depth.valid
        pairs.append([points_of(view.depth)[both] for view in (a, b)])
        distances.append(b.depth.values[both].astype(np.float64))
    source, target = (np.concatenate(points) for points in zip(*pairs, strict=True))
    weights = np.concatenate(distances) ** -2.0
    return Link(fit_similarity_robust(source, target, weights=weights), 0.0, len(weights))


def points_of(depth: DepthMap) -> NDArray[np.float64]:
    """(H, W, 3) in the world."""
    assert depth.intrinsics is not None  # a feigned model has both
    pose = pose_of(depth)
    return np.asarray(unproject(depth.values, depth.intrinsics) @ pose[:3, :3].T + pose[:3, 3], np.float64)


def pose_of(depth: DepthMap) -> NDArray[np.float64]:
    """Its world_from_camera."""
    assert depth.world_from_camera is not None
    return depth.world_from_camera


LINKERS: dict[str, Linker] = {"cameras": fit_link, "points": link_points}


if __name__ == "__main__":
    main()
