/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pointing.c: navigation events become changes of properties; see pointing.h. */
#include "plugin/pointing.h"

#include <gst/video/navigation.h>
#include <string.h>

#include "plugin/log.h"
#include "plugin/overlay/targets.h"
#include "plugin/watched.h"

enum { WAITING_MAX = 64 };

struct event {
    const struct key *key; /* NULL: a click */
    double x, y;
};

/* A property that was changed from here. */
struct changed {
    const char *name;
    GValue before, ours;
};

struct pointing {
    GstElement *element;
    struct shared *shared;

    /* under the object lock */
    GQueue waiting;   /* of struct event */
    gboolean working; /* somebody acts on them; the rest is theirs */

    GArray *changed; /* of struct changed */
    struct targets *targets;
};

struct key {
    const char *name;
    void (*press) (struct pointing *pointing, int step);
    int step;
};

/* ---- properties ------------------------------------------------------------------------------------------------ */

static void read_property (const struct pointing *pointing, const char *name, GValue *value)
{
    GParamSpec *spec = g_object_class_find_property (G_OBJECT_GET_CLASS (pointing->element), name);
    g_value_init (value, G_PARAM_SPEC_VALUE_TYPE (spec));
    g_object_get_property (G_OBJECT (pointing->element), name, value);
}

static struct changed *find_changed (struct pointing *pointing, const char *name)
{
    for (guint i = 0; i < pointing->changed->len; i++)
        if (strcmp (g_array_index (pointing->changed, struct changed, i).name, name) == 0)
            return &g_array_index (pointing->changed, struct changed, i);
    struct changed changed = { name, G_VALUE_INIT, G_VALUE_INIT };
    g_array_append_val (pointing->changed, changed);
    return &g_array_index (pointing->changed, struct changed, pointing->changed->len - 1);
}

static void clear_changed (gpointer data)
{
    struct changed *changed = data;
    g_value_unset (&changed->before);
    g_value_unset (&changed->ours);
}

/* Sets a property, and remembers what it was before the first time: again, where a program has set it meanwhile. */
static void change (struct pointing *pointing, const char *name, const GValue *value)
{
    struct changed *changed = find_changed (pointing, name);
    GValue now = G_VALUE_INIT;
    read_property (pointing, name, &now);
    if (!G_IS_VALUE (&changed->ours) || gst_value_compare (&changed->ours, &now) != GST_VALUE_EQUAL) {
        clear_changed (changed);
        g_value_init (&changed->before, G_VALUE_TYPE (&now));
        g_value_copy (&now, &changed->before);
        g_value_init (&changed->ours, G_VALUE_TYPE (&now));
    }
    g_value_copy (value, &changed->ours);
    g_value_unset (&now);
    GST_DEBUG_OBJECT (pointing->element, "%s is chosen by hand", name);
    g_object_set_property (G_OBJECT (pointing->element), name, value);
}

static guint overlay_now (const struct pointing *pointing)
{
    guint overlay = 0;
    g_object_get (pointing->element, "overlay", &overlay, NULL);
    return overlay;
}

static void change_overlay (struct pointing *pointing, guint overlay)
{
    GValue value = G_VALUE_INIT;
    read_property (pointing, "overlay", &value);
    g_value_set_flags (&value, overlay);
    change (pointing, "overlay", &value);
    g_value_unset (&value);
}

/* Takes `words`. */
static void change_words (struct pointing *pointing, const char *name, char *words)
{
    GValue value = G_VALUE_INIT;
    g_value_init (&value, G_TYPE_STRING);
    g_value_take_string (&value, words);
    change (pointing, name, &value);
    g_value_unset (&value);
}

/* The value after this one, or the first. */
static void change_enum (struct pointing *pointing, const char *name)
{
    GValue value = G_VALUE_INIT;
    read_property (pointing, name, &value);
    GEnumClass *all = g_type_class_ref (G_VALUE_TYPE (&value));
    guint at = 0;
    while (at < all->n_values && all->values[at].value != g_value_get_enum (&value))
        at++;
    g_value_set_enum (&value, all->values[(at + 1) % all->n_values].value);
    g_type_class_unref (all);
    change (pointing, name, &value);
    g_value_unset (&value);
}

