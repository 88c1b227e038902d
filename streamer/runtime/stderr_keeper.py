"""The helper of `quiet_stderr`: keeps a text until it is told to drop it, or shows it.

Run as a script with two descriptors, one to be told by and one with the text. It shows the text
if it is told so, and if whoever might have told it is gone.
"""

import os
import select
import sys

DROP = b"d"
SHOW = b"s"
_MAX_BYTES = 1 << 20


def keep(control: int, text: int) -> None:
    """Read until the word comes; what has been written before it is read first."""
    held, open_ends = b"", [control, text]
    while True:
        ready, _, _ = select.select(open_ends, [], [])
        if text in ready:
            data = os.read(text, 65536)
            held = (held + data)[-_MAX_BYTES:]
            if not data:
                open_ends.remove(text)
        elif os.read(control, 1) == DROP:
            return
        else:
            break
    while held:
        held = held[os.write(2, held) :]


if __name__ == "__main__":
    keep(int(sys.argv[1]), int(sys.argv[2]))
