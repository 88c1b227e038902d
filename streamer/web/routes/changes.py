"""Every change of people: each is a job, to be asked about by its id."""

from typing import Annotated

from fastapi import APIRouter, File, Form, UploadFile
from pydantic import Field

from streamer.control.client import Control
from streamer.web.routes.common import Body, Nothing, PersonName, TheState
from streamer.wire.changes import MAX_CHOSEN, CropId
from streamer.wire.control import (
    MAX_CONSENT,
    MAX_PICTURE_BYTES,
    MAX_PICTURES,
    MAX_TRACK_CROPS,
    MAX_TRACK_S,
    Job,
)

router = APIRouter(prefix="/api", tags=["people"])

Text = Annotated[str, Field(min_length=1, max_length=128)]


class EnrolTrack(Body):
    """A face that is before a camera: camera and track as in its events."""

    camera: Text
    track: Text
    seconds: Annotated[float, Field(gt=0, le=MAX_TRACK_S)] = 10.0
    crops: Annotated[int, Field(ge=1, le=MAX_TRACK_CROPS)] = 12
    force: bool = False
    accept_look_alikes: bool = False


class EnrolStranger(Body):
    """A stranger of whom crops are kept: `unknown-17`."""

    stranger: Text
    force: bool = False
    accept_look_alikes: bool = False


class NewName(Body):
    """The name that the person is to have."""

    name: Text


class Other(Body):
    """The person who this one is, too."""

    into: Text


class Consent(Body):
    """Who agreed, when and to what; and when the person is forgotten. null deletes what was."""

    consent: Annotated[str, Field(max_length=MAX_CONSENT)] | None = None
    expires_utc: Annotated[str, Field(max_length=64)] | None = None


class NotHer(Body):
    """The event, by its id, that was not this person."""

    event: Text


class Who(Body):
    """A person or a stranger, to be in no event; or, with `undo`, in events again."""

    who: Text
    undo: bool = False


class TheseCrops(Body):
    """Crops of somebody, by their ids."""

    crops: Annotated[list[CropId], Field(min_length=1, max_length=MAX_CHOSEN)]


@router.post("/people/{name}/enrol", status_code=202)
async def enrol(
    state: TheState,
    name: PersonName,
    pictures: Annotated[list[UploadFile], File(min_length=1, max_length=MAX_PICTURES)],
    force: Annotated[bool, Form()] = False,
    accept_look_alikes: Annotated[bool, Form()] = False,
) -> Job:
    """Enrol somebody from pictures; none of them is decoded by who receives them."""
    contents = [
        ((each.filename or f"picture {number}")[:255], await each.read(MAX_PICTURE_BYTES + 1))
        for number, each in enumerate(pictures, 1)
    ]
    return await state.asking.control(
        lambda control: control.enrol_pictures(
            name, contents, force, accept_look_alikes, wait=False
        )
    )


@router.post("/people/{name}/enrol-track", status_code=202)
async def enrol_track(state: TheState, name: PersonName, body: EnrolTrack) -> Job:
    """Enrol a face that is before a camera now."""
    return await state.asking.control(
        lambda control: control.enrol_track(name, **body.model_dump(), wait=False)
    )


@router.post("/people/{name}/enrol-stranger", status_code=202)
async def enrol_stranger(state: TheState, name: PersonName, body: EnrolStranger) -> Job:
    """Enrol a stranger from what was kept; earlier visits get the name, too."""
    return await state.asking.control(
        lambda control: control.name_stranger(person=name, **body.model_dump(), wait=False)
    )


@router.post("/people/{name}/rename", status_code=202)
async def rename(state: TheState, name: PersonName, body: NewName) -> Job:
    """Give somebody a name that nobody has."""
    return await state.asking.control(lambda control: control.rename(name, body.name, wait=False))


@router.post("/people/{name}/merge", status_code=202)
async def merge(state: TheState, name: PersonName, body: Other) -> Job:
    """Say that somebody is another one, under whose name both go on."""
    return await state.asking.control(lambda control: control.merge(name, body.into, wait=False))


@router.post("/people/{name}/forget", status_code=202)
async def forget(state: TheState, name: PersonName, _: Nothing) -> Job:
    """Delete all that the data folder holds of somebody."""
    return await state.asking.control(lambda control: control.forget(name, wait=False))


@router.post("/people/{name}/consent", status_code=202)
async def consent(state: TheState, name: PersonName, body: Consent) -> Job:
    """Note who agreed, and when the person is forgotten."""
    return await state.asking.control(
        lambda control: control.set_consent(name, body.consent, body.expires_utc, wait=False)
    )


@router.post("/people/{name}/not-her", status_code=202)
async def not_her(state: TheState, name: PersonName, body: NotHer) -> Job:
    """Say that an event was not that person."""
    return await state.asking.control(lambda control: control.not_her(name, body.event, wait=False))


@router.post("/ignore", status_code=202)
async def ignore(state: TheState, body: Who) -> Job:
    """Have a person or a stranger be in no event; or, with `undo`, in events again."""

    def ask(control: Control) -> Job:
        change = control.heed if body.undo else control.ignore
        return change(body.who, wait=False)

    return await state.asking.control(ask)


@router.post("/people/{name}/set-aside", status_code=202)
async def set_aside(state: TheState, name: PersonName, body: TheseCrops) -> Job:
    """Set crops aside: they are kept, and count for nothing."""
    return await state.asking.control(
        lambda control: control.set_aside(name, body.crops, wait=False)
    )


@router.post("/people/{name}/put-back", status_code=202)
async def put_back(state: TheState, name: PersonName, body: TheseCrops) -> Job:
    """Put crops back that were set aside, for good."""
    return await state.asking.control(
        lambda control: control.put_back(name, body.crops, wait=False)
    )
