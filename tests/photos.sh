#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# photos.sh: five photographs through gst-launch with three trained networks, against what ONNX Runtime says of them.
#
# usage: photos.sh [-v] [--clip]      (-v: the five best of each; --clip: also a whole video, one message for each frame)
# Environment: CONVRELU_DATA, the folder of shared networks and photographs (its expected_top5.tsv has the reference);
# GST_PLUGIN_PATH, where libgstconvrelu.so lies. Prints a table and "N passed, N failed, N skipped"; 1 if any failed.
set -u
verbose=no clip=no
for option; do
  case $option in
    -v) verbose=yes ;;
    --clip) clip=yes ;;
    *) echo "usage: photos.sh [-v] [--clip]" >&2; exit 2 ;;
  esac
done
# shellcheck source=tests/tally.sh
. "$(dirname "$0")/tally.sh"
data=${CONVRELU_DATA:-}
tab=$(printf '\t')

if [ -z "$data" ] || [ ! -f "$data/expected_top5.tsv" ]; then
  skip "no shared data"
  finish
fi
need_elements filesrc jpegdec gdkpixbufdec videoconvert
need_convrelu

# The element's messages of one photograph. $1: the photograph, the rest: properties.
classify() {
  photo=$1
  shift
  case $photo in
    *.bmp) decoder=gdkpixbufdec ;;
    *) decoder=jpegdec ;;
  esac
  gst-launch-1.0 -m filesrc "location=$data/photos/$photo" ! $decoder ! convrelu "$@" ! fakesink 2>&1
}

# field NAME: that array of a message, one element a line.
field() {
  sed -n "s/.*convrelu, .* $1=([a-z]*)< *\([^>]*\) >.*/\1/p" | sed 's/\\\(.\)/\1/g; s/, /\n/g'
}

# compare NETWORK PHOTO PROPERTIES...: the best class must be the reference's; either cat counts.
compare() {
  network=$1 photo=$2
  shift 2
  expected=$(awk -F "$tab" -v n="$network" -v p="$photo" '$1 == n && $2 == p && $3 == 1 { print $4 }' \
    "$data/expected_top5.tsv")
  cats=$(awk -F "$tab" -v n="$network" -v p="$photo" '$1 == n && $2 == p && $5 ~ /(Egyptian|tiger) cat/ { print $4 }' \
    "$data/expected_top5.tsv")
  messages=$(classify "$photo" "model-file=$data/models/$network" "$@")
  said=$(echo "$messages" | grep '(element): convrelu, ')
  ids=$(echo "$said" | field class-ids)
  score=$(echo "$said" | field scores | head -n 1)
  best=$(echo "$ids" | head -n 1)
  verdict=FAILED
  case $photo in
    cat*) accepted="$expected $cats" ;;
    *) accepted=$expected ;;
  esac
  for class in $accepted; do
    [ "$class" = "$best" ] && verdict=ok
  done
  label=$(awk -F "$tab" -v n="$network" -v p="$photo" -v c="$best" '$1 == n && $2 == p && $4 == c { print $5 "\t" $6 }' \
    "$data/expected_top5.tsv")
  name=$(echo "${label%%"$tab"*}" | cut -c 1-32)
  printf '%-31s %-14s %-6s %4s %7.4f  reference %6s  %s\n' "$network" "$photo" "$verdict" "${best:--}" "${score:-0}" \
    "${label##*"$tab"}" "$name"
  if [ $verdict = ok ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "$messages" | grep -E 'ERROR|WARNING|rror:' | head -n 3
  fi
  if [ $verbose = yes ]; then
    for i in 1 2 3 4 5; do
      class=$(echo "$ids" | sed -n "${i}p")
      score=$(echo "$said" | field scores | sed -n "${i}p")
      reference=$(awk -F "$tab" -v n="$network" -v p="$photo" -v r="$i" '$1 == n && $2 == p && $3 == r { print $4 "\t" $6 }' \
        "$data/expected_top5.tsv")
      printf '    %s. %4s %7.4f   reference %4s %7.4f\n' "$i" "$class" "$score" "${reference%%"$tab"*}" \
        "${reference##*"$tab"}"
    done
  fi
}

labels=$data/labels
for photo in bird.bmp cat.bmp dragonfly.bmp hot_dog.jpg parrot.jpg; do
  compare resnet50_v1.5.onnx "$photo" "labels-file=$labels/imagenet_1001_tf.txt" "mean=<123.68,116.78,103.94>" "std=<1>"
  compare mobilenet_v2_1.0_224_tf2.onnx "$photo" "labels-file=$labels/imagenet_1001_tf.txt" "mean=<127.5>" "std=<127.5>"
  compare squeezenet_v1.1.onnx "$photo" "labels-file=$labels/imagenet_1000.txt" "mean=<104,117,123>" "std=<1>" \
    channel-order=bgr
done

# Every frame of a clip gets its message, and the pipeline reaches its end.
if [ $clip = yes ]; then
  if gst-inspect-1.0 --exists avdec_h264 && gst-inspect-1.0 --exists qtdemux; then
    file=$data/videos/bottle-detection.mp4
    frames=$(gst-launch-1.0 -v filesrc "location=$file" ! decodebin ! fakesink silent=false \
      2>/dev/null | grep -c 'chain ')
    output=$(gst-launch-1.0 -m filesrc "location=$file" ! decodebin ! convrelu \
      "model-file=$data/models/resnet50_v1.5.onnx" "labels-file=$labels/imagenet_1001_tf.txt" \
      "mean=<123.68,116.78,103.94>" "std=<1>" ! fakesink 2>&1)
    messages=$(echo "$output" | grep -c '(element): convrelu, ')
    fresh=$(echo "$output" | grep '(element): convrelu, ' | grep -c 'fresh=(boolean)true')
    if echo "$output" | grep -q 'Got EOS from element' && [ "$messages" = "$frames" ] && [ "$frames" -gt 0 ]; then
      verdict=ok passed=$((passed + 1))
    else
      verdict=FAILED failed=$((failed + 1))
    fi
    echo "resnet50_v1.5.onnx              bottle-detection.mp4: $frames frames, $messages messages, $fresh fresh, EOS: $verdict"
  else
    skip "no H.264 decoder for the clip"
  fi
fi
finish
