"""The network and the text whose numbers stand on the pages of Part II."""

import numpy as np

from rnnlib import check_gradients
from rnnlib.tiny import SYMBOLS, tiny_network, tiny_text


def test_each_symbol_is_followed_by_the_next():
    inputs, targets = tiny_text()
    assert [SYMBOLS[i] for i in inputs[:, 0]] == ["<BOS>", "a", "b"]
    assert [SYMBOLS[i] for i in targets[:, 0]] == ["a", "b", "<EOS>"]


def test_no_term_can_hide_behind_a_zero():
    model = tiny_network()
    model.loss_and_grads(*tiny_text())
    for name, param in model.params.items():
        if name != "b_y":  # its last number is 0: only differences of logits count
            assert np.all(param != 0), name
    over = model.gradient_over_time(*tiny_text())
    assert np.all(over.dh != 0)
    assert not np.allclose(model.params["W_hh"], model.params["W_hh"].T)


def test_its_gradients_are_right_and_each_call_gives_a_network_of_its_own():
    model, other = tiny_network(), tiny_network()
    check_gradients(model, *tiny_text())
    model.params["W_hh"] += 1
    assert np.all(other.params["W_hh"] == [[0.6, -0.8], [0.5, 0.4]])
