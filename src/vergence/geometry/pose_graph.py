"""Similarities that are known relative to each other, in more ways than are needed, made to agree.

Gauss and Newton on a graph of similarities, as Strasdat et al. close loops with ("Scale drift-aware large scale
monocular SLAM", 2010). Steps are taken in each node's own axes: a shift, a turn vector and the logarithm of a scale.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vergence.geometry.rotation import rotation_about, rotation_vector
from vergence.geometry.similarity import Similarity

ROUNDS = 20
SETTLED = 1e-6  # of a step, in the unit: no picture shows it
STEP = 7  # numbers: shift, turn, log scale


@dataclass(frozen=True)
class Edge:
    """What is known of two nodes, by their numbers: the similarity from one to the other, and how far it is trusted.

    `error` is how far off it usually is, in multiples of any one measure for all edges.
    """

    first: int
    second: int
    first_from_second: Similarity
    error: float = 1.0


def agree(nodes: Sequence[Similarity], edges: Sequence[Edge], *, unit: float) -> list[Similarity]:
    """Move nodes, all but the first, so that the edges are met best in least squares.

    An error of a shift by `unit` counts as much as one of the turn by a radian, or of the scale
    by a factor of e; so it is the distance of what the nodes see, in their own unit.

    Args:
        nodes: world_from_node of N of them, as good as known; connected by the edges.
        edges: between them.
        unit: see above, above 0.
    """
    found = list(nodes)
    weights = np.array([1 / unit] * 3 + [1.0] * 4)
    for _ in range(ROUNDS):
        size = STEP * len(found)
        hessian, gradient = np.zeros((size, size)), np.zeros(size)
        for edge in edges:
            two_from_one = found[edge.second].inverse() @ found[edge.first]
            off = edge.first_from_second.inverse() @ two_from_one.inverse()
            by_second = np.eye(STEP)
            by_second[:3, :3] = off.scale * off.rotation
            by_first = -by_second @ _carried(two_from_one)
            trust = weights / edge.error
            residual = trust * step_of(off)
            sides = ((edge.first, trust[:, None] * by_first), (edge.second, trust[:, None] * by_second))
            for one, by_one in sides:
                rows = slice(STEP * one, STEP * (one + 1))
                gradient[rows] += by_one.T @ residual
                for other, by_other in sides:
                    hessian[rows, STEP * other : STEP * (other + 1)] += by_one.T @ by_other
        steps = np.zeros(size)
        steps[STEP:] = np.linalg.solve(hessian[STEP:, STEP:], -gradient[STEP:])
        found = [node @ taken(step) for node, step in zip(found, steps.reshape(-1, STEP), strict=True)]
        if np.abs(steps.reshape(-1, STEP) * weights).max() < SETTLED:
            break
    return found


def step_of(similarity: Similarity) -> NDArray[np.float64]:
    """The (7,) step that is a similarity: its shift, its turn vector, the logarithm of its scale."""
    return np.concatenate([similarity.translation, rotation_vector(similarity.rotation), [np.log(similarity.scale)]])


def taken(step: NDArray[np.float64]) -> Similarity:
    """The similarity of a (7,) step."""
    return Similarity(float(np.exp(step[6])), rotation_about(step[3:6]), step[:3].copy())


def _carried(similarity: Similarity) -> NDArray[np.float64]:
    """(7, 7): what a small step before a similarity is after it, `S step = step' S` (the adjoint)."""
    x, y, z = similarity.translation
    matrix = np.zeros((STEP, STEP))
    matrix[:3, :3] = similarity.scale * similarity.rotation
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    matrix[:3, 3:6] = cross @ similarity.rotation
    matrix[:3, 6] = -similarity.translation
    matrix[3:6, 3:6] = similarity.rotation
    matrix[6, 6] = 1
    return matrix
