"""Print who comes and goes.

pip install .          # or only the wheel: pyzmq, msgpack and pydantic
python who.py ipc:///home/me/facestream/var/run/events
"""

import contextlib
import sys

from streamer import IdentityEvent, PresenceEvent, Subscriber

Visits = dict[str, str]
"""The id of a visit, and who it is."""


def say_what_changed(camera: str, before: Visits, now: Visits) -> None:
    for visit, who in before.items():
        if visit not in now:
            print(f"{camera}: {who} goes", flush=True)
        elif now[visit] != who:
            print(f"{camera}: {who} is {now[visit]}", flush=True)
    for visit, who in now.items():
        if visit not in before:
            print(f"{camera}: {who} comes", flush=True)


def main(address: str) -> None:
    tracks: dict[str, dict[str, tuple[str, str]]] = {}  # of each camera: track to visit and person
    shown: dict[str, Visits] = {}
    with Subscriber(address, ["identity/", "presence/"]) as subscriber:
        while received := subscriber.receive():
            event = received[0]
            if isinstance(event, PresenceEvent):  # everybody: heals what was lost on the way
                here = {
                    one.track: (one.visit, one.identity or one.stranger or "?")
                    for one in event.present
                }
            elif isinstance(event, IdentityEvent):
                here = tracks.get(event.camera, {})
                if event.event == "exit":
                    here.pop(event.track, None)
                else:
                    here[event.track] = event.visit, event.identity or event.stranger or "?"
            else:
                continue
            tracks[event.camera] = here
            now = dict(here.values())  # a visit goes on while one of its tracks does
            say_what_changed(event.camera, shown.get(event.camera, {}), now)
            shown[event.camera] = now


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(sys.argv[1])
