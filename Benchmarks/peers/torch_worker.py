"""PyTorch, channels-last, eager or compiled: one step of SGD with momentum 0.9 on the cross-entropy."""

from pathlib import Path

import torch
from networks import TRAINED
from torch.nn import functional

from worker import arguments, serve

torch.set_num_threads(arguments.threads)


def prepare(task):
    name = Path(task["model"]).stem
    if name not in TRAINED:
        raise KeyError(f"no torch network is called {name}")
    torch.manual_seed(0)
    make, inputs = TRAINED[name]
    network = make()
    (x,) = inputs(task["batch"]).values()
    if x.dim() == 4:
        network = network.to(memory_format=torch.channels_last)
        x = x.to(memory_format=torch.channels_last)
    y = torch.randint(0, 10, (task["batch"],))
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-6, momentum=0.9, fused=True)

    def loss_of(x, y):
        return functional.cross_entropy(network(x), y)

    forward = torch.compile(loss_of) if arguments.compile else loss_of

    def step():
        optimizer.zero_grad()
        loss = forward(x, y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


serve(prepare)
