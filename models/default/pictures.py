# SPDX-License-Identifier: LGPL-2.1-or-later
"""Photos in, training views out.

Caltech-101 is one folder per class; a class's number is its folder's place in alphabetical order (capitals first).
split_test.txt names the test photos (FOLDER/FILE, one per line); every other photo of the data set is for training.
labels.txt holds the readable class names in the same order.

A training view is a crop of a photo: the plugin's own crop with a little play, or a random box of random shape.
A few views in each batch are drawn here instead: test patterns, plain colours, noise. They count as background, so
that the network does not see a class in a test picture.
"""
import os
import sys
import time

import numpy as np
from PIL import Image

from network import CROP

BACKGROUND = 0
# "face" and "face, close-up" differ only in how much of the photo the face fills: these keep most of their frame.
FRAMED = (1, 2)


def bar(items, title):
    """Yields the items; on a terminal draws a progress bar, in a log prints a line every half minute."""
    total, start, told = len(items), time.time(), time.time()
    for i, item in enumerate(items):
        yield item
        now, last = time.time(), i + 1 == total
        if sys.stderr.isatty() or last or now - told > 30:
            told = now
            left = (now - start) / (i + 1) * (total - i - 1)
            drawn = "#" * (30 * (i + 1) // total)
            end = "\r" if sys.stderr.isatty() and not last else "\n"
            print(f"{title} [{drawn:<30}] {i + 1}/{total}, {left:.0f} s left  ", end=end, file=sys.stderr, flush=True)


def folders(dataset):
    return sorted(d for d in os.listdir(dataset) if os.path.isdir(os.path.join(dataset, d)))


def make_split(dataset, path, seed):
    """Writes a fifth of each class, drawn at random, to `path`."""
    rng = np.random.default_rng(seed)
    with open(path, "w") as file:
        for folder in folders(dataset):
            names = sorted(os.listdir(os.path.join(dataset, folder)))
            chosen = rng.permutation(len(names))[:round(len(names) / 5)]
            file.writelines(f"{folder}/{names[i]}\n" for i in sorted(chosen))


def read_split(dataset, path):
    """-> names and class numbers of the training photos, the same of the test photos"""
    with open(path) as file:
        test = set(file.read().split())
    parts = ([], []), ([], [])
    for number, folder in enumerate(folders(dataset)):
        for name in sorted(os.listdir(os.path.join(dataset, folder))):
            name = f"{folder}/{name}"
            part = parts[name in test]
            part[0].append(name)
            part[1].append(number)
    if len(parts[1][0]) != len(test):
        raise SystemExit(f"{path} names {len(test)} photos, {len(parts[1][0])} of them are in {dataset}")
    return parts


def load(dataset, names, title):
    return [Image.open(os.path.join(dataset, name)).convert("RGB") for name in bar(names, title)]


def plugin_crop(size):
    """The pixels the plugin looks at, whole ones (frame_view in plugin/frame.c): x0, y0, x1, y1"""
    side = int(CROP * min(size) + 0.5)
    x, y = (size[0] - side) // 2, (size[1] - side) // 2
    return x, y, x + side, y + side


def view(image, size, box, resample=Image.BILINEAR):
    """-> uint8 [size][size][3]"""
    return np.asarray(image.resize((size, size), resample, box=box))


def crop_box(rng, size, number, plain):
    """A training crop as shares of the photo: x0, y0, x1, y1. plain: how many are the plugin's crop with some play
    (all of them exactly the plugin's without rng)."""
    w, h = size
    if rng is None:
        x0, y0, x1, y1 = plugin_crop(size)
    elif rng.random() < plain:
        side = rng.uniform(0.8, 1.0) * min(w, h)
        play = 0.06 * min(w, h)
        x0 = np.clip((w - side) / 2 + rng.uniform(-play, play), 0, w - side)
        y0 = np.clip((h - side) / 2 + rng.uniform(-play, play), 0, h - side)
        x1, y1 = x0 + side, y0 + side
    else:
        area = rng.uniform(0.65 if number in FRAMED else 0.4, 1) * min(w, h) ** 2
        shape = np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3)))
        cw, ch = min(w, (area * shape) ** 0.5), min(h, (area / shape) ** 0.5)
        x0, y0 = rng.uniform(0, w - cw), rng.uniform(0, h - ch)
        x1, y1 = x0 + cw, y0 + ch
    return x0 / w, y0 / h, x1 / w, y1 / h


