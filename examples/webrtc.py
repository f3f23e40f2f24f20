#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""webrtc.py: a camera with convrelu's labels on it, in browsers. One network and one encoder for all who look.
Offers come as in WHEP: a POST of SDP to /whep. Needs webrtcbin, its typelibs and libnice's elements (Debian:
gstreamer1.0-plugins-bad, gir1.2-gst-plugins-bad-1.0, gstreamer1.0-nice)."""
import argparse
import http.server
import json
import re
import secrets
import sys
import threading
import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC

PAGE = """<!doctype html><meta charset="utf-8"><title>convrelu</title>
<video autoplay muted playsinline controls style="width: 100%"></video><p></p>
<script>
async function watch() {
  const peer = new RTCPeerConnection({iceServers: SERVERS});
  peer.addTransceiver("video", {direction: "recvonly"});
  peer.ontrack = event => document.querySelector("video").srcObject = new MediaStream([event.track]);
  peer.onconnectionstatechange = () => document.querySelector("p").textContent = peer.connectionState;
  await peer.setLocalDescription(await peer.createOffer());
  await new Promise(done => {
    peer.onicegatheringstatechange = () => peer.iceGatheringState == "complete" && done();
    setTimeout(done, 5000);
  });
  const reply = await fetch("/whep", {method: "POST", body: peer.localDescription.sdp,
                                      headers: {"Content-Type": "application/sdp"}});
  if (!reply.ok) throw Error(await reply.text());
  addEventListener("pagehide", () => fetch(reply.headers.get("Location"), {method: "DELETE", keepalive: true}));
  await peer.setRemoteDescription({type: "answer", sdp: await reply.text()});
}
watch().catch(error => document.querySelector("p").textContent = error);
</script>
"""
OFFER_BYTES, VIEWERS, SECONDS = 65536, 16, 10  # at most: an offer's size, viewers, and how long one step may take
viewers, lock = {}, threading.Lock()


class Refused(Exception):
    """A status of HTTP, and why."""


def ask(webrtc, signal, *args):
    """What webrtcbin replies to one of its actions."""
    done = threading.Event()
    promise = Gst.Promise.new_with_change_func(lambda *_: done.set())
    webrtc.emit(signal, *args, promise)
    if not done.wait(SECONDS):
        raise Refused(503, f"no reply to {signal}")
    if promise.wait() != Gst.PromiseResult.REPLIED:
        raise Refused(503, f"{signal} was interrupted")
    reply = promise.get_reply()  # all of it is gone with the promise
    if reply and reply.has_field("error"):
        raise Refused(400, reply.get_value("error").message)
    return reply.get_value("answer").copy() if reply and reply.has_field("answer") else None


def join(offer):
    """A new viewer: its name, and the answer to its offer."""
    result, sdp = GstSdp.SDPMessage.new_from_text(offer) if offer.startswith("v=0") else (None, None)
    if result != GstSdp.SDPResult.OK:
        raise Refused(400, "no SDP")
    payload = re.search(r"^m=video .*?^a=rtpmap:(\d{1,3}) VP8/90000", offer, re.M | re.S)  # each browser has its number
    if not payload or int(payload[1]) > 127:
        raise Refused(406, "no video in VP8 is asked for")
    name = secrets.token_urlsafe(12)
    branch = Gst.parse_bin_from_description(
        f"queue name=in leaky=downstream max-size-buffers=60 ! rtpvp8pay picture-id-mode=15-bit pt={payload[1]} ! "
        f"application/x-rtp,media=video,encoding-name=VP8,clock-rate=90000,payload={payload[1]} ! "
        "webrtcbin name=webrtc bundle-policy=max-bundle", False)
    branch.add_pad(Gst.GhostPad.new("sink", branch.get_by_name("in").get_static_pad("sink")))
    webrtc, gathered, connected = branch.get_by_name("webrtc"), threading.Event(), threading.Event()
    webrtc.set_property("stun-server", options.stun)

    def look(webrtc, _):
        """How far it has come."""
        if webrtc.get_property("ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            gathered.set()
        state = webrtc.get_property("connection-state")
        if state == GstWebRTC.WebRTCPeerConnectionState.CONNECTED:
            connected.set()
        elif state.value_nick in ("failed", "closed"):
            GLib.idle_add(leave, name)

    webrtc.connect("notify::ice-gathering-state", look)
    webrtc.connect("notify::connection-state", look)
    # One that ends without a word sends no reports any more.
    webrtc.get_by_name("rtpbin").connect("on-timeout", lambda *_: GLib.idle_add(leave, name))
    with lock:
        if len(viewers) >= VIEWERS:
            raise Refused(503, "too many viewers")
        viewers[name] = branch
    try:
        pipeline.add(branch)
        branch.sync_state_with_parent()
        ask(webrtc, "set-remote-description",
            GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.OFFER, sdp))
        tee.link(branch)
        ask(webrtc, "set-local-description", ask(webrtc, "create-answer", None))
        if not gathered.wait(SECONDS):
            raise Refused(503, "no addresses of this machine were found")
        text = webrtc.get_property("local-description").sdp.as_text()
    except Exception:
        GLib.idle_add(leave, name)
        raise
    print(f"a viewer more: {len(viewers)}", flush=True)
    GLib.timeout_add_seconds(3 * SECONDS, lambda: None if connected.is_set() else leave(name))
    return name, text


def leave(name):
    """A viewer goes, in the main loop's thread; a timer that calls it does so once."""
    with lock:
        branch = viewers.pop(name, None)
    if branch:
        pad = branch.get_static_pad("sink").get_peer()
        if pad:
            tee.release_request_pad(pad)
        branch.set_state(Gst.State.NULL)
        pipeline.remove(branch)
        print(f"a viewer less: {len(viewers)}", flush=True)
    return False


