"""Pictures of many cameras over one WebSocket: the newest only, one on its way of each.

The page says what it looks at, `{"cameras": ["door"], "width": 640}`, as often as it likes, and
acknowledges each picture, `{"ack": SEQ}`; until then it gets no other of that camera. So whoever
reads slowly loses pictures, and no time. A message of ours is binary: the length of a header in
four bytes, big-endian, the header in JSON, and the JPEG.
"""

import asyncio
import json
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from streamer.config.values import CameraName
from streamer.web.pictures import Picture, Viewer, topic_of
from streamer.web.state import State
from streamer.wire.messages import FaceInPicture, PlainFrameEvent
from streamer.wire.topics import PLAIN_WIDTHS

router = APIRouter()
MAX_MESSAGE = 8192
_POLICY, _MALFORMED, _TRY_LATER = 1008, 1007, 1013


class _Look(BaseModel):
    """Which cameras are looked at, and how wide their pictures are wanted, in pixels."""

    model_config = ConfigDict(extra="ignore")
    cameras: Annotated[list[CameraName], Field(max_length=64)]
    width: Annotated[int, Field(ge=16, le=8192)] = 640


class _Ack(BaseModel):
    """The picture of this number has come."""

    model_config = ConfigDict(extra="ignore")
    ack: Annotated[int, Field(ge=0, lt=2**53)]


@router.websocket("/ws/live")
async def live(socket: WebSocket) -> None:
    """Send pictures until the page goes."""
    state: State = socket.app.state.web
    if not state.may_look_on:
        await socket.close(_TRY_LATER, "too many look on")
        return
    await socket.accept()
    viewer = state.pictures.viewer()
    link = _Link(socket, viewer, set(state.config.cameras))
    try:
        async with asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(link.send())
            try:
                await link.receive()
            finally:
                sending.cancel()
    except* WebSocketDisconnect:
        pass
    finally:
        viewer.close()


class _Link:
    """One page: what is on its way to it, by number."""

    def __init__(self, socket: WebSocket, viewer: Viewer, cameras: set[str]) -> None:
        self._socket = socket
        self._viewer = viewer
        self._cameras = cameras
        self._sent: dict[int, str] = {}
        self._number = 0

    async def receive(self) -> None:
        """Hear what is looked at and what has come, until the page goes or talks nonsense."""
        while True:
            text = await self._socket.receive_text()
            try:
                if len(text) > MAX_MESSAGE:
                    raise ValueError(f"a message must have at most {MAX_MESSAGE} letters")
                self._hear(text)
            except (ValueError, ValidationError):
                await self._socket.close(_MALFORMED, "a message must be cameras or an ack")
                return

    def _hear(self, text: str) -> None:
        if '"ack"' in text:
            camera = self._sent.pop(_Ack.model_validate_json(text).ack, None)
            if camera is not None:
                self._viewer.seen(camera)
            return
        look = _Look.model_validate_json(text)
        width = next((each for each in PLAIN_WIDTHS if each >= look.width), PLAIN_WIDTHS[-1])
        seen = self._cameras & set(look.cameras)
        self._viewer.look_at({topic_of(camera, width) for camera in seen})

    async def send(self) -> None:
        """Send what waits, as it comes."""
        while True:
            await self._viewer.wait()
            while (picture := self._viewer.take()) is not None:
                self._number += 1
                self._sent[self._number] = picture.event.camera
                self._viewer.busy.add(picture.event.camera)
                await self._socket.send_bytes(message_of(picture, self._number))


def message_of(picture: Picture, number: int) -> bytes:
    """Return a picture as the page gets it."""
    event = picture.event
    faces = event.faces if isinstance(event, PlainFrameEvent) else ()
    header = {
        "seq": number,
        "camera": event.camera,
        "width": event.frame_wh[0],
        "height": event.frame_wh[1],
        "t_ms": datetime.fromisoformat(event.captured_utc).timestamp() * 1000,
        "faces": [_face(face) for face in faces],
    }
    content = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    return len(content).to_bytes(4, "big") + content + picture.jpeg


def _face(face: FaceInPicture) -> dict[str, object]:
    if face.probability is None:
        state = "undecided"
    else:
        state = "stranger" if face.identity is None else "named"
    return {
        "track": face.track,
        "box": face.box_xywh,
        "name": face.identity,
        "stranger": face.stranger,
        "state": state,
        "score": face.probability,
    }
