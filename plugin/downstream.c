/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* downstream.c: from the source pad to the sinks; see downstream.h. */
#include "plugin/downstream.h"

#include <gst/base/gstbasesink.h>

enum { PADS_MAX = 1000 }; /* looked at: pipelines may branch and join without end */

/* The pads through which the element of `sink` hands on what it gets there, behind the others; takes no reference. */
static void add_behind (GPtrArray *pads, GstPad *sink)
{
    GValue item = G_VALUE_INIT;
    GstIterator *links = gst_pad_iterate_internal_links (sink);
    guint before = pads->len;
    for (gboolean more = links != NULL; more;) {
        switch (gst_iterator_next (links, &item)) {
        case GST_ITERATOR_OK:
            g_ptr_array_add (pads, g_value_dup_object (&item));
            g_value_reset (&item);
            break;
        case GST_ITERATOR_RESYNC:
            g_ptr_array_set_size (pads, (gint)before);
            gst_iterator_resync (links);
            break;
        default:
            more = FALSE;
        }
    }
    if (G_IS_VALUE (&item))
        g_value_unset (&item);
    if (links)
        gst_iterator_free (links);
}

gboolean downstream_keeps_time (GstPad *src)
{
    GPtrArray *pads = g_ptr_array_new_with_free_func (gst_object_unref); /* a queue */
    gboolean keeps = FALSE;
    g_ptr_array_add (pads, gst_object_ref (src));
    for (guint i = 0; i < pads->len && i < PADS_MAX && !keeps; i++) {
        GstPad *peer = gst_pad_get_peer (g_ptr_array_index (pads, i));
        GstObject *parent = peer ? gst_object_get_parent (GST_OBJECT (peer)) : NULL;
        if (parent && GST_IS_BASE_SINK (parent))
            keeps = gst_base_sink_get_sync (GST_BASE_SINK (parent));
        else if (peer)
            add_behind (pads, peer);
        gst_clear_object (&parent);
        gst_clear_object (&peer);
    }
    g_ptr_array_unref (pads);
    return keeps;
}
