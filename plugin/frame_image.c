/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* frame_image.c: GstVideoInfo -> struct image; see frame_image.h. */
#include "plugin/frame_image.h"

/* ---- where the bytes are ----------------------------------------------------------------------------------------- */

/* Components of one plane must have equally many rows. */
static gboolean add_component (struct image_format *to, const GstVideoFormatInfo *format, int c)
{
    int plane = (int)GST_VIDEO_FORMAT_INFO_PLANE (format, c), down = (int)GST_VIDEO_FORMAT_INFO_H_SUB (format, c);
    struct image_component component = { .plane = plane,
                                         .byte = (int)GST_VIDEO_FORMAT_INFO_POFFSET (format, c),
                                         .step = GST_VIDEO_FORMAT_INFO_PSTRIDE (format, c),
                                         .across = (int)GST_VIDEO_FORMAT_INFO_W_SUB (format, c) };
    for (int i = 0; i < c; i++)
        if (to->component[i].plane == plane && to->down[plane] != down)
            return FALSE;
    if (GST_VIDEO_FORMAT_INFO_DEPTH (format, c) != 8 || GST_VIDEO_FORMAT_INFO_SHIFT (format, c) != 0 ||
        component.step < 1 || component.across > 2 || down > 2)
        return FALSE;
    to->down[plane] = down;
    to->component[c] = component;
    return TRUE;
}

static gboolean read_format (const GstVideoInfo *info, struct image_format *to)
{
    const GstVideoFormatInfo *format = info->finfo;
    const GstVideoFormatFlags kinds =
                                  GST_VIDEO_FORMAT_FLAG_YUV | GST_VIDEO_FORMAT_FLAG_RGB | GST_VIDEO_FORMAT_FLAG_GRAY,
                              others = GST_VIDEO_FORMAT_FLAG_COMPLEX | GST_VIDEO_FORMAT_FLAG_TILED |
                                       GST_VIDEO_FORMAT_FLAG_PALETTE;
    *to = (struct image_format) { .planes = (int)GST_VIDEO_FORMAT_INFO_N_PLANES (format),
                                  .components = (int)GST_VIDEO_FORMAT_INFO_N_COMPONENTS (format),
                                  .first_x = (info->chroma_site & GST_VIDEO_CHROMA_SITE_H_COSITED) != 0,
                                  .first_y = (info->chroma_site & GST_VIDEO_CHROMA_SITE_V_COSITED) != 0 };
    if (!(format->flags & kinds) || (format->flags & others) || to->planes > IMAGE_PLANES)
        return FALSE;
    if (GST_VIDEO_FORMAT_INFO_FORMAT (format) == GST_VIDEO_FORMAT_VYUY) /* GstVideoFormatInfo takes it for UYVY */
        return FALSE;
    for (int c = 0; c < to->components; c++)
        if (!add_component (to, format, c))
            return FALSE;
    return TRUE;
}

/* ---- colours ----------------------------------------------------------------------------------------------------- */

enum { RED, GREEN, BLUE, ALPHA, LUMA, ROWS };

/* Each as numbers of 0..255 out of the frame's components. FALSE: an unknown matrix. */
static gboolean read_colours (const GstVideoInfo *info, double rows[ROWS][IMAGE_COMPONENTS + 1])
{
    gint offset[GST_VIDEO_MAX_COMPONENTS] = { 0 }, scale[GST_VIDEO_MAX_COMPONENTS] = { 0 };
    gboolean yuv = GST_VIDEO_INFO_IS_YUV (info), rgb = GST_VIDEO_INFO_IS_RGB (info);
    double unit[ROWS][3] = { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 }, { 0, 0, 0 }, { 0.299, 0.587, 0.114 } };
    double kr, kb;
    if (yuv) { /* R = Y + 2 (1 - Kr) V, B = Y + 2 (1 - Kb) U, Y = Kr R + Kg G + Kb B */
        if (!gst_video_color_matrix_get_Kr_Kb (info->colorimetry.matrix, &kr, &kb) || kr + kb >= 1)
            return FALSE;
        double kg = 1 - kr - kb;
        memcpy (unit,
                (const double[ROWS][3]) { { 1, 0, 2 * (1 - kr) },
                                          { 1, -2 * (1 - kb) * kb / kg, -2 * (1 - kr) * kr / kg },
                                          { 1, 2 * (1 - kb), 0 },
                                          { 0 },
                                          { 1, 0, 0 } },
                sizeof unit);
    }
    gst_video_color_range_offsets (info->colorimetry.range, info->finfo, offset, scale);
    for (int r = 0; r < ROWS; r++)
        for (int k = 0; k < (yuv || rgb ? 3 : 1); k++) {
            double weight = (yuv || rgb ? unit[r][k] : r != ALPHA) * 255.0 / scale[k];
            rows[r][k] = weight;
            rows[r][IMAGE_COMPONENTS] -= weight * offset[k];
        }
    if (GST_VIDEO_INFO_HAS_ALPHA (info))
        rows[ALPHA][GST_VIDEO_COMP_A] = 1;
    else
        rows[ALPHA][IMAGE_COMPONENTS] = 255;
    return TRUE;
}

static void set_colours (struct image_colours *to, double rows[ROWS][IMAGE_COMPONENTS + 1],
                         const struct input_spec *spec)
{
    to->channels = spec->channels;
    for (int c = 0; c < spec->channels; c++) {
        int colour = spec->order == CHANNEL_ORDER_BGR && c < 3 ? BLUE - c : c;
        int row = spec->channels == 1 ? LUMA : colour;
        for (int k = 0; k <= IMAGE_COMPONENTS; k++)
            to->matrix[c][k] = (float)rows[row][k];
        to->scale[c] = 1.0f / spec->std[c];
        to->shift[c] = -spec->mean[c] / spec->std[c];
        to->fill[c] = CLAMP (spec->mean[c], 0.0f, 255.0f);
    }
}

/* ---- public ------------------------------------------------------------------------------------------------------ */

gboolean frame_image_reads (const GstVideoInfo *info)
{
    struct image_format format;
    double rows[ROWS][IMAGE_COMPONENTS + 1] = { { 0 } };
    return read_format (info, &format) && read_colours (info, rows);
}

static struct image_rectangle rectangle_of (const struct rectangle *r)
{
    return (struct image_rectangle) { r->x, r->y, r->width, r->height };
}

struct image *frame_image_new (const GstVideoInfo *info, const struct view *view, const struct input_spec *spec)
{
    struct image_format format;
    struct image_colours colours = { .channels = 0 };
    double rows[ROWS][IMAGE_COMPONENTS + 1] = { { 0 } };
    const struct image_view seen = { .width = GST_VIDEO_INFO_WIDTH (info),
                                     .height = GST_VIDEO_INFO_HEIGHT (info),
                                     .from = rectangle_of (&view->from),
                                     .out_width = spec->width,
                                     .out_height = spec->height,
                                     .to = rectangle_of (&view->to) };
    if (!read_format (info, &format) || !read_colours (info, rows))
        return NULL;
    set_colours (&colours, rows, spec);
    return image_new (&format, &seen, &colours, NULL);
}
