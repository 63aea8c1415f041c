"""PyTorch on the CPU, on the peers' networks; the arguments and the line printed are those of child.ts."""

import argparse
import json
import os
import time

import torch
from torch import nn

from torch_networks import NETWORKS

ENOUGH_STEPS, ENOUGH_SECONDS, WARM_UP = 12, 1, 3

arguments = argparse.ArgumentParser()
for name in ("mode", "network", "backend", "adapter"):
    arguments.add_argument(f"--{name}")
arguments.add_argument("--batch", type=int)
arguments.add_argument("--seconds", type=float)
task = arguments.parse_args()

threads = os.cpu_count() or 1
torch.set_num_threads(threads)
x = torch.rand(task.batch, 3, 32, 32)
y = torch.arange(task.batch) % 10

began = time.perf_counter()
model, optimizer = NETWORKS[task.network]()


def step():
    optimizer.zero_grad()
    logits = model(x)
    loss = nn.functional.cross_entropy(logits, y)
    loss.backward()
    optimizer.step()
    return loss.item(), (logits.argmax(1) == y).sum().item()


step()
first = time.perf_counter() - began
times = []
spent = 0
while len(times) < 2 or (spent < task.seconds and (len(times) < ENOUGH_STEPS or spent < ENOUGH_SECONDS)):
    start = time.perf_counter()
    step()
    times.append(time.perf_counter() - start)
    spent += times[-1]
counted = sorted(times[WARM_UP:] if len(times) >= 2 * WARM_UP else times)
half = len(counted) // 2
median = counted[half] if len(counted) % 2 else (counted[half - 1] + counted[half]) / 2
row = {
    "peer": "torch-cpu",
    "version": torch.__version__,
    "adapter": f"CPU, {threads} threads",
    "batch": task.batch,
    "firstMs": first * 1e3,
    "stepMs": median * 1e3,
    "hostMs": None,
    "hostTogetherMs": None,
    "usPerImage": median * 1e6 / task.batch,
    "peakBytes": None,
    "steps": len(counted),
}
print(json.dumps(row), flush=True)
