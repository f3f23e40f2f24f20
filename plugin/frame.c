/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* frame.c: a video frame -> the network's input tensor; see frame.h. */
#include "plugin/frame.h"

#include <math.h>
#include <string.h>

/* ---- geometry -------------------------------------------------------------------------------------------------- */

/* The share of the shorter side that `crop` keeps: 224 of 256, as ImageNet networks are evaluated. */
static const double crop_share = 224.0 / 256.0;

/* A span of `length` (at least 1, at most `whole`) in the middle of `whole`. */
static void centre (double length, int start, int whole, int *x, int *width)
{
    *width = (int)CLAMP (floor (length + 0.5), 1.0, (double)whole);
    *x = start + (whole - *width) / 2;
}

struct view frame_view (enum resize resize, struct rectangle area, int par_n, int par_d, int width, int height)
{
    struct view view = { .from = area, .to = { 0, 0, width, height } };
    double par = par_n > 0 && par_d > 0 ? (double)par_n / par_d : 1.0;
    /* The frame in units of its own lines, and how many times the network's input fits into it each way. */
    double across = area.width * par / width, down = (double)area.height / height;
    if (resize == RESIZE_CROP) {
        double scale = MIN (across, down) * crop_share;
        centre (width * scale / par, area.x, area.width, &view.from.x, &view.from.width);
        centre (height * scale, area.y, area.height, &view.from.y, &view.from.height);
    } else if (resize == RESIZE_LETTERBOX) {
        double scale = MAX (across, down);
        centre (area.width * par / scale, 0, width, &view.to.x, &view.to.width);
        centre (area.height / scale, 0, height, &view.to.y, &view.to.height);
    }
    return view;
}

/* ---- preparation ----------------------------------------------------------------------------------------------- */

static void override (float to[3], const struct triple *triple, gboolean swap)
{
    if (triple->count > 0) {
        for (int c = 0; c < 3; c++)
            to[c] = triple->value[triple->count == 3 ? c : 0];
    } else if (swap) {
        float first = to[0];
        to[0] = to[2];
        to[2] = first;
    }
}

struct input_spec frame_input_spec (const struct input_spec *model, const struct settings *settings)
{
    struct input_spec spec = *model;
    if (settings->channel_order != ORDER_CHOICE_MODEL)
        spec.order = settings->channel_order == ORDER_CHOICE_BGR ? CHANNEL_ORDER_BGR : CHANNEL_ORDER_RGB;
    override (spec.mean, &settings->mean, spec.order != model->order);
    override (spec.std, &settings->std, spec.order != model->order);
    return spec;
}

/* ---- reader ---------------------------------------------------------------------------------------------------- */

struct frame_reader {
    GstVideoInfo info;      /* of the frames, interlacing put aside */
    struct input_spec spec; /* what the network wants */
    enum resize resize;
    struct rectangle area;        /* for which the converter was made */
    GstVideoConverter *converter; /* NULL: to be made */
    GstBuffer *buffer;            /* holds `picture` */
    GstVideoFrame picture;        /* RGBx at network size, mapped as long as there is a buffer */
};

struct frame_reader *frame_reader_new (void)
{
    struct frame_reader *reader = g_new0 (struct frame_reader, 1);
    gst_video_info_init (&reader->info);
    return reader;
}

static void drop_picture (struct frame_reader *reader)
{
    if (!reader->buffer)
        return;
    gst_video_frame_unmap (&reader->picture);
    gst_clear_buffer (&reader->buffer);
}

void frame_reader_free (struct frame_reader *reader)
{
    if (!reader)
        return;
    g_clear_pointer (&reader->converter, gst_video_converter_free);
    drop_picture (reader);
    g_free (reader);
}

static gboolean same_spec (const struct input_spec *a, const struct input_spec *b)
{
    return a->width == b->width && a->height == b->height && a->order == b->order &&
           memcmp (a->mean, b->mean, sizeof a->mean) == 0 && memcmp (a->std, b->std, sizeof a->std) == 0;
}

