#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains the network that the plugin carries, and measures it.

    train.py --dataset DIR --teacher resnet50.onnx --work DIR      train; writes resnet.safetensors in the end
    train.py --dataset DIR --evaluate resnet.safetensors           accuracy on the test photos, as in the model card
    train.py --dataset DIR --make-split                            draw the test split anew (only once in its life)

DIR is Caltech-101, one folder per class, pictures of any size. Needs python3-torch, python3-pil, python3-numpy and,
for the teacher, python3-onnx; libopenblas0-pthread makes the teacher's part many times faster. Without --teacher it learns
from the labels alone, and knows less in the end.
A run that was interrupted goes on after its last full epoch when started again with the same --work. Every batch is
drawn from (seed, step) alone, so a resumed run sees what an unbroken one would have seen.

Recipe: views from pictures.py; the teacher's maps and soft labels for the same crop from teacher.py; SGD, a short
warm-up, a constant rate, then a straight line to 0; first at 96 pixels, the end at 128; the shipped weights are
an average over the last steps. An epoch shows at most MOST photos of a class.
What is learned from: the photo's label, the teacher's soft label, and the teacher's maps after layer3 and layer4
(through 1x1 convolutions that are thrown away afterwards).
"""
import argparse
import copy
import ctypes
import math
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import network
import pictures
import teacher
from pictures import bar

HERE = os.path.dirname(os.path.abspath(__file__))
BATCH = 64
SHARDS = 2  # a batch is worked on in so many parts, each by one thread: on a busy machine far better than two threads
            # that meet at the end of every operation
DRAWN = 3  # of each batch are drawn backgrounds
SMALL = 96  # pixels, for the first part of the epochs
SMALL_PART = 0.8
RATE, DECAY, WARM_UP = 0.1, 5e-4, 2  # SGD: peak learning rate, weight decay, epochs of warm-up
STEADY_PART = 0.45  # of the epochs run at that rate; then it falls in a straight line to 0
AVERAGE = 0.998  # of the weights, per step
TEMPERATURE = 2.0
SOFT, MAP16, MAP32, HARD = 1.0, 0.5, 1.0, 0.5  # weights of the four losses
EVERYDAY = ("cup", "laptop", "wrist watch", "scissors", "face", "face, close-up", "cell phone", "chair", "headphones",
            "lamp", "soccer ball", "umbrella", "stapler", "camera")
MARKS = "<!-- measured by train.py -->", "<!-- end of measured -->"  # in the model card
MOST = 120  # photos of one class in an epoch, before the calm part: there are 640 airplanes, and 28 snoopies
CALM_PART = 0.85  # of the epochs; after it crops are mostly the plugin's, and nothing is pasted together


class Views(torch.utils.data.Dataset):
    """Item n is the whole batch of step n, made from the seed and n alone."""

    def __init__(self, images, classes, maps, args):
        self.images, self.classes, self.maps, self.args = images, classes, maps, args
        self.groups = [np.flatnonzero(np.array(classes) == c) for c in range(max(classes) + 1)]
        self.count = sum(min(len(group), MOST) for group in self.groups)
        self.steps = math.ceil(self.count / (BATCH - DRAWN))
        self.order = (-1, None)

    def shuffled(self, epoch):
        """The photos of one epoch: at most MOST of each class, in the calm part as many of all alike"""
        rng = np.random.default_rng((self.args.seed, epoch))
        if epoch >= CALM_PART * self.args.epochs:
            return rng.permutation(len(self.images))[:self.count]
        return rng.permutation(np.concatenate([rng.permutation(group)[:MOST] for group in self.groups]))

    def size(self, epoch):
        return SMALL if epoch < SMALL_PART * self.args.epochs else network.SIZE

    def __len__(self):
        return self.steps * self.args.epochs

    def __getitem__(self, step):
        epoch, at = divmod(step, self.steps)
        if self.order[0] != epoch:
            self.order = (epoch, self.shuffled(epoch))
        rng = np.random.default_rng((self.args.seed, epoch, at))
        chosen = self.order[1][at * (BATCH - DRAWN):(at + 1) * (BATCH - DRAWN)]
        size = self.size(epoch)
        plain = 0.55 if epoch < CALM_PART * self.args.epochs else 0.75
        rows = [self.photo(rng, i, size, plain) for i in chosen]
        views = [row[0] for row in rows] + [pictures.drawn_background(rng, size) for _ in range(DRAWN)]
        batch = {"pixels": torch.from_numpy(np.stack(views)).permute(0, 3, 1, 2),
                 "classes": torch.tensor([self.classes[i] for i in chosen] + [pictures.BACKGROUND] * DRAWN),
                 "seed": int(rng.integers(2 ** 31))}
        if self.maps:
            batch["map16"] = torch.stack([row[1] for row in rows])
            batch["map32"] = torch.stack([row[2] for row in rows])
            batch["soft"] = torch.stack([row[3] for row in rows])
        return batch

    def photo(self, rng, i, size, plain):
        """-> pixels, and what the teacher says of the same crop"""
        image = self.images[i]
        box = pictures.crop_box(rng, image.size, self.classes[i], plain)
        flip = rng.random() < 0.5
        pixels = tuple(v * image.size[k % 2] for k, v in enumerate(box))
        small = size // rng.integers(2, 4) if rng.random() < 0.1 else size  # a tenth is blurred
        seen = pictures.view(image, small, pixels, int(rng.choice([2, 3, 4, 5])))  # bilinear, bicubic, box, hamming
        if small != size:
            seen = np.asarray(pictures.Image.fromarray(seen).resize((size, size), pictures.Image.BICUBIC))
        if flip:
            seen = seen[:, ::-1]
        if not self.maps:
            return (seen,)
        map16, map32 = self.maps.crop(i, box, flip, size // 16, size // 32)
        return seen, map16, map32, self.maps.logits(i, map32.mean((1, 2)))


def change_colours(pixels, chance):
    """float [n][3][S][S], 0..255: brightness, contrast, saturation, tint, noise, grey, a blank rectangle"""
    n, _, size, _ = pixels.shape

    def some(low, high, shape=(n, 1, 1, 1)):
        return torch.rand(shape, generator=chance) * (high - low) + low

    grey = pixels.mean(1, keepdim=True)
    saturation = some(0.5, 1.5) * (some(0, 1) > 0.08)
    pixels = grey + (pixels - grey) * saturation
    mean = grey.mean((2, 3), keepdim=True)
    pixels = mean + (pixels - mean) * some(0.6, 1.4)
    pixels = pixels * some(0.65, 1.35) * some(0.88, 1.12, (n, 3, 1, 1))
    pixels = pixels + torch.randn(pixels.shape, generator=chance) * some(0, 14) * (some(0, 1) < 0.3)
    pixels = pixels.clamp(0, 255)
    for i in range(n):
        if torch.rand(1, generator=chance) < 0.1:
            h, w = (torch.rand(2, generator=chance) * size * 0.4).int().tolist()
            y, x = (torch.rand(2, generator=chance) * size * 0.8).int().tolist()
            pixels[i, :, y:y + h, x:x + w] = torch.rand(3, 1, 1, generator=chance) * 255
    return pixels


def paste(batch, targets, chance):
    """Puts a rectangle of every photo's neighbour into it, on the grid of 32 pixels: pixels, maps and labels alike."""
    n = batch["map32"].shape[0] if "map32" in batch else len(batch["pixels"]) - DRAWN
    cells = batch["pixels"].shape[2] // 32
    h, w = torch.randint(1, cells, (2,), generator=chance).tolist()
    y, x = (int(torch.randint(0, cells - k + 1, (1,), generator=chance)) for k in (h, w))
    other = torch.roll(torch.arange(n), 1)

    def put(whole, unit):
        part = whole[:n][other][:, :, y * unit:(y + h) * unit, x * unit:(x + w) * unit].clone()
        whole[:n, :, y * unit:(y + h) * unit, x * unit:(x + w) * unit] = part

    put(batch["pixels"], 32)
    if "map32" in batch:
        put(batch["map16"], 2)
        put(batch["map32"], 1)
    share = h * w / cells ** 2
    for target in targets:
        target[:n] = (1 - share) * target[:n] + share * target[:n][other]


