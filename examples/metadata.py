#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""metadata.py: prints what convrelu says of every frame, read from the frame itself. PyGObject is enough.

usage: metadata.py [VIDEO or PICTURE]"""
import sys
import gi
gi.require_version("Gst", "1.0")
from gi.repository import GObject, Gst


def say(sink):
    """One line: the best class, and all others that are listed. "net" is the element's name."""
    sample = sink.emit("pull-sample")
    meta = sample.get_buffer().get_custom_meta("convrelu")
    if not meta:  # nothing is known yet
        return Gst.FlowReturn.OK
    all_results = meta.get_structure()  # must live while `result`, a part of it, is read
    result = all_results.get_value("net")
    if not result.has_field("label"):  # nothing reaches the element's threshold
        print("nothing")
        return Gst.FlowReturn.OK
    labels, scores = (GObject.Value(GObject.ValueArray, result.get_array(name)[1]).get_value()
                      for name in ("labels", "scores"))
    others = [f"{label} {score:.4f}" for label, score in zip(labels[1:], scores[1:])]
    print(f"{result.get_string('label')} {result.get_double('score')[1]:.4f}  then", ", ".join(others))
    return Gst.FlowReturn.OK


Gst.init(None)
source = "filesrc name=file ! decodebin" if len(sys.argv) > 1 else "videotestsrc num-buffers=3"
pipeline = Gst.parse_launch(source + " ! videoconvert ! convrelu name=net top-k=3 ! "
                                     "appsink name=sink emit-signals=true sync=false")
if len(sys.argv) > 1:
    pipeline.get_by_name("file").set_property("location", sys.argv[1])
pipeline.get_by_name("sink").connect("new-sample", say)
pipeline.set_state(Gst.State.PLAYING)
message = pipeline.get_bus().timed_pop_filtered(Gst.CLOCK_TIME_NONE, Gst.MessageType.EOS | Gst.MessageType.ERROR)
pipeline.set_state(Gst.State.NULL)
sys.exit(message.parse_error()[0].message if message.type == Gst.MessageType.ERROR else 0)
