import { strictEqual } from "node:assert";
import { isDay } from "./times.ts";

Deno.test("a day is one of the calendar, written 2026-11-24", () => {
  for (const day of ["2026-11-24", "2024-02-29", "0001-01-01", "9999-12-31"]) {
    strictEqual(isDay(day), true, day);
  }
  const wrong =
    "|2026-11-31|2023-02-29|2026-13-01|2026-00-01|2026-01-00|0000-01-01|2026-1-1|20260101" +
    "|2026-01-01T00:00:00|26-01-01|10000-01-01| 2026-01-01|2026-01-01\n|٢٠٢٦-01-01";
  for (const day of wrong.split("|")) strictEqual(isDay(day), false, day);
});
