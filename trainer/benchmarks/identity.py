"""The identity bench: who is named rightly in made clips and in real ones, beside the plain loop.

Each clip runs in real time through the real processes, with a data folder of its own in which its
known people are enrolled; what is published is scored against the clip's truth.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from streamer.config.loading import load_config
from streamer.config.sections import EmbedConfig
from streamer.errors import DatasetError, FacestreamError
from streamer.files import write_file
from streamer.runtime.cores import available_cores
from trainer.benchmarks.real_clips import find_real_clips
from trainer.benchmarks.tutorial_names import TutorialLoop, said_by_tutorial
from trainer.clips.cast import Wanted, choose_players
from trainer.clips.make import ClipMaker, link_enrolment, write_clip
from trainer.clips.play import Setting
from trainer.clips.scene import room_bgr
from trainer.replay.running import run_replay
from trainer.replay.setting import replay_setting
from trainer.truth.file import read_truth, write_truth
from trainer.truth.score import Score
from trainer.truth.scoring import score_clip
from workers.classifier.impostors import load_impostors
from workers.embedding.embedder import load_embedder
from workers.gallery.store import GalleryStore

KINDS = ("made", "one_photo", "real")
KEYS = ("known_right", "known_wrong", "stranger_named", "renames", "first_name_s_median")
FPS = 25.0
_WIDTH, _HEIGHT, _FACE_PX = 1280, 720, (80.0, 180.0)
_AT_ONCE, _SEED = 4, 1
_PEOPLE, _ENROL_PHOTOS = 20, 5
_SECONDS_EACH = 12.0  # in a shorter clip than the usual one, fewer people come


@dataclass(frozen=True)
class Case:
    """A clip to run: with its truth, and a folder for `enrol-folder` of those it knows."""

    kind: str
    clip: Path
    truth: Path
    enrol: Path


@dataclass(frozen=True)
class Judged:
    """A case's scores: of the processes, and of the plain loop."""

    case: Case
    own: Score
    tutorial: Score


def measure(
    root: Path,
    work: Path,
    *,
    only: set[str] | None,
    clips: Path | None,
    seconds: float,
    kinds: Sequence[str],
    fast: bool,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Make the clips in the folder `work`, unless they are there; run and score all of them.

    root: photos as root/person/photo.jpg; only: who of them may play. clips: where the real clips
    and photos are; without it there are none. fast: wait for every frame, instead of real time, as
    a machine would need that is never too slow. Returns each kind's figures, and `tutorial` with
    the same; figures of a kind are those of all its clips together. Raises FacestreamError.
    """
    work.mkdir(parents=True, exist_ok=True)
    cases = [made_case(root, work, kind, only, seconds, say) for kind in kinds if kind != "real"]
    if clips is not None and "real" in kinds:
        cases += [
            Case("real", clip, truth, enrol) for clip, truth, enrol in find_real_clips(clips, work)
        ]
    judged = []
    for case in cases:
        say(f"{case.kind}: {case.clip.name}: enrolling")
        config = _enrolled(case, work / f"{case.kind}-{case.clip.stem}")
        say(f"{case.kind}: {case.clip.name}: through the processes")
        own = _own_score(case, config, fast, say)
        say(f"{case.kind}: {case.clip.name}: the plain loop")
        judged.append(Judged(case, own, _tutorial_score(case, config)))
    return figures_of(judged)


def figures_of(judged: Sequence[Judged]) -> dict[str, Any]:
    """Sum the clips of each kind; `clips` has each one's figures by itself."""
    figures: dict[str, Any] = {"tutorial": {}}
    for kind in KINDS:
        of_kind = [one for one in judged if one.case.kind == kind]
        if of_kind:
            figures[kind] = sum((one.own for one in of_kind), Score()).summary()
            figures["tutorial"][kind] = sum((one.tutorial for one in of_kind), Score()).summary()
    figures["clips"] = []
    for one in judged:
        named = {"kind": one.case.kind, "clip": one.case.clip.name}
        figures["clips"].append({**named, **_short(one.own), "tutorial": _short(one.tutorial)})
    return figures


def made_case(
    root: Path,
    work: Path,
    kind: str,
    only: set[str] | None,
    seconds: float,
    say: Callable[[str], None],
) -> Case:
    """Make a clip of 20 known people and 20 strangers, unless it is there; the same each time."""
    clip = work / f"{kind}-{seconds:g}.mp4"
    case = Case(kind, clip, clip.with_suffix(".json"), work / f"{clip.stem}-enrol")
    if case.truth.is_file():
        return case
    say(f"{kind}: making {clip}")
    rng = np.random.default_rng(_SEED)
    setting = Setting(
        width=_WIDTH,
        height=_HEIGHT,
        seconds=seconds,
        at_once=_AT_ONCE,
        face_px=_FACE_PX,
        one_photo=kind == "one_photo",
    )
    people = min(_PEOPLE, max(1, int(seconds / _SECONDS_EACH)))
    wanted = Wanted(known=people, strangers=people, enrol_photos=_ENROL_PHOTOS)
    players = choose_players(root, wanted, rng, only)
    maker = ClipMaker(players, setting, room_bgr(), rng)
    link_enrolment(case.enrol, {p.name: p.enrolled_from for p in players if p.known})
    frames = round(seconds * FPS)
    write_clip(clip, maker, (_WIDTH, _HEIGHT), FPS, frames)
    write_truth(case.truth, maker.truth(clip.name, FPS, frames, 0.8 * _FACE_PX[0]))
    return case


def _enrolled(case: Case, home: Path) -> Path:
    """Enrol a case's people anew in a data folder of its own; the config to run."""
    shutil.rmtree(home / "var", ignore_errors=True)
    home.mkdir(parents=True, exist_ok=True)
    config = home / "config.toml"
    text = f'data_dir = "{home / "var"}"\n[cameras.bench]\nsource = "{case.clip.resolve()}"\n'
    write_file(config, text.encode())
    command = ["-m", "streamer.cli", "--config", str(config)]
    _run([*command, "enrol-folder", str(case.enrol)])
    return config


def _own_score(case: Case, config: Path, fast: bool, say: Callable[[str], None]) -> Score:
    with replay_setting(load_config(config), case.clip, fast) as setting:
        heard = run_replay(setting, lambda frames: None, say)
    say(f"{case.clip.name}: {heard.superseded} of {heard.frames} frames were superseded")
    return score_clip(read_truth(case.truth), heard.said, [] if fast else heard.latencies_ms).score


def _tutorial_score(case: Case, config: Path) -> Score:
    embedder = load_embedder(None, EmbedConfig(), available_cores())
    gallery = GalleryStore(config.parent / "var" / "gallery").load(embedder.fingerprint)
    if gallery is None:
        raise DatasetError(f"{case.enrol}: nobody of it was enrolled")
    loop = TutorialLoop(embedder, gallery, load_impostors(None, embedder.fingerprint))
    return score_clip(read_truth(case.truth), said_by_tutorial(case.clip, loop)).score


def _short(score: Score) -> dict[str, Any]:
    return {key: value for key, value in score.summary().items() if key != "people"}


def _run(arguments: list[str]) -> None:
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise FacestreamError(f"{arguments}: {done.stderr[-2000:]}")
