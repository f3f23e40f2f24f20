#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# window.sh: real clicks and keys in a real window: a virtual X server, gst-launch with each sink for X, and xdotool.
#
# usage: window.sh [FOLDER]      (FOLDER: where the screenshots go, window-<sink>.png; default: nowhere)
# Environment: GST_PLUGIN_PATH, where libgstconvrelu.so lies. What the clicks and keys have set is read from gst-launch -v.
# Skipped, with the reason, where Xvfb, xdotool or a sink is missing.
# Prints a line for each and "N passed, N failed, N skipped"; ends with 1 if any failed.
# shellcheck disable=SC2317 # functions that the trap and soon call
set -u
# shellcheck source=tests/tally.sh
. "$(dirname "$0")/tally.sh"
work=$(mktemp -d)
network=$(cd "$(dirname "$0")/../models/default" && pwd)/resnet.safetensors
into=${1:-$work}
server='' player=''
clean_up() {
  [ -z "$player" ] || kill "$player" 2>/dev/null
  [ -z "$server" ] || kill "$server" 2>/dev/null
  rm -rf "$work"
}
trap clean_up EXIT

need_programs Xvfb xdotool gst-launch-1.0
need_convrelu

# soon COMMAND...: within half a minute it succeeds.
soon() {
  for _ in $(seq 150); do
    "$@" && return 0
    sleep 0.2
  done
  return 1
}

Xvfb -displayfd 3 -screen 0 1000x800x24 -nolisten tcp 3>"$work/display" 2>"$work/server" &
server=$!
if ! soon test -s "$work/display"; then
  skip "Xvfb does not start: $(tail -n 1 "$work/server")"
  finish
fi
DISPLAY=:$(cat "$work/display")
export DISPLAY

# The last value of a property that was changed while playing.
value() {
  sed -nE "s/^.*GstConvRelu:c: $1 = //p" "$work/said" | tail -n 1 | tr -d '"'
}
is_set() { # PROPERTY REGEX
  value "$1" | grep -qE "^$2$"
}

# expect WHAT PROPERTY REGEX: after what was done the property becomes that.
expect() {
  if soon is_set "$2" "$3"; then
    echo "ok - $sink: $1: $2 is $(value "$2")"
    passed=$((passed + 1))
  else
    echo "not ok - $sink: $1: $2 is \"$(value "$2")\" instead of $3"
    failed=$((failed + 1))
  fi
}

find_window() {
  window=$(xdotool search --onlyvisible --name . 2>/dev/null | tail -n 1)
  [ -n "$window" ]
}
begun() {
  grep -q 'convrelu, timestamp' "$work/said"
}
click() { # X Y in the window
  xdotool mousemove --window "$window" "$1" "$2" click --window "$window" 1 2>/dev/null
}
key() {
  xdotool key --window "$window" "$1" 2>/dev/null # it tells of X servers without a window manager
}

play() {
  gst-launch-1.0 -v -m videotestsrc is-live=true pattern=ball ! \
    video/x-raw,width=640,height=480,framerate=10/1 ! convrelu name=c "model-file=$network" \
    overlay=labels+feature-maps layers=early,late resize=stretch channel-select=first ! queue ! videoconvert ! "$sink" sync=false \
    >"$work/said" 2>&1 &
  player=$!
}

act() {
  click 320 440 # the picture, where no panel lies
  expect 'a click on the picture' unit '[^ ]+:[0-9]+:58:32'
  expect 'which draws it' overlay '.*convolution|.*number of a layer.*'
  key Right
  expect 'a key' unit '[^:]+'
  key s
  expect another stage pre-activation
  click 40 14
  expect 'a click on a label' class '[0-9]+'
  key h
  expect 'the help' overlay '.*(help|keys).*'
  sleep 1
  ! gst-inspect-1.0 --exists ximagesrc || gst-launch-1.0 -q ximagesrc num-buffers=1 use-damage=false ! videoconvert ! \
    pngenc ! filesink "location=$into/window-$sink.png"
  key Escape
  key Escape
  expect back stage post-activation
  expect 'too' unit '\(null\)'
  xdotool windowsize --sync "$window" 900 560 2>/dev/null # the picture, 640 x 480, lies in its middle
  sleep 1
  click 450 480
  expect 'a click in a window with borders' unit '[^ ]+:[0-9]+:58:32'
}

for sink in ximagesink xvimagesink; do
  if ! gst-inspect-1.0 --exists "$sink"; then
    skip "no element $sink"
    continue
  fi
  play
  if ! soon begun || ! soon find_window; then
    skip "$sink: no window appears: $(grep -m 1 -i error "$work/said")"
  else
    act
  fi
  kill "$player" 2>/dev/null
  wait "$player" 2>/dev/null
  player=''
done
finish
