/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_golden.c: every drawing at three sizes beside the picture of it that is kept in tests/golden; and where the
 * maps go at many sizes, beside the list in tests/golden/layouts.txt.
 *
 *   check_golden              compares
 *   check_golden --update     writes them anew and says what has changed; `./dev test --update-golden` runs it
 *
 * Each drawing is one PNG file with the three sizes in it. Pictures are compared by the mean colours of blocks of 8 x 8
 * pixels: another version of the font or of its renderer moves the edges of letters, and the means a little in many
 * places; a caption that is missing, other colours or another place move them much in some. Where the pictures do not
 * agree, what was drawn is left in the folder `golden` beside this program.
 *
 * What is drawn with the flags of the property `overlay` comes from their list: another flag needs no row here. */
#include <cairo.h>
#include <pango/pangocairo.h>

#include "pictures.h"
#include "plugin/overlay/layout.h"

enum {
    BLOCK = 8,      /* pixels, each way */
    DIFFERENT = 24, /* of 255: a block's mean is another, in one colour at least */
    ALLOWED = 2,    /* blocks that may be different in any picture; */
    SHEET_WIDTH = 1280,
    SHEET_HEIGHT = 720 + 480,
};
static const double most_blocks = 0.0006; /* in a large one this share of them */
static const double most_mean = 1.2;      /* of 255, of all blocks' differences */
static const char font[] = "DejaVu Sans"; /* which the kept pictures are written in */

static const struct place {
    int width, height, x, y; /* in the sheet */
} places[] = { { 1280, 720, 0, 0 }, { 640, 480, 0, 720 }, { 320, 240, 640, 720 } };

static const struct golden_case {
    const char *name;
    guint overlay;
    enum stage stage;
    enum placement placement;
    enum colormap colormap;
    enum channel_select select;
    double opacity;
    const char *unit, *classes; /* NULL: the default */
    gboolean residual;          /* of the network with a residual block */
    gboolean regions;           /* of regions, not of the frame */
} cases[] = {
#define OVERLAY_FLAG(flag, nick, needs, text) { nick, OVERLAY_##flag, .colormap = COLORMAP_VIRIDIS, .opacity = 0.95 },
#include "plugin/overlay/panel_kinds.def"
    { "both-stages", OVERLAY_FEATURE_MAPS | OVERLAY_LABELS, STAGE_BOTH, PLACEMENT_FULL, COLORMAP_VIRIDIS,
      CHANNELS_STRONGEST, .opacity = 0.95 },
    { "see-through", OVERLAY_FEATURE_MAPS | OVERLAY_CLASS_ACTIVATION, STAGE_POST, PLACEMENT_RIGHT, COLORMAP_MAGMA,
      CHANNELS_FIRST, .opacity = 0.5 },
    { "everything", OVERLAY_LABELS | OVERLAY_FEATURE_MAPS | OVERLAY_CLASS_ACTIVATION | OVERLAY_STATS, STAGE_PRE,
      PLACEMENT_BOTTOM, COLORMAP_TURBO, CHANNELS_FIRST, .opacity = 0.95 },
    { "channels-of-class", OVERLAY_FEATURE_MAPS | OVERLAY_LABELS, STAGE_POST, PLACEMENT_RIGHT, COLORMAP_VIRIDIS,
      CHANNELS_CLASS, .opacity = 0.95 },
    { "channels-of-two", OVERLAY_FEATURE_MAPS | OVERLAY_CLASS_ACTIVATION | OVERLAY_LABELS, STAGE_POST, PLACEMENT_INSET,
      COLORMAP_VIRIDIS, CHANNELS_CLASS, 0.95, .classes = "top-1,laptop", .residual = TRUE },
    { "residual-sum", OVERLAY_CONVOLUTION | OVERLAY_LABELS, STAGE_POST, PLACEMENT_INSET, COLORMAP_VIRIDIS,
      CHANNELS_VARIED, 0.95, .unit = "block/relu", .residual = TRUE },
    { "unit-of-signs", OVERLAY_UNIT | OVERLAY_CONVOLUTION | OVERLAY_LABELS, STAGE_POST, PLACEMENT_INSET,
      COLORMAP_VIRIDIS, CHANNELS_VARIED, 0.6, .unit = "things/leaky:2" },
    { "page", OVERLAY_LABELS | OVERLAY_FEATURE_MAPS | OVERLAY_NETWORK | OVERLAY_CONVOLUTION, STAGE_BOTH,
      PLACEMENT_RIGHT, COLORMAP_VIRIDIS, CHANNELS_FIRST, .opacity = 0.95 },
    { "regions", OVERLAY_LABELS, .colormap = COLORMAP_VIRIDIS, .opacity = 0.95, .regions = TRUE },
};

