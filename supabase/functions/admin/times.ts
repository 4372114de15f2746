/** Days and moments as gateway/admin/fields.py reads them: fewer forms than a `Date` takes. */

import { strip } from "../_shared/text.ts";

const DAY = /^(\d{4})-(\d\d)-(\d\d)$/;
const MOMENT =
  /^(\d{4}-\d\d-\d\d)(?:[T ]((?:[01]\d|2[0-3]):[0-5]\d)(?::([0-5]\d)(?:\.(\d{1,6}))?)?(?:Z|([+-])([01]\d|2[0-3]):?([0-5]\d))?)?$/;

/** Whether it is a day of the calendar, such as 2026-11-24. */
export function isDay(text: string): boolean {
  const found = DAY.exec(text);
  // A `Date` takes 30 February for a day in March: then it reads otherwise than it was written.
  return found !== null && found[1] !== "0000" &&
    dateOf(`${text}T00:00:00Z`)?.toISOString().slice(0, 10) === text;
}

/** An ISO 8601 date or time in UTC, to the microsecond; without a zone it is taken for UTC. */
export function moment(text: string): string {
  const [all, day, minute = "00:00", second = "00", fraction = "", sign, hours, minutes] =
    MOMENT.exec(strip(text)) ?? [];
  const local = all && isDay(day) ? dateOf(`${day}T${minute}:${second}Z`) : null;
  const offset = sign ? Number(`${sign}1`) * (Number(hours) * 60 + Number(minutes)) : 0;
  const utc = local && new Date(local.getTime() - offset * 60_000);
  const year = utc?.getUTCFullYear() ?? 0;
  if (!utc || year < 1 || year > 9999) {
    throw new Error("should be a time such as 2030-01-31T12:00:00Z");
  }
  const micros = Number(fraction) ? `.${fraction.padEnd(6, "0")}` : "";
  return `${utc.toISOString().slice(0, 19)}${micros}+00:00`;
}

function dateOf(text: string): Date | null {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? null : date;
}
