# SPDX-License-Identifier: LGPL-2.1-or-later
# families_blocks.py: networks of blocks that torchvision has no network of, for tests/families.py: each block as its paper
# describes it, in a classifier of ordinary size.
import torch
from torch import nn
from torch.nn import functional
from torchvision.models import resnet

CLASSES = 1000


def conv(inputs, outputs, kernel=1, stride=1, groups=1, activation=nn.ReLU):
    """Convolution of "same" padding, batch norm and, unless None, an activation."""
    layers = [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, *([activation()] if activation else []))


def classifier(features, channels):
    return nn.Sequential(*features, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, CLASSES))


class ShuffleUnit(nn.Module):
    """Grouped 1x1, shuffled channels, depthwise 3x3, grouped 1x1 (Zhang et al., 2017)."""

    def __init__(self, inputs, outputs, groups, stride):
        super().__init__()
        self.groups, self.stride, middle = groups, stride, outputs // 4
        self.first = conv(inputs, middle, groups=groups if inputs > 24 else 1)
        self.depthwise = conv(middle, middle, 3, stride, middle, None)
        self.last = conv(middle, outputs - (inputs if stride == 2 else 0), groups=groups, activation=None)

    def forward(self, x):
        y = self.first(x)
        n, c, h, w = y.shape
        y = y.reshape(n, self.groups, c // self.groups, h, w).transpose(1, 2).reshape(n, c, h, w)
        y = self.last(self.depthwise(y))
        if self.stride == 1:
            return functional.relu(x + y)
        return functional.relu(torch.cat((functional.avg_pool2d(x, 3, 2, 1), y), 1))


def shufflenet_v1(groups, widths):
    layers, inputs = [conv(3, 24, 3, 2), nn.MaxPool2d(3, 2, 1)], 24
    for width, repeats in zip(widths, (4, 8, 4)):
        for i in range(repeats):
            layers.append(ShuffleUnit(inputs, width, groups, 2 if i == 0 else 1))
            inputs = width
    return classifier(layers, inputs)


class Cbam(nn.Module):
    """Gates of channels, then of places (Woo et al., 2018)."""

    def __init__(self, channels):
        super().__init__()
        self.channels = nn.Sequential(nn.Conv2d(channels, channels // 16, 1, bias=False), nn.ReLU(),
                                      nn.Conv2d(channels // 16, channels, 1, bias=False))
        self.places = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, x):
        x = x * torch.sigmoid(self.channels(functional.adaptive_avg_pool2d(x, 1)) +
                              self.channels(functional.adaptive_max_pool2d(x, 1)))
        maps = torch.cat((x.max(1, keepdim=True)[0], x.mean(1, keepdim=True)), 1)
        return x * torch.sigmoid(self.places(maps))


def cbam_resnet(block, depths):
    """The gates stand before the addition, which a batch norm is the last layer of."""
    model = resnet.ResNet(block, depths)
    for module in model.modules():
        if isinstance(module, resnet.BasicBlock):
            module.bn2 = nn.Sequential(module.bn2, Cbam(module.bn2.num_features))
        elif isinstance(module, resnet.Bottleneck):
            module.bn3 = nn.Sequential(module.bn3, Cbam(module.bn3.num_features))
    return model


class Csp(nn.Module):
    """Two halves, residual blocks in one of them, as YOLOv5 writes it."""

    def __init__(self, channels, repeats):
        super().__init__()
        half = channels // 2
        self.one, self.two, self.join = (conv(*c, activation=nn.SiLU)
                                         for c in ((channels, half), (channels, half), (channels, channels)))
        self.blocks = nn.ModuleList(nn.Sequential(conv(half, half, activation=nn.SiLU), conv(half, half, 3, activation=nn.SiLU))
                                    for _ in range(repeats))

    def forward(self, x):
        y = self.one(x)
        for block in self.blocks:
            y = y + block(y)
        return self.join(torch.cat((y, self.two(x)), 1))


class Sppf(nn.Module):
    """Maxima of 5x5, 9x9 and 13x13 by three pools of 5x5."""

    def __init__(self, channels):
        super().__init__()
        self.first, self.last = conv(channels, channels // 2, activation=nn.SiLU), conv(2 * channels, channels, activation=nn.SiLU)

    def forward(self, x):
        pools = [self.first(x)]
        for _ in range(3):
            pools.append(functional.max_pool2d(pools[-1], 5, 1, 2))
        return self.last(torch.cat(pools, 1))


def sppf_net(width):
    layers, inputs = [], 3
    for i, repeats in enumerate((0, 1, 2, 3, 1)):
        layers.append(conv(inputs, width << i, 3, 2, activation=nn.SiLU))
        inputs = width << i
        if repeats:
            layers.append(Csp(inputs, repeats))
    return classifier([*layers, Sppf(inputs)], inputs)


def unshuffle_resnet(block, depths):
    """A stem of 4x4 pixels made channels (TResNet) before the layers of a ResNet."""
    model = resnet.ResNet(block, depths)
    model.conv1 = nn.Sequential(nn.PixelUnshuffle(4), nn.Conv2d(48, 64, 3, padding=1, bias=False))
    model.maxpool = nn.Identity()
    return model


class Gated(nn.Module):
    """A residual block whose 3x3 has a gate for each output (Dauphin et al., 2017)."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.gated, self.last = conv(inputs, 2 * outputs, 3, stride, activation=nn.Identity), conv(outputs, outputs, activation=None)
        self.skip = nn.Identity() if inputs == outputs and stride == 1 else conv(inputs, outputs, 1, stride, activation=None)

    def forward(self, x):
        return functional.relu(self.skip(x) + self.last(functional.glu(self.gated(x), 1)))


def glu_net(width):
    layers, inputs = [conv(3, width, 7, 2), nn.MaxPool2d(3, 2, 1)], width
    for i in range(4):
        layers += [Gated(inputs, width << i, 1 if i == 0 else 2), Gated(width << i, width << i, 1)]
        inputs = width << i
    return classifier(layers, inputs)


class SplitAttention(nn.Module):
    """ResNeSt's 3x3: `radix` answers, weighed per channel by a softmax over them (Zhang et al., 2020)."""

    def __init__(self, channels, radix=2):
        super().__init__()
        self.radix, middle = radix, max(channels * radix // 4, 32)
        self.conv = conv(channels, channels * radix, 3, groups=radix)
        self.squeeze = conv(channels, middle)
        self.weigh = nn.Conv2d(middle, channels * radix, 1)

    def forward(self, x):
        x = self.conv(x)
        n, c, h, w = x.shape
        x = x.reshape(n, self.radix, c // self.radix, h, w)
        weights = self.weigh(self.squeeze(x.sum(1).mean((2, 3), keepdim=True)))
        weights = weights.view(n, 1, self.radix, -1).transpose(1, 2).softmax(1).reshape(n, self.radix, c // self.radix, 1, 1)
        return (x * weights).sum(1)


class SplitBottleneck(nn.Module):
    def __init__(self, inputs, width, stride):
        super().__init__()
        self.body = nn.Sequential(conv(inputs, width), SplitAttention(width),
                                  nn.AvgPool2d(3, stride, 1) if stride > 1 else nn.Identity(),
                                  conv(width, 4 * width, activation=None))
        self.skip = nn.Identity()
        if stride > 1 or inputs != 4 * width:
            pool = nn.AvgPool2d(stride, stride) if stride > 1 else nn.Identity()
            self.skip = nn.Sequential(pool, conv(inputs, 4 * width, activation=None))

    def forward(self, x):
        return functional.relu(self.body(x) + self.skip(x))


def resnest(depths):
    layers, inputs = [conv(3, 32, 3, 2), conv(32, 32, 3), conv(32, 64, 3), nn.MaxPool2d(3, 2, 1)], 64
    for stage, depth in enumerate(depths):
        for i in range(depth):
            layers.append(SplitBottleneck(inputs, 64 << stage, 2 if stage and i == 0 else 1))
            inputs = 256 << stage
    return classifier(layers, inputs)


NETWORKS = {
    'shufflenet_v1_g3': lambda: shufflenet_v1(3, (240, 480, 960)),
    'shufflenet_v1_g8': lambda: shufflenet_v1(8, (384, 768, 1536)),
    'cbam_resnet18': lambda: cbam_resnet(resnet.BasicBlock, [2, 2, 2, 2]),
    'cbam_resnet50': lambda: cbam_resnet(resnet.Bottleneck, [3, 4, 6, 3]),
    'sppf_s': lambda: sppf_net(32),
    'sppf_n': lambda: sppf_net(16),
    'unshuffle_resnet18': lambda: unshuffle_resnet(resnet.BasicBlock, [2, 2, 2, 2]),
    'glu_net': lambda: glu_net(64),
    'resnest14': lambda: resnest([1, 1, 1, 1]),
    'resnest26': lambda: resnest([2, 2, 2, 2]),
}
