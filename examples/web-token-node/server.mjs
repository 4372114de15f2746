// Serves the page, and makes tokens for its visitors. The key stays here.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { isIPv6 } from "node:net";

const { LOCALLLM_URL, LOCALLLM_KEY, PORT = "8080" } = process.env;
if (!LOCALLLM_URL || !LOCALLLM_KEY) {
  console.error("Set LOCALLLM_URL, such as http://127.0.0.1:8000, and LOCALLLM_KEY.");
  process.exit(1);
}
const TYPES = { html: "text/html", css: "text/css", js: "text/javascript" };
const FILES = ["index.html", "chat.css", "chat.js", "form.js", "page.js", "settings.js"];

/**
 * Who asks, in words that visitors cannot choose: the user of your log-in. Without a log-in, as
 * here, their address. If a proxy of yours stands before this server, it knows the address. Of an
 * IPv6 address only the first half counts: one line has all addresses that begin with it.
 */
function visitorOf(request) {
  const address = request.socket.remoteAddress;
  if (!isIPv6(address) || address.includes(".")) return address;
  const [before, after] = address.split("::").map((half) => half ? half.split(":") : []);
  const zeros = after ? Array(8 - before.length - after.length).fill("0") : [];
  return [...before, ...zeros, ...(after ?? [])].slice(0, 4).join(":") + "::/64";
}

async function tokenFor(visitor) {
  const response = await fetch(new URL("/v1/visitor-tokens", LOCALLLM_URL), {
    method: "POST",
    headers: { "Authorization": `Bearer ${LOCALLLM_KEY}`, "Content-Type": "application/json" },
    body: JSON.stringify({ visitor, expires_in: 600 }),
  });
  const made = await response.json();
  if (!response.ok) throw new Error(made.error.message);
  return { token: made.token };
}

async function answer(request) {
  if (request.method === "POST" && request.url === "/token") {
    return ["application/json", JSON.stringify(await tokenFor(visitorOf(request)))];
  }
  const name = request.url === "/" ? "index.html" : request.url.slice(1);
  if (request.method !== "GET" || !FILES.includes(name)) return null;
  const content = await readFile(new URL(`public/${name}`, import.meta.url));
  return [`${TYPES[name.split(".").at(-1)]}; charset=utf-8`, content];
}

createServer(async (request, response) => {
  try {
    const [type, body] = await answer(request) ?? [];
    response.writeHead(type ? 200 : 404, type ? { "Content-Type": type } : {}).end(body);
  } catch (problem) { // the visitor need not know what it was
    console.error(problem.message);
    response.writeHead(502).end();
  }
}).listen(PORT, "127.0.0.1", () => console.log(`http://127.0.0.1:${PORT}`));
