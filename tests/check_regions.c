/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_regions.c: regions=roi and detections: which regions are classified and when, what is said of them and where,
 * and whatever boxes other elements write. */
#include "regions.h"

/* ---- a region is as a frame of its own ------------------------------------------------------------------------- */

static const struct {
    int x, y, width, height;
} boxes[] = { { 0, 0, WIDTH, HEIGHT }, { 8, 4, 40, 40 }, { 60, 30, 36, 34 }, { 2, 2, 16, 60 },
              { 4, 50, 80, 8 },        { 94, 62, 2, 2 }, { 0, 20, 2, 44 } };

/* What the element says of the part of such a frame that videocrop cuts out. */
static struct said say_of_crop (const char *format, const char *resize, GstBuffer *frame, gsize box)
{
    char line[160], caps[160], property[64];
    int right = WIDTH - boxes[box].x - boxes[box].width, bottom = HEIGHT - boxes[box].y - boxes[box].height;
    snprintf (line, sizeof line, "videocrop left=%d top=%d right=%d bottom=%d", boxes[box].x, boxes[box].y, right,
              bottom);
    snprintf (caps, sizeof caps, "video/x-raw, format=(string)%s, width=%d, height=%d, framerate=30/1", format, WIDTH,
              HEIGHT);
    snprintf (property, sizeof property, "resize=%s", resize);
    GstHarness *h = gst_harness_new_parse (line);
    gst_harness_set_src_caps_str (h, caps);
    GstBuffer *cropped = gst_harness_push_and_pull (h, gst_buffer_ref (frame));
    struct rig rig = rig_new (property);
    rig_caps (&rig, format, boxes[box].width, boxes[box].height);
    struct said said = show (&rig, cropped);
    rig_free (&rig);
    gst_harness_teardown (h);
    return said;
}

static void check_as_frame (const char *format, const char *resize, float tolerance)
{
    char property[64];
    snprintf (property, sizeof property, "resize=%s", resize);
    struct rig rig = regions_rig (property);
    rig_caps (&rig, format, WIDTH, HEIGHT);
    GstBuffer *frame = new_frame (gst_video_format_from_string (format), WIDTH, HEIGHT, paint_slope);
    GstBuffer *marked = gst_buffer_copy_deep (frame);
    for (gsize i = 0; i < G_N_ELEMENTS (boxes); i++)
        add_roi (marked, "thing", (int)i + 1, boxes[i].x, boxes[i].y, boxes[i].width, boxes[i].height);
    struct heard heard = push (&rig, marked, NULL);
    CHECK (heard.count == (int)G_N_ELEMENTS (boxes), "%s: %d messages", format, heard.count);
    for (gsize i = 0; i < MIN ((gsize)heard.count, G_N_ELEMENTS (boxes)); i++) {
        struct said own = heard.of[i].said, crop = say_of_crop (format, resize, frame, i);
        float most = 0;
        for (int c = 0; c < 3; c++)
            most = fmaxf (most, fabsf (own.colour[c] - crop.colour[c]));
        CHECK (own.count == 4 && crop.count == 4 && own.ids[0] == crop.ids[0] && most <= tolerance,
               "%s, %s, region %d is %.1f %.1f %.1f, as a frame %.1f %.1f %.1f", format, resize, (int)i,
               (double)own.colour[0], (double)own.colour[1], (double)own.colour[2], (double)crop.colour[0],
               (double)crop.colour[1], (double)crop.colour[2]);
        CHECK (heard.of[i].x == boxes[i].x && heard.of[i].y == boxes[i].y && heard.of[i].width == boxes[i].width &&
                   heard.of[i].height == boxes[i].height && heard.of[i].id == i + 1 &&
                   strcmp (heard.of[i].type, "thing") == 0 && own.fresh,
               "%s: region %d is told as %s %d at %d %d %dx%d", format, (int)i, heard.of[i].type, (int)heard.of[i].id,
               heard.of[i].x, heard.of[i].y, heard.of[i].width, heard.of[i].height);
    }
    gst_buffer_unref (frame);
    rig_free (&rig);
}

