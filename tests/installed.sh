#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# installed.sh: installs a build into an empty folder and looks at what came: which files, how they are hardened, whether
# they agree on version, options and parts.
#
# usage: installed.sh      (environment: GST_PLUGIN_PATH, the plugin's folder in the build; CC, its compiler)
# Prints what offends under the rule it breaks, and "N passed, N failed, N skipped"; ends with 1 if any failed.
set -u
export LC_ALL=C.UTF-8 # what programs print is read
tests=$(cd "$(dirname "$0")" && pwd)
top=$(dirname "$tests")
# shellcheck source=tests/tally.sh
. "$tests/tally.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export GST_REGISTRY="$work/registry.bin"

need_programs meson readelf pkg-config python3 bash gst-inspect-1.0
build=$(dirname "${GST_PLUGIN_PATH%%:*}")
if ! meson install -C "$build" --no-rebuild --destdir "$work/root" >"$work/log" 2>&1; then
  rule 'meson install' "$(tail -n 20 "$work/log")"
  finish
fi
command=$(find "$work/root" -path '*/bin/convrelu')
plugin=$(find "$work/root" -name libgstconvrelu.so)
prefix=${command%/bin/convrelu}

# ---- which files ------------------------------------------------------------------------------------------------
find "$prefix" ! -type d | sed "s,^$prefix/,,; s,^.*/gstreamer-1.0/,gstreamer-1.0/," | LC_ALL=C sort >"$work/files"
rule 'the files of tests/installed.txt are installed, and no others' "$(diff "$tests/installed.txt" "$work/files" | grep '^[<>]')"
rule 'nobody but the owner may write them' "$(find "$prefix" -type f ! -perm 644 ! -perm 755)"
rule 'links between the pages lead somewhere' "$(find "$prefix" -name '*.md' | while read -r page; do
  grep -oE '\]\([^)#]+' "$page" | sed 's/^](//' | while read -r link; do
    case $link in http*) continue ;; esac
    [ -e "$(dirname "$page")/$link" ] || echo "${page#"$prefix"/}: $link"
  done
done)"

# ---- hardening --------------------------------------------------------------------------------------------------
# Lazy binding, a writable table of addresses, a stack that can be executed: each makes a memory error worth more.
hardening() {
  readelf -lW "$1" >"$work/segments"
  readelf -dW "$1" >"$work/dynamic"
  grep -q GNU_RELRO "$work/segments" || echo 'no RELRO'
  grep -qE '\((BIND_NOW|FLAGS|FLAGS_1)\).*NOW' "$work/dynamic" || echo 'RELRO is partial: bound lazily (no BIND_NOW)'
  awk '$1 == "GNU_STACK" { found = 1; if ($0 ~ /RWE/) print "the stack can be executed" }
    $1 == "LOAD" && /RWE/ { print "a segment is writable and executable" }
    END { if (!found) print "nothing says that the stack cannot be executed" }' "$work/segments"
  grep -E 'RPATH|RUNPATH' "$work/dynamic"
  grep TEXTREL "$work/dynamic"
  readelf -hW "$1" | grep -q 'Type: *DYN' || echo 'it is loaded at a fixed address'
  readelf --dyn-syms -W "$1" | grep -q __stack_chk_fail || echo 'no function guards its stack'
}
rule 'the plugin is hardened' "$(hardening "$plugin")"
rule 'the command is hardened' "$(hardening "$command"; grep -q '(FLAGS_1).*PIE' "$work/dynamic" || echo 'it is no PIE')"
# Indirect branches land on marked places only (x86: IBT and SHSTK, ARM: BTI and PAC): if all objects agree, the linker says so.
branch_note() { # FILE
  readelf -nW "$1" 2>/dev/null | sed -n 's/.*feature: //p'
}
case $(uname -m) in
  x86_64) flag=-fcf-protection=full ;;
  aarch64) flag=-mbranch-protection=standard ;;
  *) flag=-fno-such-flag ;;
