"""What the network is asked to get right. All maps are (n, h, w); results are scalars."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from vergence.training.data import Batch
from vergence.training.recipes import LossWeights

SKY_DISPARITY = 0.005  # 1/m that stands for infinitely far
SCALES = 4  # of the gradient terms: steps over 1, 2, 4 and 8 pixels
SPARSE = 3  # every third pixel is enough for a median
FLAT = 0.02  # a picture's spread of disparity is at least this share of its median
OUTLIER = 4.0  # normalised disparity beyond which an error counts no more
SKY_SHARE = 0.2  # of the metric error; only being too near is an error there


@dataclass(frozen=True)
class Prediction:
    """The network's three maps."""

    log_depth: Tensor
    log_scale: Tensor
    sky_logit: Tensor

    @property
    def disparity(self) -> Tensor:
        """Inverse depth as the product computes it: nothing where there is sky."""
        return torch.exp(-self.log_depth) * torch.sigmoid(-self.sky_logit)


def total(found: Prediction, truth: Batch, weights: LossWeights) -> tuple[Tensor, dict[str, Tensor]]:
    """The weighted sum of all terms, and the terms."""
    sky, ground = truth.is_sky, (~truth.is_sky).float()
    error = found.log_depth - truth.log_depth
    error = torch.where(sky & (error > 0), torch.zeros_like(error), error)
    size = error.abs()
    aligned = (error - _median(error, ~sky)) * ground
    disparity, true_disparity = _normalised(found.disparity), _normalised(_true_disparity(truth))
    terms = {
        "metric": (size * (ground + SKY_SHARE * (1 - ground))).mean(),
        "aligned": aligned.abs().mean(),
        # Scale-and-shift-invariant, as in MiDaS (arXiv:1907.01341).
        "disparity": (disparity - true_disparity).abs().clamp(max=OUTLIER).mean(),
        "gradient": gradient(error, ground),
        "boundary": gradient(disparity - true_disparity, torch.ones_like(ground)),
        # Laplace likelihood of the error that is left once the picture's scale is right, which is what confidence is
        # asked about: it teaches the scale and leaves the depth alone.
        "scale": ((aligned.abs().detach() * torch.exp(-found.log_scale) + found.log_scale) * ground).mean(),
        "sky": functional.binary_cross_entropy_with_logits(found.sky_logit, sky.float()),
        "consistency": consistency(found, truth),
    }
    return sum((getattr(weights, name) * term for name, term in terms.items()), torch.zeros(())), terms


def gradient(error: Tensor, valid: Tensor) -> Tensor:
    """Multi-scale gradient of an error, both neighbours valid (MegaDepth, arXiv:1804.00607)."""
    found = error.new_zeros(())
    for _ in range(SCALES):
        across = (error[:, :, 1:] - error[:, :, :-1]).abs() * valid[:, :, 1:] * valid[:, :, :-1]
        down = (error[:, 1:] - error[:, :-1]).abs() * valid[:, 1:] * valid[:, :-1]
        found = found + across.mean() + down.mean()
        error, valid = error[:, ::2, ::2], valid[:, ::2, ::2]
    return found


def consistency(found: Prediction, truth: Batch) -> Tensor:
    """How far the change from first views to their twins differs from the true one, in log depth.

    |(second - first) - (true second - true first)| at the same surface: the camera may have moved, and so may things,
    and a longer lens makes canonical depth smaller. That is the change of the error, and so it is computed.
    """
    twins = len(truth.grid)
    if not twins:
        return found.log_depth.new_zeros(())
    error = found.log_depth - truth.log_depth
    first = functional.grid_sample(error[:twins, None], truth.grid, align_corners=False)[:, 0]
    return ((error[-twins:] - first).abs() * truth.is_shared).mean()


def _true_disparity(truth: Batch) -> Tensor:
    return torch.where(truth.is_sky, torch.full_like(truth.log_depth, SKY_DISPARITY), torch.exp(-truth.log_depth))


def _median(error: Tensor, valid: Tensor) -> Tensor:
    known = torch.where(valid, error.detach(), torch.full_like(error, torch.nan)).flatten(1)[:, ::SPARSE]
    return torch.nan_to_num(known.nanmedian(1).values)[:, None, None]


def _normalised(disparity: Tensor) -> Tensor:
    """Less its median, over its mean deviation from it."""
    flat = disparity.flatten(1)
    median = flat[:, ::SPARSE].median(1, keepdim=True).values
    spread = (flat - median).abs().mean(1, keepdim=True) + FLAT * median
    return ((flat - median) / spread).view_as(disparity)
