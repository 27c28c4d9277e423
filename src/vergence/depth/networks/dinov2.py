"""DINOv2, the vision transformer (Oquab et al., arXiv:2304.07193) that Depth Anything grew from."""

# torch types the result of calling a module as Any, and is not there at all in the plain install.
# mypy: disable-error-code="no-any-return, no-untyped-call, misc, operator, union-attr, arg-type"

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

PATCH = 14  # pixels of the picture that become one token
GRID = 37  # patches a side in training: 518 pixels
HEAD = 64  # channels of a head of attention
EPSILON = 1e-6  # of every LayerNorm; the checkpoints have variances small enough for it to matter
HEAD_EPSILON = 1e-5  # of those of queries and keys
TURN_BASE = 100.0  # the slowest channels of rotary positions turn nearly this much slower than the fastest
CUBIC = -0.75  # the `a` of torch's bicubic kernel
OFFSET = 0.1  # patches; see `_resampling`

Turns = tuple[Tensor, Tensor]  # cosines and sines of rotary positions, (N, 64) each


@dataclass(frozen=True)
class BackboneSize:
    """Of one published backbone.

    Attributes:
        width: of a token; every head has 64 of it.
        blocks: how many there are.
        taken: those whose output the decoder reads.
        is_gated: the feed-forward network is a SwiGLU of eight thirds of the width instead of an MLP of four widths.
        normed_from: the first block that normalises its queries and keys; None where none does.
    """

    width: int
    blocks: int
    taken: tuple[int, int, int, int]
    is_gated: bool = False
    normed_from: int | None = None


class VisionTransformer(nn.Module):
    """What every network grown from DINOv2 has: the way from a picture to tokens, blocks, and a last LayerNorm."""

    def __init__(self, size: BackboneSize, *, epsilon: float = EPSILON) -> None:
        super().__init__()
        self.taken = size.taken
        self.patch_embed = _PatchEmbed(size.width)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, size.width))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + GRID * GRID, size.width))
        normed_from = size.blocks if size.normed_from is None else size.normed_from
        self.blocks = nn.ModuleList(
            Block(size.width, is_gated=size.is_gated, has_normed_queries=index >= normed_from)
            for index in range(size.blocks)
        )
        self.norm = nn.LayerNorm(size.width, epsilon)

    def embed(self, pictures: Tensor) -> tuple[Tensor, int, int]:
        """(B, 3, H, W) to (B, 1 + rows * columns, width) tokens, that of the class first, and both counts."""
        tokens, rows, columns = self.patch_embed(pictures)
        # Not len(), which would fix the number of pictures in an exported graph.
        tokens = torch.cat([self.cls_token.expand(tokens.shape[0], -1, -1), tokens], dim=1)
        return tokens + self.positions(rows, columns), rows, columns

    def positions(self, rows: int, columns: int) -> Tensor:
        """The (1, 1 + rows * columns, width) position embedding of a grid of patches."""
        of_class, of_grid = self.pos_embed[:, :1], self.pos_embed[0, 1:].unflatten(0, (GRID, GRID))
        y, x = (torch.arange(size, device=of_grid.device) for size in (rows, columns))
        is_native = (y[-1] == GRID - 1) & (x[-1] == GRID - 1)
        # In float32 whatever the network computes in, as the authors do.
        rows_of, columns_of = _resampling(y, is_native), _resampling(x, is_native)
        of_grid = torch.einsum("yi,ijc,xj->yxc", rows_of, of_grid.float(), columns_of).to(of_class.dtype)
        return torch.cat([of_class, of_grid.flatten(0, 1)[None]], dim=1)


class DinoV2(VisionTransformer):
    """(B, 3, H, W) normalised pictures, sides multiples of 14, to four (B, width, H / 14, W / 14) feature maps."""

    def __init__(self, size: BackboneSize) -> None:
        super().__init__(size)
        self.mask_token = nn.Parameter(torch.zeros(1, size.width))  # of training alone, but in every checkpoint

    def forward(self, pictures: Tensor) -> list[Tensor]:
        tokens, rows, columns = self.embed(pictures)
        features = []
        for index, block in enumerate(self.blocks):
            tokens = block(tokens)
            if index in self.taken:
                patches = self.norm(tokens)[:, 1:]
                features.append(patches.transpose(1, 2).unflatten(2, (rows, columns)))
        return features


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


