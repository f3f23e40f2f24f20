# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# tally.sh: what tests that are scripts count and print, sourced by them.
passed=0 failed=0 skipped=0

finish() {
  echo "$passed passed, $failed failed, $skipped skipped"
  [ "$failed" = 0 ]
  exit
}

skip() {
  echo "skipped: $1"
  skipped=$((skipped + 1))
}

# rule TEXT OFFENCES: kept where there are none; else prints them.
rule() {
  if [ -z "$2" ]; then
    echo "ok - $1"
    passed=$((passed + 1))
  else
    echo "not ok - $1"
    printf '%s\n' "$2" | head -n 20 | sed 's/^/    /'
    failed=$((failed + 1))
  fi
}

# need_programs, need_elements NAME...: without one of them the script ends, skipped.
need_programs() {
  for program in "$@"; do
    if ! command -v "$program" >/dev/null; then
      skip "no $program"
      finish
    fi
  done
}

need_elements() {
  for element in "$@"; do
    if ! gst-inspect-1.0 --exists "$element"; then
      skip "no element $element"
      finish
    fi
  done
}

# Without our own element it fails.
need_convrelu() {
  if ! gst-inspect-1.0 convrelu >/dev/null 2>&1; then # --exists wants a version as high as GStreamer's
    echo "there is no element convrelu: is GST_PLUGIN_PATH set?"
    failed=1
    finish
  fi
}
