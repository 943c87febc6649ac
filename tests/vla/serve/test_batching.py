"""Several robots at once get what each would get alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from tests.vla.serve.by_hand import BINARY, ByHand, pack
from tests.vla.serve.tiny import SUBGOAL, expected, observation, request, serving
from vla.serve.client import Endpoint, RemotePolicy
from vla.serve.server import Limits
from vla.types import ActionChunk


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    assert condition()


@pytest.mark.parametrize(("max_batch", "batches"), [(8, [1, 4]), (3, [1, 3, 1]), (1, [1] * 5)])
def test_what_comes_while_the_policy_is_busy_shares_the_next_pass(max_batch: int, batches: list[int]) -> None:
    with serving(Limits(max_batch=max_batch)) as served:
        policies = [RemotePolicy(Endpoint(served.url, read_timeout=20.0)) for _ in range(5)]
        chunks: list[ActionChunk | None] = [None] * len(policies)

        def ask(index: int) -> None:
            chunks[index] = policies[index].predict_chunk(observation(index, time=index), SUBGOAL)

        threads = [threading.Thread(target=ask, args=(index,)) for index in range(len(policies))]
        served.policy.gate.clear()
        threads[0].start()
        eventually(lambda: served.policy.batches == [1])
        for thread in threads[1:]:
            thread.start()
        eventually(lambda: served.server._batcher._queue.qsize() == 4)
        served.policy.gate.set()
        for thread in threads:
            thread.join(20.0)
        assert served.policy.batches == batches
        for index, chunk in enumerate(chunks):
            assert chunk is not None
            assert chunk.start_time == index
            np.testing.assert_array_equal(chunk.actions, expected(observation(index), SUBGOAL))
        assert served.server.metrics.value("vla_serve_batch_size_count") == len(batches)
        assert served.server.metrics.value("vla_serve_batch_size_sum") == 5
        for policy in policies:
            policy.close()


def test_a_client_that_leaves_while_it_waits_does_not_disturb_the_others() -> None:
    with serving() as served, ByHand(served.port) as staying:
        staying.receive()
        served.policy.gate.clear()
        with ByHand(served.port) as leaving:
            leaving.receive()
            leaving.send(pack(request()))
            eventually(lambda: served.policy.batches == [1])
        staying.send(pack(request()))
        eventually(lambda: served.server._batcher._queue.qsize() == 1)
        served.policy.gate.set()
        assert staying.receive()[0] == BINARY
        eventually(lambda: served.clients() == 1)
