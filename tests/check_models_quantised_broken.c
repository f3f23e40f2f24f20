/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_models_quantised_broken.c: quantised files that cannot be right, each with the words its refusal must have. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#include "tests/check_models.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { FLOAT = 1, UINT8 = 2, INT8 = 3, INT32 = 6 };

/* A pair of QuantizeLinear and DequantizeLinear round x, (1, 3, 4, 4), and a convolution of what comes out by 2 x 3
 * weights. */
struct fault {
    const char *what, *why;
    float scale, weight_scale;                       /* 0: 0.1; "zero" below for a real one */
    int zero_type, back_zero_type, weight_zero_type; /* 0: UINT8, the same, INT8 */
    int zero;
    const char *scale_dims, *weight_scale_dims, *weight_zero_dims; /* NULL: "", "2", "2" */
    const char *quantise, *dequantise, *weights;                   /* inputs of the three nodes; NULL: the right ones */
    const char *axis, *pair_attributes;                            /* of the weights; of the pair */
    const char *between;                                           /* an operator on the integers */
};

#define ZERO 1e-44f /* told apart from a field left out; written as 0 */

static const struct fault faults[] = {
    { "scale 0", "scale 0 of 'x_s' is 0", .scale = ZERO },
    { "scale below 0", "scale 0 of 'x_s' is -0.1", .scale = -0.1f },
    { "scale NaN", "scale 0 of 'x_s' is", .scale = NAN },
    { "scale infinite", "scale 0 of 'x_s' is inf", .scale = INFINITY },
    { "scale denormal", "a normal number above 0 is needed", .scale = 1e-42f },
    { "scale too large", "too large for a float", .scale = 1e38f },
    { "scale of weights 0", "scale 0 of 'w_s' is 0", .weight_scale = ZERO },
    { "scale of weights NaN", "scale 0 of 'w_s' is", .weight_scale = NAN },
    { "two scales for three channels", "do not fit axis 1", .scale_dims = "2" },
    { "three scales for two outputs", "do not fit axis 0", .weight_scale_dims = "3" },
    { "three zero points for two scales", "has 3 zero points for 2 scales", .weight_zero_dims = "3" },
    { "a matrix of scales", "do not fit axis 0", .weight_scale_dims = "2 2", .weight_zero_dims = "2 2" },
    { "a scale a place", "do not fit axis 1", .scale_dims = "1 1 1 3" },
    { "zero point of another type than the attribute", "is uint8, but belongs to int8",
      .pair_attributes = "output_dtype=3" },
    { "zero point of floats", "is no integer constant", .zero_type = FLOAT },
    { "zero point of another type", "is int8, but belongs to uint8", .back_zero_type = INT8 },
    { "zero point of weights of another type", "is uint8, but belongs to int8", .weight_zero_type = UINT8 },
    { "quantised to int32", "quantises what depends on the image to int32", .zero_type = INT32,
      .back_zero_type = INT32 },
    { "axis outside", "axis 4 of 4 dimensions", .axis = "axis=4" },
    { "axis far below", "axis -5 of 4 dimensions", .axis = "axis=-5" },
    { "block_size below 0", "block_size -1", .axis = "axis=0 block_size=-1" },
    { "block_size beyond all places", "do not fit axis 0", .axis = "axis=0 block_size=9223372036854775807" },
    { "no scale at all", "'w_s' has no numbers", .weight_scale_dims = "0" },
    { "blocks of what depends on the image", "is not supported", .scale_dims = "1 3 4 2",
      .pair_attributes = "axis=3 block_size=2" },
    { "no scale", "1 inputs, 2 to 3 are possible", .quantise = "x" },
    { "an empty scale", "input 1 is missing", .quantise = "x - x_z" },
    { "a scale that depends on the image", "must be a constant", .quantise = "x x x_z" },
    { "a scale of integers", "holds integers where floats are needed", .quantise = "x x_z x_z" },
    { "quantised twice", "is not made of floats", .dequantise = "twice" },
    { "floats turned back", "is not made of integers", .dequantise = "x x_s x_z" },
    { "weights of floats turned back", "is not made of integers", .weights = "w_s w_s w_z" },
    { "integers in a float operator", "is uint8; floats are needed", .between = "Sigmoid" },
    { "integers in a sum", "is uint8; floats are needed", .between = "Neg" },
};

static void write_list (struct onnx *o, const char *name, int type, const char *dims, int number)
{
    uint8_t bytes[64] = { 0 };
    size_t count = 1, size = type == FLOAT || type == INT32 ? 4 : 1;
    for (const char *at = dims; *at; at += strcspn (at, " "), at += strspn (at, " "))
        count *= strtoul (at, NULL, 10);
    for (size_t i = 0; i < count && size == 1; i++)
        bytes[i] = (uint8_t)number;
    struct message m = tensor_message (name, type, dims, bytes, count * size);
    put_message (&o->graph, 5, &m);
}

