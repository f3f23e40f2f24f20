#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# flicker.sh: how often the best class of a clip changes, as the network says it and as it is drawn.
#
#   GST_PLUGIN_PATH=build/plugin tests/flicker.sh CLIP [convrelu properties...]
set -eu
clip=$1
shift
log=$(mktemp)
said=$(mktemp)
trap 'rm -f "$log" "$said"' EXIT
GST_DEBUG_NO_COLOR=1 GST_DEBUG=convrelu:5 GST_DEBUG_FILE="$log" gst-launch-1.0 -m filesrc location="$clip" ! decodebin ! \
  videoconvert ! convrelu overlay=labels deadline=none top-k=1 "$@" ! fakesink >"$said"
sed -n 's/.*class-ids=(int)< \([0-9]*\).*/\1/p' "$said" | awk '
  NR > 1 && $1 != last { changes++ } { last = $1 } END { printf "said: %d changes in %d frames\n", changes, NR }'
awk '/the class drawn first is now/ { n++ } END { printf "drawn: %d changes\n", n > 0 ? n - 1 : 0 }' "$log"