/* ---- sheets ---------------------------------------------------------------------------------------------------- */

static guint32 *row_of (cairo_surface_t *sheet, int x, int y)
{
    unsigned char *data = cairo_image_surface_get_data (sheet);
    return (guint32 *)(void *)(data + y * cairo_image_surface_get_stride (sheet)) + x;
}

static cairo_surface_t *draw_sheet (const struct golden_case *golden)
{
    struct appearance appearance;
    struct subject subject;
    cairo_surface_t *sheet = cairo_image_surface_create (CAIRO_FORMAT_RGB24, SHEET_WIDTH, SHEET_HEIGHT);
    appearance_init (&appearance);
    appearance.overlay = golden->overlay;
    appearance.stage = golden->stage;
    appearance.placement = golden->placement;
    appearance.colormap = golden->colormap;
    appearance.channel_select = golden->select;
    appearance.opacity = golden->opacity;
    appearance.unit = g_strdup (golden->unit);
    if (golden->classes) {
        g_free (appearance.class_words);
        appearance.class_words = g_strdup (golden->classes);
    }
    if (subject_open_model (&subject, &appearance, golden->residual ? pictures_residual : pictures_model)) {
        cairo_surface_flush (sheet);
        for (guint i = 0; i < G_N_ELEMENTS (places); i++) {
            if (golden->regions)
                subject_mark (&subject, places[i].width, places[i].height);
            guint32 *pixels = subject_picture (&subject, places[i].width, places[i].height);
            for (int y = 0; y < places[i].height; y++)
                memcpy (row_of (sheet, places[i].x, places[i].y + y), pixels + y * places[i].width,
                        (gsize)places[i].width * sizeof *pixels);
            g_free (pixels);
        }
        cairo_surface_mark_dirty (sheet);
    }
    subject_close (&subject);
    appearance_clear (&appearance);
    return sheet;
}

/* ---- comparing ------------------------------------------------------------------------------------------------- */

struct comparison {
    int blocks, different;
    int most;             /* of 255 */
    double mean;          /* of 255 */
    int x, y;             /* of the block that differs most, in its picture */
    gboolean pixels_same; /* all of them, exactly */
};

static int mean_of_block (cairo_surface_t *sheet, int x, int y, int shift)
{
    int sum = 0;
    for (int row = 0; row < BLOCK; row++)
        for (int column = 0; column < BLOCK; column++)
            sum += row_of (sheet, x, y + row)[column] >> shift & 255;
    return sum / (BLOCK * BLOCK);
}

static struct comparison compare (cairo_surface_t *kept, cairo_surface_t *drawn, const struct place *place)
{
    struct comparison result = { .pixels_same = TRUE };
    double sum = 0;
    for (int y = 0; y < place->height; y++)
        for (int x = 0; x < place->width; x++) /* their high bytes mean nothing */
            result.pixels_same &=
                ((row_of (kept, place->x + x, place->y + y)[0] ^ row_of (drawn, place->x + x, place->y + y)[0]) &
                 0xffffff) == 0;
    for (int y = 0; y + BLOCK <= place->height; y += BLOCK) {
        for (int x = 0; x + BLOCK <= place->width; x += BLOCK) {
            int most = 0;
            for (int shift = 0; shift < 24; shift += 8)
                most = MAX (most, abs (mean_of_block (kept, place->x + x, place->y + y, shift) -
                                       mean_of_block (drawn, place->x + x, place->y + y, shift)));
            result.blocks++;
            result.different += most > DIFFERENT;
            sum += most;
            if (most > result.most) {
                result.most = most;
                result.x = x;
                result.y = y;
            }
        }
    }
    result.mean = sum / result.blocks;
    return result;
}

static bool agrees (const struct comparison *result)
{
    return result->different <= MAX (ALLOWED, result->blocks * most_blocks) && result->mean <= most_mean;
}

static char *in_words (const struct golden_case *golden, const struct place *place, const struct comparison *result)
{
    return g_strdup_printf ("%s at %d x %d: %d of %d blocks differ, by %.2f of 255 in the mean and %d at (%d, %d)",
                            golden->name, place->width, place->height, result->different, result->blocks, result->mean,
                            result->most, result->x, result->y);
}

static cairo_surface_t *read_sheet (const char *path)
{
    cairo_surface_t *sheet = cairo_image_surface_create_from_png (path);
    if (cairo_surface_status (sheet) == CAIRO_STATUS_SUCCESS && cairo_image_surface_get_width (sheet) == SHEET_WIDTH &&
        cairo_image_surface_get_height (sheet) == SHEET_HEIGHT)
        return sheet;
    cairo_surface_destroy (sheet);
    return NULL;
}

