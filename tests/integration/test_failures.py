"""A process killed in the middle of a run: it is replaced, people are named on, accounts add up.

A process that is killed takes with it what it had counted since its last report, a second's worth
at most. So one stage may have handed on a little more than the next has received, or the other way
round, where one of the two was killed; everywhere else they are the same to the last crop.
"""

from pathlib import Path

from streamer.client.totals import run_of
from streamer.wire.counters import StageCount
from tests.integration.harness import Pipeline, leftovers
from workers.gallery.version import Gallery

CONFIG = """
[cameras.door]
source = "{clip}"
loop = true
[embed]
workers = 2
"""
PEOPLE = {"Eileen Collins", "Grace Hopper"}


def kill(pipeline: Pipeline, name: str) -> str:
    """Kill a process, wait for the next one's first report; what tells the killed run apart."""
    process = pipeline.role(name)
    assert process is not None
    role = name.partition("-")[0]

    def runs() -> set[str]:
        reports = [stats for stats in pipeline.stats.values() if stats.role == role]
        return {run_of(stats)[2] for stats in reports if name in (stats.role, stats.name)}

    pipeline.wait(f"a report of {name}", runs)
    before = runs()
    process.kill()
    pipeline.wait(f"a report of another {name}", lambda: runs() > before)
    (killed,) = before
    return killed


def name_people_through_a_kill(pipeline: Pipeline, clip: Path, name: str) -> dict[str, StageCount]:
    """Run, kill, go on and stop; the account afterwards."""
    pipeline.start(CONFIG.format(clip=clip))
    pipeline.wait("both names", lambda: pipeline.named() == PEOPLE)
    killed = kill(pipeline, name)
    pipeline.events.clear()
    pipeline.wait("both names again", lambda: pipeline.named() == PEOPLE)
    assert pipeline.stop() == 0
    for stats in pipeline.stats.values():
        for stage in stats.stages:
            assert stage.unaccounted == 0, (stats.role, stats.name, stage)
            assert stage.pending == 0 or run_of(stats)[2] == killed, (stats.role, stage)
    assert leftovers(pipeline.folder) == []
    return pipeline.totals()


def test_a_worker_killed_in_the_middle_costs_no_crop(
    pipeline: Pipeline, gallery: Gallery, clip: Path
) -> None:
    totals = name_people_through_a_kill(pipeline, clip, "embed-1")
    assert totals["faces"].forwarded == totals["crops"].received
    assert totals["crops"].forwarded == totals["embeddings"].received
    # Dispatch counts a crop once however often it is handed out; the killed worker's last ones
    # are in no report of its own.
    assert "worker_lost" not in totals["crops"].dropped
    assert totals["dispatch messages"].dropped == {}


def test_a_dispatch_killed_in_the_middle_costs_what_it_held(
    pipeline: Pipeline, gallery: Gallery, clip: Path
) -> None:
    totals = name_people_through_a_kill(pipeline, clip, "dispatch")
    # The killed one may have taken crops, and handed embeddings on, after its last report.
    assert totals["faces"].forwarded >= totals["crops"].received
    assert totals["embeddings"].received >= totals["crops"].forwarded
    # A worker may have answered the next one with a batch of the killed one.
    assert set(totals["dispatch messages"].dropped) <= {"late"}
    assert totals["identify messages"].dropped == {}


def test_an_identify_killed_in_the_middle_costs_what_it_held(
    pipeline: Pipeline, gallery: Gallery, clip: Path
) -> None:
    totals = name_people_through_a_kill(pipeline, clip, "identify")
    assert totals["faces"].forwarded == totals["crops"].received
    # The killed one may have taken embeddings after its last report.
    assert totals["crops"].forwarded >= totals["embeddings"].received
    assert totals["dispatch messages"].dropped == {}