esac
echo 'int nothing (void); int nothing (void) { return 0; }' >"$work/nothing.c"
if ${CC:-cc} $flag -fPIC -c "$work/nothing.c" -o "$work/nothing.o" 2>/dev/null && [ -n "$(branch_note "$work/nothing.o")" ]; then
  ${CC:-cc} $flag -shared "$work/nothing.o" -o "$work/nothing.so"
  rule 'every object marks where indirect branches land' "$(
    find "$build/engine" "$build/models" "$build/plugin" -name '*.o' -exec readelf -nW {} + |
      awk -v want="$(branch_note "$work/nothing.o")" '
        function judge() { if (file != "" && have != want) print file ": \047" have "\047"; files++; have = "" }
        /^File: / { judge(); file = $2 }
        sub(/.*feature: /, "") { have = $0 }
        END { judge(); if (files < 3) print "no objects" }')"
  for file in "$plugin" "$command"; do
    [ "$(branch_note "$file")" = "$(branch_note "$work/nothing.so")" ] || echo "$file: '$(branch_note "$file")'"
  done >"$work/unmarked"
  note=$(branch_note "$work/nothing.so") # nothing where the C library's own objects have no mark
  rule "what is installed is marked as this compiler's libraries are: ${note:-none}" "$(cat "$work/unmarked")"
else
  skip 'indirect branches: this compiler marks none'
fi
rule 'no file knows the folder in which it was built' "$(find "$prefix" -type f | while read -r file; do
  ! grep -qaF -e "$top/" -e "$(cd "$build" && pwd)/" "$file" || echo "${file#"$prefix"/}"
done)"

# ---- parts ------------------------------------------------------------------------------------------------------
needed() { # FILE...
  readelf -dW "$@" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort -u
}
# shellcheck disable=SC2046 # one a word
rule 'the list of parts (SPDX) is right' \
  "$(python3 "$tests/sbom_check.py" "$prefix/share/doc/convrelu/convrelu.spdx.json" $(needed "$plugin" "$command") 2>&1)"
rule 'the command needs no GStreamer' "$(needed "$command" | grep -i gst)"

