// Stream an answer with OpenAI's package.
import OpenAI from "openai";

const { LOCALLLM_URL, LOCALLLM_KEY, LOCALLLM_MODEL = "gemma3:270m" } = process.env;
if (!LOCALLLM_URL || !LOCALLLM_KEY) {
  console.error("Set LOCALLLM_URL, such as http://127.0.0.1:8000, and LOCALLLM_KEY.");
  process.exit(1);
}

const client = new OpenAI({ baseURL: `${LOCALLLM_URL}/v1`, apiKey: LOCALLLM_KEY });
try {
  const stream = await client.chat.completions.create({
    model: LOCALLLM_MODEL,
    messages: [{ role: "user", content: "Why is the sky blue?" }],
    max_tokens: 50,
    stream: true,
    stream_options: { include_usage: true },
  });
  for await (const { choices, usage } of stream) {
    process.stdout.write(choices[0]?.delta.content ?? "");
    if (usage) console.log(`\n[${usage.prompt_tokens} tokens in, ${usage.completion_tokens} out]`);
  }
} catch (problem) { // refused, or broken off in the middle of the answer
  console.error(`\n${problem.message}`);
  process.exitCode = 1;
}
