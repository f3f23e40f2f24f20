#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# families.py: torchvision's convolutional networks, and those of families_blocks.py, with random weights, as files: for
# tests/bench_families.
#
#   usage: families.py             prints their names
#          families.py FOLDER      for each name on its input writes FOLDER/NAME.onnx and FOLDER/NAME.safetensors; then
#                                  prints a line: the name, or what failed
#
# Needs torch and torchvision (Debian: python3-torch, python3-torchvision) and no network. Weights are random but the same at
# every call; batch norms take mean and variance from a run over noise, so that no layer's numbers vanish or explode.
import inspect
import json
import struct
import sys

NAMES = """mobilenet_v2_0.35 mobilenet_v2_0.5 mobilenet_v2_0.75 mobilenet_v2_1.4 mobilenet_v3_small_0.75
mobilenet_v3_large_0.75 regnet_x_200mf regnet_y_200mf regnet_x_600mf regnet_y_600mf convnext_atto convnext_femto
convnext_pico resnet10 resnet14 resnet26 resnext26_32x4d densenet_16 squeezenet1_1 squeezenet1_0 mobilenet_v3_small shufflenet_v2_x0_5 mnasnet0_5 mobilenet_v2 shufflenet_v2_x1_0
mobilenet_v3_large mnasnet0_75 mnasnet1_0 mnasnet1_3 regnet_y_400mf regnet_x_400mf regnet_x_800mf regnet_y_800mf
efficientnet_b0 shufflenet_v2_x1_5 shufflenet_v2_x2_0 efficientnet_b1 efficientnet_b2 googlenet densenet121 resnet18
regnet_x_1_6gf regnet_y_1_6gf efficientnet_b3 efficientnet_b4 regnet_x_3_2gf regnet_y_3_2gf densenet169 resnet34 resnet50
resnext50_32x4d efficientnet_v2_s convnext_tiny densenet201 efficientnet_b5 inception_v3 alexnet regnet_x_8gf
regnet_y_8gf resnet101 densenet161 convnext_small efficientnet_b6 resnet152 wide_resnet50_2 efficientnet_v2_m vgg11
vgg11_bn vgg13 vgg13_bn vgg16 regnet_x_16gf regnet_y_16gf resnext101_32x8d vgg16_bn convnext_base vgg19 vgg19_bn
resnext101_64x4d wide_resnet101_2
shufflenet_v1_g3 shufflenet_v1_g8 sppf_n sppf_s cbam_resnet18 unshuffle_resnet18 glu_net resnest14 resnest26 cbam_resnet50""".split()
SIDE = 224


def variants():
    """What torchvision has no function for: name: what makes it."""
    from torchvision.models import convnext, densenet, mobilenetv2, mobilenetv3, regnet, resnet
    import families_blocks
    make = dict(families_blocks.NETWORKS)
    for width in (0.35, 0.5, 0.75, 1.4):
        make[f'mobilenet_v2_{width}'] = lambda width=width: mobilenetv2.MobileNetV2(width_mult=width)
    make['mobilenet_v3_small_0.75'] = lambda: mobilenetv3.mobilenet_v3_small(width_mult=0.75)
    make['mobilenet_v3_large_0.75'] = lambda: mobilenetv3.mobilenet_v3_large(width_mult=0.75)
    for name, block, depth in (('resnet10', resnet.BasicBlock, 1), ('resnet14', resnet.Bottleneck, 1),
                               ('resnet26', resnet.Bottleneck, 2)):
        make[name] = lambda block=block, depth=depth: resnet.ResNet(block, [depth] * 4)
    make['resnext26_32x4d'] = lambda: resnet.ResNet(resnet.Bottleneck, [2] * 4, groups=32, width_per_group=4)
    make['densenet_16'] = lambda: densenet.DenseNet(16, (6, 12, 24, 16), 32)
    for name, width in (('atto', 40), ('femto', 48), ('pico', 64)):
        blocks = [convnext.CNBlockConfig(width << i, width << (i + 1) if i < 3 else None, depth)
                  for i, depth in enumerate((2, 2, 6, 2))]
        make[f'convnext_{name}'] = lambda blocks=blocks: convnext.ConvNeXt(blocks)
    for name, depth, first, slope, factor, group, se in (
            ('x_200mf', 13, 24, 36.44, 2.49, 8, None), ('y_200mf', 13, 24, 36.44, 2.49, 8, 0.25),
            ('x_600mf', 16, 48, 36.97, 2.24, 24, None), ('y_600mf', 15, 48, 32.54, 2.32, 16, 0.25)):
        blocks = regnet.BlockParams.from_init_params(depth, first, slope, factor, group, se_ratio=se)
        make[f'regnet_{name}'] = lambda blocks=blocks: regnet.RegNet(blocks)
    return make


def make(name):
    import torch
    import torchvision
    torch.manual_seed(1)
    options = {'aux_logits': False, 'init_weights': True} if name in ('googlenet', 'inception_v3') else {}
    made = variants().get(name)
    model = made() if made else getattr(torchvision.models, name)(weights=None, **options)
    for key, parameter in model.named_parameters():
        if 'layer_scale' in key:
            torch.nn.init.uniform_(parameter, 0.2, 1)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.7, 1.3)
            torch.nn.init.normal_(module.bias, 0, 0.2)
            module.momentum = None
        elif isinstance(module, torch.nn.Dropout):
            module.p = 0
    with torch.no_grad():
        if any(isinstance(module, torch.nn.BatchNorm2d) for module in model.modules()):
            model.train()(torch.randn(2, 3, 128, 128))
    return model.eval()


def write_safetensors(model, path):
    header, offset = {'__metadata__': {'input_size': str(SIDE)}}, 0
    tensors = {k: v.detach().contiguous().numpy() for k, v in model.state_dict().items() if v.dtype.is_floating_point}
    for key, value in tensors.items():
        header[key] = {'dtype': 'F32', 'shape': list(value.shape), 'data_offsets': [offset, offset + value.nbytes]}
        offset += value.nbytes
    text = json.dumps(header).encode()
    with open(path, 'wb') as file:
        file.write(struct.pack('<Q', len(text)) + text)
        for value in tensors.values():
            file.write(value.astype('<f4').tobytes())


def write_onnx(model, path):
    import torch
    how = {'opset_version': 17 if torch.__version__ >= '2' else 14, 'input_names': ['input'], 'output_names': ['scores']}
    if 'dynamo' in inspect.signature(torch.onnx.export).parameters:
        how['dynamo'] = False
    torch.onnx.export(model, torch.randn(1, 3, SIDE, SIDE), path, **how)


def main():
    if len(sys.argv) == 1:
        print('\n'.join(NAMES))
        return
    folder = sys.argv[1]
    for line in sys.stdin:
        name = line.strip()
        try:
            model = make(name)
            write_onnx(model, f'{folder}/{name}.onnx')
            write_safetensors(model, f'{folder}/{name}.safetensors')
            print(name, flush=True)
        except Exception as error:  # whatever this torch cannot do
            print(f'{name}: {str(error).splitlines()[0] if str(error) else error!r}', flush=True)


main()