class Learner(nn.Module):
    """The network and the 1x1 convolutions that lead from its maps to the teacher's."""

    def __init__(self, classes):
        super().__init__()
        self.net = network.ResNet(classes)
        self.to16 = nn.Conv2d(network.WIDTHS[2], teacher.CELL16, 1)
        self.to32 = nn.Conv2d(network.WIDTHS[3], teacher.CELL32, 1)

    def forward(self, x):
        logits, third, fourth = self.net.maps(x)
        return logits, self.to16(third), self.to32(fourth)


def loss_of(learner, batch, classes, calm, autocast):
    """One batch -> loss, and [5] figures for the log: loss, soft-label loss, both maps' losses, share named right"""
    chance = torch.Generator().manual_seed(int(batch["seed"]))
    hard = F.one_hot(batch["classes"], classes).float() * 0.95 + 0.05 / classes
    targets = [hard]
    if "soft" in batch:
        soft = torch.softmax(batch["soft"] / TEMPERATURE, 1)
        targets.append(soft)
    batch["pixels"] = change_colours(batch["pixels"].float(), chance)
    pasted = not calm and torch.rand(1, generator=chance) < 0.15
    if pasted:
        paste(batch, targets, chance)
    with autocast():
        logits, map16, map32 = learner(network.normalise(batch["pixels"]))
    logits = logits.float()
    right = (logits.argmax(1) == batch["classes"]).float().mean()
    labels = -(hard * torch.log_softmax(logits, 1)).sum(1)
    if "soft" not in batch:
        loss = labels.mean()
        return loss, torch.stack([loss.detach(), loss.detach() * 0, loss.detach() * 0, loss.detach() * 0, right])
    n = len(batch["soft"])
    learned = torch.log_softmax(logits[:n] / TEMPERATURE, 1)
    parts = [TEMPERATURE ** 2 * F.kl_div(learned, soft, reduction="batchmean"),
             F.mse_loss(map16[:n].float(), batch["map16"]), F.mse_loss(map32[:n].float(), batch["map32"])]
    loss = (HARD * labels[:n].sum() + labels[n:].sum()) / len(labels)
    loss = loss + SOFT * parts[0] + MAP16 * parts[1] + MAP32 * parts[2]
    return loss, torch.stack([x.detach() for x in (loss, *parts, right)])