void frame_reader_set (struct frame_reader *reader, const GstVideoInfo *info, const struct input_spec *spec,
                       enum resize resize)
{
    GstVideoInfo frames = *info;
    /* Both fields of a frame at once: scaling down averages them anyway. */
    frames.interlace_mode = GST_VIDEO_INTERLACE_MODE_PROGRESSIVE;
    if (gst_video_info_is_equal (&frames, &reader->info) && resize == reader->resize && same_spec (spec, &reader->spec))
        return;
    g_clear_pointer (&reader->converter, gst_video_converter_free);
    if (spec->width != reader->spec.width || spec->height != reader->spec.height)
        drop_picture (reader);
    reader->info = frames;
    reader->spec = *spec;
    reader->resize = resize;
}

/* The colour that becomes zero, opaque, as GstVideoConverter wants it. */
static guint32 mean_argb (const struct input_spec *spec)
{
    guint32 argb = 0xff;
    for (int i = 0; i < 3; i++) {
        float mean = spec->mean[spec->order == CHANNEL_ORDER_BGR ? 2 - i : i];
        argb = argb << 8 | (guint32)CLAMP (mean + 0.5f, 0.0f, 255.0f);
    }
    return argb;
}

static gboolean make_picture (struct frame_reader *reader, GstVideoInfo *info)
{
    if (reader->buffer)
        return TRUE;
    reader->buffer = gst_buffer_new_allocate (NULL, GST_VIDEO_INFO_SIZE (info), NULL);
    if (reader->buffer && gst_video_frame_map (&reader->picture, info, reader->buffer, GST_MAP_READWRITE))
        return TRUE;
    gst_clear_buffer (&reader->buffer);
    return FALSE;
}

static gboolean make_converter (struct frame_reader *reader, struct rectangle area)
{
    GstVideoInfo info;
    if (!gst_video_info_set_format (&info, GST_VIDEO_FORMAT_RGBx, reader->spec.width, reader->spec.height))
        return FALSE;
    info.fps_n = reader->info.fps_n; /* the converter insists */
    info.fps_d = reader->info.fps_d;
    if (!make_picture (reader, &info))
        return FALSE;
    struct view view = frame_view (reader->resize, area, GST_VIDEO_INFO_PAR_N (&reader->info),
                                   GST_VIDEO_INFO_PAR_D (&reader->info), reader->spec.width, reader->spec.height);
    /* Taps left at 0: the resampler takes as many as a downscale needs so as not to alias. */
    GstStructure *config = gst_structure_new (
        "convrelu", GST_VIDEO_CONVERTER_OPT_RESAMPLER_METHOD, GST_TYPE_VIDEO_RESAMPLER_METHOD,
        GST_VIDEO_RESAMPLER_METHOD_LINEAR, GST_VIDEO_CONVERTER_OPT_DITHER_METHOD, GST_TYPE_VIDEO_DITHER_METHOD,
        GST_VIDEO_DITHER_NONE, GST_VIDEO_CONVERTER_OPT_SRC_X, G_TYPE_INT, view.from.x, GST_VIDEO_CONVERTER_OPT_SRC_Y,
        G_TYPE_INT, view.from.y, GST_VIDEO_CONVERTER_OPT_SRC_WIDTH, G_TYPE_INT, view.from.width,
        GST_VIDEO_CONVERTER_OPT_SRC_HEIGHT, G_TYPE_INT, view.from.height, GST_VIDEO_CONVERTER_OPT_DEST_X, G_TYPE_INT,
        view.to.x, GST_VIDEO_CONVERTER_OPT_DEST_Y, G_TYPE_INT, view.to.y, GST_VIDEO_CONVERTER_OPT_DEST_WIDTH,
        G_TYPE_INT, view.to.width, GST_VIDEO_CONVERTER_OPT_DEST_HEIGHT, G_TYPE_INT, view.to.height,
        GST_VIDEO_CONVERTER_OPT_FILL_BORDER, G_TYPE_BOOLEAN, TRUE, GST_VIDEO_CONVERTER_OPT_BORDER_ARGB, G_TYPE_UINT,
        mean_argb (&reader->spec), NULL);
    reader->converter = gst_video_converter_new (&reader->info, &info, config);
    reader->area = area;
    return reader->converter != NULL;
}

