/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_models_testdata.c: ONNX's own operator tests, as Debian packages them (libonnx-testdata).
 *
 * Each test is a folder with model.onnx, one node as a rule, and test_data_set_0/input_0.pb, ..., output_0.pb. The
 * first input is our image, the others become initializers: a model file may be followed by more of itself (protobuf
 * merges), so they are put behind it. A test must either give ONNX's numbers or be refused with an error naming the
 * file; those listed here must not be refused. */
#include "tests/check_models.h"

#include "models/onnx.h"
#include "onnx.pb-c.h"

#include <dirent.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

/* Tests that must give ONNX's numbers, each without "test_"; the last line or two are not of the family "node". */
static const char must_run[] =
    "abs add add_bcast averagepool_1d_default averagepool_2d_ceil averagepool_2d_default averagepool_2d_pads "
    "averagepool_2d_pads_count_include_pad averagepool_2d_precomputed_pads "
    "averagepool_2d_precomputed_pads_count_include_pad averagepool_2d_precomputed_same_upper "
    "averagepool_2d_precomputed_strides averagepool_2d_same_lower averagepool_2d_same_upper averagepool_2d_strides "
    "basic_conv_with_padding basic_conv_without_padding clip clip_default_inbounds clip_default_max "
    "clip_default_min clip_example clip_inbounds clip_outbounds clip_splitbounds constant_pad "
    "conv_with_autopad_same conv_with_strides_and_asymmetric_padding conv_with_strides_no_padding "
    "conv_with_strides_padding convtranspose convtranspose_1d convtranspose_autopad_same convtranspose_dilations "
    "convtranspose_kernel_shape convtranspose_output_shape convtranspose_pad convtranspose_pads "
    "convtranspose_with_kernel depthtospace_crd_mode_example depthtospace_example div div_bcast div_example "
    "dropout_default dropout_default_old dropout_default_ratio dropout_random_old exp exp_example "
    "gather_negative_indices hardswish hardswish_expanded identity layer_normalization_3d_axis0_epsilon_expanded "
    "layer_normalization_3d_axis1_epsilon_expanded layer_normalization_3d_axis2_epsilon_expanded "
    "layer_normalization_3d_axis_negative_1_epsilon_expanded "
    "layer_normalization_3d_axis_negative_2_epsilon_expanded "
    "layer_normalization_3d_axis_negative_3_epsilon_expanded leakyrelu leakyrelu_default leakyrelu_example log "
    "log_example logsoftmax_axis_0 logsoftmax_axis_0_expanded logsoftmax_axis_1 logsoftmax_axis_1_expanded "
    "logsoftmax_axis_2 logsoftmax_axis_2_expanded logsoftmax_default_axis logsoftmax_default_axis_expanded "
    "logsoftmax_example_1 logsoftmax_example_1_expanded logsoftmax_negative_axis logsoftmax_negative_axis_expanded "
    "max_example max_float32 max_one_input max_two_inputs maxpool_1d_default maxpool_2d_ceil maxpool_2d_default "
    "maxpool_2d_dilations maxpool_2d_pads maxpool_2d_precomputed_pads maxpool_2d_precomputed_same_upper "
    "maxpool_2d_precomputed_strides maxpool_2d_same_lower maxpool_2d_same_upper maxpool_2d_strides min_example "
    "min_float32 min_one_input min_two_inputs mul mul_bcast mul_example neg neg_example pow_bcast_scalar "
    "prelu_broadcast prelu_example reciprocal reciprocal_example reduce_l1_default_axes_keepdims_example "
    "reduce_l1_default_axes_keepdims_random reduce_l1_do_not_keepdims_example reduce_l1_do_not_keepdims_random "
    "reduce_l1_keep_dims_example reduce_l1_keep_dims_random reduce_l1_negative_axes_keep_dims_example "
    "reduce_l1_negative_axes_keep_dims_random reduce_l2_default_axes_keepdims_example "
    "reduce_l2_default_axes_keepdims_random reduce_l2_do_not_keepdims_example reduce_l2_do_not_keepdims_random "
    "reduce_l2_keep_dims_example reduce_l2_keep_dims_random reduce_l2_negative_axes_keep_dims_example "
    "reduce_l2_negative_axes_keep_dims_random reduce_log_sum_asc_axes reduce_log_sum_default "
    "reduce_log_sum_desc_axes reduce_log_sum_negative_axes reduce_max_default_axes_keepdim_example "
    "reduce_max_default_axes_keepdims_random reduce_max_do_not_keepdims_example reduce_max_do_not_keepdims_random "
    "reduce_max_keepdims_example reduce_max_keepdims_random reduce_max_negative_axes_keepdims_example "
    "reduce_max_negative_axes_keepdims_random reduce_mean_default_axes_keepdims_example "
    "reduce_mean_default_axes_keepdims_random reduce_mean_do_not_keepdims_example "
    "reduce_mean_do_not_keepdims_random reduce_mean_keepdims_example reduce_mean_keepdims_random "
    "reduce_mean_negative_axes_keepdims_example reduce_mean_negative_axes_keepdims_random "
    "reduce_min_default_axes_keepdims_example reduce_min_default_axes_keepdims_random "
    "reduce_min_do_not_keepdims_example reduce_min_do_not_keepdims_random reduce_min_keepdims_example "
    "reduce_min_keepdims_random reduce_min_negative_axes_keepdims_example reduce_min_negative_axes_keepdims_random "
    "reduce_prod_default_axes_keepdims_example reduce_prod_default_axes_keepdims_random "
    "reduce_prod_do_not_keepdims_example reduce_prod_do_not_keepdims_random "
    "reduce_prod_keepdims_example reduce_prod_keepdims_random "
    "reduce_prod_negative_axes_keepdims_example reduce_prod_negative_axes_keepdims_random "
    "reduce_sum_default_axes_keepdims_example reduce_sum_default_axes_keepdims_random "
    "reduce_sum_do_not_keepdims_example reduce_sum_do_not_keepdims_random reduce_sum_empty_axes_input_noop_example "
    "reduce_sum_empty_axes_input_noop_random reduce_sum_keepdims_example reduce_sum_keepdims_random "
    "reduce_sum_negative_axes_keepdims_example reduce_sum_negative_axes_keepdims_random "
    "reduce_sum_square_default_axes_keepdims_example reduce_sum_square_default_axes_keepdims_random "
    "reduce_sum_square_do_not_keepdims_example reduce_sum_square_do_not_keepdims_random "
    "reduce_sum_square_keepdims_example reduce_sum_square_keepdims_random "
    "reduce_sum_square_negative_axes_keepdims_example reduce_sum_square_negative_axes_keepdims_random relu "
    "reshape_extended_dims reshape_negative_dim reshape_negative_extended_dims reshape_one_dim reshape_reduced_dims "
    "reshape_reordered_all_dims reshape_reordered_last_dims reshape_zero_and_negative_dim reshape_zero_dim "
    "resize_downsample_scales_cubic resize_downsample_scales_cubic_A_n0p5_exclude_outside "
    "resize_downsample_scales_linear resize_downsample_scales_nearest resize_downsample_sizes_cubic "
    "resize_downsample_sizes_linear_pytorch_half_pixel resize_downsample_sizes_nearest "
    "resize_downsample_sizes_nearest_tf_half_pixel_for_nn resize_upsample_scales_cubic "
    "resize_upsample_scales_cubic_A_n0p5_exclude_outside resize_upsample_scales_cubic_align_corners "
    "resize_upsample_scales_cubic_asymmetric resize_upsample_sizes_cubic resize_upsample_scales_linear "
    "resize_upsample_scales_linear_align_corners resize_upsample_scales_nearest resize_upsample_sizes_nearest "
    "resize_upsample_sizes_nearest_ceil_half_pixel resize_upsample_sizes_nearest_floor_align_corners "
    "resize_upsample_sizes_nearest_round_prefer_ceil_asymmetric sigmoid sigmoid_example slice slice_default_axes "
    "slice_default_steps slice_end_out_of_bounds slice_neg slice_neg_steps slice_negative_axes softmax_axis_0 "
    "softmax_axis_0_expanded softmax_axis_1 softmax_axis_1_expanded softmax_axis_2 softmax_axis_2_expanded "
    "softmax_default_axis softmax_default_axis_expanded softmax_example softmax_example_expanded "
    "softmax_negative_axis softmax_negative_axis_expanded spacetodepth_example split_equal_parts_1d "
    "split_equal_parts_default_axis split_variable_parts_1d split_variable_parts_default_axis sqrt sqrt_example "
    "squeeze squeeze_negative_axes sub sub_bcast sub_example sum_example sum_one_input sum_two_inputs tanh "
    "tanh_example thresholdedrelu thresholdedrelu_default thresholdedrelu_example transpose_all_permutations_0 "
    "transpose_all_permutations_1 transpose_all_permutations_2 transpose_all_permutations_3 "
    "transpose_all_permutations_4 transpose_all_permutations_5 transpose_default unsqueeze_axis_0 unsqueeze_axis_1 "
    "unsqueeze_axis_2 unsqueeze_axis_3 unsqueeze_negative_axes unsqueeze_three_axes unsqueeze_two_axes "
    "unsqueeze_unsorted_axes upsample_nearest single_relu_model MaxPool2d_stride_padding_dilation "
    "MaxPool1d_stride_padding_dilation expand_shape_model1 expand_shape_model2 expand_shape_model3 "
    "expand_shape_model4 ";

