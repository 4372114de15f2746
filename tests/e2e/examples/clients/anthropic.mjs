import { serve, weather } from "./driver.mjs";
import Anthropic from "@anthropic-ai/sdk";

const { run, name, description, parameters } = weather;

serve(async ({ url, key, retries = 0, told, signal, tools, ...asked }) => {
  const client = new Anthropic({ baseURL: url, apiKey: key, maxRetries: retries });
  const offered = tools && { tools: [{ name, description, input_schema: parameters }] };
  const request = { max_tokens: 50, ...asked, ...offered };
  const first = await once(client, request, told, signal);
  const calls = first.content.filter(({ type }) => type === "tool_use");
  if (!calls.length) return { calls, usage: counts(first) };
  const results = calls.map(({ id, input }) => (
    { type: "tool_result", tool_use_id: id, content: run(input) }
  ));
  const messages = [
    ...asked.messages,
    { role: "assistant", content: first.content },
    { role: "user", content: results },
  ];
  const last = await once(client, { ...request, messages }, told, signal);
  return { calls: calls.map((call) => ({ name: call.name, arguments: call.input })), usage: counts(last) };
});

async function once(client, request, told, signal) {
  if (!request.stream) {
    const message = await client.messages.create(request, { signal });
    for (const { text } of message.content) told(text);
    return message;
  }
  const { stream: _, ...plain } = request;
  const stream = client.messages.stream(plain, { signal });
  stream.on("text", (piece) => told(piece));
  return await stream.finalMessage();
}

const counts = ({ usage }) => [usage.input_tokens, usage.output_tokens];