static void check_as_frames (void)
{
    group ("a region is as a frame of its own");
    GstElementFactory *factory = gst_element_factory_find ("videocrop");
    if (!factory) {
        SKIP ("there is no videocrop");
        return;
    }
    gst_object_unref (factory);
    static const char *const formats[] = { "RGB", "BGRx", "I420", "NV12", "YUY2", "Y444", "GRAY8" };
    static const char *const resizes[] = { "crop", "stretch", "letterbox" };
    for (gsize f = 0; f < G_N_ELEMENTS (formats); f++)
        for (gsize r = 0; r < G_N_ELEMENTS (resizes); r++)
            check_as_frame (formats[f], resizes[r], 0);
    check_as_frame ("GRAY16_LE", "stretch", 2); /* GstVideoConverter's */
    check_as_frame ("I420_10LE", "crop", 2);
}

/* ---- what is said ---------------------------------------------------------------------------------------------- */

static void check_metadata (void)
{
    group ("metadata of regions");
    struct rig rig = regions_rig ("name=sees threshold=0.1");
    GstBuffer *out, *frame = rgb (paint_halves, 3);
    GstVideoRegionOfInterestMeta *roi = add_roi (frame, "left", 0, 4, 4, 30, 40);
    gst_video_region_of_interest_meta_add_param (roi, gst_structure_new_empty ("detection"));
    add_roi (frame, "right", 7, 60, 10, 30, 20);
    struct heard heard = push (&rig, frame, &out);
    CHECK (heard.count == 2 && heard.of[0].id == G_MAXUINT64 && heard.of[1].id == 7, "%d messages", heard.count);
    CHECK (count_rois (out) == 2, "%d regions on the frame", count_rois (out));
    static const char *const best[] = { "red", "blue" };
    for (int n = 0; n < 2; n++) {
        gboolean fresh;
        CHECK (strcmp (label_at (out, n, &fresh), best[n]) == 0 && fresh == TRUE, "region %d is %s, fresh %d", n,
               label_at (out, n, &fresh), fresh);
        GstStructure *param = gst_video_region_of_interest_meta_get_param (roi_at (out, n), "classification");
        const char *element = param ? gst_structure_get_string (param, "element_id") : NULL;
        gint id = -1;
        gdouble confidence = -1;
        if (param)
            gst_structure_get (param, "label_id", G_TYPE_INT, &id, "confidence", G_TYPE_DOUBLE, &confidence, NULL);
        CHECK (id == 2 * n && confidence > 0.8 && confidence <= 1 && g_strcmp0 (element, "sees") == 0,
               "region %d: class %d, confidence %g, of %s", n, id, confidence, element);
    }
    CHECK (gst_video_region_of_interest_meta_get_param (roi_at (out, 0), "detection"), "another's parameter is gone");
    const GstStructure *said = result_of (out, "sees");
    const GValue *regions = said ? gst_structure_get_value (said, "regions") : NULL;
    CHECK (regions && gst_value_array_get_size (regions) == 2 && !gst_structure_has_field (said, "label"),
           "the custom meta does not hold two regions");
    for (guint n = 0; regions && n < gst_value_array_get_size (regions); n++) {
        const GstStructure *region = gst_value_get_structure (gst_value_array_get_value (regions, n));
        gint x = -1;
        gst_structure_get_int (region, "x", &x);
        CHECK (g_strcmp0 (gst_structure_get_string (region, "label"), best[n]) == 0 && x == (n ? 60 : 4),
               "region %u of the custom meta is %s at %d", n, gst_structure_get_string (region, "label"), x);
    }
    gst_buffer_unref (out);
    heard = push (&rig, rgb (paint_halves, 4), &out);
    CHECK (heard.count == 0 && !result_of (out, "sees"), "something is said of a frame without regions");
    gst_buffer_unref (out);
    rig_free (&rig);
}

