/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* element_page.c: writes the page of each element of a plugin, as the element describes itself: what it is, pads,
 * properties, signals. What gst-inspect-1.0 prints, as HTML that is well-formed XML too. Run while building.
 *
 * usage: element_page PLUGIN.so OUTPUT.html      Exit code: 0: fine; 1: one line on stderr says why not. */
#include <gst/gst.h>

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

/* Appends, with every argument escaped; they must be strings. */
__attribute__ ((format (printf, 2, 3))) static void add (GString *page, const char *format, ...)
{
    va_list list;
    va_start (list, format);
    char *text = g_markup_vprintf_escaped (format, list);
    va_end (list);
    g_string_append (page, text);
    g_free (text);
}

static void add_fact (GString *page, const char *name, const char *value)
{
    if (value)
        add (page, "<tr><th>%s</th><td>%s</td></tr>\n", name, value);
}

/* One row for each structure of the template's caps. */
static void add_pads (GString *page, GstElementFactory *factory)
{
    add (page, "<h2>Pads</h2>\n");
    for (const GList *l = gst_element_factory_get_static_pad_templates (factory); l; l = l->next) {
        GstStaticPadTemplate *pad = l->data;
        GstCaps *caps = gst_static_pad_template_get_caps (pad);
        static const char *const presences[] = { "always", "sometimes", "on request" };
        add (page, "<h3>%s</h3>\n<p>%s, %s</p>\n", pad->name_template,
             pad->direction == GST_PAD_SRC ? "source" : "sink", presences[pad->presence]);
        for (guint n = 0; n < gst_caps_get_size (caps); n++) {
            char *features = gst_caps_features_to_string (gst_caps_get_features (caps, n));
            char *structure = gst_structure_to_string (gst_caps_get_structure (caps, n));
            add (page, "<p><b>%s</b></p><p><code>%s</code></p>\n", features, structure);
            g_free (structure);
            g_free (features);
        }
        gst_caps_unref (caps);
    }
}

/* The default as gst-launch-1.0 takes it. */
static char *default_text (GParamSpec *spec)
{
    const GValue *value = g_param_spec_get_default_value (spec);
    const GEnumValue *word = G_IS_PARAM_SPEC_ENUM (spec)
                                 ? g_enum_get_value (G_PARAM_SPEC_ENUM (spec)->enum_class, g_value_get_enum (value))
                                 : NULL;
    bool no_flags = G_IS_PARAM_SPEC_FLAGS (spec) && !g_value_get_flags (value);
    bool nothing = G_VALUE_HOLDS_BOXED (value) && !g_value_get_boxed (value);
    char *text = NULL;
    if (word)
        text = g_strdup (word->value_nick);
    else if (no_flags)
        text = g_strdup ("none");
    else if (G_VALUE_HOLDS_FLOAT (value))
        text = g_strdup_printf ("%g", g_value_get_float (value));
    else if (G_VALUE_HOLDS_DOUBLE (value))
        text = g_strdup_printf ("%g", g_value_get_double (value));
    else if (G_VALUE_HOLDS_STRING (value))
        text = g_value_dup_string (value);
    else if (!nothing)
        text = gst_value_serialize (value);
    return text ? text : g_strdup ("(none)");
}

/* The smallest and the largest of a number, or NULL. */
static char *range_text (GParamSpec *spec)
{
#define RANGE(KIND, kind, format)                                                                                      \
    if (G_IS_PARAM_SPEC_##KIND (spec)) {                                                                               \
        GParamSpec##kind *number = (GParamSpec##kind *)spec;                                                           \
        return g_strdup_printf ("%" format " to %" format, number->minimum, number->maximum);                          \
    }
    RANGE (INT, Int, "d")
    RANGE (UINT, UInt, "u")
    RANGE (INT64, Int64, G_GINT64_FORMAT)
    RANGE (UINT64, UInt64, G_GUINT64_FORMAT)
    RANGE (FLOAT, Float, "g")
    RANGE (DOUBLE, Double, "g")
#undef RANGE
    return NULL;
}

/* The words of an enumeration or of flags, with what each means. */
static void add_words (GString *page, GParamSpec *spec)
{
    const GEnumClass *words = G_IS_PARAM_SPEC_ENUM (spec) ? G_PARAM_SPEC_ENUM (spec)->enum_class : NULL;
    const GFlagsClass *flags = G_IS_PARAM_SPEC_FLAGS (spec) ? G_PARAM_SPEC_FLAGS (spec)->flags_class : NULL;
    if (!words && !flags)
        return;
    add (page, "<table>\n");
    for (guint n = 0; words && n < words->n_values; n++)
        add_fact (page, words->values[n].value_nick, words->values[n].value_name);
    for (guint n = 0; flags && n < flags->n_values; n++)
        add_fact (page, flags->values[n].value_nick, flags->values[n].value_name);
    add (page, "</table>\n");
}

