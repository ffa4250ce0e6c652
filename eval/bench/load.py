"""The load generator: a process of its own that posts bodies over many connections.

`python -m eval.bench.load` reads a `Load` as JSON from its input and writes a
`LoadResult` to its output.
"""

import asyncio
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from urllib.parse import urlsplit

from pydantic import BaseModel

from eval.bench.connection import Connection, get_request, post_request
from eval.errors import EvaluationError


class Load(BaseModel):
    """`bodies` posted to `url` by `clients` connections, each always with one request out.

    `targets`, paths with their query strings at the host of `url`, are asked for by GET.
    """

    url: str
    clients: int
    bodies: list[str] = []
    targets: list[str] = []
    api_key: str | None = None

    def requests(self) -> list[bytes]:
        """Return the bytes of every request."""
        address = urlsplit(self.url)
        posts = [post_request(address, body.encode(), self.api_key) for body in self.bodies]
        return posts + [get_request(address, target, self.api_key) for target in self.targets]


class LoadResult(BaseModel):
    """What came back: wall time, seconds of each request, and how many had which status.

    Status 0 stands for a lost connection.
    """

    seconds: float
    latencies: list[float]
    statuses: dict[int, int]

    @property
    def failures(self) -> int:
        """Requests without an answer of 200."""
        return sum(count for status, count in self.statuses.items() if status != 200)

    @property
    def per_s(self) -> float:
        """Answers of 200 a second."""
        return (len(self.latencies) - self.failures) / self.seconds


def generate(load: Load) -> LoadResult:
    """Run `load` in a process of its own."""
    command = [sys.executable, "-m", "eval.bench.load"]
    done = subprocess.run(
        command, input=load.model_dump_json(), text=True, capture_output=True, check=False
    )
    if done.returncode:
        raise EvaluationError(f"the load generator failed: {done.stderr.strip()[-500:]}")
    return LoadResult.model_validate_json(done.stdout)


async def run(load: Load) -> LoadResult:
    """Run `load` in this process."""
    requests = iter(load.requests())
    latencies: list[float] = []
    statuses: Counter[int] = Counter()
    start = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(load.clients):
            group.create_task(_client(load.url, requests, latencies, statuses))
    return LoadResult(
        seconds=time.perf_counter() - start, latencies=latencies, statuses=dict(statuses)
    )


async def _client(
    url: str, requests: Iterator[bytes], latencies: list[float], statuses: Counter[int]
) -> None:
    address = urlsplit(url)
    connection: Connection | None = None
    for request in requests:
        start = time.perf_counter()
        try:
            if connection is None or not connection.usable:
                connection = await Connection.open(address)
            status = await connection.send(request)
        except OSError:
            status, connection = 0, None
        statuses[status] += 1
        latencies.append(time.perf_counter() - start)
    if connection is not None:
        connection.close()


def main() -> None:
    """Run the load that stands on the standard input."""
    result = asyncio.run(run(Load.model_validate_json(sys.stdin.read())))
    sys.stdout.write(result.model_dump_json())


if __name__ == "__main__":
    main()
