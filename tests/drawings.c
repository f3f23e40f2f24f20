/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* drawings.c: things that the built-in network knows, drawn, for a demonstration without a camera and without anybody's
 * photographs.
 *
 * usage: drawings FOLDER      writes FOLDER/0-yin-and-yang.png, 1-stop-sign.png, ... of 640 x 480 pixels and prints
 * their
 *                             paths; exit code 1 and one line when a file cannot be written */
#include <cairo.h>

#include <math.h>
#include <stdio.h>

enum { WIDTH = 640, HEIGHT = 480 };
static const double turn = 2 * 3.14159265358979323846;

static void grey (cairo_t *to, double light)
{
    cairo_set_source_rgb (to, light, light, light);
}

static void disc (cairo_t *to, double x, double y, double radius)
{
    cairo_arc (to, x, y, radius, 0, turn);
    cairo_fill (to);
}

/* A regular polygon, its first corner at `angle` of a full turn. */
static void polygon (cairo_t *to, int corners, double x, double y, double radius, double angle)
{
    for (int i = 0; i < corners; i++) {
        double a = (angle + (double)i / corners) * turn;
        cairo_line_to (to, x + radius * cos (a), y + radius * sin (a));
    }
    cairo_close_path (to);
}

/* From one colour at the top to another at the bottom. */
static void background (cairo_t *to, const double top[3], const double bottom[3])
{
    cairo_pattern_t *shades = cairo_pattern_create_linear (0, 0, 0, HEIGHT);
    cairo_pattern_add_color_stop_rgb (shades, 0, top[0], top[1], top[2]);
    cairo_pattern_add_color_stop_rgb (shades, 1, bottom[0], bottom[1], bottom[2]);
    cairo_set_source (to, shades);
    cairo_paint (to);
    cairo_pattern_destroy (shades);
}

static void yin_and_yang (cairo_t *to)
{
    grey (to, 1);
    cairo_paint (to);
    grey (to, 0);
    disc (to, 320, 240, 184);
    grey (to, 1);
    disc (to, 320, 240, 176);
    grey (to, 0);
    cairo_arc (to, 320, 240, 176, turn / 4, -turn / 4);
    cairo_fill (to);
    disc (to, 320, 328, 88);
    grey (to, 1);
    disc (to, 320, 152, 88);
    disc (to, 320, 328, 26);
    grey (to, 0);
    disc (to, 320, 152, 26);
}

static void stop_sign (cairo_t *to)
{
    background (to, (const double[]) { 0.35, 0.55, 0.85 }, (const double[]) { 0.8, 0.88, 0.95 });
    grey (to, 0.45);
    cairo_rectangle (to, 308, 300, 24, 180);
    cairo_fill (to);
    grey (to, 0.95);
    polygon (to, 8, 320, 215, 190, 1.0 / 16);
    cairo_fill (to);
    cairo_set_source_rgb (to, 0.75, 0.08, 0.1);
    polygon (to, 8, 320, 215, 178, 1.0 / 16);
    cairo_fill (to);
    grey (to, 0.95);
    cairo_select_font_face (to, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_BOLD);
    cairo_set_font_size (to, 112);
    cairo_text_extents_t box;
    cairo_text_extents (to, "STOP", &box);
    cairo_move_to (to, 320 - box.width / 2 - box.x_bearing, 215 - box.height / 2 - box.y_bearing);
    cairo_show_text (to, "STOP");
}

