// SPDX-License-Identifier: Apache-2.0
// The form: a document comes by paste, drop or file, is looked into, and then verified.

import {showChain} from "./chain.js";
import {showFields, showPcrs} from "./evidence.js";
import {startLive, updateLive} from "./live.js";
import {MAX_BODY, Problem, getChallenge, inspect, listPolicies, verify} from "./service.js";
import {base64OfBytes, byId, bytesOfBase64, element, jsonText, textOfBytes, visible} from "./text.js";
import {isGenuine, refusalText, showRefusal, showToken, showVerdict} from "./verdict.js";

// Only the answers of the last run are shown.
let run = 0;

function showMessage(text) {
    byId("message").textContent = text;
}

function hideResults() {
    for (const id of ["verdict", "evidence", "ear"])
        byId(id).hidden = true;
}

// Returns the document's nonce where it has the form of a challenge: 64 characters of base64url.
function challengeOf(evidence) {
    const nonce = evidence.nonce === null ? null : textOfBytes(bytesOfBase64(evidence.nonce));
    return nonce !== null && /^[\w-]{64}$/.test(nonce) ? nonce : "";
}

function showEvidence(evidence) {
    showChain(evidence);
    showPcrs(evidence, {});
    showFields(evidence);
    byId("raw-document").textContent = jsonText(evidence);
    byId("raw-result-part").hidden = true;
    byId("unverified").hidden = false;
    byId("evidence").hidden = false;
}

function showAnswer(evidence, answer, usedNonce) {
    showPcrs(evidence, answer.pcrs_compared ?? {});
    showToken(answer);
    byId("raw-result").textContent = jsonText(answer);
    byId("raw-result-part").hidden = false;
    byId("unverified").hidden = isGenuine(answer);
    showVerdict(answer, usedNonce);
}

async function verifyDocument(text, isLast) {
    const evidence = await inspect(text);
    if (!isLast())
        return;
    showEvidence(evidence);
    const typed = byId("challenge").value.trim();
    const challenge = typed || challengeOf(evidence);
    const answer = await verify(text, byId("policy").value, challenge);
    if (isLast())
        showAnswer(evidence, answer, !typed);
}

// Returns the document's text; a mistake that needs no service to be found is thrown.
function readDocument() {
    const text = byId("document").value.trim();
    if (!text) {
        byId("document").focus();
        throw new Problem("empty", "There is no document yet: paste, load or drop one.");
    }
    if (text.length > MAX_BODY)
        throw new Problem("size", `That is larger than ${MAX_BODY} bytes: no attestation document is.`);
    return text;
}

async function submit(event) {
    event.preventDefault();
    const number = ++run;
    const isLast = () => number === run;
    hideResults();
    try {
        const text = readDocument();
        showMessage("Verifying …");
        await verifyDocument(text, isLast);
        if (isLast())
            showMessage("");
    } catch (problem) {
        if (!isLast())
            return;
        showMessage("");
        showRefusal(problem);
    }
    updateLive();
}

// A file with text stays as it is, and other bytes become base64: the field shows what is sent.
async function loadFile(file) {
    if (file.size > MAX_BODY) {
        showMessage(`“${visible(file.name)}” is larger than ${MAX_BODY} bytes: no attestation document is.`);
        return;
    }
    let bytes;
    try {
        bytes = new Uint8Array(await file.arrayBuffer());
    } catch {
        showMessage(`“${visible(file.name)}” cannot be read: is it a file?`);
        return;
    }
    byId("document").value = bytes.every((byte) => byte < 0x80 && byte !== 0)
        ? new TextDecoder().decode(bytes) : base64OfBytes(bytes);
    byId("form").requestSubmit();
}

function acceptDrops() {
    const page = document.documentElement;
    addEventListener("dragover", (event) => {
        event.preventDefault();
        page.classList.add("dropping");
    });
    addEventListener("dragleave", (event) => {
        if (event.relatedTarget === null)
            page.classList.remove("dropping");
    });
    addEventListener("drop", (event) => {
        event.preventDefault();
        page.classList.remove("dropping");
        const [file] = event.dataTransfer.files;
        const text = event.dataTransfer.getData("text/plain");
        if (file) {
            loadFile(file);
        } else if (text) {
            byId("document").value = text;
            byId("form").requestSubmit();
        }
    });
}

async function showChallenge() {
    try {
        const {challenge} = await getChallenge(byId("policy").value);
        byId("challenge").value = challenge;
        byId("command-text").textContent = `vsock_client --attest --nonce ${challenge} --save document.b64`;
        byId("command").hidden = false;
        showMessage("A new challenge, for five minutes.");
    } catch (problem) {
        showMessage(refusalText(problem));
    }
}

async function showPolicies() {
    try {
        const {policies} = await listPolicies();
        byId("policy").replaceChildren(
            ...policies.map((policy) => element("option", {value: policy.name}, visible(policy.name))));
    } catch (problem) {
        showMessage(refusalText(problem));
    }
}

function start() {
    byId("form").addEventListener("submit", submit);
    byId("document").addEventListener("keydown", (event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey))
            byId("form").requestSubmit();
    });
    byId("document").addEventListener("paste", (event) => {
        const [file] = event.clipboardData.files;
        if (file) {
            event.preventDefault();
            loadFile(file);
        }
    });
    byId("file").addEventListener("change", () => {
        const [file] = byId("file").files;
        byId("file").value = ""; // so that the same one can be loaded again
        if (file)
            loadFile(file);
    });
    byId("get-challenge").addEventListener("click", showChallenge);
    acceptDrops();
    showPolicies();
    startLive();
}

start();
