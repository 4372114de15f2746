import { serve, weather } from "./driver.mjs";
import { HumanMessage, ToolMessage } from "@langchain/core/messages";
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";

const { run, ...offered } = weather;

serve(async ({ url, key, retries = 0, model, messages, stream, tools, texts, told, signal }) => {
  const configuration = { baseURL: `${url}/v1` };
  const settings = { configuration, apiKey: key, model, maxRetries: retries };
  if (texts) return { vectors: await new OpenAIEmbeddings(settings).embedDocuments(texts) };
  const plain = new ChatOpenAI(settings);
  const chat = tools ? plain.bindTools([{ type: "function", function: offered }]) : plain;
  const history = messages.map(({ content }) => new HumanMessage(content));
  const first = await once(chat, history, stream, told, signal);
  const calls = (first.tool_calls ?? []).map(({ name, args }) => ({ name, arguments: args }));
  if (!calls.length) return { calls, usage: counts(first) };
  const results = first.tool_calls.map(({ id, args }) => (
    new ToolMessage({ tool_call_id: id, content: run(args) })
  ));
  const last = await once(chat, [...history, first, ...results], stream, told, signal);
  return { calls, usage: counts(last) };
});

async function once(chat, history, stream, told, signal) {
  if (!stream) {
    const answer = await chat.invoke(history, { signal });
    told(answer.content);
    return answer;
  }
  let whole;
  for await (const chunk of await chat.stream(history, { signal })) {
    told(chunk.content);
    whole = whole ? whole.concat(chunk) : chunk;
  }
  return whole;
}

const counts = ({ usage_metadata: { input_tokens, output_tokens } }) => [input_tokens, output_tokens];
