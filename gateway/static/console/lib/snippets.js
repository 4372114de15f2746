// What to paste into a program, for a key and the address of a gateway. As docs/apps.md has it.

/** @typedef {{name: string, label: string, where: string, text: string}} Snippet */

/** A word for a POSIX shell. @param {string} text */
const shell = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/**
 * @param {{address: string, key: string, model: string}} given `address`: without a path and a last /
 * @returns {Snippet[]}
 */
export function snippets({ address, key, model }) {
  const base = address.replace(/\/+$/, "");
  const body = { model, messages: [{ role: "user", content: "Say hello." }], stream: true };
  return [
    {
      name: "curl",
      label: "curl",
      where: "In a terminal:",
      text: [
        `curl -N ${shell(`${base}/v1/chat/completions`)} \\`,
        `  -H ${shell(`Authorization: Bearer ${key}`)} \\`,
        `  -H 'Content-Type: application/json' \\`,
        `  -d ${shell(JSON.stringify(body))}`,
      ].join("\n"),
    },
    {
      name: "python",
      label: "Python",
      where: "With the package openai (pip install openai):",
      text: `from openai import OpenAI

client = OpenAI(base_url=${JSON.stringify(`${base}/v1`)}, api_key=${JSON.stringify(key)})
answer = client.chat.completions.create(
    model=${JSON.stringify(model)},
    messages=[{"role": "user", "content": "Say hello."}],
)
print(answer.choices[0].message.content)`,
    },
    {
      name: "javascript",
      label: "JavaScript",
      where: "With the package openai (npm install openai):",
      text: `import OpenAI from "openai";

const client = new OpenAI({
  baseURL: ${JSON.stringify(`${base}/v1`)},
  apiKey: ${JSON.stringify(key)},
});
const answer = await client.chat.completions.create({
  model: ${JSON.stringify(model)},
  messages: [{ role: "user", content: "Say hello." }],
});
console.log(answer.choices[0].message.content);`,
    },
    {
      name: "page",
      label: "Web page",
      where: 'In a <script type="module"> of a page, without a package. Whoever opens the page can ' +
        "read the key.",
      text: `const answer = await fetch(${JSON.stringify(`${base}/v1/chat/completions`)}, {
  method: "POST",
  headers: {
    "Authorization": ${JSON.stringify(`Bearer ${key}`)},
    "Content-Type": "application/json",
  },
  body: JSON.stringify({
    model: ${JSON.stringify(model)},
    messages: [{ role: "user", content: "Say hello." }],
  }),
});
const { choices } = await answer.json();
console.log(choices[0].message.content);`,
    },
    {
      name: "claude-code",
      label: "Claude Code",
      where: "In a terminal; then start claude:",
      text: [
        ["BASE_URL", base],
        ["AUTH_TOKEN", key],
        ["MODEL", model],
        ["DEFAULT_HAIKU_MODEL", model],
        ["DEFAULT_SONNET_MODEL", model],
        ["DEFAULT_OPUS_MODEL", model],
      ].map(([name, value]) => `export ANTHROPIC_${name}=${shell(value)}`).join("\n"),
    },
    {
      name: "codex",
      label: "Codex",
      where: "In ~/.codex/config.toml; then, in a terminal, the last line without its # and codex:",
      text: `model = ${JSON.stringify(model)}
model_provider = "localllm"

[model_providers.localllm]
name = "localllm"
base_url = ${JSON.stringify(`${base}/v1`)}
env_key = "LOCALLLM_KEY"
wire_api = "responses"

# export LOCALLLM_KEY=${shell(key)}`,
    },
    {
      name: "open-webui",
      label: "Open WebUI",
      where: "In a terminal, before it is started; or under Admin Settings, Connections:",
      text: [
        `export OPENAI_API_BASE_URL=${shell(`${base}/v1`)}`,
        `export OPENAI_API_KEY=${shell(key)}`,
        "export ENABLE_OLLAMA_API=false",
      ].join("\n"),
    },
  ];
}
