#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""rtsp.py: a camera with convrelu's labels on it, for whoever asks: vlc, rtspsrc, a recorder. One network for all of them.
Needs gst-rtsp-server's typelib (Debian: gir1.2-gst-rtsp-server-1.0).

usage: rtsp.py [PORT [SOURCE]]    8554, 0: one that is free; elements that make raw video, "v4l2src" """
import sys
import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer

port = sys.argv[1] if len(sys.argv) > 1 else "8554"
source = sys.argv[2] if len(sys.argv) > 2 else "v4l2src"
if not port.isdigit():
    sys.exit(f"{port} is no port\n{__doc__}")
Gst.init(None)
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(f"( {source} ! videoconvert ! convrelu async=true overlay=labels ! videoconvert ! "
                   "video/x-raw,format=I420 ! jpegenc ! rtpjpegpay name=pay0 )")
factory.set_shared(True)  # the pipeline starts with the first who asks, and ends with the last
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")  # "0.0.0.0": other machines may ask, too, without a password
server.set_service(port)
server.get_mount_points().add_factory("/live", factory)
if server.attach(None) == 0:
    sys.exit(f"port {port} cannot be listened on")
print(f"rtsp://127.0.0.1:{server.get_bound_port()}/live", flush=True)
try:
    GLib.MainLoop().run()
except KeyboardInterrupt:
    pass
