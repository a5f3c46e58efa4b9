// SPDX-License-Identifier: Apache-2.0
// Checks a token of a verification service: node check.mjs URL CHALLENGE <token. Exits with 0 if it is affirming.

import { readFileSync } from "node:fs";
import { createRemoteJWKSet, jwtVerify } from "jose";

const [service, challenge] = process.argv.slice(2);
const token = readFileSync(0, "utf8").trim();
// It keeps the keys, and fetches them again for one that it does not know.
const keys = createRemoteJWKSet(new URL(`${service}/.well-known/jwks.json`));
const { payload } = await jwtVerify(token, keys, {
  algorithms: ["ES256", "ES384"],
  typ: "eat+jwt",
  requiredClaims: ["exp", "eat_nonce"],
  clockTolerance: 60,
});
if (payload.eat_nonce !== challenge) throw new Error("the token is about another challenge");
if (payload.ear_status !== "affirming") throw new Error(`the result is ${payload.ear_status}`);
console.log(payload.ear_status);