static void write_scales (struct onnx *o, const char *name, const char *dims, float scale)
{
    float scales[64];
    for (int i = 0; i < 64; i++)
        scales[i] = scale == ZERO ? 0 : scale != 0 ? scale : 0.1f;
    onnx_floats (o, name, dims, scales);
}

static struct onnx write_fault (const struct fault *f)
{
    struct onnx o = onnx_new (21);
    bool twice = f->dequantise && !strcmp (f->dequantise, "twice");
    const char *scale_dims = f->scale_dims ? f->scale_dims : "";
    const char *weight_dims = f->weight_scale_dims ? f->weight_scale_dims : "2";
    onnx_input (&o, "x", "1 3 4 4");
    write_scales (&o, "x_s", scale_dims, f->scale);
    write_list (&o, "x_z", f->zero_type ? f->zero_type : UINT8, scale_dims, f->zero);
    write_list (&o, "back_z", f->back_zero_type ? f->back_zero_type : UINT8, scale_dims, f->zero);
    write_scales (&o, "w_s", weight_dims, f->weight_scale);
    write_list (&o, "w_z", f->weight_zero_type ? f->weight_zero_type : INT8,
                f->weight_zero_dims ? f->weight_zero_dims : weight_dims, 0);
    write_list (&o, "w", INT8, "2 3 1 1", 3);
    onnx_node (&o, "QuantizeLinear", f->quantise ? f->quantise : "x x_s x_z", "q", f->pair_attributes);
    if (twice)
        onnx_node (&o, "QuantizeLinear", "q x_s x_z", "moved", NULL);
    else
        onnx_node (&o, f->between ? f->between : "Identity", "q", "moved", NULL);
    onnx_node (&o, "DequantizeLinear", f->dequantise && !twice ? f->dequantise : "moved x_s back_z", "xf",
               f->pair_attributes);
    onnx_node (&o, "DequantizeLinear", f->weights ? f->weights : "w w_s w_z", "wf", f->axis ? f->axis : "axis=0");
    onnx_node (&o, "Conv", "xf wf", "y", NULL);
    onnx_output (&o, "y", "1 2 4 4");
    return o;
}

/* Must be refused with these words, the file's name and the node's. */
static void check_refused (const char *what, struct onnx *o, const char *why)
{
    struct error error = { "" };
    const char *path = scratch_path ("fault.onnx");
    onnx_finish (o);
    struct model *model = write_file (path, o->file.data, o->file.size) ? model_load (path, NULL, &error) : NULL;
    CHECK (!model && strstr (error.text, why) && strstr (error.text, "fault.onnx") && strstr (error.text, "node '"),
           "%s: '%s' does not say '%s'", what, error.text, why);
    model_unref (model);
    onnx_free (o);
}

