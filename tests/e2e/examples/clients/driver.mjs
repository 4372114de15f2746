// Lets a test speak to a client of npm: a JSON object a line comes in, the same goes out.
import { createInterface } from "node:readline";

/** The tool that clients offer to the model. */
export const weather = {
  name: "get_weather",
  description: "Weather for a city",
  parameters: { type: "object", required: ["city"], properties: { city: { type: "string" } } },
  run: ({ city }) => `18 degrees in ${city}`,
};

const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
console.log = console.error; // clients may write there; ours is the standard output
let warnings;
console.warn = (...words) => warnings.push(words.join(" "));

const plainFetch = globalThis.fetch;
let requests;
let watching; // a sign of life, if the test wants to know of each three in a row
globalThis.fetch = async (...request) => {
  requests += 1;
  const response = await plainFetch(...request);
  return watching && response.body ? watched(response) : response;
};

/** The response, whose bytes the client alone reads; we look on. */
function watched(response) {
  const decoder = new TextDecoder();
  let since = "";
  const look = new TransformStream({
    transform(chunk, controller) {
      since += decoder.decode(chunk, { stream: true });
      if (since.endsWith(watching.repeat(3))) {
        say({ beats: 3 });
        since = "";
      }
      controller.enqueue(chunk);
    },
  });
  const { status, statusText, headers } = response;
  return new Response(response.body.pipeThrough(look), { status, statusText, headers });
}

/**
 * Answers each line with what the client has made of it. `ask` gets the line's fields and `told`,
 * to be called with each piece of text, and `signal`, which is aborted after `leave` pieces.
 */
export async function serve(ask) {
  for await (const line of createInterface({ input: process.stdin })) {
    const { leave, watch, ...asked } = JSON.parse(line);
    const leaving = new AbortController();
    const text = [];
    const told = (piece) => {
      if (piece) text.push(piece);
      if (leave && text.length === leave) leaving.abort();
    };
    [requests, warnings, watching] = [0, [], watch];
    let result;
    try {
      result = await ask({ told, signal: leaving.signal, ...asked });
    } catch (problem) {
      result = { error: describe(problem) };
    }
    say({ text, ...result, requests, warnings });
  }
}

function describe(problem) {
  const { status, statusCode, status_code, code, type, message } = problem;
  return {
    name: problem.constructor.name,
    status: status ?? statusCode ?? status_code ?? null,
    code: code ?? null,
    type: type ?? null,
    message,
  };
}
