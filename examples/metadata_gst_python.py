#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""metadata_gst_python.py: the same as metadata.py, where GStreamer's own Python package (python3-gst-1.0) is installed:
structures then read like dictionaries, and arrays like lists.

usage: metadata_gst_python.py [VIDEO or PICTURE]"""
import sys
import gi
gi.require_version("Gst", "1.0")
from gi.repository import Gst


def say(sink):
    """One line: the best class, and all others that are listed. "net" is the element's name."""
    sample = sink.emit("pull-sample")
    meta = sample.get_buffer().get_custom_meta("convrelu")
    if not meta:  # nothing is known yet
        return Gst.FlowReturn.OK
    all_results = meta.get_structure()  # must live while `result`, a part of it, is read
    result = all_results["net"]
    labels, scores = list(result["labels"]), list(result["scores"])
    if not labels:  # nothing reaches the element's threshold
        print("nothing")
        return Gst.FlowReturn.OK
    others = [f"{label} {score:.4f}" for label, score in zip(labels[1:], scores[1:])]
    print(f"{labels[0]} {scores[0]:.4f}  then", ", ".join(others))
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
