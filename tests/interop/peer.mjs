// SPDX-License-Identifier: Apache-2.0
// Sends sealed requests with @hpke/core and WebCrypto, by docs/PROTOCOL.md, "Sealed requests".
//
//     node peer.mjs SOCKET KEY_CONFIG_HEX COUNT
//
// The other way round, it opens requests and seals replies as an enclave does: the first line it
// writes is its key configuration, then each line it reads is a request.
//
//     node peer.mjs open KEM_ID

import { randomBytes, randomInt, webcrypto } from "node:crypto";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { createRequire } from "node:module";

// Where scripts/deps put it.
const { Aes256Gcm, CipherSuite, DhkemP384HkdfSha384, DhkemX25519HkdfSha256, HkdfSha256, HkdfSha384 } =
  createRequire(process.env.VSA_INTEROP_NODE + "/")("@hpke/core");

const LABEL = "message/vsattest-v1";
const utf8 = new TextEncoder();

function readConfig(text) {
  const bytes = Buffer.from(text, "hex");
  const isP384 = bytes.readUInt16BE(1) === 0x11;
  return {
    header: Buffer.concat([bytes.subarray(0, 3), bytes.subarray(-4)]),
    key: bytes.subarray(3, -6),
    hash: isP384 ? "SHA-384" : "SHA-256",
    suite: new CipherSuite({
      kem: isP384 ? new DhkemP384HkdfSha384() : new DhkemX25519HkdfSha256(),
      kdf: isP384 ? new HkdfSha384() : new HkdfSha256(),
      aead: new Aes256Gcm(),
    }),
  };
}

function padded(text) {
  const bytes = Buffer.alloc(Math.ceil(text.length / 256) * 256, " ");
  bytes.set(text);
  return bytes;
}

const infoOf = (to) => Buffer.concat([utf8.encode(`${LABEL} request\0`), to.header]);

async function seal(to, aad, plaintext) {
  const recipientPublicKey = await to.suite.kem.deserializePublicKey(to.key);
  const context = await to.suite.createSenderContext({ recipientPublicKey, info: infoOf(to) });
  const ciphertext = await context.seal(padded(plaintext), aad);
  return { context, sealed: Buffer.concat([to.header, Buffer.from(context.enc), Buffer.from(ciphertext)]) };
}

// RFC 9458 section 4.4.
async function replyKeys(to, context, enc, responseNonce) {
  const secret = await context.export(utf8.encode(`${LABEL} response`), 32);
  const salt = Buffer.concat([Buffer.from(enc), responseNonce]);
  const material = await webcrypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  const derive = (info, size) =>
    webcrypto.subtle.deriveBits({ name: "HKDF", hash: to.hash, salt, info: utf8.encode(info) }, material, 8 * size);
  const usages = ["encrypt", "decrypt"];
  const key = await webcrypto.subtle.importKey("raw", await derive("key", 32), "AES-GCM", false, usages);
  return { key, iv: await derive("nonce", 12) };
}

async function open(to, context, sealed) {
  const { key, iv } = await replyKeys(to, context, context.enc, sealed.subarray(0, 32));
  return Buffer.from(await webcrypto.subtle.decrypt({ name: "AES-GCM", iv }, key, sealed.subarray(32)));
}

// Opens one request, and seals a reply that holds what it got.
async function answer(own, recipientKey, request) {
  const sealed = Buffer.from(request.sealed, "base64");
  const aad = Buffer.from(request.aad ?? "", "base64");
  if (!sealed.subarray(0, 7).equals(own.header)) throw new Error("not sealed to this key");
  const enc = sealed.subarray(7, 7 + own.key.length);
  const context = await own.suite.createRecipientContext({ recipientKey, enc, info: infoOf(own) });
  const text = Buffer.from(await context.open(sealed.subarray(7 + own.key.length), aad));
  if (text.length % 256) throw new Error(`a request of ${text.length} bytes`);
  const echo = text.toString().replace(/ +$/, "");
  const reply = Buffer.from(`{"success":true,"aad":"${aad.toString("hex")}","request":${echo}}`);
  const responseNonce = randomBytes(32);
  const { key, iv } = await replyKeys(own, context, enc, responseNonce);
  const ciphertext = await webcrypto.subtle.encrypt({ name: "AES-GCM", iv }, key, padded(reply));
  return { success: true, sealed: Buffer.concat([responseNonce, Buffer.from(ciphertext)]).toString("base64") };
}

async function openRequests(kemId) {
  const kem = Buffer.alloc(2);
  kem.writeUInt16BE(Number(kemId));
  const DhKem = kem[1] === 0x11 ? DhkemP384HkdfSha384 : DhkemX25519HkdfSha256;
  const pair = await new DhKem().generateKeyPair();
  const publicKey = Buffer.from(await new DhKem().serializePublicKey(pair.publicKey));
  const tail = Buffer.from([0, 4, 0, kem[1] === 0x11 ? 2 : 1, 0, 2]);
  const text = Buffer.concat([Buffer.from([7]), kem, publicKey, tail]).toString("hex");
  console.log(text);
  const own = readConfig(text);
  for await (const line of createInterface({ input: process.stdin }))
    console.log(JSON.stringify(await answer(own, pair, JSON.parse(line))));
}

async function sendRequests(path, configText, count) {
  const to = readConfig(configText);
  const socket = connect(path);
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();

  async function exchange(request) {
    socket.write(JSON.stringify({ command: "sealed", ...request }) + "\n");
    return JSON.parse((await lines.next()).value);
  }

  for (let i = 0; i < Number(count); i++) {
    const id = randomBytes(12).toString("hex");
    const aad = i % 2 ? randomBytes(20) : Buffer.alloc(0);
    const text = JSON.stringify({ command: "ping", id, filling: "x".repeat(randomInt(2000)) });
    const { context, sealed } = await seal(to, aad, Buffer.from(text));
    const request = { sealed: sealed.toString("base64"), ...(aad.length && { aad: aad.toString("base64") }) };
    const reply = await exchange(request);
    const opened = await open(to, context, Buffer.from(reply.sealed, "base64"));
    const inner = JSON.parse(opened.toString());
    if (!inner.success || inner.message !== "pong" || inner.id !== id || opened.length % 256)
      throw new Error(`reply ${i} is ${opened}`);
    const again = await exchange(request);
    if (again.error_code !== "sealed_replayed") throw new Error(`once more: ${again.error_code}`);
  }
  socket.end();
  console.log(count);
}

const [first, ...rest] = process.argv.slice(2);
await (first === "open" ? openRequests(...rest) : sendRequests(first, ...rest));