/* Only the types that are named; not what another convrelu has put there. */
static void check_types (void)
{
    static const struct {
        const char *types;
        int count;
    } tests[] = { { "", 3 },      { "cat", 1 },  { " dog , cat ", 2 }, { "cat,cat", 1 },       { ",,", 3 },
                  { "ca", 0 },    { "cats", 0 }, { "cat dog", 0 },     { "Cat", 0 },           { "a b,dog", 2 },
                  { "\xff,", 0 }, { "dog,", 1 }, { "none", 0 },        { "classification", 1 } };
    group ("region-types");
    struct rig rig = regions_rig ("");
    for (gsize i = 0; i < G_N_ELEMENTS (tests); i++) {
        GstBuffer *frame = rgb (paint_slope, (int)i);
        g_object_set (rig.element, "region-types", tests[i].types, NULL);
        add_roi (frame, "cat", 0, 0, 0, 20, 20);
        add_roi (frame, "dog", 0, 20, 0, 20, 20);
        add_roi (frame, "a b", 0, 40, 0, 20, 20);
        add_roi (frame, "classification", 0, 0, 0, WIDTH, HEIGHT);
        struct heard heard = push (&rig, frame, NULL);
        CHECK (heard.count == tests[i].count, "\"%s\" means %d of them", tests[i].types, heard.count);
    }
    rig_free (&rig);
    struct rig first = rig_new (NULL), second = regions_rig ("");
    rig_caps (&first, "RGB", WIDTH, HEIGHT);
    GstBuffer *out = gst_harness_push_and_pull (first.h, rgb (paint_slope, 0));
    struct heard heard = push (&second, out, NULL);
    CHECK (heard.count == 0, "%d regions in what another convrelu has said", heard.count);
    rig_free (&first);
    rig_free (&second);
}

/* ---- when ------------------------------------------------------------------------------------------------------ */

/* Whatever their ids: each is seen on its own first frame and every third one from there on, and carries what was seen
 * last in between. */
static void check_interval (bool ids)
{
    group (ids ? "region-interval by ids" : "region-interval by overlap");
    struct rig rig = regions_rig ("region-interval=3");
    for (int n = 0; n < 12; n++) {
        bool late = n >= 2; /* the second one comes later */
        GstBuffer *out, *frame = rgb (n % 3 == 0 ? paint_halves : paint_swapped, n);
        add_roi (frame, "a", ids ? 5 : 0, ids ? (n % 2) * 20 : n / 4, 0, 24, 24);
        if (late)
            add_roi (frame, "b", ids ? 9 : 0, 60, 8, 30, 30);
        struct heard heard = push (&rig, frame, &out);
        bool first = n % 3 == 0, second = late && (n - 2) % 3 == 0;
        CHECK (heard.count == first + second, "frame %d: %d messages", n, heard.count);
        gboolean fresh;
        const char *label = label_at (out, 0, &fresh);
        CHECK (strcmp (label, "red") == 0 && fresh == first, "frame %d: the first is %s, fresh %d", n, label, fresh);
        label = label_at (out, 1, &fresh); /* it is looked at where the sides are swapped */
        CHECK (!late || (strcmp (label, "red") == 0 && fresh == second), "frame %d: the second is %s, fresh %d", n,
               label, fresh);
        gst_buffer_unref (out);
    }
    rig_free (&rig);
}

