"""The library of the course *Recurrent Neural Networks from Scratch*.

Read it in this order: `data` (the task), `linear` (the network that counts), `gradcheck` (is the
gradient right?), `rprop` and `descent` (learning); then `losses`, `cells`, `bptt` and `model` (the
recurrent network; `gated` holds LSTM and GRU, `onehot` how ids are read), `graph` and `graphrnn`
(the same by automatic differentiation); then `optim`, `clipping`, `batching`, `running` and `train`
(longer runs; `checkpoint` keeps them), `weights` (keeping and exchanging what was learned); then
`bits`, `memory` and `reber` (more tasks), `vocabulary`, `corpora` and `text` (real text), `ngrams`
(what counting alone predicts) and `generate` (a network that writes). What draws is imported on
its own: `plots`, `diagrams`, `graphdraw`, `netdraw`, `explore`; so is `generate`, as its function
has its name. All else needs NumPy alone, but for one text of `corpora`, which `pooch` fetches.
"""

from rnnlib.batching import Batch, Sequences, Stream
from rnnlib.clipping import (
    Clipped,
    clip_each_norm,
    clip_global_norm,
    clip_values,
    global_norm,
)
from rnnlib.data import (
    REBER_SYMBOLS,
    ReberTask,
    adding_task,
    binary_addition_task,
    copy_task,
    counting_task,
    from_bits,
    published_binary_addition_task,
    published_counting_task,
    reber_task,
    recall_task,
    to_bits,
)
from rnnlib.gradcheck import (
    check_gradients,
    numerical_gradients,
    relative_error,
)
from rnnlib.graphrnn import GraphRNN
from rnnlib.linear import LinearRNN, loss_surface
from rnnlib.losses import sigmoid, softmax
from rnnlib.model import RNN, OverTime
from rnnlib.ngrams import NGram
from rnnlib.optim import (
    SGD,
    AdaGrad,
    Adam,
    HalveOnRise,
    Optimizer,
    RMSProp,
    RProp,
)
from rnnlib.source import show_source
from rnnlib.text import (
    Sentences,
    Vocabulary,
    corpus,
    read_text,
    sentence_batches,
    sentences,
    split_sentences,
    split_text,
    text_stream,
    text_windows,
    words,
)
from rnnlib.train import (
    DivergenceError,
    FitHistory,
    History,
    descend,
    fit,
    mean_loss,
)
from rnnlib.weights import from_torch, load, save, to_torch

__all__ = [
    "REBER_SYMBOLS",
    "RNN",
    "SGD",
    "AdaGrad",
    "Adam",
    "Batch",
    "Clipped",
    "DivergenceError",
    "FitHistory",
    "GraphRNN",
    "HalveOnRise",
    "History",
    "LinearRNN",
    "NGram",
    "Optimizer",
    "OverTime",
    "RMSProp",
    "RProp",
    "ReberTask",
    "Sentences",
    "Sequences",
    "Stream",
    "Vocabulary",
    "adding_task",
    "binary_addition_task",
    "check_gradients",
    "clip_each_norm",
    "clip_global_norm",
    "clip_values",
    "copy_task",
    "corpus",
    "counting_task",
    "descend",
    "fit",
    "from_bits",
    "from_torch",
    "global_norm",
    "load",
    "loss_surface",
    "mean_loss",
    "numerical_gradients",
    "published_binary_addition_task",
    "published_counting_task",
    "read_text",
    "reber_task",
    "recall_task",
    "relative_error",
    "save",
    "sentence_batches",
    "sentences",
    "show_source",
    "sigmoid",
    "softmax",
    "split_sentences",
    "split_text",
    "text_stream",
    "text_windows",
    "to_bits",
    "to_torch",
    "words",
]
