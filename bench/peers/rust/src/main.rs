// SPDX-License-Identifier: Apache-2.0
//! vsattest-peers evervault|qos DOCUMENT ROOT SECONDS COUNT: verifies the document COUNT times.
//! evervault has AWS's root and takes the time from the clock, which bench/peers/fixed_time.c sets.
use std::{env, fs, process};

fn main() {
    let arguments: Vec<String> = env::args().collect();
    if arguments.len() != 6 {
        eprintln!("usage: vsattest-peers evervault|qos DOCUMENT ROOT SECONDS COUNT");
        process::exit(2);
    }
    let document = fs::read(&arguments[2]).expect("the document");
    let root = fs::read(&arguments[3]).expect("the root");
    let seconds: u64 = arguments[4].parse().expect("seconds");
    let count: u32 = arguments[5].parse().expect("a count");
    for _ in 0..count {
        match arguments[1].as_str() {
            "evervault" => {
                attestation_doc_validation::validate_and_parse_attestation_doc(&document).expect("verified");
            }
            "qos" => {
                qos_nsm::nitro::attestation_doc_from_der(&document, &root, seconds).expect("verified");
            }
            other => panic!("no peer {other}"),
        }
    }
}
