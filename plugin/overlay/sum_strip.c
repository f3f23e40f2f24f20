/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sum_strip.c: seven columns of tiles and numbers, fewer where the frame is small; see sum_strip.h. */
#include "plugin/overlay/sum_strip.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "engine/receptive_field.h"
#include "plugin/layer_labels.h"
#include "plugin/overlay/map_tile.h"
#include "plugin/overlay/seen_picture.h"
#include "plugin/overlay/unit_caption.h"

enum {
    COLOUR_ABOVE = 0xff9a5c, /* of numbers above zero and below it, as in the diverging colour map */
    COLOUR_BELOW = 0x7ab4ff,
    COLOUR_FRAME = 0x8d99a6,
    COLOUR_CURSOR = 0xffe600,
    LEAST_TILE = 3,  /* heights of a small line: a tile less high has nothing to say */
    MAPS_LINES = 32, /* a strip less wide has no room for maps and curve */
    TILES_WIDE = 88, /* tenths of a tile that all columns take; those of a residual block; those up to the sums */
    TILES_RESIDUAL = 113,
    TILES_SHORT = 52,
};

static guint32 sign_colour (double value)
{
    return value >= 0.005 ? COLOUR_ABOVE : value <= -0.005 ? COLOUR_BELOW : COLOUR_TEXT;
}

/* ---- where everything goes -------------------------------------------------------------------------------------- */

static gboolean shows_maps (const struct layout *layout, int width)
{
    return width >= MAPS_LINES * layout->small_line;
}

static int tile_side (const struct layout *layout, int width, gboolean residual)
{
    int tenths = !shows_maps (layout, width) ? TILES_SHORT : residual ? TILES_RESIDUAL : TILES_WIDE;
    return (width - 2 * layout->pad) * 10 / tenths;
}

struct rectangle sum_strip_place (const struct layout *layout, gboolean residual, int width, int height)
{
    struct rectangle at = { .x = layout->margin, .width = width - 2 * layout->margin };
    int line = layout->small_line, text = 3 * line + line / 2 + 2 * layout->pad;
    int tile = MIN (tile_side (layout, at.width, residual), height * 2 / 5 - text);
    at.height = tile + text;
    at.y = height - layout->margin - at.height;
    if (tile < LEAST_TILE * line)
        at.width = 0;
    return at;
}

/* The strip while it is drawn: columns are taken from left to right. */
struct strip {
    const struct sum_shown *shown;
    const struct overlay_frame *frame;
    const struct pen *pen;
    GArray *scratch;
    int line, pad; /* height of a line, pixels */
    int top, tile; /* of the tiles */
    int x;         /* of the next column */
};

/* A line that shrinks to fit; one that is too long even so ends before its colon, or is left out. */
static void write_fitting (const struct strip *strip, const char *text, const struct style *style, int x, int y,
                           int width)
{
    const char *colon = strchr (text, ':');
    char *whole = g_strdup (text);
    if (pen_width (strip->pen, whole, style->size * 3 / 4, style->weight) > width)
        whole[colon ? colon - text : 0] = '\0';
    struct style shrunk = *style;
    shrunk.size = pen_shrunk (strip->pen, whole, style->size, style->weight, width);
    if (*whole)
        pen_write (strip->pen, whole, &shrunk, x, y + pen_drop (strip->pen, shrunk.size), width);
    g_free (whole);
}

/* Words below a column, the first line in that colour. */
static void write_coloured (const struct strip *strip, const char *first, guint32 rgb, const char *second, int x,
                            int width)
{
    const struct style bold = { strip->line * 19 / 20, WEIGHT_BOLD, rgb };
    const struct style quiet = { strip->line * 17 / 20, WEIGHT_NORMAL, COLOUR_QUIET_TEXT };
    int y = strip->top + strip->tile + strip->pad / 2;
    write_fitting (strip, first, &bold, x, y, width);
    write_fitting (strip, second, &quiet, x, y + strip->line, width);
}

static void write_below (const struct strip *strip, const char *first, const char *second, int x, int width)
{
    write_coloured (strip, first, COLOUR_TEXT, second, x, width);
}

