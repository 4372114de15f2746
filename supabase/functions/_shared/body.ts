/** The body of a request, of bounded size. */

import { Refusal } from "./errors.ts";
import { type Members, parseObject } from "./json.ts";

/** The object that the body is, `most` bytes at most; no body at all is an empty one. */
export async function readObject(request: Request, most: number): Promise<Members | Refusal> {
  const bytes = await bounded(request.body, most);
  if (bytes instanceof Refusal) return bytes;
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return new Refusal("invalid_request", "The body is not valid UTF-8.");
  }
  return parseObject(text || "{}");
}

/** All of it, or a refusal as soon as it is too much: a length that a client names proves nothing. */
async function bounded(
  stream: ReadableStream<Uint8Array> | null,
  most: number,
): Promise<Uint8Array | Refusal> {
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const part of stream ?? []) {
      length += part.length;
      if (length > most) return new Refusal("request_too_large", String(most));
      parts.push(part);
    }
  } catch { // the client has left, or goes on with what is no HTTP
    return new Refusal("invalid_request", "The body broke off.");
  }
  const all = new Uint8Array(length);
  let end = 0;
  for (const part of parts) {
    all.set(part, end);
    end += part.length;
  }
  return all;
}
