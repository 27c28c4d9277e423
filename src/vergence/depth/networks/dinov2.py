"""DINOv2, the vision transformer (Oquab et al., arXiv:2304.07193) that Depth Anything grew from."""

# torch types the result of calling a module as Any, and is not there at all in the plain install.
# mypy: disable-error-code="no-any-return, no-untyped-call, misc, operator, union-attr, arg-type"

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

PATCH = 14  # pixels of the picture that become one token
GRID = 37  # patches a side in training: 518 pixels
EPSILON = 1e-6  # of every LayerNorm; the checkpoints have variances small enough for it to matter
CUBIC = -0.75  # the `a` of torch's bicubic kernel
OFFSET = 0.1  # patches; see `_resampling`


@dataclass(frozen=True)
class BackboneSize:
    """Of one published backbone.

    Attributes:
        width: of a token; every head has 64 of it.
        blocks: how many there are.
        taken: those whose output the decoder reads.
        is_gated: the feed-forward network is a SwiGLU of 4096 instead of an MLP of four widths.
    """

    width: int
    blocks: int
    taken: tuple[int, int, int, int]
    is_gated: bool = False


class DinoV2(nn.Module):
    """(B, 3, H, W) normalised pictures, sides multiples of 14, to four (B, width, H / 14, W / 14) feature maps."""

    def __init__(self, size: BackboneSize) -> None:
        super().__init__()
        self.taken = size.taken
        self.patch_embed = _PatchEmbed(size.width)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, size.width))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + GRID * GRID, size.width))
        self.mask_token = nn.Parameter(torch.zeros(1, size.width))  # of training alone, but in every checkpoint
        self.blocks = nn.ModuleList(_Block(size) for _ in range(size.blocks))
        self.norm = nn.LayerNorm(size.width, EPSILON)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        tokens, rows, columns = self.patch_embed(pictures)
        tokens = torch.cat([self.cls_token.expand(len(tokens), -1, -1), tokens], dim=1)
        tokens = tokens + self.positions(rows, columns)
        features = []
        for index, block in enumerate(self.blocks):
            tokens = block(tokens)
            if index in self.taken:
                patches = self.norm(tokens)[:, 1:]
                features.append(patches.transpose(1, 2).unflatten(2, (rows, columns)))
        return features

    def positions(self, rows: int, columns: int) -> Tensor:
        """The (1, 1 + rows * columns, width) position embedding of a grid of patches."""
        of_class, of_grid = self.pos_embed[:, :1], self.pos_embed[0, 1:].unflatten(0, (GRID, GRID))
        y, x = (torch.arange(size, device=of_grid.device) for size in (rows, columns))
        is_native = (y[-1] == GRID - 1) & (x[-1] == GRID - 1)
        # In float32 whatever the network computes in, as the authors do.
        rows_of, columns_of = _resampling(y, is_native), _resampling(x, is_native)
        of_grid = torch.einsum("yi,ijc,xj->yxc", rows_of, of_grid.float(), columns_of).to(of_class.dtype)
        return torch.cat([of_class, of_grid.flatten(0, 1)[None]], dim=1)


def _resampling(target: Tensor, is_native: Tensor) -> Tensor:
    """The (len(target), GRID) matrix that resamples GRID positions cubically, without antialiasing.

    The original asks torch to interpolate by the *factor* (size + 0.1) / 37, so samples lie a little off where a
    resize to `size` would put them; only the size trained at is left as it is. A matrix, because it becomes a
    handful of plain operations in an exported graph of any size, where a bicubic Resize would not.
    """
    offset = torch.where(is_native, 0.0, OFFSET).double()
    source = (target + 0.5) * (GRID / (target[-1] + 1 + offset)) - 0.5
    left = source.floor()
    matrix = torch.zeros(1, dtype=torch.double, device=target.device)
    for tap in (-1, 0, 1, 2):
        distance = (source - left - tap).abs()
        near = ((CUBIC + 2) * distance - (CUBIC + 3)) * distance**2 + 1
        far = ((distance - 5) * distance + 8) * distance * CUBIC - 4 * CUBIC
        weight = torch.where(distance <= 1, near, far)
        index = (left + tap).clamp(0, GRID - 1)
        matrix = matrix + weight[:, None] * (index[:, None] == torch.arange(GRID, device=target.device))
    return matrix.float()


class _PatchEmbed(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, PATCH, stride=PATCH)

    def forward(self, pictures: Tensor) -> tuple[Tensor, int, int]:
        patches = self.proj(pictures)
        return patches.flatten(2).transpose(1, 2), patches.shape[2], patches.shape[3]


class _Block(nn.Module):
    def __init__(self, size: BackboneSize) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(size.width, EPSILON)
        self.attn = _Attention(size.width)
        self.ls1 = _LayerScale(size.width)
        self.norm2 = nn.LayerNorm(size.width, EPSILON)
        self.mlp = _SwiGlu(size.width) if size.is_gated else _Mlp(size.width)
        self.ls2 = _LayerScale(size.width)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.ls1(self.attn(self.norm1(tokens)))
        return tokens + self.ls2(self.mlp(self.norm2(tokens)))


class _Attention(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = width // 64
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        queries, keys, values = self.qkv(tokens).unflatten(2, (3, self.heads, 64)).permute(2, 0, 3, 1, 4).unbind(0)
        mixed = functional.scaled_dot_product_attention(queries, keys, values)
        return self.proj(mixed.transpose(1, 2).flatten(2))


def fold_layer_scales(backbone: DinoV2) -> None:
    """Multiply the scale of every residual into the layer before it: the same function in fewer operations."""
    for block in backbone.blocks:
        last_of_mlp = block.mlp.w3 if isinstance(block.mlp, _SwiGlu) else block.mlp.fc2
        for layer, name in ((block.attn.proj, "ls1"), (last_of_mlp, "ls2")):
            gamma = getattr(block, name).gamma
            layer.weight = nn.Parameter(layer.weight * gamma[:, None], requires_grad=False)
            layer.bias = nn.Parameter(layer.bias * gamma, requires_grad=False)
            setattr(block, name, nn.Identity())


class _LayerScale(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, tokens: Tensor) -> Tensor:
        return tokens * self.gamma


class _Mlp(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.fc2(functional.gelu(self.fc1(tokens)))


class _SwiGlu(nn.Module):
    HIDDEN = 4096

    def __init__(self, width: int) -> None:
        super().__init__()
        self.w12 = nn.Linear(width, 2 * self.HIDDEN)
        self.w3 = nn.Linear(self.HIDDEN, width)

    def forward(self, tokens: Tensor) -> Tensor:
        gate, value = self.w12(tokens).chunk(2, dim=2)
        return self.w3(functional.silu(gate) * value)