/* ---- buffers whose GstVideoMeta cannot be trusted ---------------------------------------------------------------- */

/* gst_video_frame_map takes agreement of caps and GstVideoMeta for granted and calls anything else a programming error;
 * here it is bad input. */
static gboolean meta_fits (const GstVideoInfo *info, GstBuffer *buffer)
{
    const GstVideoMeta *meta = gst_buffer_get_video_meta (buffer);
    return !meta ||
           (meta->format == GST_VIDEO_INFO_FORMAT (info) && meta->n_planes == GST_VIDEO_INFO_N_PLANES (info) &&
            meta->width >= (guint)GST_VIDEO_INFO_WIDTH (info) && meta->height >= (guint)GST_VIDEO_INFO_HEIGHT (info));
}

/* Whether `rows` rows of `bytes` each, `stride` apart, lie inside what is mapped for the plane. */
static gboolean rows_fit (const GstVideoFrame *frame, int plane, gint64 stride, gint64 rows, gint64 bytes)
{
    const GstMapInfo *map = &frame->map[plane];
    gint64 first = (const guint8 *)frame->data[plane] - map->data;
    gint64 last = first + stride * (rows - 1);
    return MIN (first, last) >= 0 && MAX (first, last) + bytes <= (gint64)map->size;
}

static gboolean tiles_fit (const GstVideoFrame *frame, const GstVideoInfo *usual, int plane)
{
    int stride = GST_VIDEO_FRAME_PLANE_STRIDE (frame, plane), least = GST_VIDEO_INFO_PLANE_STRIDE (usual, plane);
    gint64 across = GST_VIDEO_TILE_X_TILES (stride), down = GST_VIDEO_TILE_Y_TILES (stride);
    gint64 tile = (gint64)GST_VIDEO_FORMAT_INFO_TILE_SIZE (usual->finfo, plane);
    return across >= GST_VIDEO_TILE_X_TILES (least) && down >= GST_VIDEO_TILE_Y_TILES (least) &&
           rows_fit (frame, plane, across * tile, down, across * tile);
}

/* The map function of GstVideoMeta looks only at where a plane starts. Strides may be negative. */
static gboolean planes_fit (const GstVideoFrame *frame, const GstVideoInfo *info)
{
    const GstVideoFormatInfo *format = info->finfo;
    GstVideoInfo usual; /* with the strides of a buffer without meta, which its row of pixels never exceeds */
    if (!frame->meta)
        return TRUE; /* gst_video_frame_map has compared the sizes */
    if (!gst_video_info_set_format (&usual, GST_VIDEO_INFO_FORMAT (info), GST_VIDEO_INFO_WIDTH (info),
                                    GST_VIDEO_INFO_HEIGHT (info)))
        return FALSE;
    for (guint c = 0; c < GST_VIDEO_FORMAT_INFO_N_COMPONENTS (format); c++) {
        int plane = GST_VIDEO_FORMAT_INFO_PLANE (format, c), step = GST_VIDEO_FORMAT_INFO_PSTRIDE (format, c);
        gint64 width = GST_VIDEO_FORMAT_INFO_SCALE_WIDTH (format, c, GST_VIDEO_INFO_WIDTH (info));
        gint64 rows = GST_VIDEO_FORMAT_INFO_SCALE_HEIGHT (format, c, GST_VIDEO_INFO_HEIGHT (info));
        gint64 bytes = step > 0 ? width * step : GST_VIDEO_INFO_PLANE_STRIDE (&usual, plane);
        if (GST_VIDEO_FORMAT_INFO_IS_TILED (format)
                ? !tiles_fit (frame, &usual, plane)
                : !rows_fit (frame, plane, GST_VIDEO_FRAME_PLANE_STRIDE (frame, plane), rows, bytes))
            return FALSE;
    }
    return !GST_VIDEO_FORMAT_INFO_HAS_PALETTE (format) || rows_fit (frame, 1, 0, 1, 256 * 4);
}

