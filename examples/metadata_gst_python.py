#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""metadata_gst_python.py: the same as metadata.py, where GStreamer's own Python package (python3-gst-1.0) is installed:
structures then read like dictionaries, and arrays like lists.

usage: metadata_gst_python.py [VIDEO or PICTURE]"""
import sys
import gi
gi.require_version("Gst", "1.0")
from gi.repository import Gst


def say(frame):
    """One line: the best class, and all others that are listed. "net" is the element's name."""
    all_results = frame.get_custom_meta("convrelu").get_structure()  # must live while `result`, a part of it, is read
    result = all_results["net"]
    labels, scores = list(result["labels"]), list(result["scores"])
    if not labels:  # nothing reaches the element's threshold
        return print("nothing")
    others = [f"{label} {score:.4f}" for label, score in zip(labels[1:], scores[1:])]
    print(f"{labels[0]} {scores[0]:.4f}  then", ", ".join(others))


Gst.init(None)
source = "filesrc name=file ! decodebin" if len(sys.argv) > 1 else "videotestsrc num-buffers=3"
pipeline = Gst.parse_launch(source + " ! videoconvert ! convrelu name=net top-k=3 ! appsink name=sink sync=false")
if len(sys.argv) > 1:
    pipeline.get_by_name("file").set_property("location", sys.argv[1])
pipeline.set_state(Gst.State.PLAYING)
sink = pipeline.get_by_name("sink")
change = pipeline.get_state(Gst.CLOCK_TIME_NONE)[0]
while change != Gst.StateChangeReturn.FAILURE and (sample := sink.emit("pull-sample")):
    say(sample.get_buffer())
message = pipeline.get_bus().pop_filtered(Gst.MessageType.ERROR)
pipeline.set_state(Gst.State.NULL)
sys.exit(message and message.parse_error()[0].message)
