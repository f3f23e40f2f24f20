# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a teacher network says of every training photo, worked out once and kept on disk.

The teacher (an ImageNet ResNet in ONNX, without its own classes) runs once over each whole photo, shorter side
SIDE pixels. Kept are two of its maps, one cell per 16 and per 32 pixels, reduced to the CELL16 and CELL32 principal
components that carry most: they say at each place what is there. Whatever crop the student is later shown, the same
crop of these maps is what it shall produce (Maps.crop). A linear classifier on the mean of such a crop gives the
soft labels. It is fitted in FOLDS parts, so that no photo is judged by a classifier that was fitted on it.

Files in the work directory: teacher.npz (bases, sizes, classifiers) and teacher16.f16, teacher32.f16 (maps, [rows]
[columns][components] each, one photo after the other). They are used again while the photos and the teacher stay.
"""
import hashlib
import os

import numpy as np
import torch
from torch.nn import functional as F

from pictures import bar, crop_box

SIDE = 288
CELL16, CELL32 = 128, 256
FOLDS = 5
MEAN = (123.68, 116.78, 103.94)  # of the teacher's input; its std is 1


class OnnxTeacher:
    """Runs the operators of a ResNet's ONNX file with torch; batch norm is folded into the convolutions."""

    def __init__(self, path, dtype):
        import onnx  # python3-onnx; needed only here
        from onnx import numpy_helper
        graph = onnx.load(path).graph
        self.dtype = dtype
        self.values = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in graph.initializer}
        self.nodes = []
        for node in graph.node:
            a = {x.name: list(x.ints) or x.i or x.f for x in node.attribute}
            if node.op_type == "BatchNormalization":
                self.fold(self.nodes[-1], node, a["epsilon"])
                continue
            self.nodes.append([node.op_type, list(node.input), node.output[0], a])
            if node.op_type == "GlobalAveragePool":
                break

    def fold(self, conv, node, epsilon):
        gamma, beta, mean, variance = (self.values[n].double() for n in node.input[1:5])
        scale = gamma / (variance + epsilon).sqrt()
        weight = self.values[conv[1][1]].double() * scale.view(-1, 1, 1, 1)
        name = conv[1][1] + ".folded"
        self.values[name] = weight.to(self.dtype).contiguous(memory_format=torch.channels_last)
        self.values[name + ".bias"] = (beta - mean * scale).to(self.dtype)
        conv[1] = [conv[1][0], name, name + ".bias"]
        conv[2] = node.output[0]

    def run(self, pixels):
        """uint8 [n][3][H][W] -> float maps [n][1024][H/16][W/16], [n][2048][H/32][W/32]"""
        x = pixels.float() - torch.tensor(MEAN).view(1, 3, 1, 1)
        x = x.to(self.dtype).contiguous(memory_format=torch.channels_last)
        live = {self.nodes[0][1][0]: x}
        middle = None
        for kind, inputs, output, a in self.nodes:
            got = [live[i] if i in live else self.values[i] for i in inputs]
            if kind == "Conv":
                p = a["pads"]
                y = F.conv2d(got[0], got[1], got[2], a["strides"], (p[0], p[1]))
            elif kind == "MaxPool":
                p = a["pads"]
                y = F.max_pool2d(F.pad(got[0], (p[1], p[3], p[0], p[2])), a["kernel_shape"], a["strides"])
            elif kind == "Relu":
                y = F.relu(got[0])
            elif kind == "Add":
                y = got[0] + got[1]
            elif kind == "GlobalAveragePool":
                return middle.float(), got[0].float()
            else:
                raise ValueError(f"the teacher has a {kind}")
            if y.shape[2] == pixels.shape[2] // 16 and kind == "Relu" and y.shape[1] == 1024:
                middle = y
            live[output] = y
        raise ValueError("the teacher has no GlobalAveragePool")


