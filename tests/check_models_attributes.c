/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_models_attributes.c: one node, everything about it right but one number, tensor or attribute. */
#include "tests/check_models.h"

#include "models/onnx.h"

#include <math.h>
#include <string.h>

static const char name[] = "attributes.onnx";

static void expect (const char *what, struct onnx *o, const char *why)
{
    struct error error = { "" };
    struct onnx_extras extras = { .labels = NULL };
    onnx_finish (o);
    char *copy = malloc (o->file.size);
    memcpy (copy, o->file.data, o->file.size);
    struct graph *g = onnx_read (name, copy, o->file.size, &extras, &error);
    if (why)
        CHECK (!g && strstr (error.text, name) && strstr (error.text, why), "%s: %s '%s'", what,
               g ? "is accepted" : "says", error.text);
    else
        CHECK (g != NULL, "%s: %s", what, error.text);
    free (extras.labels);
    graph_unref (g);
    onnx_free (o);
}

/* x is 1 x 4 x 8 x 8, w 4 x 4 x 3 x 3, wg 4 x 2 x 3 x 3, b 4, m 16 x 4, n 5. */
static struct onnx start (int64_t opset)
{
    static float numbers[256];
    struct onnx o = onnx_new (opset);
    fill (numbers, 256, 41);
    for (int i = 0; i < 256; i++)
        numbers[i] = fabsf (numbers[i]);
    onnx_input (&o, "x", "1 4 8 8");
    onnx_output (&o, "y", "1");
    onnx_floats (&o, "w", "4 4 3 3", numbers);
    onnx_floats (&o, "wg", "4 2 3 3", numbers);
    onnx_floats (&o, "w3", "4 4 3", numbers);
    onnx_floats (&o, "w0", "0 4 3 3", numbers);
    onnx_floats (&o, "wk0", "4 4 0 3", numbers);
    onnx_floats (&o, "b", "4", numbers);
    onnx_floats (&o, "b5", "5", numbers);
    onnx_floats (&o, "m", "4 16", numbers);
    onnx_number (&o, "nan", NAN);
    onnx_number (&o, "negative", -4);
    onnx_ints (&o, "ints", "1 2 3 4");
    return o;
}

