"""`vergence models export`: a checkpoint of torch as ONNX, which runs without torch."""

from pathlib import Path
from typing import Annotated

import typer

from vergence.cli import options as opt


def export(
    name: Annotated[str, typer.Argument(help="A model's name, see `vergence models list`.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="OUT", help="A .onnx file; a folder where it takes several; else the store."
        ),
    ] = None,
    weights: Annotated[
        Path | None, typer.Option("--weights", metavar="PATH", help="A checkpoint of your own in place of its own.")
    ] = None,
    max_depth: opt.MaxDepth = None,
    size: Annotated[
        str | None,
        typer.Option(metavar="HxW", help="The only pictures it takes, multiples of 14; any size without."),
    ] = None,
    views: Annotated[
        str | None,
        typer.Option(
            metavar="N|any", help="Of Depth Anything 3: how many views it sees together, exactly; any number without."
        ),
    ] = None,
    opset: Annotated[int, typer.Option(min=18, help="Of ONNX; 23 has attention as one operator.")] = 20,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what lies there.")] = False,
    offline: opt.Offline = False,
    accept_licence: opt.AcceptLicence = False,
) -> None:
    """Make ONNX graphs of a model's checkpoint; then it runs in the plain install, faster than in torch.

    Needs torch, this once.
    """
    from vergence.cli import report
    from vergence.cli.models import download_bar
    from vergence.depth import choice, download
    from vergence.depth import weights as store
    from vergence.depth.cards import find_card
    from vergence.errors import SettingsError, TargetError

    wanted, count = _sides(size), _count(views)
    card = find_card(name)
    choice.require_torch()
    if weights is None:
        store.require_licence(card, accept=accept_licence)
        with download_bar(name) as progress:
            weights = store.fetch(card, form="checkpoint", offline=offline, progress=progress)
    else:
        card, weights = choice.own(
            weights, name, kind=None, max_depth=max_depth, accept_licence=accept_licence, announce=report.line
        )
    target = output or store.store_path(card, "onnx")
    if bool(card.parts) == (target.suffix.lower() == ".onnx"):
        needed = "a folder of graphs, not one file" if card.parts else "one file, NAME.onnx"
        raise SettingsError(f"{target} does not fit: {name!r} becomes {needed}")
    if target.exists() and not overwrite:
        raise TargetError(f"{target} exists; --overwrite replaces it")
    from vergence.depth.networks.export import export as write
    from vergence.depth.networks.export import load

    difference = write(load(weights, card), target, size=wanted, views=count, opset=opset)
    for file in store.weight_files(target):
        download.record(file)
    report.line(f"differs from torch by {difference:.1e} of the depth's deviation at most")
    typer.echo(target)


def _sides(size: str | None) -> tuple[int, int] | None:
    from vergence.errors import SettingsError

    if size is None:
        return None
    try:
        height, width = map(int, size.lower().split("x"))
    except ValueError as error:
        raise SettingsError(f"a size is HEIGHTxWIDTH, such as 518x518, not {size!r}") from error
    return height, width


def _count(views: str | None) -> int | None:
    from vergence.errors import SettingsError

    if views in (None, "any"):
        return None
    if not views.isdecimal():
        raise SettingsError(f"a number of views is a whole number, or any, not {views!r}")
    return int(views)
