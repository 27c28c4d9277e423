import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vergence.geometry.rows import by_rows


@given(rows=st.integers(0, 500))
def test_every_row_is_done_exactly_once(rows):
    done = np.zeros(rows, int)

    def kernel(first, last, out):
        out[first:last] += 1

    by_rows(kernel, rows, done)
    assert (done == 1).all()


def test_an_error_in_a_band_reaches_the_caller():
    def kernel(first, last):
        raise ValueError("a band")

    with pytest.raises(ValueError, match="a band"):
        by_rows(kernel, 1000)


def test_two_callers_at_once_do_not_wait_for_each_other_forever():
    def kernel(first, last, out):
        out[first:last] = first

    outs = [np.zeros(2000) for _ in range(4)]
    threads = [threading.Thread(target=by_rows, args=(kernel, 2000, out)) for out in outs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in threads)
