// SPDX-License-Identifier: Apache-2.0
// What the document says: measurements, fields.

import {byId, bytesOfBase64, described, distanceText, element, hexOfBytes, textOfBytes, timeText,
    visible} from "./text.js";

const PCR_MEANINGS = {
    0: "the whole image",
    1: "kernel and boot ramdisk",
    2: "application ramdisks",
    3: "IAM role of the parent instance",
    4: "ID of the parent instance",
    8: "certificate that signed the image",
};

const isZero = (value) => /^0+$/.test(value);

function meaningOf(index) {
    if (index in PCR_MEANINGS)
        return PCR_MEANINGS[index];
    return index >= 16 ? "what the enclave itself measured" : "reserved";
}

function comparedText(compared, index) {
    if (!(index in compared))
        return "not compared";
    return compared[index] ? "✓ as expected" : "✕ different";
}

function makePcrRow(index, value, compared) {
    const text = isZero(value) && index <= 2 ? "zeros: the enclave ran in debug mode" : value;
    const row = element("tr", {}, element("th", {scope: "row"}, String(index)),
        element("td", {}, meaningOf(index)), element("td", {}, comparedText(compared, index)),
        element("td", {}, element("code", {}, text)));
    if (index in compared)
        row.classList.add(compared[index] ? "good" : "bad");
    return row;
}

// Returns [1, 2, 3, 7] as "1 to 3, 7".
function rangesText(indexes) {
    const ranges = [];
    for (const index of indexes) {
        const last = ranges.at(-1);
        if (last && last[1] === index - 1)
            last[1] = index;
        else
            ranges.push([index, index]);
    }
    return ranges.map(([first, last]) => (first === last ? `${first}` : `${first} to ${last}`)).join(", ");
}

export function showPcrs(evidence, compared) {
    const pcrs = Object.entries(evidence.pcrs).map(([index, value]) => [Number(index), value]);
    const unused = ([index, value]) => isZero(value) && index > 2 && !(index in compared);
    const rows = pcrs.filter((pcr) => !unused(pcr)).map(([index, value]) => makePcrRow(index, value, compared));
    const missing = Object.keys(compared).map(Number).filter((index) => !(index in evidence.pcrs));
    rows.push(...missing.map((index) => makePcrRow(index, "not in the document", compared)));
    const zeros = pcrs.filter(unused).map(([index]) => index);
    if (zeros.length > 0)
        rows.push(element("tr", {}, element("th", {scope: "row"}, rangesText(zeros)),
            element("td", {colspan: "3"}, "zeros: nothing was measured into them")));
    byId("pcrs").replaceChildren(...rows);
}

// Beginnings of a SubjectPublicKeyInfo in DER, and which key follows.
const KEYS = [
    ["302a300506032b656e032100", "X25519"],
    ["3059301306072a8648ce3d020106082a8648ce3d030107", "EC, P-256"],
    ["3076301006072a8648ce3d020106052b81040022", "EC, P-384"],
    ["302a300506032b6570032100", "Ed25519"],
    ["30820122300d06092a864886f70d010101", "RSA, 2048 bits"],
    ["308201a2300d06092a864886f70d010101", "RSA, 3072 bits"],
    ["30820222300d06092a864886f70d010101", "RSA, 4096 bits"],
];

function keyKind(hex) {
    return KEYS.find(([begin]) => hex.startsWith(begin))?.[1] ?? "not a key of a kind that this page knows";
}

// Purposes of fields that only a server of this project writes (docs/PROTOCOL.md).
const RESERVED = "00767361747465737400";

function makeValues(base64) {
    const bytes = bytesOfBase64(base64);
    const size = `${bytes.length} byte${bytes.length === 1 ? "" : "s"}`;
    if (bytes.length === 0)
        return {bytes, values: ["present, and empty"]};
    const text = textOfBytes(bytes);
    const values = [element("span", {class: "help"}, text === null ? `${size}, not text` : `${size} of text`)];
    if (text !== null)
        values.push(element("pre", {class: "value", tabindex: "0"}, element("bdi", {}, text)));
    values.push(element("code", {}, hexOfBytes(bytes)));
    return {bytes, values};
}

function describeBytes(name, base64) {
    if (base64 === null)
        return described(name, "absent");
    const {bytes, values} = makeValues(base64);
    const hex = hexOfBytes(bytes);
    if (name === "Public key" && bytes.length > 0)
        values.unshift(keyKind(hex));
    else if (hex.startsWith(RESERVED))
        values.unshift("written by an enclave server of vsattest, for a purpose of its own");
    return described(name, ...values);
}

export function showFields(evidence) {
    byId("fields").replaceChildren(
        ...described("Module", element("bdi", {}, visible(evidence.module_id ?? "not UTF-8"))),
        ...described("Made", `${timeText(evidence.timestamp)}, ${distanceText(evidence.timestamp, evidence.now)}`),
        ...describeBytes("Nonce", evidence.nonce),
        ...describeBytes("User data", evidence.user_data),
        ...describeBytes("Public key", evidence.public_key));
}
