// SPDX-License-Identifier: Apache-2.0
// Values as text, and elements that contain text. Whatever comes from a document passes through
// here: textContent and a few attributes, never markup (the page's policy forbids it as well).

export function byId(id) {
    return document.getElementById(id);
}

// Makes an element; children are elements or text.
export function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes))
        made.setAttribute(key, value);
    made.append(...children);
    return made;
}

export function bytesOfBase64(text) {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

export function base64OfBytes(bytes) {
    let text = "";
    for (const byte of bytes)
        text += String.fromCharCode(byte);
    return btoa(text);
}

export function hexOfBytes(bytes) {
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Shows characters that are not seen, or that reorder a line, as their number.
export function visible(text) {
    return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu,
        (character) => `\\u{${character.codePointAt(0).toString(16)}}`);
}

// Returns JSON that shows all it has: its own escapes for what is not seen.
export function jsonText(value) {
    const escaped = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
    return JSON.stringify(value, null, 2).replace(/(?!\n)[\p{C}\p{Zl}\p{Zp}]/gu,
        (character) => character.split("").map(escaped).join(""));
}

// Returns bytes as text where they are UTF-8 without control characters; else null.
export function textOfBytes(bytes) {
    try {
        const text = new TextDecoder("utf-8", {fatal: true, ignoreBOM: true}).decode(bytes);
        return /[\p{Cc}\p{Co}\p{Cn}]/u.test(text.replace(/[\n\r\t]/g, "")) ? null : visible(text);
    } catch {
        return null;
    }
}

export function timeText(milliseconds) {
    const time = new Date(milliseconds);
    if (Number.isNaN(time.getTime()))
        return "no time";
    return time.toISOString().replace("T", " ").replace(/\.\d+Z$/, " UTC");
}

const UNITS = [[31557600e3, "year"], [2629800e3, "month"], [86400e3, "day"], [3600e3, "hour"],
    [60e3, "minute"], [1e3, "second"]];

export function durationText(milliseconds) {
    const size = Math.abs(milliseconds);
    const [unit, name] = UNITS.find(([length]) => size >= length) ?? UNITS.at(-1);
    const count = Math.floor(size / unit);
    return `${count} ${name}${count === 1 ? "" : "s"}`;
}

// Returns "3 hours ago" or "in 3 hours".
export function distanceText(milliseconds, now) {
    const words = durationText(milliseconds - now);
    return milliseconds > now ? `in ${words}` : `${words} ago`;
}

// Returns the parts of an entry of a description list.
export function described(term, ...values) {
    return [element("dt", {}, term), ...values.map((value) => element("dd", {}, value))];
}
