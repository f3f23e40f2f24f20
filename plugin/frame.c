/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* frame.c: a video frame -> the network's input tensor; see frame.h. */
#include "plugin/frame.h"
#include "models/preparation.h"
#include "plugin/frame_map.h"

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

/* A picture of our own, mapped as long as it exists. */
struct picture {
    GstBuffer *buffer; /* NULL: there is none */
    GstVideoFrame frame;
};

struct frame_reader {
    GstVideoInfo given;     /* of the stream */
    GstVideoInfo info;      /* of the pictures that its buffers hold: frame_map_picture */
    struct input_spec spec; /* what the network wants */
    enum resize resize;
    struct rectangle area;        /* of the picture in a frame, for which the converters were made */
    GstVideoConverter *first;     /* frame -> whole, where one step will not do; else NULL */
    struct picture whole;         /* as `shown`, the size of a frame */
    GstVideoConverter *converter; /* frame or whole -> shown; NULL: all this is to be made */
    struct picture shown;         /* RGBx, GRAY8 or RGBA, the size of the network's input */
};

struct frame_reader *frame_reader_new (void)
{
    struct frame_reader *reader = g_new0 (struct frame_reader, 1);
    gst_video_info_init (&reader->given);
    gst_video_info_init (&reader->info);
    return reader;
}

static void drop_picture (struct picture *picture)
{
    if (!picture->buffer)
        return;
    gst_video_frame_unmap (&picture->frame);
    gst_clear_buffer (&picture->buffer);
}

