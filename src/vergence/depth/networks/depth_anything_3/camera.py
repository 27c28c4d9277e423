"""Cameras as tokens: known ones become what the backbone attends to, and what it attended to becomes cameras.

Cameras are (..., 3 or 4, 4) `extrinsics`, which take the world's points to the camera's, and (..., 3, 3) `intrinsics`
in pixels of the network's input, its middle (W/2, H/2). A network reads and writes nine numbers instead, the encoding:
the camera's place in the world (3), the quaternion xyzw of its axes (4), and both fields of view, the vertical first.
"""

# torch types the result of calling a module as Any, and is not there at all in the plain install.
# mypy: disable-error-code="no-any-return, no-untyped-call, misc, operator, union-attr, arg-type"

import torch
from torch import Tensor, nn
from torch.nn import functional

from vergence.depth.networks.dinov2 import Block

ENCODED = 9
HEADS = 16  # of the encoder's attention
BLOCKS = 4
EPSILON = 1e-5  # of the encoder's LayerNorms
LEAST_TANGENT = 1e-6  # of half a field of view
LEAST_DISTANCE = 0.1  # between cameras, which are scaled to a median of 1


class CameraEncoder(nn.Module):
    """(B, S, 9) encodings of S cameras to (B, S, width) tokens that know of each other."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.pose_branch = _Branch(width)
        self.token_norm = nn.LayerNorm(width, EPSILON)
        self.trunk = nn.Sequential(*(Block(width, heads=HEADS, epsilon=EPSILON) for _ in range(BLOCKS)))
        self.trunk_norm = nn.LayerNorm(width, EPSILON)

    def forward(self, encodings: Tensor) -> Tensor:
        return self.trunk_norm(self.trunk(self.token_norm(self.pose_branch(encodings))))


class CameraDecoder(nn.Module):
    """(B, S, width) tokens to (B, S, 9) encodings."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.fc_t = nn.Linear(width, 3)
        self.fc_qvec = nn.Linear(width, 4)
        self.fc_fov = nn.Sequential(nn.Linear(width, 2), nn.ReLU())

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = self.backbone(tokens)
        return torch.cat([self.fc_t(tokens), self.fc_qvec(tokens), self.fc_fov(tokens)], dim=2)


class _Branch(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(ENCODED, width // 2)
        self.fc2 = nn.Linear(width // 2, width)

    def forward(self, encodings: Tensor) -> Tensor:
        return self.fc2(functional.gelu(self.fc1(encodings)))


def encoded(extrinsics: Tensor, intrinsics: Tensor, height: int, width: int) -> Tensor:
    """The (..., 9) encodings of cameras of `height` x `width` pictures."""
    rotation = extrinsics[..., :3, :3].transpose(-1, -2)
    centre = -(rotation @ extrinsics[..., :3, 3:])[..., 0]
    half = torch.stack([height / 2 / intrinsics[..., 1, 1], width / 2 / intrinsics[..., 0, 0]], dim=-1)
    return torch.cat([centre, quaternion_of(rotation), 2 * half.atan()], dim=-1)


def decoded(encodings: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """The (..., 3, 4) extrinsics and (..., 3, 3) intrinsics of (..., 9) encodings."""
    centre, quaternion, fov = encodings.split([3, 4, 2], dim=-1)
    to_camera = rotation_of(quaternion).transpose(-1, -2)
    extrinsics = torch.cat([to_camera, -(to_camera @ centre[..., None])], dim=-1)
    tangents = (fov / 2).tan().clamp(min=LEAST_TANGENT)
    fy, fx = height / 2 / tangents[..., 0], width / 2 / tangents[..., 1]
    none, one = torch.zeros_like(fx), torch.ones_like(fx)
    rows = [fx, none, width / 2 * one], [none, fy, height / 2 * one], [none, none, one]
    return extrinsics, torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


def normalised(extrinsics: Tensor) -> Tensor:
    """(B, S, 4, 4) cameras as the network was trained on them: seen from the first, and a median distance of 1 away."""
    # By its transpose: inverting a rotation would lose digits.
    rotation = extrinsics[:, :1, :3, :3].transpose(-1, -2)
    first = torch.zeros_like(extrinsics[:, :1])
    first[..., :3, :3], first[..., 3, 3] = rotation, 1
    first[..., :3, 3:] = -(rotation @ extrinsics[:, :1, :3, 3:])
    moved = extrinsics @ first
    distances = moved[..., :3, 3].norm(dim=-1)  # as far as the centres are: the rotation in between keeps lengths
    # torch takes the lower one of two middle values, as the authors do; the first camera's 0 counts too.
    scale = distances.median(dim=1).values.clamp(min=LEAST_DISTANCE)
    moved[..., :3, 3] /= scale[:, None, None]
    return moved


def rotation_of(quaternion: Tensor) -> Tensor:
    """(..., 3, 3) of quaternions (..., 4) xyzw of any length but 0."""
    x, y, z, w = quaternion.unbind(-1)
    double = 2 / (quaternion**2).sum(-1)
    rows = (
        [1 - double * (y * y + z * z), double * (x * y - z * w), double * (x * z + y * w)],
        [double * (x * y + z * w), 1 - double * (x * x + z * z), double * (y * z - x * w)],
        [double * (x * z - y * w), double * (y * z + x * w), 1 - double * (x * x + y * y)],
    )
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


def quaternion_of(rotation: Tensor) -> Tensor:
    """(..., 4) unit quaternions xyzw, w not negative, of (..., 3, 3) rotations.

    Each of the four numbers gives the other three; the largest loses the fewest digits.
    """
    m = rotation
    xx, yy, zz = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    xy, xz, yz = m[..., 0, 1] + m[..., 1, 0], m[..., 0, 2] + m[..., 2, 0], m[..., 1, 2] + m[..., 2, 1]
    xw, yw, zw = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    # Row k is the quaternion times four times its k-th number: the products of all pairs of its numbers.
    rows = (
        [1 + xx - yy - zz, xy, xz, xw],
        [xy, 1 - xx + yy - zz, yz, yw],
        [xz, yz, 1 - xx - yy + zz, zw],
        [xw, yw, zw, 1 + xx + yy + zz],
    )
    products = torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)
    largest = products.diagonal(dim1=-2, dim2=-1).argmax(-1)
    row = products.gather(-2, largest[..., None, None].expand(*largest.shape, 1, 4))[..., 0, :]
    quaternion = functional.normalize(row, dim=-1)
    return torch.where(quaternion[..., 3:] < 0, -quaternion, quaternion)