static void write_between (struct strip *strip, const char *sign)
{
    int room = strip->tile * 3 / 10, size = strip->line * 3 / 2;
    const struct style style = { size, WEIGHT_BOLD, COLOUR_TEXT };
    int width = pen_width (strip->pen, sign, size, WEIGHT_BOLD);
    pen_write (strip->pen, sign, &style, strip->x + MAX ((room - width) / 2, 0), strip->top + (strip->tile - size) / 2,
               room);
    strip->x += room;
}

static void draw_border (const struct strip *strip, const struct rectangle *tile)
{
    canvas_fill (strip->pen->canvas, tile->x - 1, tile->y - 1, tile->width + 2, tile->height + 2,
                 premultiplied (COLOUR_FRAME, strip->pen->opacity));
}

/* ---- window, filter, products ------------------------------------------------------------------------------------ */

enum part { WINDOW, FILTER, PRODUCT };

/* The layer's own numbers of a cell (input channel of the group, row, column of the filter). */
static float cell_value (const struct sum_shown *shown, enum part part, int channel, int row, int column)
{
    const struct watched *watched = shown->watched;
    const struct conv *shape = &watched->shape;
    int at = (channel * shape->kernel_h + row) * shape->kernel_w + column;
    int cells = watched->in_channels * shape->kernel_h * shape->kernel_w;
    if (part == PRODUCT)
        return shown->products[at];
    if (part == FILTER)
        return watched->weights[(gsize)shown->channel * (gsize)cells + (gsize)at] *
               (float)watched->scale[shown->channel];
    int y = shown->y * shape->stride_h - shape->pad_top + row * shape->dilation_h;
    int x = shown->x * shape->stride_w - shape->pad_left + column * shape->dilation_w;
    if (y < 0 || x < 0 || y >= shown->source.height || x >= shown->source.width)
        return 0;
    int group = shown->channel / (shape->out_channels / shape->groups);
    gsize plane = (gsize)(group * watched->in_channels + channel);
    return shown->source.data[(plane * (gsize)shown->source.height + (gsize)y) * (gsize)shown->source.width + (gsize)x];
}

/* rgb [kernel_h][kernel_w]: the window's colours, where the layer sees the picture. */
static void take_window (const struct strip *strip, guint32 *rgb)
{
    const struct sum_shown *shown = strip->shown;
    const struct conv *shape = &shown->watched->shape;
    struct grid grid = { 0, 0, 1, 1 };
    graph_grid (model_graph (strip->frame->network->model), shown->watched->source, &grid);
    const struct rectangle part = {
        .x = (int)grid.left + shown->x * shape->stride_w - shape->pad_left - shape->dilation_w / 2,
        .y = (int)grid.top + shown->y * shape->stride_h - shape->pad_top - shape->dilation_h / 2,
        .width = shape->kernel_w * shape->dilation_w,
        .height = shape->kernel_h * shape->dilation_h,
    };
    seen_colours (strip->frame, &part, rgb, shape->kernel_w, shape->kernel_h);
}

/* rgb [kernel_h][kernel_w]: the filter as colours round mid-grey, `most` its largest magnitude. */
static void take_filter (const struct strip *strip, float most, guint32 *rgb)
{
    const struct sum_shown *shown = strip->shown;
    const struct conv *shape = &shown->watched->shape;
    const struct input_spec *spec =
        strip->frame->input ? strip->frame->input : model_input (strip->frame->network->model);
    for (int i = 0; i < shape->kernel_h * shape->kernel_w; i++) {
        rgb[i] = 0;
        for (int n = 0; n < 3; n++) {
            int channel = shown->watched->in_channels < 3 ? 0 : spec->order == CHANNEL_ORDER_BGR ? 2 - n : n;
            float v =
                most > 0 ? cell_value (shown, FILTER, channel, i / shape->kernel_w, i % shape->kernel_w) / most : 0;
            rgb[i] = rgb[i] << 8 | (guint32)CLAMP (128 + 127 * v, 0.0f, 255.0f);
        }
    }
}