def average(kept, model, share):
    with torch.no_grad():
        for a, b in zip(kept.state_dict().values(), model.state_dict().values()):
            if a.dtype.is_floating_point:
                a.lerp_(b, 1 - share)
            else:
                a.copy_(b)


def train(args, classes_count):
    (names, classes), (test_names, test_classes) = pictures.read_split(args.dataset, args.split)
    images = pictures.load(args.dataset, names, "reading photos")
    test = test_pixels(args.dataset, test_names, network.SIZE)
    maps = None
    precision = torch.bfloat16 if args.precision == "bf16" else torch.float32
    if args.teacher:
        maps = teacher.prepare(args.teacher, names, images, classes, args.work, precision, args.seed)
    else:
        print("no --teacher: learning from the labels alone")
    if args.only_teacher:
        return
    torch.manual_seed(args.seed)
    views = Views(images, classes, maps, args)
    learner = Learner(classes_count).to(memory_format=torch.channels_last)
    kept = copy.deepcopy(learner.net)
    plain = [p for p in learner.parameters() if p.dim() < 2]
    decayed = [p for p in learner.parameters() if p.dim() >= 2]
    search = torch.optim.SGD([{"params": decayed, "weight_decay": DECAY}, {"params": plain, "weight_decay": 0}],
                             lr=RATE, momentum=0.9, nesterov=True)
    saved = os.path.join(args.work, "checkpoint.pt")
    first = 0
    if os.path.exists(saved):
        state = torch.load(saved)
        learner.load_state_dict(state["learner"])
        kept.load_state_dict(state["kept"])
        search.load_state_dict(state["search"])
        first = state["epoch"]
        print(f"going on after epoch {first}")
    loader = torch.utils.data.DataLoader(views, batch_size=None, num_workers=args.loaders, prefetch_factor=4,
                                         sampler=range(first * views.steps, len(views)))
    batches = iter(loader)
    workers = replicas(learner), ThreadPoolExecutor(args.threads)
    for epoch in range(first, args.epochs):
        run_epoch(args, epoch, views, batches, workers, kept, search, classes_count)
        state = {"learner": learner.state_dict(), "kept": kept.state_dict(), "search": search.state_dict(),
                 "epoch": epoch + 1}
        torch.save(state, saved + ".part")
        os.replace(saved + ".part", saved)
        if (epoch + 1) % 10 == 0 or epoch + 1 == args.epochs:
            scores = scores_of(kept.eval(), test)
            print(f"test photos so far: {100 * accuracy(scores, test_classes, 1):.2f} %", flush=True)
    network.write_file(args.output, kept, read_labels(), network.SIZE)
    figures = report(args, args.output)
    print(figures)
    write_card(args.card, figures)


