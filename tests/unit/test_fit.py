"""Training: fit is the loop written by hand, stops where it should, goes on where it stopped."""

import copy
import io
import signal
from contextlib import redirect_stderr

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rnnlib
from rnnlib import checkpoint, progress
from rnnlib.batching import Batch, Sequences, Stream
from rnnlib.clipping import clip_global_norm
from rnnlib.history import DivergenceError, FitHistory
from rnnlib.optim import SGD, Adam, HalveOnRise, RMSProp
from rnnlib.train import fit, mean_loss

D, H, V, T, N = 5, 4, 3, 6, 11


def rng(seed=0):
    return np.random.default_rng(seed)


class Watched(rnnlib.RNN):
    """A network that does something of its own at its n-th call."""

    _calls = 0

    @property
    def calls(self):
        return self._calls

    def at(self, n, act):
        self._at, self._act = n, act
        return self

    def loss_and_grads(self, *args):
        self._calls += 1
        if self.calls == getattr(self, "_at", None):
            self._act()
        return super().loss_and_grads(*args)


def network(seed=0, **choices):
    return Watched(D, H, V, rng=rng(seed), **choices)


def masked(generator, shape):
    mask = generator.random(shape) < 0.6
    mask[0] = True
    return mask


def sequences(seed=1, n=N, size=4, mask=True, outputs="all"):
    generator = rng(seed)
    x = generator.integers(D, size=(T, n))
    y = generator.integers(V, size=(T, n) if outputs == "all" else n)
    return Sequences(x, y, masked(generator, (T, n)) if mask else None, batch_size=size)


def stream(seed=1, carry=True, window=4, length=22):
    generator = rng(seed)
    x, y = generator.integers(D, size=(length, 2)), generator.integers(V, size=(length, 2))
    return Stream(x, y, window=window, carry=carry)


KINDS = {
    "sequences": lambda seed=1: sequences(seed),
    "carried": lambda seed=1: stream(seed),
    "windows": lambda seed=1: stream(seed, carry=False),
}
OPTIMIZERS = {
    "sgd": lambda: SGD(0.05, momentum=0.9),
    "adam": lambda: Adam(0.02),
    "rmsprop": lambda: RMSProp(0.01),
    "halving": lambda: HalveOnRise(Adam(0.2)),
}
each_kind = pytest.mark.parametrize("kind", KINDS)


def press():
    signal.raise_signal(signal.SIGINT)


def quiet(model, optimizer, data, **options):
    return fit(model, optimizer, data, progress=False, **options)


def assert_same_bits(got, wanted):
    assert got.keys() == wanted.keys()
    for name, value in wanted.items():
        got_array, array = np.asarray(got[name]), np.asarray(value)
        assert got_array.dtype == array.dtype and got_array.shape == array.shape, name
        assert got_array.tobytes() == array.tobytes(), name


def copies(params):
    return {name: param.copy() for name, param in params.items()}


# --- The loop written by hand --------------------------------------------------------------------


def batches_by_hand(data, generator):
    """Inputs, targets, mask and whether the state is fresh: written once more, another way."""
    if isinstance(data, Sequences):
        left = generator.permutation(data.inputs.shape[1]).tolist()
        while left:
            now, left = left[: data.batch_size], left[data.batch_size :]
            y = data.targets[now] if data.targets.ndim == 1 else data.targets[:, now]
            yield data.inputs[:, now], y, data.mask[:, now] if data.mask is not None else None, True
        return
    begins = list(range(0, len(data.inputs), data.window))
    if not data.carry:
        begins = np.array(begins)
        generator.shuffle(begins)
    for i, begin in enumerate(begins):
        end = begin + data.window
        yield data.inputs[begin:end], data.targets[begin:end], None, i == 0 or not data.carry


def train_by_hand(model, optimizer, data, epochs, generator, limit=None):
    """Return the loss of every single token that was learned from, by epoch and batch."""
    every = []
    for _ in range(epochs):
        tokens, state = [], None
        for x, y, mask, fresh in batches_by_hand(data, generator):
            start = None if fresh else state
            tokens.append(token_losses(model, x, y, mask, start))
            loss, grads, state = model.loss_and_grads(x, y, start, mask)
            if limit is not None:
                grads = clip_global_norm(grads, limit).grads
            optimizer.step(model.params, grads, loss)
        every.append(tokens)
    return every


def token_losses(model, x, y, mask, state):
    """−log ŷ[y] of each output that counts, from what the network predicts."""
    p, _ = model.predict(x, state, mask)
    losses = -np.log(np.take_along_axis(p, y[..., None], axis=-1)[..., 0])
    if mask is not None and model.outputs == "all":
        losses = losses[mask]
    return losses.ravel().tolist()


def assert_told(history, tokens):
    """The history tells of each batch, and of each epoch, the mean over its tokens."""
    steps = [np.mean(batch) for epoch in tokens for batch in epoch]
    assert history.step_loss == pytest.approx(steps, rel=1e-12)
    epochs = [np.concatenate(epoch) for epoch in tokens]
    assert history.train_loss == pytest.approx([np.mean(e) for e in epochs], rel=1e-12)
    assert history.tokens == [len(e) for e in epochs]


