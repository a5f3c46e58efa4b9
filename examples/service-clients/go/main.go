// SPDX-License-Identifier: Apache-2.0

// Checks a token of a verification service: check URL CHALLENGE <token. Exits with 0 if it is affirming.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jwt"
)

func main() {
	service, challenge := os.Args[1], os.Args[2]
	token, err := io.ReadAll(io.LimitReader(os.Stdin, 32768))
	if err != nil {
		log.Fatal(err)
	}
	// A service that runs for long keeps the keys: jwk.NewCache(). Each key names its one algorithm.
	keys, err := jwk.Fetch(context.Background(), service+"/.well-known/jwks.json")
	if err != nil {
		log.Fatal(err)
	}
	claims, err := jwt.Parse(bytes.TrimSpace(token), jwt.WithKeySet(keys), jwt.WithAcceptableSkew(time.Minute),
		jwt.WithRequiredClaim("exp"), jwt.WithClaimValue("eat_nonce", challenge))
	if err != nil {
		log.Fatal(err)
	}
	var status string
	if err := claims.Get("ear_status", &status); err != nil || status != "affirming" {
		log.Fatalf("the result is %q", status)
	}
	fmt.Println(status)
}