def shard(batch, number):
    """Every SHARDS-th row of a batch, beginning with row `number`; drawn backgrounds stay the last rows"""
    part = {key: value[number::SHARDS] for key, value in batch.items() if key != "seed"}
    part["seed"] = batch["seed"] + number
    return part


def gradients(replica, part, classes, calm, precision):
    """One thread's share of a step -> gradients of the parameters, figures for the log"""
    torch.set_num_threads(1)
    loss, figures = loss_of(replica, part, classes, calm,
                            lambda: torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"))
    if not torch.isfinite(loss):
        raise SystemExit(f"the loss is {float(loss)}")
    return torch.autograd.grad(loss, list(replica.parameters()), allow_unused=True), figures


def replicas(learner):
    """SHARDS views of one set of parameters, each with batch norm statistics of its own"""
    result = [learner]
    for _ in range(SHARDS - 1):
        other = copy.deepcopy(learner)
        for module, original in zip(other.modules(), learner.modules()):
            for name in module._parameters:
                module._parameters[name] = original._parameters[name]
        result.append(other)
    return result


def run_epoch(args, epoch, views, batches, workers, kept, search, classes_count):
    """workers: the replicas and the threads that run them"""
    nets, threads = workers
    for net in nets:
        net.train()
    start = time.time()
    sums = torch.zeros(5)
    calm = epoch >= CALM_PART * args.epochs
    steps = range(views.steps)
    for at in bar(steps, f"epoch {epoch + 1}/{args.epochs}") if sys.stderr.isatty() else steps:
        done = (epoch * views.steps + at) / len(views)
        rate = RATE * min(1, done * args.epochs / WARM_UP, (1 - done) / (1 - STEADY_PART))
        for group in search.param_groups:
            group["lr"] = rate
        batch = next(batches)
        jobs = [threads.submit(gradients, net, shard(batch, i), classes_count, calm, args.precision)
                for i, net in enumerate(nets)]
        found = [job.result() for job in jobs]
        for i, parameter in enumerate(nets[0].parameters()):
            parts = [f[0][i] for f in found if f[0][i] is not None]
            parameter.grad = sum(parts) / SHARDS if parts else None
        nn.utils.clip_grad_norm_(nets[0].parameters(), 5.0)
        search.step()
        average(kept, nets[0].net, min(AVERAGE, (1 + epoch * views.steps + at) / (10 + epoch * views.steps + at)))
        sums += sum(f[1] for f in found) / SHARDS
    sums /= views.steps
    print(f"epoch {epoch + 1}/{args.epochs} size {views.size(epoch)} rate {rate:.4f} loss {sums[0]:.3f} "
          f"(soft {sums[1]:.3f} maps {sums[2]:.3f} {sums[3]:.3f}) right {100 * sums[4]:.1f} % of training views, "
          f"{time.time() - start:.0f} s", flush=True)


def read_labels():
    with open(os.path.join(HERE, "labels.txt")) as file:
        return file.read().splitlines()


def test_pixels(dataset, names, size):
    """The plugin's crop of each photo: uint8 [n][3][size][size]"""
    images = pictures.load(dataset, names, "reading test photos")
    views = [pictures.view(image, size, pictures.plugin_crop(image.size)) for image in images]
    return torch.from_numpy(np.stack(views)).permute(0, 3, 1, 2)


def scores_of(model, pixels):
    with torch.no_grad():
        return torch.cat([torch.softmax(model(network.normalise(part)), 1) for part in pixels.split(64)])


def accuracy(scores, classes, k):
    best = scores.topk(k, 1).indices
    return float((best == torch.tensor(classes)[:, None]).any(1).float().mean())


def report(args, path):
    """-> the figures of the model card, as Markdown"""
    model, metadata = network.read_file(path)
    labels = metadata["labels"].split("\n")
    size = args.size or int(metadata["input_size"])
    _, (names, classes) = pictures.read_split(args.dataset, args.split)
    scores = scores_of(model, test_pixels(args.dataset, names, size))
    if args.scores:
        np.save(args.scores, scores.numpy())
    parameters, macs = network.count(model, size)
    guess, truth = scores.argmax(1), torch.tensor(classes)
    shares = sorted((float((guess[truth == c] == c).float().mean()), int((truth == c).sum()), labels[c])
                    for c in range(len(labels)))
    top = [100 * accuracy(scores, classes, k) for k in (1, 5)]
    text = [f"Top-1 **{top[0]:.2f} %**, top-5 **{top[1]:.2f} %** of {len(names)} test photos; mean over the classes "
            f"{100 * sum(s[0] for s in shares) / len(shares):.1f} %.",
            f"Input {size}x{size}, {parameters:,} parameters, {macs / 1e6:.1f} million multiply-adds, "
            f"{os.path.getsize(path):,} bytes.", "",
            "Worst ten: " + ", ".join(f"{label} {100 * share:.0f} % of {n}" for share, n, label in shares[:10]) + ".",
            "",
            "All of their test photos right: "
            + ", ".join(f"{label} ({n})" for share, n, label in shares if share == 1) + ".", "",
            "Everyday things: " + ", ".join(f"{label} {100 * share:.0f} % of {n}" for share, n, label in shares
                                            if label in EVERYDAY) + ".", "",
            "Taken for another most often: " + ", ".join(confusions(guess, truth, labels)) + "."]
    return "\n".join(text + [""] + report_backgrounds(model, labels, size))


def confusions(guess, truth, labels):
    pairs = torch.bincount(truth * len(labels) + guess, minlength=len(labels) ** 2)
    found = [divmod(pair, len(labels)) + (int(pairs[pair]),) for pair in pairs.argsort(descending=True).tolist()]
    return [f"{labels[a]} → {labels[b]} ({n})" for a, b, n in found if a != b][:12]


def write_card(path, text):
    """Puts the figures between the two marks of the model card."""
    with open(path) as file:
        card = file.read()
    begin, end = (card.index(mark) for mark in MARKS)
    with open(path, "w") as file:
        file.write(card[:begin + len(MARKS[0])] + "\n" + text + "\n" + card[end:])


def show_backgrounds(model, labels, pixels, names):
    """-> how many were called background or had no class above 0.5, the others by name"""
    best, guess = scores_of(model, pixels).max(1)
    calm = (guess == pictures.BACKGROUND) | (best <= 0.5)
    wrong = [f"{name} ({labels[g]} {float(b):.2f})" for name, b, g, ok in zip(names, best, guess, calm) if not ok]
    return f"{int(calm.sum())} of {len(calm)}" + (f"; confidently wrong: {', '.join(wrong[:12])}" if wrong else "")


def report_backgrounds(model, labels, size):
    """Pictures without an object: 600 drawn ones, and those of GStreamer's videotestsrc where gst-launch-1.0 is"""
    rng = np.random.default_rng(12345)
    drawn = np.stack([pictures.drawn_background(rng, size) for _ in range(600)])
    pixels = torch.from_numpy(drawn).permute(0, 3, 1, 2)
    text = ["Called background, or no class above 0.5:", "", "- drawn pictures, other ones than in training: "
            + show_backgrounds(model, labels, pixels, [f"drawn {i}" for i in range(600)])]
    frames, names = [], []
    for pattern in range(26):
        command = ["gst-launch-1.0", "-q", "videotestsrc", f"pattern={pattern}", "num-buffers=3", "!",
                   "video/x-raw,format=RGB,width=640,height=480", "!", "fdsink"]
        try:
            raw = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
        except (OSError, subprocess.SubprocessError):
            continue
        for i, frame in enumerate(np.frombuffer(raw, np.uint8).reshape(-1, 480, 640, 3)):
            image = pictures.Image.fromarray(frame)
            frames.append(pictures.view(image, size, pictures.plugin_crop(image.size)))
            names.append(f"pattern={pattern} frame {i}")
    if frames:
        pixels = torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2)
        text.append("- all patterns of `videotestsrc`, three frames each: "
                    + show_backgrounds(model, labels, pixels, names))
    return text