@settings(max_examples=25)
@given(
    kind=st.sampled_from([*KINDS]),
    optimizer=st.sampled_from([*OPTIMIZERS]),
    cell=st.sampled_from(["tanh", "lstm", "gru"]),
    reduction=st.sampled_from(["sum", "mean"]),
    initial=st.sampled_from(["zero", "learned"]),
    limit=st.sampled_from([None, 0.3]),
    seed=st.integers(0, 99),
)
def test_fit_is_the_loop_written_by_hand(kind, optimizer, cell, reduction, initial, limit, seed):
    choices = {"cell": cell, "reduction": reduction, "initial_state": initial}
    one, other = network(seed, **choices), network(seed, **choices)
    data, learner = KINDS[kind](), OPTIMIZERS[optimizer.replace("halving", "adam")]
    ours, theirs = rng(seed), rng(seed)
    clip = None if limit is None else lambda g: clip_global_norm(g, limit)
    history = quiet(one, learner(), data, epochs=3, rng=ours, clip=clip)
    tokens = train_by_hand(other, learner(), data, 3, theirs, limit)
    assert_same_bits(one.params, other.params)
    assert ours.bit_generator.state == theirs.bit_generator.state
    assert_told(history, tokens)
    assert len(history.step_loss) == len(history.step_norm) == 3 * len(data)
    assert history.stopped == "finished" and history.validation_loss == []


@pytest.mark.parametrize("mask", [True, False])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_a_network_that_answers_at_the_end_counts_sequences(mask, reduction):
    data = sequences(mask=mask, outputs="last")
    one, other = (network(outputs="last", reduction=reduction) for _ in range(2))
    history = quiet(one, SGD(0.1), data, epochs=2, rng=rng(), validation=data)
    tokens = train_by_hand(other, SGD(0.1), data, 2, rng())
    assert_same_bits(one.params, other.params)
    assert history.tokens == [N, N]
    assert_told(history, tokens)


def test_a_network_without_masks_or_settings_is_trained_like_any_other():
    x, t = rnnlib.published_counting_task()
    net, by_hand = rnnlib.LinearRNN(-1.5, 2), rnnlib.LinearRNN(-1.5, 2)
    history = quiet(net, rnnlib.RProp("iRprop+"), Sequences(x, t, batch_size=20), epochs=20)
    wanted = rnnlib.descend(by_hand, rnnlib.RProp("iRprop+"), x, t, 20)
    assert net.params == by_hand.params
    assert history.step_loss == pytest.approx(wanted.loss[:-1].tolist(), rel=1e-15)
    uneven = Sequences(x, t, batch_size=7)
    assert mean_loss(net, uneven) == pytest.approx(wanted.loss[-1], rel=1e-12)


def test_the_graph_is_trained_as_the_network_is():
    model, text = network(), stream()
    graph = rnnlib.GraphRNN(model.params)
    histories = [quiet(each, SGD(0.1), text, epochs=2, validation=text) for each in (model, graph)]
    for told in ("step_loss", "train_loss", "validation_loss"):
        one, other = (getattr(history, told) for history in histories)
        assert one == pytest.approx(other, rel=1e-10)


def test_the_norm_is_that_of_the_gradient_before_clipping():
    data, model = sequences(), network()
    batch = next(data.epoch(rng()))
    _, grads, _ = network().loss_and_grads(batch.inputs, batch.targets, None, batch.mask)
    wanted = np.sqrt(sum(np.sum(g**2) for g in grads.values()))
    history = quiet(
        model, SGD(0.1), data, epochs=1, rng=rng(), clip=lambda g: clip_global_norm(g, 0.1)
    )
    assert history.step_norm[0] == pytest.approx(wanted, rel=1e-12)
    assert wanted > 0.1


def test_the_rate_is_that_of_the_epoch_and_the_optimiser_hears_of_the_validation_loss():
    heard = []

    class Listens(SGD):
        def observe(self, loss):
            heard.append(loss)
            self.learning_rate /= 2

    history = quiet(network(), Listens(0.4), sequences(), epochs=3, validation=sequences(2))
    assert heard == history.validation_loss
    assert history.learning_rate == [0.4, 0.2, 0.1]
    heard.clear()
    history = quiet(network(), Listens(0.4), sequences(), epochs=3)
    assert heard == history.train_loss
    history = quiet(rnnlib.LinearRNN(1, 1), rnnlib.RProp(), counting(), epochs=1)
    assert np.isnan(history.learning_rate).all()


def counting():
    return Sequences(*rnnlib.published_counting_task(), batch_size=8)


def test_no_epochs_change_nothing():
    model, generator = network(), rng()
    history = quiet(model, SGD(0.1), sequences(), epochs=0, rng=generator)
    assert history == FitHistory(stopped="finished")
    assert_same_bits(model.params, network().params)
    assert generator.bit_generator.state == rng().bit_generator.state


# --- The honest loss -----------------------------------------------------------------------------