static const struct {
    const char *what;
    int opset;
    const char *operation, *inputs, *attributes;
    const char *why; /* NULL: legal, although it looks odd */
} cases[] = {
    { "group 0", 13, "Conv", "x w", "group=0", "group 0" },
    { "group -1", 13, "Conv", "x w", "group=-1", "group -1" },
    { "group 2^62", 13, "Conv", "x w", "group=4611686018427387904", "group" },
    { "group 3 of 4", 13, "Conv", "x w", "group=3", "do not fit" },
    { "group 2 with weights for 1", 13, "Conv", "x w", "group=2", "do not fit" },
    { "group 2", 13, "Conv", "x wg", "group=2", NULL },
    { "weights for 2 channels", 13, "Conv", "x wg", "", "do not fit" },
    { "weights of three dimensions", 13, "Conv", "x w3", "", "4 dimensions" },
    { "no output channels", 13, "Conv", "x w0", "", "not supported" },
    { "no kernel rows", 13, "Conv", "x wk0", "", "not supported" },
    { "integer weights", 13, "Conv", "x ints", "", "dimensions" },
    { "weights from the image", 13, "Conv", "x x", "", "" },
    { "bias of 5", 13, "Conv", "x w b5", "", "5 numbers instead of 4" },
    { "bias from the image", 13, "Conv", "x w x", "", "must be a constant" },
    { "no weights", 13, "Conv", "x", "", "1 inputs" },
    { "four inputs", 13, "Conv", "x w b b", "", "4 inputs" },
    { "kernel_shape unlike the weights", 13, "Conv", "x w", "kernel_shape=5,5", "5x5" },
    { "kernel_shape of one axis", 13, "Conv", "x w", "kernel_shape=3,", "instead of 2" },
    { "kernel_shape of three axes", 13, "Conv", "x w", "kernel_shape=3,3,3", "at most 2" },
    { "stride 0", 13, "Conv", "x w", "strides=0,1", "strides 0" },
    { "stride -1", 13, "Conv", "x w", "strides=1,-1", "strides -1" },
    { "stride 65536", 13, "Conv", "x w", "strides=65536,65536", "stride 65536" },
    { "dilation 0", 13, "Conv", "x w", "dilations=0,0", "dilations 0" },
    { "dilation 2^40", 13, "Conv", "x w", "dilations=1099511627776,1", "dilations" },
    { "dilation of 30000", 13, "Conv", "x w", "dilations=30000,30000", "larger than" },
    { "three pads", 13, "Conv", "x w", "pads=1,1,1", "3 numbers instead of 4" },
    { "negative pads", 13, "Conv", "x w", "pads=-1,0,0,0", "padding -1" },
    { "huge pads", 13, "Conv", "x w", "pads=9223372036854775807,0,0,0", "padding" },
    { "large pads", 13, "Conv", "x w", "pads=30000,30000,30000,30000", "limit" },
    { "kernel beyond the input", 13, "Conv", "x w", "dilations=4,4", "larger than" },
    { "auto_pad unknown", 13, "Conv", "x w", "auto_pad=SOMEHOW", "SOMEHOW" },
    { "auto_pad with pads", 13, "Conv", "x w", "auto_pad=VALID pads=1,1,1,1", "both" },
    { "auto_pad a number", 13, "Conv", "x w", "auto_pad=1", "type" },
    { "strides a number", 13, "Conv", "x w", "strides=1", "type" },
    { "unknown attribute", 13, "Conv", "x w", "colour=1", "'colour'" },
    { "attribute twice", 13, "Conv", "x w", "group=1 group=1", "twice" },
    { "pool without kernel", 13, "MaxPool", "x", "", "kernel_shape" },
    { "pool kernel 0", 13, "MaxPool", "x", "kernel_shape=0,2", "kernel_shape 0" },
    { "pool kernel 9", 13, "MaxPool", "x", "kernel_shape=9,9", "larger than" },
    { "pool pads as large as the kernel", 13, "MaxPool", "x", "kernel_shape=2,2 pads=2,0,0,0", "not smaller" },
    { "pool SAME with ceil_mode", 13, "MaxPool", "x", "kernel_shape=2,2 auto_pad=SAME_UPPER ceil_mode=1", "ceil_mode" },
    { "LRN without size", 13, "LRN", "x", "", "size 0" },
    { "LRN of -3 channels", 13, "LRN", "x", "size=-3", "size -3" },
    { "LRN to the power 0", 13, "LRN", "x", "size=3 beta=0f", "beta 0" },
    { "LRN with half a size", 13, "LRN", "x", "size=0.5f", "type" },
    { "group norm in 3 groups", 21, "GroupNormalization", "x b b", "num_groups=3", "4 channels in 3 groups" },
    { "group norm in no groups", 21, "GroupNormalization", "x b b", "", "in 0 groups" },
    { "group norm in -2 groups", 21, "GroupNormalization", "x b b", "num_groups=-2", "in -2 groups" },
    { "group norm in 2^40 groups", 21, "GroupNormalization", "x b b", "num_groups=1099511627776", "groups" },
    { "group norm too early", 17, "GroupNormalization", "x b b", "num_groups=2", "since 18" },
    { "group norm, a scale a channel", 18, "GroupNormalization", "x b b", "num_groups=2", "4 numbers instead of 2" },
    { "group norm without bias", 21, "GroupNormalization", "x b", "num_groups=2", "2 inputs" },
    { "group norm with epsilon -1", 21, "GroupNormalization", "x b b", "num_groups=2 epsilon=-1f", "epsilon is -1" },
    { "instance norm with 5 scales", 13, "InstanceNormalization", "x b5 b", "", "5 numbers instead of 4" },
    { "instance norm, scale from the image", 13, "InstanceNormalization", "x x b", "", "constant" },
    { "layer norm from axis 4", 17, "LayerNormalization", "x b b", "axis=4", "axis 4" },
    { "layer norm from axis -5", 17, "LayerNormalization", "x b b", "axis=-5", "axis -5" },
    { "layer norm with 5 weights", 17, "LayerNormalization", "x b5 b", "", "do not fit" },
    { "layer norm of a constant", 17, "LayerNormalization", "b x b", "", "constant" },
    { "layer norm that enlarges", 17, "LayerNormalization", "x four_of_five b", "", "enlarge" },
    { "RMS norm too early", 22, "RMSNormalization", "x b", "", "since 23" },
    { "norm by cubes", 13, "LpNormalization", "x", "p=3", "p is 3" },
    { "norm along axis 9", 13, "LpNormalization", "x", "axis=9", "axis 9" },
    { "mean and variance of axis 4", 13, "MeanVarianceNormalization", "x", "axes=0,4", "axis 4" },
    { "reduction over axis 4", 13, "ReduceL2", "x", "axes=4,", "axis 4" },
    { "reduction over axis -5", 13, "ReduceMax", "x", "axes=-5,", "axis -5" },
    { "log of a sum of constants", 13, "ReduceLogSum", "b", "", "constant" },
    { "power of 1001", 13, "Pow", "x big", "", "1001" },
    { "power nan", 13, "Pow", "x nan", "", "nan" },
    { "powers per channel", 13, "Pow", "x b", "", "one constant power" },
    { "power of the image", 13, "Pow", "b x", "", "one constant power" },
    { "resize without sizes", 13, "Resize", "x", "", "1 inputs" },
    { "resize by nothing", 13, "Resize", "x - -", "", "neither" },
    { "resize by 3 scales", 13, "Resize", "x - three", "", "3 numbers instead of 4" },
    { "resize of channels", 13, "Resize", "x - b", "", "scaled by" },
    { "resize by -4", 13, "Resize", "x - four_negative", "", "scaled by -4" },
    { "resize to 0", 13, "Resize", "x - - zeros", "", "become 0" },
    { "resize of the batch", 13, "Resize", "x - - ints", "", "only rows and columns" },
    { "resize to 2^40", 13, "Resize", "x - - huge", "", "become 1099511627776" },
    { "resize beyond memory", 13, "Resize", "x - - large", "", "not possible" },
    { "resize, cubic too early", 10, "Resize", "x ones", "mode=cubic", "cubic" },
    { "resize, cubic of 1e30", 13, "Resize", "x - ones", "mode=cubic cubic_coeff_a=1e30f", "coefficient is 1e+30" },
    { "resize, cubic of no weight", 13, "Resize", "x - by_2048",
      "mode=cubic exclude_outside=1 cubic_coeff_a=0f coordinate_transformation_mode=tf_half_pixel_for_nn", "nothing" },
    { "resize, cropped", 13, "Resize", "x - ones", "coordinate_transformation_mode=tf_crop_and_resize", "tf_crop" },
    { "resize, nearest to what", 13, "Resize", "x - ones", "nearest_mode=nowhere", "nowhere" },
    { "resize of axis 7", 18, "Resize", "x - two", "axes=2,7", "axis 7" },
    { "resize, smoothed", 18, "Resize", "x - halves", "antialias=1 mode=linear", "antialias" },
    { "resize that keeps proportions", 18, "Resize", "x - - ints", "keep_aspect_ratio_policy=not_larger", "stretch" },
    { "upsample by 3 scales", 7, "Upsample", "x", "scales=1f,1f,2f", "3 scales for 4 axes" },
    { "upsample without scales", 7, "Upsample", "x", "", "neither" },
    { "upsample by what depends on the image", 9, "Upsample", "x x", "", "constant" },
    { "gather nothing", 13, "Gather", "x nothing", "", "gathers nothing" },
    { "pads of 2^40", 13, "Pad", "x wide", "mode=reflect", "pads 0 and 1099511627776" },
    { "pads that leave nothing", 13, "Pad", "x away", "mode=edge", "be left with 0 numbers" },
    { "arguments of a constant", 13, "ArgMax", "b", "", "constant" },
    { "celu of 0", 13, "Celu", "x", "alpha=0f", "alpha is 0" },
    { "blocks of 0", 13, "DepthToSpace", "x", "", "blocks of 0" },
    { "blocks of -2", 13, "DepthToSpace", "x", "blocksize=-2", "blocks of -2" },
    { "blocks of 3", 13, "DepthToSpace", "x", "blocksize=3", "blocks of 3x3" },
    { "blocks of 2^40", 13, "DepthToSpace", "x", "blocksize=1099511627776", "blocks of" },
    { "blocks in another order", 13, "DepthToSpace", "x", "blocksize=2 mode=RCD", "RCD" },
    { "8 rows in blocks of 3", 13, "SpaceToDepth", "x", "blocksize=3", "blocks of 3" },
    { "transposed, 5 biases", 13, "ConvTranspose", "x w b5", "", "5 numbers instead of 4" },
    { "transposed, group 3", 13, "ConvTranspose", "x w", "group=3", "3 groups" },
    { "transposed, group 0", 13, "ConvTranspose", "x w", "group=0", "0 groups" },
    { "transposed, no weights", 13, "ConvTranspose", "x w0", "", "do not fit" },
    { "transposed, nothing in a kernel", 13, "ConvTranspose", "x wk0", "", "do not fit" },
    { "transposed, 3 dimensions", 13, "ConvTranspose", "x w3", "", "do not fit" },
    { "transposed, kernel_shape", 13, "ConvTranspose", "x w", "kernel_shape=2,3", "2x3" },
    { "transposed, stride 65", 13, "ConvTranspose", "x w", "strides=65,65", "stride 65" },
    { "transposed, a kernel over a million", 13, "ConvTranspose", "x w", "dilations=500000,500000", "over 1000001" },
    { "transposed, a kernel of 16 million", 13, "ConvTranspose", "x w", "dilations=2000,2000", "more memory" },
    { "transposed, stride 0", 13, "ConvTranspose", "x w", "strides=0,1", "strides 0" },
    { "transposed, output padding -1", 13, "ConvTranspose", "x w", "output_padding=-1,0", "output_padding -1" },
    { "transposed, output padding 100", 13, "ConvTranspose", "x w", "output_padding=100,0", "100" },
    { "transposed, all padded away", 13, "ConvTranspose", "x w", "pads=5,5,5,5", "would be 0" },
    { "transposed, 3 output sizes", 13, "ConvTranspose", "x w", "output_shape=9,9,9", "3 numbers instead of 2" },
    { "transposed, output beyond memory", 13, "ConvTranspose", "x w", "output_shape=1000000,1000000",
      "padding 999992" },
    { "norm with 5 scales", 13, "BatchNormalization", "x b5 b b b", "", "5 numbers instead of 4" },
    { "norm without variance", 13, "BatchNormalization", "x b b b", "", "4 inputs" },
    { "norm with negative variance", 13, "BatchNormalization", "x b b b four_negative", "", "variance" },
    { "norm with epsilon -1", 13, "BatchNormalization", "x b b b b", "epsilon=-9f", "variance" },
    { "norm in training", 14, "BatchNormalization", "x b b b b", "training_mode=1", "training" },
    { "norm per element", 7, "BatchNormalization", "x b b b b", "spatial=0", "spatial" },
    { "clip at NaN", 13, "Clip", "x nan", "", "limits" },
    { "clip at a vector", 13, "Clip", "x b", "", "instead of 1" },
    { "clip at the image", 13, "Clip", "x x", "", "must be a constant" },
    { "max of NaN", 13, "Max", "x nan", "", "not a number" },
    { "infinite alpha", 13, "LeakyRelu", "x", "alpha=1e39f", NULL },
    { "alpha a string", 13, "LeakyRelu", "x", "alpha=steep", "type" },
    { "approximate otherwise", 20, "Gelu", "x", "approximate=roughly", "approximate" },
    { "Gelu before it was there", 19, "Gelu", "x", "", "opset 19" },
    { "HardSwish before it was there", 13, "HardSwish", "x", "", "opset 13" },
    { "Mish before it was there", 17, "Mish", "x", "", "opset 17" },
    { "softmax axis 4", 13, "Softmax", "x", "axis=4", "axis 4" },
    { "softmax axis -5", 13, "Softmax", "x", "axis=-5", "axis -5" },
    { "concat axis 7", 13, "Concat", "x x", "axis=7", "axis 7" },
    { "mean of axis 9", 13, "ReduceMean", "x", "axes=9,", "axis 9" },
    { "mean of nine axes", 13, "ReduceMean", "x", "axes=0,1,2,3,0,1,2,3,0", "at most" },
    { "matrix times image", 13, "Gemm", "m x", "", "constant" },
    { "image times matrix", 13, "Gemm", "x m", "", "one row" },
    { "image times itself", 13, "MatMul", "x x", "", "of two tensors one must be one row or one column" },
    { "image times matrix again", 13, "MatMul", "x m", "", "rows times" },
    { "five slopes", 13, "PRelu", "x b5", "", "do not fit" },
    { "slopes from the image", 13, "PRelu", "x x", "", "must be a constant" },
    { "sum of constants that do not fit", 13, "Add", "b b5", "", "do not fit" },
    { "integers added", 13, "Add", "x ints", "", "do not fit" },
    { "division of what does not fit", 13, "Div", "b x", "", "do not fit" },
    { "cast to integers", 13, "Cast", "x", "to=7", "int64" },
    { "cast to type 99", 13, "Cast", "x", "to=99", "99" },
    { "dropout in training", 13, "Dropout", "x b ints", "", "at most 1" },
    { "constant without value", 13, "Constant", "", "", "0 attributes" },
    { "constant with a string", 13, "Constant", "", "value_string=a", "value_string" },
    { "infinite padding", 13, "Pad", "x ints", "", "4 pads" },
    { "gather of more axes than there may be", 13, "Gather", "deep pairs", "", "more than 8 dimensions" },
    { "gather of the last of them", 13, "Gather", "deep pairs", "axis=7", "more than 8 dimensions" },
    { "gather, the axes behind", 13, "Gather", "deep four_axes", "axis=3", "more than 8 dimensions" },
    { "order of nine axes", 13, "Transpose", "x", "perm=0,1,2,3,4,5,6,7,8", "at most" },
    { "blocks of a constant", 13, "DepthToSpace", "b", "blocksize=2", "is a constant" },
    { "rows of a constant in blocks", 13, "SpaceToDepth", "b", "blocksize=2", "is a constant" },
    { "resize of a constant", 13, "Resize", "b - two", "", "is a constant" },
    { "resize of nine axes", 18, "Resize", "x - two", "axes=0,1,2,3,4,5,6,7,8", "at most" },
    { "power of what is missing", 13, "Pow", "x -", "", "input 1 is missing" },
    { "cast of nothing", 13, "Cast", "-", "to=1", "input 0 is missing" },
    { "group norm of a constant", 21, "GroupNormalization", "b b b", "num_groups=2", "is a constant" },
    { "LRN of a constant", 13, "LRN", "b", "size=3", "is a constant" },
    { "instance norm of a constant", 13, "InstanceNormalization", "b b b", "", "is a constant" },
    { "range from 2^40", 13, "Range", "far one one", "", "a range with 1099511627776" },
    { "range of four numbers", 13, "Range", "ints one one", "", "4 numbers, at most 1" },
    { "range from none", 13, "Range", "nothing one one", "", "input 0 is not one number" },
    { "range in steps of 0", 13, "Range", "one one none", "", "in steps of 0" },
    { "tiles of 2^40", 13, "Tile", "b far", "", "not possible" },
    { "tiles of -1", 13, "Tile", "b minus", "", "repeated -1 times" },
    { "split in sizes for more outputs", 13, "Split", "x ints", "axis=1", "4 numbers, at most 1" },
    { "split in sizes for fewer outputs", 13, "Split", "x nothing", "axis=1", "0 sizes for 1 outputs" },
    { "split in two with one output", 18, "Split", "x", "axis=1 num_outputs=2", "num_outputs 2 for 1 outputs" },
    { "squeeze axis 9", 13, "Squeeze", "x nine", "", "axis 9" },
    { "unsqueeze axis 9", 13, "Unsqueeze", "x nine", "", "axis 9" },
    { "pads of axis 9", 18, "Pad", "x two_pads - nine", "", "axis 9" },
    { "pads of a constant", 13, "Pad", "b two_pads", "mode=edge", "is a constant" },
    { "reshape to 2^62", 13, "Reshape", "x vast", "", "not possible" },
};

