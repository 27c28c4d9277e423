"""How steady the depth of a film is, without stabilising, with a plain moving average and with ours, as Markdown.

    python benchmarks/stability.py CLIP...

Of static cameras the depth of what rests should not change. static_photo_noise.mp4 is one photo under noise: nothing
in it moves.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

import vergence
from vergence.evaluation import temporal
from vergence.geometry.rows import CORES
from vergence.stability.smooth import grey_of
from vergence.stability.stabilise import METHODS

CLIPS = [Path(__file__).parents[1] / "tests" / "fixtures" / "edge" / "static_photo_noise.mp4"]
HEAD = ("clip", "method", "flicker %", "static MAD %", "p95 %", "> 3 Hz %", "pumping %", "detail", "lag %", "CPU ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="*", default=CLIPS)
    parser.add_argument("--model", default="preview")
    parser.add_argument("--max-frames", type=int, default=150)
    arguments = parser.parse_args()
    model = vergence.load_model(arguments.model)
    print(f"Model {model.card.name}, {CORES} cores.\n\n| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")
    for clip in arguments.clips:
        measure(clip, model, arguments.max_frames)


def measure(clip: Path, model: vergence.DepthModel, max_frames: int) -> None:
    with vergence.open_source(clip, max_frames=max_frames) as source:
        rate = float(source.info.rate or 30)
        items, greys = [], []
        for item in model.estimate(vergence.mark_shots(source)):
            height, width = item.depth.values.shape
            greys.append(grey_of(item.frame, width, height))
            # A picture of the depth's size is all the filters look at.
            step = max(1, item.frame.width // width // 2)
            items.append(replace(item, frame=replace(item.frame, rgb=item.frame.rgb[::step, ::step].copy())))
    grey = np.stack(greys)
    still = temporal.still_pixels(grey)
    changed = np.abs(np.diff(grey.astype(np.float32), axis=0, prepend=grey[:1])) > 20
    raw = np.stack([item.depth.values for item in items])
    for method in METHODS:
        cpu = time.process_time()
        settings = vergence.StabiliseSettings(method=method)  # type: ignore[arg-type]
        depth = np.stack([item.depth.values for item in vergence.stabilise(items, settings=settings)])
        cpu = (time.process_time() - cpu) / len(items) * 1e3
        mad, worst = temporal.static_mad(depth, still)
        figures = (
            100 * temporal.flicker(depth, still),
            100 * mad,
            100 * worst,
            100 * temporal.fast_share(depth, still, rate=rate),
            100 * temporal.scale_excursion(depth, still),
            temporal.detail_kept(depth, raw),
            100 * temporal.lag(depth, raw, changed),
            cpu,
        )
        print(f"| {clip.stem} | {method} | {' | '.join(f'{figure:.2f}' for figure in figures)} |")


if __name__ == "__main__":
    main()
