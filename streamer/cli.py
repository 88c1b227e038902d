"""The entry of the command `facestream`. It loads nothing that may be missing by itself."""

import errno
import sys

from streamer.errors import FacestreamError
from streamer.runtime.logs import FAULT_PREFIX, keep_secrets, show_exception
from streamer.runtime.redact import redact

BAD_INPUT = 2
RUN_PACKAGES = frozenset(
    {
        "cv2", "fastapi", "h5py", "jinja2", "joblib", "matplotlib", "numpy", "PIL",
        "prometheus_client", "rich", "scipy", "skimage", "sklearn", "tensorflow", "threadpoolctl",
        "tomlkit", "typer", "uvicorn",
    }
)  # fmt: skip
"""What the extra `run` installs, by the names that are imported."""
_TO_DO = {
    errno.ENOSPC: "free some space, and give the same command again",
    errno.EDQUOT: "free some space, and give the same command again",
    errno.EROFS: "it must be possible to write there",
    errno.EACCES: "give the user of this command the right to it",
}
"""What the system may refuse anywhere, and what to do."""


def main() -> None:
    """Run the command; each fault of the user's is one line, and the exit code is 2.

    Any other exception is a traceback without credentials, and the exit code is 1.
    """
    keep_secrets()
    try:
        _run()
    except Exception as error:  # noqa: BLE001 - shown in full
        show_exception(error)
        sys.exit(1)


def _run() -> None:
    try:
        from streamer.commands.app import load_app

        load_app()(prog_name="facestream")
    except FacestreamError as error:
        _fail(*str(error).splitlines())
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in RUN_PACKAGES:
            raise
        _fail(f"{package} is not installed. Install it with: pip install 'facestream[run]'")
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone, as `| head` does
    except OSError as error:
        to_do = _TO_DO.get(error.errno or 0)
        if to_do is None:
            raise
        where = "" if error.filename is None else f"{error.filename}: "
        _fail(f"{where}{error.strerror}; {to_do}")


def _fail(*lines: str) -> None:
    for line in lines:
        sys.stderr.write(f"{FAULT_PREFIX}{redact(line)}\n")
    sys.exit(BAD_INPUT)


if __name__ == "__main__":
    main()
