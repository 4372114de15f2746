// Asking a server for JSON, or for events.

/** What the server, or the network, says of a request that failed. */
export class ApiError extends Error {
  /**
   * @param {string} message what to show
   * @param {string} code such as `invalid_admin_secret`; `unreachable` if there was no answer
   * @param {number} status of HTTP; 0 if there was no answer
   * @param {{param?: string | null, requestId?: string | null}} [more]
   */
  constructor(message, code, status, more = {}) {
    super(message);
    this.code = code;
    this.status = status;
    this.param = more.param ?? null;
    this.requestId = more.requestId ?? null;
  }
}

/**
 * @typedef {{event: string, data: any}} ServerEvent
 * @typedef {{method?: string, body?: unknown, signal?: AbortSignal, onBytes?: () => void}}
 *   StreamOptions `onBytes`: something came, if only a heartbeat
 */

/**
 * A client of one server. `where` gives the base address and the headers of each request: they
 * change when somebody logs in.
 * @param {() => {base: string, headers: Record<string, string>}} where
 */
export function client(where) {
  /**
   * @param {string} method
   * @param {string} path
   * @param {unknown} [body]
   * @param {AbortSignal} [signal]
   * @param {string} [accept]
   */
  async function ask(method, path, body, signal, accept = "application/json") {
    const { base, headers } = where();
    /** @type {Record<string, string>} */
    const sent = { ...headers, accept };
    if (body !== undefined) sent["content-type"] = "application/json";
    let answer;
    try {
      answer = await fetch(base + path, {
        method,
        headers: sent,
        body: body === undefined ? undefined : JSON.stringify(body),
        signal,
        keepalive: method === "DELETE", // also while the page is being left
        cache: "no-store",
        credentials: "omit",
        referrerPolicy: "no-referrer",
      });
    } catch (problem) {
      if (signal?.aborted) throw problem;
      throw new ApiError("The server cannot be reached. Is it running?", "unreachable", 0);
    }
    if (!answer.ok) throw await failure(answer);
    return answer;
  }

  /** @param {string} method @param {string} path @param {unknown} [body] */
  async function send(method, path, body) {
    const answer = await ask(method, path, body);
    return answer.status === 204 ? null : await answer.json();
  }

  /**
   * Read server-sent events until the server ends the stream. Rejects if it breaks.
   * @param {string} path
   * @param {(event: ServerEvent) => void} onEvent
   * @param {StreamOptions} [options]
   */
  async function stream(path, onEvent, options = {}) {
    const { method = "GET", body, signal, onBytes } = options;
    const answer = await ask(method, path, body, signal, "text/event-stream");
    if (!answer.body) return;
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    const take = parser(onEvent);
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        onBytes?.();
        take(value);
      }
    } catch (problem) {
      if (signal?.aborted || problem instanceof ApiError) throw problem;
      throw new ApiError("The connection broke.", "unreachable", 0);
    } finally {
      reader.cancel().catch(() => {});
    }
  }

  return {
    /** @param {string} path */
    get: (path) => send("GET", path),
    send,
    stream,
    /** The answer itself, for what is no JSON. @param {string} path */
    raw: (path) => ask("GET", path, undefined, undefined, "*/*"),
  };
}

/** @param {Response} answer */
async function failure(answer) {
  const text = await answer.text();
  let told;
  try {
    told = JSON.parse(text).error;
  } catch {
    told = null;
  }
  const error = told && typeof told === "object" ? told : {};
  const message = typeof told === "string" ? told : error.message;
  return new ApiError(
    message || `The server answered with status ${answer.status}.`,
    error.code || error.type || "error",
    answer.status,
    { param: error.param, requestId: answer.headers.get("x-request-id") },
  );
}

/**
 * Takes pieces of a stream of events, cut anywhere.
 * @param {(event: ServerEvent) => void} onEvent
 * @returns {(piece: string) => void}
 */
export function parser(onEvent) {
  let rest = "";
  return (piece) => {
    const text = rest + piece;
    const held = text.endsWith("\r") ? "\r" : ""; // half of an end of line, perhaps
    const whole = text.slice(0, text.length - held.length).replace(/\r\n?/g, "\n");
    const blocks = whole.split("\n\n");
    rest = (blocks.pop() ?? "") + held;
    for (const block of blocks) {
      let event = "message";
      /** @type {string[]} */
      const data = [];
      for (const line of block.split("\n")) {
        const [, name, value] = line.match(/^([^:]*):? ?(.*)$/s) ?? [];
        if (name === "event") event = value;
        if (name === "data") data.push(value);
        if (line.startsWith(":")) onEvent({ event: "comment", data: value }); // a sign of life
      }
      if (data.length === 0) continue;
      const whole = data.join("\n");
      onEvent({ event, data: whole === "[DONE]" ? null : JSON.parse(whole) });
    }
  };
}
