"""The live server as its users start it: a process with a port."""

import os
import re
import subprocess
import sys
from contextlib import contextmanager

TOKEN = "abcdefghijklmnop"
VERGENCE = (sys.executable, "-c", "from vergence.cli.main import main; main()")


@contextmanager
def command(*arguments, home, port=0):
    """Run `vergence serve`, on a free port where none is given: (process, url)."""
    environment = {**os.environ, "HOME": str(home), "XDG_DATA_HOME": str(home), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [*VERGENCE, "serve", *arguments, "--port", str(port), "--token", TOKEN],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    try:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        yield process, line.strip()
    finally:
        process.kill()
        process.communicate()


def port_of(url):
    """The port in an address."""
    return int(re.search(r":(\d+)/", url).group(1))