@settings(max_examples=25)
@given(
    st.permutations(range(N)),
    st.integers(1, N + 1),
    st.sampled_from(["sum", "mean"]),
    st.sampled_from(["all", "last"]),
)
def test_the_honest_loss_depends_on_neither_order_nor_batch_size(order, size, reduction, outputs):
    model = network(reduction=reduction, outputs=outputs)
    data = sequences(outputs=outputs)
    turned = Sequences(
        data.inputs[:, order], data.targets[..., order], data.mask[:, order], batch_size=size
    )
    tokens = token_losses(model, data.inputs, data.targets, data.mask, None)
    assert mean_loss(model, data) == pytest.approx(np.mean(tokens), rel=1e-12)
    assert mean_loss(model, turned) == pytest.approx(np.mean(tokens), rel=1e-12)


@pytest.mark.parametrize("cell", ["tanh", "lstm", "gru"])
def test_a_carried_state_makes_windows_as_good_as_the_whole_text(cell):
    model, text = network(cell=cell), stream()
    whole = token_losses(model, text.inputs, text.targets, None, None)
    for window in (1, 3, 4, 22, 30):
        cut = Stream(text.inputs, text.targets, window=window)
        assert mean_loss(model, cut) == pytest.approx(np.mean(whole), rel=1e-12)
    parts = [
        token_losses(model, text.inputs[i : i + 4], text.targets[i : i + 4], None, None)
        for i in range(0, 22, 4)
    ]
    fresh = Stream(text.inputs, text.targets, window=4, carry=False)
    assert mean_loss(model, fresh) == pytest.approx(np.mean(np.concatenate(parts)), rel=1e-12)
    assert mean_loss(model, fresh) != pytest.approx(np.mean(whole), rel=1e-6)


@each_kind
def test_validation_changes_nothing(kind):
    data, validation = KINDS[kind](), KINDS[kind](2)
    one, other = network(cell="lstm"), network(cell="lstm")
    ours, theirs = rng(), rng()
    history = quiet(one, Adam(0.02), data, epochs=3, rng=ours, validation=validation)
    quiet(other, Adam(0.02), data, epochs=3, rng=theirs)
    assert_same_bits(one.params, other.params)
    assert ours.bit_generator.state == theirs.bit_generator.state
    assert validation.fingerprint() == KINDS[kind](2).fingerprint()
    assert history.validation_loss[-1] == mean_loss(one, validation)
    assert len(history.validation_loss) == 3


def test_validation_draws_nothing_at_random():
    class Ordered(Sequences):
        def epoch(self, generator):
            assert generator is None
            return super().epoch(None)

    data = sequences(2)
    validation = Ordered(data.inputs, data.targets, data.mask, batch_size=2)
    history = quiet(network(), SGD(0.1), sequences(), epochs=1, rng=rng(), validation=validation)
    assert len(history.validation_loss) == 1


# --- Patience ------------------------------------------------------------------------------------


def test_patience_stops_and_brings_the_best_back():
    data, validation = (
        sequences(n=8),
        sequences(seed=5, n=40),
    )  # nothing to be learned: it gets worse
    seen = []
    model = network()
    history = quiet(
        model,
        Adam(0.05),
        data,
        epochs=60,
        rng=rng(),
        validation=validation,
        patience=3,
        callback=lambda model, history: seen.append(copies(model.params)),
    )
    losses = history.validation_loss
    assert history.stopped == "early"
    assert history.best_epoch == len(losses) - 3 == 1 + int(np.argmin(losses))
    assert_same_bits(model.params, seen[history.best_epoch - 1])
    assert mean_loss(model, validation) == min(losses)
    # Up to there, it is the run without patience.
    free = quiet(network(), Adam(0.05), data, epochs=len(losses), rng=rng(), validation=validation)
    assert free.validation_loss == losses and free.step_loss == history.step_loss


def test_a_run_that_ends_before_its_patience_has_the_best_too_and_without_patience_the_last():
    data, validation = sequences(n=8), sequences(seed=5, n=40)
    options = {"epochs": 30, "validation": validation}
    model, plain = network(), network()
    history = quiet(model, Adam(0.05), data, patience=40, rng=rng(), **options)
    assert history.stopped == "finished" and history.best_epoch < 30
    assert mean_loss(model, validation) == min(history.validation_loss)
    history = quiet(plain, Adam(0.05), data, rng=rng(), **options)
    assert (
        mean_loss(plain, validation) == history.validation_loss[-1] > min(history.validation_loss)
    )


# --- Callbacks -----------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [True, np.True_])
def test_a_callback_sees_each_epoch_and_can_end_the_run(answer):
    seen = []

    def callback(seen_model, history):
        assert seen_model is model and history.stopped == "running"
        seen.append((len(history.train_loss), len(history.validation_loss)))
        return answer if len(seen) == 3 else None

    model = network()
    history = quiet(
        model, SGD(0.1), sequences(), epochs=9, validation=sequences(2), callback=callback
    )
    assert seen == [(1, 1), (2, 2), (3, 3)]
    assert history.stopped == "callback"


@pytest.mark.parametrize("answer", [None, False, 1, "stop", [3]])
def test_other_answers_of_a_callback_mean_nothing(answer):
    history = quiet(network(), SGD(0.1), sequences(), epochs=2, callback=lambda *_: answer)
    assert history.stopped == "finished"


