"""Trials as Ray tasks, one for each index."""

import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any

from eval.datasets.base import Dataset
from eval.progress import Progress
from eval.suites.spec import Collection
from eval.sweep.pair_scores import PairScores
from eval.sweep.trials import Job, Measured, measured, retrieved
from eval.sweep.workplace import Workplace
from retrieval.errors import PmovesError

_LEAST_CPUS = 0.1


def trial_cpus(free: float) -> float:
    """Return the CPUs of one trial: one, or the `free` ones that the deployments of a mesh leave.

    A trial that asked for more would wait for ever.
    """
    return min(1.0, max(_LEAST_CPUS, math.floor(100 * free) / 100))


class RayTrials:
    """Measures each job in a task of its own on the Ray that `RAY_ADDRESS` names.

    Nodes that do not share the folder of `place` make their own indexes in it. Timed
    jobs run one after the other, so that none slows another down.
    """

    def __init__(
        self,
        place: Workplace,
        collections: Mapping[Collection, Dataset],
        progress: Progress,
    ) -> None:
        # Takes seconds to import.
        import ray

        if not ray.is_initialized():
            ray.init(address="auto", log_to_driver=False, logging_level=logging.ERROR)
        self._place = ray.put(place)
        self._collections = {name: ray.put(dataset) for name, dataset in collections.items()}
        free: Any = ray.available_resources()  # type: ignore[no-untyped-call]
        self._measure: Any = ray.remote(num_cpus=trial_cpus(free.get("CPU", 0.0)))(_measured)
        self._progress = progress

    def run(self, jobs: Sequence[Job]) -> list[Measured]:
        """Return what each job measured, in their order."""
        if any(job.timed for job in jobs):
            return [found for job in jobs for found in self._gathered([job])]
        return self._gathered(jobs)

    def _gathered(self, jobs: Sequence[Job]) -> list[Measured]:
        import ray

        tasks = [
            self._measure.remote(self._place, self._collections[job.collection], job)
            for job in jobs
        ]
        left: list[ray.ObjectRef[Any]] = list(tasks)
        while left:
            _, left = ray.wait(left)
            self._progress("trials", len(tasks) - len(left), len(tasks))
        try:
            return list(ray.get(tasks))
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, PmovesError):
                raise error.cause from None
            raise


def _measured(place: Workplace, dataset: Dataset, job: Job) -> Measured:
    lists = retrieved(place, dataset, job.index, _silent)
    return measured(place, dataset, job, lists, PairScores(place), _silent)


def _silent(stage: str, done: int, total: int) -> None:
    """Progress of a task has no terminal."""
