// SPDX-License-Identifier: Apache-2.0
// Requests to the service that this page is from.

import {byId} from "./text.js";

const PATIENCE_MS = 20000;
export const MAX_BODY = 65536;

// An answer that is none, with the service's code, or one of the page's own.
export class Problem extends Error {
    constructor(code, message) {
        super(message);
        this.code = code;
    }
}

// The access token is in its field and nowhere else.
function headersWithToken(headers) {
    const token = byId("token").value.trim();
    if (!token)
        return headers;
    if (!/^[\x21-\x7e]+$/.test(token))
        throw new Problem("token", "An access token has letters, digits and signs only.");
    return {...headers, Authorization: `Bearer ${token}`};
}

async function readAnswer(response) {
    let answer;
    try {
        answer = await response.json();
    } catch {
        throw new Problem("answer", `The service answered ${response.status}, and no JSON.`);
    }
    if (!response.ok)
        throw new Problem(String(answer.error), String(answer.message));
    return answer;
}

async function request(path, options) {
    let response;
    const headers = headersWithToken(options.headers ?? {});
    try {
        response = await fetch(path, {...options, headers, redirect: "error", cache: "no-store",
            signal: AbortSignal.timeout(PATIENCE_MS)});
    } catch {
        throw new Problem("unreachable", "The service did not answer. Is it running?");
    }
    return readAnswer(response);
}

export function listPolicies() {
    return request("/v1/policies", {});
}

export function listVerdicts() {
    return request("/v1/verdicts", {});
}

export function getChallenge(policy) {
    return request("/v1/challenges", {method: "POST", body: JSON.stringify({policy}),
        headers: {"Content-Type": "application/json"}});
}

export function inspect(document) {
    return request("/v1/inspect", {method: "POST", body: document,
        headers: {"Content-Type": "text/plain"}});
}

export function verify(document, policy, challenge) {
    const query = new URLSearchParams(challenge ? {policy, challenge} : {policy});
    return request(`/v1/verify?${query}`, {method: "POST", body: document,
        headers: {"Content-Type": "text/plain", "Accept": "application/json"}});
}