# --- Interrupts ----------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def handler():
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    after = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, before)
    assert after is signal.default_int_handler  # put back, whatever happened


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7])
def test_an_interrupt_ends_the_run_after_the_running_step(n):
    model, by_hand, left = network().at(n, press), network(), n
    history = quiet(model, Adam(0.02), sequences(), epochs=5, rng=rng())
    assert history.stopped == "interrupted"
    assert model.calls == n == len(history.step_loss)
    assert len(history.train_loss) == (n - 1) // 3  # an epoch is over when all of it is done
    optimizer, generator = Adam(0.02), rng()
    while left > 0:
        for x, y, mask, _ in batches_by_hand(sequences(), generator):
            if left > 0:
                loss, grads, _ = by_hand.loss_and_grads(x, y, None, mask)
                optimizer.step(by_hand.params, grads, loss)
                left -= 1
    assert_same_bits(model.params, by_hand.params)


def test_a_second_interrupt_raises_at_once_and_leaves_whole_parameters():
    def press_twice():
        press()
        press()

    model, stopped = network().at(5, press_twice), network().at(4, press)
    with pytest.raises(KeyboardInterrupt):
        quiet(model, Adam(0.02), sequences(), epochs=5, rng=rng())
    quiet(stopped, Adam(0.02), sequences(), epochs=5, rng=rng())
    assert_same_bits(model.params, stopped.params)


def test_a_second_interrupt_within_a_step_of_the_optimiser_leaves_whole_parameters():
    class Slow(Adam):
        def update(self, *args):
            move = super().update(*args)
            if model.calls == 5 and args[0].ndim == 1:  # some parameters have moved already
                press()
                press()
            return move

    model, stopped = network(), network().at(4, press)
    with pytest.raises(KeyboardInterrupt):
        quiet(model, Slow(0.02), sequences(), epochs=5, rng=rng())
    quiet(stopped, Adam(0.02), sequences(), epochs=5, rng=rng())
    assert_same_bits(model.params, stopped.params)


def test_an_interrupt_during_validation_does_not_wait_for_its_end(tmp_path):
    class Interrupting(Sequences):
        asked = 0
        on = True

        def epoch(self, generator):
            for batch in super().epoch(generator):
                self.asked += 1
                if self.asked == 3 and self.on:  # the first is the trial before the run
                    press()
                yield batch

    def validation(on):
        data = sequences(seed=2, size=1)
        data = Interrupting(data.inputs, data.targets, data.mask, batch_size=1)
        data.on = on
        return data

    model, seen = network(), validation(True)
    options = {"epochs": 2, "checkpoint": tmp_path / "run.npz"}
    history = quiet(model, Adam(0.02), sequences(), validation=seen, **options)
    assert history.stopped == "interrupted" and seen.asked == 3
    assert len(history.step_loss) == 3 and history.train_loss == []
    other = network(1)
    resumed = quiet(
        other, Adam(0.02), sequences(), validation=validation(False), resume=True, **options
    )
    whole = network()
    wanted = quiet(whole, Adam(0.02), sequences(), epochs=2, validation=validation(False))
    assert_same_bits(other.params, whole.params)
    assert_same_history(resumed, wanted)


# --- Stopped and resumed -------------------------------------------------------------------------


class Stop(Exception):
    pass


def stop():
    raise Stop


def assert_same_history(got, wanted):
    got, wanted = copy.copy(got), copy.copy(wanted)
    assert len(got.seconds) == len(wanted.seconds)
    got.seconds = wanted.seconds = []
    for name, value in vars(wanted).items():
        assert repr(getattr(got, name)) == repr(value), name  # repr: nan is nan, and 1 is not 1.0
    assert got.stopped == wanted.stopped


class Trial:
    """One training as it is begun again and again: new objects each time, like a new process."""

    def __init__(self, kind, optimizer, bits=np.random.PCG64, **options):
        self.kind, self.optimizer, self.options = kind, optimizer, options
        self.bits = bits
        self.seeds = iter(range(1, 99))

    def begin(self, seed, path=None, n=None, act=None, **options):
        self.model = network(seed, cell="lstm")
        if n is not None:
            self.model.at(n, act)
        self.learner = OPTIMIZERS[self.optimizer]()
        self.generator = np.random.Generator(self.bits(seed))
        options = {"epochs": 4, "validation": KINDS[self.kind](2)} | self.options | options
        return quiet(
            self.model,
            self.learner,
            KINDS[self.kind](),
            rng=self.generator,
            checkpoint=path,
            **options,
        )

    def resume(self, path, **options):
        return self.begin(next(self.seeds), path, resume=True, **options)

    def result(self):
        state = self.generator.bit_generator.state
        return copies(self.model.params), self.learner.state(), repr(state)


def assert_resumed_is_whole(trial, path, first, again):
    """A run that is stopped as `first` and `again` say ends as if it had never been stopped."""
    wanted = trial.begin(0)
    params, memory, generator = trial.result()
    seed = 0
    for options in (first, again):
        try:
            history = trial.begin(seed, path, resume=True, **options)
        except Stop:
            history = None
        # If there is no file yet, the run begins anew, and from the same weights.
        seed = next(trial.seeds) if path.exists() else 0
    assert history is None or history.stopped != "running"
    history = trial.begin(seed, path, resume=True)
    assert_same_history(history, wanted)
    got = trial.result()
    assert_same_bits(got[0], params)
    assert_same_bits(got[1], memory)
    assert got[2] == generator
    return history


