/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* drawings.c: "dead leaves": discs and rectangles of all sizes lie on each other, each of one colour,
 * under a little noise.
 *
 * With radii of density r^-3 the picture looks alike at every scale, and its edges and spectrum are those of natural
 * pictures (Lee, Mumford and Huang, Occlusion Models for Natural Images, IJCV 2001). Whole numbers, and of floating
 * point only what IEEE 754 rounds in one way: + - * / and the root. */
#include "models/drawings.h"

#include <math.h>
#include <stdbool.h>

enum { SHAPES = 1500 };

struct shape {
    double x, y, reach_x, reach_y; /* centre; half of its sides, or the radius twice */
    double cosine, sine;           /* of how it is turned */
    bool disc;
    uint8_t colour[3];
};

/* The next of a sequence that repeats after 2^64: Vigna's splitmix64. */
static uint64_t next_number (uint64_t *state)
{
    uint64_t z = *state += UINT64_C (0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C (0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C (0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* From 0 to below 1. */
static double next_part (uint64_t *state)
{
    return (double)(next_number (state) >> 11) / 9007199254740992.0; /* 2^53 */
}

/* Its density is r^-3 from `least` to `most`. */
static double next_radius (uint64_t *state, double least, double most)
{
    double ratio = least / most;
    return least / sqrt (1 - next_part (state) * (1 - ratio * ratio));
}

static struct shape next_shape (uint64_t *state, int width, int height)
{
    double side = width < height ? width : height;
    double radius = next_radius (state, side / 100, side / 2);
    struct shape shape = { .x = next_part (state) * width, .y = next_part (state) * height };
    double slim = 0.25 + 0.75 * next_part (state);
    double across = 2 * next_part (state) - 1, down = 2 * next_part (state) - 1;
    double length = sqrt (across * across + down * down);
    shape.disc = next_number (state) >> 63;
    shape.reach_x = radius;
    shape.reach_y = shape.disc ? radius : radius * slim;
    shape.cosine = length > 0 ? across / length : 1;
    shape.sine = length > 0 ? down / length : 0;
    uint64_t colours = next_number (state);
    for (int c = 0; c < 3; c++)
        shape.colour[c] = (uint8_t)(colours >> 8 * c);
    return shape;
}

/* The first and the last of 0 .. size - 1 that a shape around `centre` may touch. */
static void span (double centre, double reach, int size, int *first, int *last)
{
    double low = floor (centre - reach), high = ceil (centre + reach);
    *first = low < 0 ? 0 : (int)low;
    *last = high > size - 1 ? size - 1 : (int)high;
}

static void paint (const struct shape *shape, int width, int height, uint8_t *rgb)
{
    double reach = shape->disc ? shape->reach_x : shape->reach_x + shape->reach_y;
    double radius_2 = shape->reach_x * shape->reach_x;
    int left, right, top, bottom;
    span (shape->x, reach, width, &left, &right);
    span (shape->y, reach, height, &top, &bottom);
    for (int y = top; y <= bottom; y++) {
        double down = y + 0.5 - shape->y;
        for (int x = left; x <= right; x++) {
            double across = x + 0.5 - shape->x;
            bool inside = shape->disc ? across * across + down * down <= radius_2
                                      : fabs (across * shape->cosine + down * shape->sine) <= shape->reach_x &&
                                            fabs (down * shape->cosine - across * shape->sine) <= shape->reach_y;
            uint8_t *pixel = rgb + 3 * ((int64_t)y * width + x);
            for (int c = 0; inside && c < 3; c++)
                pixel[c] = shape->colour[c];
        }
    }
}

/* As a camera's: in areas of one colour int8 would round every number the same way, and errors that noise evens out
 * would add up. */
static void add_noise (uint64_t *state, int64_t count, uint8_t *values)
{
    enum { MOST = 8 };
    for (int64_t i = 0; i < count; i++) {
        int value = values[i] + (int)(next_number (state) >> 33) % (2 * MOST + 1) - MOST;
        values[i] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
    }
}

void drawings_draw (int index, int width, int height, uint8_t *rgb)
{
    uint64_t state = (uint64_t)index << 32;
    uint64_t ground = next_number (&state);
    for (int64_t i = 0; i < (int64_t)3 * width * height; i++)
        rgb[i] = (uint8_t)(ground >> 8 * (i % 3));
    for (int i = 0; i < SHAPES; i++) {
        struct shape shape = next_shape (&state, width, height);
        paint (&shape, width, height, rgb);
    }
    add_noise (&state, (int64_t)3 * width * height, rgb);
}