/* `seen`: the folder for what was drawn where that does not agree. */
static void compare_sheets (const struct golden_case *golden, const char *path, const char *seen, gboolean update)
{
    cairo_surface_t *drawn = draw_sheet (golden), *kept = read_sheet (path);
    gboolean same = kept != NULL, good = kept != NULL;
    for (guint i = 0; kept && i < G_N_ELEMENTS (places); i++) {
        struct comparison result = compare (kept, drawn, &places[i]);
        char *words = in_words (golden, &places[i], &result);
        same &= result.pixels_same;
        good &= agrees (&result);
        if (!update)
            CHECK (agrees (&result), "%s", words);
        else if (!result.pixels_same)
            printf ("# %s%s\n", words, agrees (&result) ? "" : ": a change that can be seen");
        g_free (words);
    }
    if (!kept && update)
        printf ("# %s is new\n", golden->name);
    if (update && !same)
        CHECK (cairo_surface_write_to_png (drawn, path) == CAIRO_STATUS_SUCCESS, "%s cannot be written", path);
    else
        CHECK (kept != NULL, "%s: there is no such picture of %d x %d", path, SHEET_WIDTH, SHEET_HEIGHT);
    if (!update && !good) {
        char *left = g_strdup_printf ("%s/%s.png", seen, golden->name);
        g_mkdir_with_parents (seen, 0777);
        cairo_surface_write_to_png (drawn, left);
        printf ("# %s: what was drawn is in %s, what was expected in %s\n", golden->name, left, path);
        g_free (left);
    }
    cairo_surface_destroy (drawn);
    if (kept)
        cairo_surface_destroy (kept);
}

/* The family that Pango takes for "Sans". g_free it. */
static char *sans (void)
{
    PangoFontMap *fonts = pango_cairo_font_map_new ();
    PangoContext *context = pango_font_map_create_context (fonts);
    PangoFontDescription *asked = pango_font_description_from_string ("Sans 12"), *found = NULL;
    PangoFont *got = pango_font_map_load_font (fonts, context, asked);
    if (got)
        found = pango_font_describe (got);
    char *family = g_strdup (found ? pango_font_description_get_family (found) : "none");
    pango_font_description_free (found);
    pango_font_description_free (asked);
    g_clear_object (&got);
    g_object_unref (context);
    g_object_unref (fonts);
    return family;
}

/* ---- places ---------------------------------------------------------------------------------------------------- */

/* Where the mosaics of a ResNet's layers go: a line for each size of frame, placement, stage and number of maps. */
static char *write_layouts (void)
{
    static const int sizes[][2] = { { 320, 240 }, { 640, 480 }, { 1280, 720 }, { 1920, 1080 }, { 480, 854 } };
    static const char *const placement[] = { "inset", "right", "bottom", "full" };
    static const int channels[] = { 3, 16, 20, 64 };
    const struct map_shape early = { .channels = 64, .height = 112, .width = 112, .letters = 6 };
    const struct map_shape late = { .channels = 2048, .height = 7, .width = 7, .letters = 19 };
    struct map_shapes alone = { .shape = { early, late }, .count = 2 };
    struct map_shapes pairs = { .shape = { early, early, late, late }, .count = 4, .pairs = TRUE };
    GString *text = g_string_new (NULL);
    struct appearance appearance;
    appearance_init (&appearance);
    appearance.overlay = OVERLAY_FEATURE_MAPS | OVERLAY_LABELS;
    for (guint n = 0; n < G_N_ELEMENTS (sizes) * 4 * 2 * G_N_ELEMENTS (channels); n++) {
        const int *size = sizes[n / 32];
        struct layout layout;
        appearance.placement = n / 8 % 4;
        appearance.stage = n / 4 % 2 ? STAGE_BOTH : STAGE_POST;
        appearance.channels = (guint)channels[n % 4];
        layout_make (&layout, size[0], size[1], &appearance, n / 4 % 2 ? &pairs : &alone);
        g_string_append_printf (text, "%d x %d %s%s, %u maps: text %d wide, %d across", size[0], size[1],
                                placement[appearance.placement], layout.pairs ? " both" : "", appearance.channels,
                                layout.left.width, layout.across);
        for (int i = 0; i < layout.mosaics; i++) {
            const struct mosaic *m = &layout.mosaic[i];
            g_string_append_printf (text, "; %d x %d at %d, %d: %d lines, %d maps in %d columns of %d x %d, gap %d",
                                    m->panel.width, m->panel.height, m->panel.x, m->panel.y, m->text_lines, m->count,
                                    m->columns, m->tile_width, m->tile_height, m->gap);
        }
        g_string_append_c (text, '\n');
    }
    appearance_clear (&appearance);
    return g_string_free (text, FALSE);
}

