import { serve, weather } from "./driver.mjs";
import { Ollama } from "ollama";

const { run, ...offered } = weather;

serve(async ({ url, key, told, signal, tools, texts, messages, ...asked }) => {
  const client = new Ollama({ host: url, headers: { Authorization: `Bearer ${key}` } });
  if (texts) {
    const { embeddings } = await client.embed({ model: asked.model, input: texts });
    return { vectors: embeddings };
  }
  signal.addEventListener("abort", () => client.abort());
  const request = { ...asked, ...(tools && { tools: [{ type: "function", function: offered }] }) };
  const first = await once(client, { ...request, messages }, told);
  if (!first.calls.length) return first;
  const calls = first.calls.map((call) => call.function);
  const answers = calls.map(({ name, arguments: given }) => (
    { role: "tool", tool_name: name, content: run(given) }
  ));
  const message = { role: "assistant", content: "", tool_calls: first.calls };
  const history = [...messages, message, ...answers];
  const last = await once(client, { ...request, messages: history }, told);
  return { ...last, calls };
});

async function once(client, request, told) {
  const answer = await client.chat(request);
  const calls = [];
  let last = answer;
  for await (const part of request.stream ? answer : [answer]) {
    told(part.message.content);
    calls.push(...part.message.tool_calls ?? []);
    last = part;
  }
  return { calls, usage: [last.prompt_eval_count, last.eval_count] };
}
