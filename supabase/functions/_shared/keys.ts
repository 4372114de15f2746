/**
 * API keys: make one, hash it, show its beginning. The twin of gateway/core/keys.py, where the form is
 * explained; tests/vectors/keys.json holds them together.
 */

import { createHash } from "node:crypto";

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM_LENGTH = 26; // 154 bits
const CHECKSUM_LENGTH = 6; // 62**6 > 2**32: a CRC-32 always fits
const SHOWN = 4;

export const PREFIX_SHAPE = /^[A-Za-z][A-Za-z0-9-]{0,15}$/;
const SHAPE = /^[A-Za-z][A-Za-z0-9-]{0,15}_[0-9A-Za-z]{32,64}$/;

export function makeKey(prefix: string): string {
  const body = `${prefix}_${randomCharacters(RANDOM_LENGTH)}`;
  return body + checksum(body);
}

/** CRC-32 of the ASCII text before it, as six base62 digits, most significant first. */
export function checksum(body: string): string {
  let value = crc32(new TextEncoder().encode(body));
  let digits = "";
  for (let place = 0; place < CHECKSUM_LENGTH; place++) {
    digits = ALPHABET[value % 62] + digits;
    value = Math.floor(value / 62);
  }
  return digits;
}

/** No secret is compared here: the checksum is public. */
export function isWellFormed(key: string): boolean {
  return SHAPE.test(key) && key.endsWith(checksum(key.slice(0, -CHECKSUM_LENGTH)));
}

/** SHA-256 as 64 hex digits: all that the database gets to know, beside the display prefix. */
export function hashKey(key: string): string {
  return createHash("sha256").update(key).digest("hex");
}

/** What lists may show of a key: its prefix and four characters. */
export function displayPrefix(key: string): string {
  return key.slice(0, key.lastIndexOf("_") + 1 + SHOWN);
}

/** Bytes from 248 on are thrown away: 248 is 4 × 62, so every character is equally likely. */
function randomCharacters(count: number): string {
  let text = "";
  while (text.length < count) {
    for (const byte of crypto.getRandomValues(new Uint8Array(count))) {
      if (byte < 4 * ALPHABET.length && text.length < count) text += ALPHABET[byte % 62];
    }
  }
  return text;
}

/** By hand: `crc32` of node:zlib is newer than the Deno that Supabase runs. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
