"""The transformer that sees views alone and together: DINOv2 whose later blocks alternate between the two."""

# torch types the result of calling a module as Any, and is not there at all in the plain install.
# mypy: disable-error-code="no-any-return, no-untyped-call, misc, operator, union-attr, arg-type"

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vergence.depth.networks.depth_anything_3.reference_view import (
    FEWEST,
    Strategy,
    enough,
    reference_view,
    to_front,
    to_place,
)
from vergence.depth.networks.dinov2 import PATCH, BackboneSize, Turns, VisionTransformer, turns_of
from vergence.errors import ShapeError

EPSILON = 1e-5  # of the last LayerNorm; those of the blocks have DINOv2's


@dataclass(frozen=True)
class Level:
    """What the heads read after one block.

    Attributes:
        patches: (B, S, rows * columns, C) tokens, of which those of the latest blocks are normalised.
        camera: (B, S, C), the token before them, as it came out of the block.
    """

    patches: Tensor
    camera: Tensor


@dataclass(frozen=True)
class Features:
    """Four levels of a batch of B scenes of S views each, views in the order given.

    Attributes:
        levels: from the earliest block to the last.
        rows, columns: of patches.
        reference: (B,) which view the world's axes are those of.
    """

    levels: tuple[Level, Level, Level, Level]
    rows: int
    columns: int
    reference: Tensor


class Backbone(VisionTransformer):
    """(B, S, 3, H, W) normalised views, sides multiples of 14, to `Features`.

    With `alternates_from`, every second block from there on lets all views of a scene attend to each other, the class
    tokens make room for those of cameras, and a level holds the tokens after the latest block that saw each view alone
    beside the current ones: twice the width. Without, every view is seen alone.
    """

    def __init__(self, size: BackboneSize) -> None:
        super().__init__(size, epsilon=EPSILON)
        self.alternates_from = size.normed_from  # one block begins all that is new
        if self.alternates_from is not None:
            self.camera_token = nn.Parameter(torch.zeros(1, 2, size.width))  # of the reference, of any other

    def forward(
        self, views: Tensor, cameras: Tensor | None = None, *, strategy: Strategy = "saddle_balanced"
    ) -> Features:
        """Look at the views.

        Args:
            views: (B, S, 3, H, W).
            cameras: (B, S, width) tokens of known cameras, the first of which is the reference; None where they are
                to be found.
            strategy: how a reference is chosen among three views or more.

        Raises:
            ShapeError: the sides of the views are no multiples of 14.
        """
        batch, count, _, height, width = views.shape
        if height % PATCH or width % PATCH:
            raise ShapeError(f"views are {width}x{height}, and sides are multiples of {PATCH}; resize them")
        tokens, rows, columns = self.embed(views.flatten(0, 1))
        tokens = tokens.unflatten(0, (batch, count))
        reference = torch.zeros(batch, dtype=torch.int64, device=tokens.device)
        if self.alternates_from is None:
            return self._alone(tokens, rows, columns, reference)
        # Of a graph for any number of views, which is not known while it is exported, the answer may still be none.
        is_chosen = cameras is None and not (isinstance(count, int) and count < FEWEST)
        alone, together = _turns(rows, columns, count, tokens)
        seen_alone = tokens
        levels = []
        for index, block in enumerate(self.blocks):
            if index == self.alternates_from - 1 and is_chosen:
                chosen = reference_view(tokens[:, :, 0].float(), strategy)  # half precision chooses badly
                reference = torch.where(enough(count, chosen), chosen, reference)
                tokens = to_front(tokens, reference)
            if index == self.alternates_from:
                cameras = self._unknown_cameras(batch, count) if cameras is None else cameras
                tokens = torch.cat([cameras[:, :, None].to(tokens.dtype), tokens[:, :, 1:]], dim=2)
            if index < self.alternates_from or index % 2 == 0:
                turns = None if index < self.alternates_from else alone
                tokens = seen_alone = block(tokens.flatten(0, 1), turns).unflatten(0, (batch, count))
            else:
                tokens = block(tokens.flatten(1, 2), together).unflatten(1, (count, -1))
            if index in self.taken:
                level = self._level(seen_alone, tokens)
                if is_chosen:
                    level = Level(to_place(level.patches, reference), to_place(level.camera, reference))
                levels.append(level)
        return _features(levels, rows, columns, reference)

    def seeing_together(self) -> list[nn.Module]:
        """The blocks in which all views of a scene attend to each other."""
        first = len(self.blocks) if self.alternates_from is None else self.alternates_from
        return [block for index, block in enumerate(self.blocks) if index >= first and index % 2]

    def _alone(self, tokens: Tensor, rows: int, columns: int, reference: Tensor) -> Features:
        levels = []
        for index, block in enumerate(self.blocks):
            tokens = block(tokens.flatten(0, 1)).unflatten(0, tokens.shape[:2])
            if index in self.taken:
                levels.append(Level(self.norm(tokens[:, :, 1:]), tokens[:, :, 0]))
        return _features(levels, rows, columns, reference)

    def _level(self, seen_alone: Tensor, tokens: Tensor) -> Level:
        # Only the current tokens are normalised, and none of the camera's: so the heads were trained.
        patches = torch.cat([seen_alone[:, :, 1:], self.norm(tokens[:, :, 1:])], dim=3)
        return Level(patches, torch.cat([seen_alone[:, :, 0], tokens[:, :, 0]], dim=2))

    def _unknown_cameras(self, batch: int, count: int) -> Tensor:
        is_other = torch.arange(count, device=self.camera_token.device) > 0
        return torch.where(is_other[:, None], self.camera_token[:, 1:], self.camera_token[:, :1]).expand(batch, -1, -1)


def _features(levels: list[Level], rows: int, columns: int, reference: Tensor) -> Features:
    first, second, third, last = levels
    return Features((first, second, third, last), rows, columns, reference)


def _turns(rows: int, columns: int, count: int, like: Tensor) -> tuple[Turns, Turns]:
    """How a block turns the tokens of one view, and of all.

    A camera's token is at (0, 0) and does not turn. Patches of a view alone are counted from (1, 1); of views together
    all are at (1, 1): which view they are of, and where in it, is nothing that attention across views is told.
    """
    row, column = torch.meshgrid(
        torch.arange(1, rows + 1, device=like.device), torch.arange(1, columns + 1, device=like.device), indexing="ij"
    )
    places = torch.stack([row, column], dim=2).flatten(0, 1)
    camera = torch.zeros_like(places[:1])
    alone = torch.cat([camera, places])
    together = torch.cat([camera, torch.ones_like(places)]).repeat(count, 1)
    return turns_of(alone, like.dtype), turns_of(together, like.dtype)
