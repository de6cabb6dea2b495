"""What is counted while the bot runs, for Prometheus: in a registry of its own, so that two bots share nothing."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from types import SimpleNamespace
from typing import Final

import aiohttp
from prometheus_client import CollectorRegistry, Counter, Histogram, Metric, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from model.requests import Answer, Cancelled, Failed, Kind, Pictures
from model.requests import Final as Ending
from model.status import Status

STAGES: Final[Mapping[Kind, Sequence[str]]] = {
    "drawing": ("queue", "prefill", "decode", "pixels", "upscale"),
    "question": ("queue", "prefill", "decode"),
    "enlargement": ("queue", "upscale"),
}
OUTCOMES: Final = ("done", "cancelled", "refused", "memory", "unavailable", "died", "bug")
STATUSES: Final = ("400", "401", "403", "404", "413", "429", "500", "502", "503", "504")
OTHER_STATUSES: Final = ("other 4xx", "other 5xx")
BROKEN: Final = "connection"
NEWEST: Final = 20  # drawings that tell how long one takes
SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)


OF_AN_ENGINE: Final[
    Sequence[tuple[str, str, type[GaugeMetricFamily | CounterMetricFamily], Callable[[Status], float | None]]]
] = (
    ("janus_engine_ready", "Whether the model is loaded and works.", GaugeMetricFamily, lambda of: of.state == "ready"),
    ("janus_running", "Requests that the model works on.", GaugeMetricFamily, lambda of: of.running),
    ("janus_rows", "Rows that share a decode step just now.", GaugeMetricFamily, lambda of: of.rows),
    ("janus_decode_steps", "Decode steps.", CounterMetricFamily, lambda of: of.steps),
    ("janus_engine_deaths", "How often the engine died or was stuck.", CounterMetricFamily, lambda of: of.deaths),
    ("janus_step_seconds", "Median of the newest decode steps.", GaugeMetricFamily, lambda of: of.step_seconds),
    (
        "janus_tokens_per_step",
        "Image tokens that each picture got by one of the newest decode steps.",
        GaugeMetricFamily,
        lambda of: of.tokens_per_step,
    ),
)


class Metrics:
    """The counters, and the gauges that are read when somebody looks."""

    def __init__(self, read: Callable[[], "Reading"]) -> None:
        """`read` tells how the gateway and the executor are."""
        self.registry = CollectorRegistry()
        self.registry.register(Gauges(read))
        ProcessCollector(registry=self.registry)
        self.jobs = Counter("janus_jobs", "Requests that ended, by how.", ["kind", "outcome"], registry=self.registry)
        self.seconds = Histogram(
            "janus_stage_seconds",
            "Seconds that finished requests spent in each stage.",
            ["kind", "stage"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self._drawings: deque[float] = deque(maxlen=NEWEST)
        self.discord_errors = Counter(
            "janus_discord_errors",
            "Calls to Discord that failed, by status, or because the connection broke.",
            ["error"],
            registry=self.registry,
        )
        self._begin_at_zero()

    def _begin_at_zero(self) -> None:
        """Have every pair of labels there from the start: Prometheus sees no rise in what begins with a one."""
        for kind, stages in STAGES.items():
            for outcome in OUTCOMES:
                self.jobs.labels(kind, outcome)
            for stage in stages:
                self.seconds.labels(kind, stage)
        for error in (*STATUSES, *OTHER_STATUSES, BROKEN):
            self.discord_errors.labels(error)

    def ended(self, kind: Kind, ending: Ending) -> None:
        """Count a request that ended, or that the model refused."""
        match ending:
            case Answer() | Pictures():
                self.jobs.labels(kind, "done").inc()
                if kind == "drawing":
                    self._drawings.append(sum(ending.seconds.values()) - ending.seconds.get("queue", 0.0))
                for stage, seconds in ending.seconds.items():
                    self.seconds.labels(kind, stage).observe(seconds)
            case Cancelled():
                self.jobs.labels(kind, "cancelled").inc()
            case Failed():
                self.jobs.labels(kind, ending.kind).inc()

    @property
    def drawing_seconds(self) -> float | None:
        """How long the newest drawings took, from when they were begun: their median; None if there was none."""
        return median(self._drawings) if self._drawings else None

    def trace(self) -> aiohttp.TraceConfig:
        """Return what makes an HTTP session count its failures here."""

        async def answered(
            session: aiohttp.ClientSession, context: SimpleNamespace, end: aiohttp.TraceRequestEndParams
        ) -> None:
            if end.response.status >= 400:
                status = str(end.response.status)
                self.discord_errors.labels(status if status in STATUSES else f"other {status[0]}xx").inc()

        async def broken(
            session: aiohttp.ClientSession, context: SimpleNamespace, end: aiohttp.TraceRequestExceptionParams
        ) -> None:
            self.discord_errors.labels(BROKEN).inc()

        trace = aiohttp.TraceConfig()
        trace.on_request_end.append(answered)
        trace.on_request_exception.append(broken)
        return trace

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)


@dataclass(frozen=True, slots=True)
class Reading:
    """How the gateway and the executor are at one moment."""

    connected: bool  # Discord's events reach the bot
    waiting: int  # accepted requests that do not run yet
    status: Status


class Gauges(Collector):
    """Takes a reading whenever somebody looks."""

    def __init__(self, read: Callable[[], Reading]) -> None:
        self._read = read

    def collect(self) -> Iterator[Metric]:
        """Yield the figures."""
        now = self._read()
        connected, waiting = float(now.connected), now.waiting
        yield GaugeMetricFamily("janus_gateway_ready", "Whether Discord's events reach the bot.", connected)
        yield GaugeMetricFamily("janus_queued", "Accepted requests that do not run yet.", waiting)
        for name, words, kind, figure in OF_AN_ENGINE:
            family = kind(name, words, labels=["replica"] if now.status.replicas else [])
            for labels, status in _engines(now.status):
                value = figure(status)
                if value is not None:
                    family.add_metric(labels, value)
            if family.samples:
                yield family


def _engines(status: Status) -> Iterator[tuple[list[str], Status]]:
    """Tell of each engine by what labels it is known, and how it is: of each replica, those aside that were drained."""
    if not status.replicas:
        yield [], status
    for replica in status.replicas:
        if replica.status.state != "closed":
            yield [replica.name], replica.status
