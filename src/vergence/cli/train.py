"""`vergence train`: train the network that ships inside the package."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

import typer


def _clock(text: str) -> datetime:
    """The next moment at which the clock shows HH:MM, UTC."""
    from datetime import UTC

    try:
        hour, minute = map(int, text.split(":"))
        now = datetime.now(UTC)
        moment = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no time of day; write HH:MM, UTC") from error
    return moment if moment > now else moment + timedelta(days=1)


def train(
    pool: Annotated[Path, typer.Option(metavar="DIR", help="Where rendered pictures are kept; it grows meanwhile.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the checkpoint, log, curves and network are put.")],
    recipe: Annotated[str, typer.Option(help="Which experiment, see vergence.training.recipes.")] = "preview",
    until: Annotated[
        datetime | None, typer.Option(parser=_clock, metavar="HH:MM", help="When to be done, UTC.")
    ] = None,
    hours: Annotated[float, typer.Option(min=0.0, help="How long to go on from now, without --until.")] = 4.0,
    start: Annotated[
        Path | None, typer.Option(metavar="ONNX", help="Train on from this network, not from ImageNet features.")
    ] = None,
    workers: Annotated[int, typer.Option(min=0, help="Processes that render.")] = 1,
    size: Annotated[str, typer.Option(metavar="WxH", help="Of rendered pictures.")] = "384x288",
    first_seed: Annotated[int, typer.Option(min=0, help="Of rendered pictures.")] = 0,
    photographs: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Cover a third of what is rendered with pictures of this folder."),
    ] = None,
    render_device: Annotated[
        Literal["auto", "cpu", "cuda"],
        typer.Option(help="Where pictures are rendered; cuda shares the training's GPU."),
    ] = "cpu",
    fill: Annotated[int, typer.Option(min=1, help="Pictures the pool has before training begins.")] = 2000,
    threads: Annotated[int, typer.Option(min=1, help="Of torch.")] = 2,
) -> None:
    """Train the built-in network on pictures rendered meanwhile; run it again to go on from its checkpoint.

    Rates and image sizes follow the clock: however fast the machine, they come to rest when the time is up.
    """
    import logging
    import time
    from datetime import UTC

    from vergence.errors import SettingsError
    from vergence.training import loop
    from vergence.training.data import Pool
    from vergence.training.export import blend, export_onnx, load_onnx
    from vergence.training.imagenet import from_imagenet
    from vergence.training.recipes import find_recipe
    from vergence.training.render import filling

    logging.getLogger("vergence").setLevel(logging.INFO)
    try:
        width, height = map(int, size.split("x"))
    except ValueError as error:
        raise SettingsError(f"a size is WIDTHxHEIGHT, such as 384x288, not {size!r}") from error
    plan = find_recipe(recipe)
    if (out / loop.CHECKPOINT).exists():
        state = loop.resume(out / loop.CHECKPOINT, plan)
    else:
        state = loop.start(plan, load_onnx(start) if start else from_imagenet(plan.seed, plan.backbone))
    with filling(
        pool,
        (width, height),
        first_seed=first_seed,
        workers=workers,
        photographs=photographs,
        device=render_device,
    ) as rendering:
        pictures = Pool(pool)
        while workers and len(pictures) < fill:
            if not all(process.is_alive() for process in rendering):
                raise SettingsError("a process that renders has stopped; what it says above is to be mended first")
            time.sleep(1)
            pictures.rescan()
        left = (until - datetime.now(UTC)).total_seconds() if until else hours * 3600
        loop.train(state, pool, out, seconds=state.seconds + left, threads=threads)
    network = blend(state.average, load_onnx(start), plan.keep_start) if start else state.average
    difference = export_onnx(network, out / "preview.onnx")
    print(f"{out / 'preview.onnx'}  {state.presentations} presentations, {difference:.4f} from torch in log depth")
