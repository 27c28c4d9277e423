"""A rendered world with perfect truth: photos and clips with exact depth, camera, second eye, motion and identity.

for sample in iter_photos(range(1000), width=256, height=192):
    train(sample.frame.rgb, sample.depth.metres())

Scenes are built from seeds out of affine primitives and traced by kernels compiled by numba. `by_rows` uses every core;
a worker process that shall use one restricts itself (`os.sched_setaffinity`) before the import.
"""

from vergence.synthetic.clips import render_clip
from vergence.synthetic.effects import CameraEffects, apply_effects, random_effects
from vergence.synthetic.kinds import KINDS
from vergence.synthetic.photos import iter_photos, render_photo
from vergence.synthetic.sample import Sample

__all__ = [
    "KINDS",
    "CameraEffects",
    "Sample",
    "apply_effects",
    "iter_photos",
    "random_effects",
    "render_clip",
    "render_photo",
]
