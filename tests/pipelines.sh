#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# pipelines.sh: runs every gst-launch-1.0 line of docs/pipelines.md without a screen.
#
# usage: pipelines.sh      (environment: GST_PLUGIN_PATH, where libgstconvrelu.so lies)
# A camera is a test picture that lasts two seconds, a window is nothing. A line must end well and say nothing of errors and
# warnings; one with -m must post what convrelu says. A line that waits for another machine begins before the next one.
# Prints a line for each and "N passed, N failed, N skipped"; ends with 1 if any failed.
set -u
page=$(cd "$(dirname "$0")/../docs" && pwd)/pipelines.md
# shellcheck source=tests/tally.sh
. "$(dirname "$0")/tally.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

need_programs gst-launch-1.0
need_elements filesrc decodebin videotestsrc videoconvert jpegenc jpegdec matroskamux matroskademux
need_convrelu
gst-launch-1.0 -q videotestsrc num-buffers=1 pattern=ball ! video/x-raw,width=320,height=240 ! jpegenc ! \
  filesink location=picture.jpg
gst-launch-1.0 -q videotestsrc num-buffers=20 pattern=ball ! video/x-raw,width=320,height=240,framerate=10/1 ! jpegenc ! \
  matroskamux ! filesink location=video.mkv

# The commands, each in one line.
awk '/^    gst-launch-1.0/ { inside = 1 }
  inside {
    line = substr($0, 5)
    more = sub(/\\$/, "", line)
    gsub (/  +/, " ", line)
    printf "%s%s", line, more ? "" : "\n"
    inside = more
  }' "$page" >lines
port=$((20000 + $$ % 20000))
camera='videotestsrc is-live=true num-buffers=20 pattern=ball ! video/x-raw,width=320,height=240,framerate=10/1'

# judge LINE STATUS
judge() {
  posted=yes
  case $1 in
    *' -m '*) grep -q 'convrelu[-a-z]*, ' said || posted=no ;;
  esac
  if [ "$2" = 0 ] && [ $posted = yes ] && ! grep -qE 'ERROR|WARNING|CRITICAL' said; then
    echo "ok - $1"
    passed=$((passed + 1))
  else
    echo "not ok - $1: status $2"
    head -n 3 said
    failed=$((failed + 1))
  fi
}

# missing LINE: the first element of the line that is not installed.
missing() {
  for element in playbin vp8enc webmmux compositor udpsrc udpsink rtpjitterbuffer rtpjpegdepay rtpjpegpay openh264enc h264parse \
    hlssink2; do
    case $1 in
      *"$element"*) gst-inspect-1.0 --exists $element || { echo $element; return; } ;;
    esac
  done
}

waiting=''
while IFS= read -r line <&3; do
  case $line in
    *rtspsrc*) skip "$line: there is no such camera; examples.sh tries rtspsrc on rtsp.py"; continue ;;
    *ssd_mobilenet.onnx*) skip "$line: there is no such network; check_regions_stock writes one"; continue ;;
  esac
  absent=$(missing "$line")
  if [ -n "$absent" ]; then
    skip "$line: no element $absent"
    continue
  fi
  command=$(echo "$line" | sed -E "s|v4l2src( device=[^ ]*)?|$camera|g; s|autovideosink|fakesink|g; s|port=5004|port=$port|")
  case $line in
    *udpsrc*)
      waiting=$line
      timeout 20 sh -c "exec $command" >received 2>&1 &
      receiver=$!
      sleep 2
      ;;
    *)
      status=0
      timeout 60 sh -c "$command" >said 2>&1 || status=$?
      judge "$line" "$status"
      ;;
  esac
done 3<lines
if [ -n "$waiting" ]; then
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    ! grep -q 'convrelu, ' received || break
    sleep 1
  done
  kill "$receiver" 2>/dev/null
  wait
  cp received said
  judge "$waiting" 0
fi
[ "$((passed + failed + skipped))" -ge "$(wc -l <lines)" ] || failed=$((failed + 1))
finish
