/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plugin.c: what GStreamer looks up in libgstconvrelu.so: the plugin's description and the one element in it. */
#include "plugin/gstconvrelu.h"

#define GST_PACKAGE_NAME "convrelu"

static gboolean plugin_init (GstPlugin *plugin)
{
    return GST_ELEMENT_REGISTER (convrelu, plugin);
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, convrelu,
                   "Runs a convolutional network on every frame of a video, on the CPU", plugin_init, VERSION, "LGPL",
                   GST_PACKAGE_NAME, GST_PACKAGE_ORIGIN)
