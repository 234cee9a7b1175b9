// Search and filters of the matrix; without JavaScript the whole table stays visible.
"use strict";
const rows = [...document.querySelectorAll("#matrix tbody tr")].map((row) => ({
  row, text: row.querySelector("th").textContent.toLowerCase(), cells: JSON.parse(row.dataset.verdicts), family: row.dataset.family,
}));
const fields = ["search", "family", "rung", "verdict"].map((id) => document.getElementById(id));
function apply() {
  const [text, family, rung, verdict] = fields.map((f) => f.value);
  const words = text.toLowerCase().split(/\s+/);
  let shown = 0;
  for (const {row, text: own, cells, family: home} of rows) {
    const wanted = Object.entries(cells).some(([r, v]) => (!rung || r === rung) && (!verdict || v.includes(verdict)));
    const visible = words.every((w) => own.includes(w)) && (!family || home === family) && ((!rung && !verdict) || wanted);
    row.hidden = !visible;
    shown += visible;
  }
  document.getElementById("count").textContent = `${shown} of ${rows.length} laws`;
}
for (const field of fields) field.addEventListener("input", apply);
const form = document.querySelector("form.filters");
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("reset", () => setTimeout(apply));
apply();