/* Tests with several images that must do so with the first image alone: every operator in them treats each image by
 * itself. */
static const char must_run_alone[] =
    "batchnorm_epsilon batchnorm_example celu depthtospace_crd_mode depthtospace_dcr_mode flatten_axis1 "
    "flatten_default_axis gemm_alpha gemm_beta gemm_default_no_bias gemm_default_scalar_bias "
    "gemm_default_single_elem_vector_bias gemm_default_vector_bias gemm_default_zero_bias gemm_transposeB "
    "instancenorm_epsilon instancenorm_example lrn lrn_default matmul_2d softmax_large_number spacetodepth "
    "AvgPool2d AvgPool2d_stride Conv2d Conv2d_depthwise Conv2d_depthwise_padded Conv2d_depthwise_strided "
    "Conv2d_depthwise_with_multiplier Conv2d_dilated Conv2d_groups Conv2d_groups_thnn Conv2d_no_bias Conv2d_padding "
    "Conv2d_strided ELU LeakyReLU LeakyReLU_with_negval Linear_no_bias MaxPool2d PReLU_2d ReLU Sigmoid Softmax Tanh "
    "ZeroPad2d ConstantPad2d ";

/* Tests whose numbers are ONNX's definition but not ONNX Runtime's, which rounds the size before it aligns corners, as
 * PyTorch does. */