/* TRUE: `frame` is mapped for reading. */
static gboolean map_frame (GstVideoFrame *frame, const GstVideoInfo *info, GstBuffer *buffer)
{
    if (!meta_fits (info, buffer) ||
        !gst_video_frame_map (frame, info, buffer, GST_MAP_READ | GST_VIDEO_FRAME_MAP_FLAG_NO_REF))
        return FALSE;
    if (planes_fit (frame, info))
        return TRUE;
    gst_video_frame_unmap (frame);
    return FALSE;
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

/* The part of the frame that is picture: all of it, unless upstream says otherwise. */
static struct rectangle picture_area (const GstVideoInfo *info, GstBuffer *buffer)
{
    struct rectangle area = { 0, 0, GST_VIDEO_INFO_WIDTH (info), GST_VIDEO_INFO_HEIGHT (info) };
    const GstVideoCropMeta *crop = gst_buffer_get_video_crop_meta (buffer);
    if (crop && crop->width > 0 && crop->height > 0 && crop->x < (guint)area.width && crop->y < (guint)area.height) {
        int width = (int)MIN (crop->width, area.width - crop->x),
            height = (int)MIN (crop->height, area.height - crop->y);
        area = (struct rectangle) { (int)crop->x, (int)crop->y, width, height };
    }
    return area;
}

static void picture_to_input (const struct frame_reader *reader, struct network *network)
{
    struct image image = {
        .pixels = GST_VIDEO_FRAME_PLANE_DATA (&reader->picture, 0),
        .stride = GST_VIDEO_FRAME_PLANE_STRIDE (&reader->picture, 0),
        .width = reader->spec.width,
        .height = reader->spec.height,
        .pixel_bytes = 4,
    };
    for (int c = 0; c < 3; c++) {
        image.order[c] = reader->spec.order == CHANNEL_ORDER_BGR ? 2 - c : c;
        image.scale[c] = 1.0f / reader->spec.std[c];
        image.shift[c] = -reader->spec.mean[c] / reader->spec.std[c];
    }
    plan_image (network->plan, &image, network->input);
}

gboolean frame_reader_read (struct frame_reader *reader, GstBuffer *buffer, struct network *network, GError **error)
{
    const GstVideoInfo *info = &reader->info;
    struct rectangle area = picture_area (info, buffer);
    if (memcmp (&area, &reader->area, sizeof area) != 0)
        g_clear_pointer (&reader->converter, gst_video_converter_free);
    if (!reader->converter && !make_converter (reader, area)) {
        g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
                     "Cannot convert %s frames of %d x %d to the network's input of %d x %d",
                     GST_VIDEO_INFO_NAME (info), GST_VIDEO_INFO_WIDTH (info), GST_VIDEO_INFO_HEIGHT (info),
                     reader->spec.width, reader->spec.height);
        return FALSE;
    }
    GstVideoFrame frame;
    if (!map_frame (&frame, info, buffer)) {
        g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED,
                     "Cannot read a buffer of %" G_GSIZE_FORMAT " bytes as a %s frame of %d x %d",
                     gst_buffer_get_size (buffer), GST_VIDEO_INFO_NAME (info), GST_VIDEO_INFO_WIDTH (info),
                     GST_VIDEO_INFO_HEIGHT (info));
        return FALSE;
    }
    gst_video_converter_frame (reader->converter, &frame, &reader->picture);
    gst_video_frame_unmap (&frame);
    picture_to_input (reader, network);
    return TRUE;
}
