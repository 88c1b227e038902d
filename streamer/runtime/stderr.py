"""Hold back what a library writes to stderr, but show it when the process dies."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from streamer.runtime.stderr_keeper import DROP, SHOW

_KEEPER = Path(__file__).with_name("stderr_keeper.py")


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Hold back what is written to descriptor 2 in the block, by libraries written in C as well.

    All of it is shown if the block raises, and also if it ends the process, by a signal or
    otherwise: a helper process keeps the text. Where it cannot be started, nothing is held back.
    """
    sys.stderr.flush()
    text, text_end = os.pipe()
    control, control_end = os.pipe()
    try:
        keeper = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-I", "-S", str(_KEEPER), str(control), str(text)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=(control, text),
            start_new_session=True,  # Ctrl-C is for us
        )
    except OSError:
        for descriptor in (text, text_end, control, control_end):
            os.close(descriptor)
        yield
        return
    os.close(control)
    os.close(text)
    kept = os.dup(2)
    os.dup2(text_end, 2)
    os.close(text_end)
    word = SHOW
    try:
        yield
        word = DROP
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        with contextlib.suppress(BrokenPipeError):
            os.write(control_end, word)
        os.close(control_end)
        keeper.wait()
