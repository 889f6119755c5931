"""Ctrl-C is noted, not obeyed, for as long as the block lasts."""

import signal
import threading

import pytest

from rnnlib.interrupts import Interrupts


@pytest.fixture(autouse=True)
def handler():
    """What stands for Ctrl-C in these tests; whatever they do, it is put back afterwards."""
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield signal.default_int_handler
    signal.signal(signal.SIGINT, before)


def press():
    signal.raise_signal(signal.SIGINT)


def test_the_first_is_noted_and_the_second_raises(handler):
    with pytest.raises(KeyboardInterrupt), Interrupts() as interrupts:
        assert not interrupts.asked
        press()
        assert interrupts.asked
        press()
    assert signal.getsignal(signal.SIGINT) is handler


def test_the_handler_is_put_back_whatever_happens(handler):
    with Interrupts():
        assert signal.getsignal(signal.SIGINT) is not handler
    assert signal.getsignal(signal.SIGINT) is handler
    with pytest.raises(ZeroDivisionError), Interrupts():
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGINT) is handler
    with pytest.raises(KeyboardInterrupt):
        press()


def test_a_block_within_a_block_takes_its_own_interrupts(handler):
    with Interrupts() as outer:
        with Interrupts() as inner:
            press()
        assert inner.asked and not outer.asked
        press()
        assert outer.asked
    assert signal.getsignal(signal.SIGINT) is handler


def test_who_ignores_interrupts_goes_on_ignoring_them():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Interrupts() as interrupts:
        press()
        press()
    assert not interrupts.asked
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_in_another_thread_nothing_is_touched(handler):
    seen = []

    def work():
        with Interrupts() as interrupts:
            seen.append((signal.getsignal(signal.SIGINT), interrupts.asked))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(handler, False)]
