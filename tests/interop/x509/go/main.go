// SPDX-License-Identifier: Apache-2.0

// Judges the certificates on its input, each behind its length in 4 bytes: one line each, "ok" or what is wrong.
package main

import (
	"bufio"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	input := bufio.NewReaderSize(os.Stdin, 1<<20)
	output := bufio.NewWriter(os.Stdout)
	defer output.Flush()
	for {
		var size uint32
		if binary.Read(input, binary.BigEndian, &size) != nil {
			return
		}
		der := make([]byte, size)
		if _, err := io.ReadFull(input, der); err != nil {
			panic(err)
		}
		if _, err := x509.ParseCertificate(der); err != nil {
			fmt.Fprintln(output, strings.ReplaceAll(err.Error(), "\n", " "))
		} else {
			fmt.Fprintln(output, "ok")
		}
	}
}
