/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* frame_map.c: a buffer's pixels for reading, whatever its GstVideoMeta claims; see frame_map.h. */
#include "plugin/frame_map.h"

#include <string.h>

enum { PALETTE_BYTES = 256 * 4 };

gboolean frame_map_is_field (const GstVideoInfo *info)
{
    return GST_VIDEO_INFO_INTERLACE_MODE (info) == GST_VIDEO_INTERLACE_MODE_ALTERNATE;
}

GstVideoInfo frame_map_picture (const GstVideoInfo *info)
{
    GstVideoInfo picture = *info;
    int n = GST_VIDEO_INFO_PAR_N (info), d = GST_VIDEO_INFO_PAR_D (info);
    picture.interlace_mode = GST_VIDEO_INTERLACE_MODE_PROGRESSIVE;
    if (!frame_map_is_field (info))
        return picture;
    picture.height = GST_VIDEO_INFO_FIELD_HEIGHT (info); /* size, offsets and strides are a field's already */
    picture.par_n = n % 2 == 0 ? n / 2 : n;
    picture.par_d = n % 2 == 0 || d > G_MAXINT / 2 ? d : 2 * d;
    return picture;
}

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

/* How many rows of how many bytes are picture in a plane, which is no palette. `usual`: as without a GstVideoMeta. */
static void plane_extent (const GstVideoInfo *usual, int plane, gint64 *rows, gint64 *bytes)
{
    const GstVideoFormatInfo *format = usual->finfo;
    *rows = *bytes = 0;
    for (guint c = 0; c < GST_VIDEO_FORMAT_INFO_N_COMPONENTS (format); c++) {
        int step = GST_VIDEO_FORMAT_INFO_PSTRIDE (format, c);
        if (GST_VIDEO_FORMAT_INFO_PLANE (format, c) != (guint)plane)
            continue;
        gint64 width = GST_VIDEO_FORMAT_INFO_SCALE_WIDTH (format, c, GST_VIDEO_INFO_WIDTH (usual));
        gint64 height = GST_VIDEO_FORMAT_INFO_SCALE_HEIGHT (format, c, GST_VIDEO_INFO_HEIGHT (usual));
        *rows = MAX (*rows, height);
        *bytes = MAX (*bytes, step > 0 ? width * step : GST_VIDEO_INFO_PLANE_STRIDE (usual, plane));
    }
}

/* A palette's colours are a component to GstVideoFormatInfo, with a plane that has no rows. */
static gboolean is_palette (const GstVideoFormatInfo *format, guint plane)
{
    return GST_VIDEO_FORMAT_INFO_HAS_PALETTE (format) && plane == GST_VIDEO_COMP_PALETTE;
}

/* The strides and offsets of a buffer without meta; a meta's row of pixels never exceeds such a stride. */
static gboolean usual_layout (GstVideoInfo *usual, const GstVideoInfo *picture)
{
    return gst_video_info_set_format (usual, GST_VIDEO_INFO_FORMAT (picture), (guint)GST_VIDEO_INFO_WIDTH (picture),
                                      (guint)GST_VIDEO_INFO_HEIGHT (picture));
}

/* The map function of GstVideoMeta looks only at where a plane starts. Strides may be negative. */
static gboolean planes_fit (const GstVideoFrame *frame, const GstVideoInfo *picture)
{
    const GstVideoFormatInfo *format = picture->finfo;
    GstVideoInfo usual;
    if (!frame->meta)
        return TRUE; /* gst_video_frame_map has compared the sizes */
    if (!usual_layout (&usual, picture))
        return FALSE;
    for (guint plane = 0; plane < GST_VIDEO_FORMAT_INFO_N_PLANES (format); plane++) {
        gint64 rows, bytes;
        plane_extent (&usual, (int)plane, &rows, &bytes);
        if (is_palette (format, plane) ? !rows_fit (frame, (int)plane, 0, 1, PALETTE_BYTES)
            : GST_VIDEO_FORMAT_INFO_IS_TILED (format)
                ? !tiles_fit (frame, &usual, (int)plane)
                : !rows_fit (frame, (int)plane, GST_VIDEO_FRAME_PLANE_STRIDE (frame, plane), rows, bytes))
            return FALSE;
    }
    return TRUE;
}

