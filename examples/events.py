#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""events.py: a line of JSON when convrelu begins to see one of some classes, and one when that has ended.

usage: events.py CLASSES THRESHOLD [VIDEO or PICTURE]      without a file: a camera
To a broker of MQTT: events.py "dalmatian,okapi" 0.7 | mosquitto_pub -t camera -l"""
import json
import sys
import gi
gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst


def say(event):
    """One line of what the message holds."""
    fields = {name: event.get_string(name) for name in ("event", "label", "reason", "element")}
    fields["score"] = round(event.get_double("score")[1], 4)
    fields["seconds"] = round(event.get_uint64("running-time")[1] / Gst.SECOND, 3)
    print(json.dumps(fields, ensure_ascii=False), flush=True)


if len(sys.argv) < 3:
    sys.exit(__doc__)
Gst.init(None)
source = "filesrc name=file ! decodebin" if len(sys.argv) > 3 else "autovideosrc"
pipeline = Gst.parse_launch(source + " ! videoconvert ! convrelu name=net message-on=event still-threshold=2 ! fakesink")
if len(sys.argv) > 3:
    pipeline.get_by_name("file").set_property("location", sys.argv[3])
net = pipeline.get_by_name("net")
net.set_property("trigger-classes", sys.argv[1])
net.set_property("trigger-on", float(sys.argv[2]))
net.set_property("trigger-off", float(sys.argv[2]) * 0.7)
pipeline.set_state(Gst.State.PLAYING)
loop, bus, error = GLib.MainLoop(), pipeline.get_bus(), None


def listen(_, message):
    """What begins and ends, until the stream does."""
    global error
    if message.type == Gst.MessageType.ERROR:
        error = message.parse_error()[0].message
    elif message.type == Gst.MessageType.WARNING:
        print(message.parse_warning()[0].message, file=sys.stderr)
    elif message.type == Gst.MessageType.ELEMENT and message.get_structure().get_name() == "convrelu-event":
        say(message.get_structure())
    if message.type in (Gst.MessageType.ERROR, Gst.MessageType.EOS):
        loop.quit()


bus.add_signal_watch()
bus.connect("message", listen)
try:
    loop.run()
except KeyboardInterrupt:  # Ctrl-C: the stream ends, and what is left comes out
    pipeline.send_event(Gst.Event.new_eos())
    loop.run()
pipeline.set_state(Gst.State.NULL)
sys.exit(error)