/* Operators between integers: inputs in the order of the file's. "q" is uint8 by x_s, x_z. */
static const struct {
    const char *what, *operation, *inputs, *attributes, *why;
} operators[] = {
    { "no output scale", "QLinearConv", "q x_s x_z w w_s w_z", "", "6 inputs, 8 to 9 are possible" },
    { "an empty output scale", "QLinearConv", "q x_s x_z w w_s w_z - x_z", "", "input 6 is missing" },
    { "a bias of floats", "QLinearConv", "q x_s x_z w w_s w_z x_s x_z w_s", "", "is no int32 constant" },
    { "a bias of 8 bits", "QLinearConv", "q x_s x_z w w_s w_z x_s x_z w_z", "", "is no int32 constant" },
    { "a bias of three", "QLinearConv", "q x_s x_z w w_s w_z x_s x_z three", "",
      "has 3 numbers, its weights 2 scales" },
    { "floats", "QLinearConv", "x x_s x_z w w_s w_z x_s x_z", "", "is not made of integers" },
    { "a zero point of another type", "QLinearAdd", "q x_s w_0 q x_s x_z x_s x_z", "",
      "is int8, but belongs to uint8" },
    { "channels last", "QLinearGlobalAveragePool", "q x_s x_z x_s x_z", "channels_last=1",
      "channels_last is not supported" },
    { "a part without a zero point", "QLinearConcat", "x_s x_z q x_s x_z q x_s", "axis=1", "7 inputs" },
    { "several scales of an output", "QLinearAdd", "q x_s x_z q x_s x_z w_s x_z", "", "axis" },
    { "weights from the image", "ConvInteger", "q q x_z x_z", "", "must be a constant" },
    { "a zero point that is missing", "ConvInteger", "dq w", "", "is not the one it was quantised with" },
    { "a scale of another", "DequantizeLinear", "q ds dz", "", "do not come from the same DynamicQuantizeLinear" },
    { "what is dynamic as a number", "Add", "dq ds", "", "floats are needed" },
    { "a scale not multiplied back", "ConvInteger", "dq w dz w_0", "", "is int32; floats are needed" },
    { "floats as integers of a sum", "QLinearAdd", "x x_s x_z q x_s x_z x_s x_z", "", "is not made of integers" },
    { "parts of other scales", "Concat", "q dq", "axis=1", "" },
    { "padding of a scale a channel", "DynamicQuantizeLinear", "q", "", "is not made of floats" },
    { "weights of what depends on the image", "QLinearConv", "q x_s x_z q x_s x_z x_s x_z", "", "must be a constant" },
    { "integers cast to integers", "Cast", "q", "to=6", "conversion of quantised numbers to type int32" },
    { "nothing to quantise", "QuantizeLinear", "- x_s x_z", "", "input 0 is missing" },
    { "a scale far above the one before", "DequantizeLinear", "tiny huge_s x_z", "",
      "was quantised with scale 2e-38 and is read with 1e+36" },
    { "a zero point as a scale", "DequantizeLinear", "dq dz dz", "", "'dz' is no scale but a zero point" },
    { "no zero point beside a dynamic scale", "DequantizeLinear", "dq ds", "",
      "the zero point of 'dq' is not the one it was quantised with" },
    { "a constant zero point beside a dynamic scale", "DequantizeLinear", "dq ds x_z", "",
      "the zero point of 'dq' is not the one it was quantised with" },
    { "a scale as a zero point", "DequantizeLinear", "dq ds ds", "",
      "the zero point of 'dq' is not the one it was quantised with" },
    { "a dynamic scale that was multiplied", "DequantizeLinear", "dq scaled dz", "",
      "its scale is not the one that 'dq' was quantised with" },
    { "a dynamic scale of another type", "DequantizeLinear", "signed ds dz", "",
      "'signed' and its scale do not come from the same" },
    { "sums by the scale of one part", "DequantizeLinear", "sums ds dz", "",
      "'sums' and its scale do not come from the same DynamicQuantizeLinear" },
    { "a constant scale for a dynamic one", "DequantizeLinear", "dq x_s x_z", "",
      "'dq' is read with a constant scale, but its own is known only while running" },
    { "a constant by a dynamic scale", "DequantizeLinear", "w_1 ds dz", "",
      "'w_1' and its scale do not come from the same DynamicQuantizeLinear" },
    { "a dynamic scale times nothing", "Mul", "ds -", "", "input 1 is missing" },
    { "a dynamic zero point times a number", "Mul", "dz x_s", "", "'dz' has a scale that is known only while running" },
    { "a dynamic scale times its integers", "Mul", "dq ds", "", "'dq' is no float with the scale of 'ds'" },
    { "a dynamic scale cast", "Cast", "ds", "to=1", "'ds' is known only while running" },
    { "padding of a dynamic scale", "Pad", "dq pads", "", "padding 'dq' is not supported" },
    { "nothing padded by integers", "Pad", "- q", "", "input 0 is missing" },
    { "a constant filled with what depends on the image", "Pad", "w pads q", "", "padding 'w' is not supported" },
    { "a fill of three", "Pad", "q pads three", "", "'three', has 3 numbers, at most 1 make sense" },
    { "made later", "Concat", "q q later", "axis=1", "input 2, 'later', is made by a later node" },
    { "nothing to turn back", "DequantizeLinear", "- x_s x_z", "", "input 0 is missing" },
    { "a scale a channel, read by one", "DequantizeLinear", "channels x_s x_z", "",
      "'channels' has 1 scales, other ones than it was quantised with" },
    { "constant integers in a join", "Concat", "q w_1", "axis=1", "input 1, 'w_1', is a constant" },
    { "a scale a channel, moved", "Transpose", "channels", "perm=0,1,3,2", "moves numbers with 3 scales" },
    { "no input of a convolution", "QLinearConv", "- x_s x_z w w_s w_z x_s x_z", "", "input 0 is missing" },
    { "several scales of the first operand", "QLinearAdd", "w w_s w_z q x_s x_z x_s x_z", "",
      "'w' has 2 scales; one is supported" },
    { "nothing times weights", "ConvInteger", "- w", "", "input 0 is missing" },
    { "floats times weights", "ConvInteger", "x w", "", "input 0, 'x', is not made of integers" },
    { "weights of a dynamic scale", "ConvInteger", "q dq x_z dz", "", "'dq' must be a constant" },
    { "integers of 64 bits", "DequantizeLinear", "pads x_s", "", "type int64 is not supported" },
    { "no scale of blocks that are larger than the axis", "DequantizeLinear", "w_1 none_s",
      "axis=2 block_size=9223372036854775807", "scale 'none_s' has no numbers" },
    { "a zero point of 64 bits", "QuantizeLinear", "x x_s long_z", "", "'long_z' is int64, which is not supported" },
    { "a zero point beyond its type", "QuantizeLinear", "x x_s far_z", "",
      "zero point 0 of 'far_z' is 300, not in 0..255" },
    { "a constant that is no number", "QuantizeLinear", "nan x_s x_z", "", "number 0 of 'nan' is not a number" },
};