static const char differs[] =
    "resize_downsample_scales_cubic_align_corners resize_downsample_scales_linear_align_corners ";

struct counts {
    int ran, refused;
};

static Convrelu__OnnxTensor *read_tensor (const char *folder, const char *file, char **bytes, size_t *size)
{
    char path[1200];
    snprintf (path, sizeof path, "%s/test_data_set_0/%s", folder, file);
    *bytes = slurp (path, size);
    return *bytes ? convrelu__onnx_tensor__unpack (NULL, *size, (const uint8_t *)*bytes) : NULL;
}

/* The tensor's floats, or NULL when it holds something else. */
static const float *tensor_floats (const Convrelu__OnnxTensor *tensor, size_t *count)
{
    if (!tensor || tensor->data_type != 1)
        return NULL;
    *count = tensor->raw_data.len ? tensor->raw_data.len / sizeof (float) : tensor->n_float_data;
    return tensor->raw_data.len ? (const float *)(const void *)tensor->raw_data.data : tensor->float_data;
}

/* The model's bytes with all inputs but the first behind them as initializers. */
static struct message model_with_constants (const char *folder)
{
    char path[1200], file[40], *bytes;
    size_t size;
    struct message model = { 0 };
    snprintf (path, sizeof path, "%s/model.onnx", folder);
    bytes = slurp (path, &size);
    if (!bytes)
        return model;
    put_bytes (&model, bytes, size);
    free (bytes);
    for (int i = 1; i < 16; i++) {
        snprintf (file, sizeof file, "input_%d.pb", i);
        Convrelu__OnnxTensor *tensor = read_tensor (folder, file, &bytes, &size);
        if (tensor) {
            struct message graph = { 0 };
            put_block (&graph, 5, bytes, size);
            put_message (&model, 7, &graph);
            convrelu__onnx_tensor__free_unpacked (tensor, NULL);
        }
        free (bytes);
    }
    return model;
}

/* Whether a list of words holds the test's name. */
static bool listed (const char *list, const char *name)
{
    const char *test = strstr (name, "test_") + 5;
    size_t length = strlen (test);
    for (const char *at = list; (at = strstr (at, test)); at += length) {
        if ((at == list || at[-1] == ' ') && at[length] == ' ')
            return true;
    }
    return false;
}

