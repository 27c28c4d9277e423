import numpy as np
import pytest

import parity

torch = pytest.importorskip("torch", reason="torch is not installed; only the networks need it")

from vergence.depth.networks.depth_anything_3.harmonics import rotate_harmonics  # noqa: E402


def rotations(count):
    """Random ones, from the QR decomposition of noise."""
    q, r = np.linalg.qr(np.random.default_rng(0).standard_normal((count, 3, 3)))
    q *= np.sign(np.diagonal(r, axis1=1, axis2=2))[:, None]
    return torch.from_numpy(q * np.linalg.det(q)[:, None, None])


def basis(directions):
    """The nine functions, in the constants every renderer of Gaussians has."""
    x, y, z = directions.unbind(-1)
    return torch.stack(
        [
            torch.full_like(x, 0.28209479177387814),
            -0.4886025119029199 * y,
            0.4886025119029199 * z,
            -0.4886025119029199 * x,
            1.0925484305920792 * x * y,
            -1.0925484305920792 * y * z,
            0.31539156525252005 * (2 * z * z - x * x - y * y),
            -1.0925484305920792 * x * z,
            0.5462742152960396 * (x * x - y * y),
        ],
        dim=-1,
    )


def test_harmonics_turn_as_the_originals_do():
    with np.load(parity.GOLDENS / "depth_anything_3" / "golden_sh_rotation.npz") as golden:
        rotation = torch.from_numpy(golden["rotations"])[:, None]
        found = rotate_harmonics(torch.from_numpy(golden["sh_in"]), rotation)
        np.testing.assert_allclose(found.numpy(), golden["sh_out"], atol=1e-4 * np.abs(golden["sh_out"]).max())


def test_a_turned_colour_is_seen_along_the_turned_direction():
    random = torch.Generator().manual_seed(0)
    rotation = rotations(8)
    harmonics = torch.randn(8, 9, dtype=torch.float64, generator=random)
    directions = torch.nn.functional.normalize(torch.randn(8, 50, 3, dtype=torch.float64, generator=random), dim=-1)
    before = (basis(directions) * harmonics[:, None]).sum(-1)
    after = (basis(directions @ rotation.mT) * rotate_harmonics(harmonics, rotation)[:, None]).sum(-1)
    torch.testing.assert_close(after, before)


def test_turning_twice_is_turning_by_the_product():
    first, second = rotations(6)[:3], rotations(6)[3:]
    harmonics = torch.randn(3, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    twice = rotate_harmonics(rotate_harmonics(harmonics, first), second)
    torch.testing.assert_close(twice, rotate_harmonics(harmonics, second @ first))
