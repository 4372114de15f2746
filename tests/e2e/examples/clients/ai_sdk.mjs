import { serve, weather } from "./driver.mjs";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { embedMany, generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";

const { run, name, description, parameters } = weather;
const offered = tool({ description, inputSchema: jsonSchema(parameters), execute: run });

serve(async ({ url, key, retries = 0, told, signal, ...asked }) => {
  const { model, messages, stream, tools, responses, texts } = asked;
  const settings = { name: "localllm", baseURL: `${url}/v1`, apiKey: key };
  const provider = responses
    ? createOpenAI(settings)
    : createOpenAICompatible({ ...settings, includeUsage: true });
  if (texts) {
    const embedder = provider.embeddingModel(model);
    const { embeddings } = await embedMany({ model: embedder, values: texts, maxRetries: retries });
    return { vectors: embeddings };
  }
  const request = {
    model: provider(model),
    messages,
    maxRetries: retries,
    abortSignal: signal,
    ...(tools && { tools: { [name]: offered }, stopWhen: stepCountIs(2) }),
  };
  const result = stream ? await streamed(request, told) : await generateText(request);
  if (!stream) told(result.text);
  const { inputTokens, outputTokens } = await result.usage;
  const calls = (await result.steps).flatMap(({ toolCalls }) => (
    toolCalls.map(({ toolName, input }) => ({ name: toolName, arguments: input }))
  ));
  return { calls, usage: [inputTokens, outputTokens] };
});

async function streamed(request, told) {
  const result = streamText({ ...request, onError() {} });
  for await (const part of result.fullStream) {
    if (part.type === "text-delta") told(part.text);
    if (part.type === "error") throw part.error;
    if (part.type === "abort") throw new DOMException("The answer was aborted.", "AbortError");
  }
  return result;
}
