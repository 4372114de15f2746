/**
 * A request as lines for a shell. The key stands in a variable: what is on a command line, every
 * user of the machine can see.
 *
 * @param {string} address of the server
 * @param {string} path
 * @param {object} body
 */
export function curl(address, path, body) {
  return [
    `curl -N ${quoted(address + path)}`,
    '-H "Authorization: Bearer $LOCALLLM_KEY"',
    "-H 'Content-Type: application/json'",
    `-d ${quoted(JSON.stringify(body))}`,
  ].join(" \\\n  ");
}

/** @param {string} text */
const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
