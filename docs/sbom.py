#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""sbom.py: writes the list of what convrelu is made of, as SPDX 2.3 in JSON. Run by docs/meson.build.

usage: sbom.py SOURCE OUTPUT VERSION COMPILER=VERSION meson=VERSION LIBRARY=VERSION...
The libraries are linked (LICENCES has what they declare); the weights of the built-in network are part of the plugin and
of the command. The same parts give the same bytes: the date is SOURCE_DATE_EPOCH, else that of the release."""
import datetime
import hashlib
import json
import os
import re
import sys
import uuid

LICENCES = {
    'glib-2.0': 'LGPL-2.1-or-later', 'gio-2.0': 'LGPL-2.1-or-later', 'jansson': 'MIT', 'libprotobuf-c': 'BSD-2-Clause',
    'pangocairo': 'LGPL-2.0-or-later', 'gstreamer-1.0': 'LGPL-2.1-or-later', 'gstreamer-base-1.0': 'LGPL-2.1-or-later',
    'gstreamer-video-1.0': 'LGPL-2.1-or-later', 'gstreamer-analytics-1.0': 'LGPL-2.1-or-later'}


def spdx_id(name):
    return 'SPDXRef-' + re.sub(r'[^A-Za-z0-9.-]', '-', name)


def package(name, version, licence, **more):
    return {'name': name, 'SPDXID': spdx_id(name), 'versionInfo': version, 'supplier': 'NOASSERTION',
            'downloadLocation': 'NOASSERTION', 'filesAnalyzed': False, 'licenseConcluded': licence,
            'licenseDeclared': licence, 'copyrightText': 'NOASSERTION', **more}


def released(source):
    """When the release was, in seconds."""
    with open(os.path.join(source, 'docs', 'convrelu.metainfo.xml'), encoding='utf-8') as file:
        day = re.search(r'<release version="[^"]*"[^>]* date="(\d{4}-\d\d-\d\d)"', file.read()).group(1)
    return datetime.datetime.fromisoformat(day + 'T00:00:00+00:00').timestamp()


def main(source, output, version, *parts):
    packages = [package('convrelu', version, 'LGPL-2.1-or-later', primaryPackagePurpose='LIBRARY', externalRefs=[
        {'referenceCategory': 'PACKAGE-MANAGER', 'referenceType': 'purl', 'referenceLocator': f'pkg:generic/convrelu@{version}'}])]
    relations = [('SPDXRef-DOCUMENT', 'DESCRIBES', 'SPDXRef-convrelu')]
    weights = os.path.join(source, 'models', 'default', 'resnet.safetensors')
    if os.path.exists(weights):
        with open(weights, 'rb') as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        packages.append(package('convrelu-default-network', version, 'CC-BY-4.0', primaryPackagePurpose='FILE',
                                packageFileName='models/default/resnet.safetensors',
                                checksums=[{'algorithm': 'SHA256', 'checksumValue': digest}]))
        relations.append(('SPDXRef-convrelu', 'CONTAINS', 'SPDXRef-convrelu-default-network'))
    for n, part in enumerate(parts):
        name, number = part.split('=', 1)
        tool = n < 2
        packages.append(package(name, number, LICENCES.get(name, 'NOASSERTION'),
                                primaryPackagePurpose='APPLICATION' if tool else 'LIBRARY',
                                externalRefs=[{'referenceCategory': 'PACKAGE-MANAGER', 'referenceType': 'purl',
                                               'referenceLocator': f'pkg:generic/{name}@{number}'}]))
        relations.append((spdx_id(name), 'BUILD_TOOL_OF', 'SPDXRef-convrelu') if tool
                         else ('SPDXRef-convrelu', 'DYNAMIC_LINK', spdx_id(name)))
    when = datetime.datetime.fromtimestamp(float(os.environ.get('SOURCE_DATE_EPOCH') or released(source)), datetime.timezone.utc)
    document = {
        'spdxVersion': 'SPDX-2.3', 'dataLicense': 'CC0-1.0', 'SPDXID': 'SPDXRef-DOCUMENT', 'name': f'convrelu-{version}',
        'documentNamespace': '', 'creationInfo': {'created': when.strftime('%Y-%m-%dT%H:%M:%SZ'),
                                                  'creators': ['Tool: convrelu-sbom.py']},
        'packages': packages,
        'relationships': [{'spdxElementId': a, 'relationshipType': kind, 'relatedSpdxElement': b} for a, kind, b in relations]}
    # A name for this very document; nothing is found there.
    document['documentNamespace'] = f'urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(document))}'
    with open(output, 'w', encoding='utf-8') as file:
        json.dump(document, file, indent=1)
        file.write('\n')


main(*sys.argv[1:])
