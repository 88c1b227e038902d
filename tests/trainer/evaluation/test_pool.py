import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import joblib
import pytest

from streamer.errors import ConfigError
from trainer.evaluation.pool import Pool


def installed(package: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        importlib.util.find_spec(package) is None, reason=f"{package} is not installed"
    )


def squares(pool: Pool, count: int) -> list[int]:
    jobs = (joblib.delayed(pow)(number, 2) for number in range(count))
    return sorted(pool.run(jobs))


@pytest.mark.parametrize(
    "backend",
    [
        "loky",
        "threading",
        "multiprocessing",
        pytest.param("dask", marks=installed("distributed")),
        pytest.param("ray", marks=installed("ray")),
    ],
)
@pytest.mark.filterwarnings("default")  # of the packages behind the backends
def test_every_backend_does_all_jobs_and_none_at_all(backend: str) -> None:
    pool = Pool(2, backend)
    assert squares(pool, 11) == [number * number for number in range(11)]
    assert squares(pool, 0) == []


@pytest.mark.parametrize("backend", ["threading", "multiprocessing"])
def test_results_come_before_all_jobs_are_made(backend: str) -> None:
    made = []

    def jobs() -> Iterator[object]:
        for number in range(1000):
            made.append(number)
            yield joblib.delayed(abs)(-number)

    results = Pool(1, backend).run(jobs())
    next(results)
    assert len(made) < 20
    results.close()  # type: ignore[attr-defined]


@installed("distributed")
@pytest.mark.filterwarnings("default")
def test_a_dask_scheduler_is_used_by_its_address(folder: Path) -> None:
    from distributed import LocalCluster

    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        assert squares(Pool(-1, "dask", cluster.scheduler_address), 5) == [0, 1, 4, 9, 16]


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ConfigError, match="must be one of"):
        Pool(1, "spark")
    with pytest.raises(ConfigError, match="jobs must be"):
        Pool(0)
    with pytest.raises(ConfigError, match="go with the backend dask"):
        Pool(1, "loky", "tcp://127.0.0.1:1")


@pytest.mark.parametrize(
    ("backend", "package"), [("dask", "distributed"), ("ray", "ray.util.joblib")]
)
def test_a_backend_that_is_not_installed_is_named(
    backend: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigError, match=f"{backend} is not installed"):
        squares(Pool(1, backend), 1)
