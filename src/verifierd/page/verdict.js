// SPDX-License-Identifier: Apache-2.0
// The verdict in one look, and the signed result with what its values mean.

import {byId, described, element, timeText, visible} from "./text.js";

// The label of the one submodule: src/verifierd/ear.h.
const SUBMODULE = "nitro-enclave";
const NOT_VERIFIED = 99;

const VERDICTS = {
    affirming: ["✓ Affirming", "The document is genuine, and the enclave is what the policy asks for."],
    warning: ["! Warning", "The document is genuine, but the enclave is not quite what the policy asks for."],
    contraindicated: ["✕ Contraindicated", "Do not rely on this enclave."],
};

// Codes of the service's status table, and what to do about them.
const REASONS = {
    untrusted_root: "The chain ends neither in a root of AWS nor in one that the policy trusts: a forgery, or a software "
        + "NSM whose root the policy does not name.",
    certificate_invalid: "A certificate of the chain breaks the rules for Nitro's.",
    chain_broken: "A certificate was not issued by the one above it.",
    certificate_expired: "A certificate of the chain is no longer valid. An enclave's own lives three hours: "
        + "have the enclave make a new document.",
    certificate_not_yet_valid: "A certificate of the chain is not valid yet. Is the clock of the service right?",
    signature_invalid: "The signature is not that of the enclave's certificate: the document was changed or forged.",
    debug_mode: "The enclave ran in debug mode: its parent reads its console, and its measurements are zeros.",
    pcr_mismatch: "A measurement is not one that the policy expects: this is another image, or another version.",
    pcr_missing: "A measurement that the policy expects is not in the document.",
    instance_mismatch: "The enclave runs on another instance than the policy names.",
    user_data_mismatch: "The user data are not those that the policy expects.",
    public_key_mismatch: "The policy requires a public key, and the document has none.",
};

// The same code where all signatures are good.
const OTHER_ROOT = "The policy trusts the root of this chain, which is not a root of AWS: a software NSM made this document.";

// What to do where a challenge is of no use, or none is there: the page opens the part for it.
const NEXT_CHALLENGE = "Get a new one under “Challenge” above, and verify the document that the enclave makes for it.";

// Refusals without a result.
const REFUSALS = {
    challenge_missing: `The policy requires a challenge. ${NEXT_CHALLENGE}`,
    challenge_mismatch: "The document was made for another nonce than this challenge.",
    challenge_used: "This challenge was redeemed before, perhaps by your last look at this document: each one is good "
        + `once. ${NEXT_CHALLENGE}`,
    challenge_expired: `This challenge is too old. ${NEXT_CHALLENGE}`,
    challenge_unknown: `This challenge was not issued for this policy by this service. ${NEXT_CHALLENGE}`,
    challenge_malformed: "That is no challenge of this service.",
    document_too_old: "The document is older than the policy allows. Have the enclave make a new one.",
    document_from_future: "The document was made later than the clock of this service shows.",
    document_malformed: "This is not an attestation document of an enclave.",
    unauthorized: "This service wants an access token. Enter one above.",
    rate_limited: "Too many requests. Wait a moment.",
    store_unavailable: "The store of challenges does not answer: without it there is no verdict. Try again.",
    busy: "The service is busy. Try again.",
};

const MEANINGS = {
    2: "approved", 3: "nothing is known against it", 32: "unsafe, and allowed", 33: "not one that is known",
    36: "not what the policy names", 96: "visible from outside, or not supported", 97: "not recognised",
    99: "not verified: the document is not genuine",
};

function meaningOf(name, value) {
    if (name === "executables" && value === 3)
        return "approved, as it was when it booted";
    return MEANINGS[value] ?? "";
}

const ENTRIES = {
    "instance-identity": "which instance or role it runs on",
    "configuration": "how it is configured",
    "executables": "what it runs",
    "file-system": "its files",
    "hardware": "the hardware that vouches for it",
    "runtime-opaque": "whether its memory is hidden",
    "storage-opaque": "whether its storage is hidden",
    "sourced-data": "data from elsewhere",
};

