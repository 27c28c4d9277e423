"""Spherical harmonics in the real basis of 3D Gaussian splatting, turned with what they colour.

A colour seen along the unit direction (x, y, z) is the sum of coefficients times

    degree 0    C0
    degree 1    -C1 y, C1 z, -C1 x
    degree 2    C2 2xy, -C2 2yz, C2 (2zz - xx - yy) / sqrt 3, -C2 2xz, C2 (xx - yy)

so degree 1 is linear in the direction and degree 2 a quadratic form in it with a symmetric matrix for each of its
five. These are orthogonal to each other and of one length, and turning a function turns its matrix: the
coefficients of a turned function are products of 3 x 3 matrices, without Wigner's.
"""

# torch types some of its functions not at all, and is not there at all in the plain install.
# mypy: disable-error-code="no-any-return, no-untyped-call, misc, operator, union-attr, arg-type"

from math import sqrt

import torch
from torch import Tensor

DEGREE = 2
COUNT = (DEGREE + 1) ** 2

# Row k is the direction whose product with (x, y, z) is basis function k of degree 1, up to C1.
LINEAR = ((0.0, -1.0, 0.0), (0.0, 0.0, 1.0), (-1.0, 0.0, 0.0))
# Matrix k makes basis function k of degree 2, up to a common factor; each has the Frobenius length sqrt 2.
QUADRATIC = (
    ((0.0, 1.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
    ((0.0, 0.0, 0.0), (0.0, 0.0, -1.0), (0.0, -1.0, 0.0)),
    ((-1 / sqrt(3), 0.0, 0.0), (0.0, -1 / sqrt(3), 0.0), (0.0, 0.0, 2 / sqrt(3))),
    ((0.0, 0.0, -1.0), (0.0, 0.0, 0.0), (-1.0, 0.0, 0.0)),
    ((1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, 0.0)),
)


def rotate_harmonics(harmonics: Tensor, rotation: Tensor) -> Tensor:
    """Turn functions on the sphere: the new one sees along `rotation @ direction` what the old one saw along it.

    Args:
        harmonics: (..., 9) coefficients of degrees 0 to 2.
        rotation: (..., 3, 3) rotation matrices, which broadcast against those before the 9.
    """
    return (harmonics_rotation(rotation) @ harmonics[..., None])[..., 0]


def harmonics_rotation(rotation: Tensor) -> Tensor:
    """The (..., 9, 9) matrices that turn coefficients as the (..., 3, 3) `rotation` turns directions."""
    linear, quadratic = rotation.new_tensor(LINEAR), rotation.new_tensor(QUADRATIC)
    matrix = rotation.new_zeros(*rotation.shape[:-2], COUNT, COUNT)
    matrix[..., 0, 0] = 1
    matrix[..., 1:4, 1:4] = linear @ rotation @ linear.T
    # Entry (l, k): how much of basis function l is in basis function k turned, <S_l, R S_k R^T> / <S_l, S_l>.
    turned = torch.einsum("...ab,kbc,...dc->...kad", rotation, quadratic, rotation)
    matrix[..., 4:, 4:] = torch.einsum("lad,...kad->...lk", quadratic, turned) / 2
    return matrix