# ---- one version ------------------------------------------------------------------------------------------------
version=$(sed -n "s/^project(.* version: '\([^']*\)'.*/\1/p" "$top/meson.build" | head -n 1)
inspected=$(GST_PLUGIN_PATH=$(dirname "$plugin") GST_PLUGIN_SYSTEM_PATH='' gst-inspect-1.0 convrelu 2>&1)
said() { # NAME VERSION
  [ "$2" = "$version" ] || echo "$1 says '$2', meson.build '$version'"
}
metainfo=$prefix/share/metainfo/convrelu.metainfo.xml
rule 'everything has the version of meson.build' "$(
  said convrelu "$("$command" --version | sed 's/^convrelu //')"
  said plugin "$(echo "$inspected" | sed -n 's/^  Version  *//p')"
  said convrelu.1 "$(sed -n 's/^\.TH .*"convrelu \([^"]*\)".*/\1/p' "$prefix/share/man/man1/convrelu.1")"
  said metainfo "$(sed -n 's/.*<release version="\([^"]*\)".*/\1/p' "$metainfo" | head -n 1)"
  said SBOM "$(sed -n 's/.*"name": "convrelu-\([0-9.]*\)".*/\1/p' "$prefix/share/doc/convrelu/convrelu.spdx.json")"
  said NEWS.md "$(sed -n 's/^## \([0-9.]*\).*/\1/p' "$top/NEWS.md" | head -n 1)"
  said debian/changelog "$(sed -n '1s/^convrelu (\(.*\)-[^-]*) .*/\1/p' "$top/debian/changelog")"
)"

# ---- the plugin where it lies now -------------------------------------------------------------------------------
origin=$(echo "$inspected" | sed -n 's/^  Origin URL  *//p')
given=$(meson introspect --buildoptions "$build" | python3 -c 'import json, sys
print(next(o["value"] for o in json.load(sys.stdin) if o["name"] == "package_origin"))')
if [ -n "$given" ]; then
  rule 'its origin is what -Dpackage_origin says' "$([ "$origin" = "$given" ] || echo "'$origin', not '$given'")"
else
  rule 'its origin is the folder of its documentation' "$([ "${origin#file:///}" != "$origin" ] &&
    [ -d "$work/root${origin#file://}" ] || echo "'$origin'")"
fi
gst_folder=$(pkg-config --variable=pluginsdir gstreamer-1.0)
if [ "$prefix" = "$work/root$(pkg-config --variable=prefix gstreamer-1.0)" ]; then
  rule 'the plugin is where GStreamer looks' "$([ "$plugin" = "$work/root$gst_folder/libgstconvrelu.so" ] || echo "$plugin")"
fi
echo "$inspected" | sed -n 's/^  \([a-z][a-z0-9-]*\) *: .*/\1/p' | grep -vxE 'name|parent|qos' | sort >"$work/properties"
rule "the element's page has its properties, and is well-formed" "$(python3 - "$prefix/share/doc/convrelu/convrelu.html" 2>&1 \
  >"$work/described" <<'END'
import sys, xml.etree.ElementTree
for heading in xml.etree.ElementTree.parse(sys.argv[1]).iter("{http://www.w3.org/1999/xhtml}h3"):
    if heading.get("id"):
        print(heading.get("id"))
END
sort "$work/described" | diff "$work/properties" - 2>&1; [ -s "$work/properties" ] || echo 'no properties')"
if command -v appstreamcli >/dev/null; then
  appstreamcli validate --no-net "$metainfo" >"$work/log" 2>&1
  rule 'AppStream validates the description' "$(grep '^[EW]:' "$work/log" | grep -v url-homepage-missing # there is no page yet
    grep -q 'Validation ' "$work/log" || cat "$work/log")"
else
  skip 'AppStream: no appstreamcli'
fi

# ---- manual and completions know what the command does ----------------------------------------------------------
"$command" --help >"$work/help"
grep -oE '^  (-[a-z], )?--[a-z-]+=?' "$work/help" | grep -oE '\-\-[a-z-]+=?' | sort >"$work/options"
sed -n 's/^  convrelu \[OPTION.*\] \([a-z|]*\) .*/\1/p' "$work/help" | tr '|' '\n' | sort >"$work/commands"
# completed WORD...: what bash is offered for the last one.
mkdir "$work/empty"
completed() {
  (cd "$work/empty" && bash -c 'compopt() { :; }; . "$0"; COMP_WORDS=(convrelu "$@"); COMP_CWORD=$#; _convrelu
    printf "%s\n" "${COMPREPLY[@]}"' "$prefix/share/bash-completion/completions/convrelu" "$@") 2>&1 | sort
}
zsh=$prefix/share/zsh/vendor-completions/_convrelu
# agree NAME FILE: reads what NAME has and says how it differs.
agree() {
  diff "$2" - | sed -n "s/^</$1 lacks/p; s/^>/$1 alone has/p"
}
rule 'completions and manual have the options of --help' "$([ -s "$work/options" ] || echo 'no options'
  completed -- | agree bash "$work/options"
  grep -oE '\-\-[a-z-]+(=|\[|})' "$zsh" | tr -d '[}' | sort -u | agree zsh "$work/options"
  tr -d '=' <"$work/options" | sort >"$work/names"
  sed 's/[\]//g' "$prefix/share/man/man1/convrelu.1" | grep -oE '(^|[^-a-z])--[a-z-]+' | grep -oE '\-\-[a-z-]+' | sort -u |
    agree manual "$work/names")"
rule 'completions and manual have the commands of --help' "$([ -s "$work/commands" ] || echo 'no commands'
  completed '' | agree bash "$work/commands"
  sed -n "s/.*'1:command:((\(.*\)))'.*/\1/p" "$zsh" | grep -oE '[a-z]+\\:' | tr -d '\\:' | sort | agree zsh "$work/commands"
  sed -n 's/^\.BR \(inspect |.*\)/\1/p' "$prefix/share/man/man1/convrelu.1" | tr -d ' ' | tr '|' '\n' | sort | agree manual "$work/commands")"
rule 'completions offer --cache-dir to the commands that take it' "$(while read -r word; do
  offered=no takes=yes
  completed "$word" -- | grep -q -e '^--cache-dir=' && offered=yes
  "$command" "$word" --cache-dir="$work/no" --output="$work/no" "$work/no" 2>&1 | grep -q -e '--cache-dir belongs' && takes=no
  [ $offered = $takes ] || echo "$word: bash offers it: $offered, taken: $takes"
done <"$work/commands")"
rule 'completions have the words that an option takes' "$(for option in isa algorithm precision; do
  case $option in
    precision) printf 'auto\nfp32\nint8\nbf16\n' ;;
    *) sed -n "s/^  --$option=.*: \([a-z0-9, ]*\);.*/\1/p" "$work/help" | tr -d ' ' | tr ',' '\n' ;;
  esac | sort >"$work/words"
  [ "$(wc -l <"$work/words")" -gt 1 ] || echo "--help does not say what --$option takes"
  completed inspect "--$option" = '' | agree bash "$work/words"
  sed -n "s/.*'--$option=.*:(\(.*\))'.*/\1/p" "$zsh" | tr ' ' '\n' | sort | agree zsh "$work/words"
  while read -r word; do
    "$command" inspect "--$option=$word" --threads=-1 2>&1 | grep -q -- '--threads' || echo "--$option=$word is refused"
  done <"$work/words"
done)"
finish