/* A tensor as initializer `w` of "x + w", described by hand. */
static void check_tensor (const char *what, struct message *tensor, const char *why)
{
    struct onnx o = onnx_new (13);
    onnx_input (&o, "x", "1 4 8 8");
    onnx_output (&o, "y", "1");
    put_text (tensor, 8, "w");
    put_message (&o.graph, 5, tensor);
    onnx_node (&o, "Add", "x w", "y", "");
    expect (what, &o, why);
}

static struct message tensor_of (int type, const char *dims, size_t raw_bytes)
{
    static const uint8_t zeros[64];
    struct message t = { 0 };
    char *copy = strdup (dims), *at = copy;
    for (char *word; (word = strsep (&at, " "));) {
        if (*word)
            put_int (&t, 1, strtoll (word, NULL, 10));
    }
    free (copy);
    put_int (&t, 2, type);
    if (raw_bytes)
        put_block (&t, 9, zeros, raw_bytes);
    return t;
}

static void check_tensors (void)
{
    static const struct {
        const char *what;
        int type;
        const char *dims;
        size_t raw;
        const char *why;
    } tensors[] = {
        { "one float", 1, "1", 4, NULL },
        { "one half", 10, "1", 2, NULL },
        { "one bfloat", 16, "1", 2, NULL },
        { "no data", 1, "1", 0, "0 numbers" },
        { "3 bytes", 1, "1", 3, "3 bytes" },
        { "8 bytes for one", 1, "1", 8, "8 bytes" },
        { "nothing of nothing", 1, "0", 0, "do not fit" },
        { "dimension -1", 1, "-1", 4, "-1" },
        { "2^62 numbers", 1, "4611686018427387904", 4, "not possible" },
        { "2^32 x 2^32 numbers", 1, "4294967296 4294967296", 4, "not possible" },
        { "65536 x 65536 numbers", 1, "65536 65536", 4, "not possible" },
        { "0 x 2^31 x 2^31 numbers", 1, "0 2147483647 2147483647", 0, "not possible" },
        { "nine dimensions", 1, "1 1 1 1 1 1 1 1 1", 4, "8 dimensions" },
        { "type 0", 0, "1", 4, "undefined" },
        { "type 999", 999, "1", 4, "999" },
        { "type -1", -1, "1", 4, "-1" },
        { "strings", 8, "1", 4, "string" },
        { "one double", 11, "1", 8, NULL },
        { "half a double", 11, "1", 4, "4 bytes" },
        { "complex numbers", 14, "1", 8, "complex64" },
        { "8-bit floats", 17, "1", 1, "float8e4m3" },
        { "4-bit integers", 22, "1", 1, "int4" },
        { "integers", 7, "1", 8, "integers" },
    };
    for (size_t i = 0; i < sizeof tensors / sizeof tensors[0]; i++) {
        struct message t = tensor_of (tensors[i].type, tensors[i].dims, tensors[i].raw);
        check_tensor (tensors[i].what, &t, tensors[i].why);
    }
    const float numbers[4] = { 1, 2, 3, 4 };
    struct message t = tensor_of (1, "1", 4);
    put_block (&t, 4, numbers, 4);
    check_tensor ("numbers twice", &t, "twice");
    t = tensor_of (1, "2", 0);
    put_block (&t, 4, numbers, 4);
    check_tensor ("one number of two", &t, "1 numbers");
    t = tensor_of (1, "1", 0);
    put_block (&t, 4, numbers, 3);
    check_tensor ("three quarters of a number", &t, "damaged");
    t = tensor_of (1, "4 1 1", 0);
    put_block (&t, 4, numbers, 8); /* packed, then one by one */
    put_float (&t, 4, 3);
    put_float (&t, 4, 4);
    check_tensor ("packed and not", &t, NULL);
    t = tensor_of (1, "1", 4);
    put_block (&t, 3, "\x08\x01", 2);
    check_tensor ("segments", &t, "segments");
}

