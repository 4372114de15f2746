// What a refusal means to somebody who holds a key, and what to do about it.

const OWNER = "Ask the owner of this server";

/** @type {[RegExp, string][]} what the server says of a key that it does not take */
const KEYS = [
  [/expired/, `This key has expired. ${OWNER} for a new one, or for a later end.`],
  [/revoked/, `This key has been revoked. ${OWNER} for a new one.`],
  [/typos/, "This is not a whole key. Copy it again, from its first letter to its last."],
  [/not exist/, "This server does not know this key. Is it the key of another server?"],
];

/** @type {Record<string, string>} by code */
const WORDS = {
  visitor_token_expired:
    "This token has expired, or its website has ended it. Open the website again: it makes a new one.",
  visitor_token_used_up:
    "This token was used as often as it may be. Open the website again: it makes a new one.",
  visitor_token_required:
    "This key belongs to a website and may not be used in a page. Enter the token of a visitor instead: the website makes it.",
  server_is_overloaded:
    "The server cannot answer now. Nothing is wrong with your key. Try again in a minute.",
};

/**
 * The server's own words, where they say it well.
 *
 * @param {import("../console/lib/http.js").ApiError} problem
 */
export function explain({ code, message }) {
  if (code === "invalid_api_key") {
    return KEYS.find(([found]) => found.test(message))?.[1] ?? message;
  }
  if (code === "permission_denied" && message.startsWith("Pages of this website")) {
    return "This key works on its own websites only, so this page cannot chat with it. " +
      `Programs can use it. ${OWNER} if it should work here.`;
  }
  return WORDS[code] ?? message;
}

/** Whether a text could be a key or a token: both go into a header. @param {string} text */
export const isSendable = (text) => /^[\x21-\x7e]{8,8000}$/.test(text);
