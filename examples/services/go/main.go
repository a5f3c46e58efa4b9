// SPDX-License-Identifier: Apache-2.0

// Notes behind enclave_app: each sender, known by the key that signs its sealed requests, has one.
// Commands: put {"note": TEXT} and get.
package main

import (
	"bufio"
	"encoding/json"
	"log"
	"net"
	"os"
	"sync"
)

type request struct {
	Command string
	Note    string
	Origin  struct{ Sender string } `json:"vsattest"` // of enclave_app, not of the client
}

var (
	lock  sync.Mutex
	notes = map[string]string{}
)

func answer(r request) map[string]any {
	lock.Lock()
	defer lock.Unlock()
	switch note, found := notes[r.Origin.Sender]; {
	case r.Origin.Sender == "":
		return map[string]any{"success": false, "error_code": "sender_unknown", "error": "sign the request"}
	case r.Command == "put" && (found || len(notes) < 1000) && len(r.Note) <= 4096:
		notes[r.Origin.Sender] = r.Note
		return map[string]any{"success": true}
	case r.Command == "get" && found:
		return map[string]any{"success": true, "note": note}
	}
	return map[string]any{"success": false, "error_code": "field_invalid", "error": "no such note or command, or too much"}
}

func serve(connection net.Conn) {
	defer connection.Close()
	lines, replies := bufio.NewReader(connection), json.NewEncoder(connection)
	for {
		var r request
		line, err := lines.ReadBytes('\n')
		if err != nil || json.Unmarshal(line, &r) != nil || replies.Encode(answer(r)) != nil {
			return
		}
	}
}

func main() {
	listener, err := net.Listen("unix", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	for {
		if connection, err := listener.Accept(); err == nil {
			go serve(connection)
		}
	}
}
