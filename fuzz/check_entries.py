#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares the functions that read foreign bytes with the fuzz targets that call them.

Usage: fuzz/check_entries.py

- each function of a header whose name and parameters say that it reads bytes has a row below
- each row names a function that there is, and a target whose source calls it, or calls the one
  that it is reached through
- each target of fuzz/meson.build has a row and a corpus
"""

import glob
import os
import re
import sys

# Function: the target, "target through FUNCTION", or "-" and why it needs none.
ENTRIES = {
    "devices_load_module": "- a name",
    "image_load": "describe through image_describe_command",
    "image_read_file": "- reads a file as a whole: vsa_whole_file_read()",
    "lines_check_environment": "boot_file",
    "lines_parse": "boot_file",
    "log_level_parse": "settings through settings_read_file",
    "numbers_parse": "text",
    "numbers_parse_seconds": "text",
    "secret_file_read": "- a file of the user's; its content: `take` of each",
    "services_parse": "boot_file",
    "settings_file_read": "settings through settings_read_file",
    "settings_read_file": "settings",
    "user_parse": "text",
    "vsa_address_parse": "text",
    "vsa_aead_open": "sealed through vsa_seal_read_request",
    "vsa_anchor_load": "certificate",
    "vsa_archive_request_read": "archive_line",
    "vsa_archive_source_open": "- a path; what is read: vsa_lines_next(), vsa_tar_read()",
    "vsa_archive_results_open": "- a path; what is read: vsa_archive_results_read()",
    "vsa_archive_results_read": "archive_line",
    "vsa_attest_nonce_decode": "protocol_line",
    "vsa_attest_reply_decode": "protocol_line",
    "vsa_attest_request_decode": "protocol_line",
    "vsa_base64_decode": "base64",
    "vsa_base64url_decode": "challenge",
    "vsa_challenge_check": "challenge",
    "vsa_challenge_keys_parse": "challenge",
    "vsa_forwarded_reply_decode": "protocol_line",
    "vsa_name_list_read": "- a directory; names of files",
    "vsa_policy_set_load": "- a directory of the operator's; its files: vsa_service_policy_parse()",
    "vsa_service_policy_parse": "policy_files",
    "vsa_signing_keys_load": "- a directory of the operator's; its files: vsa_key_read_private()",
    "vsa_audience_check": "service_request",
    "vsa_challenge_request_parse": "service_request",
    "vsa_client_list_parse": "service_request",
    "vsa_verify_request_parse": "service_request",
    "vsa_bearer_read": "text",
    "vsa_cbor_finish": "cose through vsa_cose_sign1_parse",
    "vsa_cbor_skip": "cbor",
    "vsa_certificate_describe": "certificate",
    "vsa_certificate_parse": "certificate",
    "vsa_certificate_read_file": "certificate",
    "vsa_channel_open": "client through vsa_query_run",
    "vsa_channel_request": "client through vsa_query_run",
    "vsa_check_encoded_size": "- a size that libcrypto returned",
    "vsa_cose_sign1_parse": "cose",
    "vsa_cose_sign1_parse_with_key_id": "cose through vsa_sender_verify",
    "vsa_cose_sign1_prepare_check": "cose through vsa_cose_sign1_verify",
    "vsa_cose_sign1_verify": "cose",
    "vsa_der_read": "der",
    "vsa_der_skip": "der",
    "vsa_document_decode": "document_text",
    "vsa_document_parse": "document",
    "vsa_executable_read": "boot_file",
    "vsa_find_enclave_in": "describe_enclaves",
    "vsa_hex_decode": "text",
    "vsa_hpke_open": "sealed through vsa_seal_read_request",
    "vsa_image_describe": "describe through image_describe_command",
    "vsa_image_certificate_from_pem": "certificate",
    "vsa_image_measure_certificate": "certificate",
    "vsa_image_parse": "eif",
    "vsa_image_parse_as_aws": "eif",
    "vsa_image_payload_check": "eif",
    "vsa_image_signature_read": "eif",
    "vsa_image_verify_signature": "eif",
    "vsa_ear_read": "token",
    "vsa_jwk_find": "token through vsa_jws_verify",
    "vsa_jws_verify": "token",
    "vsa_json_load": "protocol_line through vsa_json_parse",
    "vsa_json_load_object": "protocol_line through vsa_json_parse",
    "vsa_json_load_object_apart": "service_request",
    "vsa_json_parse": "protocol_line",
    "vsa_json_parse_sealed": "protocol_line",
    "vsa_kernel_check": "boot_file",
    "vsa_layers_read_archive": "layers",
    "vsa_key_config_read": "sealed",
    "vsa_key_read_private": "private_key",
    "vsa_key_read_public": "cose through vsa_sender_verify",
    "vsa_key_read_signature": "private_key",
    "vsa_key_verify": "eif through vsa_image_verify_signature",
    "vsa_measurements_read": "describe_enclaves",
    "vsa_metadata_check": "boot_file",
    "vsa_metadata_read": "boot_file",
    "vsa_metrics_reply_decode": "client through vsa_query_run",
    "vsa_module_check": "boot_file",
    "vsa_module_id_parse": "text",
    "vsa_nsm_device_open": "- a path",
    "vsa_nsm_open": "server through hostile_nsm_begin",
    "vsa_nsm_request_decode": "nsm_message",
    "vsa_nsm_response_decode": "nsm_message",
    "vsa_nsm_socket_open": "server through hostile_nsm_begin",
    "vsa_ping_reply_decode": "protocol_line",
    "vsa_policy_expect_measurements": "describe_enclaves",
    "vsa_pem_decode": "certificate through vsa_public_key_from_file",
    "vsa_public_key_from_file": "certificate",
    "vsa_ramdisk_check": "boot_file",
    "vsa_read_line": "client through vsa_query_run",
    "vsa_reply_check": "protocol_line",
    "vsa_request_command": "protocol_line",
    "vsa_request_id": "protocol_line",
    "vsa_seal_read_reply": "sealed",
    "vsa_seal_read_request": "sealed",
    "vsa_seal_recipient_new": "sealed_client through vsa_client_seal",
    "vsa_sealed_request": "sealed_client",
    "vsa_sender_verify": "cose",
    "vsa_server_run": "server",
    "vsa_sized_read": "- a struct of the caller's",
    "vsa_software_nsm_respond": "nsm_message",
    "vsa_software_state_open": "- the software NSM's own files, in a directory of its user's",
    "vsa_service_status_decode": "protocol_line",
    "vsa_tar_read": "layers",
    "vsa_time_parse": "text",
    "vsa_verify_size": "document through vsa_verify",
    "vsa_whole_file_open": "describe through image_describe_command",
    "vsa_whole_file_read": "settings through settings_read_file",
    "vsa_x509_parse": "x509",
    "words_have": "text",
}

READS = re.compile(
    r"(parse|decode|read|load|scan|verify|describe|check|open|is_strict|to_der|from_file|from_pem"
    r"|expect_measurements|find_enclave_in)$|_(read|load|parse|decode)_"
)
BYTES = re.compile(r"struct vsa_slice \w|struct vsa_whole_file \*|const (char|json_t|uint8_t) \*\w")
PROTOTYPE = re.compile(r"\b(\w+)\s*\(([^;{}]*?)\)\s*;", re.DOTALL)

problems = []


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def declared():
    """{function: (header, parameters)} of all headers."""
    found = {}
    for path in sorted(glob.glob("src/**/*.h", recursive=True) + glob.glob("include/vsattest/*.h")):
        text = re.sub(r"/\*.*?\*/", "", read(path), flags=re.DOTALL)
        for match in PROTOTYPE.finditer(text):
            found.setdefault(match[1], (path, match[2]))
    return found


def check_functions(functions):
    for name, (path, parameters) in functions.items():
        if READS.search(name) and BYTES.search(parameters) and name not in ENTRIES:
            problems.append(f"{path}: {name}() reads bytes: call it in a fuzz target (CONTRIBUTING.md) "
                            "and add a row to fuzz/check_entries.py")
    for name in ENTRIES:
        if name not in functions:
            problems.append(f"fuzz/check_entries.py: no header declares {name}() any more")


def check_targets(targets):
    used = set()
    for name, row in ENTRIES.items():
        target, _, way = row.partition(" through ")
        if row.startswith("- "):
            continue
        used.add(target)
        if target not in targets:
            problems.append(f"fuzz/check_entries.py: {name}: no target {target}")
        elif not re.search(rf"\b{way or name}\b", read(f"fuzz/fuzz_{target}.c")):
            problems.append(f"fuzz/fuzz_{target}.c: does not call {way or name}(), as its row says")
    for target in sorted(targets - used):
        problems.append(f"fuzz/fuzz_{target}.c: no row of fuzz/check_entries.py names it")
    for target in sorted(targets):
        if not glob.glob(f"fuzz/corpus/{target}/*"):
            problems.append(f"fuzz/corpus/{target}: no seeds (fuzz/make_corpus.c)")


def main():
    listed = re.search(r"^fuzz_targets = \[(.*?)^\]", read("fuzz/meson.build"), re.DOTALL | re.MULTILINE)
    targets = set(re.findall(r"'(\w+)'", listed[1]))
    check_functions(declared())
    check_targets(targets)
    for text in problems:
        print(text, file=sys.stderr)
    if not problems:
        print(f"{len(ENTRIES)} functions that read bytes, {len(targets)} fuzz targets")
    return 1 if problems else 0


if __name__ == "__main__":
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    sys.exit(main())
