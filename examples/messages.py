#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""messages.py: prints what convrelu says of every frame, read from its messages on the bus. PyGObject is enough.

usage: messages.py [VIDEO or PICTURE]"""
import sys
import gi
gi.require_version("Gst", "1.0")
from gi.repository import GObject, Gst


def say(result):
    """One line: the best class, and all others that the message lists."""
    if not result.has_field("label"):  # nothing reaches the element's threshold
        return print("nothing")
    labels, scores = (GObject.Value(GObject.ValueArray, result.get_array(name)[1]).get_value()
                      for name in ("labels", "scores"))
    others = [f"{label} {score:.4f}" for label, score in zip(labels[1:], scores[1:])]
    print(f"{result.get_string('label')} {result.get_double('score')[1]:.4f}  then", ", ".join(others))


Gst.init(None)
source = "filesrc name=file ! decodebin" if len(sys.argv) > 1 else "videotestsrc num-buffers=3"
pipeline = Gst.parse_launch(source + " ! videoconvert ! convrelu top-k=3 ! fakesink")
if len(sys.argv) > 1:
    pipeline.get_by_name("file").set_property("location", sys.argv[1])
pipeline.set_state(Gst.State.PLAYING)
bus, error = pipeline.get_bus(), None
while True:
    message = bus.timed_pop(Gst.CLOCK_TIME_NONE)
    if message.type == Gst.MessageType.ERROR:
        error = message.parse_error()[0].message
    if message.type in (Gst.MessageType.ERROR, Gst.MessageType.EOS):
        break
    if message.type == Gst.MessageType.ELEMENT and message.get_structure().get_name() == "convrelu":
        say(message.get_structure())
pipeline.set_state(Gst.State.NULL)
sys.exit(error)
