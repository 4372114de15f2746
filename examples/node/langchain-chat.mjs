// Stream an answer through a chain of LangChain.
import { ChatPromptTemplate } from "@langchain/core/prompts";
import { ChatOpenAI } from "@langchain/openai";

const { LOCALLLM_URL, LOCALLLM_KEY, LOCALLLM_MODEL = "gemma3:270m" } = process.env;
if (!LOCALLLM_URL || !LOCALLLM_KEY) {
  console.error("Set LOCALLLM_URL, such as http://127.0.0.1:8000, and LOCALLLM_KEY.");
  process.exit(1);
}

const prompt = ChatPromptTemplate.fromMessages([
  ["system", "Answer in one sentence."],
  ["user", "{question}"],
]);
const model = new ChatOpenAI({
  configuration: { baseURL: `${LOCALLLM_URL}/v1` },
  apiKey: LOCALLLM_KEY,
  model: LOCALLLM_MODEL,
  maxTokens: 50,
  maxRetries: 2,
});
try {
  const stream = await prompt.pipe(model).stream({ question: "Why is the sky blue?" });
  for await (const { content, usage_metadata: used } of stream) {
    process.stdout.write(content);
    if (used) console.log(`\n[${used.input_tokens} tokens in, ${used.output_tokens} out]`);
  }
} catch (problem) { // refused, or broken off in the middle of the answer
  console.error(`\n${problem.message}`);
  process.exitCode = 1;
}
