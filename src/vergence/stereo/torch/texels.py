"""A picture as one whole number per pixel, so that a gather fetches its three channels at once.

Four bytes hold 8-bit channels, eight hold 16-bit ones; the fourth channel is empty. torch moves and compares these two
types everywhere, which it does not do for unsigned 16-bit numbers.
"""

import torch
from torch import Tensor
from torch.nn.functional import pad

from vergence.errors import ShapeError

WHITE = {torch.int32: 255.0, torch.int64: 65535.0}  # by the type of the texels


def pack(rgb: Tensor) -> Tensor:
    """Turn (..., 3) uint8 or uint16 into (...) texels.

    Raises:
        ShapeError: it is something else.
    """
    if rgb.shape[-1] != 3 or rgb.dtype not in (torch.uint8, torch.uint16):
        raise ShapeError(f"a picture is (..., 3) uint8 or uint16, not {tuple(rgb.shape)} {rgb.dtype}")
    if rgb.dtype == torch.uint8:
        return pad(rgb, (0, 1)).view(torch.int32).squeeze(-1)
    return pad(rgb.view(torch.int16), (0, 1)).view(torch.int64).squeeze(-1)


def unpack(texels: Tensor) -> Tensor:
    """Turn (...) texels into (..., 3) uint8 or uint16."""
    if texels.dtype == torch.int32:
        return texels.unsqueeze(-1).view(torch.uint8)[..., :3].contiguous()
    return texels.unsqueeze(-1).view(torch.int16)[..., :3].contiguous().view(torch.uint16)


def colours(texels: Tensor) -> Tensor:
    """The (..., 3) float32 channels of (...) texels, in the picture's own scale."""
    if texels.dtype == torch.int32:
        return texels.unsqueeze(-1).view(torch.uint8)[..., :3].float()
    return (texels.unsqueeze(-1).view(torch.int16)[..., :3].int() & 0xFFFF).float()


def rounded(values: Tensor, dtype: torch.dtype) -> Tensor:
    """Texels of that type of (..., 3) float32 channels, rounded half up and kept between black and white."""
    whole = (values + 0.5).clamp(0, WHITE[dtype])
    if dtype == torch.int32:
        return pad(whole.to(torch.uint8), (0, 1)).view(torch.int32).squeeze(-1)
    return pad(whole.int().to(torch.int16), (0, 1)).view(torch.int64).squeeze(-1)
