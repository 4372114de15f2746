// Stream an answer with Anthropic's package.
import Anthropic from "@anthropic-ai/sdk";

const { LOCALLLM_URL, LOCALLLM_KEY, LOCALLLM_MODEL = "gemma3:270m" } = process.env;
if (!LOCALLLM_URL || !LOCALLLM_KEY) {
  console.error("Set LOCALLLM_URL, such as http://127.0.0.1:8000, and LOCALLLM_KEY.");
  process.exit(1);
}

const client = new Anthropic({ baseURL: LOCALLLM_URL, apiKey: LOCALLLM_KEY });
try {
  const stream = client.messages.stream({
    model: LOCALLLM_MODEL,
    messages: [{ role: "user", content: "Why is the sky blue?" }],
    max_tokens: 50,
  });
  stream.on("text", (text) => process.stdout.write(text));
  const { usage } = await stream.finalMessage();
  console.log(`\n[${usage.input_tokens} tokens in, ${usage.output_tokens} out]`);
} catch (problem) { // refused, or broken off in the middle of the answer
  console.error(`\n${problem.message}`);
  process.exitCode = 1;
}
