/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* conv_stem_bytes.c: the first convolution, of the caller's planar floats: a pixel of up to four channels becomes one
 * word of bytes while a band is copied between its borders, and the rest is conv_direct.c's.
 *
 *   planar floats -> [rows][columns][4 bytes], outside the picture the zero point -> kernel -> output
 *
 * Nothing of the picture is ever in blocks of 16 channels, 13 of which would be empty. */
#include "engine/conv_direct.h"

#include <string.h>

static bool fits (const struct conv_method *method, const struct preparation *p, const struct step *step, bool planar)
{
    (void)method;
    (void)p;
    return planar && step->kernel->in == ELEMENT_U8;
}

/* Bytes -> the kernel's numbers. */
static void stage_numbers (const struct conv_kernel *kernel, const uint8_t *bytes, char *out, size_t pixels)
{
    if (kernel->stage)
        kernel->stage (bytes, out, (ptrdiff_t)(pixels * PIXEL_BYTES));
    else
        memcpy (out, bytes, pixels * PIXEL_BYTES);
}

void conv_stage_words (const struct execution *e, const struct step *step, const struct patch *patch, void *scratch)
{
    const struct conv_kernel *kernel = step->kernel;
    const struct place *in = &step->place.in;
    ptrdiff_t plane = (ptrdiff_t)step->in_height * step->in_width;
    int left = patch->left < 0 ? -patch->left : 0, right = least (step->in_width - patch->left, patch->width);
    right = right < left ? left : right;
    size_t row = (size_t)patch->width * PIXEL_BYTES;
    char *out = scratch;
    uint8_t *bytes = (uint8_t *)out + (size_t)patch->height * row * element_bytes (kernel->staged);
    for (int y = patch->top; y < patch->top + patch->height; y++, out += row * element_bytes (kernel->staged)) {
        memset (bytes, in->zero, row);
        if (y >= 0 && y < step->in_height && left < patch->width)
            e->kernels->words (
                &(struct words_args) { .in = e->input + (ptrdiff_t)y * step->in_width + patch->left + left,
                                       .plane = plane,
                                       .channels = step->in_channels,
                                       .pixels = right - left,
                                       .scale = in->scale,
                                       .zero = (float)in->zero,
                                       .out = bytes + (size_t)left * PIXEL_BYTES });
        stage_numbers (kernel, bytes, out, (size_t)patch->width);
    }
}

const struct conv_method conv_stem_bytes = {
    .name = "stem, bytes",
    .only = true,
    .twice = true,
    .inputs = 1 << ELEMENT_F32 | 1 << ELEMENT_U8,
    .fits = fits,
    .lay = direct_lay,
    .pack = direct_pack,
    .prepare = direct_prepare,
    .run = direct_run,
};
