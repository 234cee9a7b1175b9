// The live panel of a law: sliders, the closed form evaluated here, the simulated points for comparison.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("panel-data").textContent);
  const values = Object.fromEntries(data.arguments.map((a) => [a.key, a.start]));
  const evaluate = (v) => closedForm(...data.arguments.map((a) => v[a.key]));
  const axis = document.getElementById("axis"), svg = document.getElementById("curve"), out = document.getElementById("value");
  const NS = "http://www.w3.org/2000/svg", W = 640, H = 320, PAD = 55;
  const element = (name, attributes) => {
    const e = document.createElementNS(NS, name);
    for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
    return e;
  };
  function draw() {
    const key = axis.value, range = data.arguments.find((a) => a.key === key);
    const xs = Array.from({length: 161}, (_, i) => range.low + (range.high - range.low) * i / 160);
    const points = xs.map((x) => [x, evaluate({...values, [key]: x})]).filter((p) => Number.isFinite(p[1]));
    const marks = data.points.filter((p) => p.values[key] >= range.low && p.values[key] <= range.high);
    const ys = [...points.map((p) => p[1]), ...marks.flatMap((p) => [p.low, p.high])];
    const lo = Math.min(...ys), hi = Math.max(...ys), span = hi - lo || 1;
    const sx = (x) => PAD + (x - range.low) / (range.high - range.low || 1) * (W - 2 * PAD);
    const sy = (y) => H - PAD + 15 - (y - lo) / span * (H - 2 * PAD + 15);
    svg.replaceChildren();
    svg.append(element("rect", {x: PAD, y: 0, width: W - 2 * PAD, height: H - PAD + 20, fill: "none", stroke: "#bbb"}));
    svg.append(element("polyline", {points: points.map((p) => `${sx(p[0]).toFixed(2)},${sy(p[1]).toFixed(2)}`).join(" "), fill: "none", stroke: "#0a4fa3", "stroke-width": 2}));
    for (const mark of marks) {
      const same = data.arguments.every((a) => a.key === key || Math.abs(mark.values[a.key] - values[a.key]) < 1e-9);
      const colour = same ? "#a3110a" : "#bbb", x = sx(mark.values[key]);
      svg.append(element("line", {x1: x, x2: x, y1: sy(mark.low), y2: sy(mark.high), stroke: colour, "stroke-width": 2}));
      svg.append(element("circle", {cx: x, cy: sy(mark.estimate), r: 4, fill: colour}));
    }
    for (const [x, anchor] of [[range.low, "start"], [range.high, "end"]]) {
      const t = element("text", {x: sx(x), y: H - 8, "text-anchor": anchor, fill: "#333", "font-size": 13});
      t.textContent = Number(x.toPrecision(4));
      svg.append(t);
    }
    for (const y of [lo, hi]) {
      const t = element("text", {x: PAD - 5, y: sy(y) + (y === hi ? 12 : 0), "text-anchor": "end", fill: "#333", "font-size": 12});
      t.textContent = Number(y.toPrecision(3));
      svg.append(t);
    }
    const label = element("text", {x: W / 2, y: H - 8, "text-anchor": "middle", fill: "#333", "font-size": 13});
    label.textContent = key;
    svg.append(label);
    out.textContent = evaluate(values).toPrecision(12);
    svg.setAttribute("aria-label", `The closed form against ${key} from ${range.low} to ${range.high}; value at the sliders ${out.textContent}`);
  }
  for (const a of data.arguments) {
    const slider = document.getElementById(`slider-${a.key}`);
    slider.addEventListener("input", () => {
      values[a.key] = Number(slider.value);
      document.getElementById(`shown-${a.key}`).textContent = slider.value;
      draw();
    });
  }
  axis.addEventListener("input", draw);
  for (const button of document.querySelectorAll("button[data-case]")) {
    button.addEventListener("click", () => {
      const point = data.points[Number(button.dataset.case)];
      for (const a of data.arguments) {
        const slider = document.getElementById(`slider-${a.key}`);
        slider.value = point.values[a.key];
        values[a.key] = point.values[a.key];
        document.getElementById(`shown-${a.key}`).textContent = point.values[a.key];
      }
      draw();
    });
  }
  draw();
})();
