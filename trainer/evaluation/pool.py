"""Many jobs at once, by any of joblib's backends: on this machine's cores or on a cluster."""

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from typing import Any

import joblib
from joblib.parallel import get_active_backend

from streamer.errors import ConfigError

BACKENDS = ("loky", "threading", "multiprocessing", "dask", "ray")
_CONNECT_TIMEOUT_S = 10


@dataclass(frozen=True)
class Pool:
    """Who does the work. Raises ConfigError for a backend that is unknown or not installed.

    jobs: how many at once; -1: one for each core. dask_address: of a Dask scheduler; without
    one, the backend dask starts a cluster of processes on this machine. The backend ray joins the
    cluster of the environment's RAY_ADDRESS, and starts one on this machine without it.
    """

    jobs: int = -1
    backend: str = "loky"
    dask_address: str = ""

    def __post_init__(self) -> None:
        if self.backend not in BACKENDS:
            raise ConfigError(
                f"the backend must be one of {', '.join(BACKENDS)}. Received: {self.backend!r}"
            )
        if self.dask_address and self.backend != "dask":
            raise ConfigError("a Dask address must go with the backend dask")
        if self.jobs == 0:
            raise ConfigError("jobs must be -1, or 1 and more. Received: 0")

    def run(self, jobs: Iterator[Any]) -> Iterator[Any]:
        """Run jobs made by `joblib.delayed`, and give each result as soon as it is there.

        `jobs` is read as the work goes on. Where a backend cannot give single results
        (multiprocessing, ray), they come some at a time.
        """
        with self._backend() as options, joblib.parallel_config(n_jobs=self.jobs, **options):
            backend, _ = get_active_backend()
            if backend.supports_return_generator:
                parallel = joblib.Parallel(return_as="generator_unordered", pre_dispatch="2*n_jobs")
                yield from parallel(jobs)
                return
            at_once = 2 * joblib.effective_n_jobs()
            with self._parallel() as parallel:
                while some := list(islice(jobs, at_once)):
                    yield from parallel(some)

    def _parallel(self) -> joblib.Parallel:
        if self.backend != "multiprocessing":
            return joblib.Parallel()
        # Spawned, as a fork of a process with threads, TensorFlow's among them, may hang.
        return joblib.Parallel(n_jobs=self.jobs, backend=multiprocessing.get_context("spawn"))

    @contextmanager
    def _backend(self) -> Iterator[dict[str, Any]]:
        """Make the backend ready; give what `joblib.parallel_config` has to know of it."""
        self._check_installed()
        if self.backend == "dask":
            with self._dask_client() as client:
                yield {"backend": "dask", "client": client}
        elif self.backend == "ray":
            with self._ray():
                yield {"backend": "ray"}
        else:
            yield {"backend": self.backend}

    def _check_installed(self) -> None:
        package = {"dask": "distributed", "ray": "ray.util.joblib"}.get(self.backend)
        try:
            if package:
                import_module(package)
        except ImportError as error:
            raise ConfigError(f"the backend {self.backend} is not installed: {error}") from error

    @contextmanager
    def _ray(self) -> Iterator[None]:
        import ray
        from ray.util.joblib import register_ray

        register_ray()
        ours = not ray.is_initialized()
        if ours:
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing leaves this machine
            if "RAY_ADDRESS" in os.environ:
                ray.init()
            else:
                ray.init(num_cpus=self._workers(), include_dashboard=False)
        try:
            yield
        finally:
            if ours:
                ray.shutdown()

    @contextmanager
    def _dask_client(self) -> Iterator[Any]:
        from distributed import Client, LocalCluster

        if self.dask_address:
            try:
                client = Client(self.dask_address, timeout=_CONNECT_TIMEOUT_S)
            except (OSError, ValueError) as error:
                raise ConfigError(f"{self.dask_address}: no Dask scheduler answers") from error
            with client:
                yield client
            return
        with (
            LocalCluster(
                n_workers=self._workers(), threads_per_worker=1, dashboard_address=None
            ) as cluster,
            Client(cluster) as client,
        ):
            yield client

    def _workers(self) -> int:
        return int(joblib.cpu_count()) if self.jobs < 0 else self.jobs
