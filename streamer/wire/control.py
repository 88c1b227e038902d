"""Every message of the control socket: what may be asked, and what is answered.

Requests and answers are encoded as all messages are (`streamer.wire.codec`), with types of their
own. A change is answered with the `Job` that makes it; its request's id is the job's, so that a
request that is sent again is not done again. `docs/protocol.md` describes them all.
"""

from typing import get_args

from streamer.wire.answers import (
    MAX_CROP_ROWS,
    MAX_FACES,
    MAX_MATCHES,
    MAX_SOURCE,
    CropCount,
    CropPicture,
    CropRow,
    Crops,
    Diff,
    Found,
    FoundFace,
    Ignored,
    Match,
    People,
    PersonRow,
    Refusal,
    Verdict,
    VersionRow,
    Versions,
)
from streamer.wire.changes import (
    MAX_CONSENT,
    MAX_PICTURE_BYTES,
    MAX_PICTURES,
    MAX_PICTURES_BYTES,
    MAX_TRACK_CROPS,
    MAX_TRACK_S,
    MAX_WAIT_MS,
    Activate,
    Change,
    Choice,
    EnrolFolder,
    Enrolment,
    EnrolPaths,
    EnrolPictures,
    EnrolTrack,
    Export,
    Forget,
    Ignore,
    Merge,
    NameStranger,
    NotHer,
    Picture,
    PutBack,
    Rebuild,
    Rename,
    Request,
    Rollback,
    SetAside,
    SetConsent,
)
from streamer.wire.job import (
    FINISHED,
    MAX_LINES,
    MAX_RESULT_PART,
    MAX_ROWS,
    Job,
    JobRow,
    Jobs,
    ResultPart,
    State,
)
from streamer.wire.questions import (
    CancelJob,
    CropPictureWanted,
    CropsWanted,
    DiffWanted,
    IgnoredWanted,
    JobsWanted,
    JobWanted,
    PeopleWanted,
    ResultWanted,
    Search,
    VersionsWanted,
)

__all__ = [
    "ANSWERS",
    "CHANGES",
    "FINISHED",
    "MAX_CONSENT",
    "MAX_CROP_ROWS",
    "MAX_FACES",
    "MAX_LINES",
    "MAX_MATCHES",
    "MAX_PICTURES",
    "MAX_PICTURES_BYTES",
    "MAX_PICTURE_BYTES",
    "MAX_RESULT_PART",
    "MAX_ROWS",
    "MAX_SOURCE",
    "MAX_TRACK_CROPS",
    "MAX_TRACK_S",
    "MAX_WAIT_MS",
    "REQUESTS",
    "Activate",
    "Answer",
    "CancelJob",
    "Change",
    "Choice",
    "CropCount",
    "CropPicture",
    "CropPictureWanted",
    "CropRow",
    "Crops",
    "CropsWanted",
    "Diff",
    "DiffWanted",
    "EnrolFolder",
    "EnrolPaths",
    "EnrolPictures",
    "EnrolTrack",
    "Enrolment",
    "Export",
    "Forget",
    "Found",
    "FoundFace",
    "Ignore",
    "Ignored",
    "IgnoredWanted",
    "Job",
    "JobRow",
    "JobWanted",
    "Jobs",
    "JobsWanted",
    "Match",
    "Merge",
    "NameStranger",
    "NotHer",
    "People",
    "PeopleWanted",
    "PersonRow",
    "Picture",
    "PutBack",
    "Rebuild",
    "Refusal",
    "Rename",
    "Request",
    "ResultPart",
    "ResultWanted",
    "Rollback",
    "Search",
    "SetAside",
    "SetConsent",
    "State",
    "Verdict",
    "VersionRow",
    "Versions",
    "VersionsWanted",
]

_CHANGES = (
    EnrolPictures,
    EnrolPaths,
    EnrolFolder,
    EnrolTrack,
    NameStranger,
    Rename,
    Merge,
    Forget,
    NotHer,
    Ignore,
    Activate,
    Rollback,
    SetConsent,
    SetAside,
    PutBack,
    Rebuild,
    Export,
)
_QUESTIONS = (
    JobWanted,
    CancelJob,
    JobsWanted,
    PeopleWanted,
    VersionsWanted,
    DiffWanted,
    IgnoredWanted,
    CropsWanted,
    CropPictureWanted,
    ResultWanted,
    Search,
)
Answer = (
    Job
    | ResultPart
    | Jobs
    | People
    | Crops
    | CropPicture
    | Versions
    | Diff
    | Ignored
    | Found
    | Refusal
)
CHANGES: dict[str, type] = {cls.__name__: cls for cls in _CHANGES}
REQUESTS: dict[str, type] = {cls.__name__: cls for cls in (*_CHANGES, *_QUESTIONS)}
ANSWERS: dict[str, type] = {cls.__name__: cls for cls in get_args(Answer)}
