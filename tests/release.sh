#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# release.sh: what a release must pass beyond the tests; run by `./dev release`, on Debian, in a clone without changes.
# The archive of `meson dist` becomes Debian packages twice, in two folders, at two times, for two locales: lintian has
# nothing to say, both are the same to the byte, and installed in a new Debian they pass debian/tests, a demonstration too.
# All of it is left in build/release. Prints a line for each and "N passed, N failed, N skipped"; ends with 1 if any failed.
set -u
cd "$(dirname "$0")/.." || exit 1
top=$PWD out=$PWD/build/release
# shellcheck source=tests/tally.sh
. tests/tally.sh
need_programs meson git dpkg-buildpackage dh lintian
rm -rf --one-file-system "$out"
mkdir -p "$out/nowhere" "$out/one" "$out/two/deeper"
version=$(sed -n "s/^project(.* version: '\([^']*\)'.*/\1/p" meson.build)
name=convrelu-$version
grep -q "^## $version (unreleased)" NEWS.md && skip "NEWS.md still calls $version unreleased"
grep -q '^convrelu .* UNRELEASED' debian/changelog && skip 'so does debian/changelog'

# Without dpkg-dev Meson does not know the folder of the architecture.
printf '#!/bin/sh\nexit 127\n' >"$out/nowhere/dpkg-architecture"
chmod +x "$out/nowhere/dpkg-architecture"
if PATH="$out/nowhere:$PATH" meson setup "$out/plain" --prefix=/usr -Dtests=false >"$out/setup.log" 2>&1; then
  rule 'without dpkg-dev the plugin goes to where GStreamer looks' "$(meson introspect --installed "$out/plain" |
    grep -qF "\"$(pkg-config --variable=pluginsdir gstreamer-1.0)/libgstconvrelu.so\"" || meson introspect --installed "$out/plain")"
else
  rule 'meson setup' "$(tail -n 20 "$out/setup.log")"
  finish
fi
if ! meson dist -C "$out/plain" --no-tests --formats xztar >"$out/dist.log" 2>&1; then
  rule 'meson dist' "$(tail -n 20 "$out/dist.log")"
  finish
fi
tar -tf "$out/plain/meson-dist/$name.tar.xz" | sed "s,^$name/,,; /\/\$/d; /^\$/d" | sort >"$out/archive"
rule 'meson dist: the archive has every file of the clone' "$(git ls-files | sort | diff - "$out/archive" | grep '^[<>]')"

# unpack FOLDER: where the package is built there.
unpack() {
  cp "$out/plain/meson-dist/$name.tar.xz" "$1/convrelu_$version.orig.tar.xz"
  tar -xf "$1/convrelu_$version.orig.tar.xz" -C "$1"
  cd "$1/$name" || exit 1
}
(unpack "$out/one" && dpkg-buildpackage -us -uc) >"$out/one.log" 2>&1 </dev/null
built=$?
rule 'dpkg-buildpackage, with the tests of debian/rules' "$([ $built = 0 ] || tail -n 20 "$out/one.log")"
[ $built = 0 ] || finish
lintian --allow-root --fail-on error,warning "$out"/one/*.changes >"$out/lintian.log" 2>&1
rule 'lintian has neither errors nor warnings' "$(grep '^[EW]:' "$out/lintian.log")"
for obj in "$out/one/$name"/obj-*; do
  GST_PLUGIN_PATH=$obj/plugin "$out/one/$name/tests/installed.sh" >"$out/installed.log" 2>&1
  rule 'tests/installed.sh of what was packaged' "$(grep -vE '^(ok|skipped)|, 0 failed,' "$out/installed.log")"
done

(umask 002 && unpack "$out/two/deeper" && LC_ALL=C.UTF-8 TZ=Asia/Kathmandu DEB_BUILD_OPTIONS=nocheck dpkg-buildpackage -us -uc -b) \
  >"$out/two.log" 2>&1 </dev/null
built=$?
rule 'dpkg-buildpackage again, in another folder' "$([ $built = 0 ] || tail -n 20 "$out/two.log")"
rule 'both builds are the same, byte for byte' "$(for deb in "$out"/one/*.deb; do
  cmp "$deb" "$out/two/deeper/$(basename "$deb")" 2>&1
done; [ -e "$deb" ] || echo 'no packages')"
sha256sum "$out"/one/*.deb "$out"/two/deeper/*.deb | sed "s,$out/,,"

# shellcheck source=/dev/null
suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
debs=$(find "$out/one" -name '*.deb' ! -name '*-dbgsym_*')
# shellcheck disable=SC2086 # one path a word
"$top/.ci/clean" "${suite:-trixie}" "$out/demo" $debs >"$out/clean.log" 2>&1
if grep -q '^# no root' "$out/clean.log"; then
  skip "packages in a new Debian: $(sed -n 's/^# no root //p' "$out/clean.log")"
else
  rule 'installed in a new Debian the packages pass debian/tests' "$(tail -n 1 "$out/clean.log" | grep -q ', 0 failed,' ||
    tail -n 20 "$out/clean.log")"
  grep '^ok' "$out/clean.log"
fi
finish
