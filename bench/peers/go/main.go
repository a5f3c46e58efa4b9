// SPDX-License-Identifier: Apache-2.0

// Command peers DOCUMENT ROOT SECONDS COUNT verifies the document COUNT times with nitrite.
package main

import (
	"crypto/x509"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/hf/nitrite"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: peers DOCUMENT ROOT SECONDS COUNT")
		os.Exit(2)
	}
	document, err := os.ReadFile(os.Args[1])
	must(err)
	der, err := os.ReadFile(os.Args[2])
	must(err)
	root, err := x509.ParseCertificate(der)
	must(err)
	seconds, err := strconv.ParseInt(os.Args[3], 10, 64)
	must(err)
	count, err := strconv.Atoi(os.Args[4])
	must(err)
	roots := x509.NewCertPool()
	roots.AddCert(root)
	options := nitrite.VerifyOptions{Roots: roots, CurrentTime: time.Unix(seconds, 0)}
	for i := 0; i < count; i++ {
		result, err := nitrite.Verify(document, options)
		must(err)
		if !result.SignatureOK {
			must(fmt.Errorf("the signature is wrong"))
		}
	}
}
