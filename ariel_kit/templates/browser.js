// The planets of a run, or of several: a table that sorts and filters, and the light of the planet that is chosen.
(() => {
  "use strict";
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("planet-data").textContent);
  const planets = data.planets;
  const charts = [];
  let shown = planets, chosen = null, visit = 0, order = { key: null, sign: 1 };

  // Two runs may have the same planet, so a planet of a later run has the run's place in its key.
  for (const p of planets) {
    const { name, edition } = data.runs[p.run];
    Object.assign(p, { key: p.run ? `${p.id}-${p.run}` : p.id, run: name, edition: String(edition) });
  }

  // Columns: key, heading, digits; a column that no planet fills is left out.
  const columns = [
    ["id", "planet"], ...(data.runs.length > 1 ? [["run", "run"], ["edition", "edition"]] : []), ["score", "score", 3], ["star", "star"], ["depth", "depth (ppm)", 0],
    ["sigma", "sigma (ppm)", 1], ["rmse", "rmse (ppm)", 1], ["misfit", "misfit", 2],
    ["risk", "risk"], ["remark", "flags"],
  ].filter(([key]) => key === "remark" || planets.some((p) => p[key] !== undefined && p[key] !== ""));
  const risks = ["low", "raised", "high"], choices = ["star", "edition", "run", "risk"];
  for (const p of planets) p.remark = [...(p.failure ? ["safe prior"] : []), ...(p.flags ?? [])].join(", ");

  const make = (tag, text, props = {}) => Object.assign(document.createElement(tag), props, text === undefined ? {} : { textContent: text });
  const shows = (value, digits) => value === undefined ? "–" : digits === undefined ? String(value) || "–" : value.toFixed(digits);
  const unpack = ([least, step, text]) => {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    return Array.from(new Uint16Array(bytes.buffer), (n) => least + step * n);
  };

  // The table
  const head = byId("list").tHead.insertRow();
  for (const [key, heading] of columns) {
    const cell = make("th", undefined, { scope: "col", className: key === "remark" ? "text" : "" });
    const button = make("button", heading, { type: "button" });
    button.addEventListener("click", () => sortBy(key));
    cell.append(button);
    head.append(cell);
  }
  const body = byId("list").tBodies[0];
  const rows = new Map();
  const rowOf = (p) => rows.get(p) ?? rows.set(p, makeRow(p)).get(p);
  function makeRow(p) {
    const row = make("tr", undefined, { tabIndex: -1 });
    row.dataset.key = p.key;
    columns.forEach(([key, , digits], i) => {
      const cell = make(i ? "td" : "th", shows(p[key], digits));
      if (!i) cell.scope = "row";
      if (key === "risk") cell.className = p.risk === "low" ? "" : "bad";
      if (key === "remark") cell.className = "text";
      row.append(cell);
    });
    return row;
  }

  const rank = (p, key) => key === "id" ? BigInt(p.id) : key === "risk" ? risks.indexOf(p.risk) : key === "star" ? Number(p.star || NaN) : p[key];
  const compare = (a, b) => {
    const [x, y] = [rank(a, order.key), rank(b, order.key)];
    const [lost, also] = [x, y].map((v) => v === undefined || v === "" || Number.isNaN(v));
    if (lost || also) return lost - also;  // what is not known comes last either way
    return order.sign * (x < y ? -1 : x > y ? 1 : 0);
  };
  function sortBy(key) {
    order = { key, sign: order.key === key ? -order.sign : 1 };
    columns.forEach(([own], i) => head.cells[i].setAttribute("aria-sort", own !== key ? "none" : order.sign > 0 ? "ascending" : "descending"));
    list();
  }
  function list() {
    const text = byId("find").value.trim();
    const flag = byId("by-flag").value;
    const wanted = choices.map((key) => [key, byId(`by-${key}`).value]).filter(([, value]) => value);
    shown = planets.filter((p) => p.id.includes(text) && wanted.every(([key, value]) => p[key] === value) && (!flag || p.remark.split(", ").includes(flag)));
    if (order.key) shown = [...shown].sort(compare);
    body.replaceChildren(...shown.map(rowOf));
    byId("count").textContent = `${shown.length} of ${planets.length} planets`;
  }
  const fill = (id, values, least = 2) => {
    for (const value of values) byId(id).append(make("option", value, { value }));
    byId(id).parentElement.hidden = values.length < least;
  };
  const distinct = (values) => [...new Set(values)].filter(Boolean).sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  for (const key of choices.slice(0, 3)) fill(`by-${key}`, distinct(planets.map((p) => p[key])));
  fill("by-flag", distinct(planets.flatMap((p) => p.remark.split(", "))), 1);
  fill("by-risk", risks.filter((level) => planets.some((p) => p.risk === level)));
  byId("filters").addEventListener("input", list);
  byId("filters").addEventListener("submit", (event) => event.preventDefault());

  // Choosing a planet: by click, by keys, by the address
  body.addEventListener("click", (event) => {
    const row = event.target.closest("tr");
    if (row) choose(planets.find((p) => p.key === row.dataset.key), true);
  });
  byId("list").parentElement.addEventListener("keydown", (event) => {
    const here = Math.max(0, shown.indexOf(chosen)), last = shown.length - 1;
    const next = { ArrowDown: here + 1, ArrowUp: here - 1, PageDown: here + 10, PageUp: here - 10, Home: 0, End: last }[event.key];
    if (next === undefined || last < 0 || event.target.tagName === "BUTTON") return;
    event.preventDefault();
    choose(shown[Math.min(last, Math.max(0, next))], true);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || /INPUT|SELECT|TEXTAREA/.test(event.target.tagName)) return;
    event.preventDefault();
    byId("find").focus();
  });
  function choose(planet, follow) {
    if (chosen) { rowOf(chosen).removeAttribute("aria-current"); rowOf(chosen).tabIndex = -1; }
    [chosen, visit] = [planet, 0];
    const row = rowOf(planet);
    row.setAttribute("aria-current", "true");
    row.tabIndex = 0;
    if (follow) {
      row.focus({ preventScroll: true });
      row.scrollIntoView({ block: "nearest" });
      history.replaceState(null, "", `#planet-${planet.key}`);
    }
    draw();
  }

  // The charts
  const colours = () => {
    const style = getComputedStyle(byId("browser"));
    return Object.fromEntries(["ink", "soft", "line", "data", "model", "quiet"].map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  };
  const dots = (colour, size = 4) => ({ stroke: colour, paths: () => null, points: { show: true, size, stroke: colour, fill: colour } });
  const line = (colour, dash) => ({ stroke: colour, width: 1.5, dash, points: { show: false } });
  const edge = { stroke: "transparent", points: { show: false } };
  function chart(place, height, x, [xLabel, yLabel], ink, curves, bands, tells, hooks = {}) {
    const axis = (label) => ({ label, stroke: ink.soft, labelSize: 18, labelFont: "12px system-ui", font: "11px system-ui", grid: { stroke: ink.line, width: 1 }, ticks: { stroke: ink.line, width: 1 } });
    const says = byId(place).nextElementSibling.querySelector("output");
    const plot = new uPlot({
      width: byId(place).clientWidth, height, legend: { show: false }, bands,
      scales: { x: { time: false } }, axes: [{ ...axis(xLabel), size: 30 }, { ...axis(yLabel), size: 62, space: 24 }],
      series: [{}, ...curves.map(([, look]) => look)],
      hooks: { ...hooks, setCursor: [(u) => { says.textContent = u.cursor.idx == null ? "" : tells(u.cursor.idx); }] },
    }, [x, ...curves.map(([values]) => values)], byId(place));
    charts.push(plot);
  }
  function drawSpectrum(ink) {
    const [mean, sigma, truth] = chosen.spectrum.map(unpack);
    const airs = (values) => values.map((v, i) => i ? v : null);
    const around = (k) => airs(mean.map((m, i) => m + k * sigma[i]));
    const curves = [[airs(mean), line(ink.data)], ...[1, -1, 2, -2].map((k) => [around(k), edge]), [mean.map((m, i) => i ? null : m), dots(ink.model, 7)]];
    if (truth) curves.push([airs(truth), line(ink.ink, [5, 3])], [truth.map((t, i) => i ? null : t), { ...dots(ink.ink, 7), points: { show: true, size: 7, stroke: ink.ink, fill: "transparent" } }]);
    const bands = [[4, 5, "22"], [2, 3, "44"]].map(([high, low, alpha]) => ({ series: [high, low], fill: ink.data + alpha }));
    const bar = (u) => {  // one sigma of FGS1
      const [at, high, low] = [u.valToPos(data.wavelength[0], "x", true), u.valToPos(mean[0] + sigma[0], "y", true), u.valToPos(mean[0] - sigma[0], "y", true)];
      Object.assign(u.ctx, { strokeStyle: ink.model, lineWidth: 1.5 * devicePixelRatio });
      u.ctx.beginPath(); u.ctx.moveTo(at, high); u.ctx.lineTo(at, low); u.ctx.stroke();
    };
    const tells = (i) => `${data.wavelength[i].toFixed(3)} µm: ${mean[i].toFixed(0)} ± ${sigma[i].toFixed(0)} ppm` + (truth ? `, true ${truth[i].toFixed(0)}` : "");
    chart("spectrum", 440, data.wavelength, ["wavelength (µm)", "transit depth (ppm)"], ink, curves, bands, tells, { draw: [bar] });
  }
  function drawLight(ink) {
    const light = chosen.light[visit];
    const [time, raw, drift, transit] = ["time", "raw", "drift", "transit"].map((name) => unpack(light[name]));
    const clean = raw.map((r, i) => ((1 + r / 1e6) / (1 + drift[i] / 1e6) - 1) * 1e6);
    const left = raw.map((r, i) => r - ((1 + drift[i] / 1e6) * (1 + transit[i] / 1e6) - 1) * 1e6);
    const up = -0.35 * Math.min(...transit) - Math.min(...drift);
    const hour = (i) => `${time[i].toFixed(2)} h: `;
    const shift = (values) => values.map((v) => v + up);
    chart("light", 270, time, ["time (hours)", "flux (ppm)"], ink, [[shift(raw), dots(ink.quiet)], [shift(drift), line(ink.ink, [5, 3])], [clean, dots(ink.data)], [transit, line(ink.model)]], [], (i) => `${hour(i)}${clean[i].toFixed(0)} ppm, model ${transit[i].toFixed(0)}, drift ${drift[i].toFixed(0)}`);
    const flat = (v) => time.map(() => v);
    chart("residual", 150, time, ["time (hours)", "residual (ppm)"], ink, [[left, dots(ink.data)], [flat(light.noise), edge], [flat(-light.noise), edge], [flat(0), line(ink.model)]], [{ series: [2, 3], fill: ink.model + "22" }], (i) => `${hour(i)}${left[i].toFixed(0)} ppm, noise ${light.noise.toFixed(0)}`);
  }
  function draw() {
    charts.splice(0).forEach((plot) => plot.destroy());
    const ink = colours(), p = chosen;
    byId("planet-name").textContent = `Planet ${p.id}`;
    byId("planet-facts").textContent = [p.star && `star ${p.star}`, `edition ${p.edition}`, `depth ${p.depth} ppm`, `sigma ${p.sigma} ppm`, p.score !== undefined && `score ${p.score.toFixed(3)}`].filter(Boolean).join(" · ");
    byId("planet-risk").textContent = `risk: ${p.risk}`;
    byId("planet-risk").className = p.risk === "low" ? "" : "bad";
    byId("planet-why").replaceChildren(...p.why.map((reason) => make("li", reason)));
    const law = (name, c) => `${name} ${c.some(Boolean) ? c.join(", ") : "none"}`;
    byId("planet-limb").textContent = p.limb ? `Limb darkening (Claret's four coefficients): ${law("AIRS", p.limb[0])}; ${law("FGS1", p.limb[1])}. Impact parameter ${p.impact}.` : "";
    drawSpectrum(ink);
    const dark = !p.light.length;
    for (const id of ["light", "residual"]) byId(id).parentElement.hidden = dark;
    if (!dark) drawLight(ink);
    byId("visits").replaceChildren(...(p.light.length > 1 ? p.light.map((_, i) => {
      const button = make("button", `visit ${i + 1}`, { type: "button" });
      button.setAttribute("aria-pressed", i === visit);
      button.addEventListener("click", () => { visit = i; draw(); });
      return button;
    }) : []));
    byId("planet-stages").tBodies[0].replaceChildren(...Object.entries(p.stages).map(([stage, outcome]) => {
      const row = make("tr"), numbers = data.facts.flatMap((name, i) => name.startsWith(`${stage}.`) && p.facts[i] != null ? [`${name.slice(stage.length + 1)} ${p.facts[i]}`] : []);
      row.append(make("th", stage, { scope: "row" }), make("td", outcome, { className: "text" }), make("td", numbers.join(", "), { className: "text soft" }));
      return row;
    }));
  }

  document.documentElement.classList.add("scripted");
  const asked = /^#planet-([\d-]+)$/.exec(location.hash);
  choose(planets.find((p) => asked && p.key === asked[1]) ?? planets[0], false);
  performance.mark("first picture");
  requestAnimationFrame(() => setTimeout(list));  // a thousand rows may come a moment later
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  new ResizeObserver(() => charts.forEach((plot) => plot.setSize({ width: plot.root.parentElement.clientWidth, height: plot.height }))).observe(byId("browser"));
})();
