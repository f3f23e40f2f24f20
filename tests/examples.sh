#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# examples.sh: runs the programs in examples/ without a screen, and looks at what they print and how they end.
#
# usage: examples.sh      (environment: GST_PLUGIN_PATH, where libgstconvrelu.so lies; CC, the compiler)
# Each one is given a picture, a picture that is cut off, a text and no such file. The Python ones for which PyGObject
# alone must do also run with gst-python's additions to it switched off.
# Prints a line for each and "N passed, N failed, N skipped"; ends with 1 if any failed.
set -u
here=$(cd "$(dirname "$0")" && pwd)
examples=$(cd "$here/../examples" && pwd)
# shellcheck source=tests/tally.sh
. "$(dirname "$0")/tally.sh"
work=$(mktemp -d)
server=''
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$work"' EXIT
export PYTHONDONTWRITEBYTECODE=1

need_elements filesrc decodebin videotestsrc videoconvert jpegenc jpegdec appsink matroskamux matroskademux
need_convrelu
gst-launch-1.0 -q videotestsrc num-buffers=1 pattern=ball ! video/x-raw,width=320,height=240 ! jpegenc ! \
  filesink "location=$work/whole.jpg"
head -c 300 "$work/whole.jpg" >"$work/cut.jpg"
echo "no picture at all, only words" >"$work/words.txt"

# What all of them print of a frame: the best class, then the two after it, each with its score.
line='^[a-z][A-Za-z0-9 -]* [01]\.[0-9]{4}  then [a-z][A-Za-z0-9 -]* [01]\.[0-9]{4}, [a-z][A-Za-z0-9 -]* [01]\.[0-9]{4}$'

# expect NAME CODE LINES PROGRAM...: it ends with CODE ("ends": 0 or 1, versions of GStreamer differ), having printed
# LINES lines, all of that form; where it fails it says why, and never with a traceback. What it said is left in $work/out.
expect() {
  what=$1 code=$2 lines=$3
  shift 3
  status=0
  timeout 60 "$@" >"$work/out" 2>"$work/errors" </dev/null || status=$?
  [ "$code" != ends ] || [ "$status" -gt 1 ] || code=$status
  all=$(wc -l <"$work/out")
  good=$(grep -cE "$line" "$work/out")
  said=$(wc -l <"$work/errors")
  if [ "$status" = "$code" ] && [ "$all" = "$lines" ] && [ "$good" = "$lines" ] &&
    { [ "$code" = 0 ] || [ "$said" -gt 0 ]; } && ! grep -qE 'Traceback|CRITICAL|WARNING|Deprecat' "$work/errors"; then
    echo "ok - $what"
    passed=$((passed + 1))
  else
    echo "not ok - $what: status $status, $all lines, $good of them as they should be"
    head -n 5 "$work/out" "$work/errors"
    failed=$((failed + 1))
  fi
}

# everything NAME PROGRAM...: all that it may be given. What it says of the picture must be what the one before said.
everything() {
  name=$1
  shift
  expect "$name, a picture" 0 1 "$@" "$work/whole.jpg"
  [ -e "$work/first" ] || cp "$work/out" "$work/first"
  if cmp -s "$work/first" "$work/out"; then
    passed=$((passed + 1))
  else
    echo "not ok - $name says of the picture what the others do not"
    failed=$((failed + 1))
  fi
  expect "$name, a picture that is cut off" ends 0 "$@" "$work/cut.jpg"
  expect "$name, a text" 1 0 "$@" "$work/words.txt"
  expect "$name, no such file" 1 0 "$@" "$work/none.jpg"
}

if pkg-config --exists gstreamer-app-1.0; then
  # shellcheck disable=SC2046
  if ${CC:-cc} -Wall -Wextra -Wshadow -Werror "$examples/appsink.c" -o "$work/appsink" \
    $(pkg-config --cflags --libs gstreamer-app-1.0); then
    everything appsink.c "$work/appsink"
    expect "appsink.c, no file named" 1 0 "$work/appsink"
  else
    echo "not ok - appsink.c does not compile"
    failed=$((failed + 1))
  fi