class Block(nn.Module):
    """Attention and a feed-forward network, each added to what came in, on (B, N, width) tokens.

    Args:
        heads: of attention; None is one for every 64 channels.
        is_gated: see `BackboneSize`.
        has_normed_queries: queries and keys pass a LayerNorm, each head for itself.
        epsilon: of the LayerNorms before both parts.
    """

    def __init__(
        self,
        width: int,
        *,
        heads: int | None = None,
        is_gated: bool = False,
        has_normed_queries: bool = False,
        epsilon: float = EPSILON,
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, epsilon)
        self.attn = _Attention(width, heads or width // HEAD, has_normed_queries)
        self.ls1 = _LayerScale(width)
        self.norm2 = nn.LayerNorm(width, epsilon)
        self.mlp = _SwiGlu(width) if is_gated else _Mlp(width)
        self.ls2 = _LayerScale(width)

    def forward(self, tokens: Tensor, turns: Turns | None = None) -> Tensor:
        tokens = tokens + self.ls1(self.attn(self.norm1(tokens), turns))
        return tokens + self.ls2(self.mlp(self.norm2(tokens)))


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int, has_normed_queries: bool) -> None:
        super().__init__()
        self.heads = heads
        self.is_by_head = False  # one after the other, for exported graphs: they hold all scores in memory
        self.qkv = nn.Linear(width, 3 * width)
        self.q_norm = nn.LayerNorm(width // heads, HEAD_EPSILON) if has_normed_queries else nn.Identity()
        self.k_norm = nn.LayerNorm(width // heads, HEAD_EPSILON) if has_normed_queries else nn.Identity()
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Tensor, turns: Turns | None = None) -> Tensor:
        queries, keys, values = self.qkv(tokens).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        queries, keys = self.q_norm(queries), self.k_norm(keys)
        if turns is not None:
            queries, keys = turn(queries, turns), turn(keys, turns)
        if self.is_by_head:
            heads = zip(*(part.split(1, dim=1) for part in (queries, keys, values)), strict=True)
            mixed = torch.cat([functional.scaled_dot_product_attention(*head) for head in heads], dim=1)
        else:
            mixed = functional.scaled_dot_product_attention(queries, keys, values)
        return self.proj(mixed.transpose(1, 2).flatten(2))


def turns_of(places: Tensor, dtype: torch.dtype) -> Turns:
    """How a head turns the queries and keys of tokens at these places; see `turn`.

    Rotary position embedding (Su et al., arXiv:2104.09864) in two dimensions: half of the channels turn by the row,
    the other half by the column, each pair of channels at its own frequency.

    Args:
        places: (N, 2) rows and columns.
        dtype: of the queries and keys.

    Returns:
        The cosines and sines, (N, 64) each.
    """
    pairs = HEAD // 4
    frequencies = TURN_BASE ** (-torch.arange(pairs, device=places.device, dtype=torch.float32) / pairs)
    angles = places[:, :, None].float() * frequencies
    angles = torch.cat([angles, angles], dim=2).flatten(1)
    return angles.cos().to(dtype), angles.sin().to(dtype)


def turn(tokens: Tensor, turns: Turns) -> Tensor:
    """(..., N, 64) queries or keys, each pair of channels turned by its angle."""
    cosines, sines = turns
    first, second = tokens.unflatten(-1, (2, 2, HEAD // 4)).unbind(-2)
    across = torch.stack([-second, first], dim=-2).flatten(-3)
    return tokens * cosines + across * sines


def fold_layer_scales(backbone: VisionTransformer) -> None:
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
    def __init__(self, width: int) -> None:
        super().__init__()
        hidden = -(-8 * width // 3 // 8) * 8  # as many weights as an MLP of four widths has, in whole eights
        self.w12 = nn.Linear(width, 2 * hidden)
        self.w3 = nn.Linear(hidden, width)

    def forward(self, tokens: Tensor) -> Tensor:
        gate, value = self.w12(tokens).chunk(2, dim=2)
        return self.w3(functional.silu(gate) * value)
