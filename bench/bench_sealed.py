#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A sealed ping beside its bare cryptography, in the same rounds: one Diffie-Hellman, two HKDF, two AES-GCM.

    scripts/bench sealed

CPU times are the server's for one request, user and system time of all its threads, medians of the rounds; the
ratios are those of each round's. `bare` is made by the plain calls of libcrypto (sealed_load.c). HPKE and the reply
take eleven HMACs by their specifications where two HKDF are four, and two checks of the point with P-384 where one
is enough.

`whole` is bare beside all that a sealed ping costs. `sealing` is bare beside what it costs more than a ping in clear:
both pay for a line in, a line out, and the JSON of a ping.
"""
import statistics
import subprocess
import tempfile

import bench_server

ROUNDS = 7


def main():
    children = []
    with tempfile.TemporaryDirectory(prefix="vsa-bench-") as folder:
        try:
            nsm = folder + "/nsm"
            bench_server.start(
                children,
                [bench_server.program("src/programs", "software_nsm"), "--listen", "unix:" + nsm, "--root",
                 folder + "/root.pem"],
                nsm,
            )
            print("kem     ping     sealed   bare     whole    sealing  rate")
            for kem, times in (("x25519", 400), ("p384", 40)):
                measure(children, folder, nsm, kem, times)
        finally:
            bench_server.stop_all(children)


def measure(children, folder, nsm, kem, times):
    path = f"{folder}/{kem}"
    server = bench_server.start(
        children,
        [bench_server.program("src/programs", "enclave_app"), "--listen", "unix:" + path, "--nsm", "unix:" + nsm,
         "--seal", kem, "--seal-rate-limit", "0", "--log-level", "error"],
        path,
    )
    rounds = []
    for _ in range(ROUNDS):
        done = subprocess.run([bench_server.program("bench", "sealed_load"), path, str(server.pid), str(times)],
                              check=True, capture_output=True, text=True)
        rounds.append([float(word) for word in done.stdout.split()])
    plain, sealed, bare, rate = (statistics.median(column) for column in zip(*rounds))
    whole = statistics.median(bare / sealed for _, sealed, bare, _ in rounds)
    sealing = statistics.median(bare / (sealed - plain) for plain, sealed, bare, _ in rounds)
    print(f"{kem:7} {plain:5.1f} us {sealed:6.1f} us {bare:6.1f} us {100 * whole:5.1f} %  {100 * sealing:5.1f} %  "
          f"{rate:,.0f}/s")


if __name__ == "__main__":
    main()