/* The cells of one filter plane, or with channel -1 of the sum over all; returns the largest magnitude. */
static float take_cells (const struct sum_shown *shown, enum part part, int channel, float *values)
{
    const struct conv *shape = &shown->watched->shape;
    float most = 0;
    for (int i = 0; i < shape->kernel_h * shape->kernel_w; i++) {
        int row = i / shape->kernel_w, column = i % shape->kernel_w;
        values[i] = channel >= 0 ? cell_value (shown, part, channel, row, column) : 0;
        for (int c = 0; channel < 0 && c < shown->watched->in_channels; c++)
            values[i] += cell_value (shown, part, c, row, column);
        most = MAX (most, fabsf (values[i]));
    }
    return most;
}

/* A number in each cell of the products where there is room; never a part of one. */
static void write_cells (const struct strip *strip, const float *values, float most, const struct rectangle *at)
{
    const struct conv *shape = &strip->shown->watched->shape;
    int size = strip->line * 7 / 10, width = at->width / shape->kernel_w, height = at->height / shape->kernel_h;
    if (width < size * 5 / 2 || height < size)
        return;
    for (int i = 0; i < shape->kernel_h * shape->kernel_w; i++) {
        const struct style style = { size, WEIGHT_NORMAL, fabsf (values[i]) > most / 2 ? COLOUR_PAPER : COLOUR_TEXT };
        char text[32];
        caption_number (text, sizeof text, (double)values[i]);
        int x = at->x + i % shape->kernel_w * at->width / shape->kernel_w;
        int y = at->y + i / shape->kernel_w * at->height / shape->kernel_h;
        int wide = pen_width (strip->pen, text, size, WEIGHT_NORMAL);
        if (wide <= width)
            pen_write (strip->pen, text, &style, x + (width - wide) / 2, y + (height - size) / 2, width);
    }
}

static float filter_most (const struct sum_shown *shown, float *values)
{
    float most = 0;
    for (int c = 0; c < shown->watched->in_channels; c++)
        most = MAX (most, take_cells (shown, FILTER, c, values));
    return most;
}

/* Window or filter in the picture's colours; values [kernel_h][kernel_w] is overwritten. */
static void draw_colours (const struct strip *strip, enum part part, float *values, const struct rectangle *at)
{
    const struct conv *shape = &strip->shown->watched->shape;
    guint32 *rgb = g_new (guint32, shape->kernel_h * shape->kernel_w);
    if (part == WINDOW)
        take_window (strip, rgb);
    else
        take_filter (strip, filter_most (strip->shown, values), rgb);
    for (int i = 0; i < shape->kernel_h * shape->kernel_w; i++) {
        int row = i / shape->kernel_w, column = i % shape->kernel_w;
        int x = column * at->width / shape->kernel_w, y = row * at->height / shape->kernel_h;
        canvas_fill (strip->pen->canvas, at->x + x, at->y + y, (column + 1) * at->width / shape->kernel_w - x,
                     (row + 1) * at->height / shape->kernel_h - y, premultiplied (rgb[i], strip->pen->opacity));
    }
    g_free (rgb);
}

/* One plane; `channel` -1: of all input channels at once. */
static void draw_plane (const struct strip *strip, enum part part, int channel, const struct rectangle *at)
{
    const struct conv *shape = &strip->shown->watched->shape;
    int cells = shape->kernel_h * shape->kernel_w;
    float *values = g_new (float, cells);
    draw_border (strip, at);
    if (channel < 0 && part != PRODUCT) {
        draw_colours (strip, part, values, at);
    } else {
        float most = take_cells (strip->shown, part, channel, values);
        const struct map map = { values, shape->kernel_h, shape->kernel_w };
        const struct tile tile = { at->x, at->y, at->width, at->height, most };
        tile_draw (&map, strip->shown->signs, &tile, strip->pen->canvas, strip->scratch);
        if (part == PRODUCT)
            write_cells (strip, values, most, at);
    }
    g_free (values);
}

