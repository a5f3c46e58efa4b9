// SPDX-License-Identifier: Apache-2.0
// Sends sealed requests with @hpke/core and WebCrypto, by docs/PROTOCOL.md, "Sealed requests".
//
//     node peer.mjs SOCKET KEY_CONFIG_HEX COUNT

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

async function seal(to, aad, plaintext) {
  const recipientPublicKey = await to.suite.kem.deserializePublicKey(to.key);
  const info = Buffer.concat([utf8.encode(`${LABEL} request\0`), to.header]);
  const context = await to.suite.createSenderContext({ recipientPublicKey, info });
  const padded = Buffer.alloc(Math.ceil(plaintext.length / 256) * 256, " ");
  padded.set(plaintext);
  const ciphertext = await context.seal(padded, aad);
  return { context, sealed: Buffer.concat([to.header, Buffer.from(context.enc), Buffer.from(ciphertext)]) };
}

// RFC 9458 section 4.4.
async function open(to, context, sealed) {
  const secret = await context.export(utf8.encode(`${LABEL} response`), 32);
  const salt = Buffer.concat([Buffer.from(context.enc), sealed.subarray(0, 32)]);
  const material = await webcrypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  const derive = (info, size) =>
    webcrypto.subtle.deriveBits({ name: "HKDF", hash: to.hash, salt, info: utf8.encode(info) }, material, 8 * size);
  const key = await webcrypto.subtle.importKey("raw", await derive("key", 32), "AES-GCM", false, ["decrypt"]);
  const iv = await derive("nonce", 12);
  return Buffer.from(await webcrypto.subtle.decrypt({ name: "AES-GCM", iv }, key, sealed.subarray(32)));
}

const [path, configText, count] = process.argv.slice(2);
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
