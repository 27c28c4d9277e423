"""Depth Anything 3 (Lin et al., arXiv:2511.10647): depth of one view, and depth and cameras of many together.

Networks of many views know no unit: their depth is z up to a factor, which the views of one world share. Those of one
view tell what is sky; the metric one gives metres for a focal length. A nested network is one of each, and gives
metres of many views.
"""

from pathlib import Path

from vergence.depth import memory
from vergence.depth.cards import ModelCard
from vergence.depth.families.depth_anything_3.graph import GraphNetwork, is_graph, matches
from vergence.depth.families.depth_anything_3.model import DepthAnything3, WorldDepthAnything3
from vergence.depth.families.depth_anything_3.network import Network
from vergence.depth.families.patches import PATCH
from vergence.depth.runtimes import RuntimeOptions
from vergence.errors import SettingsError

__all__ = ["DepthAnything3", "WorldDepthAnything3", "load", "matches"]


def load(card: ModelCard, weights: Path, options: RuntimeOptions) -> DepthAnything3:
    """Open a checkpoint, a published folder of `model.safetensors` and `config.json`, or what was exported.

    What sees many views together is also a `WorldModel`, a `WorldDepthAnything3`.

    Raises:
        WeightsError: the tensors, or the graph, are of another network than the card's.
        SettingsError: the card's `input_size` is under one patch.
        ModelError, DeviceError: it does not run on this device, in this precision, or in its memory.
    """
    side = card.options["input_size"]
    if side < PATCH:
        raise SettingsError(f"{card.name} needs at least {PATCH} pixels of input, not {side}")
    network = _open(card, weights, options)
    if card.options["sees_many"]:
        return WorldDepthAnything3(card, network)
    return DepthAnything3(card, network)


def _open(card: ModelCard, weights: Path, options: RuntimeOptions) -> Network:
    if is_graph(weights):
        known = [size for size in (memory.free_memory(), card.options["max_memory"]) if size is not None]
        budget = memory.Budget(card, min(known, default=None))
        variant, sees_many = card.options["size"], card.options["sees_many"]
        return GraphNetwork(weights, options, variant, sees_many=sees_many, budget=budget)
    from vergence.depth.runtimes.torch_depth_anything_3 import open_network

    budget = memory.budget(card, options)
    budget.require(memory.usual(card))
    return open_network(weights, options, budget=budget, variant=card.options["size"])
