#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# newer_gstreamer.sh: compiles the plugin's files, without linking, against the headers of another GStreamer.
#
# usage: newer_gstreamer.sh      (environment: CONVRELU_GST_HEADERS, the folder of GStreamer's sources)
# Sources of 1.28, say, are "git clone --depth 1 --branch 1.28 https://gitlab.freedesktop.org/gstreamer/gstreamer.git". What its
# build would generate (versions, types of enums) is made here; GLib and Pango are the system's. Warnings are errors.
# Prints a line for each file and "N passed, N failed, N skipped"; ends with 1 if any failed.
set -u
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tests/tally.sh
. tests/tally.sh
sources=${CONVRELU_GST_HEADERS:-}
if [ -z "$sources" ]; then
  skip 'CONVRELU_GST_HEADERS is not set: it names the folder of the sources of another GStreamer'
  finish
fi
need_programs cc pkg-config glib-mkenums
core=$sources/subprojects/gstreamer base=$sources/subprojects/gst-plugins-base/gst-libs bad=$sources/subprojects/gst-plugins-bad/gst-libs
if [ ! -e "$core/gst/gstversion.h.in" ]; then
  echo "not ok - $sources has no subprojects/gstreamer/gst/gstversion.h.in"
  failed=1
  finish
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

version=$(sed -n "s/^ *version *: *'\([0-9.]*\)'.*/\1/p" "$sources/meson.build" | head -n 1)
mkdir -p "$work/gst/video"
nano=0
IFS=. read -r major minor micro nano <<VERSION
$version
VERSION
sed "s/@GST_VERSION_MAJOR@/$major/; s/@GST_VERSION_MINOR@/$minor/; s/@GST_VERSION_MICRO@/$micro/; s/@GST_VERSION_NANO@/${nano:-0}/" \
  "$core/gst/gstversion.h.in" >"$work/gst/gstversion.h"
sed 's/@GST_DISABLE_[A-Z_]*_DEFINE@/0/; s/^0$//' "$core/gst/gstconfig.h.in" >"$work/gst/gstconfig.h"
# enums FILE HEADER...: the types of their enums
enums() {
  to=$1
  shift
  glib-mkenums --fhead '#pragma once\n#include <glib-object.h>\n' \
    --vhead 'GType @enum_name@_get_type (void);\n#define @ENUMPREFIX@_TYPE_@ENUMSHORT@ (@enum_name@_get_type ())\n' "$@" >"$to" 2>"$work/enums" # what it cannot read shows below
}
enums "$work/gst/gstenumtypes.h" "$core"/gst/gst*.h
enums "$work/gst/video/video-enumtypes.h" "$base"/gst/video/*.h

warnings='-std=c11 -Wall -Wextra -Wshadow -Wvla -Wno-unused-parameter -Werror'
# shellcheck disable=SC2089
defines='-D_GNU_SOURCE -DHAVE_ANALYTICS -DGST_USE_UNSTABLE_API -DPACKAGE="convrelu" -DVERSION="0" -DGST_PACKAGE_ORIGIN="x"'
# -isystem: what GStreamer's own headers are warned of is not ours
headers="-isystem $work -isystem $core -isystem $core/libs -isystem $base -isystem $bad"
for file in plugin/*.c plugin/overlay/*.c; do
  # shellcheck disable=SC2046,SC2086,SC2090
  if ${CC:-cc} -fsyntax-only $warnings $defines -I. $headers $(pkg-config --cflags pangocairo gobject-2.0) "$file" >"$work/said" 2>&1; then
    echo "ok - $file with GStreamer $version"
    passed=$((passed + 1))
  else
    echo "not ok - $file with GStreamer $version"
    head -n 8 "$work/said"
    failed=$((failed + 1))
  fi
done
finish
