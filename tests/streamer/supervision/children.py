"""A process for the supervisor's tests: it behaves as its first argument says."""

import os
import signal
import subprocess
import sys

from streamer.runtime.heartbeat import Heartbeat, Stop

LAST_WORDS = "import sys; sys.stdin.read(); sys.stderr.write('last words\\n')"


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def main() -> None:
    behaviour = sys.argv[1]
    stop = Stop().install()
    heartbeat = Heartbeat(int(sys.argv[sys.argv.index("--heartbeat") + 1]), stop)
    say(f"pid {os.getpid()}")
    if behaviour == "misconfigured":
        say("facestream: the cascade cannot be read")
        sys.exit(2)
    if behaviour == "crash":
        sys.exit(3)
    if behaviour == "abort":
        # A helper of its own outlives it, and says what it held back.
        subprocess.Popen([sys.executable, "-c", LAST_WORDS], stdin=subprocess.PIPE)
        os.abort()
    if behaviour == "hang":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    heartbeat.ready()
    while behaviour == "hang" or not stop.wait(0.05):
        heartbeat.beat()
        if behaviour == "hang":
            signal.sigtimedwait([], 0.05)
        if behaviour == "end":
            return
    say("flushed")


if __name__ == "__main__":
    main()
