"""Work in threads: what a failure leaves."""

from __future__ import annotations

import time

import pytest

from heterodyne_nlsq import parallel
from heterodyne_nlsq.parallel import beside, each


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_after_a_failure_nothing_else_is_begun(monkeypatch: pytest.MonkeyPatch, failure: type[BaseException]) -> None:
    monkeypatch.setattr(parallel, "available_cores", lambda: 2)
    begun = []

    def work(number: int) -> int:
        begun.append(number)
        if number == 0:
            raise failure
        time.sleep(0.2)
        return number

    with pytest.raises(failure):
        each(work, range(40))
    assert len(begun) < 10


def test_values_come_in_the_order_of_the_items_and_beside_what_else_is_done() -> None:
    assert each(lambda number: number**2, range(20)) == [number**2 for number in range(20)]
    done = []
    assert beside(lambda: 7, lambda: done.append(1)) == 7
    assert done == [1]
