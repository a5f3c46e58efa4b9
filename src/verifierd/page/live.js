// SPDX-License-Identifier: Apache-2.0
// Verdicts by policy, asked for again every few seconds while the page is seen. Counts only.

import {listVerdicts} from "./service.js";
import {byId, element, visible} from "./text.js";
import {refusalText} from "./verdict.js";

const PERIOD_MS = 5000;
const SVG = "http://www.w3.org/2000/svg";

let timer;

function makeShape(name, attributes) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes))
        made.setAttribute(key, String(value));
    return made;
}

// Verdicts of each minute as bars, oldest first.
function makeBars(minutes) {
    const most = Math.max(1, ...minutes);
    const bars = makeShape("svg", {viewBox: `0 0 ${minutes.length} 16`, preserveAspectRatio: "none", role: "img",
        "aria-label": `at most ${most} in one of the last ${minutes.length} minutes`});
    for (const [index, count] of minutes.entries()) {
        const height = (16 * count) / most;
        if (count > 0)
            bars.append(makeShape("rect", {x: index, y: 16 - height, width: 0.9, height}));
    }
    return bars;
}

function makeRow(policy) {
    const cell = (content) => element("td", {}, content);
    return element("tr", {}, element("th", {scope: "row"}, visible(policy.policy)),
        cell(String(policy.minutes.at(-1))), cell(String(policy.affirming)), cell(String(policy.warning)),
        cell(String(policy.contraindicated)), cell(makeBars(policy.minutes)));
}

function makeRecent(recent) {
    const seconds = Math.max(0, Math.floor(recent.age_ms / 1000));
    return element("li", {class: recent.status}, `${visible(recent.policy)}: ${visible(recent.status)}, ${seconds} s ago`);
}

// Only what changes is set: what is set is read out.
function showMessage(text) {
    if (byId("live-message").textContent !== text)
        byId("live-message").textContent = text;
}

async function refresh() {
    try {
        const answer = await listVerdicts();
        byId("live-policies").replaceChildren(...answer.policies.map(makeRow));
        byId("live-recent").replaceChildren(...answer.recent.map(makeRecent));
        showMessage(answer.policies.length === 0 ? "None yet." : "");
    } catch (problem) {
        byId("live-policies").replaceChildren();
        byId("live-recent").replaceChildren();
        showMessage(refusalText(problem));
    }
}

// Asks now, and again as long as the page is seen and wants it. Two runs never overlap for long: the
// later one sets the timer anew.
export async function updateLive() {
    clearTimeout(timer);
    await refresh();
    clearTimeout(timer);
    if (byId("live-on").checked && !document.hidden)
        timer = setTimeout(updateLive, PERIOD_MS);
}

export function startLive() {
    byId("live-on").addEventListener("change", updateLive);
    byId("token").addEventListener("change", updateLive);
    document.addEventListener("visibilitychange", updateLive);
    updateLive();
}
