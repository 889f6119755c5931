"""The library of the course *Recurrent Neural Networks from Scratch*.

Read it in this order: `data` (the task), `linear` (the network that counts), `gradcheck` (is the
gradient right?), `rprop` and `descent` (learning); then `losses`, `cells`, `bptt` and `model` (the
recurrent network; `gated` holds LSTM and GRU, `onehot` how ids are read), `graph` and `graphrnn`
(the same by automatic differentiation); then `optim`, `clipping`, `batching`, `running` and `train`
(longer runs; `checkpoint` keeps them), `weights` (keeping and exchanging what was learned). What
draws is imported on its own: `plots`, `diagrams`, `graphdraw`, `netdraw`, `explore`. All else needs
NumPy alone.
"""

from rnnlib.batching import Batch, Sequences, Stream
from rnnlib.clipping import (
    Clipped,
    clip_each_norm,
    clip_global_norm,
    clip_values,
    global_norm,
)
from rnnlib.data import counting_task, published_counting_task, recall_task
from rnnlib.gradcheck import (
    check_gradients,
    numerical_gradients,
    relative_error,
)
from rnnlib.graphrnn import GraphRNN
from rnnlib.linear import LinearRNN, loss_surface
from rnnlib.losses import sigmoid, softmax
from rnnlib.model import RNN, OverTime
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
    "Optimizer",
    "OverTime",
    "RMSProp",
    "RProp",
    "Sequences",
    "Stream",
    "check_gradients",
    "clip_each_norm",
    "clip_global_norm",
    "clip_values",
    "counting_task",
    "descend",
    "fit",
    "from_torch",
    "global_norm",
    "load",
    "loss_surface",
    "mean_loss",
    "numerical_gradients",
    "published_counting_task",
    "recall_task",
    "relative_error",
    "save",
    "show_source",
    "sigmoid",
    "softmax",
    "to_torch",
]