int sum_leading_channels (const struct sum_shown *shown, int *channels)
{
    const struct conv *shape = &shown->watched->shape;
    int cells = shape->kernel_h * shape->kernel_w, count = MIN (SUM_PLANES, shown->watched->in_channels);
    float *sums = g_new0 (float, shown->watched->in_channels);
    for (int i = 0; i < shown->watched->in_channels * cells; i++)
        sums[i / cells] += shown->products[i];
    for (int c = 0; c < shown->watched->in_channels; c++)
        sums[c] = isfinite (sums[c]) ? fabsf (sums[c]) : 0;
    for (int n = 0; n < count; n++) {
        int best = 0;
        for (int c = 1; c < shown->watched->in_channels; c++)
            if (sums[c] > sums[best])
                best = c;
        channels[n] = best;
        sums[best] = -1; /* taken */
    }
    g_free (sums);
    return count;
}

static void draw_part (struct strip *strip, enum part part, const int *channels, int count)
{
    const struct conv *shape = &strip->shown->watched->shape;
    int group = strip->shown->channel / (shape->out_channels / shape->groups);
    for (int n = 0; n < MAX (count, 1); n++) {
        int high = strip->tile / MAX (count, 1);
        struct rectangle at = { strip->x, strip->top + n * high, strip->tile, high - (count > 1 ? 3 : 0) };
        if (count > 1) { /* square cells, and the channel's number beside them */
            const struct style style = { MIN (strip->line * 4 / 5, at.height), WEIGHT_NORMAL, COLOUR_QUIET_TEXT };
            char text[16];
            at.width = MIN (at.height * shape->kernel_w / shape->kernel_h, strip->tile);
            g_snprintf (text, sizeof text, "%d", channels[n] + group * strip->shown->watched->in_channels);
            if (part == WINDOW)
                pen_write (strip->pen, text, &style, at.x + at.width + strip->line / 4,
                           at.y + (at.height - style.size) / 2, strip->tile - at.width);
        }
        draw_plane (strip, part, count > 0 ? channels[n] : -1, &at);
    }
    strip->x += strip->tile;
}

static void draw_products (struct strip *strip)
{
    const struct sum_shown *shown = strip->shown;
    const struct watched *watched = shown->watched;
    const struct conv *shape = &watched->shape;
    int channels[SUM_PLANES], count = watched->sees_picture ? 0 : sum_leading_channels (shown, channels), x = strip->x;
    char first[64], second[96], number[64];
    g_snprintf (first, sizeof first, "window %d×%d×%d", shape->kernel_h, shape->kernel_w, watched->in_channels);
    if (count == 0 || watched->in_channels <= SUM_PLANES)
        g_strlcpy (second, "what it looks at", sizeof second);
    else
        g_snprintf (second, sizeof second, "%d channels of %d", count, watched->in_channels);
    draw_part (strip, WINDOW, channels, count);
    write_below (strip, first, second, x, strip->tile * 12 / 10);
    write_between (strip, "×");
    x = strip->x;
    g_snprintf (number, sizeof number, "filter %d", shown->channel);
    g_snprintf (second, sizeof second, "%d weights, fixed", watched->in_channels * shape->kernel_h * shape->kernel_w);
    draw_part (strip, FILTER, channels, count);
    write_below (strip, number, second, x, strip->tile * 12 / 10);
    write_between (strip, "=");
    x = strip->x;
    draw_part (strip, PRODUCT, channels, count);
    write_below (strip, count > 0 && count < watched->in_channels ? "products: the largest" : "products",
                 "orange +, blue −", x, strip->tile * 11 / 10);
    strip->x += strip->tile / 5;
}

/* ---- sums ------------------------------------------------------------------------------------------------------- */

static void write_term (const struct strip *strip, const char *name, double value, int y, int width)
{
    int size = strip->line * 9 / 10;
    char number[32];
    caption_number (number, sizeof number, value);
    const struct style quiet = { size, WEIGHT_NORMAL, COLOUR_QUIET_TEXT };
    const struct style style = { size, WEIGHT_BOLD, sign_colour (value) };
    int used = pen_write_before (strip->pen, number, &style, strip->x + width, y, width);
    write_fitting (strip, name, &quiet, strip->x, y, MAX (width - used - size / 4, 0));
}

/* What the filter gives, without what a residual block adds. */
static double branch_of (const struct weighted_sum *sum)
{
    return sum->positive + sum->negative + sum->shift;
}