/* ---- the unit -------------------------------------------------------------------------------------------------- */

static const guint shows_unit = 0
#define OVERLAY_FLAG(name, nick, needs, text) | ((needs)&NEEDS_UNIT ? OVERLAY_##name : 0)
#include "plugin/overlay/panel_kinds.def"
    ;

/* As the property says; what it leaves open, as it is drawn. */
struct unit {
    int layer, channel, y, x; /* y -1: its strongest place */
    gboolean walk;
};

static const struct graph *graph_of (const struct pointing *pointing)
{
    return pointing->targets ? model_graph (pointing->targets->model) : NULL;
}

/* The layers whose numbers can be taken apart, from input to output. */
static GArray *unit_layers (const struct pointing *pointing)
{
    const struct graph *g = graph_of (pointing);
    GArray *layers = layers_all (g);
    for (guint i = layers->len; i-- > 0;)
        if (!watched_sums (g, g_array_index (layers, struct layer, i)))
            g_array_remove_index (layers, i);
    return layers;
}

/* Place of the layer among `layers`, or -1. */
static int index_of_layer (const GArray *layers, int post)
{
    for (guint i = 0; i < layers->len; i++)
        if (g_array_index (layers, struct layer, i).post == post)
            return (int)i;
    return -1;
}

/* The first of the layers that the words name; the first of all where they name none of them. */
static int layer_named (const struct pointing *pointing, const GArray *layers, const char *words, int length)
{
    struct layer_choice choice = { .count = 0 };
    char *name = g_strndup (words, (gsize)length);
    int found = -1;
    if (*name)
        layers_choose (graph_of (pointing), name, &choice);
    for (int i = 0; i < choice.count && found < 0; i++)
        if (index_of_layer (layers, choice.layer[i].post) >= 0)
            found = choice.layer[i].post;
    layers_clear (&choice);
    g_free (name);
    return found >= 0 ? found : g_array_index (layers, struct layer, 0).post;
}

/* The channel of the layer that is drawn, of its maps the first one, or 0. */
static int channel_drawn (const struct targets *targets, int layer)
{
    if (targets->unit.layer == layer)
        return targets->unit.channel;
    for (guint i = 0; i < targets->target->len; i++) {
        const struct target *target = &g_array_index (targets->target, struct target, i);
        if (target->kind == TARGET_CHANNEL && target->channel >= 0 && target->layer == layer)
            return target->channel;
    }
    return 0;
}

/* FALSE: nothing is drawn yet, or the network has no layer that can be taken apart. */
static gboolean unit_now (const struct pointing *pointing, const GArray *layers, struct unit *unit)
{
    const struct targets *targets = pointing->targets;
    char *words = NULL;
    if (layers->len == 0)
        return FALSE;
    g_object_get (pointing->element, "unit", &words, NULL);
    struct unit_words read = unit_words_read (words);
    unit->layer = layer_named (pointing, layers, words ? words : "", read.layer_length);
    unit->channel = read.channel >= 0 ? read.channel : channel_drawn (targets, unit->layer);
    unit->channel = MIN (unit->channel, graph_tensor (graph_of (pointing), unit->layer).channels - 1);
    unit->y = read.y;
    unit->x = read.x;
    unit->walk = read.walk;
    g_free (words);
    return TRUE;
}

static gboolean begin_unit (const struct pointing *pointing, GArray **layers, struct unit *unit)
{
    if (!pointing->targets)
        return FALSE;
    *layers = unit_layers (pointing);
    if (unit_now (pointing, *layers, unit))
        return TRUE;
    g_array_unref (*layers);
    return FALSE;
}

