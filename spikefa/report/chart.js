"use strict";
// One chart in SVG: lines with bands, or points with bars, over linear or logarithmic axes; what is pointed at is said.

const number = (value) => String(Number.isInteger(value) ? value : +value.toPrecision(3)).replace("-", "−");
const units = {
  "%": (value) => `${(100 * value).toFixed(1).replace("-", "−")} %`,
  "°": (value) => `${value.toFixed(1)}°`,
};
const said = (value, unit) => (units[unit] || number)(value);
const percent = (value) => `${number(+(100 * value).toPrecision(6))} %`;
const tick = (value, unit) => (unit === "%" ? percent(value) : number(value) + (unit || ""));

// Children that are strings stay text, whatever they hold.
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function button(content, pressed, toggle, attributes = {}) {
  const made = element("button", {type: "button", "aria-pressed": pressed, ...attributes}, content);
  made.addEventListener("click", () => {
    made.setAttribute("aria-pressed", made.getAttribute("aria-pressed") !== "true");
    toggle(made.getAttribute("aria-pressed") === "true");
  });
  return made;
}

// Round numbers from low to high, about so many; or multiples of a step.
function steps(low, high, count, given) {
  const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = given || power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999);
  const first = Math.ceil(low / step - 1e-9), last = Math.floor(high / step + 1e-9);
  return Array.from({length: last - first + 1}, (_, at) => +((first + at) * step).toPrecision(12));
}

// Powers of ten from low to high, with their doubles and halves where these are few.
function decades(low, high) {
  const first = Math.floor(Math.log10(low)), last = Math.ceil(Math.log10(high)), found = [];
  for (let power = first; power <= last; power += Math.ceil((last - first) / 7) || 1)
    for (const factor of last - first < 3 ? [1, 2, 5] : [1]) found.push(+(factor * 10 ** power).toPrecision(12));
  const inside = found.filter((value) => low * 0.999 <= value && value <= high * 1.001);
  return inside.length > 1 ? inside : steps(low, high, 4).filter((value) => value > 0);
}

// An axis that shows all values: where each lies on it, from 0 to 1, and its ticks.
function axis(values, log, within, room, every) {
  const kept = log ? values.filter((value) => value > 0) : values.concat(within || []);
  let low = kept.reduce((a, b) => Math.min(a, b), Infinity), high = kept.reduce((a, b) => Math.max(a, b), -Infinity);
  if (!kept.length) [low, high] = [1, 1];
  const tenth = Math.abs(low) / 10 || 1;
  if (low === high) [low, high] = log ? [low / 2, high * 2] : [low - tenth, high + tenth];
  const of = log ? Math.log10 : Number, span = of(high) - of(low);
  const round = (high - low) / every > 2 ? steps(low, high, 1, every) : steps(low, high, 5);
  const at = (value) => (of(value) - of(low) + room * span) / (span * (1 + 2 * room));
  return {at: (value) => (log && value <= 0 ? 0 : Math.max(0, at(value))), ticks: log ? decades(low, high) : round};
}

// The places of a chart's parts, in pixels.
function layout(spec, state, lines, width) {
  const height = 250, left = 58, right = 14, top = 10, bottom = 42;
  const drawable = (x, y) => (!state.xlog || x > 0) && (!state.ylog || y > 0);
  const points = lines.flatMap((line) => line.points).filter((p) => drawable(p.x, p.mean));
  const reach = (p) => (spec.bars ? [p.mean, p.low ?? p.mean, p.high ?? p.mean] : [p.min, p.max]);
  const x = axis(points.map((p) => p.x), state.xlog, [], spec.bars ? 0.06 : 0.02);
  const y = axis(points.flatMap(reach), state.ylog, spec.within, 0.05, spec.every);
  return {
    width, height, left, drawable, yticks: y.ticks,
    xticks: spec.whole ? x.ticks.filter(Number.isInteger) : x.ticks,
    right: width - right, base: height - bottom,
    x: (value) => +(left + x.at(value) * (width - left - right)).toFixed(1),
    y: (value) => +(height - bottom - y.at(value) * (height - bottom - top)).toFixed(1),
  };
}

const path = (to, list) => (list.length ? `M${list.map(([x, y]) => `${to.x(x)} ${to.y(y)}`).join("L")}` : "");

// One line or one row of points; only numbers and our own colours, so it may be written as markup.
function drawn(spec, to, line) {
  const kept = line.points.filter((p) => to.drawable(p.x, p.mean));
  const dash = (line.dash || []).map((part) => 2 * part).join(" "), stroke = `stroke="${line.color}"`;
  const dots = kept.map((p) => `<circle cx="${to.x(p.x)}" cy="${to.y(p.mean)}" r="4" fill="${line.color}"/>`);
  if (spec.bars) {
    const bars = kept.filter((p) => Number.isFinite(p.low));
    return [...bars.map((p) => `<path d="${path(to, [[p.x, p.low], [p.x, p.high]])}" ${stroke}/>`), ...dots].join("");
  }
  const band = [...kept.map((p) => [p.x, p.max]), ...kept.map((p) => [p.x, p.min]).reverse()];
  const seeds = line.seeds.map((seed) => path(to, seed.filter(([x, y]) => to.drawable(x, y))));
  return [
    `<path class="band" d="${path(to, band)}" fill="${line.color}"/>`,
    ...seeds.map((seed) => `<path class="seed" d="${seed}" ${stroke} stroke-dasharray="${dash}"/>`),
    `<path class="line" d="${path(to, kept.map((p) => [p.x, p.mean]))}" ${stroke} stroke-dasharray="${dash}"/>`,
    ...(kept.length < 3 ? dots : []),
  ].join("");
}

