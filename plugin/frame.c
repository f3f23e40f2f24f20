/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* frame.c: a video frame -> the network's input tensor; see frame.h. */
#include "plugin/frame.h"
#include "models/preparation.h"
#include "plugin/frame_convert.h"
#include "plugin/frame_image.h"
#include "plugin/frame_map.h"
#include "plugin/still.h"

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

/* What is set for three channels goes to luma by their weights in it; alpha takes only what is set for all. */
static void override (float to[4], const struct triple *triple, const struct input_spec *spec, gboolean swap)
{
    int red = spec->order == CHANNEL_ORDER_BGR ? 2 : 0;
    if (triple->count == 3 && spec->channels == 1) {
        float luma = 0.299f * triple->value[red] + 0.587f * triple->value[1] + 0.114f * triple->value[2 - red];
        to[0] = to[1] = to[2] = luma;
    } else if (triple->count > 0) {
        for (int c = 0; c < (triple->count == 3 ? 3 : 4); c++)
            to[c] = triple->value[triple->count == 3 ? c : 0];
    } else if (swap && spec->channels >= 3) {
        preparation_turn (to);
    }
}

struct input_spec frame_input_spec (const struct input_spec *model, const struct preparation *set, struct error *remark)
{
    struct input_spec spec = *model;
    if (set->channel_order != ORDER_CHOICE_MODEL) {
        spec.from.order = ORIGIN_PROPERTY;
        spec.order = set->channel_order == ORDER_CHOICE_BGR ? CHANNEL_ORDER_BGR : CHANNEL_ORDER_RGB;
    }
    spec.from.mean = set->mean.count ? ORIGIN_PROPERTY : spec.from.mean;
    spec.from.std = set->std.count ? ORIGIN_PROPERTY : spec.from.std;
    override (spec.mean, &set->mean, &spec, spec.order != model->order);
    override (spec.std, &set->std, &spec, spec.order != model->order);
    if (preparation_to_pixels (set->mean.count ? spec.mean : NULL, set->std.count ? spec.std : NULL, remark)) {
        spec.mean[3] = set->mean.count == 1 ? spec.mean[0] : spec.mean[3];
        spec.std[3] = set->std.count == 1 ? spec.std[0] : spec.std[3];
    }
    return spec;
}

/* ---- reader ---------------------------------------------------------------------------------------------------- */

struct frame_reader {
    GstVideoInfo given;     /* of the stream */
    GstVideoInfo info;      /* of the pictures that its buffers hold: frame_map_picture */
    struct input_spec spec; /* what the network wants */
    enum resize resize;
    struct rectangle part;             /* of the frame that is seen; width 0: all that is picture */
    struct rectangle area;             /* of the picture in a frame, */
    int threads;                       /*   and the network's threads, for which these were made: */
    struct frame_converter *converter; /* NULL: the engine reads such frames as they are */
    struct image *image;               /* from those, or from what the converter makes; NULL: all this is to be made */
};

struct frame_reader *frame_reader_new (void)
{
    struct frame_reader *reader = g_new0 (struct frame_reader, 1);
    gst_video_info_init (&reader->given);
    gst_video_info_init (&reader->info);
    return reader;
}

static void drop_all (struct frame_reader *reader)
{
    g_clear_pointer (&reader->converter, frame_converter_free);
    g_clear_pointer (&reader->image, image_free);
}

void frame_reader_free (struct frame_reader *reader)
{
    if (!reader)
        return;
    drop_all (reader);
    g_free (reader);
}

static gboolean same_spec (const struct input_spec *a, const struct input_spec *b)
{
    return a->channels == b->channels && a->width == b->width && a->height == b->height && a->order == b->order &&
           memcmp (a->mean, b->mean, sizeof a->mean) == 0 && memcmp (a->std, b->std, sizeof a->std) == 0;
}

void frame_reader_set (struct frame_reader *reader, const GstVideoInfo *info, const struct input_spec *spec,
                       enum resize resize)
{
    if (gst_video_info_is_equal (info, &reader->given) && resize == reader->resize && same_spec (spec, &reader->spec))
        return;
    drop_all (reader);
    reader->given = *info;
    reader->info = frame_map_picture (info); /* both fields of a frame at once: scaling down averages them anyway */
    reader->spec = *spec;
    reader->resize = resize;
}

void frame_reader_part (struct frame_reader *reader, const struct rectangle *part)
{
    reader->part = part ? *part : (struct rectangle) { 0, 0, 0, 0 };
}

static struct view view_of (const struct frame_reader *reader, struct rectangle area)
{
    return frame_view (reader->resize, area, GST_VIDEO_INFO_PAR_N (&reader->info), GST_VIDEO_INFO_PAR_D (&reader->info),
                       reader->spec.width, reader->spec.height);
}

struct view frame_reader_view (const struct frame_reader *reader)
{
    if (!reader->image)
        return (struct view) { .from = { 0, 0, 0, 0 } };
    struct view view = view_of (reader, reader->area);
    if (frame_map_is_field (&reader->given)) { /* in lines of the frame */
        view.from.y *= 2;
        view.from.height *= 2;
    }
    return view;
}