else
  skip "appsink.c: no gstreamer-app-1.0 to compile it with"
fi

python=''
for candidate in python3 /usr/bin/python3; do # the first one in the path need not be the one that packages are for
  [ -n "$python" ] || ! "$candidate" -c 'import gi; gi.require_version("Gst", "1.0"); from gi.repository import Gst' \
    >/dev/null 2>&1 || python=$candidate
done
if [ -z "$python" ]; then
  skip "messages.py, metadata.py, metadata_gst_python.py: no Python with PyGObject and GStreamer's typelib"
  finish
fi
cat >"$work/plain.py" <<'END'
import runpy, sys
sys.modules["gi.overrides.Gst"] = None  # as where python3-gst-1.0 is not installed
del sys.argv[0]
import gi
gi.require_version("Gst", "1.0")
from gi.repository import Gst
assert not hasattr(Gst.Structure, "keys"), "gst-python's additions are there"
runpy.run_path(sys.argv[0], run_name="__main__")
END
# json NAME FILE WORDS...: every line of the file is JSON, and there is one line for each word, which holds it.
json() {
  what=$1 file=$2 status=0
  shift 2
  "$python" -c 'import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
assert len(lines) == len(sys.argv) - 2, lines
assert all(word in str(line) for word, line in zip(sys.argv[2:], lines)), lines' "$file" "$@" 2>"$work/errors" || status=$?
  if [ "$status" = 0 ]; then
    echo "ok - $what"
    passed=$((passed + 1))
  else
    echo "not ok - $what: $(tail -n 1 "$work/errors")"
    failed=$((failed + 1))
  fi
}

label=$(sed 's/ [01]\.[0-9]*  then .*//' "$work/first")
"$python" "$work/plain.py" "$examples/events.py" "$label" 0.0001 "$work/whole.jpg" >"$work/events.jsonl" 2>&1 </dev/null
json 'events.py, a picture' "$work/events.jsonl" begin end-of-stream
"$python" "$work/plain.py" "$examples/record.py" "$work/record" "$work/whole.jpg" >"$work/said" 2>&1 </dev/null
json 'record.py, a picture' "$work/record.jsonl" "$label"
"$python" "$examples/messages.py" "$work/record.mkv" >"$work/again" 2>&1 </dev/null
if [ "$(grep -cE "$line" "$work/again")" = 1 ] && [ ! -s "$work/said" ]; then
  echo "ok - record.py's video can be played"
  passed=$((passed + 1))
else
  echo "not ok - record.py's video: $(head -n 3 "$work/said" "$work/again")"
  failed=$((failed + 1))