function svg(spec, to, lines) {
  const text = (x, y, anchor, words) => `<text x="${x}" y="${y}" text-anchor="${anchor}">${words}</text>`;
  return [
    `<svg viewBox="0 0 ${to.width} ${to.height}" role="img" tabindex="0">`,
    ...to.yticks.map((v) => `<path class="grid" d="M${to.left} ${to.y(v)}H${to.right}"/>`),
    ...to.yticks.map((v) => text(to.left - 7, to.y(v) + 4, "end", tick(v, spec.unit))),
    ...to.xticks.map((v) => `<path class="axis" d="M${to.x(v)} ${to.base}v4"/>`),
    ...to.xticks.map((v) => text(to.x(v), to.base + 18, "middle", tick(v))),
    `<path class="axis" d="M${to.left} ${to.base}H${to.right}"/>`,
    text((to.left + to.right) / 2, to.height - 5, "middle", spec.xlabel),
    ...lines.map((line) => drawn(spec, to, line)),
    `<circle class="here" r="6" hidden=""/></svg>`,
  ].join("");
}

// What a logarithmic axis cannot show.
function dropped(state, to, lines) {
  const lost = lines.map((line) => [line.name, line.points.filter((p) => !to.drawable(p.x, p.mean)).length]);
  const named = lost.filter(([, count]) => count), count = named.reduce((sum, [, each]) => sum + each, 0);
  const axes = [state.xlog && "x", state.ylog && "y"].filter(Boolean).join(" and ");
  const words = `${count} ${count > 1 ? "points" : "point"} of ${named.map(([name]) => name).join(", ")}`;
  return count ? `Not drawn, since a log ${axes} axis has no place for 0 or less: ${words}.` : "";
}

// spec: title, unit, xlabel, xname; whole: x has ticks at whole numbers only; ylog: how it starts; bars: points instead of lines;
//   within: values that a linear y-axis must show; every: its step.
// lines(): those to show, each with name, color, dash, points [{x, mean, min, max, low, high, n}], seeds [[[x, y], ...], ...].
function chart(spec, lines) {
  const place = element("div", {class: "canvas"}), tip = element("div", {class: "tip", role: "status"});
  const note = element("p", {class: "note", role: "status"}), tools = element("span", {class: "tools"});
  const figure = element("figure", {class: "chart"});
  const state = {xlog: false, ylog: Boolean(spec.ylog)};
  let places = [], current = -1;
  for (const key of ["xlog", "ylog"])
    tools.append(button(`log ${key[0]}`, state[key], (on) => { state[key] = on; draw(); }));
  figure.append(element("figcaption", {}, element("b", {}, spec.title), tools), place, tip, note);

  function draw() {
    const shown = lines(), to = layout(spec, state, shown, place.clientWidth || 480);
    place.innerHTML = svg(spec, to, shown);
    place.firstChild.setAttribute("aria-label", `${spec.title}: the arrow keys read the points`);
    places = shown.flatMap((line) => line.points.filter((p) => to.drawable(p.x, p.mean))
      .map((p) => ({line, p, x: to.x(p.x), y: to.y(p.mean)})));
    note.textContent = dropped(state, to, shown);
    hide();
  }

  function show(at) {
    const {line, p, x, y} = places[current = at], here = place.querySelector(".here");
    const interval = Number.isFinite(p.low) ? ` [${said(p.low, spec.unit)}, ${said(p.high, spec.unit)}]` : "";
    const seeds = p.n ? `, ${p.n} ${p.n > 1 ? "seeds" : "seed"}` : "";
    const words = ` ${spec.xname || spec.xlabel} ${number(p.x)}: ${said(p.mean, spec.unit)}${interval}${seeds}`;
    tip.replaceChildren(element("b", {}, line.name), words);
    for (const [key, value] of [["cx", x], ["cy", y], ["stroke", line.color]]) here.setAttribute(key, value);
    here.removeAttribute("hidden");
    const above = y > tip.offsetHeight + 14 ? -tip.offsetHeight - 12 : 14;
    tip.style.left = `${Math.max(0, Math.min(x - tip.offsetWidth / 2, figure.clientWidth - tip.offsetWidth))}px`;
    tip.style.top = `${place.offsetTop + y + above}px`;
    tip.style.visibility = "visible";
  }

  function hide() {
    current = -1;
    tip.style.visibility = "hidden";
    place.querySelector(".here")?.setAttribute("hidden", "");
  }

  function nearest(x, y, among = () => true) {
    const far = (at) => (among(places[at]) ? (places[at].x - x) ** 2 + (places[at].y - y) ** 2 : Infinity);
    return places.reduce((best, _, at) => (far(at) < far(best) ? at : best), 0);
  }

  function point(event) {
    const box = place.getBoundingClientRect();
    if (places.length) show(nearest(event.clientX - box.left, event.clientY - box.top));
  }

  function step(event) {
    const along = {ArrowLeft: -1, ArrowRight: 1}[event.key], across = {ArrowUp: -1, ArrowDown: 1}[event.key];
    if (event.key === "Escape") hide();
    if (!places.length || !(along || across)) return;
    event.preventDefault();
    if (current < 0) return show(0);
    const {line, x, y} = places[current], names = [...new Set(places.map((place) => place.line))];
    const next = across ? names[names.indexOf(line) + across] : line;
    if (across && next) show(nearest(x, y, (place) => place.line === next));
    if (along && places[current + along]?.line === line) show(current + along);
  }

  place.addEventListener("pointermove", point);
  place.addEventListener("pointerdown", point);
  place.addEventListener("pointerleave", hide);
  place.addEventListener("focusout", hide);
  place.addEventListener("keydown", step);
  figure.draw = draw;
  return figure;
}
