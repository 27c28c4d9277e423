"""Stand-in weights for parity tests: every tensor is computed from its own name.

The published checkpoints are large and not ours to ship. To show that a network computes the published function they
are not needed: given the same tensors under the same names, it must give the same results. A manifest lists the
tensors of the original network, and `golden_*.npz` holds what the original computed with exactly these values.
"""

import json
import math
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

GOLDENS = Path(__file__).parent / "goldens"


@dataclass(frozen=True)
class Golden:
    """Arrays the original network took and gave, and what is known of how."""

    arrays: dict[str, NDArray[Any]]
    meta: dict[str, Any]

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.arrays[name]


def golden(family: str, name: str) -> Golden:
    with np.load(GOLDENS / family / f"golden_{name}.npz") as stored:
        arrays = {key: stored[key] for key in stored.files if key != "meta"}
        return Golden(arrays, json.loads(str(stored["meta"])) if "meta" in stored.files else {})


def manifest(family: str, variant: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((GOLDENS / family / f"manifest_{variant}.json").read_text("utf-8"))
    return found


def weights(manifest: dict[str, Any], overrides: dict[str, float] | None = None) -> dict[str, NDArray[np.float32]]:
    """The whole state dict a manifest describes; `overrides` fill single tensors with a constant."""
    constants = {**manifest.get("overrides", {}), **(overrides or {})}
    return {
        name: np.full(spec["shape"], constants[name], dtype=np.float32)
        if name in constants
        else fill(name, tuple(spec["shape"]))
        for name, spec in manifest["tensors"].items()
        if spec["kind"] != "buffer"
    }


def fill(name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """The value of the parameter `name`: noise of a size its kind would have in a trained network."""
    noise = np.random.Generator(np.random.PCG64(zlib.crc32(name.encode()))).standard_normal(shape, dtype=np.float32)
    leaf = name.rsplit(".", 1)[-1]
    if "gamma" in leaf or ".ls1" in name or ".ls2" in name:  # LayerScale
        return (0.5 + 0.1 * noise).astype(np.float32)
    if leaf.endswith("bias"):
        return (0.05 * noise).astype(np.float32)
    if leaf.endswith("weight") and len(shape) <= 1:  # of a norm
        return (1.0 + 0.1 * noise).astype(np.float32)
    if leaf.endswith("weight"):
        return (noise / math.sqrt(math.prod(shape[1:]))).astype(np.float32)
    return (0.5 * noise).astype(np.float32)  # tokens, position embeddings


def image(name: str, shape: tuple[int, int, int]) -> NDArray[np.float32]:
    """The smooth (C, H, W) picture `name` that goldens were made from, 0..1."""
    random = np.random.Generator(np.random.PCG64(zlib.crc32(name.encode())))
    channels, height, width = shape
    v = np.linspace(0, 2 * np.pi, height)[:, None]
    u = np.linspace(0, 2 * np.pi, width)[None, :]
    waves = np.zeros(shape)
    for _ in range(6):
        a, b = random.uniform(0.5, 4.0, 2)
        waves += np.sin(a * u + b * v + random.uniform(0, 2 * np.pi, (channels, 1, 1)))
    return ((waves - waves.min()) / (waves.max() - waves.min())).astype(np.float32)


def assert_agrees(found: NDArray[Any], expected: NDArray[Any], *, max_error: float, rms_error: float) -> None:
    """Compare to a golden, errors in standard deviations of the golden."""
    assert found.shape == expected.shape, f"{found.shape} where the original gives {expected.shape}"
    error = (found.astype(np.float64) - expected) / expected.std()
    assert np.abs(error).max() <= max_error, f"largest error {np.abs(error).max():.2g} of {max_error:.2g} std"
    assert np.sqrt((error**2).mean()) <= rms_error, f"rms error {np.sqrt((error**2).mean()):.2g} of {rms_error:.2g} std"
