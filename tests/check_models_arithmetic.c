/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_models_arithmetic.c: + - * /, the larger and the smaller of tensors and constants, and PRelu's slopes,
 * broadcast in every way. */
#include "tests/check_models.h"

#include <math.h>

static double combine (char operation, double a, double b)
{
    return operation == '+'   ? a + b
           : operation == '-' ? a - b
           : operation == '*' ? a * b
           : operation == 'M' ? fmax (a, b)
           : operation == 'm' ? fmin (a, b)
                              : a / b;
}

/* x is 1 x 3 x 4 x 5; the constant's number for element i is constant[i / divide % modulo]. */
static void check_constants (void)
{
    static const struct {
        const char *what, *operation, *inputs, *dims;
        char sign;
        bool constant_first;
        int divide, modulo;
    } cases[] = {
        { "Add number", "Add", "x c", "", '+', false, 60, 1 },
        { "Mul per channel", "Mul", "x c", "3 1 1", '*', false, 20, 3 },
        { "Mul per channel, first", "Mul", "c x", "1 3 1 1", '*', true, 20, 3 },
        { "Sub per channel", "Sub", "x c", "3 1 1", '-', false, 20, 3 },
        { "Sub from constant", "Sub", "c x", "3 1 1", '-', true, 20, 3 },
        { "Div by number", "Div", "x c", "1", '/', false, 60, 1 },
        { "Add per column", "Add", "x c", "5", '+', false, 1, 5 },
        { "Add per row", "Add", "x c", "4 1", '+', false, 5, 4 },
        { "Add everywhere", "Add", "x c", "3 4 5", '+', false, 1, 60 },
        { "Mul per row and column", "Mul", "x c", "1 4 5", '*', false, 1, 20 },
    };
    float input[60], constant[60], expected[60];
    fill (input, 60, 14);
    fill (constant, 60, 15);
    for (int i = 0; i < 60; i++)
        constant[i] = constant[i] < 0 ? constant[i] - 0.5f : constant[i] + 0.5f; /* nothing near 0 to divide by */
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        struct onnx o = onnx_new (13);
        onnx_input (&o, "x", "1 3 4 5");
        onnx_floats (&o, "c", cases[k].dims, constant);
        onnx_node (&o, cases[k].operation, cases[k].inputs, "y", "");
        onnx_output (&o, "y", "1 3 4 5");
        for (int i = 0; i < 60; i++) {
            double x = (double)input[i], c = (double)constant[i / cases[k].divide % cases[k].modulo];
            expected[i] =
                (float)(cases[k].constant_first ? combine (cases[k].sign, c, x) : combine (cases[k].sign, x, c));
        }
        check_file (cases[k].what, &o, input, expected, 60);
    }
}

/* Both operands from the image: x, 2 x ("double"), the channels' means ("mean"), one channel ("plane"). */
static void check_tensors (void)
{
    static const struct {
        const char *what, *operation, *inputs;
        char sign, right; /* right operand: x, 2 (x twice), m (mean), p (first channel) */
    } cases[] = {
        { "Add tensors", "Add", "x double", '+', '2' },
        { "Mul tensors", "Mul", "x double", '*', '2' },
        { "Sub tensors", "Sub", "x double", '-', '2' },
        { "Mul by channel", "Mul", "x mean", '*', 'm' },
        { "Add of channel", "Add", "mean x", '+', 'm' },
        { "Sub of channel", "Sub", "x mean", '-', 'm' },
        { "Mul by plane", "Mul", "x plane", '*', 'p' },
        { "Add with itself", "Add", "x x", '+', 'x' },
        { "Sum", "Sum", "x double", '+', '2' },
        { "Div tensors", "Div", "x shifted", '/', 's' },
        { "Max of tensors", "Max", "x double", 'M', '2' },
        { "Min of tensors", "Min", "x double", 'm', '2' },
        { "Max by channel", "Max", "x mean", 'M', 'm' },
        { "Min by plane", "Min", "plane x", 'm', 'p' },
        { "Max per channel", "Max", "x steps", 'M', 'c' },
        { "Min per channel", "Min", "steps x", 'm', 'c' },
    };
    float input[60], expected[60];
    const float two = 2, steps[3] = { -0.5f, 0.1f, 0.4f };
    fill (input, 60, 16);
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        struct onnx o = onnx_new (13);
        onnx_input (&o, "x", "1 3 4 5");
        onnx_floats (&o, "two", "", &two);
        onnx_ints (&o, "zero", "0");
        onnx_ints (&o, "one", "1");
        onnx_floats (&o, "steps", "3 1 1", steps);
        onnx_number (&o, "half_more", 1.5f);
        onnx_node (&o, "Mul", "x two", "double", "");
        onnx_node (&o, "Add", "x half_more", "shifted", "");
        onnx_node (&o, "GlobalAveragePool", "x", "mean", "");
        onnx_node (&o, "Slice", "x zero one one", "plane", "");
        onnx_node (&o, cases[k].operation, cases[k].inputs, "y", "");
        onnx_output (&o, "y", "1 3 4 5");
        for (int i = 0; i < 60; i++) {
            double x = (double)input[i], mean = 0;
            for (int m = 0; m < 20; m++)
                mean += (double)input[i / 20 * 20 + m] / 20;
            double right = cases[k].right == '2'   ? 2 * x
                           : cases[k].right == 's' ? x + 1.5
                           : cases[k].right == 'c' ? (double)steps[i / 20]
                           : cases[k].right == 'm' ? mean
                           : cases[k].right == 'p' ? (double)input[i % 20]
                                                   : x;
            expected[i] = (float)combine (cases[k].sign, x, right);
        }
        check_file (cases[k].what, &o, input, expected, 60);
    }
}

static void check_prelu (void)
{
    static const struct {
        const char *what, *dims;
        int divide, modulo;
    } cases[] = { { "PRelu per channel", "3 1 1", 20, 3 },
                  { "PRelu number", "1", 60, 1 },
                  { "PRelu per column", "5", 1, 5 } };
    float input[60], slopes[5], expected[60];
    fill (input, 60, 17);
    fill (slopes, 5, 18);
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        struct onnx o = onnx_new (9);
        onnx_input (&o, "x", "1 3 4 5");
        onnx_floats (&o, "slope", cases[k].dims, slopes);
        onnx_node (&o, "PRelu", "x slope", "y", "");
        onnx_output (&o, "y", "1 3 4 5");
        for (int i = 0; i < 60; i++)
            expected[i] = input[i] < 0 ? input[i] * slopes[i / cases[k].divide % cases[k].modulo] : input[i];
        check_file (cases[k].what, &o, input, expected, 60);
    }
}

void check_arithmetic (void)
{
    check_group ("arithmetic");
    check_constants ();
    check_tensors ();
    check_prelu ();
}
