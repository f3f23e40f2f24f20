/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* blend.c: premultiplied BGRA rectangles over 8-bit RGB and 4:2:0 frames; see blend.h.
 *
 *   out = colour + frame * (255 - alpha) / 255           each component; colour is premultiplied
 *
 * Rows are split into components of 16 bits first: every product here fits, and the compiler makes vectors of the
 * loops. */
#include "plugin/overlay/blend.h"

#include "plugin/frame_map.h"

enum { PART = 256 }; /* pixels of a row at a time: 4 kB on the stack */

struct part {
    guint16 r[PART], g[PART], b[PART], rest[PART]; /* rest: 255 - alpha */
};

static void split (struct part *part, const guint32 *from, int count)
{
    for (int i = 0; i < count; i++) {
        guint32 pixel = from[i];
        part->b[i] = pixel & 255;
        part->g[i] = pixel >> 8 & 255;
        part->r[i] = pixel >> 16 & 255;
        part->rest[i] = (guint16)(255 - (pixel >> 24));
    }
}

/* v / 255, rounded, for v <= 65025 */
static inline guint16 by_255 (guint16 v)
{
    guint16 rounded = (guint16)(v + 128);
    return (guint16)((guint16)(rounded + (rounded >> 8)) >> 8);
}

static inline guint8 add (guint16 a, guint16 b)
{
    guint16 sum = (guint16)(a + b);
    return (guint8)(sum > 255 ? 255 : sum);
}

/* One component of pixels `step` bytes apart. */
static void mix (guint8 *to, int step, const guint16 *colour, const guint16 *rest, int count)
{
    for (int i = 0; i < count; i++)
        to[i * step] = add (colour[i], by_255 ((guint16)(to[i * step] * rest[i])));
}

/* The rectangle's pixels from (x, y) on, at most PART of a row: onto the planes of an RGB frame. */
static void blend_rgb (GstVideoFrame *frame, const guint32 *from, int count, int x, int y)
{
    struct part part;
    const guint16 *colour[3] = { part.r, part.g, part.b };
    int step = GST_VIDEO_FRAME_COMP_PSTRIDE (frame, 0);
    split (&part, from, count);
    for (int c = 0; c < 3; c++) {
        guint8 *row = GST_VIDEO_FRAME_COMP_DATA (frame, c);
        mix (row + (gssize)y * GST_VIDEO_FRAME_COMP_STRIDE (frame, c) + x * step, step, colour[c], part.rest, count);
    }
}

/* Luma, with the matrix that GStreamer's blending takes for all frames (BT.709, 16..235). */
static void blend_luma (guint8 *restrict to, const struct part *part, int count)
{
    for (int i = 0; i < count; i++) {
        guint16 sum = (guint16)(47 * part->r[i] + 157 * part->g[i] + 16 * part->b[i] + 128);
        guint16 frame = by_255 ((guint16)(16 * (255 - part->rest[i]) + to[i] * part->rest[i]));
        to[i] = add (sum >> 8, frame);
    }
}

/* The same on one row of 4:2:0; chroma is that of the even pixels of even rows. */
static void blend_yuv (GstVideoFrame *frame, const guint32 *from, int count, int x, int y)
{
    struct part part;
    guint8 *luma = GST_VIDEO_FRAME_COMP_DATA (frame, 0), *row[2];
    int step = GST_VIDEO_FRAME_COMP_PSTRIDE (frame, 1);
    split (&part, from, count);
    blend_luma (luma + (gssize)y * GST_VIDEO_FRAME_COMP_STRIDE (frame, 0) + x, &part, count);
    if (y % 2)
        return;
    for (int c = 0; c < 2; c++) {
        row[c] = GST_VIDEO_FRAME_COMP_DATA (frame, c + 1);
        row[c] += (gssize)(y / 2) * GST_VIDEO_FRAME_COMP_STRIDE (frame, c + 1);
    }
    for (int i = x % 2; i < count; i += 2) {
        int r = part.r[i], g = part.g[i], b = part.b[i], rest = part.rest[i], at = (x + i) / 2 * step;
        int base = 128 * (255 - rest) + 127;
        int u = (-26 * r - 87 * g + 112 * b) / 256 + (base + row[0][at] * rest) / 255;
        int v = (112 * r - 102 * g - 10 * b) / 256 + (base + row[1][at] * rest) / 255;
        row[0][at] = (guint8)CLAMP (u, 0, 255);
        row[1][at] = (guint8)CLAMP (v, 0, 255);
    }
}