/* "= −9.80", or the number alone where there is no room for both; never a part of it. */
static void write_result (const struct strip *strip, double value, int y, int width)
{
    char text[48];
    caption_number (text, sizeof text, value);
    char *whole = g_strdup_printf ("= %s", text);
    struct style big = { pen_shrunk (strip->pen, whole, strip->line * 3 / 2, WEIGHT_BOLD, width), WEIGHT_BOLD,
                         sign_colour (value) };
    gboolean fits = pen_width (strip->pen, whole, big.size, WEIGHT_BOLD) <= width;
    if (!fits)
        big.size = pen_shrunk (strip->pen, text, strip->line, WEIGHT_BOLD, width);
    if (fits || pen_width (strip->pen, text, big.size, WEIGHT_BOLD) <= width)
        pen_write (strip->pen, fits ? whole : text, &big, strip->x, y, width);
    g_free (whole);
}

/* `maps`: the block's input is added beside, between its maps. */
static void draw_sums (struct strip *strip, gboolean maps)
{
    const struct weighted_sum *sum = &strip->shown->sum;
    gboolean residual = strip->shown->watched->other >= 0;
    int width = strip->tile * 11 / 10, step = strip->line, rows = residual && !maps ? 6 : 5, bar = strip->line / 3;
    int y = strip->top;
    double most = MAX (MAX (sum->positive, -sum->negative), DBL_MIN);
    gboolean bars = strip->tile >= rows * step + 2 * bar + strip->pad;
    const double terms[] = { sum->positive, sum->negative };
    for (int i = 0; i < 2; i++) {
        write_term (strip, i ? "minus" : "plus", terms[i], y, width);
        y += step;
        if (bars) {
            canvas_fill (strip->pen->canvas, strip->x, y, MAX ((int)(width * fabs (terms[i]) / most), 1), bar,
                         premultiplied (i ? COLOUR_BELOW : COLOUR_ABOVE, pen_text_opacity (strip->pen)));
            y += bar + strip->pad / 2;
        }
    }
    write_term (strip, "bias", sum->shift, y, width);
    y += step;
    if (residual && !maps) {
        write_term (strip, "input", sum->other, y, width);
        y += step;
    }
    write_result (strip, residual && maps ? branch_of (sum) : sum->before, y, width);
    write_below (strip, "add them all up", residual && !maps ? "filter + block's input" : "one number", strip->x,
                 width);
    strip->x += width + strip->tile / 5;
}

/* ---- maps and curve --------------------------------------------------------------------------------------------- */

static const float *channel_of (const struct tensor *tensor, int channel)
{
    return tensor->data + (gsize)channel * (gsize)tensor->height * (gsize)tensor->width;
}

static struct map map_of (const struct strip *strip, const struct tensor *tensor)
{
    return (struct map) { channel_of (tensor, strip->shown->channel), tensor->height, tensor->width };
}

/* A map with a box round the number; `most` as in struct tile. */
static float draw_map (struct strip *strip, const struct map *map, float most)
{
    const struct sum_shown *shown = strip->shown;
    double aspect = CLAMP ((double)map->height / map->width, 1.0 / 3, 1.0);
    struct tile tile = { strip->x, strip->top, strip->tile, (int)(strip->tile * aspect), most };
    const struct rectangle at = { tile.x, tile.y, tile.width, tile.height };
    draw_border (strip, &at);
    most = tile_draw (map, shown->signs, &tile, strip->pen->canvas, strip->scratch);
    int x = tile.x + (2 * shown->x + 1) * tile.width / (2 * map->width), half = MAX (strip->line / 4, 3);
    int y = tile.y + (2 * shown->y + 1) * tile.height / (2 * map->height), thick = MAX (strip->line / 9, 1);
    half = MAX (half, tile.width / (2 * map->width) + thick);
    guint32 cursor = premultiplied (COLOUR_CURSOR, pen_text_opacity (strip->pen));
    for (int i = 0; i < 2; i++) {
        canvas_fill (strip->pen->canvas, x - half, i ? y + half - thick : y - half, 2 * half, thick, cursor);
        canvas_fill (strip->pen->canvas, i ? x + half - thick : x - half, y - half, thick, 2 * half, cursor);
    }
    strip->x += strip->tile;
    return most;
}

