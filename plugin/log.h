/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* log.h: the debug category "convrelu" (GST_DEBUG=convrelu:6), shared by every file that logs. */
#ifndef CONVRELU_LOG_H
#define CONVRELU_LOG_H

#include <gst/gst.h>

GST_DEBUG_CATEGORY_EXTERN (convrelu_debug); /* made ready with the element's class, in gstconvrelu.c */
#define GST_CAT_DEFAULT convrelu_debug

#endif
