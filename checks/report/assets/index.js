// Search and filters of the matrix; without JavaScript the whole table stays visible.
"use strict";
const rows = [...document.querySelectorAll("#matrix tbody tr")];
const fields = ["search", "family", "rung", "verdict"].map((id) => document.getElementById(id));
function apply() {
  const [text, family, rung, verdict] = fields.map((f) => f.value.toLowerCase());
  let shown = 0;
  for (const row of rows) {
    const cells = JSON.parse(row.dataset.verdicts);
    const wanted = Object.entries(cells).some(([r, v]) => (!rung || r === rung) && (!verdict || v.some((x) => x.toLowerCase() === verdict)));
    const visible = (!text || row.textContent.toLowerCase().includes(text)) && (!family || row.dataset.family === family) && ((!rung && !verdict) || wanted);
    row.hidden = !visible;
    shown += visible;
  }
  document.getElementById("count").textContent = `${shown} of ${rows.length} laws`;
}
for (const field of fields) field.addEventListener("input", apply);
apply();