/* A dot at (in, out) of the curve, for values up to +- most. */
static void draw_dot (const struct strip *strip, int side, float in, float out, float most, int size, guint32 pixel)
{
    float scale = most > 0 ? (float)(side / 2 - size) / most : 0;
    if (fabsf (in) <= most && fabsf (out) <= most)
        canvas_fill (strip->pen->canvas, strip->x + side / 2 + (int)(in * scale) - size / 2,
                     strip->top + side / 2 - (int)(out * scale) - size / 2, size, size, pixel);
}

/* The activation as the layer's own numbers show it: what came out over what went in, the same scale both ways. */
static void draw_curve (const struct strip *strip, int side)
{
    enum { DOTS = 3000 };
    const struct sum_shown *shown = strip->shown;
    const struct canvas *canvas = strip->pen->canvas;
    const struct tensor *before = &shown->before, *after = &shown->after;
    int pixels = before->height * before->width, at = shown->y * before->width + shown->x;
    gsize all = (gsize)pixels * (gsize)before->channels;
    const float *map = channel_of (before, shown->channel);
    float most = 0;
    for (int i = 0; i < pixels; i++)
        most = MAX (most, fabsf (map[i]) < FLT_MAX ? fabsf (map[i]) : 0);
    guint32 axis = premultiplied (COLOUR_FRAME, strip->pen->opacity);
    canvas_fill (canvas, strip->x, strip->top + side / 2, side, 1, axis);
    canvas_fill (canvas, strip->x + side / 2, strip->top, 1, side, axis);
    for (gsize i = 0; i < all; i += MAX (all / DOTS, 1))
        draw_dot (strip, side, before->data[i], after->data[i], most, MAX (strip->line / 8, 2),
                  premultiplied (COLOUR_TEXT, strip->pen->opacity));
    draw_dot (strip, side, map[at], channel_of (after, shown->channel)[at], most, MAX (strip->line / 3, 4),
              premultiplied (COLOUR_CURSOR, pen_text_opacity (strip->pen)));
}

static double share_of (const struct tensor *tensor, int channel, gboolean zero)
{
    const float *values = channel_of (tensor, channel);
    int pixels = tensor->height * tensor->width, count = 0;
    for (int i = 0; i < pixels; i++)
        count += zero ? values[i] == 0 : values[i] < 0;
    return (double)count / pixels;
}

/* The map before the activation; returns the value of its last colour. */
static float draw_before (struct strip *strip)
{
    const struct sum_shown *shown = strip->shown;
    const struct map map = map_of (strip, &shown->before);
    char text[64], share[16];
    int x = strip->x;
    caption_share (share, sizeof share, share_of (&shown->before, shown->channel, FALSE));
    g_snprintf (text, sizeof text, "before: %s below 0", share);
    float most = draw_map (strip, &map, 0);
    write_below (strip, text, "this number at every place", x, strip->tile * 11 / 10);
    return most;
}

static void draw_summand (struct strip *strip, const struct map *map, float most, double value, const char *words)
{
    char number[32];
    int x = strip->x;
    caption_number (number, sizeof number, value);
    draw_map (strip, map, most);
    write_coloured (strip, number, sign_colour (value), words, x, strip->tile * 12 / 10);
}

/* This branch + the block's input = the sum, each as a map, in one scale, with its number; returns the value of their
 * last colour. */
static float draw_addition (struct strip *strip)
{
    const struct sum_shown *shown = strip->shown;
    const struct map sum = map_of (strip, &shown->before), other = map_of (strip, &shown->other);
    int pixels = sum.height * sum.width;
    float by = (float)shown->watched->other_scale[shown->channel], *values = g_new (float, 2 * (gsize)pixels);
    for (int i = 0; i < pixels; i++) {
        values[i] = sum.values[i] - other.values[i] * by;
        values[pixels + i] = other.values[i] * by;
    }
    const struct map branch = { values, sum.height, sum.width }, input = { values + pixels, sum.height, sum.width };
    float most = MAX (MAX (map_most (&branch, TRUE), map_most (&input, TRUE)), map_most (&sum, TRUE));
    draw_summand (strip, &branch, most, branch_of (&shown->sum), "this branch");
    write_between (strip, "+");
    draw_summand (strip, &input, most, shown->sum.other, "block's input");
    write_between (strip, "=");
    draw_summand (strip, &sum, most, shown->sum.before, "the sum");
    g_free (values);
    return most;
}

