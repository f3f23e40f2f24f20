/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_colours.c: which colours stand for zero, the most and what is below zero, in every palette, in tiles and in
 * what is drawn of a network. Linked with the plugin's own objects. */
#include "pictures.h"
#include "plugin/overlay/map_tile.h"

static int distance (guint32 a, guint32 b)
{
    int most = 0;
    for (int shift = 0; shift < 32; shift += 8)
        most = MAX (most, abs ((int)(a >> shift & 255) - (int)(b >> shift & 255)));
    return most;
}

/* ---- palettes -------------------------------------------------------------------------------------------------- */

/* The colours of some values, the most being 1. */
static const struct known_colours {
    enum colormap colormap;
    const char *name;
    guint32 zero, most, half, below, half_below; /* 0xRRGGBB */
} known[] = {
    { COLORMAP_GRAY, "gray", 0x000000, 0xffffff, 0x808080, 0x000000, 0x000000 },
    { COLORMAP_VIRIDIS, "viridis", 0x440154, 0xfde725, 0x21918c, 0x440154, 0x440154 },
    { COLORMAP_MAGMA, "magma", 0x000004, 0xfcfdbf, 0xb6367a, 0x000004, 0x000004 },
    { COLORMAP_TURBO, "turbo", 0x30123b, 0x7a0402, 0xa4fc3b, 0x30123b, 0x30123b },
    { COLORMAP_DIVERGING, "diverging", 0x000000, 0xffd9a0, 0xc6401e, 0xa6dcff, 0x2062c3 },
};

static void check_palettes (void)
{
    check_group ("colours of values");
    GArray *scratch = g_array_new (FALSE, FALSE, sizeof (float));
    for (guint i = 0; i < G_N_ELEMENTS (known); i++) {
        const struct known_colours *k = &known[i];
        const float values[] = { 0, 1, 0.5f, -1, -0.5f, NAN };
        const guint32 expected[] = { k->zero, k->most, k->half, k->below, k->half_below, k->zero };
        const struct map map = { values, 1, G_N_ELEMENTS (values) };
        const struct tile tile = { .width = G_N_ELEMENTS (values), .height = 1, .most = 1 };
        guint32 pixels[G_N_ELEMENTS (values)];
        const struct canvas canvas = { pixels, G_N_ELEMENTS (values), 1, G_N_ELEMENTS (values) };
        for (int percent = 100; percent >= 0; percent -= 25) {
            struct palette palette;
            palette_make (&palette, k->colormap, percent / 100.0);
            CHECK (tile_draw (&map, &palette, &tile, &canvas, scratch) >= 1, "%s: the most is another", k->name);
            for (guint v = 0; v < G_N_ELEMENTS (values); v++)
                CHECK (distance (pixels[v], premultiplied (expected[v], percent / 100.0)) <= 2,
                       "%s at %d %%: %g is %08x instead of %06x", k->name, percent, (double)values[v], pixels[v],
                       expected[v]);
        }
    }
    g_array_unref (scratch);
}

/* Nothing at zero, denser and hotter towards the most, never wholly opaque; its legend is opaque. */
static void check_heat_palette (void)
{
    check_group ("colours of heat");
    struct palette heat, half, legend;
    palette_make_heat (&heat, 1, FALSE);
    palette_make_heat (&half, 0.5, FALSE);
    palette_make_heat (&legend, 0.3, TRUE);
    CHECK (heat.pixel[0] >> 24 == 0 && !heat.diverging, "heat of zero is %08x", heat.pixel[0]);
    CHECK (distance (heat.pixel[255], 0x85dc3c08) <= 2, "the most heat is %08x", heat.pixel[255]);
    CHECK (half.pixel[255] >> 24 == 66, "at an opacity of 1/2 the most heat is %08x", half.pixel[255]);
    int falls = 0;
    for (int i = 1; i < 256; i++)
        falls += heat.pixel[i] >> 24 < heat.pixel[i - 1] >> 24;
    CHECK (falls == 0, "heat gets thinner %d times", falls);
    CHECK (distance (legend.pixel[0], 0xff707070) <= 1 && legend.pixel[255] >> 24 == 255,
           "the legend goes from %08x to %08x", legend.pixel[0], legend.pixel[255]);
    palette_make_heat (&legend, 0, TRUE);
    CHECK (legend.pixel[255] == 0, "at an opacity of 0 the legend is %08x", legend.pixel[255]);
}