def average_matrix(begin, end, cells, count):
    """[cells][count]: row i averages what lies between the i-th `cells`-th of begin..end (in units of the map's own
    cells, count of them), read with linear interpolation at four points"""
    at = begin + (end - begin) * (np.arange(cells * 4) + 0.5) / (cells * 4) - 0.5
    at = np.clip(at, 0, count - 1)
    low = np.minimum(at.astype(int), max(count - 2, 0))
    part = at - low
    matrix = np.zeros((cells * 4, count), np.float32)
    rows = np.arange(cells * 4)
    matrix[rows, low] += 1 - part
    matrix[rows, np.minimum(low + 1, count - 1)] += part
    return torch.from_numpy(matrix.reshape(cells, 4, count).mean(1))


class Maps:
    """The kept maps of every training photo and the classifiers on them."""

    def __init__(self, work):
        kept = np.load(os.path.join(work, "teacher.npz"))
        self.sizes, self.offsets = kept["sizes"], kept["offsets"]
        self.weights = torch.from_numpy(kept["weights"]) if "weights" in kept else None  # [folds][CELL32 + 1][classes]
        self.data = [torch.from_numpy(np.fromfile(os.path.join(work, name), np.float16))
                     for name in ("teacher16.f16", "teacher32.f16")]

    def crop(self, index, box, flip, cells16, cells32):
        """box: x0 y0 x1 y1 as shares of the photo -> float [CELL16][cells16][cells16], [CELL32][cells32][cells32]"""
        result = []
        for which, cells in ((0, cells16), (1, cells32)):
            rows, columns = self.sizes[index] * (2 if which == 0 else 1)
            depth = (CELL16, CELL32)[which]
            start = self.offsets[index][which]
            cube = self.data[which][start:start + rows * columns * depth].view(rows, columns * depth).float()
            down = average_matrix(box[1] * rows, box[3] * rows, cells, rows)
            across = average_matrix(box[0] * columns, box[2] * columns, cells, columns)
            y = torch.matmul(across, (down @ cube).view(cells, columns, depth)).permute(2, 0, 1)
            result.append(y.flip(2) if flip else y)
        return result

    def logits(self, index, pooled):
        """[CELL32] -> [classes], by the classifier that has not seen this photo"""
        weights = self.weights[index % FOLDS]
        return F.normalize(pooled, dim=0) @ weights[:-1] + weights[-1]


def whole(image):
    """A photo as the teacher sees it: shorter side SIDE, longer side the nearest multiple of 32"""
    w, h = image.size
    scale = SIDE / min(w, h)
    size = tuple(max(32, round(x * scale / 32) * 32) for x in (w, h))
    resized = image.resize(size, resample=2)
    return torch.from_numpy(np.array(resized)).permute(2, 0, 1)


def batches(images, order, count):
    """Lists of at most count indices whose photos have the same size for the teacher"""
    groups = {}
    for i in order:
        key = tuple(max(32, round(x * SIDE / min(images[i].size) / 32) * 32) for x in images[i].size)
        groups.setdefault(key, []).append(i)
    for group in groups.values():
        for at in range(0, len(group), count):
            yield group[at:at + count]


def principal(rows, count):
    """[n][d] -> mean [d], basis [d][count], each component scaled by 1/sqrt(its deviation): between raw and whitened"""
    mean = rows.mean(0)
    values, vectors = torch.linalg.eigh(torch.cov((rows - mean).T))
    values, vectors = values.flip(0)[:count], vectors.flip(1)[:, :count]
    scaled = values.clamp(min=1e-12) ** 0.5
    basis = vectors / (scaled * scaled.mean()).sqrt()
    return mean, basis