/* What only some of the operators read. */
static void write_others (struct onnx *o)
{
    struct message far_z = { 0 }; /* 8 bits, said to be 300 in the field of 32 bits */
    put_int (&far_z, 2, UINT8);
    put_text (&far_z, 8, "far_z");
    put_int (&far_z, 5, 300);
    put_message (&o->graph, 5, &far_z);
    onnx_ints (o, "pads", "0 0 1 1 0 0 1 1");
    int64_t zero = 0;
    struct message long_z = tensor_message ("long_z", 7, "", &zero, sizeof zero);
    put_message (&o->graph, 5, &long_z);
    onnx_number (o, "nan", NAN);
    onnx_number (o, "tiny_s", 2e-38f);
    onnx_number (o, "huge_s", 1e36f);
    write_scales (o, "c_s", "3", 0.1f);
    write_list (o, "c_z", UINT8, "3", 7);
    write_scales (o, "none_s", "1 1 0 4", 0.1f);
    write_list (o, "w_1", UINT8, "1 1 4 4", 1);
    onnx_node (o, "QuantizeLinear", "x tiny_s x_z", "tiny", NULL);
    onnx_node (o, "QuantizeLinear", "x x_s w_0", "signed", NULL);
    onnx_node (o, "QuantizeLinear", "x c_s c_z", "channels", NULL);
    onnx_node (o, "Mul", "ds x_s", "scaled", NULL);
    onnx_node (o, "ConvInteger", "dq w dz w_0", "sums", NULL);
}

static void check_operator (size_t n)
{
    struct onnx o = onnx_new (13);
    onnx_input (&o, "x", "1 3 4 4");
    write_scales (&o, "x_s", "", 0.1f);
    write_list (&o, "x_z", UINT8, "", 7);
    write_scales (&o, "w_s", "2", 0.1f);
    write_list (&o, "w_z", INT8, "2", 0);
    write_list (&o, "w_0", INT8, "", 0);
    write_list (&o, "w", INT8, "2 3 1 1", 3);
    write_list (&o, "three", INT32, "3", 0);
    onnx_node (&o, "QuantizeLinear", "x x_s x_z", "q", NULL);
    onnx_node (&o, "DynamicQuantizeLinear", "x", "dq ds dz", NULL);
    write_others (&o);
    onnx_node (&o, operators[n].operation, operators[n].inputs, "y", operators[n].attributes);
    onnx_node (&o, "Sigmoid", "y", "end", NULL);
    onnx_node (&o, "QuantizeLinear", "x x_s x_z", "later", NULL);
    onnx_output (&o, "end", "1 2 4 4");
    check_refused (operators[n].what, &o, operators[n].why);
}

/* A graph may end in integers, which are given as real numbers; but not where their scale is known only while running.
 * */
static void check_dynamic_end (void)
{
    struct error error = { "" };
    struct onnx o = onnx_new (13);
    onnx_input (&o, "x", "1 3 4 4");
    onnx_node (&o, "DynamicQuantizeLinear", "x", "y ys yz", NULL);
    onnx_output (&o, "y", "1 3 4 4");
    onnx_finish (&o);
    write_file (scratch_path ("end.onnx"), o.file.data, o.file.size);
    struct model *model = model_load (scratch_path ("end.onnx"), NULL, &error);
    CHECK (!model && strstr (error.text, "output 'y' has a scale that is known only while running"), "'%s'",
           error.text);
    model_unref (model);
    onnx_free (&o);
}

void check_quantised_broken (void)
{
    check_group ("quantised files that are refused");
    struct onnx right = write_fault (&(struct fault) { .what = "nothing wrong" });
    struct error error = { "" };
    onnx_finish (&right);
    write_file (scratch_path ("right.onnx"), right.file.data, right.file.size);
    struct model *model = model_load (scratch_path ("right.onnx"), NULL, &error);
    CHECK (model != NULL, "without a fault: %s", error.text);
    model_unref (model);
    onnx_free (&right);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct onnx o = write_fault (&faults[i]);
        check_refused (faults[i].what, &o, faults[i].why);
    }
    for (size_t n = 0; n < sizeof operators / sizeof operators[0]; n++)
        check_operator (n);
    check_dynamic_end ();
}
