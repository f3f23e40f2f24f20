#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# webrtc_peer.py: looks at what examples/webrtc.py serves, as a browser would, and asks for what it must refuse.
#
#   usage: webrtc_peer.py http://HOST:PORT/      prints what it saw, a line each; ends with 1 where that is wrong
#
# Two viewers, one after the other, decode FRAMES frames each; between them come requests that are refused. Every wait has
# an end.
import http.client
import sys
import threading
import urllib.parse
import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import Gst, GstSdp, GstWebRTC

FRAMES, SECONDS = 10, 30
SDP = {"Content-Type": "application/sdp"}
failures = 0


def check(name, good, found=""):
    """One line, and whether it was so."""
    global failures
    failures += not good
    print("ok" if good else "not ok", "- webrtc.py,", f"{name} {found}".rstrip(), flush=True)
    return good


def request(method, path, body=None, headers=SDP):
    """Status, headers, text."""
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=SECONDS)
    try:
        connection.request(method, path, body, headers)
        reply = connection.getresponse()
        return reply.status, reply.headers, reply.read().decode()
    finally:
        connection.close()


def ask(webrtc, signal, *args):
    """What webrtcbin replies to one of its actions."""
    done = threading.Event()
    promise = Gst.Promise.new_with_change_func(lambda *_: done.set())
    webrtc.emit(signal, *args, promise)
    if not done.wait(SECONDS):
        sys.exit(f"not ok - no reply to {signal} within {SECONDS} s")
    reply = promise.get_reply()  # all of it is gone with the promise
    return reply.get_value("offer").copy() if reply and reply.has_field("offer") else None


class Viewer:
    """A recvonly peer: the offer that it made, and how many frames it has decoded."""

    def __init__(self):
        self.frames, self.enough, self.size = 0, threading.Event(), None
        self.pipeline = Gst.Pipeline()
        self.webrtc = Gst.ElementFactory.make("webrtcbin")
        self.webrtc.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
        self.webrtc.connect("pad-added", self.decode)
        gathered = threading.Event()
        self.webrtc.connect("notify::ice-gathering-state", lambda webrtc, _: gathered.set() if webrtc.get_property(
            "ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE else None)
        self.pipeline.add(self.webrtc)
        self.pipeline.set_state(Gst.State.PLAYING)
        self.webrtc.emit("add-transceiver", GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY, Gst.Caps.from_string(
            "application/x-rtp,media=video,encoding-name=VP8,clock-rate=90000,payload=120"))
        ask(self.webrtc, "set-local-description", ask(self.webrtc, "create-offer", None))
        if not gathered.wait(SECONDS):
            sys.exit(f"not ok - an offer has no addresses within {SECONDS} s")
        self.offer = self.webrtc.get_property("local-description").sdp.as_text()

    def decode(self, _, pad):
        """A stream comes in."""
        part = Gst.parse_bin_from_description("rtpvp8depay ! vp8dec ! fakesink name=sink signal-handoffs=true", True)
        part.get_by_name("sink").connect("handoff", self.count)
        self.pipeline.add(part)
        part.sync_state_with_parent()
        pad.link(part.get_static_pad("sink"))

    def count(self, _, __, pad):
        """A decoded frame."""
        self.frames += 1
        self.size = tuple(pad.get_current_caps().get_structure(0).get_int(side)[1] for side in ("width", "height"))
        if self.frames >= FRAMES:
            self.enough.set()

    def answer(self, text):
        """What the server said to the offer."""
        ask(self.webrtc, "set-remote-description", GstWebRTC.WebRTCSessionDescription.new(
            GstWebRTC.WebRTCSDPType.ANSWER, GstSdp.SDPMessage.new_from_text(text)[1]))

    def end(self):
        """As where a browser is closed."""
        self.pipeline.set_state(Gst.State.NULL)


def watch(name):
    """One viewer that comes, sees and goes: the offer that it made."""
    viewer = Viewer()
    try:
        status, headers, text = request("POST", "/whep", viewer.offer)
        where = headers.get("Location", "")
        if check(f"{name}: an answer", status == 201 and headers["Content-Type"] == "application/sdp" and
                 where.startswith("/whep/") and "a=candidate" in text and "a=sendonly" in text, status):
            viewer.answer(text)
            viewer.enough.wait(SECONDS)
            check(f"{name}: {FRAMES} frames decoded, or more", viewer.frames >= FRAMES, viewer.size)
            check(f"{name}: says that it leaves", request("DELETE", where)[0] == 200)
    finally:
        viewer.end()
    return viewer.offer


def refused(name, status, method, path, body=None, headers=SDP):
    """A request that must get this status."""
    found = request(method, path, body, headers)[0]
    check(f"{name}: {status}", found == status, "" if found == status else found)


address = urllib.parse.urlsplit(sys.argv[1])
Gst.init(None)
offer = watch("a viewer")
refused("no SDP", 400, "POST", "/whep", "no offer at all, only words")
refused("bytes that are no text", 400, "POST", "/whep", b"\xff\xfe\x00")
refused("nothing", 400, "POST", "/whep", "")
refused("an offer without a fingerprint", 400, "POST", "/whep", offer.replace("a=fingerprint", "a=x"))
refused("no video", 406, "POST", "/whep", offer.replace("m=video", "m=audio"))
refused("no VP8", 406, "POST", "/whep", offer.replace("VP8", "H264"))
refused("not said to be SDP", 415, "POST", "/whep", None, {})
refused("too large an offer", 413, "POST", "/whep", None, {**SDP, "Content-Length": "65537"})
refused("a length that is no number", 413, "POST", "/whep", None, {**SDP, "Content-Length": "-1"})
refused("another page", 404, "GET", "/../etc/passwd")
refused("another place for offers", 404, "POST", "/")
refused("no such viewer", 404, "DELETE", "/whep/none")
refused("what is not spoken", 501, "PUT", "/whep")
check("the page", "<video" in request("GET", "/")[2])
watch("one more viewer")
sys.exit(failures > 0)