/* Chooses the unit and draws it, if it is not drawn yet. */
static void change_unit (struct pointing *pointing, const struct unit *unit)
{
    GString *words = g_string_new (graph_tensor (graph_of (pointing), unit->layer).name);
    if (unit->channel >= 0)
        g_string_append_printf (words, ":%d", unit->channel);
    if (unit->walk)
        g_string_append (words, ":walk");
    else if (unit->channel >= 0 && unit->y >= 0)
        g_string_append_printf (words, ":%d:%d", unit->y, unit->x);
    change_words (pointing, "unit", g_string_free (words, FALSE));
    guint overlay = overlay_now (pointing);
    if (!(overlay & shows_unit))
        change_overlay (pointing, overlay | OVERLAY_CONVOLUTION);
}

/* ---- keys ------------------------------------------------------------------------------------------------------ */

static void move_layer (struct pointing *pointing, int step)
{
    GArray *layers;
    struct unit unit;
    if (!begin_unit (pointing, &layers, &unit))
        return;
    int at = CLAMP (index_of_layer (layers, unit.layer) + step, 0, (int)layers->len - 1);
    struct unit next = { g_array_index (layers, struct layer, at).post, -1, -1, -1, unit.walk };
    if (next.layer == unit.layer) /* the first or the last one */
        next = unit;
    change_unit (pointing, &next);
    g_array_unref (layers);
}

static void move_channel (struct pointing *pointing, int step)
{
    GArray *layers;
    struct unit unit;
    if (!begin_unit (pointing, &layers, &unit))
        return;
    int channels = graph_tensor (graph_of (pointing), unit.layer).channels;
    unit.channel = (unit.channel + step + channels) % channels;
    change_unit (pointing, &unit);
    g_array_unref (layers);
}

/* Stops where it is. */
static void walk (struct pointing *pointing, int step)
{
    GArray *layers;
    struct unit unit;
    if (!begin_unit (pointing, &layers, &unit))
        return;
    const struct target_unit *drawn = &pointing->targets->unit;
    unit.walk = !unit.walk;
    unit.y = unit.x = -1;
    if (!unit.walk && drawn->layer == unit.layer && drawn->channel == unit.channel) {
        unit.y = drawn->y;
        unit.x = drawn->x;
    }
    change_unit (pointing, &unit);
    g_array_unref (layers);
}

static void next_activation (struct pointing *pointing, int step)
{
    change_enum (pointing, "activation");
}

static void next_stage (struct pointing *pointing, int step)
{
    change_enum (pointing, "stage");
}

/* Labels, stats and help stay as they are; one of the others takes the place of those that are drawn. */
static void next_overlay (struct pointing *pointing, int step)
{
    const guint stay = OVERLAY_LABELS | OVERLAY_STATS | OVERLAY_HELP;
    const guint all = 0
#define OVERLAY_FLAG(name, nick, needs, text) | OVERLAY_##name
#include "plugin/overlay/panel_kinds.def"
        ;
    guint overlay = overlay_now (pointing), drawn = overlay & ~stay, last = 0, next = 0;
    for (guint flag = 1; flag <= all; flag <<= 1)
        if (flag & drawn)
            last = flag;
    for (guint flag = last ? last << 1 : 1; next == 0; flag = flag > all ? 1 : flag << 1)
        next = flag & all & ~stay;
    change_overlay (pointing, (overlay & stay) | next);
}

static void help (struct pointing *pointing, int step)
{
    change_overlay (pointing, overlay_now (pointing) ^ OVERLAY_HELP);
}

/* Takes the help away, or else all that was chosen by hand and that no program has set since. */
static void back (struct pointing *pointing, int step)
{
    guint overlay = overlay_now (pointing);
    if (overlay & OVERLAY_HELP) {
        change_overlay (pointing, overlay & ~(guint)OVERLAY_HELP);
        return;
    }
    GArray *changed = pointing->changed;
    pointing->changed = g_array_new (FALSE, FALSE, sizeof (struct changed));
    g_array_set_clear_func (pointing->changed, clear_changed);
    for (guint i = 0; i < changed->len; i++) {
        const struct changed *one = &g_array_index (changed, struct changed, i);
        GValue now = G_VALUE_INIT;
        read_property (pointing, one->name, &now);
        if (gst_value_compare (&one->ours, &now) == GST_VALUE_EQUAL)
            g_object_set_property (G_OBJECT (pointing->element), one->name, &one->before);
        g_value_unset (&now);
    }
    g_array_unref (changed);
}