static void check_identity (void)
{
    group ("which region is which");
    struct rig rig = regions_rig ("region-interval=1000");
    static const struct {
        const char *type;
        int id, object, x, fresh; /* fresh: it is another one */
    } steps[] = {
        { "a", 0, 0, 0, 1 },  { "a", 0, 0, 4, 0 },  { "a", 0, 0, 8, 0 },  { "a", 0, 0, 40, 1 }, { "b", 0, 0, 40, 1 },
        { "a", 3, 0, 40, 0 }, { "a", 3, 0, 70, 0 }, { "b", 3, 0, 70, 1 }, { "a", 4, 0, 72, 0 }, { "a", 0, 0, 70, 0 },
        { "a", 4, 3, 72, 1 }, { "a", 5, 3, 0, 0 },  { "a", 5, 4, 0, 1 },  { "a", 6, 0, 72, 0 },
    };
    for (gsize i = 0; i < G_N_ELEMENTS (steps); i++) {
        GstBuffer *frame = rgb (paint_slope, (int)i);
        GstVideoRegionOfInterestMeta *roi = add_roi (frame, steps[i].type, steps[i].id, steps[i].x, 0, 24, 24);
        if (steps[i].object)
            gst_video_region_of_interest_meta_add_param (
                roi, gst_structure_new ("object_id", "id", G_TYPE_INT, steps[i].object, NULL));
        struct heard heard = push (&rig, frame, NULL);
        CHECK (heard.count == steps[i].fresh, "step %d: %d messages", (int)i, heard.count);
    }
    for (int n = 0; n < 30; n++) /* one that no tracker knows is forgotten, another is not */
        push (&rig, rgb (paint_slope, 20 + n), NULL);
    GstBuffer *frame = rgb (paint_slope, 60);
    add_roi (frame, "a", 0, 72, 0, 24, 24);
    gst_video_region_of_interest_meta_add_param (add_roi (frame, "a", 3, 0, 0, 24, 24),
                                                 gst_structure_new ("object_id", "id", G_TYPE_INT, 3, NULL));
    struct heard heard = push (&rig, frame, NULL);
    CHECK (heard.count == 1 && heard.of[0].id == G_MAXUINT64, "%d are new", heard.count);
    frame = rgb (paint_slope, 61); /* two of one id are two */
    add_roi (frame, "c", 3, 0, 0, 24, 24);
    add_roi (frame, "c", 3, 50, 0, 24, 24);
    heard = push (&rig, frame, NULL);
    CHECK (heard.count == 2, "%d of two with one id", heard.count);
    frame = rgb (paint_slope, 62); /* DL Streamer's trackers */
    for (int n = 0; n < 2; n++)
        gst_video_region_of_interest_meta_add_param (add_roi (frame, "d", 100 + n, n * 30, 0, 24, 24),
                                                     gst_structure_new ("object_id", "id", G_TYPE_INT, 4 + n, NULL));
    heard = push (&rig, frame, NULL);
    CHECK (heard.count == 2 && heard.of[0].id == 4 && heard.of[1].id == 5, "object ids are not read");
    rig_free (&rig);
}

/* So many a frame, those first that have waited for longest, so that each has its turn. */
static void check_most (void)
{
    enum { REGIONS = 40, MOST = 7 };
    group ("region-max");
    char property[32];
    snprintf (property, sizeof property, "region-max=%d", MOST);
    struct rig rig = regions_rig (property);
    int seen[REGIONS] = { 0 };
    for (int n = 0; n < 2 * REGIONS; n++) {
        GstBuffer *frame = rgb (paint_slope, n);
        for (int i = 0; i < REGIONS; i++)
            add_roi (frame, "thing", i + 1, i, i, 20, 20);
        struct heard heard = push (&rig, frame, NULL);
        CHECK (heard.count == MOST, "frame %d: %d messages", n, heard.count);
        for (int i = 0; i < heard.count; i++)
            if (heard.of[i].id >= 1 && heard.of[i].id <= REGIONS)
                seen[heard.of[i].id - 1]++;
    }
    for (int i = 0; i < REGIONS; i++)
        CHECK (seen[i] == 2 * MOST, "region %d was looked at %d times", i, seen[i]);
    CHECK (stat_of (rig.element, "regions") == 2 * REGIONS * MOST && stat_of (rig.element, "inferred") == 2 * REGIONS &&
               stat_of (rig.element, "skipped") == 0,
           "%" G_GUINT64_FORMAT " regions", stat_of (rig.element, "regions"));
    rig_free (&rig);
}

/* ---- boxes of any kind ----------------------------------------------------------------------------------------- */

