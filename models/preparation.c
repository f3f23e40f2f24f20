/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* preparation.c: tells mean and std for pixels of 0..1 from those for pixels of 0..255. */
#include "models/preparation.h"

#include <math.h>
#include <stdio.h>

/* What the numbers of one of the two say. */
enum size {
    SIZE_ABSENT,  /* not given */
    SIZE_NEUTRAL, /* a mean of 0, which is 0 in any unit; a std of 1 */
    SIZE_SMALL,   /* within -1..1 */
    SIZE_LARGE
};

static enum size size_of (const float *values, float neutral)
{
    bool all_neutral = true, all_small = true;
    if (!values)
        return SIZE_ABSENT;
    for (int c = 0; c < COLOURS; c++) {
        all_neutral = all_neutral && values[c] == neutral;
        all_small = all_small && fabsf (values[c]) <= 1;
    }
    return all_neutral ? SIZE_NEUTRAL : all_small ? SIZE_SMALL : SIZE_LARGE;
}

/* "0.485 0.456 0.406" for so many channels, or one number when all are the same. */
static void write_channels (char text[64], const float *values, int channels)
{
    int length = 0;
    bool same = true;
    for (int c = 1; c < channels; c++)
        same = same && values[c] == values[0];
    for (int c = 0; c < (same ? 1 : channels) && length < 64; c++) {
        double value = values[c] == 0 ? 0 : (double)values[c]; /* not "-0" */
        length += snprintf (text + length, (size_t)(64 - length), "%s%.4g", c ? " " : "", value);
    }
}

static void write_values (char text[64], const float values[COLOURS])
{
    write_channels (text, values, COLOURS);
}

/* "mean 0.5, std 0.5", or the one of them that is given. */
static void write_both (char text[160], const float *mean, const float *std)
{
    char first[64] = "", second[64] = "";
    if (mean)
        write_values (first, mean);
    if (std)
        write_values (second, std);
    snprintf (text, 160, "%s%s%s%s%s", mean ? "mean " : "", first, mean && std ? ", " : "", std ? "std " : "", second);
}

static void multiply (float *values)
{
    for (int c = 0; values && c < COLOURS; c++)
        values[c] *= 255;
}

/* The rule: all |mean| <= 1 and all std <= 1 are for pixels of 0..1, unless nothing tells them from numbers for 0..255.
 *
 *     mean           std
 *     0 or unset     1 or unset    as they are: raw pixels, or only a mean taken away, as Caffe's networks want it
 *     0.485 ...      0.229 ...     multiplied; so are 0.5 with 0.5, and such a mean with a std of 1
 *     0.485 ...      unset         multiplied: no network wants half a grey level taken away
 *     0 or unset     0.5, 0.0039   multiplied: divided by it 0..255 would become hundreds; 1 / 255 is how training code
 *                                    writes that pixels are to stay 0..255
 *     0.485 ...      127.5         as they are, with a remark: one of the two is in another unit, nothing says which
 *     103.9 ...      0.017         the same; that std is usually a factor, its reciprocal 58.8 was meant
 *     104 ...        1             as they are */
bool preparation_to_pixels (float mean[COLOURS], float std[COLOURS], struct error *remark)
{
    enum size mean_size = size_of (mean, 0), std_size = size_of (std, 1);
    bool fractions = mean_size == SIZE_SMALL || std_size == SIZE_SMALL;
    bool contradict = fractions && (mean_size == SIZE_LARGE || std_size == SIZE_LARGE);
    char before[160], after[160];
    write_both (before, mean, std);
    if (remark)
        remark->text[0] = 0;
    if (contradict && remark)
        snprintf (
            remark->text, sizeof remark->text,
            "%s: one of them is for pixels of 0 to 1, the other for pixels of 0 to 255; both are used as they are, "
            "for 0 to 255",
            before);
    if (!fractions || contradict)
        return false;
    multiply (mean);
    multiply (std);
    write_both (after, mean, std);
    if (remark)
        snprintf (remark->text, sizeof remark->text,
                  "%s: these are for pixels of 0 to 1; pixels are 0 to 255 here, so they were multiplied by 255: %s",
                  before, after);
    return true;
}

void preparation_turn (float values[COLOURS])
{
    float first = values[0];
    values[0] = values[2];
    values[2] = first;
}

static const char *origin_words (enum input_origin origin)
{
    static const char *const words[] = { [ORIGIN_DEFAULT] = "default",
                                         [ORIGIN_FILE] = "file",
                                         [ORIGIN_SIDE_FILE] = "side file",
                                         [ORIGIN_PROPERTY] = "property" };
    return words[origin];
}

static const char *number_origin_words (const struct input_spec *spec, enum input_origin origin)
{
    if (origin != ORIGIN_DEFAULT)
        return origin_words (origin);
    return spec->channels == 1 ? "0 to 1, nothing says otherwise" : "ImageNet's, nothing says otherwise";
}

static const char *channel_words (const struct input_spec *spec)
{
    if (spec->channels == 1)
        return "luma";
    if (spec->channels == 4)
        return spec->order == CHANNEL_ORDER_BGR ? "BGR and alpha" : "RGB and alpha";
    return spec->order == CHANNEL_ORDER_BGR ? "BGR" : "RGB";
}

struct error input_spec_words (const struct input_spec *spec)
{
    struct error line;
    char mean[64], std[64];
    int channels = spec->channels < 1 ? 1 : spec->channels > 4 ? 4 : spec->channels;
    write_channels (mean, spec->mean, channels);
    write_channels (std, spec->std, channels);
    snprintf (line.text, sizeof line.text, "%d x %d (%s), %s (%s), mean %s (%s), std %s (%s)", spec->width,
              spec->height,
              spec->from.size == ORIGIN_DEFAULT ? "default, the file leaves it open" : origin_words (spec->from.size),
              channel_words (spec), origin_words (spec->from.order), mean, number_origin_words (spec, spec->from.mean),
              std, number_origin_words (spec, spec->from.std));
    return line;
}