static const struct key keys[] = {
#define KEY(name, shown, text, function, step) { name, function, step },
#include "plugin/overlay/pointing.def"
};

/* ---- clicks ---------------------------------------------------------------------------------------------------- */

static void choose_channel (struct pointing *pointing, const struct target *target)
{
    GArray *layers = unit_layers (pointing);
    const struct unit unit = { target->layer, target->channel, -1, -1, FALSE };
    if (index_of_layer (layers, target->layer) >= 0)
        change_unit (pointing, &unit);
    else
        GST_INFO_OBJECT (pointing->element, "no convolution ends in the layer that was pointed at");
    g_array_unref (layers);
}

static void choose_class (struct pointing *pointing, int class_id)
{
    guint overlay = overlay_now (pointing);
    char *select = NULL;
    change_words (pointing, "class", g_strdup_printf ("%d", class_id));
    g_object_get (pointing->element, "channel-select", &select, NULL);
    gboolean shown =
        overlay & OVERLAY_CLASS_ACTIVATION || (overlay & OVERLAY_FEATURE_MAPS && g_strcmp0 (select, "class") == 0);
    if (!shown)
        change_overlay (pointing, overlay | OVERLAY_CLASS_ACTIVATION);
    g_free (select);
}

static void choose_place (struct pointing *pointing, double x, double y)
{
    GArray *layers;
    struct unit unit;
    if (!begin_unit (pointing, &layers, &unit))
        return;
    unit.walk = FALSE;
    if (targets_place (pointing->targets, unit.layer, x, y, &unit.y, &unit.x))
        change_unit (pointing, &unit);
    g_array_unref (layers);
}

static void click (struct pointing *pointing, double x, double y)
{
    const struct target *target = targets_at (pointing->targets, x, y);
    if (!target)
        choose_place (pointing, x, y);
    else if (target->kind == TARGET_CHANNEL)
        choose_channel (pointing, target);
    else if (target->kind == TARGET_CLASS)
        choose_class (pointing, target->class_id);
}

/* ---- events ---------------------------------------------------------------------------------------------------- */

struct pointing *pointing_new (GstElement *element, struct shared *shared)
{
    struct pointing *pointing = g_new0 (struct pointing, 1);
    pointing->element = element;
    pointing->shared = shared;
    g_queue_init (&pointing->waiting);
    pointing->changed = g_array_new (FALSE, FALSE, sizeof (struct changed));
    g_array_set_clear_func (pointing->changed, clear_changed);
    return pointing;
}

void pointing_free (struct pointing *pointing)
{
    g_queue_clear_full (&pointing->waiting, g_free);
    g_array_unref (pointing->changed);
    g_free (pointing);
}

static const struct key *find_key (const char *name)
{
    for (guint i = 0; name && i < G_N_ELEMENTS (keys); i++)
        if (g_ascii_strcasecmp (keys[i].name, name) == 0)
            return &keys[i];
    return NULL;
}

/* Held with a key they make it another one: a window's shortcut. */
static gboolean has_modifier (GstEvent *event)
{
    const guint others = GST_NAVIGATION_MODIFIER_CONTROL_MASK | GST_NAVIGATION_MODIFIER_MOD1_MASK |
                         GST_NAVIGATION_MODIFIER_MOD4_MASK | GST_NAVIGATION_MODIFIER_SUPER_MASK |
                         GST_NAVIGATION_MODIFIER_HYPER_MASK | GST_NAVIGATION_MODIFIER_META_MASK;
    GstNavigationModifierType state = GST_NAVIGATION_MODIFIER_NONE;
    return gst_navigation_event_parse_modifier_state (event, &state) && state & others;
}