@st.composite
def stops(draw):
    n = draw(st.integers(1, 15))
    how = draw(st.sampled_from(["interrupt", "model", "callback", "exception"]))
    every = draw(st.sampled_from([None, 1, 2, 5]))
    if how in ("interrupt", "model"):
        return {"every": every, "n": n, "act": press if how == "interrupt" else stop}

    def callback(model, history):
        if len(history.train_loss) == 1 + n % 3:
            return True if how == "callback" else stop()

    return {"every": every, "callback": callback}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@each_kind
@settings(max_examples=12)
@given(
    optimizer=st.sampled_from([*OPTIMIZERS]),
    patience=st.sampled_from([None, 1, 2]),
    first=stops(),
    again=stops(),
)
def test_stopped_twice_and_resumed_is_never_stopped(
    folder, kind, optimizer, patience, first, again
):
    path = folder / "run.npz"
    for file in folder.iterdir():
        file.unlink()
    trial = Trial(kind, optimizer, patience=patience)
    assert_resumed_is_whole(trial, path, first, again)
    assert {file.name for file in folder.iterdir()} <= {"run.npz", "run.previous.npz"}


BITS = [np.random.MT19937, np.random.Philox, np.random.SFC64, np.random.PCG64DXSM]


@pytest.mark.parametrize("bits", BITS)
def test_any_of_numpys_generators_is_resumed(tmp_path, bits):
    trial = Trial("sequences", "adam", bits)
    first, again = ({"n": 4, "act": press}, {"n": 3, "act": stop, "every": 1})
    assert_resumed_is_whole(trial, tmp_path / "run.npz", first, again)


def test_more_epochs_than_at_first_are_those_of_a_longer_run(tmp_path):
    for patience in (None, 9):
        trial = Trial("windows", "adam", patience=patience)
        wanted = trial.begin(0, epochs=5)
        whole = trial.result()
        path = tmp_path / f"{patience}.npz"
        assert trial.begin(0, path, epochs=2).stopped == "finished"
        assert_same_history(trial.resume(path, epochs=5), wanted)
        assert_same_bits(trial.result()[0], whole[0])
        assert_same_bits(trial.result()[1], whole[1])


def test_what_is_finished_is_found_finished(tmp_path):
    path = tmp_path / "run.npz"
    trial = Trial("sequences", "adam", patience=1, epochs=40)
    wanted = trial.begin(0, path)
    params = trial.result()[0]
    assert wanted.stopped == "early"
    again = trial.resume(path)
    assert_same_history(again, wanted)
    assert trial.model.calls == 0
    assert_same_bits(trial.result()[0], params)  # those of the best epoch


def test_the_same_optimiser_goes_on_although_its_rate_has_changed(tmp_path):
    path, learner, model = tmp_path / "run.npz", HalveOnRise(SGD(3.0)), network()
    options = {"checkpoint": path, "resume": True}
    history = quiet(model, learner, sequences(), epochs=6, **options)
    assert learner.learning_rate < 3
    history = quiet(model, learner, sequences(), epochs=8, **options)
    whole = network()
    wanted = quiet(whole, HalveOnRise(SGD(3.0)), sequences(), epochs=8)
    assert_same_history(history, wanted)
    assert_same_bits(model.params, whole.params)


def test_what_a_callback_has_changed_is_kept(tmp_path):
    def train(model, path=None, ends=None, fails=None):
        def slower(model, history):
            learner.learning_rate /= 2
            if len(history.train_loss) == fails:
                stop()
            return len(history.train_loss) == ends

        learner, told = SGD(0.4), {"checkpoint": path, "resume": path is not None}
        return quiet(model, learner, sequences(), epochs=5, callback=slower, **told)

    whole, parts, path = network(), network(), tmp_path / "run.npz"
    wanted = train(whole)
    assert train(parts, path, ends=2).stopped == "callback"
    with pytest.raises(Stop):
        train(network(1), path, fails=4)
    assert_same_history(train(parts, path), wanted)
    assert_same_bits(parts.params, whole.params)


def test_an_interrupt_during_a_callback_ends_the_run_after_it(tmp_path):
    path = tmp_path / "run.npz"
    options = {"epochs": 1, "checkpoint": path, "callback": lambda *_: press()}
    assert quiet(network(), SGD(0.1), sequences(), **options).stopped == "interrupted"
    assert read_position(path) == (1, 0)


def test_what_a_killed_run_has_left_behind_is_removed(tmp_path):
    left = tmp_path / ".run.npz.0123456789abcdef.tmp"
    left.write_bytes(b"half a file")
    quiet(network(), SGD(0.1), sequences(), epochs=1, checkpoint=tmp_path / "run.npz")
    assert not left.exists()


