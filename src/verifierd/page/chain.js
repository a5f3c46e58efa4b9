// SPDX-License-Identifier: Apache-2.0
// The chain as a picture: one bar a certificate, root first, on one time scale.

import {byId, distanceText, element, timeText, visible} from "./text.js";

const MINUTE = 60e3;
const HOUR = 3600e3;
const DAY = 24 * HOUR;
const YEAR = 365.25 * DAY;
const TICKS = [[HOUR, "1 h"], [DAY, "1 day"], [30 * DAY, "1 month"], [YEAR, "1 year"], [10 * YEAR, "10 years"]];
// Share of the width that a label needs.
const LABEL_SPACE = 0.14;

// Logarithmic on both sides of the document's time: a leaf is valid for 3 hours, a root for 30 years.
function makeScale(times, center) {
    const place = (time) => Math.sign(time - center) * Math.log10(1 + Math.abs(time - center) / MINUTE);
    const places = times.map(place);
    const first = Math.min(...places);
    const width = Math.max(...places) - first || 1;
    return (time) => (place(time) - first) / width;
}

// By the style's own interface: the policy of this page allows no style attributes.
function setPercent(target, property, share) {
    target.style.setProperty(property, `${(100 * share).toFixed(2)}%`);
}

function makeMark(kind, share) {
    const mark = element("span", {class: `mark ${kind}`});
    setPercent(mark, "left", share);
    return mark;
}

function makeBar(certificate, scale, times) {
    const bar = element("div", {class: "bar", "aria-hidden": "true"});
    const span = element("span", {class: "span"});
    const begin = scale(certificate.not_before);
    setPercent(span, "left", begin);
    setPercent(span, "width", Math.max(0.004, scale(certificate.not_after) - begin));
    bar.append(span, makeMark("made", scale(times.made)), makeMark("now", scale(times.now)));
    return bar;
}

function makeLabel(text, share, kind = "") {
    const label = element("span", {class: `label ${kind}`}, text);
    setPercent(label, "left", share);
    if (share > 1 - LABEL_SPACE / 2)
        label.classList.add("at-end");
    else if (share < LABEL_SPACE / 2)
        label.classList.add("at-begin");
    return label;
}

// What is too near to another label is left out.
function makeAxis(scale, times) {
    const axis = element("div", {class: "axis"});
    const taken = [scale(times.made)];
    const isNow = Math.abs(scale(times.now) - taken[0]) < LABEL_SPACE;
    axis.append(makeLabel(isNow ? "document, now" : "document", taken[0], "made"));
    const add = (text, time, kind) => {
        const share = scale(time);
        if (share < 0 || share > 1 || taken.some((other) => Math.abs(other - share) < LABEL_SPACE))
            return;
        taken.push(share);
        axis.append(makeLabel(text, share, kind));
    };
    add("now", times.now, "now");
    for (const [length, text] of [...TICKS].reverse()) {
        add(`−${text}`, times.made - length);
        add(`+${text}`, times.made + length);
    }
    return axis;
}

// Returns the common name of a subject (RFC 2253) without the escapes of its signs; all of it where it has none.
function shortName(subject) {
    const common = subject.match(/(?:^|,)CN=((?:\\.|[^,\\])+)/)?.[1];
    return visible(common?.replace(/\\([^0-9A-Fa-f])/g, "$1") ?? subject) || "no name";
}

function validityText(certificate, time) {
    if (time < certificate.not_before)
        return "not valid yet";
    return time > certificate.not_after ? "no longer valid" : "valid";
}

function stateText(certificate, times) {
    const now = validityText(certificate, times.now);
    const made = validityText(certificate, times.made);
    const end = distanceText(certificate.not_after, times.now);
    const tense = certificate.not_after > times.now ? "ends" : "ended";
    return `${made} at the document's time; ${now} now (${tense} ${end})`;
}

function isValid(certificate, times) {
    return [times.now, times.made].every((time) => validityText(certificate, time) === "valid");
}

function makeCertificate(certificate, role, scale, times) {
    const item = element("li", {});
    if (certificate.error !== undefined) {
        item.append(element("h3", {}, `${role}: cannot be read`), element("p", {}, visible(certificate.error)));
        return item;
    }
    item.classList.add(isValid(certificate, times) ? "good" : "bad");
    item.append(
        element("h3", {}, `${role}: `, element("bdi", {}, shortName(certificate.subject))),
        makeBar(certificate, scale, times),
        element("p", {}, `${timeText(certificate.not_before)} to ${timeText(certificate.not_after)}: `,
            element("strong", {}, stateText(certificate, times))),
        element("p", {class: "help"}, element("bdi", {}, visible(certificate.subject))),
        element("p", {class: "help"}, "SHA-256 ", element("code", {}, certificate.sha256)));
    return item;
}

function roleOf(index, count) {
    if (index === 0)
        return "Root";
    return index === count - 1 ? "Enclave" : `Issuer ${index}`;
}

export function showChain(evidence) {
    const times = {now: evidence.now, made: evidence.timestamp};
    const certificates = evidence.certificates;
    const readable = certificates.filter((certificate) => certificate.error === undefined);
    const scale = makeScale([times.now, times.made,
        ...readable.flatMap((certificate) => [certificate.not_before, certificate.not_after])], times.made);
    const items = certificates.map((certificate, index) =>
        makeCertificate(certificate, roleOf(index, certificates.length), scale, times));
    byId("chain").replaceChildren(...items);
    byId("axis").replaceChildren(makeAxis(scale, times));
}
