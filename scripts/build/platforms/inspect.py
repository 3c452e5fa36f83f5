"""Prints the properties of a shared library in ELF, PE or Mach-O as JSON."""

import hashlib
import json
import struct
import sys

import lief

ARCHITECTURES = {"X86_64": "x64", "AMD64": "x64", "AARCH64": "arm64", "ARM64": "arm64"}


def elf(binary):
    versions = [
        str(auxiliary.name)
        for requirement in binary.symbols_version_requirement
        for auxiliary in requirement.get_auxiliary_symbols()
    ]
    return {
        "format": "elf",
        "arch": binary.header.machine_type.name,
        "exports": [s.name for s in binary.exported_symbols],
        "needed": list(binary.libraries),
        "versions": sorted(set(versions)),
        "stripped": not list(binary.symtab_symbols),
        "debug": [s.name for s in binary.sections if s.name.startswith(".debug")],
    }


def pe(binary):
    return {
        "format": "pe",
        "arch": binary.header.machine.name,
        "exports": [entry.name for entry in binary.get_export().entries],
        "needed": [entry.name for entry in binary.imports],
        # Symbols of COFF, and sections of DWARF. Their long names are offsets into a table.
        "stripped": binary.header.numberof_symbols == 0,
        "debug": [s.name for s in binary.sections if str(s.name).startswith((".debug", "/"))],
    }


def macho(binary, data):
    build = binary.build_version
    return {
        "format": "macho",
        "arch": binary.header.cpu_type.name,
        "exports": [s.name.removeprefix("_") for s in binary.exported_symbols],
        "needed": [library.name for library in binary.libraries if library.command.name != "ID_DYLIB"],
        "identity": next((x.name for x in binary.libraries if x.command.name == "ID_DYLIB"), None),
        "macos": ".".join(map(str, build.minos[:2])) if build else None,
        "stripped": not any(s.type.name != "UNDEFINED" and not s.has_export_info for s in binary.symbols),
        "debug": [s.name for s in binary.sections if s.name.startswith("__debug")],
        "signed": signature_holds(binary, data),
    }


def signature_holds(binary, data):
    """Returns true if the pages have the hashes in the code directory of the (ad hoc) signature."""
    if not binary.has_code_signature:
        return False
    start = binary.code_signature.data_offset
    magic, _, count = struct.unpack_from(">III", data, start)
    assert magic == 0xFADE0CC0
    for index in range(count):
        kind, offset = struct.unpack_from(">II", data, start + 12 + 8 * index)
        if kind != 0:
            continue
        at = start + offset
        hashes, _, _, slots, limit, size, hash_type, _, page_bits = struct.unpack_from(
            ">IIIIIBBBB", data, at + 16
        )
        assert (size, hash_type) == (32, 2)
        page = 1 << page_bits
        return limit == start and all(
            hashlib.sha256(data[i * page : min((i + 1) * page, limit)]).digest()
            == data[at + hashes + 32 * i : at + hashes + 32 * (i + 1)]
            for i in range(slots)
        )
    return False


def main(path):
    with open(path, "rb") as file:
        data = file.read()
    binary = lief.parse(path)
    if isinstance(binary, lief.ELF.Binary):
        facts = elf(binary)
    elif isinstance(binary, lief.PE.Binary):
        facts = pe(binary)
    else:
        facts = macho(binary, data)
    facts["arch"] = ARCHITECTURES.get(facts["arch"], facts["arch"])
    facts["size"] = len(data)
    facts["sha256"] = hashlib.sha256(data).hexdigest()
    print(json.dumps(facts))


main(sys.argv[1])