static void draw_activation (struct strip *strip, const char *activation)
{
    const struct sum_shown *shown = strip->shown;
    const struct map map = map_of (strip, &shown->after);
    int at = shown->y * shown->after.width + shown->x, side = strip->tile * 9 / 10;
    double after = (double)map.values[at];
    char text[64], from[32], to[32], share[16];
    float most = shown->watched->other >= 0 ? draw_addition (strip) : draw_before (strip);
    strip->x += strip->tile / 4;
    draw_curve (strip, side);
    caption_number (from, sizeof from, shown->sum.before);
    caption_number (to, sizeof to, after);
    g_snprintf (text, sizeof text, "%s → %s", from, to);
    if (pen_width (strip->pen, text, strip->line * 3 / 4, WEIGHT_BOLD) > side)
        g_snprintf (text, sizeof text, "→ %s", to);
    write_below (strip, text, *activation ? activation : "no activation", strip->x, side);
    strip->x += side + strip->tile / 4;
    caption_share (share, sizeof share, share_of (&shown->after, shown->channel, TRUE));
    g_snprintf (text, sizeof text, "after: %s zero", share);
    int x = strip->x;
    draw_map (strip, &map, most);
    write_below (strip, text, "what the next layer gets", x, strip->tile * 11 / 10);
}

/* ---- all of it -------------------------------------------------------------------------------------------------- */

static void write_title (const struct strip *strip, const char *activation)
{
    const struct sum_shown *shown = strip->shown;
    const struct style bold = { strip->line, WEIGHT_BOLD, COLOUR_TEXT };
    const struct style quiet = { strip->line, WEIGHT_NORMAL, COLOUR_QUIET_TEXT };
    int width = strip->pen->canvas->width - 2 * strip->pad, gap = 2 * strip->line;
    char *layer = layer_label (graph_tensor (model_graph (strip->frame->network->model), shown->watched->conv).name);
    char *title = g_strdup_printf ("%s%s%s   channel %d of %d", layer, *activation ? " → " : "", activation,
                                   shown->channel, shown->after.channels);
    char *more =
        g_strdup_printf ("one output number: window × filter, added up%s%s",
                         shown->watched->other >= 0 ? " + the block's input" : "", *activation ? ", then " : "");
    char *whole = g_strconcat (more, activation, NULL);
    int used = pen_write (strip->pen, title, &bold, strip->pad, strip->pad / 2, width);
    if (used + gap + pen_width (strip->pen, whole, strip->line, WEIGHT_NORMAL) <= width)
        pen_write (strip->pen, whole, &quiet, strip->pad + used + gap, strip->pad / 2, width - used - gap);
    g_free (layer);
    g_free (title);
    g_free (more);
    g_free (whole);
}

void sum_strip_draw (const struct drawing *drawing, const struct sum_shown *shown, const struct pen *pen)
{
    const struct layout *layout = &drawing->layout;
    int line = layout->small_line, text = 3 * line + line / 2 + 2 * layout->pad;
    struct strip strip = { .shown = shown,
                           .frame = drawing->frame,
                           .pen = pen,
                           .scratch = drawing->scratch,
                           .line = line,
                           .pad = layout->pad,
                           .top = layout->pad + line * 3 / 2,
                           .tile = pen->canvas->height - text,
                           .x = layout->pad };
    const char *activation = caption_activation (drawing->frame->network, &shown->watched->layer);
    pen_clear (pen);
    write_title (&strip, activation);
    draw_products (&strip);
    gboolean maps = shows_maps (layout, pen->canvas->width);
    draw_sums (&strip, maps);
    if (maps)
        draw_activation (&strip, activation);
}