static void compare_layouts (const char *path, gboolean update)
{
    char *made = write_layouts (), *kept = NULL;
    g_file_get_contents (path, &kept, NULL, NULL);
    char **now = g_strsplit (made, "\n", -1), **before = g_strsplit (kept ? kept : "", "\n", -1);
    guint lines = g_strv_length (before);
    if (!update)
        CHECK (lines == g_strv_length (now), "%s has %u lines instead of %u", path, lines, g_strv_length (now));
    for (guint i = 0; now[i]; i++) {
        const char *old = i < lines ? before[i] : "nothing";
        if (!update)
            CHECK (strcmp (now[i], old) == 0, "line %u is\n#   %s\n# instead of\n#   %s", i + 1, now[i], old);
        else if (strcmp (now[i], old) != 0)
            printf ("# %s\n#   was %s\n", now[i], old);
    }
    if (update)
        CHECK (g_file_set_contents (path, made, -1, NULL), "%s cannot be written", path);
    g_strfreev (now);
    g_strfreev (before);
    g_free (made);
    g_free (kept);
}

/* ---- frames in a row ------------------------------------------------------------------------------------------- */

/* Where every rectangle of the drawing lies, as text. g_free it. */
static char *write_places (GstVideoOverlayComposition *composition)
{
    GString *text = g_string_new (NULL);
    for (guint i = 0; composition && i < gst_video_overlay_composition_n_rectangles (composition); i++) {
        gint x, y;
        guint width, height;
        gst_video_overlay_rectangle_get_render_rectangle (gst_video_overlay_composition_get_rectangle (composition, i),
                                                          &x, &y, &width, &height);
        g_string_append_printf (text, "%u x %u at %d, %d; ", width, height, x, y);
    }
    return g_string_free (text, FALSE);
}

/* Another frame: the picture is a little brighter or darker by turns, or the same. */
static void next_frame (struct subject *subject, int n, gboolean another)
{
    paint_input (subject->network);
    for (int i = 0; another && i < 3 * INPUT_SIDE * INPUT_SIDE; i++)
        subject->network->input[i] *= n % 2 ? 1.1f : 0.8f;
    plan_run (subject->network->plan, subject->network->input);
    result_take (&subject->result, subject->network, &subject->settings, 0);
    subject->result.serial++;
}

/* Nothing moves while the values change; no pixel changes while they do not, once the channels are chosen. */
static void check_rest (void)
{
    enum { FRAMES = 40, SETTLED = 30 };
    check_group ("frames in a row");
    struct appearance appearance;
    struct subject subject;
    appearance_init (&appearance);
    appearance.overlay =
        OVERLAY_LABELS | OVERLAY_FEATURE_MAPS | OVERLAY_CLASS_ACTIVATION | OVERLAY_NETWORK | OVERLAY_HELP;
    appearance.stage = STAGE_BOTH;
    appearance.placement = PLACEMENT_RIGHT;
    for (int another = 0; another < 2; another++) {
        if (!subject_open (&subject, &appearance))
            continue;
        char *first = write_places (subject_draw (&subject, 640, 480));
        guint32 *before = NULL;
        for (int n = 1; n < FRAMES; n++) {
            next_frame (&subject, n, another);
            guint32 *pixels = subject_picture (&subject, 640, 480);
            char *now = write_places (subject_draw (&subject, 640, 480));
            CHECK (strcmp (first, now) == 0, "frame %d: %s instead of %s", n, now, first);
            if (n > SETTLED) {
                gboolean same = memcmp (before, pixels, 640 * 480 * sizeof *pixels) == 0;
                CHECK (same == !another, "frame %d: the picture %s", n, same ? "stands still" : "changes");
            }
            g_free (now);
            g_free (before);
            before = pixels;
        }
        g_free (before);
        g_free (first);
        subject_close (&subject);
    }
    appearance_clear (&appearance);
}

int main (int argc, char **argv)
{
    gst_init (&argc, &argv);
    gboolean update = argc > 1 && strcmp (argv[1], "--update") == 0;
    if (!pictures_start ())
        return EXIT_FAILURE;
    check_group (update ? "pictures, written anew" : "pictures");
    char *family = sans (), *own = g_path_get_dirname (argv[0]), *seen = g_build_filename (own, "golden", NULL);
    if (strcmp (family, font) != 0)
        SKIP ("the pictures are written in %s; here Sans is %s", font, family);
    for (guint i = 0; strcmp (family, font) == 0 && i < G_N_ELEMENTS (cases); i++) {
        char *path = g_strdup_printf (GOLDEN "/%s.png", cases[i].name);
        compare_sheets (&cases[i], path, seen, update);
        g_free (path);
    }
    check_group (update ? "places, written anew" : "places");
    compare_layouts (GOLDEN "/layouts.txt", update);
    if (!update)
        check_rest ();
    g_free (family);
    g_free (own);
    g_free (seen);
    pictures_end ();
    return check_end ();
}