/* How many pixels of [at, at + length) are among the first `whole`; by counting, not by formulas of the plugin's. */
static int inside (gint64 at, gint64 length, int whole)
{
    int count = 0;
    for (gint64 p = 0; p < whole; p++)
        count += p >= at && p < at + length;
    return count;
}

static void check_storm (const char *format, guint32 seed)
{
    static const guint numbers[] = { 0,          1,          2,     3,          15,         16,
                                     17,         40,         63,    64,         65,         95,
                                     96,         97,         1000,  0x7fffffff, 0x80000000, 0x80000001,
                                     0xffffffff, 0xfffffff0, 65535, 100000,     0xffffffc0, 8 };
    enum { ROUNDS = 12, EACH = 60, LEAST = 3 };
    GRand *random = g_rand_new_with_seed (seed);
    struct rig rig = regions_rig ("region-max=0");
    guint64 good = 0, bad = 0;
    g_object_set (rig.element, "region-min-size", LEAST, NULL);
    rig_caps (&rig, format, WIDTH, HEIGHT);
    for (int n = 0; n < ROUNDS; n++) {
        GstBuffer *frame = timed (new_frame (gst_video_format_from_string (format), WIDTH, HEIGHT, paint_slope), n);
        for (int i = 0; i < EACH; i++) {
            guint box[4];
            for (int k = 0; k < 4; k++)
                box[k] = g_rand_int_range (random, 0, 4)
                             ? numbers[g_rand_int_range (random, 0, (gint32)G_N_ELEMENTS (numbers))]
                             : (guint)g_rand_int_range (random, 0, WIDTH);
            GstVideoRegionOfInterestMeta *roi = gst_buffer_add_video_region_of_interest_meta_id (
                frame, (GQuark)(i % 5 ? g_quark_from_static_string ("thing") : 0), box[0], box[1], box[2], box[3]);
            roi->id = n * EACH + i + 1;
            bool sized = box[2] <= G_MAXINT32 && box[3] <= G_MAXINT32;
            int width = inside ((gint32)box[0], box[2], WIDTH), height = inside ((gint32)box[1], box[3], HEIGHT);
            bool usable = sized && MIN (width, height) >= LEAST;
            good += usable;
            bad += !usable;
        }
        push (&rig, frame, NULL);
    }
    CHECK (good > 20 && bad > 20, "the boxes are all alike");
    CHECK (stat_of (rig.element, "regions") == good && stat_of (rig.element, "regions-skipped") == bad,
           "%s: %" G_GUINT64_FORMAT " instead of %" G_GUINT64_FORMAT " regions, %" G_GUINT64_FORMAT " instead of "
           "%" G_GUINT64_FORMAT " skipped",
           format, stat_of (rig.element, "regions"), good, stat_of (rig.element, "regions-skipped"), bad);
    g_rand_free (random);
    rig_free (&rig);
}

static void check_storms (void)
{
    static const char *const formats[] = { "RGB",  "I420",   "NV12",  "YUY2",      "I420_10LE",
                                           "v210", "ARGB64", "RGB8P", "NV12_64Z32" };
    group ("boxes of any kind");
    for (gsize f = 0; f < G_N_ELEMENTS (formats); f++)
        check_storm (formats[f], 1000 + (guint32)f);
}

static void check_many (void)
{
    enum { MANY = 3000, MOST = 256 };
    group ("very many regions");
    struct rig rig = regions_rig ("region-max=3 post-messages=false");
    for (int n = 0; n < 4; n++) {
        GstBuffer *out, *frame = rgb (paint_slope, n);
        for (int i = 0; i < MANY; i++)
            add_roi (frame, "thing", n % 2 ? i + 1 : 0, i % 50, i % 40, 20, 20);
        push (&rig, frame, &out);
        int labelled = 0;
        gboolean fresh;
        for (int i = 0; i < 2 * MOST; i++)
            labelled += *label_at (out, i, &fresh) != '\0';
        CHECK (labelled >= 3 && labelled <= MOST, "frame %d: %d have a class", n, labelled);
        gst_buffer_unref (out);
    }
    CHECK (stat_of (rig.element, "regions") == 12 && stat_of (rig.element, "regions-skipped") == 4 * (MANY - MOST),
           "%" G_GUINT64_FORMAT " skipped", stat_of (rig.element, "regions-skipped"));
    rig_free (&rig);
}