/* Places that are never looked at, wherever a tensor asks for them; check_models_external.c tries the files
 * themselves. */
static void check_external_places (void)
{
    static const char *const locations[] = { "../secret", "/etc/passwd", "a/../../b", "*/_ORT_MEM_ADDR_/*" };
    for (size_t i = 0; i < sizeof locations / sizeof locations[0]; i++) {
        struct message t = tensor_of (1, "4 1 1", 0), entry = { 0 };
        put_text (&entry, 1, "location");
        put_text (&entry, 2, locations[i]);
        put_message (&t, 13, &entry);
        if (i % 2 == 0)
            put_int (&t, 14, 1);
        check_tensor (locations[i], &t, "external");
    }
    struct onnx o = start (13);
    struct message t = tensor_of (1, "1", 4), node = { 0 }, a = { 0 };
    put_int (&t, 14, 1);
    put_text (&a, 1, "value");
    put_message (&a, 5, &t);
    put_int (&a, 20, 4);
    put_text (&node, 2, "c");
    put_text (&node, 4, "Constant");
    put_message (&node, 5, &a);
    put_message (&o.graph, 1, &node);
    onnx_node (&o, "Add", "x c", "y", "");
    expect ("external data in a constant", &o, "external");
}

/* Attributes that hold what is not read: subgraphs, sparse tensors, references. */
static void check_fields (void)
{
    static const struct {
        const char *what;
        int field;
        const char *why;
    } fields[] = { { "subgraph", 6, "subgraph" },
                   { "tensors", 10, "subgraph" },
                   { "subgraphs", 11, "subgraph" },
                   { "reference", 21, "function" },
                   { "sparse tensor", 22, "subgraph" } };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        struct onnx o = start (13);
        struct message node = { 0 }, a = { 0 };
        put_text (&a, 1, "alpha");
        put_text (&a, fields[i].field, "q");
        put_text (&node, 1, "x");
        put_text (&node, 2, "y");
        put_text (&node, 4, "Elu");
        put_message (&node, 5, &a);
        put_message (&o.graph, 1, &node);
        expect (fields[i].what, &o, fields[i].why);
    }
    struct onnx o = start (13);
    struct message node = { 0 };
    put_text (&node, 1, "x");
    put_text (&node, 2, "y");
    put_text (&node, 4, "Relu");
    put_text (&node, 7, "com.example");
    put_message (&o.graph, 1, &node);
    expect ("another domain", &o, "com.example");
    o = start (13);
    node = (struct message) { 0 };
    put_text (&node, 1, "x");
    put_text (&node, 2, "y");
    put_message (&o.graph, 1, &node);
    expect ("no operator", &o, "no operator");
}