/* The same file for one image. Returns how many images it was for. */
static size_t make_single (struct message *bytes)
{
    Convrelu__OnnxModel *model = convrelu__onnx_model__unpack (NULL, bytes->size, bytes->data);
    Convrelu__OnnxGraph *graph = model ? model->graph : NULL;
    size_t images = 1;
    if (graph && graph->n_input && graph->input[0]->type->tensor_type->shape->n_dim) {
        Convrelu__OnnxDimension *batch = graph->input[0]->type->tensor_type->shape->dim[0];
        images = (size_t)batch->value;
        batch->value = 1;
        bytes->size = 0;
        size_t size = convrelu__onnx_model__get_packed_size (model);
        uint8_t *packed = malloc (size);
        convrelu__onnx_model__pack (model, packed);
        put_bytes (bytes, packed, size);
        free (packed);
    }
    if (model)
        convrelu__onnx_model__free_unpacked (model, NULL);
    return images;
}

/* Whether the engine and the reference give the expected numbers; says so otherwise. */
static void compare (const char *name, const char *path, const float *input, const float *expected, size_t count)
{
    struct error error = { "" };
    struct model *model = model_load (path, NULL, &error);
    if (CHECK (model != NULL, "%s: %s", name, error.text))
        check_scores (name, model, input, expected, count, 1e-5);
    memory_runs_short (path);
    model_unref (model);
}

static void check_one (const char *folder, const char *name, struct counts *counts)
{
    struct message bytes = model_with_constants (folder);
    const char *path = scratch_path ("testdata.onnx");
    struct error error = { "" };
    char *files[2];
    size_t sizes[2], count_in = 0, count_out = 0;
    bool alone = bytes.data && listed (must_run_alone, name);
    size_t images = alone ? make_single (&bytes) : 1;
    if (!bytes.data || !write_file (path, bytes.data, bytes.size)) {
        free (bytes.data);
        return;
    }
    Convrelu__OnnxTensor *in = read_tensor (folder, "input_0.pb", &files[0], &sizes[0]);
    Convrelu__OnnxTensor *out = read_tensor (folder, "output_0.pb", &files[1], &sizes[1]);
    const float *input = tensor_floats (in, &count_in), *expected = tensor_floats (out, &count_out);
    struct model *model = model_load (path, NULL, &error);
    bool runs = model && input && expected && !listed (differs, name);
    counts->ran += runs;
    counts->refused += !model;
    if (!model)
        CHECK (strstr (error.text, "testdata.onnx") != NULL, "%s: '%s'", name, error.text);
    CHECK (runs || !(alone || listed (must_run, name)), "%s must run: %s", name, error.text);
    if (getenv ("CONVRELU_TEST_VERBOSE"))
        printf ("# %s: %s\n", name, runs ? "runs" : error.text);
    if (runs) {
        const struct input_spec *spec = model_input (model);
        bool fits = count_in == images * (size_t)spec->channels * (size_t)spec->height * (size_t)spec->width;
        if (CHECK (fits, "%s: %zu numbers for %d x %d x %d", name, count_in, spec->channels, spec->height, spec->width))
            compare (name, path, input, expected, count_out / images);
    }
    model_unref (model);
    if (in)
        convrelu__onnx_tensor__free_unpacked (in, NULL);
    if (out)
        convrelu__onnx_tensor__free_unpacked (out, NULL);
    free (files[0]);
    free (files[1]);
    free (bytes.data);
}

static int only_tests (const struct dirent *entry)
{
    return !strncmp (entry->d_name, "test_", 5);
}

static void check_family (const char *root, const char *family)
{
    char folder[600], path[900], name[400];
    struct dirent **list;
    struct counts counts = { 0 };
    snprintf (folder, sizeof folder, "%s/%s", root, family);
    int count = scandir (folder, &list, only_tests, alphasort);
    for (int i = 0; i < count; i++) {
        snprintf (path, sizeof path, "%s/%s", folder, list[i]->d_name);
        snprintf (name, sizeof name, "%s/%s", family, list[i]->d_name);
        check_one (path, name, &counts);
        free (list[i]);
    }
    if (count >= 0)
        free (list);
    printf ("# %s: %d tests give ONNX's numbers, %d are refused with a reason\n", family, counts.ran, counts.refused);
}

void check_test_data (void)
{
    static const char *const families[] = { "node", "pytorch-operator", "pytorch-converted", "simple" };
    const char *root = getenv ("CONVRELU_ONNX_TESTDATA");
    struct stat about;
    check_group ("ONNX's tests");
    if (!root)
        root = "/usr/share/libonnx-testdata/data";
    if (stat (root, &about)) {
        SKIP ("no libonnx-testdata");
        return;
    }
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
        check_family (root, families[i]);
}
