/**
 * Users of the project, by the token of their log-in. Supabase Auth itself says who it is: that
 * knows of users who are gone, and takes every algorithm that the project signs with.
 */

import { Buffer } from "node:buffer";
import { Refusal } from "../_shared/errors.ts";
import type { Project } from "../_shared/store.ts";
import { type Ask, ask, away } from "./asking.ts";

const NAME = "Supabase Auth";
const TOKEN = /^[A-Za-z0-9_-]+\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+$/;
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const PROJECT_ROLES = ["anon", "service_role", "supabase_admin"];

/** The id of the user, or why it is nobody. */
export async function findUser(
  fetching: Ask,
  project: Project,
  authorization: string | null,
): Promise<string | Refusal> {
  const token = authorization?.match(/^bearer +(\S+) *$/i)?.[1] ?? "";
  const claims = claimsOf(token);
  if (claims === null) {
    return refused("Send the token of the visitor's log-in as Authorization: Bearer.");
  }
  if (PROJECT_ROLES.includes(claims.role as string)) {
    return refused("This is a key of the project, which is no visitor: log the visitor in.");
  }
  const answer = await ask(fetching, `${project.supabaseUrl}/auth/v1/user`, {
    headers: { apikey: project.serviceKey, authorization: `Bearer ${token}` },
  });
  if (answer === null) return away(NAME, "could not be reached");
  if ([400, 401, 403, 404].includes(answer.status)) {
    return refused("The log-in of the visitor is not valid or has ended: log in again.");
  }
  const { id, is_anonymous } = answer.body;
  if (answer.status !== 200 || typeof id !== "string" || !ID.test(id)) {
    return away(NAME, `answered with status ${answer.status}`);
  }
  return is_anonymous === true ? new Refusal("visitor_anonymous") : id;
}

/** What the token says of itself, which proves nothing. Null: it is no token. */
function claimsOf(token: string): Record<string, unknown> | null {
  try {
    const claims = JSON.parse(Buffer.from(TOKEN.exec(token)![1], "base64url").toString());
    return typeof claims === "object" ? claims : null;
  } catch {
    return null;
  }
}

function refused(detail: string): Refusal {
  return new Refusal("invalid_visitor_token", detail);
}
