"""`/metrics`, `/healthz` and `/readyz`, as functions that any web server can mount.

With FastAPI, beside whatever already reads events (its subscriber needs `monitor.TOPICS`, too):

    doors = Doors(config)                      # doors.take(message) for every message
    @app.get("/metrics")
    def metrics(request: Request) -> Response:
        body, kind = doors.metrics(request.headers.get("accept", ""))
        return Response(body, media_type=kind)
    @app.get("/healthz")
    def healthz() -> Response:
        status, text = doors.health()
        return PlainTextResponse(text, status)
    @app.get("/readyz")                        # the same with doors.ready()

None of the three names anybody.
"""

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from streamer.config.sections import Config
from streamer.metrics.families import PipelineCollector
from streamer.metrics.judging import judge
from streamer.metrics.monitor import Monitor
from streamer.supervision.process_file import Processes, read_processes


class Doors:
    """`take` messages in one thread; the rest may be called in any."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self.monitor = Monitor()
        self.registry = CollectorRegistry()
        self.registry.register(PipelineCollector(self.monitor.snapshot, self._processes))

    def take(self, message: object) -> None:
        """Note a message of the pipeline's."""
        self.monitor.take(message)

    def metrics(self, accept: str = "") -> tuple[bytes, str]:
        """Return all metrics, and their content type, in the format that is asked for.

        accept: the header of the request.
        """
        encoder, kind = choose_encoder(accept)
        return encoder(self.registry), kind

    def health(self) -> tuple[int, str]:
        """Return 200: whoever answers this is alive, whatever the pipeline does."""
        return 200, "alive\n"

    def ready(self) -> tuple[int, str]:
        """Return 200 while the pipeline is well, or else 503 and a line for each reason."""
        verdict = judge(self.monitor.snapshot(), self._processes(), self._config)
        return 200 if verdict.state == "well" else 503, "\n".join(
            [verdict.state, *verdict.faults, ""]
        )

    def _processes(self) -> Processes | None:
        return read_processes(self._config.run_path)
