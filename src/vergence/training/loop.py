"""The training loop: resumable, paced by the clock so that the rates come to rest when the time is up."""

import copy
import csv
import dataclasses
import logging
import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vergence.depth.networks.preview import PreviewNetwork
from vergence.errors import WeightsError
from vergence.training import losses
from vergence.training.curves import draw_curves
from vergence.training.data import Batch, Batches
from vergence.training.recipes import Recipe

logger = logging.getLogger(__name__)

CHECKPOINT, LOG, CURVES = "checkpoint.pt", "log.csv", "curves.png"
LOG_STEPS = 50
CHECKPOINT_SECONDS = 180.0
AVERAGE_STEPS = 5  # the running average is taken every so many steps


@dataclass
class State:
    """All that a run needs to go on where it stopped."""

    network: PreviewNetwork
    average: PreviewNetwork
    optimiser: torch.optim.AdamW
    recipe: Recipe
    step: int = 0
    presentations: int = 0
    seconds: float = 0.0

    def save(self, path: Path) -> None:
        """Write a checkpoint, whole or not at all."""
        unfinished = path.with_suffix(".tmp")
        torch.save(
            {
                "network": self.network.state_dict(),
                "average": self.average.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "recipe": dataclasses.asdict(self.recipe),
                "step": self.step,
                "presentations": self.presentations,
                "seconds": self.seconds,
            },
            unfinished,
        )
        os.replace(unfinished, path)


def start(recipe: Recipe, network: PreviewNetwork) -> State:
    """A run's first state; `network` holds the weights it begins with."""
    network = network.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    average = copy.deepcopy(network).eval().requires_grad_(False)
    return State(network, average, _optimiser(recipe, network), recipe)


def resume(path: Path, recipe: Recipe) -> State:
    """Go on from a checkpoint of the same recipe; raises `WeightsError` for any other file."""
    try:
        saved: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        if saved["recipe"]["name"] != recipe.name:
            raise WeightsError(f"{path} belongs to recipe {saved['recipe']['name']!r}, not {recipe.name!r}; name that")
        state = start(recipe, PreviewNetwork(recipe.backbone))
        state.network.load_state_dict(saved["network"])
        state.average.load_state_dict(saved["average"])
        state.optimiser.load_state_dict(saved["optimiser"])
        state.step, state.presentations, state.seconds = saved["step"], saved["presentations"], saved["seconds"]
    except (KeyError, RuntimeError, OSError, ValueError) as error:
        raise WeightsError(f"{path} is no checkpoint to resume from: {error}") from error
    return state


def train(state: State, pool: Path, out: Path, *, seconds: float, threads: int = 2) -> None:
    """Train until the run has lasted `seconds` in all, earlier parts counted in.

    Args:
        state: from `start` or `resume`; it is changed.
        pool: folder of rendered shards, see `data`; it may grow meanwhile.
        out: folder for the checkpoint, the log and its curves.
        seconds: what the schedule of rates and stages is spread over.
        threads: for torch.
    """
    torch.set_num_threads(threads)
    torch.manual_seed(state.recipe.seed + state.step)
    out.mkdir(parents=True, exist_ok=True)
    progress = torch.full((), state.seconds / seconds)
    progress.share_memory_()  # type: ignore[no-untyped-call]
    began = time.monotonic() - state.seconds
    checkpoint_at, logged = state.seconds + CHECKPOINT_SECONDS, _mark(state)
    sums: dict[str, Tensor] = {}
    with _batches(Batches(pool, state.recipe, progress, state.recipe.seed + state.step)) as batches:
        try:
            for batch in batches:
                state.seconds = time.monotonic() - began
                done = state.seconds / seconds
                if done >= 1:
                    break
                progress.fill_(done)
                for name, term in _step(state, batch, done).items():
                    sums[name] = sums.get(name, torch.zeros(())) + term.detach()
                if state.step % LOG_STEPS == 0:
                    _log(out, state, done, logged, sums)
                    logged, sums = _mark(state), {}
                if state.seconds > checkpoint_at:
                    _keep(state, out)
                    checkpoint_at = state.seconds + CHECKPOINT_SECONDS
        finally:  # also when it is interrupted: `resume` goes on from here
            _keep(state, out)


