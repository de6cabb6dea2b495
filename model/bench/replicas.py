"""What several replicas bring: eight members who draw at once, with all replicas and with one."""

import asyncio
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from rich.table import Table

from model.bench.tables import Result
from model.errors import PlainError
from model.opening import open_executor
from model.requests import Drawing, Executor, Failed, Pictures
from model.settings import EngineSettings, ExecutorSettings, ModelSettings

Progress = Callable[[str], None]

MEMBERS: Final = 8
PROMPT: Final = "a red circle on a blue background"


async def throughput(
    model: ModelSettings, engine: EngineSettings, settings: ExecutorSettings, *, rounds: int, progress: Progress
) -> Result:
    """Measure the seconds until eight members have five pictures each, by replicas, and `ratio`: one's over all's.

    Raises PlainError.
    """
    found: Result = {"members": MEMBERS, "pictures": 5}
    for name, many in (("one", replace(settings, replicas=1)), ("all", settings)):
        progress(f"starting {name}")
        executor = open_executor(model, engine, many)
        try:
            await _all_ready(executor)
            status = executor.status()
            await _seconds(executor)  # the first drawings find out what suits the machine
            seconds = []
            for number in range(rounds):
                progress(f"{name}: round {number + 1} of {rounds}")
                seconds.append(await _seconds(executor))
        finally:
            await executor.close()
        found[name] = {
            "replicas": len(status.replicas),
            "seconds": statistics.median(seconds),
            "pictures_a_minute": 60 * MEMBERS * 5 / statistics.median(seconds),
        }
        found |= {"model": status.model, "device": status.device, "dtype": status.dtype}
    return found | {"ratio": found["one"]["seconds"] / found["all"]["seconds"]}


def table(result: Result) -> Table:
    """Lay it out for a person."""
    title = f"{result['members']} members draw five pictures each ({result['model']}, {result['dtype']})"
    shown = Table(title=title, title_justify="left")
    for column in ("replicas", "seconds", "pictures a minute", "times one"):
        shown.add_column(column, justify="right")
    for name, ratio in (("one", 1.0), ("all", result["ratio"])):
        of = result[name]
        shown.add_row(str(of["replicas"]), f"{of['seconds']:.3g}", f"{of['pictures_a_minute']:,.0f}", f"{ratio:.2f}")
    return shown


async def _all_ready(executor: Executor) -> None:
    while (status := executor.status()).state != "ready" or any(of.status.state != "ready" for of in status.replicas):
        if status.state == "failed":
            raise PlainError(status.reason)
        await asyncio.sleep(0.1)


async def _seconds(executor: Executor) -> float:
    """Let everybody draw at once."""

    async def draw(member: int) -> None:
        job = await executor.submit(Drawing(prompt=PROMPT, seed=member, count=5, owner=str(member)))
        async for event in job:
            if isinstance(event, Failed):
                raise PlainError(event.reason)
            if isinstance(event, Pictures):
                return

    began = time.perf_counter()
    await asyncio.gather(*map(draw, range(MEMBERS)))
    return time.perf_counter() - began