static gboolean map (GstVideoFrame *frame, const GstVideoInfo *info, GstBuffer *buffer, GstMapFlags flags)
{
    GstVideoInfo picture = frame_map_picture (info);
    if (!meta_fits (&picture, buffer) ||
        !gst_video_frame_map (frame, &picture, buffer, flags | (GstMapFlags)GST_VIDEO_FRAME_MAP_FLAG_NO_REF))
        return FALSE;
    frame->info.width =
        picture.width; /* the meta's may be larger, by padding or as it counts the lines of both fields */
    frame->info.height = picture.height;
    if (frame_map_is_field (info))
        frame->flags &= ~GST_VIDEO_FRAME_FLAG_INTERLACED; /* within a field its lines are neighbours */
    if (planes_fit (frame, &picture))
        return TRUE;
    gst_video_frame_unmap (frame);
    return FALSE;
}

/* ---- bottom up ------------------------------------------------------------------------------------------------- */

gboolean frame_map_bottom_up (const GstVideoFrame *frame)
{
    for (guint plane = 0; plane < GST_VIDEO_FRAME_N_PLANES (frame); plane++)
        if (GST_VIDEO_FRAME_PLANE_STRIDE (frame, plane) < 0 && !is_palette (frame->info.finfo, plane))
            return TRUE;
    return FALSE;
}

void frame_map_copy (GstVideoFrame *to, const GstVideoFrame *from)
{
    GstVideoInfo usual;
    if (!usual_layout (&usual, &from->info))
        return;
    for (guint plane = 0; plane < GST_VIDEO_FRAME_N_PLANES (from); plane++) {
        const guint8 *source = GST_VIDEO_FRAME_PLANE_DATA (from, plane);
        guint8 *target = GST_VIDEO_FRAME_PLANE_DATA (to, plane);
        gint64 rows = 1, bytes = PALETTE_BYTES;
        if (!is_palette (usual.finfo, plane))
            plane_extent (&usual, (int)plane, &rows, &bytes);
        for (gint64 y = 0; y < rows; y++)
            memcpy (target + y * GST_VIDEO_FRAME_PLANE_STRIDE (to, plane),
                    source + y * GST_VIDEO_FRAME_PLANE_STRIDE (from, plane), (gsize)bytes);
    }
}

/* GstVideoConverter and GStreamer's blending cannot read negative strides (some of their ways run out of the buffer,
 * up to 1.26 at least); and to turn the planes round in place would put the chroma of an odd height half a row off. */
gboolean frame_map_upright (GstVideoFrame *upright, const GstVideoFrame *frame)
{
    GstVideoInfo usual;
    GstBuffer *buffer = usual_layout (&usual, &frame->info) ? gst_buffer_new_allocate (NULL, usual.size, NULL) : NULL;
    usual.colorimetry = frame->info.colorimetry;
    usual.chroma_site = frame->info.chroma_site;
    gboolean good = buffer && gst_video_frame_map (upright, &usual, buffer, GST_MAP_READWRITE); /* takes a reference */
    if (good) {
        frame_map_copy (upright, frame);
        upright->flags = frame->flags;
    }
    gst_clear_buffer (&buffer);
    return good;
}

/* Puts such a copy in the place of `frame`, which it unmaps in any case. */
static gboolean turn (GstVideoFrame *frame)
{
    GstVideoFrame upright;
    gboolean good = frame_map_upright (&upright, frame);
    gst_video_frame_unmap (frame);
    if (good)
        *frame = upright;
    return good;
}

/* ---- public ---------------------------------------------------------------------------------------------------- */

gboolean frame_map_read (GstVideoFrame *frame, const GstVideoInfo *info, GstBuffer *buffer, gboolean upright)
{
    return map (frame, info, buffer, GST_MAP_READ) && (!upright || !frame_map_bottom_up (frame) || turn (frame));
}

gboolean frame_map_write (GstVideoFrame *frame, const GstVideoInfo *info, GstBuffer *buffer)
{
    return map (frame, info, buffer, GST_MAP_READWRITE);
}