static void add_property (GString *page, GParamSpec *spec)
{
    const char *when = spec->flags & GST_PARAM_MUTABLE_PLAYING  ? ", also while playing"
                       : spec->flags & GST_PARAM_MUTABLE_PAUSED ? ", up to PAUSED"
                       : spec->flags & GST_PARAM_MUTABLE_READY  ? ", up to READY"
                                                                : "";
    const char *access = !(spec->flags & G_PARAM_WRITABLE)   ? "read only"
                         : !(spec->flags & G_PARAM_READABLE) ? "write only"
                                                             : "read and write";
    char *standard = default_text (spec);
    char *range = range_text (spec);
    add (page, "<h3 id=\"%s\">%s</h3>\n<p>%s</p>\n", spec->name, spec->name, g_param_spec_get_blurb (spec));
    add (page, "<p>%s, default <code>%s</code>%s%s; %s%s%s%s</p>\n", g_type_name (spec->value_type), standard,
         range ? ", " : "", range ? range : "", access, spec->flags & G_PARAM_WRITABLE ? when : "",
         spec->flags & GST_PARAM_CONTROLLABLE ? "; controllable" : "",
         spec->flags & G_PARAM_DEPRECATED ? "; deprecated" : "");
    add_words (page, spec);
    g_free (range);
    g_free (standard);
}

static void add_signals (GString *page, GType type)
{
    guint count = 0;
    guint *ids = g_signal_list_ids (type, &count);
    for (guint n = 0; n < count; n++) {
        GSignalQuery query;
        g_signal_query (ids[n], &query);
        add (page, "%s<h3>%s</h3>\n<p>%s, returns %s</p>\n", n ? "" : "<h2>Signals</h2>\n", query.signal_name,
             query.signal_flags & G_SIGNAL_ACTION ? "action" : "signal", g_type_name (query.return_type));
    }
    g_free (ids);
}

/* False: the element cannot be made. */
static bool add_element (GString *page, GstPlugin *plugin, GstElementFactory *factory)
{
    GstElement *element = gst_element_factory_create (factory, NULL);
    if (!element)
        return false;
    const char *name = GST_OBJECT_NAME (factory);
    char *rank = g_strdup_printf ("%u", gst_plugin_feature_get_rank (GST_PLUGIN_FEATURE (factory)));
    add (page, "<h1>%s</h1>\n<p>%s</p>\n<table>\n", name,
         gst_element_factory_get_metadata (factory, GST_ELEMENT_METADATA_DESCRIPTION));
    add_fact (page, "name", gst_element_factory_get_metadata (factory, GST_ELEMENT_METADATA_LONGNAME));
    add_fact (page, "kind", gst_element_factory_get_metadata (factory, GST_ELEMENT_METADATA_KLASS));
    add_fact (page, "authors", gst_element_factory_get_metadata (factory, GST_ELEMENT_METADATA_AUTHOR));
    add_fact (page, "rank", rank);
    add_fact (page, "plugin", gst_plugin_get_description (plugin));
    add_fact (page, "version", gst_plugin_get_version (plugin));
    add_fact (page, "licence", gst_plugin_get_license (plugin));
    add_fact (page, "origin", gst_plugin_get_origin (plugin));
    add (page, "</table>\n");
    g_free (rank);
    add_pads (page, factory);

    add (page, "<h2>Properties</h2>\n");
    guint count = 0;
    GParamSpec **specs = g_object_class_list_properties (G_OBJECT_GET_CLASS (element), &count);
    for (guint n = 0; n < count; n++) {
        if (specs[n]->owner_type == G_OBJECT_TYPE (element))
            add_property (page, specs[n]);
    }
    g_free (specs);
    add_signals (page, G_OBJECT_TYPE (element));
    gst_object_unref (element);
    return true;
}

static bool add_plugin (GString *page, const char *path)
{
    GError *error = NULL;
    GstPlugin *plugin = gst_plugin_load_file (path, &error);
    if (!plugin) {
        fprintf (stderr, "element_page: %s\n", error->message);
        g_clear_error (&error);
        return false;
    }
    bool good = true;
    add (page,
         "<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">\n<head><meta charset=\"utf-8\"/>"
         "<title>%s %s</title>\n<style>body { max-width: 50em; margin: auto; font-family: sans-serif } "
         "th { text-align: left; padding-right: 1em; vertical-align: top }</style></head>\n<body>\n",
         gst_plugin_get_name (plugin), gst_plugin_get_version (plugin));
    GList *features = gst_registry_get_feature_list_by_plugin (gst_registry_get (), gst_plugin_get_name (plugin));
    for (const GList *l = features; l && good; l = l->next)
        good = !GST_IS_ELEMENT_FACTORY (l->data) || add_element (page, plugin, l->data);
    add (page, "</body>\n</html>\n");
    if (!good)
        fprintf (stderr, "element_page: an element of %s cannot be made\n", path);
    gst_plugin_feature_list_free (features);
    gst_object_unref (plugin);
    return good;
}

int main (int count, char **arguments)
{
    if (count != 3) {
        fprintf (stderr, "usage: element_page PLUGIN.so OUTPUT.html\n");
        return 1;
    }
    g_setenv ("GST_REGISTRY_DISABLE", "yes", TRUE); /* nothing outside of the build folder is read or written */
    g_setenv ("GST_PLUGIN_SYSTEM_PATH_1_0", "", TRUE);
    g_setenv ("GST_PLUGIN_PATH_1_0", "", TRUE);
    gst_init (NULL, NULL);
    GString *page = g_string_new (NULL);
    GError *error = NULL;
    bool good = add_plugin (page, arguments[1]);
    if (good && !g_file_set_contents (arguments[2], page->str, (gssize)page->len, &error)) {
        fprintf (stderr, "element_page: %s\n", error->message);
        good = false;
    }
    g_clear_error (&error);
    g_string_free (page, TRUE);
    return good ? 0 : 1;
}
