import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor

from trainer.support.stopping import end_with_parent, stoppable


def interrupt_oneself(number: int) -> int:
    os.kill(os.getpid(), signal.SIGINT)
    return number


def test_ctrl_c_is_the_parents_alone() -> None:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=end_with_parent) as pool:
        assert list(pool.map(interrupt_oneself, range(3))) == [0, 1, 2]


def test_a_stop_is_asked_for_and_not_taken() -> None:
    before = signal.getsignal(signal.SIGINT)
    with stoppable() as stopped:
        assert not stopped()
        os.kill(os.getpid(), signal.SIGINT)
        assert stopped()
    assert signal.getsignal(signal.SIGINT) is before