static void sunflower (cairo_t *to)
{
    background (to, (const double[]) { 0.45, 0.65, 0.9 }, (const double[]) { 0.16, 0.4, 0.12 });
    for (int i = 0; i < 56; i++) { /* petals in two rings, the outer one first */
        double shade = 0.8 + 0.2 * ((i * 7) % 5) / 4.0;
        cairo_save (to);
        cairo_translate (to, 320, 240);
        cairo_rotate (to, (i % 28 + (i < 28 ? 0.5 : 0)) * turn / 28);
        cairo_scale (to, i < 28 ? 1 : 0.86, 1);
        cairo_move_to (to, 80, 0);
        cairo_curve_to (to, 120, -34, 180, -24, 214, 0);
        cairo_curve_to (to, 180, 24, 120, 34, 80, 0);
        cairo_set_source_rgb (to, shade, 0.78 * shade, 0.05);
        cairo_fill_preserve (to);
        cairo_set_source_rgb (to, 0.75, 0.5, 0.02);
        cairo_set_line_width (to, 1.5);
        cairo_stroke (to);
        cairo_restore (to);
    }
    cairo_set_source_rgb (to, 0.22, 0.12, 0.05);
    disc (to, 320, 240, 96);
    for (int i = 0; i < 400; i++) { /* seeds on Fermat's spiral */
        double radius = 92 * sqrt (i / 400.0), angle = i * 2.39996;
        cairo_set_source_rgb (to, 0.35 + 0.25 * (i % 3), 0.2 + 0.15 * (i % 3), 0.06);
        disc (to, 320 + radius * cos (angle), 240 + radius * sin (angle), 2.2);
    }
}

/* A ball of white and black leather. */
static void soccer_ball (cairo_t *to)
{
    cairo_set_source_rgb (to, 0.3, 0.55, 0.25);
    cairo_paint (to);
    cairo_pattern_t *light = cairo_pattern_create_radial (270, 180, 20, 320, 240, 190);
    cairo_pattern_add_color_stop_rgb (light, 0, 1, 1, 1);
    cairo_pattern_add_color_stop_rgb (light, 1, 0.68, 0.68, 0.7);
    cairo_arc (to, 320, 240, 180, 0, turn);
    cairo_set_source (to, light);
    cairo_fill (to);
    cairo_pattern_destroy (light);
    cairo_arc (to, 320, 240, 180, 0, turn);
    cairo_clip (to);
    grey (to, 0.12);
    polygon (to, 5, 320, 240, 62, 0.05);
    cairo_fill (to);
    cairo_set_line_width (to, 5);
    for (int i = 0; i < 5; i++) {
        double a = (0.05 + i / 5.0) * turn, b = a + turn / 10;
        polygon (to, 5, 320 + 178 * cos (a), 240 + 178 * sin (a), 56, 0.55 + i / 5.0);
        cairo_fill (to);
        cairo_move_to (to, 320 + 62 * cos (a), 240 + 62 * sin (a));
        cairo_line_to (to, 320 + 124 * cos (a), 240 + 124 * sin (a));
        cairo_move_to (to, 320 + 145 * cos (a + 0.28), 240 + 145 * sin (a + 0.28));
        cairo_line_to (to, 320 + 150 * cos (b), 240 + 150 * sin (b));
        cairo_line_to (to, 320 + 145 * cos (a + turn / 5 - 0.28), 240 + 145 * sin (a + turn / 5 - 0.28));
        cairo_move_to (to, 320 + 150 * cos (b), 240 + 150 * sin (b));
        cairo_line_to (to, 320 + 182 * cos (b), 240 + 182 * sin (b));
        cairo_stroke (to);
    }
}

int main (int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*draw) (cairo_t *to);
    } things[] = { { "yin-and-yang", yin_and_yang },
                   { "stop-sign", stop_sign },
                   { "sunflower", sunflower },
                   { "soccer-ball", soccer_ball } };
    if (argc != 2) {
        fprintf (stderr, "usage: drawings FOLDER\n");
        return 2;
    }
    for (size_t i = 0; i < sizeof things / sizeof *things; i++) {
        char path[4096];
        snprintf (path, sizeof path, "%s/%zu-%s.png", argv[1], i, things[i].name);
        cairo_surface_t *surface = cairo_image_surface_create (CAIRO_FORMAT_RGB24, WIDTH, HEIGHT);
        cairo_t *to = cairo_create (surface);
        things[i].draw (to);
        cairo_destroy (to);
        cairo_status_t status = cairo_surface_write_to_png (surface, path);
        cairo_surface_destroy (surface);
        if (status != CAIRO_STATUS_SUCCESS) {
            fprintf (stderr, "drawings: %s: %s\n", path, cairo_status_to_string (status));
            return 1;
        }
        puts (path);
    }
    return 0;
}
