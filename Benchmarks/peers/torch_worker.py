"""PyTorch, eager, channels-last: one step of SGD with momentum 0.9 on the cross-entropy."""

from pathlib import Path

import torch
from networks import NETWORKS
from torch.nn import functional

from worker import serve, thread_count

torch.set_num_threads(thread_count())
torch.manual_seed(0)


def prepare(task):
    name = Path(task["model"]).stem
    if name not in NETWORKS:
        raise KeyError(f"no torch network is called {name}")
    network, shape = NETWORKS[name]()
    x = torch.randn(task["batch"], *shape)
    if x.dim() == 4:
        network = network.to(memory_format=torch.channels_last)
        x = x.to(memory_format=torch.channels_last)
    y = torch.randint(0, 10, (task["batch"],))
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-6, momentum=0.9)

    def step():
        optimizer.zero_grad()
        loss = functional.cross_entropy(network(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


serve(prepare)
