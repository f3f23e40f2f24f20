/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* frame_convert.c: GstVideoConverter's way into a network; see frame_convert.h. */
#include "plugin/frame_convert.h"

/* A picture of our own, mapped as long as it exists. */
struct picture {
    GstBuffer *buffer; /* NULL: there is none */
    GstVideoFrame frame;
};

struct frame_converter {
    GstVideoConverter *first; /* frame -> whole, where one step will not do; else NULL */
    struct picture whole;     /* as `shown`, the size of a frame */
    GstVideoConverter *last;  /* frame or whole -> shown */
    struct picture shown;     /* RGBx, GRAY8 or RGBA, the size of view.to */
    int threads;
};

static void drop_picture (struct picture *picture)
{
    if (!picture->buffer)
        return;
    gst_video_frame_unmap (&picture->frame);
    gst_clear_buffer (&picture->buffer);
}

void frame_converter_free (struct frame_converter *converter)
{
    if (!converter)
        return;
    g_clear_pointer (&converter->first, gst_video_converter_free);
    g_clear_pointer (&converter->last, gst_video_converter_free);
    drop_picture (&converter->whole);
    drop_picture (&converter->shown);
    g_free (converter);
}

/* Luma keeps the frames' own matrix and range, as GstVideoConverter looks at neither on some of its ways. Out of RGB it
 * is that of BT.601 and 0..255. */
static gboolean make_picture (struct picture *picture, const GstVideoInfo *frames, int channels, int width, int height)
{
    GstVideoInfo info;
    GstVideoFormat format = channels == 1   ? GST_VIDEO_FORMAT_GRAY8
                            : channels == 4 ? GST_VIDEO_FORMAT_RGBA
                                            : GST_VIDEO_FORMAT_RGBx;
    if (!gst_video_info_set_format (&info, format, (guint)width, (guint)height))
        return FALSE;
    if (channels == 1 && !GST_VIDEO_INFO_IS_RGB (frames))
        info.colorimetry = frames->colorimetry;
    info.fps_n = frames->fps_n; /* GstVideoConverter insists */
    info.fps_d = frames->fps_d;
    picture->buffer = gst_buffer_new_allocate (NULL, GST_VIDEO_INFO_SIZE (&info), NULL);
    if (picture->buffer && gst_video_frame_map (&picture->frame, &info, picture->buffer, GST_MAP_READWRITE))
        return TRUE;
    gst_clear_buffer (&picture->buffer);
    return FALSE;
}

/* Whether GstVideoConverter can cut, scale and convert such frames in one step. It cannot (seen in 1.22; the unpackers
 * are the same in 1.28) where
 * - a pixel has no bytes of its own (tiles, words of three): it unpacks a row from its middle wrongly;
 * - components have more than 8 bits and one direction is scaled down, the other up: it leaves pixels unwritten. */
static gboolean one_step (const GstVideoFormatInfo *format, const struct view *view)
{
    if (format->flags & (GST_VIDEO_FORMAT_FLAG_COMPLEX | GST_VIDEO_FORMAT_FLAG_TILED))
        return FALSE;
    for (guint c = 0; c < GST_VIDEO_FORMAT_INFO_N_COMPONENTS (format); c++)
        if (GST_VIDEO_FORMAT_INFO_PSTRIDE (format, c) <= 0)
            return FALSE;
    gboolean bytes = format->unpack_format == GST_VIDEO_FORMAT_AYUV || format->unpack_format == GST_VIDEO_FORMAT_ARGB;
    return bytes || (view->from.width > view->to.width && view->from.height > view->to.height);
}

/* Linear with as many taps as a downscale needs so as not to alias. */
static GstVideoConverter *make_converter (const GstVideoInfo *from, const GstVideoInfo *to,
                                          const struct rectangle *part, int threads)
{
    GstStructure *config = gst_structure_new (
        "convrelu", GST_VIDEO_CONVERTER_OPT_RESAMPLER_METHOD, GST_TYPE_VIDEO_RESAMPLER_METHOD,
        GST_VIDEO_RESAMPLER_METHOD_LINEAR, GST_VIDEO_CONVERTER_OPT_DITHER_METHOD, GST_TYPE_VIDEO_DITHER_METHOD,
        GST_VIDEO_DITHER_NONE, GST_VIDEO_CONVERTER_OPT_SRC_X, G_TYPE_INT, part->x, GST_VIDEO_CONVERTER_OPT_SRC_Y,
        G_TYPE_INT, part->y, GST_VIDEO_CONVERTER_OPT_SRC_WIDTH, G_TYPE_INT, part->width,
        GST_VIDEO_CONVERTER_OPT_SRC_HEIGHT, G_TYPE_INT, part->height, GST_VIDEO_CONVERTER_OPT_THREADS, G_TYPE_UINT,
        (guint)threads, NULL);
    return gst_video_converter_new (from, to, config);
}

/* Its threads divide the rows, and each begins with chroma of its own rows where that has fewer: what they make then
 * depends on how many they are (seen in 1.22). */
static gboolean threads_agree (const GstVideoFormatInfo *format)
{
    for (guint c = 0; c < GST_VIDEO_FORMAT_INFO_N_COMPONENTS (format); c++)
        if (GST_VIDEO_FORMAT_INFO_H_SUB (format, c) > 0)
            return FALSE;
    return TRUE;
}

struct frame_converter *frame_converter_new (const GstVideoInfo *frames, const struct view *view, int channels,
                                             int threads)
{
    const GstVideoInfo *from = frames;
    int width = GST_VIDEO_INFO_WIDTH (frames), height = GST_VIDEO_INFO_HEIGHT (frames);
    struct frame_converter *converter = g_new0 (struct frame_converter, 1);
    threads = converter->threads = threads_agree (frames->finfo) ? threads : 1;
    gboolean good = make_picture (&converter->shown, frames, channels, view->to.width, view->to.height);
    if (good && !one_step (frames->finfo, view)) {
        const struct rectangle all = { 0, 0, width, height };
        good = make_picture (&converter->whole, frames, channels, width, height);
        from = &converter->whole.frame.info;
        converter->first = good ? make_converter (frames, from, &all, threads) : NULL;
        good = converter->first != NULL;
    }
    converter->last = good ? make_converter (from, &converter->shown.frame.info, &view->from, threads) : NULL;
    if (!converter->last)
        g_clear_pointer (&converter, frame_converter_free);
    return converter;
}

const GstVideoInfo *frame_converter_info (const struct frame_converter *converter)
{
    return &converter->shown.frame.info;
}

int frame_converter_threads (const struct frame_converter *converter)
{
    return converter->threads;
}

const GstVideoFrame *frame_converter_run (struct frame_converter *converter, const GstVideoFrame *frame)
{
    if (converter->first) {
        gst_video_converter_frame (converter->first, frame, &converter->whole.frame);
        frame = &converter->whole.frame;
    }
    gst_video_converter_frame (converter->last, frame, &converter->shown.frame);
    return &converter->shown.frame;
}
