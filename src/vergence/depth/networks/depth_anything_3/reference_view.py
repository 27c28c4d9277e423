"""Which of several views the others are seen from: its camera becomes the origin of the world."""

# torch types some of its functions not at all, and is not there at all in the plain install.
# mypy: disable-error-code="no-any-return, no-untyped-call, misc, operator, union-attr, arg-type"

from typing import Literal, get_args

import torch
from torch import Tensor

from vergence.errors import SettingsError

Strategy = Literal["saddle_balanced", "saddle_sim_range", "middle", "first"]
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)

FEWEST = 3  # views; of one or two the first one stays the reference
RANGE = 1e-8  # added to a range of scores before dividing by it, as the authors do


def reference_view(tokens: Tensor, strategy: Strategy = "saddle_balanced") -> Tensor:
    """Choose a view per batch item from the class tokens (B, S, C) of S views; the answer is (B,) int64.

    Args:
        tokens: as they enter the block before the camera tokens take their place.
        strategy: "saddle_balanced" takes the view nearest to the middle of the others in similarity, in the token's
            length and in its variance together; "saddle_sim_range" the one most unequally similar to the others;
            "middle" and "first" go by the order given.

    Raises:
        SettingsError: no strategy is called so.
    """
    batch, views = tokens.shape[:2]
    if strategy == "first":
        return torch.zeros(batch, dtype=torch.int64, device=tokens.device)
    if strategy == "middle":
        return torch.full((batch,), views // 2, dtype=torch.int64, device=tokens.device)
    # A tensor, as in `enough`: in an exported graph the number of views may be any.
    others = torch.arange(views, device=tokens.device)[-1].clamp(min=1)
    lengths = tokens.norm(dim=2)
    unit = tokens / lengths[..., None]
    # Without the similarity of a view to itself: a 0 on the diagonal, which takes part in the range below.
    similarity = unit @ unit.transpose(1, 2) - torch.eye(views, dtype=tokens.dtype, device=tokens.device)
    if strategy == "saddle_balanced":
        scores = (similarity.sum(dim=2) / others, lengths, unit.var(dim=2))
        return sum((_stretched(score) - 0.5).abs() for score in scores).argmin(dim=1)
    if strategy == "saddle_sim_range":
        return (similarity.amax(dim=2) - similarity.amin(dim=2)).argmax(dim=1)
    raise SettingsError(f"no way to choose a view is called {strategy!r}; choose from {', '.join(STRATEGIES)}")


def enough(views: int, like: Tensor) -> Tensor:
    """Whether there are so many views that one of them is chosen, on the device of `like`."""
    return torch.arange(views, device=like.device)[-1] + 1 >= FEWEST


def to_front(tokens: Tensor, chosen: Tensor) -> Tensor:
    """Move view `chosen` (B,) of `tokens` (B, S, ...) before all others, whose order stays."""
    return _gather(tokens, _order(chosen, tokens.shape[1]))


def to_place(tokens: Tensor, chosen: Tensor) -> Tensor:
    """Undo `to_front`."""
    return _gather(tokens, _order(chosen, tokens.shape[1]).argsort(dim=1))


def _stretched(score: Tensor) -> Tensor:
    least = score.amin(dim=1, keepdim=True)
    return (score - least) / (score.amax(dim=1, keepdim=True) - least + RANGE)


def _order(chosen: Tensor, views: int) -> Tensor:
    """(B, S): which view comes where."""
    place = torch.arange(views, device=chosen.device)[None]
    others = place - (place <= chosen[:, None]).to(place.dtype)
    return torch.where(place == 0, chosen[:, None], others)


def _gather(tokens: Tensor, order: Tensor) -> Tensor:
    return tokens[torch.arange(len(tokens), device=tokens.device)[:, None], order]
