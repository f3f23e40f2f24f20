/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mapping.c: a buffer's pixels for reading, whatever its GstVideoMeta claims; see mapping.h. */
#include "plugin/mapping.h"

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

static gboolean map (GstVideoFrame *frame, const GstVideoInfo *info, GstBuffer *buffer, GstMapFlags flags)
{
    if (!meta_fits (info, buffer) ||
        !gst_video_frame_map (frame, info, buffer, flags | (GstMapFlags)GST_VIDEO_FRAME_MAP_FLAG_NO_REF))
        return FALSE;
    if (planes_fit (frame, info))
        return TRUE;
    gst_video_frame_unmap (frame);
    return FALSE;
}

gboolean mapping_read (GstVideoFrame *frame, const GstVideoInfo *info, GstBuffer *buffer)
{
    return map (frame, info, buffer, GST_MAP_READ);
}

gboolean mapping_write (GstVideoFrame *frame, const GstVideoInfo *info, GstBuffer *buffer)
{
    return map (frame, info, buffer, GST_MAP_READWRITE);
}
