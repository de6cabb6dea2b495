"""What is counted while the bot runs, for Prometheus: in a registry of its own, so that two bots share nothing."""

from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Final

import aiohttp
from prometheus_client import CollectorRegistry, Counter, Histogram, Metric, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from model.requests import (
    Answer,
    Cancelled,
    Drawing,
    Enlarge,
    Event,
    Executor,
    Failed,
    Job,
    Pictures,
    Question,
    Refused,
    Request,
    Status,
)
from model.requests import Final as Ending

if TYPE_CHECKING:
    from bot.core.client import JanusBot

SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
KINDS: Final = {Drawing: "drawing", Question: "question", Enlarge: "enlargement"}


class Metrics:
    """The counters, and what there is to tell when somebody looks: how the executor and the gateway stand."""

    def __init__(self, bot: "JanusBot") -> None:
        self.registry = CollectorRegistry()
        self.registry.register(Standing(bot))
        ProcessCollector(registry=self.registry)
        self.jobs = Counter("janus_jobs", "Requests that ended, by how.", ["kind", "outcome"], registry=self.registry)
        self.seconds = Histogram(
            "janus_stage_seconds",
            "Seconds that finished requests spent in each stage.",
            ["kind", "stage"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.discord_errors = Counter(
            "janus_discord_errors",
            "Calls to Discord that failed, by status or kind of error.",
            ["error"],
            registry=self.registry,
        )

    def ended(self, request: Request, ending: Ending) -> None:
        """Count a request that ended."""
        kind = KINDS[type(request)]
        match ending:
            case Answer() | Pictures():
                self.jobs.labels(kind, "done").inc()
                for stage, seconds in ending.seconds.items():
                    self.seconds.labels(kind, stage).observe(seconds)
            case Cancelled():
                self.jobs.labels(kind, "cancelled").inc()
            case Failed():
                self.jobs.labels(kind, ending.kind).inc()

    def refused(self, request: Request) -> None:
        """Count a request that the model did not take."""
        self.jobs.labels(KINDS[type(request)], "refused").inc()

    def trace(self) -> aiohttp.TraceConfig:
        """Return what makes an HTTP session count its failures here."""

        async def answered(
            session: aiohttp.ClientSession, context: SimpleNamespace, end: aiohttp.TraceRequestEndParams
        ) -> None:
            if end.response.status >= 400:
                self.discord_errors.labels(str(end.response.status)).inc()

        async def broken(
            session: aiohttp.ClientSession, context: SimpleNamespace, end: aiohttp.TraceRequestExceptionParams
        ) -> None:
            self.discord_errors.labels(type(end.exception).__name__).inc()

        trace = aiohttp.TraceConfig()
        trace.on_request_end.append(answered)
        trace.on_request_exception.append(broken)
        return trace

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)


class Standing(Collector):
    """Asks how the executor and the gateway stand whenever somebody looks."""

    def __init__(self, bot: "JanusBot") -> None:
        self._bot = bot

    def collect(self) -> Iterator[Metric]:
        """Yield the figures."""
        status = self._bot.executor.status()
        gauges = {
            "janus_gateway_ready": ("Whether Discord's events reach the bot.", float(self._bot.connected)),
            "janus_engine_ready": ("Whether the model is loaded and works.", float(status.state == "ready")),
            "janus_queued": ("Requests that wait for their turn.", self._bot.waiting),
            "janus_running": ("Requests that the model works on.", status.running),
            "janus_rows": ("Rows that share a decode step just now.", status.rows),
        }
        for name, (words, value) in gauges.items():
            yield GaugeMetricFamily(name, words, value)
        yield CounterMetricFamily("janus_decode_steps", "Decode steps.", status.steps)
        if status.step_seconds is not None:
            yield GaugeMetricFamily("janus_step_seconds", "Median of the newest decode steps.", status.step_seconds)


class CountedExecutor:
    """An executor whose requests are counted."""

    def __init__(self, executor: Executor, metrics: Metrics) -> None:
        self._executor = executor
        self._metrics = metrics

    async def submit(self, request: Request) -> Job:
        """Take a request. Raises Refused."""
        try:
            return CountedJob(await self._executor.submit(request), request, self._metrics)
        except Refused:
            self._metrics.refused(request)
            raise

    def status(self) -> Status:
        """Tell what is going on."""
        return self._executor.status()

    async def close(self) -> None:
        """End every job and what is behind it."""
        await self._executor.close()


class CountedJob:
    """A job that is counted when its last event is read."""

    def __init__(self, job: Job, request: Request, metrics: Metrics) -> None:
        self._job = job
        self._events = aiter(job)
        self._request = request
        self._metrics = metrics

    @property
    def id(self) -> str:
        """The request's id."""
        return self._job.id

    def cancel(self) -> None:
        """Ask for the end."""
        self._job.cancel()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        event = await anext(self._events)
        if isinstance(event, Ending):
            self._metrics.ended(self._request, event)
        return event