def make_maps(path, images, work, dtype, seed):
    """Runs the teacher over all photos; writes the two map files and teacher.npz without classifiers."""
    teacher = OnnxTeacher(path, dtype)
    order = np.random.default_rng(seed).permutation(len(images))
    seen = ([], [])
    with torch.no_grad():
        for group in bar(list(batches(images, order[:600], 8)), "teacher: components"):
            maps = teacher.run(torch.stack([whole(images[i]) for i in group]))
            for rows, m, step in zip(seen, maps, (7, 3)):
                rows.append(m.permute(0, 2, 3, 1).reshape(-1, m.shape[1])[::step])
        bases = [principal(torch.cat(rows), n) for rows, n in zip(seen, (CELL16, CELL32))]
        sizes = np.zeros((len(images), 2), np.int64)
        offsets = np.zeros((len(images), 2), np.int64)
        at = [0, 0]
        files = [open(os.path.join(work, n), "wb") for n in ("teacher16.f16", "teacher32.f16")]
        for group in bar(list(batches(images, range(len(images)), 8)), "teacher: photos"):
            maps = teacher.run(torch.stack([whole(images[i]) for i in group]))
            sizes[group] = maps[1].shape[2:]
            for which, m in enumerate(maps):
                mean, basis = bases[which]
                reduced = F.conv2d(m, basis.T[:, :, None, None], -mean @ basis)
                rows = reduced.permute(0, 2, 3, 1).contiguous().half().numpy()
                for i, one in zip(group, rows):
                    files[which].write(one.tobytes())
                    offsets[i][which] = at[which]
                    at[which] += one.size
        for file in files:
            file.close()
    return {"sizes": sizes, "offsets": offsets}


def fit(x, y, classes):
    """Softmax regression, L2-penalised: [n][d], [n] -> [d + 1][classes]"""
    weight = torch.zeros(x.shape[1], classes, requires_grad=True)
    bias = torch.zeros(classes, requires_grad=True)
    search = torch.optim.LBFGS([weight, bias], max_iter=150, history_size=20, line_search_fn="strong_wolfe")

    def loss():
        search.zero_grad()
        value = F.cross_entropy(x @ weight + bias, y) + 2e-5 * (weight ** 2).sum()
        value.backward()
        return value

    search.step(loss)
    return torch.cat([weight, bias[None]]).detach()


def make_classifiers(images, classes, work, seed):
    """-> [FOLDS][CELL32 + 1][classes]; prints how often they are right about photos they have not seen"""
    maps = Maps(work)
    rng = np.random.default_rng(seed + 1)
    x, y, photo = [], [], []
    for view in range(3):
        for i, image in enumerate(images):
            box = crop_box(rng, image.size, classes[i], 0.7) if view else crop_box(None, image.size, classes[i], 1)
            pooled = maps.crop(i, box, False, 1, 1)[1].reshape(-1)
            x.append(F.normalize(pooled, dim=0))
            y.append(classes[i])
            photo.append(i)
    x, y, photo = torch.stack(x), torch.tensor(y), torch.tensor(photo)
    weights = []
    right = 0
    for fold in bar(range(FOLDS), "teacher: classifiers"):
        unseen = photo % FOLDS == fold
        w = fit(x[~unseen], y[~unseen], int(y.max()) + 1)
        weights.append(w)
        test = unseen & (torch.arange(len(photo)) < len(images))
        right += int(((x[test] @ w[:-1] + w[-1]).argmax(1) == y[test]).sum())
    print(f"teacher: right about {100 * right / len(images):.1f} % of training photos its classifier has not seen")
    return torch.stack(weights).numpy()


def prepare(path, names, images, classes, work, dtype, seed):
    """Maps for these photos, from the work directory if they were made before from the same teacher and photos"""
    stamp = hashlib.sha256("\n".join([str(os.path.getsize(path)), str(SIDE), *names]).encode()).hexdigest()
    file = os.path.join(work, "teacher.npz")
    if not os.path.exists(file) or str(np.load(file)["stamp"]) != stamp:
        kept = make_maps(path, images, work, dtype, seed)
        np.savez(file, stamp="unfinished", **kept)
        kept["weights"] = make_classifiers(images, classes, work, seed)
        np.savez(file, stamp=stamp, **kept)
    return Maps(work)
