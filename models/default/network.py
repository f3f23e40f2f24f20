# SPDX-License-Identifier: LGPL-2.1-or-later
"""The network that the plugin carries: a narrow ResNet-18, and its file.

    image [3][S][S] -> conv1 7x7 s2, bn1, relu -> maxpool 3x3 s2
                    -> layer1 .. layer4, two basic blocks each (conv-bn-relu, conv-bn, add the input, relu)
                    -> mean over the last map -> fc -> one logit per class

Tensor names and shapes are those of torchvision's resnet18 with a quarter of its weights (32/64/128/256 channels
instead of 64/128/256/512), so every reader of ResNet checkpoints understands the file.

The file is safetensors: 8 bytes little-endian length N, N bytes of JSON header (padded with blanks to a multiple of
8), then the tensors, little-endian, in header order. write_file and read_file need NumPy only, no other package.
"""
import json

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

WIDTHS = (32, 64, 128, 256)
BLOCKS = (2, 2, 2, 2)
# Per channel, red green blue, in 0..255 units: input = (pixel - MEAN) / STD.
MEAN = (123.675, 116.28, 103.53)
STD = (58.395, 57.12, 57.375)
SIZE = 128
# The centre square that the plugin cuts out, as a share of the shorter side.
CROP = 0.875


class Block(nn.Module):
    """relu(x' + bn2(conv2(relu(bn1(conv1(x)))))); x' is x, or its 1x1 projection where the shape changes."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False),
                                            nn.BatchNorm2d(outputs))

    def forward(self, x):
        kept = x if self.downsample is None else self.downsample(x)
        x = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(x)) + kept)


class ResNet(nn.Module):
    """[n][3][S][S] normalised pixels -> logits [n][classes]; maps() also gives the layer3 and layer4 maps."""

    def __init__(self, classes, widths=WIDTHS, blocks=BLOCKS):
        super().__init__()
        self.conv1 = nn.Conv2d(3, widths[0], 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        inputs = widths[0]
        for i, (width, count) in enumerate(zip(widths, blocks)):
            strides = [1 if i == 0 else 2] + [1] * (count - 1)
            layer = [Block(inputs if j == 0 else width, width, s) for j, s in enumerate(strides)]
            setattr(self, f"layer{i + 1}", nn.Sequential(*layer))
            inputs = width
        self.fc = nn.Linear(inputs, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if isinstance(module, Block):  # every block starts as the identity
                nn.init.zeros_(module.bn2.weight)

    def maps(self, x):
        """-> logits [n][classes], layer3 map [n][128][S/16][S/16], layer4 map [n][256][S/32][S/32]"""
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        third = self.layer3(self.layer2(self.layer1(x)))
        fourth = self.layer4(third)
        return self.fc(fourth.mean((2, 3))), third, fourth

    def forward(self, x):
        return self.maps(x)[0]


def normalise(pixels):
    """uint8 or float [n][3][S][S], 0..255 -> what the network takes"""
    mean = torch.tensor(MEAN).view(1, 3, 1, 1)
    std = torch.tensor(STD).view(1, 3, 1, 1)
    return ((pixels.float() - mean) / std).contiguous(memory_format=torch.channels_last)


def count(model, size):
    """-> parameters, multiply-adds of one image of size x size"""
    total = [0]

    def add(module, _, output):
        total[0] += module.weight.numel() * (output[0, 0].numel() if output.dim() == 4 else 1)

    hooks = [m.register_forward_hook(add) for m in model.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    training = model.training
    model.eval()
    with torch.no_grad():
        model(torch.zeros(1, 3, size, size))
    model.train(training)
    for hook in hooks:
        hook.remove()
    return sum(p.numel() for p in model.parameters()), total[0]


def write_file(path, model, labels, size):
    """The model's tensors in fp16, with everything in __metadata__ that a program needs to use them."""
    header = {"__metadata__": {
        "format": "pt", "network": "resnet", "name": "convrelu-default", "activation": "relu",
        "input_size": str(size), "channel_order": "rgb", "crop": str(CROP),
        "mean": ",".join(map(str, MEAN)), "std": ",".join(map(str, STD)),
        "labels": "\n".join(labels), "licence": "CC-BY-4.0", "data": "Caltech-101 (Fei-Fei, Fergus, Perona)"}}
    data = []
    offset = 0
    for name, tensor in model.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        array = tensor.detach().float().numpy().astype("<f2")
        if not np.isfinite(array).all():
            raise ValueError(f"{name} does not fit fp16")
        header[name] = {"dtype": "F16", "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        data.append(np.ascontiguousarray(array).tobytes())
        offset += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text + b"".join(data))


def read_file(path):
    """-> the network in eval mode (fp32 holding the file's fp16 values), the file's metadata"""
    with open(path, "rb") as file:
        raw = file.read()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:8 + length])
    metadata = header.pop("__metadata__")
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + length + x for x in entry["data_offsets"])
        array = np.frombuffer(raw[begin:end], "<f2").reshape(entry["shape"])
        tensors[name] = torch.from_numpy(array.astype(np.float32))
    model = ResNet(tensors["fc.bias"].numel())
    missing, unexpected = model.load_state_dict(tensors, strict=False)
    if unexpected or [m for m in missing if not m.endswith("num_batches_tracked")]:
        raise ValueError(f"{path}: missing {missing}, unexpected {unexpected}")
    return model.eval(), metadata