def _keep(state: State, out: Path) -> None:
    state.save(out / CHECKPOINT)
    if (out / LOG).exists():
        draw_curves(out / LOG, out / CURVES)


def _step(state: State, batch: Batch, done: float) -> dict[str, Tensor]:
    rgb = batch.rgb.float().div_(255).contiguous(memory_format=torch.channels_last)
    log_depth, log_scale, sky_logit = state.network(rgb)
    found = losses.Prediction(log_depth[:, 0], log_scale[:, 0], sky_logit[:, 0])
    loss, terms = losses.total(found, batch, state.recipe.weights)
    state.optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_([p for p in state.network.parameters() if p.grad is not None], state.recipe.clip)
    _set_rates(state, done)
    state.optimiser.step()
    state.step += 1
    state.presentations += len(batch.rgb)
    if state.step % AVERAGE_STEPS == 0:
        _average(state)
    return {"loss": loss, **terms}


def _optimiser(recipe: Recipe, network: PreviewNetwork) -> torch.optim.AdamW:
    backbone = [p for block in network.backbone.learning() for p in block.parameters()]
    others = {id(p) for p in network.backbone.parameters()}
    decoder = [p for p in network.parameters() if id(p) not in others]
    groups = [
        {"params": decoder, "peak": recipe.decoder_rate, "weight_decay": recipe.weight_decay},
        {"params": backbone, "peak": recipe.backbone_rate, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.decoder_rate, betas=(0.9, 0.99), fused=True)


def _set_rates(state: State, done: float) -> None:
    recipe = state.recipe
    cosine = recipe.last_rate + (1 - recipe.last_rate) * 0.5 * (1 + math.cos(math.pi * done))
    rise = min(1.0, (state.step + 1) / recipe.warm_up)
    decoder, backbone = state.optimiser.param_groups
    decoder["lr"] = decoder["peak"] * cosine * rise
    # After the thaw the backbone rises as gently: the first gradients of an untrained decoder would spoil it.
    since = min(1.0, max(0.0, done - recipe.thaw) / 0.02) if recipe.thaw else 1.0
    backbone["lr"] = backbone["peak"] * cosine * rise * since


def _average(state: State) -> None:
    keep = min(state.recipe.average**AVERAGE_STEPS, (state.step + 1) / (state.step + 50))
    pairs = zip(state.average.state_dict().values(), state.network.state_dict().values(), strict=True)
    floats = [(kept, new) for kept, new in pairs if kept.dtype.is_floating_point]
    with torch.no_grad():
        torch._foreach_lerp_([kept for kept, _ in floats], [new for _, new in floats], 1 - keep)


def _mark(state: State) -> tuple[int, int, float]:
    return state.step, state.presentations, state.seconds


def _log(out: Path, state: State, done: float, since: tuple[int, int, float], sums: dict[str, Tensor]) -> None:
    """Add a row of the means since the last one."""
    step, presentations, seconds = since
    terms = {name: float(value) / (state.step - step) for name, value in sums.items()}
    row = {
        "step": state.step,
        "presentations": state.presentations,
        "minutes": round(state.seconds / 60, 2),
        "done": round(done, 4),
        "pictures_per_second": round((state.presentations - presentations) / (state.seconds - seconds), 1),
        **{name: round(value, 4) for name, value in terms.items()},
    }
    is_new = not (out / LOG).exists()
    with (out / LOG).open("a", newline="") as file:
        writer = csv.DictWriter(file, row)
        if is_new:
            writer.writeheader()
        writer.writerow(row)
    logger.info("%s", " ".join(f"{name} {value}" for name, value in row.items()))


@contextmanager
def _batches(dataset: Batches) -> Iterator[Iterator[Batch]]:
    """Batches made by a process of their own."""
    loader = torch.utils.data.DataLoader(
        dataset, batch_size=None, num_workers=1, prefetch_factor=4, multiprocessing_context="spawn"
    )
    batches = iter(loader)
    try:
        yield batches
    finally:
        del batches  # ends the process
