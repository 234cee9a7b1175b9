// The live panel of a law: sliders, the closed form evaluated here, the measured points for comparison.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("panel-data").textContent);
  const values = Object.fromEntries(data.arguments.map((a) => [a.key, a.start]));
  const evaluate = (v) => {
    const found = closedForm(...data.arguments.map((a) => v[a.key]));
    return Array.isArray(found) ? found.flat(Infinity) : [found];
  };
  const axis = document.getElementById("axis"), svg = document.getElementById("curve"), out = document.getElementById("value");
  const NS = "http://www.w3.org/2000/svg", W = 640, H = 330, LEFT = 78, RIGHT = 16, TOP = 10, BOTTOM = 46, LINES = 3;
  const short = (x) => {
    if (x === 0) return "0";
    const size = Math.abs(x);
    return size >= 1e5 || size < 1e-3 ? x.toExponential(2).replace(/\.?0+e/, "e") : String(Number(x.toPrecision(4)));
  };
  const add = (name, attributes, text) => {
    const e = document.createElementNS(NS, name);
    for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
    if (text !== undefined) e.textContent = text;
    svg.append(e);
  };
  // Round tick positions: multiples of 1, 2 or 5 times a power of ten.
  function ticks(low, high) {
    const raw = (high - low) / 5, power = 10 ** Math.floor(Math.log10(raw));
    const step = power * [1, 2, 5, 10].find((m) => m * power >= raw * 0.999);
    const found = [];
    for (let n = Math.ceil(low / step - 1e-9); n * step <= high + 1e-9 * step; n++) found.push(Number((n * step).toPrecision(12)));
    return found;
  }
  function draw() {
    const key = axis.value, range = data.arguments.find((a) => a.key === key);
    const steps = range.step ? (range.high - range.low) / range.step : 160;
    const count = range.integer ? Math.min(160, range.high - range.low) : Math.round(steps);
    const xs = Array.from({length: count + 1}, (_, i) => range.low + (range.high - range.low) * i / (count || 1));
    const rows = xs.map((x) => evaluate({...values, [key]: range.integer ? Math.round(x) : x}).slice(0, LINES));
    const marks = data.points.filter((p) => p.values[key] >= range.low && p.values[key] <= range.high);
    const same = (p) => data.arguments.every((a) => a.key === key || Math.abs(p.values[a.key] - values[a.key]) < 1e-9);
    const ys = [...rows.flat(), ...marks.filter(same).flatMap((p) => [p.low, p.high])].filter(Number.isFinite).sort((a, b) => a - b);
    const now = evaluate(values);
    out.textContent = now.map((x) => (Number.isFinite(x) ? Number(x.toPrecision(12)).toString() : "undefined")).join(", ");
    svg.replaceChildren();
    if (!ys.length) { add("text", {x: W / 2, y: H / 2, "text-anchor": "middle"}, "no finite value at these sliders"); return; }
    // a pole must not flatten the rest: the outermost fiftieth may leave the picture where it is far away
    let lo = ys[0], hi = ys[ys.length - 1];
    const inner = [ys[Math.floor(ys.length * 0.02)], ys[Math.ceil(ys.length * 0.98) - 1]], width = inner[1] - inner[0];
    if (width > 0 && hi - lo > 8 * width) [lo, hi] = [Math.max(lo, inner[0] - width), Math.min(hi, inner[1] + width)];
    const pad = 0.06 * (hi - lo || Math.abs(hi) || 1);
    lo -= pad; hi += pad;
    const sx = (x) => LEFT + (x - range.low) / (range.high - range.low || 1) * (W - LEFT - RIGHT);
    const sy = (y) => H - BOTTOM - (y - lo) / (hi - lo) * (H - TOP - BOTTOM);
    const inside = (y) => y >= lo && y <= hi;
    for (const x of ticks(range.low, range.high)) {
      add("line", {class: "grid", x1: sx(x), x2: sx(x), y1: TOP, y2: H - BOTTOM});
      add("text", {x: sx(x), y: H - BOTTOM + 18, "text-anchor": "middle"}, short(x));
    }
    for (const y of ticks(lo, hi)) {
      add("line", {class: "grid", x1: LEFT, x2: W - RIGHT, y1: sy(y), y2: sy(y)});
      add("text", {x: LEFT - 7, y: sy(y) + 4, "text-anchor": "end"}, short(y));
    }
    add("path", {class: "axis", d: `M${LEFT},${TOP}V${H - BOTTOM}H${W - RIGHT}`});
    for (let line = 0; line < Math.min(LINES, now.length); line++) {
      let path = "", pen = false;
      rows.forEach((row, i) => {
        const good = Number.isFinite(row[line]) && inside(row[line]);
        if (good) path += `${pen ? "L" : "M"}${sx(xs[i]).toFixed(2)},${sy(row[line]).toFixed(2)}`;
        pen = good;
      });
      add("path", {class: `curve c${line}`, d: path});
    }
    for (const mark of marks) {
      if (!inside(mark.low) || !inside(mark.high)) continue;
      const x = sx(mark.values[key]), kind = same(mark) ? "dot" : "dot other";
      add("line", {class: kind, x1: x, x2: x, y1: sy(mark.low), y2: sy(mark.high)});
      add("circle", {class: kind, cx: x, cy: sy(mark.estimate), r: 3.5});
    }
    if (Number.isFinite(now[0]) && inside(now[0])) add("circle", {class: "now", cx: sx(values[key]), cy: sy(now[0]), r: 7});
    add("text", {x: (LEFT + W - RIGHT) / 2, y: H - 8, "text-anchor": "middle"}, key);
    svg.setAttribute("aria-label", `The closed form against ${key} from ${short(range.low)} to ${short(range.high)}; at the sliders it is ${out.textContent}`);
  }
  const show = (key) => { document.getElementById(`shown-${key}`).textContent = short(values[key]); };
  for (const a of data.arguments) {
    const slider = document.getElementById(`slider-${a.key}`);
    slider.addEventListener("input", () => { values[a.key] = Number(slider.value); show(a.key); draw(); });
    show(a.key);
  }
  axis.addEventListener("input", draw);
  for (const button of document.querySelectorAll("button[data-case]")) {
    button.addEventListener("click", () => {
      const point = data.points[Number(button.dataset.case)];
      for (const a of data.arguments) {
        document.getElementById(`slider-${a.key}`).value = point.values[a.key];
        values[a.key] = point.values[a.key];
        show(a.key);
      }
      draw();
    });
  }
  draw();
})();
