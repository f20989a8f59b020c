"""Starting, listing and ending switchback experiments over gRPC. What they do to a ranking is in `knowledge` and `simpatico.routing`."""

from __future__ import annotations

from simpatico.profiles import experiments
from simpatico.profiles.experiments import Experiment
from simpatico.routing.experiment import Schedule
from simpatico.server.access.principals import acting
from simpatico.server.memory import Memory
from simpatico.server.routing.knowledge import Knowledge
from simpatico.server.routing.router import new_seed
from simpatico.v1 import routing_service_pb2 as pb

__all__ = ["Experimenting"]


class Experimenting:
    """The three methods.

    Parameters
    ----------
    memory, knowledge
        Of the process.
    """

    def __init__(self, memory: Memory, knowledge: Knowledge) -> None:
        self._memory = memory
        self._knowledge = knowledge

    async def start(self, request: pb.StartExperimentRequest) -> pb.StartExperimentResponse:
        """Serve ``StartExperiment``."""
        asked = request.experiment
        schedule = Schedule(asked.experiment_id, asked.start_s, asked.end_s, asked.block_s, asked.washout_s, seed=new_seed(), aa=asked.aa)
        config = experiments.pack_schedule(schedule)
        started = await self._memory.store.write(acting(), experiments.start, asked.experiment_id, asked.queue, config)
        await self._changed()
        return pb.StartExperimentResponse(experiment=_to_proto(started))

    async def list(self, request: pb.ListExperimentsRequest) -> pb.ListExperimentsResponse:  # noqa: ARG002  # it says nothing
        """Serve ``ListExperiments``."""
        found = await self._memory.store.read(experiments.list_experiments)
        return pb.ListExperimentsResponse(experiments=[_to_proto(experiment) for experiment in found])

    async def end(self, request: pb.EndExperimentRequest) -> pb.EndExperimentResponse:
        """Serve ``EndExperiment``."""
        await self._memory.store.write(acting(), experiments.end, request.experiment_id)
        await self._changed()
        return pb.EndExperimentResponse()

    async def _changed(self) -> None:
        await self._knowledge.renew_declared()
        self._knowledge.tell()


def _to_proto(experiment: Experiment) -> pb.Experiment:
    schedule = experiments.schedule_of(experiment)
    return pb.Experiment(
        experiment_id=experiment.experiment_id,
        queue=experiment.queue,
        start_s=schedule.start_s,
        end_s=schedule.end_s,
        block_s=schedule.block_s,
        washout_s=schedule.washout_s,
        aa=schedule.aa,
        ended_at_s=experiment.ended_at_s,
    )
