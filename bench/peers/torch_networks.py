"""The peers' networks in PyTorch, each with its optimizer, by name."""

import torch
from torch import nn


def study():
    model = nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.25),
        nn.Flatten(),
        nn.Linear(8192, 100),
        nn.ReLU(),
        nn.Dropout(0.25),
        nn.Linear(100, 10),
    )
    return model, torch.optim.Adam(model.parameters(), lr=1e-3)


def convolution(channels, filters, stride=1):
    return nn.Conv2d(channels, filters, 3, stride, 1, bias=False), nn.BatchNorm2d(filters)


class ResidualBlock(nn.Module):
    def __init__(self, channels, filters, stride):
        super().__init__()
        self.layers = nn.Sequential(
            *convolution(channels, filters, stride), nn.ReLU(), *convolution(filters, filters)
        )
        self.stride = stride
        self.added = filters - channels

    def forward(self, x):
        kept = x[:, :, :: self.stride, :: self.stride]
        if self.added:
            kept = nn.functional.pad(kept, (0, 0, 0, 0, 0, self.added))
        return nn.functional.relu(self.layers(x) + kept)


def resnet():
    layers = [*convolution(3, 16), nn.ReLU()]
    channels = 16
    for filters in (16, 32, 64):
        for at in range(3):
            layers.append(ResidualBlock(channels, filters, 2 if at == 0 and filters > 16 else 1))
            channels = filters
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    return model, torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)


NETWORKS = {"study": study, "resnet": resnet}
