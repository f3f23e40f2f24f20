#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# lint.sh: the habits of this project that a command can see. Run by `./dev lint` from the top folder, with build/ built.
# Prints what offends under the rule it breaks, and ends with "N passed, N failed, N skipped" over the rules.
set -u
cd "$(dirname "$0")/.." || exit 1

tally=$(mktemp)
trap 'rm -f "$tally"' EXIT
# rule TEXT: reads offences from stdin; none: the rule is kept.
rule() {
  offences=$(cat)
  if [ -z "$offences" ]; then
    echo passed >>"$tally"
  else
    echo failed >>"$tally"
    printf 'not ok - %s\n' "$1"
    printf '%s\n' "$offences" | head -n 20 | sed 's/^/    /'
  fi
}
skip() {
  echo skipped >>"$tally"
  printf '# skipped: %s\n' "$1"
}
files() { # PATTERN...: files of the project, new ones too
  git ls-files --cached --others --exclude-standard -- "$@" | sort -u | while read -r f; do
    [ ! -e "$f" ] || echo "$f"
  done
}
search() { # REGEX FILES...: where it stands, comments left out
  regex=$1
  shift
  for f in "$@"; do
    awk -v f="$f" -v regex="$regex" '
      { line = $0
        if (inside) { if (!sub(/^.*\*\//, "", line)) next; inside = 0 }
        gsub(/\/\*[^*]*\*\//, "", line); sub(/\/\/.*/, "", line)
        if (sub(/\/\*.*/, "", line)) inside = 1
        if (line ~ regex) print f ":" NR ": " $0 }' "$f"
  done
}

sources=$(files '*.c' '*.h')
engine=$(files 'engine/*.[ch]')
models=$(files 'models/*.[ch]')
plugin=$(files 'plugin/*.[ch]')
scripts=$(files dev '.ci/*' 'tests/*.sh' debian/tests/pipeline debian/tests/command debian/tests/demo docs/completions/convrelu)
# File names hold no spaces (checked first), so the lists may be split.
# shellcheck disable=SC2046,SC2086
{
  files | grep -E '[^A-Za-z0-9._/-]' | rule 'file names are plain'
  files | grep -iE '(^|/)(utils?|common|misc|helpers?|core|manager)[^/]*\.[ch]$' | rule 'file names say what is in them'
  wc -l $sources | awk '$2 != "total" && $1 > 700 { print $2 ": " $1 " lines" }' | rule 'files have at most 700 lines'
  wc -l engine/engine.h docs/engine.md | awk '$1 > 250 && $2 != "total" { print }' | rule 'engine.h and engine.md have at most 250 lines'
  wc -l README.md | awk '$1 > 150 { print $1 " lines" }' | rule 'README.md has at most 150 lines'
  # Lines that only name files are none of it: an operator, a method or a panel is a file.
  awk "!/^ *('[a-z0-9_.\/]+[.][ch]'[]),]* *)+\$/ { n++ } END { if (n > 150) print n \" lines\" }" \
    $(files '*meson.build' meson_options.txt) | rule 'the build description has at most 150 lines in all'
  awk 'FNR == 1 { start = 0 } /^[{]/ { start = FNR } /^[}]/ { if (start && FNR - start > 60 && $0 !~ /;/)
      print FILENAME ":" start ": " FNR - start " lines"; start = 0 }' $engine $models $plugin | rule 'functions have at most 60 lines'
  for f in $sources; do
    head -n 1 "$f" | grep -q '^/\* SPDX-License-Identifier: LGPL-2.1-or-later \*/$' || echo "$f: line 1"
    sed -n 2p "$f" | grep -q '^/\*' || echo "$f: line 2"
  done | rule 'sources start with the licence and with what they are'
  grep -nE '[[:space:]]$' $(files '*.c' '*.h' '*.md' '*.sh' '*.build' '*.proto' dev .ci/run) | rule 'no blanks at line ends'
  grep -lP '\t' $(files '*.c' '*.h' '*.sh' '*.build' dev .ci/run) | rule 'no tabs'
  # Pipelines that people paste are not broken.
  LC_ALL=C.UTF-8 grep -nHE '^.{121}' $sources $(files '*.def') | grep -v 'gst-launch-1\.0' | cut -c 1-120 |
    rule 'lines have at most 120 columns, comments too'
  grep -nIE 'TODO|FIXME|(^|[^X])XXX([^X]|$)|/wor[k]/|/hom[e]/' $(files '*.c' '*.h' '*.md' '*.sh' '*.build' '*.proto' dev .ci/run 'tests/*') |
    grep -v '^tests/lint.sh' | grep -aiv '^Binary' | rule 'nothing left open, no path of one machine'

  search '#include [<"](glib|gio|gst|gmodule|models/|plugin/|stdio_ext|fcntl)' $engine | rule 'engine/ includes nothing from outside'
  search '(^|[^a-z_])(fopen|open|fprintf|printf|puts|putchar|perror|fwrite|syslog) \(' $engine |
    rule 'engine/ opens and prints nothing'
  search '#include [<"](gst/|plugin/)' $models | rule 'models/ knows no GStreamer'
  search '(^|[^a-z_])(exit|_exit|abort|g_assert[a-z_]*|g_error) \(' $engine $models $plugin |
    rule 'nothing ends the process'
  search '(^|[^a-z_])(strcpy|strcat|sprintf|gets|alloca|atoi|system|popen) \(' $engine $models $plugin |
    rule 'no unbounded or unchecked calls'
  search '_mm[0-9]*_|__m(128|256|512)|float32x4|v(ld|st)1q?_|immintrin|arm_neon|xmmintrin' \
    $(files '*.[ch]' | grep -vE '^engine/(vec|kernels_[a-z0-9]+)\.h$') | rule 'intrinsics only in vec.h and kernels_<isa>.h'
  search '^#.*(AVX|NEON|SSE|aarch64|x86)' $(files '*.[ch]' | grep -vE '^engine/(vec\.h|kernels_[a-z0-9]+\.h|cpu\.c)$') |
    rule 'nothing but vec.h and cpu.c asks for the instruction set'
  search 'g_usleep|(^|[^a-z_])u?sleep \(' $plugin | rule 'the plugin does not sleep'
  search 'g_thread_(new|try_new)|g_thread_pool|pthread_create' $(files 'plugin/*.[ch]' | grep -vE '^plugin/(network|starting|keeping|async)\.c$') |
    rule 'only network.c, starting.c (loading), keeping.c (the cache) and async.c (beside the stream) start threads'
}

# shellcheck disable=SC2046
grep -hE '^#ifndef CONVRELU_[A-Z0-9_]*_H$' $(files '*.h') | sort | uniq -d | rule 'every header has a guard of its own'

flags='-DISA=scalar -DISA_IS_SCALAR' # engine/
for folder in engine models plugin; do
  [ $folder = engine ] || flags="-Ibuild/models $(pkg-config --cflags glib-2.0 libprotobuf-c gstreamer-video-1.0 pangocairo)"
  for h in $(files "$folder/*.h"); do
    # shellcheck disable=SC2086
    printf '#include "%s"\n' "$h" | ${CC:-cc} -std=c11 -D_GNU_SOURCE -I. $flags -Wall -Wno-unused-function -fsyntax-only -x c - \
      2>&1 | sed "s,^,$h: ,"
  done | rule "every header of $folder/ compiles alone"
done

# Of engine/ and plugin/, still without a prefix.
prefixless='band_floats|blocked_floats|checked_product|checked_sum|copy_padded|filter|fits_tensor|folded|input_node'
prefixless="$prefixless|stem_pool_[a-z]+|buffer_moment|heat_draw|premultiplied"
so=$(ls build/plugin/libgst*.so 2>/dev/null)
if [ -n "$so" ]; then
  nm -D --defined-only "$so" | awk '$3 !~ /^gst_plugin_/ { print $3 }' | rule 'the plugin exports gst_plugin_* and nothing else'
else
  skip 'exported symbols: no plugin built'
fi
for folder in build/engine/libkernels_*.a.p; do
  [ -d "$folder" ] || continue
  nm --defined-only --extern-only "$folder"/*.o | awk -v isa="${folder##*libkernels_}" '
    BEGIN { sub(/[.]a[.]p$/, "", isa) } NF == 3 && $3 !~ "_" isa "$" { print isa ": " $3 }'
done | rule 'what an instruction set exports has its name at the end'

# What the files of a folder give each other: graph_add is of graph.c or of a struct graph. A word alone is a file's name.
for folder in engine models plugin; do
  stems=$(files "$folder/*.[ch]" | sed 's,.*/,,; s,[.].*,,' | sort -u | tr '\n' ' ')
  # shellcheck disable=SC2046
  words=$(sed -nE 's/^(struct|enum) ([a-z]+)[a-z0-9_]*( \{)?.*/\2/p' $(files "$folder/*.h") | sort -u | tr '\n' ' ')
  for o in "build/$folder/lib$folder.a.p"/*.o "build/$folder"/libgst*.so.p/*.o; do
    case $o in
      *'*'* | */meson-generated_*) ;;
      *) nm --defined-only --extern-only "$o" | awk -v o="${o##*/}" 'NF == 3 { print $3, o }' ;;
    esac
  done | awk -v stems=" $stems" -v words=" $words" '
    BEGIN { n = split(stems, stem, " "); for (i = 1; i <= n; i++) { sub(/_.*/, "", stem[i]); own[stem[i]] }
      n = split(words, word, " "); for (i = 1; i <= n; i++) own[word[i]] }
    { first = $1; sub(/_.*/, "", first)
      good = $1 ~ /_/ ? first in own || first "s" in own || $1 ~ /^(gst|convrelu)_/ : index(stems, " " $1 " ")
      if (!good) print $2 ": " $1 }' |
    grep -vE " ($prefixless)\$" | rule "what the files of $folder/ export begins with a word of theirs"
done
for folder in build/engine/libkernels_*.a.p; do
  for part in conv strassen; do
    object=$folder/kernels_$part.c.o
    [ ! -e "$object" ] || objdump -d "$object" | grep -qE 'prefetch|prfm' || echo "$object"
  done
done | rule 'what multiplies fetches weights ahead'
# A sum that goes by the stack or from register to register doubles the time of a loop, and no test would fail. Innermost
# loops of strides that are constants; an odd one keeps its addresses where it can.
case $(uname -m) in
  x86_64)
    for object in build/engine/libkernels_avx*.a.p/kernels_conv.c.o; do
      [ ! -e "$object" ] || objdump -d --no-show-raw-insn "$object" | awk -v object="${object#build/engine/lib}" '
        /^[0-9a-f]+ <.*>:$/ { name = $2; n = multiplies = strays = jumps = 0; split("", line) }
        name ~ /^<(dense|strided|planar)_/ && /^ *[0-9a-f]+:\t/ {
          n++; address = $1; sub(/:$/, "", address); line[address] = n
          before_multiplies[n] = multiplies; before_strays[n] = strays; before_jumps[n] = jumps
          if ($2 ~ /^(vfn?madd|vpdpbusd|vpmaddwd|vdpbf16ps)/) multiplies++
          if ($2 ~ /^vmov/ && $3 ~ /^%[yz]mm[0-9]+,(-?(0x)?[0-9a-f]*\(%r(sp|bp)|%[yz]mm)/) strays++
          if ($2 ~ /^j/ && $3 in line) {
            first = line[$3]
            if (multiplies - before_multiplies[first] >= 4 && jumps == before_jumps[first] && strays > before_strays[first])
              print object " " name " " multiplies - before_multiplies[first] " products, " strays - before_strays[first] " sums moved"
            jumps++
          } }'
    done | rule 'the loops that multiply keep their sums in registers' ;;
  *) skip 'what loops do with their sums: reads only the assembly of x86' ;;
esac

case $(clang-format --version 2>/dev/null) in
  *'version 14.'*)
    # shellcheck disable=SC2086
    clang-format --dry-run $sources 2>&1 | grep 'warning:' | sed 's/: warning:.*//' | rule 'clang-format agrees' ;;
  *) skip 'formatting: needs clang-format 14, other versions differ' ;;
esac
# shellcheck disable=SC2086
if command -v shellcheck >/dev/null; then shellcheck -x $scripts 2>&1 | rule 'shellcheck agrees'; else skip 'no shellcheck'; fi
tests/mutate --places 2>&1 | grep -E 'does not apply|^mutate:' | rule 'every fault of tests/mutations.txt fits one line'
if command -v node >/dev/null; then
  for script in peer families; do
    node --check --input-type=commonjs <"tests/bench_$script" 2>&1
  done | rule 'the benchmark scripts parse'
else
  skip 'no node'
fi

awk '{ n[$1]++ } END { printf "%d passed, %d failed, %d skipped\n", n["passed"], n["failed"], n["skipped"] }' "$tally"
! grep -q failed "$tally"
