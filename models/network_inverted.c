/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network_inverted.c: inverted residuals: Sandler et al., MobileNetV2, 2018; with squeeze and excite: Howard et al.,
 * MobileNetV3, and Tan and Le, EfficientNet, 2019; fused, one dense convolution in the place of expansion and
 * depthwise: Tan and Le, EfficientNetV2, 2021. */
#include "models/network_parts.h"

#include <stddef.h>

int network_inverted (struct network *n, int x, const char *block, const struct inverted *parts)
{
    bool fused = !parts->depthwise;
    int y = x;
    if (parts->expand) {
        y = network_layer (n, y, NAME ("%s.%s", block, parts->expand), NAME ("%s.%s", block, parts->expand_norm),
                           (struct window) { .kernel = fused ? 0 : 1, .stride = fused ? parts->stride : 1 });
        y = network_activation (n, y, NAME ("%s.act1", block), parts->activation);
    }
    if (parts->depthwise) {
        y = network_layer (n, y, NAME ("%s.%s", block, parts->depthwise), NAME ("%s.%s", block, parts->depthwise_norm),
                           (struct window) { .stride = parts->stride, .grouped = true });
        y = network_activation (n, y, NAME ("%s.act2", block), parts->activation);
    }
    if (parts->reduce)
        y = network_excite (n, y,
                            (struct excitation) { block, parts->reduce, parts->widen, parts->inner, parts->gate });
    if (parts->project)
        y = network_layer (n, y, NAME ("%s.%s", block, parts->project), NAME ("%s.%s", block, parts->project_norm),
                           (struct window) { .kernel = 1 });
    if (y < 0 || parts->stride > 1 || network_channels (n, x) != network_channels (n, y))
        return y;
    return graph_add (n->graph, NAME ("%s.add", block), y, x);
}

bool network_inverted_is (struct network *n, const char *block, const struct inverted *parts,
                          struct inverted_kind wanted)
{
    const char *name = parts->depthwise ? parts->depthwise : parts->expand ? parts->expand : "conv";
    struct name conv = network_name ("%s.%s", block, name);
    int kernel = network_size (n, conv.text, 2);
    if (n->error->text[0])
        return false;
    bool fused = !parts->depthwise, gated = parts->reduce != NULL;
    if (kernel == 0 || (kernel == wanted.kernel && fused == wanted.fused && gated == wanted.gated))
        return true; /* 0: the layer itself will miss it */
    network_wrong (n, NAME ("%s.weight", conv.text),
                   "is %dx%d and %s, %s squeeze and excite; in a %s it is %dx%d and %s, %s", kernel, kernel,
                   fused ? "dense" : "depthwise", gated ? "with" : "without", n->family, wanted.kernel, wanted.kernel,
                   wanted.fused ? "dense" : "depthwise", wanted.gated ? "with" : "without");
    return false;
}

/* "block.0" .. "block.3" in their order: expansion where there is one, depthwise, squeeze and excite, projection; or a
 * dense convolution that is not 1x1, and the projection. */
void network_inverted_torchvision (const struct network *n, const char *block, struct inverted *parts)
{
    static const char *const convs[] = { "block.0.0", "block.1.0", "block.2.0", "block.3.0" };
    static const char *const norms[] = { "block.0.1", "block.1.1", "block.2.1", "block.3.1" };
    static const char *const reduces[] = { "block.0.fc1", "block.1.fc1", "block.2.fc1" };
    static const char *const widens[] = { "block.0.fc2", "block.1.fc2", "block.2.fc2" };
    struct name first = network_name ("%s.block.0.0", block);
    int at = 0;
    bool depthwise = network_size (n, first.text, 2) > 1 && network_size (n, first.text, 1) == 1;
    if (!depthwise) {
        parts->expand = convs[0];
        parts->expand_norm = norms[0];
        at = 1;
    }
    if (depthwise || network_size (n, first.text, 2) <= 1) {
        parts->depthwise = convs[at];
        parts->depthwise_norm = norms[at];
        at++;
    }
    if (network_has (n, NAME ("%s.%s.weight", block, reduces[at]))) {
        parts->reduce = reduces[at];
        parts->widen = widens[at];
        at++;
    }
    if (network_has (n, NAME ("%s.%s.weight", block, convs[at])) || at < 2) {
        parts->project =
            at == 1 && !depthwise && !network_has (n, NAME ("%s.block.1.0.weight", block)) ? NULL : convs[at];
        parts->project_norm = norms[at];
    }
}

static bool has (const struct network *n, const char *block, const char *part)
{
    return network_has (n, NAME ("%s.%s.weight", block, part));
}

/* conv alone; conv_dw, conv_pw; conv_exp, conv_pwl; or conv_pw, conv_dw, conv_pwl; norms are numbered. */
void network_inverted_timm (const struct network *n, const char *block, struct inverted *parts)
{
    static const char *const norms[] = { "bn1", "bn2", "bn3" };
    int at = 0;
    bool inverted = has (n, block, "conv_pwl");
    parts->expand = has (n, block, "conv")       ? "conv"
                    : has (n, block, "conv_exp") ? "conv_exp"
                    : inverted                   ? "conv_pw"
                                                 : NULL;
    if (parts->expand)
        parts->expand_norm = norms[at++];
    if (has (n, block, "conv_dw")) {
        parts->depthwise = "conv_dw";
        parts->depthwise_norm = norms[at++];
    }
    if (has (n, block, "se.conv_reduce")) {
        parts->reduce = "se.conv_reduce";
        parts->widen = "se.conv_expand";
    }
    parts->project = inverted ? "conv_pwl" : has (n, block, "conv") ? NULL : "conv_pw";
    parts->project_norm = norms[at];
}
