// Stream an answer with Vercel's AI SDK.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { streamText } from "ai";

const { LOCALLLM_URL, LOCALLLM_KEY, LOCALLLM_MODEL = "gemma3:270m" } = process.env;
if (!LOCALLLM_URL || !LOCALLLM_KEY) {
  console.error("Set LOCALLLM_URL, such as http://127.0.0.1:8000, and LOCALLLM_KEY.");
  process.exit(1);
}

const localllm = createOpenAICompatible({
  name: "localllm",
  baseURL: `${LOCALLLM_URL}/v1`,
  apiKey: LOCALLLM_KEY,
  includeUsage: true,
});
const result = streamText({
  model: localllm(LOCALLLM_MODEL),
  prompt: "Why is the sky blue?",
  maxOutputTokens: 50,
  onError() {}, // they stand in the stream as well
});
try {
  for await (const part of result.fullStream) { // textStream would leave the errors out
    if (part.type === "text-delta") process.stdout.write(part.text);
    if (part.type === "error") throw part.error;
  }
  const used = await result.usage;
  console.log(`\n[${used.inputTokens} tokens in, ${used.outputTokens} out]`);
} catch (problem) { // refused, or broken off in the middle of the answer
  console.error(`\n${problem.message}`);
  process.exitCode = 1;
}