/* ---- panels ---------------------------------------------------------------------------------------------------- */

enum { FRAME = 600 }; /* pixels each way; all of it is seen, so that there are no lines round a part */

/* The pixels of the which-th panel that is drawn. */
struct panel_pixels {
    guint32 *pixel;
    int width, height;
};

static struct panel_pixels draw_panel (const struct appearance *appearance, guint which)
{
    struct panel_pixels panel = { NULL, 0, 0 };
    struct subject subject;
    if (subject_open (&subject, appearance)) {
        subject.settings.resize = RESIZE_STRETCH;
        GstVideoOverlayComposition *drawn = subject_draw (&subject, FRAME, FRAME);
        guint count = drawn ? gst_video_overlay_composition_n_rectangles (drawn) : 0;
        if (CHECK (which < count, "%u panels", count)) {
            GstVideoOverlayRectangle *rectangle = gst_video_overlay_composition_get_rectangle (drawn, which);
            GstBuffer *buffer = gst_video_overlay_rectangle_get_pixels_unscaled_raw (
                rectangle, gst_video_overlay_rectangle_get_flags (rectangle));
            const GstVideoMeta *meta = gst_buffer_get_video_meta (buffer);
            gsize size = (gsize)meta->width * meta->height * sizeof *panel.pixel;
            panel = (struct panel_pixels) { g_malloc (size), (int)meta->width, (int)meta->height };
            gst_buffer_extract (buffer, 0, panel.pixel, size);
        }
    }
    subject_close (&subject);
    return panel;
}

/* Pixels within `far` of a colour, wholly opaque. */
static int count_near (const struct panel_pixels *panel, guint32 rgb, int far)
{
    int count = 0;
    for (int i = 0; i < panel->width * panel->height; i++)
        count += distance (panel->pixel[i], 0xff000000 | rgb) <= far;
    return count;
}

/* Pixels of a colour that only this palette has: not at its ends, nor grey. */
static int count_of (const struct panel_pixels *panel, enum colormap colormap, double opacity)
{
    struct palette palette;
    int count = 0;
    palette_make (&palette, colormap, opacity);
    for (int i = 0; i < panel->width * panel->height; i++)
        for (int v = 16; v < 240; v++)
            if (panel->pixel[i] == palette.pixel[v] && v != 128) {
                count++;
                break;
            }
    return count;
}

static struct appearance maps_appearance (void)
{
    struct appearance appearance;
    appearance_init (&appearance);
    appearance.overlay = OVERLAY_FEATURE_MAPS;
    appearance.opacity = 1;
    return appearance;
}

static void check_roles (void)
{
    static const struct {
        const char *name;
        guint32 rgb;
    } roles[] = { { "early", 0x7be0ff }, { "middle", 0x9cf09a }, { "late", 0xffd166 } };
    check_group ("colours of captions");
    struct appearance appearance = maps_appearance ();
    appearance.colormap = COLORMAP_GRAY;
    for (guint i = 0; i < G_N_ELEMENTS (roles); i++) {
        struct panel_pixels panel = draw_panel (&appearance, i);
        for (guint j = 0; j < G_N_ELEMENTS (roles); j++) {
            int count = count_near (&panel, roles[j].rgb, 12);
            CHECK (i == j ? count >= 15 : count < 15, "%s: %d pixels of the colour of %s", roles[i].name, count,
                   roles[j].name);
        }
        int quiet = count_near (&panel, 0xc3ccd6, 12);
        CHECK (quiet > 5, "%s: %d pixels of figures", roles[i].name, quiet);
        g_free (panel.pixel);
    }
    appearance_clear (&appearance);
}

