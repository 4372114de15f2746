import { serve, weather } from "./driver.mjs";
import OpenAI from "openai";

const { run, ...offered } = weather;

serve(async ({ url, key, retries = 0, told, signal, tools, responses, texts, ...asked }) => {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: retries });
  if (texts) {
    const { data } = await client.embeddings.create({ model: asked.model, input: texts });
    return { vectors: data.map(({ embedding }) => embedding) };
  }
  if (responses) return await respond(client, asked, told, signal);
  const request = { ...asked, ...(tools && { tools: [{ type: "function", function: offered }] }) };
  const first = await once(client, request, told, signal);
  if (!first.calls.length) return first;
  const answers = first.calls.map(({ id, function: { arguments: given } }) => (
    { role: "tool", tool_call_id: id, content: run(JSON.parse(given)) }
  ));
  const message = { role: "assistant", content: null, tool_calls: first.calls };
  const messages = [...asked.messages, message, ...answers];
  const last = await once(client, { ...request, messages }, told, signal);
  const calls = first.calls.map(({ function: { name, arguments: given } }) => (
    { name, arguments: JSON.parse(given) }
  ));
  return { ...last, calls };
});

async function once(client, request, told, signal) {
  if (!request.stream) {
    const { choices: [choice], usage } = await client.chat.completions.create(request, { signal });
    told(choice.message.content);
    return { calls: choice.message.tool_calls ?? [], usage: counts(usage) };
  }
  const stream = client.chat.completions.stream(
    { ...request, stream_options: { include_usage: true } },
    { signal },
  );
  stream.on("content", (piece) => told(piece));
  const { choices: [choice], usage } = await stream.finalChatCompletion();
  return { calls: choice.message.tool_calls ?? [], usage: counts(usage) };
}

async function respond(client, { model, messages: input, stream }, told, signal) {
  if (!stream) {
    const { output_text, usage } = await client.responses.create({ model, input }, { signal });
    told(output_text);
    return { usage: [usage.input_tokens, usage.output_tokens] };
  }
  const events = client.responses.stream({ model, input }, { signal });
  events.on("response.output_text.delta", ({ delta }) => told(delta));
  const { usage } = await events.finalResponse();
  return { usage: [usage.input_tokens, usage.output_tokens] };
}

const counts = ({ prompt_tokens, completion_tokens }) => [prompt_tokens, completion_tokens];
