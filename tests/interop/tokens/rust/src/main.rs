// SPDX-License-Identifier: Apache-2.0
//! Reads lines "ALGORITHM<TAB>JWK<TAB>TOKEN"; for each, has the crate `ear` verify and validate the token, and prints
//! it as the crate understands it, or "refused: " and why.

use ear::{Algorithm, Ear};
use std::io::BufRead;

fn read(line: &str) -> Result<String, String> {
    let parts: Vec<&str> = line.split('\t').collect();
    let [algorithm, jwk, token] = parts[..] else {
        return Err("three parts".to_string());
    };
    let algorithm = match algorithm {
        "ES256" => Algorithm::ES256,
        "ES384" => Algorithm::ES384,
        _ => return Err("an unknown algorithm".to_string()),
    };
    let ear = Ear::from_jwt_jwk(token, algorithm, jwk.as_bytes()).map_err(|e| e.to_string())?;
    ear.validate().map_err(|e| e.to_string())?;
    serde_json::to_string(&ear).map_err(|e| e.to_string())
}

fn main() {
    for line in std::io::stdin().lock().lines() {
        match read(&line.expect("a line")) {
            Ok(text) => println!("{text}"),
            Err(why) => println!("refused: {why}"),
        }
    }
}