function showHead(kind, title, text, reasons) {
    byId("verdict").className = kind;
    byId("verdict-title").textContent = title;
    byId("verdict-text").textContent = text;
    byId("reasons").replaceChildren(...reasons.map((reason) => element("li", {}, reason)));
    byId("reasons").hidden = reasons.length === 0;
    byId("freshness").hidden = true;
    byId("verdict").hidden = false;
    byId("verdict-title").focus();
}

export function refusalText(problem) {
    return REFUSALS[problem.code] ?? visible(problem.message);
}

export function showRefusal(problem) {
    const text = refusalText(problem);
    byId("challenge-part").open ||= text.endsWith(NEXT_CHALLENGE);
    const detail = visible(problem.message);
    showHead("refused", "– No verdict", text, detail === text ? [] : [`The service says: ${detail}`]);
}

function reasonText(answer, code) {
    if (code === "untrusted_root" && isGenuine(answer))
        return OTHER_ROOT;
    return REASONS[code] ?? visible(code);
}

export function isGenuine(answer) {
    return answer.result.submods[SUBMODULE].ear_trustworthiness_vector.hardware !== NOT_VERIFIED;
}

function freshnessText(result, usedNonce) {
    if (result.eat_nonce === undefined)
        return "No challenge: the document may have been shown to others before.";
    return usedNonce
        ? "The document's nonce is a challenge of this service, redeemed now. It is proof for you only if you asked for it."
        : "Made for this challenge, which is redeemed now.";
}

export function showVerdict(answer, usedNonce) {
    const submodule = answer.result.submods[SUBMODULE];
    const [title, text] = VERDICTS[answer.result.ear_status] ?? ["– No verdict", "The service gave no status."];
    const claims = submodule.ear_verifier_claims ?? {};
    const reasons = (claims.error_codes ?? []).map((code) => reasonText(answer, code));
    if (claims.image !== undefined)
        reasons.push(`The image is “${visible(claims.image)}”.`);
    showHead(answer.result.ear_status, title, text, reasons);
    byId("freshness").textContent = freshnessText(answer.result, usedNonce);
    byId("freshness").hidden = !isGenuine(answer);
}

// --- the token ------------------------------------------------------------------------------------

function headerOfToken(token) {
    return JSON.parse(atob(token.split(".")[0].replaceAll("-", "+").replaceAll("_", "/")));
}

function tierOf(value) {
    if (value >= 96)
        return "bad";
    return value >= 32 ? "warning" : "good";
}

function makeVectorRow([name, value]) {
    return element("tr", {class: tierOf(value)},
        element("th", {scope: "row"}, name, element("br"), element("span", {class: "help"}, ENTRIES[name] ?? "")),
        element("td", {}, String(value)), element("td", {}, meaningOf(name, value)));
}

export function showToken(answer) {
    const result = answer.result;
    const submodule = result.submods[SUBMODULE];
    const header = headerOfToken(answer.token);
    const optional = (name, value) => (value === undefined ? [] : described(name, element("bdi", {}, visible(value))));
    byId("claims").replaceChildren(
        ...described("Status", result.ear_status),
        ...described("Issued", timeText(1000 * result.iat)),
        ...described("Ends", timeText(1000 * result.exp)),
        ...optional("Issuer", result.iss),
        ...optional("Audience", result.aud),
        ...optional("Nonce", result.eat_nonce),
        ...described("Policy", element("code", {}, submodule.ear_appraisal_policy_ids.map(visible).join(", "))),
        ...described("Verifier", `${result.ear_verifier_id.developer} ${result.ear_verifier_id.build}`),
        ...described("Profile", element("code", {}, visible(result.eat_profile))),
        ...described("Signature", `${header.alg}, key `, element("code", {}, visible(header.kid))));
    const vector = Object.entries(submodule.ear_trustworthiness_vector);
    byId("vector").replaceChildren(...vector.map(makeVectorRow));
    byId("ear-token").value = answer.token;
    byId("ear").hidden = false;
}