void check_attributes (void)
{
    const float negative[4] = { 1, 1, -4, 1 };
    check_group ("wrong nodes");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct onnx o = start (cases[i].opset);
        onnx_floats (&o, "four_negative", "4", negative);
        onnx_floats (&o, "four_of_five", "5 1 1 8", (const float[40]) { 1 });
        onnx_floats (&o, "ones", "4", (const float[]) { 1, 1, 1, 1 });
        onnx_floats (&o, "by_2048", "4", (const float[]) { 1, 1, 2048, 1 });
        onnx_floats (&o, "halves", "4", (const float[]) { 1, 1, 0.5f, 0.5f });
        onnx_floats (&o, "three", "3", (const float[]) { 1, 1, 1 });
        onnx_floats (&o, "two", "2", (const float[]) { 1, 1 });
        onnx_number (&o, "big", 1001);
        onnx_ints (&o, "zeros", "1 4 0 8");
        onnx_ints (&o, "nothing", "");
        onnx_floats (&o, "deep", "1 1 1 1 1 1 1 2", (const float[]) { 1, 2 });
        struct message pairs = tensor_message ("pairs", 7, "1 2", (const int64_t[]) { 0, 0 }, 16);
        put_message (&o.graph, 5, &pairs);
        struct message four_axes = tensor_message ("four_axes", 7, "1 1 1 1", (const int64_t[]) { 0 }, 8);
        put_message (&o.graph, 5, &four_axes);
        struct message far = tensor_message ("far", 7, "1", (const int64_t[]) { INT64_C (1) << 40 }, 8);
        put_message (&o.graph, 5, &far);
        onnx_ints (&o, "one", "1");
        onnx_ints (&o, "none", "0");
        onnx_ints (&o, "minus", "-1");
        onnx_ints (&o, "nine", "9");
        onnx_ints (&o, "two_pads", "1 1");
        onnx_ints (&o, "vast", "4611686018427387904");
        onnx_ints (&o, "wide", "0 0 0 0 0 0 1099511627776 0");
        onnx_ints (&o, "away", "0 0 -8 0 0 0 0 0");
        onnx_ints (&o, "huge", "1 4 8 1099511627776");
        onnx_ints (&o, "large", "1 4 2147483647 2147483647");
        onnx_node (&o, cases[i].operation, cases[i].inputs, "y", cases[i].attributes);
        expect (cases[i].what, &o, cases[i].why);
    }
    check_tensors ();
    check_external_places ();
    check_fields ();
}