def colour(rng):
    """A random colour; half of the time one of the corners of the RGB cube, which test patterns are made of"""
    if rng.random() < 0.5:
        return rng.integers(0, 2, 3) * rng.choice([255.0, 235, 191, 180])
    return rng.uniform(0, 255, 3)


def draw_bars(rng, x, y):
    count = rng.integers(2, 13)
    at = (x if rng.random() < 0.7 else y) * count
    bars = np.stack([colour(rng) for _ in range(count + 1)])[np.minimum(at.astype(int), count)]
    if rng.random() < 0.5:  # a second row of other bars below, as in the SMPTE pattern
        low = np.stack([colour(rng) for _ in range(count + 1)])[np.minimum(at.astype(int), count)]
        bars = np.where((y > rng.uniform(0.5, 0.9))[..., None], low, bars)
    return bars


def draw_gradient(rng, x, y):
    angle = rng.uniform(0, 2 * np.pi)
    along = (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle) + 0.5
    if rng.random() < 0.3:
        along = np.stack([x, y, along], -1)[..., rng.permutation(3)] * 255
        return along
    a, b = colour(rng), colour(rng)
    return a + (b - a) * along[..., None]


def draw_checkers(rng, x, y):
    count = 2.0 ** rng.uniform(1, 6)
    odd = ((x * count).astype(int) + (y * count).astype(int)) % 2
    return np.where(odd[..., None] > 0, colour(rng), colour(rng))


def draw_rings(rng, x, y):
    cx, cy = rng.uniform(0.3, 0.7, 2)
    square = (x - cx) ** 2 + (y - cy) ** 2
    kind = rng.integers(0, 4)
    if kind == 0:  # zone plate
        wave = np.cos(square * rng.uniform(20, 800) + rng.uniform(0, 6))
    elif kind == 1:  # rings
        wave = np.cos(np.sqrt(square) * rng.uniform(10, 120))
    elif kind == 2:  # spokes
        wave = np.cos(np.arctan2(y - cy, x - cx) * rng.integers(1, 24) + rng.uniform(0, 6))
    else:  # ball
        wave = np.where(square < rng.uniform(0.02, 0.25) ** 2, 1.0, -1.0)
    if rng.random() < 0.4:
        wave = np.sign(wave)
    a, b = (colour(rng), colour(rng)) if rng.random() < 0.6 else (np.zeros(3), np.full(3, 255.0))
    return a + (b - a) * (wave[..., None] + 1) / 2


def draw_noise(rng, x, y):
    side = int(2 ** rng.uniform(1, np.log2(len(x) + 1)))
    noise = rng.uniform(0, 255, (side, side, 1 if rng.random() < 0.5 else 3))
    noise = np.clip((noise - 128) * rng.uniform(0.1, 1.2) + rng.uniform(30, 220), 0, 255).astype(np.uint8)
    image = Image.fromarray(noise.repeat(3 // noise.shape[2], 2))
    return np.asarray(image.resize((len(x), len(x)), rng.choice([Image.NEAREST, Image.BICUBIC])), np.float32)


def draw_plain(rng, x, y):
    level = colour(rng) if rng.random() < 0.6 else np.full(3, rng.choice([0.0, 255, rng.uniform(0, 255)]))
    return np.broadcast_to(level, x.shape + (3,))


DRAWN = (draw_bars, draw_gradient, draw_checkers, draw_rings, draw_noise, draw_plain)


def drawn_background(rng, size):
    """A test picture: uint8 [size][size][3]"""
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size
    picture = DRAWN[rng.integers(len(DRAWN))](rng, x, y)
    if rng.random() < 0.3:  # one part of it different
        other = DRAWN[rng.integers(len(DRAWN))](rng, x, y)
        picture = np.where((x > rng.uniform(0.2, 1))[..., None] | (y > rng.uniform(0.2, 1))[..., None], other, picture)
    if rng.random() < 0.3:
        picture = picture + rng.normal(0, rng.uniform(1, 25), picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)