/* Whether the event says where; GStreamer would warn of one that does not. `whose`: the field, of type `type`, that
 * says which button or finger. */
static gboolean has_place (GstEvent *event, const char *whose, GType type)
{
    const GstStructure *structure = gst_event_get_structure (event);
    return gst_structure_has_field_typed (structure, whose, type) &&
           gst_structure_has_field_typed (structure, "pointer_x", G_TYPE_DOUBLE) &&
           gst_structure_has_field_typed (structure, "pointer_y", G_TYPE_DOUBLE);
}

/* FALSE: the event is none that anything comes of. */
static gboolean read_event (GstEvent *event, struct event *read)
{
    const char *name = NULL;
    gint button = 0;
    guint finger;
    *read = (struct event) { .key = NULL };
    switch (gst_navigation_event_get_type (event)) {
    case GST_NAVIGATION_EVENT_KEY_PRESS:
        read->key = gst_navigation_event_parse_key_event (event, &name) ? find_key (name) : NULL;
        return read->key && !has_modifier (event);
    case GST_NAVIGATION_EVENT_MOUSE_BUTTON_PRESS:
        return has_place (event, "button", G_TYPE_INT) &&
               gst_navigation_event_parse_mouse_button_event (event, &button, &read->x, &read->y) && button == 1;
    case GST_NAVIGATION_EVENT_TOUCH_DOWN:
        return has_place (event, "identifier", G_TYPE_UINT) &&
               gst_structure_has_field_typed (gst_event_get_structure (event), "pressure", G_TYPE_DOUBLE) &&
               gst_navigation_event_parse_touch_event (event, &finger, &read->x, &read->y, NULL);
    default:
        return FALSE;
    }
}

/* The next one, or NULL, also where `left` is 0: then somebody else may act. Under the object lock. */
static struct event *take_next (struct pointing *pointing, guint left)
{
    struct event *event = left > 0 ? g_queue_pop_head (&pointing->waiting) : NULL;
    pointing->working = event != NULL;
    pointing->targets = event ? targets_ref (pointing->shared->targets) : NULL;
    return event;
}

/* Puts the event with those that wait. *next: the one to act on, where nobody acts yet. FALSE: they are not wanted. */
static gboolean enqueue (struct pointing *pointing, const struct event *event, struct event **next)
{
    GST_OBJECT_LOCK (pointing->element);
    const struct appearance *appearance = &pointing->shared->settings.appearance;
    gboolean wanted = appearance->interactive && appearance->overlay != OVERLAY_NONE;
    if (wanted && g_queue_get_length (&pointing->waiting) < WAITING_MAX) {
        struct event *copy = g_new (struct event, 1);
        *copy = *event;
        g_queue_push_tail (&pointing->waiting, copy);
    }
    *next = wanted && !pointing->working ? take_next (pointing, WAITING_MAX) : NULL;
    GST_OBJECT_UNLOCK (pointing->element);
    return wanted;
}

static struct event *dequeue (struct pointing *pointing, guint left)
{
    GST_OBJECT_LOCK (pointing->element);
    struct event *event = take_next (pointing, left);
    GST_OBJECT_UNLOCK (pointing->element);
    return event;
}

gboolean pointing_take (struct pointing *pointing, GstEvent *event)
{
    struct event read, *next;
    if (GST_EVENT_TYPE (event) != GST_EVENT_NAVIGATION || !gst_event_get_structure (event) ||
        !read_event (event, &read) || !enqueue (pointing, &read, &next))
        return FALSE;
    for (guint left = WAITING_MAX; next; next = dequeue (pointing, left)) {
        if (next->key)
            next->key->press (pointing, next->key->step);
        else
            click (pointing, next->x, next->y);
        targets_unref (pointing->targets);
        g_free (next);
        left--;
    }
    return TRUE;
}
