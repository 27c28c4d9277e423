"""`vergence`: the commands, how errors are told, and what the exit code says.

Exit codes: 0 done; 1 something a user can mend, said in one line; 2 wrong usage; 130 stopped by Ctrl-C.
Results go to stdout, all else to stderr.
"""

import logging
import os
import signal
import sys
from types import FrameType
from typing import Annotated, NoReturn

import typer

from vergence.cli.cloud import cloud
from vergence.cli.demo import demo
from vergence.cli.depth import depth
from vergence.cli.devices import devices
from vergence.cli.doctor import doctor
from vergence.cli.eval import app as evaluate
from vergence.cli.export import export
from vergence.cli.live import live, serve
from vergence.cli.models import app as models
from vergence.cli.render import render
from vergence.cli.splats import splats
from vergence.cli.stereo import stereo
from vergence.cli.synth import synth
from vergence.cli.train import train
from vergence.errors import VergenceError

STOPPED = 130  # exit code
EXIT_CODES = "Exit codes: 0 done, 1 something you can mend (one line says what), 2 wrong usage, 130 stopped by Ctrl-C."

app = typer.Typer(
    name="vergence",
    help="Any photo or film to steady depth and comfortable stereo 3-D.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(stereo)
app.command()(depth)
app.command()(cloud)
app.command()(splats)
app.command()(render)
app.command()(live)
app.command()(serve)
app.command()(devices)
models.command()(export)
app.add_typer(models, name="models")
app.command()(synth)
app.add_typer(evaluate, name="eval")
app.command()(train)
app.command()(doctor)
app.command()(demo)


def _show_version(is_asked: bool) -> None:
    if is_asked:
        import vergence

        print(vergence.__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more of what is done.")] = False,
) -> None:
    configure_logging(logging.INFO if verbose else logging.WARNING)


class _Line(logging.Formatter):
    """`warning: what was done differently`, on one line; plain where it is only told."""

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        return message if record.levelno < logging.WARNING else f"{record.levelname.lower()}: {message}"


def configure_logging(level: int) -> None:
    """Send the package's own log to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Line())
    logger = logging.getLogger("vergence")
    logger.handlers = [handler]
    logger.setLevel(level)
    logger.propagate = False


def _stop(signal_number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def main() -> None:
    """Run the command line; a `VergenceError` becomes one line and exit code 1, Ctrl-C and SIGTERM exit code 130."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        app(standalone_mode=True)
    except VergenceError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except (KeyboardInterrupt, SystemExit) as stop:
        if isinstance(stop, SystemExit) and stop.code != STOPPED:  # typer makes this of Ctrl-C
            raise
        print("stopped; what was not finished has been removed", file=sys.stderr, flush=True)
        # A network may be deep in native code; threads that wake in an interpreter that is going down abort it.
        os._exit(STOPPED)