/* What upstream says is no picture is none of a region. */
static void check_picture (void)
{
    group ("GstVideoCropMeta");
    struct rig rig = regions_rig ("");
    GstBuffer *frame = rgb (paint_slope, 0);
    GstVideoCropMeta *crop = gst_buffer_add_video_crop_meta (frame);
    crop->x = 20;
    crop->y = 10;
    crop->width = 40;
    crop->height = 30;
    add_roi (frame, "a", 1, 0, 0, WIDTH, HEIGHT);
    add_roi (frame, "a", 2, 0, 0, 20, 64);
    struct heard heard = push (&rig, frame, NULL);
    CHECK (heard.count == 1 && heard.of[0].x == 20 && heard.of[0].y == 10 && heard.of[0].width == 40 &&
               heard.of[0].height == 30,
           "%d regions, the first at %d %d, %d x %d", heard.count, heard.of[0].x, heard.of[0].y, heard.of[0].width,
           heard.of[0].height);
    rig_free (&rig);
}

/* A field has half the lines of the frame that boxes are of. */
static void check_fields (void)
{
    static const char *const formats[] = { "RGB", "I420", "I420_10LE" };
    group ("regions of fields");
    for (gsize f = 0; f < G_N_ELEMENTS (formats); f++) {
        GstVideoFormat format = gst_video_format_from_string (formats[f]);
        char caps[256];
        snprintf (caps, sizeof caps,
                  "video/x-raw(format:Interlaced),format=(string)%s,width=%d,height=%d,framerate=25/1,"
                  "interlace-mode=(string)alternate",
                  formats[f], WIDTH, HEIGHT);
        struct rig whole = regions_rig (""), fields = regions_rig ("");
        GstBuffer *frame = new_frame (format, WIDTH, HEIGHT, paint_slope);
        GstBuffer *field = new_frame (format, WIDTH, HEIGHT / 2, paint_slope);
        rig_caps (&whole, formats[f], WIDTH, HEIGHT);
        gst_harness_set_src_caps_str (fields.h, caps);
        for (int i = 0; i < 2; i++)
            for (gsize b = 0; b < 3; b++)
                add_roi (i ? field : frame, "a", (int)b + 1, (int)b * 16, (int)b * 16, 48, 32);
        add_roi (field, "a", 9, WIDTH - 1, HEIGHT - 1, 1, 1);
        struct heard one = push (&whole, frame, NULL), other = push (&fields, field, NULL);
        CHECK (one.count == 3 && other.count == 4, "%s: %d and %d regions", formats[f], one.count, other.count);
        for (int i = 0; i < 3; i++)
            CHECK (near (other.of[i].said.colour, one.of[i].said.colour[0], one.of[i].said.colour[1],
                         one.of[i].said.colour[2], 4) &&
                       other.of[i].y == i * 16 && other.of[i].height == 32,
                   "%s: region %d is %.0f %.0f of the frame, %.0f %.0f of a field", formats[f], i,
                   (double)one.of[i].said.colour[0], (double)one.of[i].said.colour[1],
                   (double)other.of[i].said.colour[0], (double)other.of[i].said.colour[1]);
        rig_free (&whole);
        rig_free (&fields);
    }
}

int main (int argc, char **argv)
{
    if (!start_tests (&argc, &argv))
        return EXIT_FAILURE;
    check_as_frames ();
    check_metadata ();
    check_types ();
    check_interval (true);
    check_interval (false);
    check_identity ();
    check_most ();
    check_storms ();
    check_many ();
    check_picture ();
    check_fields ();
    return end_tests ();
}
