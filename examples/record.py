#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""record.py: records what convrelu draws as OUT.mkv, and what it says as OUT.jsonl, a line for each frame it has seen.

usage: record.py OUT [VIDEO or PICTURE]      without a file: a camera, until Ctrl-C"""
import json
import sys
import gi
gi.require_version("Gst", "1.0")
from gi.repository import GLib, GObject, Gst


def line_of(result):
    """One result as a dictionary; `seconds` is where the frame is in the recording."""
    labels, scores = (GObject.Value(GObject.ValueArray, result.get_array(name)[1]).get_value()
                      for name in ("labels", "scores"))
    return {"seconds": round(result.get_uint64("running-time")[1] / Gst.SECOND, 3),
            "classes": {label: round(score, 4) for label, score in zip(labels, scores)}}


if len(sys.argv) < 2:
    sys.exit(__doc__)
Gst.init(None)
source = "filesrc name=file ! decodebin" if len(sys.argv) > 2 else "autovideosrc"
pipeline = Gst.parse_launch(source + " ! videoconvert ! convrelu top-k=3 overlay=labels ! videoconvert ! jpegenc ! "
                            "matroskamux ! filesink name=out")
if len(sys.argv) > 2:
    pipeline.get_by_name("file").set_property("location", sys.argv[2])
pipeline.get_by_name("out").set_property("location", sys.argv[1] + ".mkv")
pipeline.set_state(Gst.State.PLAYING)
loop, bus, error = GLib.MainLoop(), pipeline.get_bus(), None


def listen(_, message):
    """Writes what is said, until the stream ends: the last of it makes the recording whole."""
    global error
    if message.type == Gst.MessageType.ERROR:
        error = message.parse_error()[0].message
    elif message.type == Gst.MessageType.ELEMENT and message.get_structure().get_name() == "convrelu":
        print(json.dumps(line_of(message.get_structure()), ensure_ascii=False), file=lines)
    if message.type in (Gst.MessageType.ERROR, Gst.MessageType.EOS):
        loop.quit()


with open(sys.argv[1] + ".jsonl", "w", encoding="utf-8") as lines:
    bus.add_signal_watch()
    bus.connect("message", listen)
    try:
        loop.run()
    except KeyboardInterrupt:  # Ctrl-C: the stream ends, and what is left comes out
        pipeline.send_event(Gst.Event.new_eos())
        loop.run()
pipeline.set_state(Gst.State.NULL)
sys.exit(error)
