const shown = new Intl.DateTimeFormat("en-GB", {
  day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit",
});

/** A moment of these days to the second, in the reader's own zone. @param {string} iso */
export const moment = (iso) => shown.format(new Date(iso));