CHANGES = {
    "the network": ({"model": Watched(D, H + 1, V, rng=rng())}, "hidden_size was 4, is 5"),
    "the cell": ({"model": network(cell="gru")}, "cell was 'tanh', is 'gru'"),
    "float32": ({"model": network(dtype="float32")}, "float32"),
    "the reduction": ({"model": network(reduction="mean")}, "reduction was 'sum', is 'mean'"),
    "another optimiser": ({"optimizer": SGD(0.02)}, "optimizer kind was 'Adam', is 'SGD'"),
    "the rate": ({"optimizer": Adam(0.03)}, "optimizer learning_rate was 0.02, is 0.03"),
    "the data": ({"data": sequences(7)}, "data was "),
    "the batches": ({"data": sequences(size=5)}, "data was "),
    "other validation": ({"validation": sequences(7)}, "validation was "),
    "no validation": ({"validation": None, "patience": None}, "validation was "),
    "patience": ({"patience": 4}, "patience was 3, is 4"),
    "clipping": ({"clip": lambda g: clip_global_norm(g, 1)}, "clip was 'none', is 'a function'"),
    "no generator": ({"rng": None}, "rng was 'PCG64', is None"),
    "the generator": ({"rng": np.random.Generator(np.random.MT19937(0))}, "rng was 'PCG64', is"),
}


@pytest.mark.parametrize(("changes", "said"), CHANGES.values(), ids=CHANGES)
def test_a_run_that_was_begun_with_something_else_is_refused(tmp_path, changes, said):
    options = {"validation": sequences(2), "patience": 3, "epochs": 1}
    options["checkpoint"] = path = tmp_path / "run.npz"
    quiet(network(), Adam(0.02), sequences(), rng=rng(), **options)
    stored = path.read_bytes()
    told = {"model": network(3), "optimizer": Adam(0.02), "data": sequences(), "rng": rng(5)}
    told |= options | changes | {"resume": True, "epochs": 2}
    before = copies(told["model"].params)
    state = copy.deepcopy(told["rng"] and told["rng"].bit_generator.state)
    with pytest.raises(ValueError, match=r"checkpoint: .*run.npz is of a run with other") as caught:
        fit(**told, progress=False)
    assert said in str(caught.value)
    assert_same_bits(told["model"].params, before)
    assert repr(told["rng"] and told["rng"].bit_generator.state) == repr(state)
    assert path.read_bytes() == stored


LOSSES = {
    "params": lambda kept: kept.params.pop("b_h"),
    "best": lambda kept: kept.best.update(b_h=np.zeros(1)),
    "generator": lambda kept: setattr(kept, "generator", None),
    "sums": lambda kept: kept.sums.clear(),
    "counters": lambda kept: kept.counters.update(waited=None),
    "history": lambda kept: kept.history.pop("tokens"),
}


@pytest.mark.parametrize("part", LOSSES)
def test_a_file_that_lacks_a_part_of_the_run_is_refused_and_changes_nothing(tmp_path, part):
    path = tmp_path / "run.npz"
    options = {"validation": sequences(2), "patience": 3, "checkpoint": path}
    quiet(network(), Adam(0.02), sequences(), rng=rng(), epochs=1, **options)
    kept = checkpoint.read(path)
    LOSSES[part](kept)
    checkpoint.write(path, kept)
    model, optimizer, generator = network(3), Adam(0.02), rng(5)
    with pytest.raises(ValueError, match=f"cannot be resumed: its {part} "):
        quiet(model, optimizer, sequences(), rng=generator, epochs=2, resume=True, **options)
    assert_same_bits(model.params, network(3).params)
    assert optimizer.state() == Adam(0.02).state()
    assert generator.bit_generator.state == rng(5).bit_generator.state


def test_a_file_is_not_overwritten_by_another_run(tmp_path):
    path = tmp_path / "run.npz"
    path.write_bytes(b"something dear")
    model = network()
    with pytest.raises(FileExistsError, match=r"^checkpoint: .*resume=True.*move the file away"):
        quiet(model, SGD(0.1), sequences(), epochs=1, checkpoint=path)
    with pytest.raises(ValueError, match=r"run\.npz"):
        quiet(model, SGD(0.1), sequences(), epochs=1, checkpoint=path, resume=True)
    assert path.read_bytes() == b"something dear"
    assert_same_bits(model.params, network().params)


def test_every_so_many_steps_the_file_is_written(tmp_path):
    path, seen = tmp_path / "run.npz", []
    model = network().at(8, lambda: seen.append(read_position(path)))
    quiet(model, SGD(0.1), sequences(), epochs=4, checkpoint=path, every=2)
    assert seen == [(2, 0)]  # 7 steps: after the sixth, the second epoch was complete
    model = network().at(6, lambda: seen.append(read_position(tmp_path / "b.npz")))
    quiet(model, SGD(0.1), sequences(), epochs=4, checkpoint=tmp_path / "b.npz", every=5)
    assert seen[1:] == [(1, 2)]


def read_position(path):
    kept = checkpoint.read(path)
    return kept.epoch, kept.batch


def test_an_interrupt_at_the_end_of_an_epoch_is_written_once(tmp_path):
    path = tmp_path / "run.npz"
    options = {"epochs": 3, "checkpoint": path}
    quiet(
        network(), SGD(0.1), sequences(), **options,
        callback=lambda _, history: len(history.train_loss) == 2 and press(),
    )  # fmt: skip
    assert read_position(path) == (2, 0)
    assert read_position(tmp_path / "run.previous.npz") == (1, 0)


def test_a_callback_that_goes_to_another_folder_takes_no_file_along(tmp_path, monkeypatch):
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path)
    options = {"epochs": 2, "checkpoint": "run.npz"}
    go = lambda *_: monkeypatch.chdir(tmp_path / "there")  # noqa: E731
    quiet(network(), SGD(0.1), sequences(), callback=go, **options)
    assert read_position(tmp_path / "run.npz") == (2, 0)
    assert not list((tmp_path / "there").iterdir())


