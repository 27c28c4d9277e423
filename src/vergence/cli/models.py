"""`vergence models`: which depth models there are, and their weights."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from vergence.depth import download
    from vergence.depth.cards import ModelCard
    from vergence.errors import WeightsError

app = typer.Typer(no_args_is_help=True, help="List the depth models; fetch, check and remove their weights.")

TABLE_WIDTH = 180  # characters; in a narrower terminal a long line is easier to read than a cut one

FormName = Literal["onnx", "checkpoint"]

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

    heads = ("name", "depth", "licence", "commercial", "size", "parameters", "form", "where")
    table = Table(*heads, box=None, pad_edge=False)
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
            facts["form"] or "",
            _where(facts),
        )
    Console(width=max(Console().width, TABLE_WIDTH)).print(table)


@app.command()
def show(name: Name) -> None:
    """Say all there is to know of one model."""
    from vergence.depth.cards import find_card

    card = find_card(name)
    facts = _facts(card)
    missing = {"onnx": "not published", "checkpoint": "not published"}
    if card.checkpoint is not None and not card.name.startswith("depth-anything-3-nested"):
        missing["onnx"] = f"not published; made by `vergence models export {name}`"
    rows = {
        "name": name,
        "is": card.summary,
        "depth": card.kind,
        "licence": card.licence + ("" if card.is_commercial else ", no commercial use"),
        "parameters": f"{card.parameters:,}",
        "size": _megabytes(facts),
    }
    if not card.is_embedded:
        rows |= {form: facts[form] or other for form, other in missing.items()}
        rows["sha256"] = facts["sha256"] or "recorded at first download"
    rows["where"] = _where(facts) + (f" ({facts['form']})" if facts["form"] and not card.is_embedded else "")
    for label, value in rows.items():
        typer.echo(f"{label:>10}  {value}")


@app.command()
def pull(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME...", help="Models to fetch.")] = None,
    form: Annotated[
        FormName | None,
        typer.Option("--form", help="checkpoint needs torch; left out: what is here, else onnx where published."),
    ] = None,
    all_apache: Annotated[
        bool, typer.Option("--all-apache", help="Fetch every model whose weights are Apache-2.0.")
    ] = False,
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="Accept a licence that forbids commercial use; remembered.")
    ] = False,
) -> None:
    """Fetch weights, unless they are here already."""
    from vergence.depth import weights
    from vergence.depth.cards import CARDS, find_card
    from vergence.errors import SettingsError

    cards = [find_card(name) for name in names or ()]
    for card in cards:
        weights.require_licence(card, accept=accept_licence)
        if weights.find(card, form or "any") is None:
            weights.require_published(card, form or "any")
    if all_apache:
        free = [card for card in CARDS.values() if card.licence == "Apache-2.0" and not card.is_embedded]
        cards += [card for card in free if card not in cards and (form is None or getattr(card, form) is not None)]
    if not cards:
        raise SettingsError("nothing to fetch was named; give names from `vergence models list`, or --all-apache")
    for card in cards:
        with download_bar(card.name) as progress:
            path = weights.fetch(card, form=form or "any", progress=progress)
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
        if card.is_embedded:
            typer.echo(f"{card.name}: part of the package")
            continue
        here = [(form, path) for form in weights.FORMS if (path := weights.find(card, form)) is not None]
        if not here and name is not None:
            raise _not_here(card)
        for form, path in here:
            try:
                is_known = weights.check(card, path)
            except WeightsError as error:
                failed = True
                typer.echo(f"{card.name}: {form} damaged")
                typer.echo(error, err=True)
            else:
                state = "whole" if is_known else "here, but no checksum of it is known"
                typer.echo(f"{card.name}: {form} {state}")
    if failed:
        raise typer.Exit(1)


@app.command()
def path(
    name: Name,
    form: Annotated[FormName | None, typer.Option("--form", help="This form; else ONNX before a checkpoint.")] = None,
) -> None:
    """Print where the weights of a model are."""
    from vergence.depth import weights
    from vergence.depth.cards import find_card

    card = find_card(name)
    found = weights.find(card, form or "any")
    if found is None:
        raise _not_here(card, form)
    typer.echo(found)


@app.command()
def remove(name: Name) -> None:
    """Delete the weights of a model from the store, in all forms; copies of other programs are left alone."""
    from vergence.depth import weights
    from vergence.depth.cards import find_card
    from vergence.errors import ModelError

    card = find_card(name)
    if card.is_embedded:
        raise ModelError(f"{name!r} is part of the package and cannot be removed by itself")
    removed = weights.remove(card)
    for gone in removed:
        typer.echo(gone)
    if (left := weights.find(card)) is not None:
        typer.echo(f"{name} is still at {left}, which belongs to another program", err=True)
    elif not removed:
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


def _not_here(card: ModelCard, form: FormName | None = None) -> WeightsError:
    from vergence.depth import weights
    from vergence.errors import WeightsError

    weights.require_published(card, form or "any")
    option = f" --form {form}" if form else ""
    return WeightsError(
        f"the weights of {card.name!r} are not on this machine; run `vergence models pull {card.name}{option}`"
    )


def _facts(card: ModelCard) -> dict[str, Any]:
    """What `--json` prints: the card, and of the weights `vergence` would use their path, form, bytes and SHA-256."""
    from dataclasses import asdict

    from vergence.depth import download, weights

    path = weights.find(card)
    record = download.read_record(path) if path else download.Record()
    sources = {form: getattr(card, form) for form in weights.FORMS}
    return {
        **{key: value for key, value in asdict(card).items() if key not in ("options", "rank", "parts", *sources)},
        **{form: download.address(source) if source else None for form, source in sources.items()},
        "is_embedded": card.is_embedded,
        "path": str(path) if path else None,
        "form": weights.form_of(path) if path else None,
        "size": sum(file.stat().st_size for file in weights.weight_files(path)) if path else None,
        "sha256": record.sha256,
    }


def _megabytes(facts: dict[str, Any]) -> str:
    """The size, or a float32's worth of every parameter where it is not known yet."""
    size = facts["size"]
    return f"{size / 1e6:.1f} MB" if size else f"~{facts['parameters'] * 4 / 1e6:.0f} MB"


def _where(facts: dict[str, Any]) -> str:
    if facts["is_embedded"]:
        return "part of the package"
    return facts["path"] or f"vergence models pull {facts['name']}"


def _print_json(value: Any) -> None:
    import json

    json.dump(value, sys.stdout, indent=2)
    sys.stdout.write("\n")