def options():
    native = "flags" in open("/proc/cpuinfo").read() and "avx512_bf16" in open("/proc/cpuinfo").read() \
        if os.path.exists("/proc/cpuinfo") else False
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", required=True, metavar="DIR", help="Caltech-101, one folder per class")
    parser.add_argument("--teacher", metavar="FILE", help="an ImageNet ResNet-50 in ONNX, input RGB minus the mean")
    parser.add_argument("--work", default="train.work", metavar="DIR", help="checkpoints and the teacher's maps")
    parser.add_argument("--output", default=os.path.join(HERE, "resnet.safetensors"), metavar="FILE")
    parser.add_argument("--card", default=os.path.join(HERE, "README.md"), metavar="FILE",
                        help="the model card that gets the figures after training")
    parser.add_argument("--split", default=os.path.join(HERE, "split_test.txt"), metavar="FILE")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--loaders", type=int, default=2, help="processes that prepare batches")
    parser.add_argument("--precision", choices=["bf16", "fp32"], default="bf16" if native else "fp32",
                        help="of the convolutions in training (default: %(default)s on this processor)")
    parser.add_argument("--only-teacher", action="store_true", help="stop when the teacher's maps are made")
    parser.add_argument("--make-split", action="store_true", help="draw the test photos and write --split")
    parser.add_argument("--evaluate", metavar="FILE", help="measure this file instead of training")
    parser.add_argument("--size", type=int, help="with --evaluate: another input size")
    parser.add_argument("--scores", metavar="FILE", help="with --evaluate: write [photos][classes] as .npy")
    return parser.parse_args()


def keep_memory():
    """glibc gives every large tensor back to the kernel and asks for it anew: page faults without end"""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(-8, 1)  # M_ARENA_MAX
    mallopt(-4, 0)  # M_MMAP_MAX
    mallopt(-1, 2 ** 31 - 1)  # M_TRIM_THRESHOLD
    mallopt(-2, 2 ** 26)  # M_TOP_PAD


def main():
    args = options()
    keep_memory()
    torch.set_num_threads(args.threads)
    if args.make_split:
        pictures.make_split(args.dataset, args.split, args.seed)
        return
    if args.evaluate:
        print(report(args, args.evaluate))
        return
    os.makedirs(args.work, exist_ok=True)
    train(args, len(pictures.folders(args.dataset)))


if __name__ == "__main__":
    main()