def test_a_run_that_a_callback_ends_has_the_best_parameters_too():
    data, validation = sequences(), sequences(2)
    options = {"validation": validation, "rng": rng(), "epochs": 90, "patience": 20}
    model = network()
    history = quiet(
        model,
        Adam(0.1),
        data,
        callback=lambda _, h: h.validation_loss[-1] > min(h.validation_loss),
        **options,
    )
    assert history.stopped == "callback"
    assert history.best_epoch < len(history.train_loss)
    assert mean_loss(model, validation) == min(history.validation_loss)


def test_a_clip_that_forgets_its_report_is_named():
    model = network()
    with pytest.raises(TypeError, match=r"^clip: expected a function that returns a Clipped"):
        quiet(model, SGD(0.1), sequences(), epochs=1, clip=lambda g: g)
    assert_same_bits(model.params, network().params)


def test_validation_data_that_say_they_have_a_batch_and_have_none_are_refused():
    class Empty(Sequences):
        def epoch(self, generator):
            return iter(())

    data = sequences()
    empty = Empty(data.inputs, data.targets, data.mask, batch_size=3)
    with pytest.raises(ValueError, match=r"^validation: expected at least one batch, got none$"):
        quiet(network(), SGD(0.1), data, epochs=1, validation=empty)


# --- Divergence ----------------------------------------------------------------------------------


class Spoilt(Watched):
    """Its loss, or its gradient, stops being finite at the n-th call."""

    def spoil(self, n, where):
        self._n, self._where = n, where
        return self

    def loss_and_grads(self, *args):
        loss, grads, state = super().loss_and_grads(*args)
        if self.calls == self._n and self._where == "loss":
            loss = np.inf
        elif self.calls == self._n:
            grads["W_hh"][1, 1] = np.nan
        return loss, grads, state


@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_divergence_leaves_the_last_good_parameters_and_the_last_good_file(tmp_path, where):
    path = tmp_path / "run.npz"
    model = Spoilt(D, H, V, rng=rng()).spoil(6, where)
    with pytest.raises(DivergenceError) as caught:
        quiet(model, SGD(0.1), sequences(), epochs=9, checkpoint=path)
    before = network()  # the sixth loss is bad, so the fifth step was: back to before it
    quiet(before.at(4, press), SGD(0.1), sequences(), epochs=9)
    assert_same_bits(model.params, before.params)
    history, said = caught.value.history, str(caught.value)
    assert history.stopped == "diverged" and len(history.step_loss) == 5
    assert "after 5 steps (epoch 2, 2 of 3 batches)" in said
    for word in (f"{history.step_norm[-1]:.4g}", "learning rate is 0.1", "clip_global_norm"):
        assert word in said
    assert ("the loss is inf" if where == "loss" else "its gradient is not finite") in said
    assert read_position(path) == (1, 0)


def test_a_first_loss_that_is_not_finite_is_told_apart():
    model = Spoilt(D, H, V, rng=rng()).spoil(1, "loss")
    with pytest.raises(DivergenceError, match=r"training could not begin: after 0 steps.*inf"):
        quiet(model, SGD(0.1), sequences(), epochs=1)
    assert_same_bits(model.params, network().params)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("validation", [None, sequences(2)])
@pytest.mark.parametrize(("rate", "clip"), [(1e308, None), (1e308, "yes")])
def test_parameters_that_overflow_are_a_divergence_and_give_no_warning(rate, clip, validation):
    limit = (lambda g: clip_global_norm(g, 5.0)) if clip else None
    model = network()
    with pytest.raises(DivergenceError) as caught:
        quiet(model, SGD(rate), sequences(), epochs=2, clip=limit, validation=validation)
    assert all(np.isfinite(param).all() for param in model.params.values())
    assert ("smaller limit" if clip else "clip_global_norm") in str(caught.value)


@pytest.mark.filterwarnings("error")
def test_the_counting_network_diverges_as_it_always_has():
    net = rnnlib.LinearRNN(1, 2)
    with pytest.raises(DivergenceError) as caught:
        quiet(net, SGD(1.0), Sequences(*rnnlib.published_counting_task(), batch_size=20), epochs=99)
    x, t = rnnlib.published_counting_task()
    assert np.isfinite(net.loss_and_grads(x, t)[0])
    assert len(caught.value.history.step_loss) > 0


@pytest.mark.parametrize("validation", [None, sequences(2)])
def test_a_last_step_that_overflows_does_not_go_unseen(tmp_path, validation):
    model, options = network(), {"epochs": 1, "validation": validation}
    with pytest.raises(DivergenceError, match="a parameter is not finite"):
        quiet(model, SGD(1e308), sequences(size=N), checkpoint=tmp_path / "run.npz", **options)
    assert_same_bits(model.params, network().params)
    assert not (tmp_path / "run.npz").exists()


def test_a_file_never_gets_parameters_that_are_not_finite(tmp_path):
    options = {"epochs": 1, "checkpoint": tmp_path / "run.npz", "every": 1}
    with pytest.raises(DivergenceError, match="after 1 steps"):
        quiet(network(), SGD(1e308), sequences(), **options)
    assert list(tmp_path.iterdir()) == []