fi
expect "events.py, no class named" 1 0 "$python" "$examples/events.py"
expect "events.py, no such file" 1 0 "$python" "$examples/events.py" "$label" 0.5 "$work/none.jpg"
expect "record.py, nothing named" 1 0 "$python" "$examples/record.py"
expect "record.py, a text" 1 0 "$python" "$examples/record.py" "$work/record" "$work/words.txt"
# What rtsp.py serves comes in again, and is seen by another one.
rtsp() {
  for element in rtspsrc rtpjpegpay rtpjpegdepay; do
    gst-inspect-1.0 --exists $element || { skip "rtsp.py: no element $element"; return; }
  done
  if ! "$python" -c 'import gi; gi.require_version("GstRtspServer", "1.0"); from gi.repository import GstRtspServer' \
    >/dev/null 2>&1; then
    skip "rtsp.py: gst-rtsp-server's typelib is not installed (Debian: gir1.2-gst-rtsp-server-1.0)"
    return
  fi
  expect "rtsp.py, no port" 1 0 "$python" "$work/plain.py" "$examples/rtsp.py" no
  "$python" "$work/plain.py" "$examples/rtsp.py" 0 \
    'videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=10/1' >"$work/server" 2>&1 </dev/null &
  server=$!
  while kill -0 $server 2>/dev/null && ! grep -q rtsp: "$work/server"; do
    sleep 0.2
  done
  timeout 60 gst-launch-1.0 -m rtspsrc location="$(cat "$work/server")" protocols=tcp latency=0 ! decodebin ! videoconvert ! \
    convrelu ! fakesink num-buffers=5 >"$work/client" 2>&1 </dev/null
  kill "$server" 2>/dev/null
  wait "$server" 2>/dev/null
  server=''
  if [ "$(grep -c 'convrelu, ' "$work/client")" -ge 4 ] && grep -qE '^rtsp://127.0.0.1:[1-9][0-9]*/live$' "$work/server"; then
    echo "ok - rtsp.py's frames come in by rtspsrc"
    passed=$((passed + 1))
  else
    echo "not ok - rtsp.py: $(tail -n 3 "$work/server" "$work/client")"
    failed=$((failed + 1))
  fi
}
rtsp
# What webrtc.py serves is decoded by viewers that ask for it as browsers do.
webrtc() {
  for element in webrtcbin nicesrc dtlsenc srtpenc vp8enc rtpvp8pay rtpvp8depay vp8dec clocksync; do
    gst-inspect-1.0 $element >/dev/null 2>&1 || { skip "webrtc.py: no element $element"; return; }
  done
  if ! "$python" -c 'import gi; gi.require_version("GstWebRTC", "1.0"); from gi.repository import GstSdp, GstWebRTC' \
    >/dev/null 2>&1; then
    skip "webrtc.py: GstWebRTC's typelib is not installed (Debian: gir1.2-gst-plugins-bad-1.0)"
    return
  fi
  expect "webrtc.py, no port" 2 0 "$python" "$work/plain.py" "$examples/webrtc.py" no
  expect "webrtc.py, no such element" 1 0 "$python" "$work/plain.py" "$examples/webrtc.py" 0 nosuchsource
  timeout --foreground 200 "$python" "$work/plain.py" "$examples/webrtc.py" 0 \
    'videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=10/1' \
    >"$work/server" 2>&1 </dev/null &
  server=$!
  while kill -0 $server 2>/dev/null && ! grep -q http: "$work/server"; do
    sleep 0.2
  done
  status=0
  timeout 150 "$python" "$here/webrtc_peer.py" "$(grep -m 1 http: "$work/server")" \
    >"$work/peer" 2>&1 </dev/null || status=$?
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    [ "$(tail -n 1 "$work/server")" != 'a viewer less: 0' ] || break
    sleep 0.5
  done
  kill -INT "$server" 2>/dev/null
  wait "$server"
  ended=$?
  server=''
  if [ "$status" = 0 ] && [ "$ended" = 0 ] && [ "$(tail -n 1 "$work/server")" = 'a viewer less: 0' ]; then
    cat "$work/peer"
    passed=$((passed + $(grep -c '^ok' "$work/peer")))
  else
    echo "not ok - webrtc.py: $status, $ended"
    grep -v '^ok' "$work/peer"
    cat "$work/server"
    failed=$((failed + 1))
  fi
}
webrtc

for example in messages.py metadata.py; do
  everything "$example without gst-python" "$python" "$work/plain.py" "$examples/$example"
  expect "$example without gst-python, no file named" 0 3 "$python" "$work/plain.py" "$examples/$example"
done
if ! "$python" -c 'import gi; gi.require_version("Gst", "1.0"); from gi.repository import Gst; Gst.Structure.keys' \
  >/dev/null 2>&1; then
  skip "messages.py, metadata.py, metadata_gst_python.py with gst-python: it is not installed"
  finish
fi
for example in messages.py metadata.py metadata_gst_python.py; do
  everything "$example" "$python" "$examples/$example"
  expect "$example, no file named" 0 3 "$python" "$examples/$example"
done
finish
