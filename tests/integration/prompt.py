"""`facestream` commands that start at once, each in a process of its own.

They are forked from a process that has loaded the command, and what many of its sub-commands load
later; test_help_has_a_line_for_every_command and others run it as a user does.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from multiprocessing.context import ForkServerContext
from pathlib import Path

from streamer.cli import main
from streamer.commands.app import load_app
from streamer.runtime.logs import keep_secrets
from tests.integration.harness import GENEROUS_S

keep_secrets()  # as the command does before anything loads OpenCV
load_app()


import trainer.enrolment.bulk  # noqa: E402
import trainer.offline.identify_files  # noqa: E402, F401
import workers.gallery.store  # noqa: E402, F401


def run_prompt(
    context: ForkServerContext, arguments: tuple[str, ...], cwd: Path, env: Mapping[str, str]
) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end; `cwd` and `env` are its folder and its whole environment."""
    outputs = [cwd / ".stdout", cwd / ".stderr"]
    process = context.Process(target=_command, args=(arguments, cwd, dict(env), outputs))
    process.start()
    process.join(GENEROUS_S)
    assert process.exitcode is not None, f"facestream {arguments} does not end"
    said = [path.read_text() for path in outputs]
    for path in outputs:
        path.unlink()
    return subprocess.CompletedProcess([*arguments], process.exitcode, *said)


def _command(
    arguments: tuple[str, ...], cwd: Path, env: Mapping[str, str], outputs: list[Path]
) -> None:
    os.umask(0)  # what is to be the owner's alone is so whatever the umask is
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    for descriptor, path in zip((1, 2), outputs, strict=True):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, descriptor)
        os.close(file)
    sys.argv = ["facestream", *arguments]
    main()
