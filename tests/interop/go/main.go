// SPDX-License-Identifier: Apache-2.0

// Sends sealed requests to an enclave with nothing but Go's standard library (crypto/hpke), by the
// text of docs/PROTOCOL.md, "Sealed requests". It verifies no document: the caller did.
//
//	peer SOCKET KEY_CONFIG_HEX COUNT
//
// The other way round, it opens requests and seals replies as an enclave does: the first line it
// writes is its key configuration, then each line it reads is a request.
//
//	peer open KEM_ID
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
	"io"
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

func padded(text []byte) []byte {
	return append(text, bytes.Repeat([]byte(" "), (256-len(text)%256)%256)...)
}

func (to config) info() []byte {
	return append([]byte(label+" request\x00"), to.header...)
}

func seal(to config, aad, plaintext []byte) (sealed, enc []byte, sender *hpke.Sender) {
	enc, sender, err := hpke.NewSender(to.key, to.kdf, to.aead, to.info())
	check(err)
	ciphertext, err := sender.Seal(aad, padded(plaintext))
	check(err)
	return append(append(append([]byte{}, to.header...), enc...), ciphertext...), enc, sender
}

// What both ends of an exchange have.
type exporter interface {
	Export(exporterContext string, length int) ([]byte, error)
}

// RFC 9458 section 4.4.
func replyKeys(to config, context exporter, enc, salt []byte) (gcm cipher.AEAD, nonce []byte) {
	secret, err := context.Export(label+" response", 32)
	check(err)
	prk, err := hkdf.Extract(to.hash, secret, append(append([]byte{}, enc...), salt...))
	check(err)
	key, err := hkdf.Expand(to.hash, prk, "key", 32)
	check(err)
	nonce, err = hkdf.Expand(to.hash, prk, "nonce", 12)
	check(err)
	block, err := aes.NewCipher(key)
	check(err)
	gcm, err = cipher.NewGCM(block)
	check(err)
	return gcm, nonce
}

func open(to config, sender *hpke.Sender, enc, sealed []byte) ([]byte, error) {
	if len(sealed) < 32 {
		return nil, fmt.Errorf("a reply of %d bytes", len(sealed))
	}
	gcm, nonce := replyKeys(to, sender, enc, sealed[:32])
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

// Opens one request, and seals a reply that holds what it got.
func answer(own config, key hpke.PrivateKey, request outer) outer {
	size := len(own.key.Bytes())
	if len(request.Sealed) < 7+size || !bytes.Equal(request.Sealed[:7], own.header) {
		check(fmt.Errorf("not sealed to this key: %x", request.Sealed))
	}
	enc := request.Sealed[7 : 7+size]
	recipient, err := hpke.NewRecipient(enc, key, own.kdf, own.aead, own.info())
	check(err)
	text, err := recipient.Open(request.AAD, request.Sealed[7+size:])
	check(err)
	if len(text)%256 != 0 {
		check(fmt.Errorf("a request of %d bytes", len(text)))
	}
	reply := fmt.Appendf(nil, `{"success":true,"aad":"%x","request":%s}`, request.AAD, bytes.TrimRight(text, " "))
	salt := make([]byte, 32)
	_, _ = rand.Read(salt)
	gcm, nonce := replyKeys(own, recipient, enc, salt)
	return outer{Success: true, Sealed: gcm.Seal(salt, nonce, padded(reply), nil)}
}

func openRequests(kemID string) {
	id, err := strconv.ParseUint(kemID, 0, 16)
	check(err)
	kem, err := hpke.NewKEM(uint16(id))
	check(err)
	key, err := kem.GenerateKey()
	check(err)
	kdf := byte(1)
	if id == 0x11 {
		kdf = 2
	}
	text := append([]byte{7, byte(id >> 8), byte(id)}, key.PublicKey().Bytes()...)
	text = append(text, 0, 4, 0, kdf, 0, 2)
	fmt.Println(hex.EncodeToString(text))
	own := readConfig(hex.EncodeToString(text))
	requests := bufio.NewReader(os.Stdin)
	for {
		line, err := requests.ReadBytes('\n')
		if err == io.EOF && len(line) == 0 {
			return
		}
		check(err)
		var request outer
		check(json.Unmarshal(line, &request))
		reply, err := json.Marshal(answer(own, key, request))
		check(err)
		fmt.Println(string(reply))
	}
}

func main() {
	if os.Args[1] == "open" {
		openRequests(os.Args[2])
		return
	}
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
		var got inner
		check(json.Unmarshal(text, &got))
		if !reply.Success || !got.Success || got.Message != "pong" || got.ID != id || len(text)%256 != 0 {
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