def end(_, info):
    """A film is over: no message says so while there are no viewers."""
    if info.get_event().type == Gst.EventType.EOS:
        GLib.idle_add(loop.quit)
    return Gst.PadProbeReturn.OK


class Handler(http.server.BaseHTTPRequestHandler):
    """The page, and offers to which it gives answers."""
    timeout = SECONDS

    def reply(self, status, text, **headers):
        """All that is ever sent."""
        self.send_response(status)
        for field, value in {"Content_Type": "text/plain", **headers, "Content_Length": len(text.encode())}.items():
            self.send_header(field.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(text.encode())

    def do_GET(self):
        if self.path != "/":
            return self.reply(404, "no such page\n")
        servers = [{"urls": options.stun.replace("//", "")}] if options.stun else []
        return self.reply(200, PAGE.replace("SERVERS", json.dumps(servers)), Content_Type="text/html")

    def do_POST(self):
        size = self.headers.get("Content-Length", "")
        if self.path != "/whep":
            return self.reply(404, "offers go to /whep\n")
        if self.headers.get_content_type() != "application/sdp":
            return self.reply(415, "an offer is application/sdp\n")
        if not re.fullmatch(r"\d{1,6}", size) or int(size) > OFFER_BYTES:
            return self.reply(413 if size else 411, f"an offer has a length, {OFFER_BYTES} at most\n")
        try:
            name, answer = join(self.rfile.read(int(size)).decode())
        except Refused as error:
            return self.reply(error.args[0], f"{error.args[1]}\n")
        except ValueError:
            return self.reply(400, "no SDP\n")
        return self.reply(201, answer, Content_Type="application/sdp", Location=f"/whep/{name}")

    def do_DELETE(self):
        name = self.path.removeprefix("/whep/")
        if name not in viewers:
            return self.reply(404, "no such viewer\n")
        GLib.idle_add(leave, name)
        return self.reply(200, "")

    def log_message(self, *_):
        pass


def listen(_, message):
    """An error in a viewer's part ends that viewer, any other the server."""
    if message.type == Gst.MessageType.ERROR:
        name = next((name for name, branch in list(viewers.items()) if message.src.has_as_ancestor(branch)), None)
        if name:
            leave(name)
        else:
            ended.append(message.parse_error()[0].message)
            loop.quit()


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("port", nargs="?", type=int, default=8080, help="0: one that is free")
parser.add_argument("source", nargs="?", default="v4l2src", help='elements that make raw video, "v4l2src"')
parser.add_argument("--address", default="127.0.0.1", help="0.0.0.0: other machines may look, too, without a password")
parser.add_argument("--stun", help="stun://HOST:PORT, for viewers from other networks")
options = parser.parse_args()
Gst.init(None)
try:
    server = http.server.ThreadingHTTPServer((options.address, options.port), Handler)
    pipeline = Gst.parse_launch(
        f"{options.source} ! videoconvert ! clocksync ! convrelu async=true overlay=labels ! videoconvert ! "
        "vp8enc deadline=1 cpu-used=8 target-bitrate=2000000 keyframe-max-dist=60 ! tee name=tee allow-not-linked=true")
except (OSError, OverflowError, GLib.Error) as error:
    sys.exit(f"{options.address}, {options.port}, {options.source}: {error}")
server.handle_error = lambda *_: None  # those who hang up
tee, loop, bus, ended = pipeline.get_by_name("tee"), GLib.MainLoop(), pipeline.get_bus(), []
tee.get_static_pad("sink").add_probe(Gst.PadProbeType.EVENT_DOWNSTREAM, end)
bus.add_signal_watch()
bus.connect("message", listen)
pipeline.set_state(Gst.State.PLAYING)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(f"http://{server.server_address[0]}:{server.server_address[1]}/", flush=True)
try:
    loop.run()
except KeyboardInterrupt:
    pass
pipeline.set_state(Gst.State.NULL)
sys.exit(ended[0] if ended else None)
