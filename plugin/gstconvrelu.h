/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gstconvrelu.h: the element, as the plugin sees it. It has no C interface but its GObject properties. */
#ifndef CONVRELU_GSTCONVRELU_H
#define CONVRELU_GSTCONVRELU_H

#include <gst/base/gstbasetransform.h>
#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_CONV_RELU (gst_conv_relu_get_type ())
G_DECLARE_FINAL_TYPE (GstConvRelu, gst_conv_relu, GST, CONV_RELU, GstBaseTransform)

GST_ELEMENT_REGISTER_DECLARE (convrelu)

G_END_DECLS

#endif
