// An answer of localllm as it comes, with nothing but fetch.

/**
 * The texts of an answer, one after another. Throws an Error that says why, if the request is
 * refused or the answer breaks off. Aborting the signal, or leaving the loop, stops the model.
 *
 * `key`: a key, or a function that gives a visitor's token. It is called again, with `true`, if
 * the token that it gave is not taken any more.
 */
export async function* chat(url, key, request, signal) {
  const response = await send(url, key, request, signal);
  for await (const data of events(response.body)) {
    if (data === "[DONE]") return;
    const { choices, error } = JSON.parse(data);
    if (error) throw new Error(error.message);
    if (choices[0]?.delta.content) yield choices[0].delta.content;
  }
  throw new Error("The answer broke off.");
}

async function send(url, key, request, signal) {
  const body = JSON.stringify({ ...request, stream: true });
  for (const again of [false, true]) {
    const token = typeof key === "function" ? await key(again) : key;
    const headers = { "Authorization": `Bearer ${token}`, "Content-Type": "application/json" };
    let response;
    try {
      response = await fetch(`${url.replace(/\/+$/, "")}/v1/chat/completions`, {
        method: "POST", headers, body, signal,
      });
    } catch (problem) { // browsers do not tell pages which of the two it was
      throw new Error("It cannot be reached, or the key is not for this website.", { cause: problem });
    }
    if (response.ok) return response;
    if (again || response.status !== 401 || token === key) throw new Error(await reason(response));
  }
}

/** Why there is no answer; what stands between may say it without JSON. */
async function reason(response) {
  const said = await response.json().catch(() => null);
  return said?.error?.message?.replace(UTC, here) ?? `The status was ${response.status}.`;
}

/** A time in the visitor's own words: a day that is used up ends at midnight in UTC. */
const UTC = /(\d{4}-\d\d-\d\d) (\d\d:\d\d) UTC/;
const here = (_, day, time) => new Date(`${day}T${time}Z`).toLocaleString();

/** The data of each event of a stream; other lines are signs of life. */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        if (line.startsWith("data: ")) yield line.slice("data: ".length);
      }
    }
  } finally {
    reader.cancel().catch(() => {}); // it may have failed already
  }
}
