// The fields of a key as a form has them, all of them text, and as the API takes them.

export const SCOPES = [
  { name: "chat", text: "Ask models" },
  { name: "embeddings", text: "Make embeddings" },
  { name: "models:read", text: "List models" },
  { name: "models:pull", text: "Download models" },
  { name: "ollama:native", text: "Change Ollama for everybody (options that reload a model)" },
];

/**
 * @typedef {{label: string, owner_email: string, monthly_token_limit: string,
 *   rate_limit_per_min: string, max_output_tokens: string, allowed_models: string,
 *   allowed_origins: string, scopes: string[], expires_at: string, by: string,
 *   tokens_per_day: string, requests_per_min: string, visitor_output: string, issuer: string,
 *   audience: string, json: string}} Form
 * `by`: none, address, token, issuer, or json: what is in `json` then, as it is.
 */

/** @type {Form} */
export const EMPTY = {
  label: "",
  owner_email: "",
  monthly_token_limit: "",
  rate_limit_per_min: "",
  max_output_tokens: "",
  allowed_models: "",
  allowed_origins: "",
  scopes: ["chat", "embeddings", "models:read"],
  expires_at: "",
  by: "none",
  tokens_per_day: "",
  requests_per_min: "",
  visitor_output: "",
  issuer: "",
  audience: "",
  json: "",
};

/** @type {{name: string, label: string, text: string, snippet: string, form: Partial<Form>}[]} */
export const KINDS = [
  {
    name: "website",
    label: "Website",
    text: "A page that anybody can open: each visitor has a day of their own.",
    snippet: "page",
    form: {
      scopes: ["chat"],
      monthly_token_limit: "3000000",
      rate_limit_per_min: "60",
      max_output_tokens: "500",
      by: "address",
      tokens_per_day: "5000",
      requests_per_min: "6",
    },
  },
  {
    name: "agent",
    label: "Agent",
    text: "A coding agent: it takes 45,000 tokens a turn, for a month of work.",
    snippet: "claude-code",
    form: { monthly_token_limit: "500000000", rate_limit_per_min: "120" },
  },
  {
    name: "friend",
    label: "Friend",
    text: "A person with a chat program: the usual limits.",
    snippet: "open-webui",
    form: { monthly_token_limit: "1000000", rate_limit_per_min: "20" },
  },
];

/** What a form begins with, for a key that there is. @param {any} key @returns {Form} */
export function formOf(key) {
  const of = key.visitors ?? {};
  /** @param {unknown} value */
  const text = (value) => value == null ? "" : String(value);
  return {
    label: key.label,
    owner_email: text(key.owner_email),
    monthly_token_limit: text(key.monthly_token_limit),
    rate_limit_per_min: text(key.rate_limit_per_min),
    max_output_tokens: text(key.max_output_tokens),
    allowed_models: lines(key.allowed_models),
    allowed_origins: lines(key.allowed_origins),
    scopes: key.scopes,
    expires_at: key.expires_at ? key.expires_at.slice(0, 10) : "",
    by: wayOf(key.visitors),
    tokens_per_day: text(of.tokens_per_day),
    requests_per_min: text(of.requests_per_min),
    visitor_output: text(of.max_output_tokens),
    issuer: text(of.issuer),
    audience: text(of.audience),
    json: key.visitors ? JSON.stringify(key.visitors, null, 2) : "",
  };
}

/** `[]` is no model at all, and null every one. @param {string[] | null} all */
const lines = (all) => all === null || all === undefined ? "" : all.length ? all.join("\n") : "none";

const SIMPLE = ["by", "tokens_per_day", "requests_per_min", "max_output_tokens"];

/** Which fields can show them; what has more than those is shown as JSON. @param {any} visitors */
function wayOf(visitors) {
  if (!visitors) return "none";
  const [by, ...others] = visitors.by;
  const known = by === "issuer" ? [...SIMPLE, "issuer", "audience"] : SIMPLE;
  const set = Object.keys(visitors).filter((name) => visitors[name] != null);
  return others.length === 0 && set.every((name) => known.includes(name)) ? by : "json";
}

/**
 * The whole key as the API takes it. Throws an Error with the `name` of the field that is wrong.
 * @param {Form} form
 */
export function bodyOf(form) {
  return {
    label: form.label.trim(),
    owner_email: form.owner_email.trim() || null,
    monthly_token_limit: whole(form, "monthly_token_limit"),
    rate_limit_per_min: whole(form, "rate_limit_per_min"),
    max_output_tokens: whole(form, "max_output_tokens"),
    allowed_models: form.allowed_models.trim() === "none" ? [] : list(form.allowed_models),
    allowed_origins: list(form.allowed_origins),
    scopes: form.scopes,
    // A key ends at the end of the day that is shown, as people mean it.
    expires_at: form.expires_at ? `${form.expires_at}T23:59:59Z` : null,
    visitors: visitorsOf(form),
  };
}

/** @param {string} text one a line, or with commas @returns {string[] | null} */
function list(text) {
  const found = text.split(/[\n,]+/).map((one) => one.trim()).filter(Boolean);
  return found.length ? found : null;
}

/** @param {Form} form @param {keyof Form} name */
function whole(form, name) {
  const text = String(form[name]).replace(/[\s_',.]/g, "");
  if (text === "") return null;
  if (!/^\d{1,15}$/.test(text)) throw wrong(name, "This should be a number.");
  return Number(text);
}

/** @param {string} name @param {string} text */
const wrong = (name, text) => Object.assign(new Error(text), { param: name });

/** @param {Form} form */
function visitorsOf(form) {
  if (form.by === "none") return null;
  if (form.by === "json") {
    try {
      return JSON.parse(form.json);
    } catch {
      throw wrong("json", "This is no JSON.");
    }
  }
  const limits = {
    tokens_per_day: whole(form, "tokens_per_day"),
    requests_per_min: whole(form, "requests_per_min"),
    max_output_tokens: whole(form, "visitor_output"),
  };
  const given = Object.entries(limits).filter(([, value]) => value !== null);
  const issuer = form.by === "issuer"
    ? { issuer: form.issuer.trim(), audience: form.audience.trim() }
    : {};
  return { by: [form.by], ...Object.fromEntries(given), ...issuer };
}

/** What of `body` differs from `before`. @param {any} body @param {any} before */
export const changesOf = (body, before) =>
  Object.fromEntries(
    Object.entries(body).filter(([name, value]) =>
      JSON.stringify(value) !== JSON.stringify(before[name])
    ),
  );
