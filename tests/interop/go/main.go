// SPDX-License-Identifier: Apache-2.0

// Sends sealed requests to an enclave with nothing but Go's standard library (crypto/hpke), by the
// text of docs/PROTOCOL.md, "Sealed requests". It verifies no document: the caller did.
//
//	peer SOCKET KEY_CONFIG_HEX COUNT
package main

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hpke"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	mathrand "math/rand/v2"
	"net"
	"os"
	"strconv"
)

const label = "message/vsattest-v1"

type outer struct {
	Command string `json:"command,omitempty"`
	Success bool   `json:"success,omitempty"`
	Sealed  []byte `json:"sealed"`
	AAD     []byte `json:"aad,omitempty"`
	Code    string `json:"error_code,omitempty"`
}

type inner struct {
	Success bool   `json:"success"`
	Message string `json:"message"`
	ID      string `json:"id"`
}

// A key configuration of RFC 9458 section 3.1 with one suite.
type config struct {
	header []byte // key ID, KEM, KDF, AEAD
	key    hpke.PublicKey
	kdf    hpke.KDF
	aead   hpke.AEAD
	hash   func() hash.Hash
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
		os.Exit(1)
	}
}

func readConfig(text string) config {
	bytes, err := hex.DecodeString(text)
	check(err)
	size := len(bytes)
	number := func(at int) uint16 { return uint16(bytes[at])<<8 | uint16(bytes[at+1]) }
	kem, err := hpke.NewKEM(number(1))
	check(err)
	read := config{header: append(append([]byte{}, bytes[:3]...), bytes[size-4:]...), hash: sha256.New}
	read.key, err = kem.NewPublicKey(bytes[3 : size-6])
	check(err)
	read.kdf, err = hpke.NewKDF(number(size - 4))
	check(err)
	read.aead, err = hpke.NewAEAD(number(size - 2))
	check(err)
	if number(size-4) == 2 {
		read.hash = sha512.New384
	}
	return read
}

func seal(to config, aad, plaintext []byte) (sealed, enc []byte, sender *hpke.Sender) {
	info := append([]byte(label+" request\x00"), to.header...)
	enc, sender, err := hpke.NewSender(to.key, to.kdf, to.aead, info)
	check(err)
	padded := append(plaintext, bytes.Repeat([]byte(" "), (256-len(plaintext)%256)%256)...)
	ciphertext, err := sender.Seal(aad, padded)
	check(err)
	return append(append(append([]byte{}, to.header...), enc...), ciphertext...), enc, sender
}

// RFC 9458 section 4.4.
func open(to config, sender *hpke.Sender, enc, sealed []byte) ([]byte, error) {
	secret, err := sender.Export(label+" response", 32)
	check(err)
	if len(sealed) < 32 {
		return nil, fmt.Errorf("a reply of %d bytes", len(sealed))
	}
	prk, err := hkdf.Extract(to.hash, secret, append(append([]byte{}, enc...), sealed[:32]...))
	check(err)
	key, err := hkdf.Expand(to.hash, prk, "key", 32)
	check(err)
	nonce, err := hkdf.Expand(to.hash, prk, "nonce", 12)
	check(err)
	block, err := aes.NewCipher(key)
	check(err)
	gcm, err := cipher.NewGCM(block)
	check(err)
	return gcm.Open(nil, nonce, sealed[32:], nil)
}

func exchange(connection net.Conn, replies *bufio.Reader, request outer) outer {
	line, err := json.Marshal(request)
	check(err)
	_, err = connection.Write(append(line, '\n'))
	check(err)
	line, err = replies.ReadBytes('\n')
	check(err)
	var reply outer
	check(json.Unmarshal(line, &reply))
	return reply
}

func main() {
	to := readConfig(os.Args[2])
	count, err := strconv.Atoi(os.Args[3])
	check(err)
	connection, err := net.Dial("unix", os.Args[1])
	check(err)
	replies := bufio.NewReader(connection)
	for i := range count {
		id := rand.Text()
		plaintext := fmt.Appendf(nil, `{"command":"ping","id":%q,"filling":%q}`, id,
			bytes.Repeat([]byte("x"), mathrand.IntN(2000)))
		request := outer{Command: "sealed"}
		if i%2 == 1 {
			request.AAD = []byte(rand.Text())
		}
		var enc []byte
		var sender *hpke.Sender
		request.Sealed, enc, sender = seal(to, request.AAD, plaintext)
		reply := exchange(connection, replies, request)
		text, err := open(to, sender, enc, reply.Sealed)
		check(err)
		var answer inner
		check(json.Unmarshal(text, &answer))
		if !reply.Success || !answer.Success || answer.Message != "pong" || answer.ID != id || len(text)%256 != 0 {
			check(fmt.Errorf("reply %d is %q", i, text))
		}
		again := exchange(connection, replies, request)
		if again.Code != "sealed_replayed" {
			check(fmt.Errorf("the same request once more: %q", again.Code))
		}
		request.AAD = append(request.AAD, 1)
		if other := exchange(connection, replies, request); other.Code != "sealed_invalid" {
			check(fmt.Errorf("other associated data: %q", other.Code))
		}
	}
	fmt.Println(count)
}