static void drop_all (struct frame_reader *reader)
{
    g_clear_pointer (&reader->first, gst_video_converter_free);
    g_clear_pointer (&reader->converter, gst_video_converter_free);
    drop_picture (&reader->whole);
    drop_picture (&reader->shown);
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

/* The colour that becomes zero, as GstVideoConverter wants it. */
static guint32 mean_argb (const struct input_spec *spec)
{
    guint32 argb = spec->channels == 4 ? (guint32)CLAMP (spec->mean[3] + 0.5f, 0.0f, 255.0f) : 0xff;
    for (int i = 0; i < 3; i++) {
        float mean = spec->mean[spec->channels == 1 ? 0 : spec->order == CHANNEL_ORDER_BGR ? 2 - i : i];
        argb = argb << 8 | (guint32)CLAMP (mean + 0.5f, 0.0f, 255.0f);
    }
    return argb;
}

/* Luma keeps the frames' own matrix and range, as GstVideoConverter looks at neither on some of its ways; see
 * luma_range. Out of RGB it is that of BT.601 and 0..255. */
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
static GstVideoConverter *make_converter (const GstVideoInfo *from, const GstVideoInfo *to, const struct view *view,
                                          guint32 border)
{
    gboolean fill = GST_VIDEO_INFO_FORMAT (to) != GST_VIDEO_FORMAT_GRAY8;
    GstStructure *config = gst_structure_new (
        "convrelu", GST_VIDEO_CONVERTER_OPT_RESAMPLER_METHOD, GST_TYPE_VIDEO_RESAMPLER_METHOD,
        GST_VIDEO_RESAMPLER_METHOD_LINEAR, GST_VIDEO_CONVERTER_OPT_DITHER_METHOD, GST_TYPE_VIDEO_DITHER_METHOD,
        GST_VIDEO_DITHER_NONE, GST_VIDEO_CONVERTER_OPT_SRC_X, G_TYPE_INT, view->from.x, GST_VIDEO_CONVERTER_OPT_SRC_Y,
        G_TYPE_INT, view->from.y, GST_VIDEO_CONVERTER_OPT_SRC_WIDTH, G_TYPE_INT, view->from.width,
        GST_VIDEO_CONVERTER_OPT_SRC_HEIGHT, G_TYPE_INT, view->from.height, GST_VIDEO_CONVERTER_OPT_DEST_X, G_TYPE_INT,
        view->to.x, GST_VIDEO_CONVERTER_OPT_DEST_Y, G_TYPE_INT, view->to.y, GST_VIDEO_CONVERTER_OPT_DEST_WIDTH,
        G_TYPE_INT, view->to.width, GST_VIDEO_CONVERTER_OPT_DEST_HEIGHT, G_TYPE_INT, view->to.height,
        GST_VIDEO_CONVERTER_OPT_FILL_BORDER, G_TYPE_BOOLEAN, fill, GST_VIDEO_CONVERTER_OPT_BORDER_ARGB, G_TYPE_UINT,
        border, NULL);
    return gst_video_converter_new (from, to, config);
}

static struct view view_of (const struct frame_reader *reader, struct rectangle area)
{
    return frame_view (reader->resize, area, GST_VIDEO_INFO_PAR_N (&reader->info), GST_VIDEO_INFO_PAR_D (&reader->info),
                       reader->spec.width, reader->spec.height);
}

struct view frame_reader_view (const struct frame_reader *reader)
{
    if (!reader->converter)
        return (struct view) { .from = { 0, 0, 0, 0 } };
    struct view view = view_of (reader, reader->area);
    if (frame_map_is_field (&reader->given)) { /* in lines of the frame */
        view.from.y *= 2;
        view.from.height *= 2;
    }
    return view;
}

/* Which bytes of `shown` are black and how many more are white. */
static void luma_range (const struct frame_reader *reader, float *black, float *spread)
{
    const GstVideoInfo *info = &reader->shown.frame.info;
    gint offset[GST_VIDEO_MAX_COMPONENTS], scale[GST_VIDEO_MAX_COMPONENTS];
    gst_video_color_range_offsets (info->colorimetry.range, info->finfo, offset, scale);
    *black = (float)offset[0];
    *spread = (float)scale[0];
}

/* Where the picture leaves luma free. */
static void fill_luma (struct frame_reader *reader)
{
    float black, spread;
    luma_range (reader, &black, &spread);
    float mean = black + reader->spec.mean[0] * spread / 255;
    memset (GST_VIDEO_FRAME_PLANE_DATA (&reader->shown.frame, 0), (int)CLAMP (mean + 0.5f, 0.0f, 255.0f),
            GST_VIDEO_FRAME_SIZE (&reader->shown.frame));
}

/* Everything for frames with the picture in `area`. FALSE: no conversion. */
static gboolean prepare (struct frame_reader *reader, struct rectangle area)
{
    const GstVideoInfo *frames = &reader->info, *from = frames;
    int width = GST_VIDEO_INFO_WIDTH (frames), height = GST_VIDEO_INFO_HEIGHT (frames);
    struct view view = view_of (reader, area);
    drop_all (reader);
    reader->area = area;
    if (!make_picture (&reader->shown, frames, reader->spec.channels, reader->spec.width, reader->spec.height))
        return FALSE;
    if (reader->spec.channels == 1)
        fill_luma (reader);
    if (!one_step (frames->finfo, &view)) {
        const struct view all = { .from = { 0, 0, width, height }, .to = { 0, 0, width, height } };
        if (!make_picture (&reader->whole, frames, reader->spec.channels, width, height))
            return FALSE;
        from = &reader->whole.frame.info;
        reader->first = make_converter (frames, from, &all, 0);
        if (!reader->first)
            return FALSE;
    }
    reader->converter = make_converter (from, &reader->shown.frame.info, &view, mean_argb (&reader->spec));
    return reader->converter != NULL;
}

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

/* One channel or four: of `channels` bytes a pixel, which is what GRAY8 and RGBA have. */
static void bytes_to_input (const struct frame_reader *reader, float *input)
{
    const struct input_spec *spec = &reader->spec;
    const guint8 *pixels = GST_VIDEO_FRAME_PLANE_DATA (&reader->shown.frame, 0);
    int stride = GST_VIDEO_FRAME_PLANE_STRIDE (&reader->shown.frame, 0);
    for (int c = 0; c < spec->channels; c++) {
        int byte = c < 3 && spec->channels == 4 && spec->order == CHANNEL_ORDER_BGR ? 2 - c : c;
        float black = 0, spread = 255;
        if (spec->channels == 1)
            luma_range (reader, &black, &spread);
        float scale = 255 / spread / spec->std[c], shift = -spec->mean[c] / spec->std[c] - black * scale;
        for (int y = 0; y < spec->height; y++) {
            const guint8 *row = pixels + (gssize)y * stride + byte;
            for (int x = 0; x < spec->width; x++)
                *input++ = row[x * spec->channels] * scale + shift;
        }
    }
}

static void shown_to_input (const struct frame_reader *reader, struct network *network)
{
    if (reader->spec.channels != 3) {
        bytes_to_input (reader, network->input);
        return;
    }
    struct image image = {
        .pixels = GST_VIDEO_FRAME_PLANE_DATA (&reader->shown.frame, 0),
        .stride = GST_VIDEO_FRAME_PLANE_STRIDE (&reader->shown.frame, 0),
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
    gboolean prepared = reader->converter && memcmp (&area, &reader->area, sizeof area) == 0;
    if (!prepared && !prepare (reader, area)) {
        g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
                     "Cannot convert %s frames of %d x %d to the network's input of %d x %d",
                     GST_VIDEO_INFO_NAME (info), GST_VIDEO_INFO_WIDTH (info), GST_VIDEO_INFO_HEIGHT (info),
                     reader->spec.width, reader->spec.height);
        return FALSE;
    }
    GstVideoFrame frame;
    if (!frame_map_read (&frame, &reader->given, buffer)) {
        g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED,
                     "Cannot read a buffer of %" G_GSIZE_FORMAT " bytes as a %s frame of %d x %d",
                     gst_buffer_get_size (buffer), GST_VIDEO_INFO_NAME (info), GST_VIDEO_INFO_WIDTH (info),
                     GST_VIDEO_INFO_HEIGHT (info));
        return FALSE;
    }
    if (reader->first)
        gst_video_converter_frame (reader->first, &frame, &reader->whole.frame);
    gst_video_converter_frame (reader->converter, reader->first ? &reader->whole.frame : &frame, &reader->shown.frame);
    gst_video_frame_unmap (&frame);
    shown_to_input (reader, network);
    return TRUE;
}
