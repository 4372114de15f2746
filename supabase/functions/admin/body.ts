/** The body of a request, of bounded size, in the shape that its route declares. */

import { Refusal } from "./errors.ts";
import { parseObject } from "./json.ts";
import { fit, type Given, type Shape } from "./shapes.ts";

export const MAX_BODY = 64 * 1024;

/** No body at all means all defaults, where the shape has them. */
export async function readBody<S extends Shape>(
  request: Request,
  shape: S,
): Promise<Given<S> | Refusal> {
  const bytes = await bounded(request.body);
  if (bytes instanceof Refusal) return bytes;
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return new Refusal("invalid_request", "The body is not valid UTF-8.");
  }
  const members = parseObject(text || "{}");
  return members instanceof Refusal ? members : fit(members, shape);
}

/** All of it, or a refusal as soon as it is too much: a length that a client names proves nothing. */
async function bounded(stream: ReadableStream<Uint8Array> | null): Promise<Uint8Array | Refusal> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of stream ?? []) {
    length += part.length;
    if (length > MAX_BODY) return new Refusal("request_too_large", String(MAX_BODY));
    parts.push(part);
  }
  const all = new Uint8Array(length);
  let end = 0;
  for (const part of parts) {
    all.set(part, end);
    end += part.length;
  }
  return all;
}
