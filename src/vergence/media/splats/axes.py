"""Turning Gaussians half round x: from y down, z forward to y up, z towards the viewer, and back the same way."""

from dataclasses import replace

import numpy as np

from vergence.types import Gaussians

AXES = np.array([1, -1, -1], np.float32)
# A turn half round x takes the frame F = diag(1, -1, -1) of the world. The Gaussian's own axes have no sign (a
# covariance is even in each), so its rotation R may become F R F instead of F R, which only changes signs.
QUATERNION = np.array([1, 1, -1, -1], np.float32)
# Each basis function is a polynomial of the direction, in the order of the 3-D Gaussian splatting code: its sign
# changes with the parity of y and z together. Degree 1: y z x; 2: xy yz zz xz xx-yy; 3: y(3xx-yy) xyz y(4zz-..)
# z(2zz-..) x(4zz-..) z(xx-yy) x(xx-3yy).
HARMONICS = np.array([1, -1, -1, 1, -1, 1, 1, -1, 1, -1, 1, -1, -1, 1, -1, 1], np.float32)


def flipped(gaussians: Gaussians) -> Gaussians:
    """The same Gaussians after the world's axes y and z turned round; flipping twice gives them back."""
    return replace(
        gaussians,
        means=gaussians.means * AXES,
        rotations=gaussians.rotations * QUATERNION,
        harmonics=gaussians.harmonics * HARMONICS[: gaussians.harmonics.shape[1], None],
    )
