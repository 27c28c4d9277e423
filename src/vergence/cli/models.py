"""`vergence models`: which depth models there are, and their weights."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from vergence.depth import download
    from vergence.depth.cards import ModelCard

app = typer.Typer(no_args_is_help=True, help="List the depth models; fetch, check and remove their weights.")

TABLE_WIDTH = 180  # characters; in a narrower terminal a long line is easier to read than a cut one

Name = Annotated[str, typer.Argument(help="A model's name, see `vergence models list`.")]


@app.command("list")
def list_models(
    kind: Annotated[str | None, typer.Option(help="Only models that give this kind of depth, e.g. metric.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")] = False,
) -> None:
    """List the models, what their licence allows, and where they are."""
    from vergence.depth.cards import CARDS
    from vergence.errors import SettingsError
    from vergence.types import DEPTH_KINDS

    if kind is not None and kind not in DEPTH_KINDS:
        raise SettingsError(f"no kind of depth is called {kind!r}; choose from {', '.join(DEPTH_KINDS)}")
    cards = [card for card in CARDS.values() if kind in (None, card.kind)]
    if as_json:
        _print_json([_facts(card) for card in cards])
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("name", "depth", "licence", "commercial", "size", "parameters", "where", box=None, pad_edge=False)
    for column in table.columns[:-1]:
        column.no_wrap = True
    table.columns[-1].overflow = "fold"
    for card in cards:
        facts = _facts(card)
        table.add_row(
            card.name,
            card.kind,
            card.licence,
            "yes" if card.is_commercial else "no",
            _megabytes(facts),
            f"{card.parameters / 1e6:.1f} M",
            _where(facts),
        )
    Console(width=max(Console().width, TABLE_WIDTH)).print(table)


@app.command()
def show(name: Name) -> None:
    """Say all there is to know of one model."""
    from vergence.depth.cards import find_card

    facts = _facts(find_card(name))
    rows = {
        "name": name,
        "is": facts["summary"],
        "depth": facts["kind"],
        "licence": facts["licence"] + ("" if facts["is_commercial"] else ", no commercial use"),
        "parameters": f"{facts['parameters']:,}",
        "size": _megabytes(facts),
        "sha256": facts["sha256"] or "not known before it is fetched",
        "source": facts["url"] or "part of the package",
        "where": _where(facts),
    }
    for label, value in rows.items():
        typer.echo(f"{label:>10}  {value}")


@app.command()
def pull(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Models to fetch.")],
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="Accept a licence that forbids commercial use; remembered.")
    ] = False,
) -> None:
    """Fetch weights, unless they are here already."""
    from vergence.depth import weights
    from vergence.depth.cards import find_card

    cards = [find_card(name) for name in names]
    for card in cards:
        weights.require_licence(card, accept=accept_licence)
    for card in cards:
        with download_bar(card.name) as progress:
            path = weights.fetch(card, progress=progress)
        typer.echo(path)


@app.command()
def verify(
    name: Annotated[str | None, typer.Argument(help="A model's name; all that are here if left out.")] = None,
) -> None:
    """Compare the weights on this machine with their checksums; exit code 1 if any is damaged."""
    from vergence.depth import weights
    from vergence.depth.cards import CARDS, find_card
    from vergence.errors import WeightsError

    failed = False
    for card in [find_card(name)] if name else CARDS.values():
        path = weights.find(card)
        if card.source is None:
            typer.echo(f"{card.name}: part of the package")
            continue
        if path is None and name is None:
            continue
        if path is None:
            raise WeightsError(f"the weights of {name!r} are not on this machine; run `vergence models pull {name}`")
        try:
            is_known = weights.check(card, path)
        except WeightsError as error:
            failed = True
            typer.echo(f"{card.name}: damaged")
            typer.echo(error, err=True)
        else:
            typer.echo(f"{card.name}: {'whole' if is_known else 'here, but no checksum of it is known'}")
    if failed:
        raise typer.Exit(1)


@app.command()
def path(name: Name) -> None:
    """Print where the weights of a model are."""
    from vergence.depth import weights
    from vergence.depth.cards import find_card
    from vergence.errors import WeightsError

    found = weights.find(find_card(name))
    if found is None:
        raise WeightsError(f"the weights of {name!r} are not on this machine; run `vergence models pull {name}`")
    typer.echo(found)


@app.command()
def remove(name: Name) -> None:
    """Delete the weights of a model from the store; copies of other programs are left alone."""
    from vergence.depth import weights
    from vergence.depth.cards import find_card
    from vergence.errors import ModelError

    card = find_card(name)
    if card.source is None:
        raise ModelError(f"{name!r} is part of the package and cannot be removed by itself")
    removed = weights.remove(card)
    if removed is not None:
        typer.echo(removed)
    if (left := weights.find(card)) is not None:
        typer.echo(f"{name} is still at {left}, which belongs to another program", err=True)
    elif removed is None:
        typer.echo(f"{name} was not on this machine", err=True)


@contextmanager
def download_bar(label: str) -> Iterator[download.Progress]:
    """A progress bar on stderr that appears with the first bytes and leaves no trace."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    bar = Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True)
    task = bar.add_task(label, total=None)

    def progress(received: int, size: int | None) -> None:
        bar.start()
        bar.update(task, completed=received, total=size)

    try:
        yield progress
    finally:
        if bar.live.is_started:
            bar.stop()


def _facts(card: ModelCard) -> dict[str, Any]:
    from dataclasses import asdict

    from vergence.depth import download, weights

    path = weights.find(card)
    return {
        **{key: value for key, value in asdict(card).items() if key not in ("source", "options", "rank")},
        "size": path.stat().st_size if path else card.size,
        "url": download.address(card.source) if card.source else None,
        "path": str(path) if path else None,
    }


def _megabytes(facts: dict[str, Any]) -> str:
    """The size, or a float32's worth of every parameter where it is not known yet."""
    size = facts["size"]
    return f"{size / 1e6:.1f} MB" if size else f"~{facts['parameters'] * 4 / 1e6:.0f} MB"


def _where(facts: dict[str, Any]) -> str:
    if facts["url"] is None:
        return "part of the package"
    return facts["path"] or f"vergence models pull {facts['name']}"


def _print_json(value: Any) -> None:
    import json

    json.dump(value, sys.stdout, indent=2)
    sys.stdout.write("\n")
