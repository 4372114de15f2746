// What pages are built from.
export { Copy, Snippets } from "./ui/copy.js";
export { Bars } from "./ui/bars.js";
export { Chart } from "./ui/chart.js";
export { Dialog } from "./ui/dialog.js";
export { Button, Field, Select, TextField } from "./ui/field.js";
export { Card, Empty, ErrorBox, Facts, Heading, Loading, State } from "./ui/text.js";
export { Table } from "./ui/table.js";
