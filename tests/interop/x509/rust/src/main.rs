// SPDX-License-Identifier: Apache-2.0

//! Judges the certificates on its input, each behind its length in 4 bytes: one line each: what x509-cert says ("ok" or
//! its error), "|", and "ok" or "no" of x509-parser. What x509-parser leaves over is refused.

use std::io::{self, BufWriter, Read, Write};
use x509_cert::der::Decode;

fn main() -> io::Result<()> {
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes)?;
    let mut output = BufWriter::new(io::stdout().lock());
    let mut rest = bytes.as_slice();
    while rest.len() >= 4 {
        let size = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
        let der = &rest[4..4 + size];
        let cert = match x509_cert::Certificate::from_der(der) {
            Ok(_) => "ok".to_string(),
            Err(error) => error.to_string().replace(['\n', '|'], " "),
        };
        let parser = matches!(x509_parser::parse_x509_certificate(der), Ok((left, _)) if left.is_empty());
        writeln!(output, "{}|{}", cert, if parser { "ok" } else { "no" })?;
        rest = &rest[4 + size..];
    }
    Ok(())
}