def test_validation_that_is_not_finite_is_a_divergence():
    class Blind(Watched):
        def evaluate(self, *args):
            loss, state = super().evaluate(*args)
            return (loss if self.calls < 5 else np.nan), state

    model = Blind(D, H, V, rng=rng())
    with pytest.raises(DivergenceError, match="the validation loss is nan") as caught:
        quiet(model, SGD(0.1), sequences(), epochs=9, validation=sequences(2))
    assert len(caught.value.history.validation_loss) == 1


# --- Arguments -----------------------------------------------------------------------------------

BAD = {
    "epochs below 0": ({"epochs": -1}, ValueError, "epochs"),
    "half an epoch": ({"epochs": 1.5}, TypeError, "epochs"),
    "no model": ({"model": "RNN"}, TypeError, "model"),
    "no optimiser": ({"optimizer": 0.1}, TypeError, "optimizer"),
    "an optimiser's class": ({"optimizer": SGD}, TypeError, "optimizer"),
    "a pair of arrays": ({"data": (1, 2)}, TypeError, "data"),
    "validation": ({"validation": np.zeros(3)}, TypeError, "validation"),
    "a seed": ({"rng": 0}, TypeError, "rng"),
    "patience 0": ({"patience": 0, "validation": sequences()}, ValueError, "patience"),
    "patience with nothing": ({"patience": 3}, ValueError, "patience"),
    "clip": ({"clip": 5.0}, TypeError, "clip"),
    "callback": ({"callback": "print"}, TypeError, "callback"),
    "every 0": ({"every": 0, "checkpoint": "x"}, ValueError, "every"),
    "every of nothing": ({"every": 3}, ValueError, "every"),
    "resume from nothing": ({"resume": True}, ValueError, "resume"),
    "resume by name": ({"resume": "run.npz"}, TypeError, "resume"),
    "a number for a path": ({"checkpoint": 3}, TypeError, "checkpoint"),
    "no folder": ({"checkpoint": "nowhere/at/all"}, FileNotFoundError, "checkpoint"),
}


@pytest.mark.parametrize(("changes", "error", "name"), BAD.values(), ids=BAD)
def test_bad_arguments_are_named_before_anything_is_changed(
    tmp_path, monkeypatch, changes, error, name
):
    monkeypatch.chdir(tmp_path)
    generator, model = rng(), network()
    told = {"model": model, "optimizer": SGD(0.1), "data": sequences(), "rng": generator}
    told |= {"epochs": 2} | changes
    with pytest.raises(error, match=rf"^{name}: expected "):
        fit(**told, progress=False)
    assert model.calls == 0
    assert_same_bits(model.params, network().params)
    assert generator.bit_generator.state == rng().bit_generator.state
    assert not list(tmp_path.iterdir())


def test_validation_data_that_do_not_fit_are_named_before_the_first_step():
    model, data = network(), sequences()
    wrong = Sequences(data.inputs + D, data.targets, batch_size=4)
    with pytest.raises(ValueError, match="inputs: expected ids") as caught:
        quiet(model, SGD(0.1), data, epochs=1, validation=wrong)
    assert "validation" in caught.value.__notes__[0]
    assert model.calls == 0


def test_data_of_ones_own_are_enough_and_without_a_batch_are_refused(tmp_path):
    class Own:
        def __init__(self, n):
            self.n = n

        def __len__(self):
            return 3

        def fingerprint(self):
            return "own"

        def epoch(self, generator):
            for _ in range(self.n):  # drawn as it goes: the order of an epoch is never known before
                x = generator.integers(D, size=(T, 2)) if generator else np.zeros((T, 2), int)
                yield Batch(x, x % V, None, fresh=False)

    with pytest.raises(ValueError, match=r"^data: expected at least one batch"):
        quiet(network(), SGD(0.1), Own(0), epochs=1)
    with pytest.raises(ValueError, match=r"^data: expected at least one batch"):
        mean_loss(network(), Own(0))
    whole, parts, generator = network(), network(), rng()
    quiet(whole, SGD(0.1), Own(3), epochs=3, rng=rng())
    options = {"epochs": 3, "checkpoint": tmp_path / "run.npz", "resume": True}
    quiet(parts.at(5, press), SGD(0.1), Own(3), rng=rng(), **options)
    quiet(parts, SGD(0.1), Own(3), rng=generator, **options)
    assert_same_bits(parts.params, whole.params)


# --- The bar -------------------------------------------------------------------------------------


def test_a_short_run_shows_nothing_and_a_long_one_a_bar_unless_it_is_not_wanted(monkeypatch):
    def shown(**options):
        with redirect_stderr(io.StringIO()) as err:
            fit(network(), SGD(0.1), sequences(), epochs=4, **options)
        return err.getvalue()

    assert shown() == ""
    monkeypatch.setattr(progress, "_DELAY", -1.0)
    line = shown().replace("\r", "\n").strip().splitlines()[-1]
    for word in ("training: 100%|", "12/12", "loss ", "tokens/s"):
        assert word in line
    assert shown(progress=False) == ""
    monkeypatch.setitem(__import__("sys").modules, "tqdm", None)
    assert shown() == ""  # nothing but NumPy is needed
