// Stream an answer with Ollama's package.
import { Ollama } from "ollama";

const { LOCALLLM_URL, LOCALLLM_KEY, LOCALLLM_MODEL = "gemma3:270m" } = process.env;
if (!LOCALLLM_URL || !LOCALLLM_KEY) {
  console.error("Set LOCALLLM_URL, such as http://127.0.0.1:8000, and LOCALLLM_KEY.");
  process.exit(1);
}

const client = new Ollama({
  host: LOCALLLM_URL,
  headers: { Authorization: `Bearer ${LOCALLLM_KEY}` },
});
try {
  const stream = await client.chat({
    model: LOCALLLM_MODEL,
    messages: [{ role: "user", content: "Why is the sky blue?" }],
    options: { num_predict: 50 },
    stream: true,
  });
  for await (const part of stream) {
    process.stdout.write(part.message.content);
    if (part.done) console.log(`\n[${part.prompt_eval_count} tokens in, ${part.eval_count} out]`);
  }
} catch (problem) { // refused, or broken off in the middle of the answer
  console.error(`\n${problem.message}`);
  process.exitCode = 1;
}
