/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network_densenet.c: DenseNet: Huang et al., Densely Connected Convolutional Networks, 2016.
 *
 *   input 3 -> conv0 7x7, stride 2 -> norm0 -> maxpool -> denseblock1 -> transition1 -> ... -> norm5 -> avgpool
 *        -> classifier
 *   a dense layer:  all before it -> norm1 -> ReLU -> conv1 1x1 -> norm2 -> ReLU -> conv2 3x3, beside all before it
 *   a transition:   norm -> ReLU -> conv 1x1 -> 2x2 mean */
#include "models/network_parts.h"

enum { LAYERS_MAX = 256 }; /* in a block; DenseNet-201 has 48 */

/* Norm and ReLU before the convolution. */
static int layer (struct network *n, int x, const char *module, const char *number, struct window window)
{
    x = network_norm (n, x, NAME ("%s.norm%s", module, number));
    x = network_activation (n, x, NAME ("%s.relu%s", module, number), network_relu);
    return network_conv (n, x, NAME ("%s.conv%s", module, number), window);
}

static int dense_block (struct network *n, int x, int number)
{
    static const struct window one = { .kernel = 1 }, three = { .kernel = 3 };
    int made[LAYERS_MAX + 1] = { x }, count = 1;
    for (; x >= 0; count++) {
        struct name module = network_name ("features.denseblock%d.denselayer%d", number, count);
        if (!network_has (n, NAME ("%s.conv1.weight", module.text)))
            break;
        if (count > LAYERS_MAX)
            return network_wrong (n, NAME ("%s.conv1.weight", module.text), "is beyond %d layers", LAYERS_MAX);
        made[count] = layer (n, layer (n, x, module.text, "1", one), module.text, "2", three);
        x = graph_concat (n->graph, NAME ("%s.concat", module.text), made, count + 1);
    }
    return x;
}

int network_densenet (struct network *n)
{
    int x = network_input_of (n, "features.conv0", 224);
    x = network_layer (n, x, "features.conv0", "features.norm0", (struct window) { .kernel = 7, .stride = 2 });
    x = network_activation (n, x, "features.relu0", network_relu);
    x = network_max_pool (n, x, "features.pool0", (struct pool) { .kernel_h = 3, .stride_h = 2, .pad_top = 1 });
    for (int i = 1; x >= 0; i++) {
        struct name module = network_name ("features.transition%d", i);
        x = dense_block (n, x, i);
        if (!network_has (n, NAME ("%s.conv.weight", module.text)))
            break;
        struct pool half = { .kind = POOL_AVERAGE, .kernel_h = 2, .kernel_w = 2, .stride_h = 2, .stride_w = 2 };
        x = layer (n, x, module.text, "", (struct window) { .kernel = 1 });
        x = graph_pool (n->graph, NAME ("%s.pool", module.text), x, &half);
    }
    x = network_activation (n, network_norm (n, x, "features.norm5"), "relu", network_relu);
    return network_classifier (n, network_pooled (n, x));
}
