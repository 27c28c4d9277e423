"""Options in groups: one by one on the command line, together in the command."""

from dataclasses import dataclass
from typing import Annotated

import typer
from typer.testing import CliRunner

from vergence.cli.groups import with_groups


@dataclass(frozen=True)
class Size:
    wide: Annotated[int, typer.Option(help="Across.")] = 4
    high: Annotated[int, typer.Option(help="Up.")] = 3


@dataclass(frozen=True)
class Large(Size):
    wide: Annotated[int, typer.Option(help="Across.")] = 40


def app(*groups):
    made = typer.Typer()

    @made.command()
    @with_groups
    def paint(name: str, *, size: groups[0], often: Annotated[int, typer.Option()] = 1) -> None:
        print(name, size, often)

    return made


def test_a_group_is_given_together():
    done = CliRunner().invoke(app(Size), ["wall", "--high", "7", "--often", "2"])
    assert done.stdout == "wall Size(wide=4, high=7) 2\n"


def test_a_group_of_a_group_has_defaults_of_its_own():
    assert CliRunner().invoke(app(Large), ["wall"]).stdout == "wall Large(wide=40, high=3) 1\n"


def test_what_is_no_option_is_refused():
    assert CliRunner().invoke(app(Size), ["wall", "--size", "7"]).exit_code == 2
