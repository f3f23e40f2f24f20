# SPDX-License-Identifier: LGPL-2.1-or-later
"""sbom_check.py: prints what is wrong with the list of parts (SPDX 2.3), one offence a line; nothing: it is right.

usage: sbom_check.py FILE.spdx.json NEEDED...     (NEEDED: the libraries that the installed files ask the loader for)
Form: what the specification wants of each entry. Truth: every library that is needed belongs to a part that is listed,
every part that is listed as linked is needed, and its version is pkg-config's."""
import json
import re
import subprocess
import sys

ID = re.compile(r'SPDXRef-[A-Za-z0-9.-]+')
PURPOSES = 'APPLICATION FRAMEWORK LIBRARY CONTAINER OPERATING-SYSTEM DEVICE FIRMWARE SOURCE ARCHIVE FILE INSTALL OTHER'.split()
SYSTEM = re.compile(r'lib[cm]\.so|ld-linux')


def pkg_config(*words):
    return subprocess.run(['pkg-config', *words], capture_output=True, text=True, check=False).stdout.split()


def form(document):
    for field, value in {'spdxVersion': 'SPDX-2.3', 'dataLicense': 'CC0-1.0', 'SPDXID': 'SPDXRef-DOCUMENT'}.items():
        if document.get(field) != value:
            yield f'{field} is {document.get(field)}'
    if not re.fullmatch(r'[a-z]+:[^#\s]+', document.get('documentNamespace', '')):
        yield 'documentNamespace is no URI'
    if not re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ', document['creationInfo']['created']):
        yield 'created is no time'
    if not any(re.match('(Tool|Person|Organization): .', creator) for creator in document['creationInfo']['creators']):
        yield 'nobody made it'
    ids = [package['SPDXID'] for package in document['packages']]
    for package in document['packages']:
        for field in 'name', 'versionInfo', 'downloadLocation', 'licenseConcluded', 'licenseDeclared', 'copyrightText':
            if not package.get(field):
                yield f'{package["SPDXID"]} has no {field}'
        if not ID.fullmatch(package['SPDXID']) or ids.count(package['SPDXID']) != 1:
            yield f'{package["SPDXID"]}: the name is not allowed or not the only one'
        if package.get('primaryPackagePurpose', 'OTHER') not in PURPOSES:
            yield f'{package["SPDXID"]}: there is no purpose {package["primaryPackagePurpose"]}'
        for digest in package.get('checksums', []):
            if digest['algorithm'] != 'SHA256' or not re.fullmatch('[0-9a-f]{64}', digest['checksumValue']):
                yield f'{package["SPDXID"]}: the checksum is none'
    for relation in document['relationships']:
        for end in relation['spdxElementId'], relation['relatedSpdxElement']:
            if end not in ids + ['SPDXRef-DOCUMENT']:
                yield f'{end} is in a relationship and nowhere else'
    if not any(r['relationshipType'] == 'DESCRIBES' for r in document['relationships']):
        yield 'it describes nothing'


def truth(document, needed):
    linked = {r['relatedSpdxElement'] for r in document['relationships'] if r['relationshipType'] == 'DYNAMIC_LINK'}
    given = set()
    for package in document['packages']:
        if package['SPDXID'] not in linked:
            continue
        name = package['name']
        if pkg_config('--modversion', name) != [package['versionInfo']]:
            yield f'{name} is {pkg_config("--modversion", name)}, not {package["versionInfo"]}'
        libraries = {f'lib{word[2:]}.so' for word in pkg_config('--libs-only-l', name)}
        if not any(library.split('.so')[0] + '.so' in libraries for library in needed):
            yield f'{name} is listed, and nothing of it is needed'
        given |= libraries
    for library in needed:
        if library.split('.so')[0] + '.so' not in given and not SYSTEM.match(library):
            yield f'{library} is needed, and no part that is listed has it'


with open(sys.argv[1], encoding='utf-8') as file:
    sbom = json.load(file)
for offence in [*form(sbom), *truth(sbom, sys.argv[2:])]:
    print(offence)