typedef void (*row_blender) (GstVideoFrame *frame, const guint32 *from, int count, int x, int y);

static row_blender blender_of (const GstVideoFrame *frame)
{
    if (GST_VIDEO_FRAME_IS_INTERLACED (frame))
        return NULL; /* chroma lies otherwise */
    switch (GST_VIDEO_FRAME_FORMAT (frame)) {
    case GST_VIDEO_FORMAT_I420:
    case GST_VIDEO_FORMAT_YV12:
    case GST_VIDEO_FORMAT_NV12:
    case GST_VIDEO_FORMAT_NV21:
        return blend_yuv;
    case GST_VIDEO_FORMAT_RGB:
    case GST_VIDEO_FORMAT_BGR:
    case GST_VIDEO_FORMAT_RGBx:
    case GST_VIDEO_FORMAT_BGRx:
    case GST_VIDEO_FORMAT_xRGB:
    case GST_VIDEO_FORMAT_xBGR:
        return blend_rgb;
    default:
        return NULL;
    }
}

static gboolean blend_rectangle (GstVideoOverlayRectangle *rectangle, GstVideoFrame *frame, row_blender blender)
{
    gint left, top;
    guint width, height;
    GstMapInfo map;
    gst_video_overlay_rectangle_get_render_rectangle (rectangle, &left, &top, &width, &height);
    GstBuffer *buffer =
        gst_video_overlay_rectangle_get_pixels_raw (rectangle, GST_VIDEO_OVERLAY_FORMAT_FLAG_PREMULTIPLIED_ALPHA);
    const GstVideoMeta *meta = buffer ? gst_buffer_get_video_meta (buffer) : NULL;
    if (!meta || !gst_buffer_map (buffer, &map, GST_MAP_READ))
        return FALSE;
    int right = MIN (left + (int)width, GST_VIDEO_FRAME_WIDTH (frame));
    int bottom = MIN (top + (int)height, GST_VIDEO_FRAME_HEIGHT (frame));
    for (int y = MAX (top, 0); y < bottom; y++) {
        const guint32 *row = (const guint32 *)(map.data + meta->offset[0] + (gssize)(y - top) * meta->stride[0]);
        for (int x = MAX (left, 0); x < right; x += PART)
            blender (frame, row + x - left, MIN (PART, right - x), x, y);
    }
    gst_buffer_unmap (buffer, &map);
    return TRUE;
}

/* GStreamer's blending, which cannot go up. */
static gboolean blend_elsewhere (GstVideoOverlayComposition *composition, GstVideoFrame *frame)
{
    GstVideoFrame upright;
    if (!frame_map_bottom_up (frame))
        return gst_video_overlay_composition_blend (composition, frame);
    if (!frame_map_upright (&upright, frame))
        return FALSE;
    gboolean good = gst_video_overlay_composition_blend (composition, &upright);
    if (good)
        frame_map_copy (frame, &upright);
    gst_video_frame_unmap (&upright);
    return good;
}

gboolean blend_composition (GstVideoOverlayComposition *composition, GstVideoFrame *frame)
{
    row_blender blender = blender_of (frame);
    if (!blender)
        return blend_elsewhere (composition, frame);
    gboolean good = TRUE;
    for (guint i = 0; i < gst_video_overlay_composition_n_rectangles (composition); i++)
        good &= blend_rectangle (gst_video_overlay_composition_get_rectangle (composition, i), frame, blender);
    return good;
}

gboolean blend_field (GstVideoOverlayComposition *composition, GstVideoFrame *field)
{
    guint count = gst_video_overlay_composition_n_rectangles (composition);
    GstVideoOverlayComposition *flat = NULL;
    for (guint i = 0; i < count; i++) {
        gint x, y;
        guint width, height;
        GstVideoOverlayRectangle *rectangle =
            gst_video_overlay_rectangle_copy (gst_video_overlay_composition_get_rectangle (composition, i));
        gst_video_overlay_rectangle_get_render_rectangle (rectangle, &x, &y, &width, &height);
        gst_video_overlay_rectangle_set_render_rectangle (rectangle, x, y / 2, width, MAX (height / 2, 1));
        if (flat)
            gst_video_overlay_composition_add_rectangle (flat, rectangle);
        else
            flat = gst_video_overlay_composition_new (rectangle);
        gst_video_overlay_rectangle_unref (rectangle);
    }
    gboolean good = !flat || blend_elsewhere (flat, field);
    if (flat)
        gst_video_overlay_composition_unref (flat);
    return good;
}
