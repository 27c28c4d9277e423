import numpy as np
import pytest

from vergence.geometry.pose_graph import Edge, agree, step_of, taken
from vergence.geometry.rotation import rotation_about
from vergence.geometry.similarity import Similarity


def similarity(seed, size=1.0):
    return taken(np.random.default_rng(seed).normal(0, size, 7))


def ring(count=12):
    """World from nodes on a circle, each seen a quarter turn on."""
    angles = np.arange(count) * 2 * np.pi / count
    return [
        Similarity(1.0, rotation_about(np.array([0, a, 0])), np.array([np.cos(a), 0, -np.sin(a)]) * 3) for a in angles
    ]


def chained(first, edges):
    nodes = [first]
    for edge in edges:
        nodes.append(nodes[-1] @ edge.first_from_second)
    return nodes


def off(one, two):
    return max(np.abs(step_of(a.inverse() @ b)).max() for a, b in zip(one, two, strict=True))


@pytest.mark.parametrize("seed", range(3))
def test_steps_and_similarities_are_the_same(seed):
    one = similarity(seed)
    np.testing.assert_allclose(taken(step_of(one)).apply(np.eye(3)), one.apply(np.eye(3)), atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_nodes_that_are_off_come_to_where_all_edges_are_met(seed):
    truth = ring()
    pairs = [(n, (n + 1) % 12) for n in range(12)] + [(0, 6), (3, 9)]
    edges = [Edge(a, b, truth[a].inverse() @ truth[b]) for a, b in pairs]
    shaken = [truth[0], *(node @ similarity(100 * seed + n, 0.15) for n, node in enumerate(truth[1:]))]
    assert off(shaken, truth) > 0.1
    assert off(agree(shaken, edges, unit=3.0), truth) < 1e-6


def test_what_a_ring_is_short_of_is_shared_by_all_edges():
    """A chain whose every step grows by one percent comes back too large; closed, no two neighbours differ by much."""
    truth = ring()
    grown = taken(np.array([0, 0, 0, 0, 0.01, 0, 0.01]))
    steps = [Edge(n, n + 1, truth[n].inverse() @ truth[n + 1] @ grown) for n in range(11)]
    start = chained(truth[0], steps)
    closing = Edge(11, 0, truth[11].inverse() @ truth[0])
    closed = agree(start, [*steps, closing], unit=3.0)
    assert off(closed, truth) < 0.5 * off(start, truth)
    errors = [
        np.abs(step_of(edge.first_from_second.inverse() @ closed[edge.first].inverse() @ closed[edge.second])).max()
        for edge in [*steps, closing]
    ]
    assert max(errors) < 4 * np.median(errors)
    np.testing.assert_allclose(closed[0].translation, truth[0].translation)


def test_edges_that_are_met_move_nothing():
    nodes = ring()
    edges = [Edge(n, n + 1, nodes[n].inverse() @ nodes[n + 1]) for n in range(11)]
    assert off(agree(nodes, edges, unit=1.0), nodes) < 1e-12