/* Signed colours where values below zero may come out, and for both with stage=both. */
static void check_signs (void)
{
    static const struct {
        const char *layers;
        enum stage stage;
        guint panel;
        bool sign;
    } cases[] = {
        { "early", STAGE_POST, 0, false }, /* ReLU */
        { "early", STAGE_PRE, 0, true },   /* conv */
        { "late", STAGE_POST, 0, true },   /* leaky ReLU */
        { "early", STAGE_BOTH, 0, true },  { "early", STAGE_BOTH, 1, true },
    };
    check_group ("signed colours");
    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
        struct appearance appearance = maps_appearance ();
        g_free (appearance.layers);
        appearance.layers = g_strdup (cases[i].layers);
        appearance.stage = cases[i].stage;
        struct panel_pixels panel = draw_panel (&appearance, cases[i].panel);
        int unsigned_ones = count_of (&panel, COLORMAP_VIRIDIS, 1), signs = count_of (&panel, COLORMAP_DIVERGING, 1);
        CHECK ((signs > 4 * unsigned_ones) == cases[i].sign && MAX (signs, unsigned_ones) > 1000,
               "%s, stage %d, panel %u: %d pixels of viridis, %d of the signed colours", cases[i].layers,
               (int)cases[i].stage, cases[i].panel, unsigned_ones, signs);
        g_free (panel.pixel);
        appearance_clear (&appearance);
    }
}

/* The property `opacity` is that of the maps; text and its paper stay readable. */
static void check_opacity (void)
{
    static const double opacities[] = { 0.25, 0.6, 1 };
    check_group ("opacity");
    for (guint i = 0; i < G_N_ELEMENTS (opacities); i++) {
        struct appearance appearance = maps_appearance ();
        int maps = 0, text = 0, other = 0;
        guint32 alpha = (guint32)(255 * opacities[i] + 0.5), readable = MAX (alpha, 204);
        appearance.opacity = opacities[i];
        struct panel_pixels panel = draw_panel (&appearance, 0);
        for (int p = 0; p < panel.width * panel.height; p++) {
            maps += panel.pixel[p] >> 24 == alpha;
            text += panel.pixel[p] >> 24 >= readable;
            other += panel.pixel[p] >> 24 != alpha && panel.pixel[p] >> 24 < readable;
        }
        int colours = count_of (&panel, COLORMAP_VIRIDIS, opacities[i]);
        CHECK (maps > 1000 && text > 1000 && other == 0 && colours > 500,
               "opacity %g: %d pixels are so, %d dense, %d neither; %d of the palette", opacities[i], maps, text, other,
               colours);
        g_free (panel.pixel);
        appearance_clear (&appearance);
    }
}

/* The first bar of the labels is as long as the best class's share; its name is white. */
static void check_bar (void)
{
    check_group ("bars of classes");
    struct appearance appearance;
    appearance_init (&appearance);
    appearance.overlay = OVERLAY_LABELS;
    appearance.opacity = 1;
    struct subject subject;
    float best = subject_open (&subject, &appearance) && subject.result.count > 0 ? subject.result.scores[0] : -1;
    subject_close (&subject);
    struct panel_pixels panel = draw_panel (&appearance, 0);
    int bar = 0, track = 0;
    for (int y = 0; y < panel.height && bar + track == 0; y++) {
        for (int x = 0; x < panel.width; x++) {
            bar += panel.pixel[y * panel.width + x] == 0xff58c4ff;
            track += panel.pixel[y * panel.width + x] == 0xff3a4350;
        }
    }
    CHECK (best > 0.2f && best < 0.9f, "the best class has %g", (double)best);
    CHECK (abs (bar - (int)(best * (float)(bar + track))) <= 1, "a bar of %d of %d pixels for %g", bar, bar + track,
           (double)best);
    CHECK (count_near (&panel, 0xffffff, 6) > 60, "no text");
    g_free (panel.pixel);
    appearance_clear (&appearance);
}

int main (int argc, char **argv)
{
    gst_init (&argc, &argv);
    if (!pictures_start ())
        return EXIT_FAILURE;
    check_palettes ();
    check_heat_palette ();
    check_roles ();
    check_signs ();
    check_opacity ();
    check_bar ();
    pictures_end ();
    return check_end ();
}