/* Everything for frames with the picture in `area`. FALSE: no conversion, or no memory. */
static gboolean prepare (struct frame_reader *reader, struct rectangle area, int threads)
{
    struct view view = view_of (reader, area);
    drop_all (reader);
    reader->area = area;
    reader->threads = threads;
    if (frame_image_reads (&reader->info)) {
        reader->image = frame_image_new (&reader->info, &view, &reader->spec);
        return reader->image != NULL;
    }
    reader->converter = frame_converter_new (&reader->info, &view, reader->spec.channels, threads);
    if (!reader->converter)
        return FALSE;
    view.from = (struct rectangle) { 0, 0, view.to.width, view.to.height };
    reader->image = frame_image_new (frame_converter_info (reader->converter), &view, &reader->spec);
    return reader->image != NULL;
}

struct rectangle frame_picture (int width, int height, GstBuffer *buffer)
{
    struct rectangle area = { 0, 0, width, height };
    const GstVideoCropMeta *crop = gst_buffer_get_video_crop_meta (buffer);
    if (crop && crop->width > 0 && crop->height > 0 && crop->x < (guint)width && crop->y < (guint)height) {
        area.width = (int)MIN (crop->width, width - crop->x);
        area.height = (int)MIN (crop->height, height - crop->y);
        area.x = (int)crop->x;
        area.y = (int)crop->y;
    }
    return area;
}

/* What of `picture`, which is the area of the buffer's, is to be seen. A field has every other line of the frame. */
static struct rectangle part_of (const struct frame_reader *reader, struct rectangle picture)
{
    struct rectangle part = reader->part;
    if (frame_map_is_field (&reader->given)) {
        part.height = MAX (part.height / 2, part.width > 0);
        part.y /= 2;
    }
    gboolean inside = part.x >= picture.x && part.y >= picture.y && part.width <= picture.width &&
                      part.height <= picture.height && part.x - picture.x <= picture.width - part.width &&
                      part.y - picture.y <= picture.height - part.height;
    return part.width > 0 && inside ? part : picture;
}

/* The pixels that the engine reads, of a mapped frame. */
static const GstVideoFrame *pixels_of (const struct frame_reader *reader, const GstVideoFrame *frame)
{
    return reader->converter ? frame_converter_run (reader->converter, frame) : frame;
}

static void frame_to_input (const struct frame_reader *reader, const GstVideoFrame *frame, struct network *network)
{
    const GstVideoFrame *pixels = pixels_of (reader, frame);
    const guint8 *data[IMAGE_PLANES] = { NULL };
    ptrdiff_t stride[IMAGE_PLANES] = { 0 };
    for (guint plane = 0; plane < MIN (GST_VIDEO_FRAME_N_PLANES (pixels), (guint)IMAGE_PLANES); plane++) {
        data[plane] = GST_VIDEO_FRAME_PLANE_DATA (pixels, plane);
        stride[plane] = GST_VIDEO_FRAME_PLANE_STRIDE (pixels, plane);
    }
    plan_image (network->plan, reader->image, data, stride, network->input);
}

/* Maps the buffer and prepares for it. FALSE: an error, and nothing is mapped. */
static gboolean open_frame (struct frame_reader *reader, GstBuffer *buffer, const struct network *network,
                            GstVideoFrame *frame, GError **error)
{
    const GstVideoInfo *info = &reader->info;
    struct rectangle area =
        part_of (reader, frame_picture (GST_VIDEO_INFO_WIDTH (info), GST_VIDEO_INFO_HEIGHT (info), buffer));
    int threads = plan_threads (network->plan);
    if (!frame_map_read (frame, &reader->given, buffer, !frame_image_reads (info))) {
        g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED,
                     "Cannot read a buffer of %" G_GSIZE_FORMAT " bytes as a %s frame of %d x %d",
                     gst_buffer_get_size (buffer), GST_VIDEO_INFO_NAME (info), GST_VIDEO_INFO_WIDTH (info),
                     GST_VIDEO_INFO_HEIGHT (info));
        return FALSE;
    }
    gboolean ready = reader->image && threads == reader->threads && memcmp (&area, &reader->area, sizeof area) == 0;
    if (ready || prepare (reader, area, threads))
        return TRUE;
    gst_video_frame_unmap (frame);
    g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
                 "Cannot convert %s frames of %d x %d to the network's input of %d x %d", GST_VIDEO_INFO_NAME (info),
                 GST_VIDEO_INFO_WIDTH (info), GST_VIDEO_INFO_HEIGHT (info), reader->spec.width, reader->spec.height);
    return FALSE;
}

int frame_reader_threads (const struct frame_reader *reader)
{
    return reader->converter ? frame_converter_threads (reader->converter) : 1;
}

gboolean frame_reader_read (struct frame_reader *reader, GstBuffer *buffer, struct network *network, GError **error)
{
    GstVideoFrame frame;
    if (!open_frame (reader, buffer, network, &frame, error))
        return FALSE;
    frame_to_input (reader, &frame, network);
    gst_video_frame_unmap (&frame);
    return TRUE;
}

gboolean frame_reader_look (struct frame_reader *reader, GstBuffer *buffer, const struct network *network,
                            struct still *still)
{
    GstVideoFrame frame;
    if (!open_frame (reader, buffer, network, &frame, NULL))
        return FALSE;
    struct view view = view_of (reader, reader->area);
    if (reader->converter)
        view.from = (struct rectangle) { 0, 0, view.to.width, view.to.height };
    still_look (still, pixels_of (reader, &frame), view.from, reader->spec.channels == 4);
    gst_video_frame_unmap (&frame);
    return TRUE;
}
