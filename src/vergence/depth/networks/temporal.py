"""Attention along time, separately at every place of a feature map (AnimateDiff, arXiv:2307.04725).

The part that makes Video Depth Anything of Depth Anything: (T, C, h, w) maps of T frames to the same, residual.
`forward` sees a window at once; `step` sees one frame and the states that the frames before it left: what their
attentions took in.
"""

# torch types the result of calling a module as Any, and is not there at all in the plain install.
# mypy: disable-error-code="no-any-return, no-untyped-call, misc, operator, union-attr, arg-type"

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

GROUPS = 32  # of channels that are normalised together
GROUP_EPSILON = 1e-6
TOKEN_EPSILON = 1e-5  # of the LayerNorms; the backbone's is another
HEADS = 8
FRAMES = 32  # positions in time that are known
PLACES = 512  # computed at once: what they need stays in the cache of a CPU core, and memory stays small
EXPORT_PARTS = 8  # of the places in an exported graph

States = tuple[Tensor, Tensor]  # (places, frames, C) each, of the two attentions


class TemporalModule(nn.Module):
    """(T, C, h, w) maps to the same. The names in here are the checkpoints'."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.temporal_transformer = _Transformer(channels)

    def forward(self, maps: Tensor) -> Tensor:
        """Let the T <= 32 frames of a window attend to each other."""
        transformer = self.temporal_transformer
        tokens = transformer.enter(maps)
        (block,) = transformer.transformer_blocks
        parts = _exported_parts(tokens) if torch.compiler.is_exporting() else tokens.split(PLACES)
        return transformer.leave(torch.cat([block(some) for some in parts]), maps)

    def step(self, maps: Tensor, context: Sequence[Tensor]) -> tuple[Tensor, States]:
        """Let one frame attend to itself and to those before it.

        Args:
            maps: (1, C, h, w).
            context: the states of K < 32 frames, oldest first: two of (h w, K, C).

        Returns:
            (1, C, h, w), and the frame's own states, two of (h w, 1, C).
        """
        transformer = self.temporal_transformer
        (block,) = transformer.transformer_blocks
        tokens, states = block.step(transformer.enter(maps), context)
        return transformer.leave(tokens, maps), states


class _Transformer(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(GROUPS, channels, GROUP_EPSILON)
        self.proj_in = nn.Linear(channels, channels)
        self.transformer_blocks = nn.ModuleList([_Block(channels)])
        self.proj_out = nn.Linear(channels, channels)

    def enter(self, maps: Tensor) -> Tensor:
        """(T, C, h, w) to (h w, T, C)."""
        return self.proj_in(self.norm(maps).flatten(2).permute(2, 0, 1))

    def leave(self, tokens: Tensor, maps: Tensor) -> Tensor:
        return maps + self.proj_out(tokens).permute(1, 2, 0).unflatten(2, maps.shape[2:])


class _Block(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attention_blocks = nn.ModuleList([_Attention(channels), _Attention(channels)])
        self.norms = nn.ModuleList([nn.LayerNorm(channels, TOKEN_EPSILON), nn.LayerNorm(channels, TOKEN_EPSILON)])
        self.ff = _FeedForward(channels)
        self.ff_norm = nn.LayerNorm(channels, TOKEN_EPSILON)

    def forward(self, tokens: Tensor) -> Tensor:
        for norm, attention in zip(self.norms, self.attention_blocks, strict=True):
            tokens = tokens + attention(norm(tokens))
        return tokens + self.ff(self.ff_norm(tokens))

    def step(self, tokens: Tensor, context: Sequence[Tensor]) -> tuple[Tensor, States]:
        states = []
        for norm, attention, past in zip(self.norms, self.attention_blocks, context, strict=True):
            states.append(norm(tokens))
            tokens = tokens + attention.step(states[-1], past)
        return tokens + self.ff(self.ff_norm(tokens)), (states[0], states[1])


class _Attention(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.to_q, self.to_k, self.to_v = (nn.Linear(channels, channels, bias=False) for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(channels, channels)])
        self.pos_encoder = PositionEncoder(channels)

    def forward(self, tokens: Tensor) -> Tensor:
        placed = tokens + self.pos_encoder.pe[:, : tokens.shape[1]]  # values carry their moment too
        queries, keys, values = (
            to(placed).unflatten(2, (HEADS, -1)).transpose(1, 2) for to in (self.to_q, self.to_k, self.to_v)
        )
        mixed = functional.scaled_dot_product_attention(queries, keys, values)
        return self.to_out[0](mixed.transpose(1, 2).flatten(2))

    def step(self, current: Tensor, past: Tensor) -> Tensor:
        """The last row of `forward(past and current)`: (P, 1, C) after (P, K, C).

        A past frame's place in time changes with every step, so its keys and values would have to be projected anew
        each time. But q . W (x + pe) = (q W) . x + (q W) . pe, and there is one query: it is projected instead of the
        31 keys, and so is the mixture of the values. The same numbers in a fraction of the work.
        """
        pe = self.pos_encoder.pe[0, : past.shape[1] + 1]
        channels = current.shape[2]
        of_key, of_value = (to.weight.unflatten(0, (HEADS, -1)) for to in (self.to_k, self.to_v))
        query = self.to_q(current + pe[-1]).unflatten(2, (HEADS, -1))[:, 0] * (channels // HEADS) ** -0.5
        query = torch.einsum("phd,hdc->phc", query, of_key)
        scores = torch.cat([query @ past.transpose(1, 2), query @ current.transpose(1, 2)], dim=2) + query @ pe.T
        shares = scores.softmax(dim=2)
        mixed = shares[..., :-1] @ past + shares[..., -1:] * current + shares @ pe
        return self.to_out[0](torch.einsum("phc,hdc->phd", mixed, of_value).flatten(1)[:, None])


class PositionEncoder(nn.Module):
    """Sines and cosines of the frame's number in the window; in the checkpoints, though nothing was learnt."""

    pe: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("pe", torch.zeros(1, FRAMES, channels))
        self.reset()

    def reset(self) -> None:
        """Compute it, for a state that lacks it."""
        channels = self.pe.shape[2]
        frequencies = torch.exp(torch.arange(0, channels, 2) * (-math.log(10000.0) / channels))
        angles = torch.arange(FRAMES)[:, None] * frequencies
        self.pe = torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)[None]


class _FeedForward(nn.Module):
    """Gated by GELU; the middle layer's name is `net.0.proj`, and `net.1` was dropout."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        gate = nn.Module()
        gate.proj = nn.Linear(channels, 8 * channels)
        self.net = nn.ModuleList([gate, nn.Identity(), nn.Linear(4 * channels, channels)])

    def forward(self, tokens: Tensor) -> Tensor:
        values, gates = self.net[0].proj(tokens).chunk(2, dim=-1)
        return self.net[2](values * functional.gelu(gates))


def _exported_parts(tokens: Tensor) -> list[Tensor]:
    """As many parts for every size, as a graph needs them; of few places some are empty."""
    # Not `tensor_split`: the tracer keeps for every size how the one it saw is rounded, and loses places of others.
    size = (tokens.shape[0] + EXPORT_PARTS - 1) // EXPORT_PARTS
    return [tokens[n * size : (n + 1) * size] for n in range(EXPORT_PARTS - 1)] + [tokens[(EXPORT_PARTS - 1) * size :]]
