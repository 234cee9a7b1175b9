// Special functions for the live panels; double precision to about 1e-12 on the ranges that the sliders reach.
"use strict";
const S = (() => {
  const EULER = 0.5772156649015329;
  const LANCZOS = [0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313,
    -176.61502916214059, 12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7];
  function lgamma(x) {
    if (x < 0.5) return Math.log(Math.PI / Math.abs(Math.sin(Math.PI * x))) - lgamma(1 - x);
    x -= 1;
    let a = LANCZOS[0];
    for (let i = 1; i < 9; i++) a += LANCZOS[i] / (x + i);
    const t = x + 7.5;
    return 0.5 * Math.log(2 * Math.PI) + (x + 0.5) * Math.log(t) - t + Math.log(a);
  }
  function gamma(x) {
    if (x < 0.5) return Math.PI / (Math.sin(Math.PI * x) * gamma(1 - x));
    return Math.exp(lgamma(x));
  }
  function digamma(x) {
    if (x < 0.5) return digamma(1 - x) - Math.PI / Math.tan(Math.PI * x);
    let shift = 0;
    while (x < 12) { shift -= 1 / x; x += 1; }
    const r = 1 / (x * x);
    return shift + Math.log(x) - 0.5 / x - r * (1 / 12 - r * (1 / 120 - r * (1 / 252 - r * (1 / 240 - r / 132))));
  }
  function erf(x) {
    const z = Math.abs(x);
    if (z > 2.5) return Math.sign(x) * (1 - erfcTail(z));
    let term = z, sum = z;
    for (let n = 1; n < 120 && Math.abs(term) > 1e-18 * Math.abs(sum); n++) { term *= -z * z / n; sum += term / (2 * n + 1); }
    return Math.sign(x) * 2 / Math.sqrt(Math.PI) * sum;
  }
  function erfcTail(z) {
    let f = 0;
    for (let n = 120; n > 0; n--) f = n / 2 / (z + f);
    return Math.exp(-z * z) / Math.sqrt(Math.PI) / (z + f);
  }
  function erfc(x) { return x > 2.5 ? erfcTail(x) : 1 - erf(x); }
  function ei(x) {
    if (x < -1) {
      const z = -x;
      let f = 0;
      for (let n = 200; n > 0; n--) f = n / (1 + n / (z + f));
      return -Math.exp(-z) / (z + f);
    }
    if (x > 45) {
      let term = 1, sum = 1;
      for (let n = 1; n < x; n++) { term *= n / x; sum += term; if (term < 1e-17) break; }
      return Math.exp(x) / x * sum;
    }
    let term = 1, sum = 0;
    for (let n = 1; n < 400; n++) { term *= x / n; sum += term / n; if (Math.abs(term) < 1e-18 * Math.abs(sum)) break; }
    return EULER + Math.log(Math.abs(x)) + sum;
  }
  function lambertw(x) {
    let w = x < 1 ? x / (1 + x) : Math.log(x) - Math.log(Math.max(Math.log(x), 1));
    for (let i = 0; i < 60; i++) {
      const e = Math.exp(w), f = w * e - x, step = f / (e * (w + 1) - (w + 2) * f / (2 * w + 2));
      w -= step;
      if (Math.abs(step) < 1e-15 * (1 + Math.abs(w))) break;
    }
    return w;
  }
  // 2F2(1,1;3/2,2;z): series for moderate |z|; for very negative z its logarithmic asymptotics.
  function hyp2f2(z) {
    if (z < -30) {
      const X = -z;
      let term = 1 / (2 * X), sum = 0;
      for (let n = 1; n < 25; n++) { sum += term / n; const next = term * (2 * n + 1) / (2 * X); if (next > term) break; term = next; }
      return (0.5 * (Math.log(4 * X) + EULER) - sum / 2) / X;
    }
    if (z < 0) {
      // Kummer-type rewriting keeps all terms positive: X 2F2(-X) = 2 int_0^sqrt(X) Dawson.
      const X = -z, root = Math.sqrt(X), n = 1200, h = root / n;
      let sum = 0;
      for (let i = 0; i <= n; i++) sum += dawson(i * h) * (i === 0 || i === n ? 1 : (i % 2 ? 4 : 2));
      return 2 * sum * h / 3 / X;
    }
    let term = 1, sum = 1;
    for (let n = 0; n < 3000; n++) { term *= (n + 1) * (n + 1) * z / ((n + 1.5) * (n + 2) * (n + 1)); sum += term; if (term < 1e-17 * sum) break; }
    return sum;
  }
  function dawson(x) {
    if (x < 5) {
      let term = x, sum = x;
      for (let n = 1; n < 200; n++) { term *= x * x / n; sum += term / (2 * n + 1); if (term < 1e-18 * sum) break; }
      return Math.exp(-x * x) * sum;
    }
    let term = 1 / (2 * x), sum = term;
    for (let n = 1; n < 20; n++) { term *= (2 * n - 1) / (2 * x * x); sum += term; if (term < 1e-18) break; }
    return sum;
  }
  const heaviside = (x) => (x > 0 ? 1 : x < 0 ? 0 : 0.5);
  return {heaviside, lgamma, gamma, digamma, erf, erfc, ei, lambertw, hyp2f2};
})();
