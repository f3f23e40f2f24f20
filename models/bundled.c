/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bundled.c: the network inside the program.
 *
 * default/resnet.safetensors lies in the program's read-only data as a GResource (bundled.gresource.xml), not
 * compressed: its bytes are used where they are. A build from a tree without that file has no network. The resource is
 * registered at first use, so that a program which names its models never pays for it, and taken back when the plugin
 * is unloaded. */
#include "models/bundled.h"

const char *const bundled_path = "(bundled)";

#ifdef BUNDLED_NETWORK

#include "models/bundled_resource.h"

static gsize registered;

__attribute__ ((destructor)) static void unregister (void)
{
    if (registered)
        bundled_unregister_resource ();
}

const char *bundled_network (size_t *size)
{
    if (g_once_init_enter (&registered)) {
        bundled_register_resource ();
        g_once_init_leave (&registered, 1);
    }
    GBytes *bytes = g_resource_lookup_data (bundled_get_resource (), "/convrelu/resnet.safetensors",
                                            G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
    const char *data = bytes ? g_bytes_get_data (bytes, size) : NULL;
    g_bytes_unref (bytes); /* what it showed stays where it is */
    return data;
}

#else

const char *bundled_network (size_t *size)
{
    *size = 0;
    return NULL;
}

#endif
