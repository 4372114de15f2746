/** The body of a request, of bounded size, in the shape that its route declares. */

import { readObject } from "../_shared/body.ts";
import { Refusal } from "../_shared/errors.ts";
import { fit, type Given, type Shape } from "./shapes.ts";

export const MAX_BODY = 64 * 1024;

/** No body at all means all defaults, where the shape has them. */
export async function readBody<S extends Shape>(
  request: Request,
  shape: S,
): Promise<Given<S> | Refusal> {
  const members = await readObject(request, MAX_BODY);
  return members instanceof Refusal ? members : fit(members, shape);
}
