/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* text.c: lines of text as coverage masks, kept in a table by text, size, weight and width; see text.h. */
#include "plugin/overlay/text.h"

#include <pango/pangocairo.h>
#include <string.h>

/* Numbers that change every frame must not fill memory; 24 mosaics need some 300 lines, in more than one size. */
enum { LINES_KEPT = 1000 };

struct rendered {
    struct line line;
    guint8 *coverage;
};

struct text_cache {
    PangoContext *context;
    GHashTable *lines; /* "size weight most text" -> struct rendered */
};

static void free_rendered (gpointer data)
{
    struct rendered *rendered = data;
    g_free (rendered->coverage);
    g_free (rendered);
}

struct text_cache *text_cache_new (void)
{
    struct text_cache *cache = g_new0 (struct text_cache, 1);
    /* A font map of our own: the default one belongs to whoever runs the main loop of this thread. */
    PangoFontMap *fonts = pango_cairo_font_map_new ();
    cache->context = pango_font_map_create_context (fonts);
    g_object_unref (fonts);
    cache->lines = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, free_rendered);
    return cache;
}

void text_cache_free (struct text_cache *cache)
{
    if (!cache)
        return;
    g_hash_table_unref (cache->lines);
    g_object_unref (cache->context);
    g_free (cache);
}

static PangoLayout *new_layout (struct text_cache *cache, const char *text, int size, enum weight weight, int most)
{
    PangoLayout *layout = pango_layout_new (cache->context);
    PangoFontDescription *font = pango_font_description_new ();
    char *valid = g_utf8_make_valid (text, -1);
    g_strdelimit (valid, "\r\n\t\f\v", ' ');
    pango_font_description_set_family_static (font, "Sans");
    pango_font_description_set_weight (font, weight == WEIGHT_BOLD ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_MEDIUM);
    /* The distance between baselines is about 1.17 of the font's nominal size. */
    pango_font_description_set_absolute_size (font, size * PANGO_SCALE / 1.17);
    pango_layout_set_font_description (layout, font);
    pango_layout_set_text (layout, valid, -1);
    pango_layout_set_single_paragraph_mode (layout, TRUE);
    pango_layout_set_ellipsize (layout, PANGO_ELLIPSIZE_MIDDLE);
    pango_layout_set_width (layout, most * PANGO_SCALE);
    pango_font_description_free (font);
    g_free (valid);
    return layout;
}

static void render (struct rendered *rendered, PangoLayout *layout, int most)
{
    PangoRectangle ink, logical;
    pango_layout_get_pixel_extents (layout, &ink, &logical);
    struct line *line = &rendered->line;
    line->width = MIN (MAX (logical.x + logical.width, ink.x + ink.width), most);
    line->height = MAX (logical.height, ink.y + ink.height);
    line->baseline = PANGO_PIXELS (pango_layout_get_baseline (layout));
    line->stride = cairo_format_stride_for_width (CAIRO_FORMAT_A8, MAX (line->width, 1));
    if (line->width <= 0 || line->height <= 0 || ink.width > most) {
        line->width = line->height = 0;
        return;
    }
    rendered->coverage = g_malloc0 ((gsize)line->stride * (gsize)line->height);
    cairo_surface_t *surface = cairo_image_surface_create_for_data (rendered->coverage, CAIRO_FORMAT_A8, line->width,
                                                                    line->height, line->stride);
    cairo_t *cairo = cairo_create (surface);
    pango_cairo_show_layout (cairo, layout);
    cairo_destroy (cairo);
    cairo_surface_flush (surface);
    cairo_surface_destroy (surface);
    line->coverage = rendered->coverage;
}

struct line text_line (struct text_cache *cache, const char *text, int size, enum weight weight, int most)
{
    if (most < 1 || size < 1)
        return (struct line) { .width = 0 };
    char *key = g_strdup_printf ("%d %d %d %s", size, (int)weight, most, text);
    struct rendered *rendered = g_hash_table_lookup (cache->lines, key);
    if (rendered) {
        g_free (key);
        return rendered->line;
    }
    if (g_hash_table_size (cache->lines) >= LINES_KEPT)
        g_hash_table_remove_all (cache->lines);
    rendered = g_new0 (struct rendered, 1);
    PangoLayout *layout = new_layout (cache, text, size, weight, most);
    render (rendered, layout, most);
    g_object_unref (layout);
    g_hash_table_insert (cache->lines, key, rendered);
    return rendered->line;
}

/* over: both premultiplied */
static guint32 over (guint32 top, guint32 bottom)
{
    guint32 rest = 255 - (top >> 24), pixel = 0;
    for (int shift = 0; shift < 32; shift += 8)
        pixel |= MIN ((top >> shift & 255) + ((bottom >> shift & 255) * rest + 127) / 255, 255) << shift;
    return pixel;
}

void text_paint (const struct line *line, const struct canvas *canvas, int x, int y, guint32 rgb, double opacity)
{
    guint32 ink[256];
    for (int i = 0; i < 256; i++)
        ink[i] = premultiplied (rgb, opacity * i / 255);
    int left = MAX (0, -x), right = MIN (line->width, canvas->width - x);
    for (int row = MAX (0, -y); row < MIN (line->height, canvas->height - y); row++) {
        const guint8 *from = line->coverage + row * line->stride;
        guint32 *to = canvas->pixels + (y + row) * canvas->stride + x;
        for (int column = left; column < right; column++)
            if (from[column])
                to[column] = over (ink[from[column]], to[column]);
    }
}
