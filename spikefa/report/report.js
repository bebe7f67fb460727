// The page: charts in place of the figures, a legend that switches rules on and off in all of them, a view of each run.

const data = JSON.parse(document.getElementById("data").textContent);
const off = new Set(), charts = [];
let single = false;

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const redraw = () => charts.filter((each) => each.offsetParent).forEach((each) => each.draw());

// What a run measured under a name, as [epoch, value].
function curve(run, name) {
  const found = run.curves[name] || [], [at, values] = found.y ? [found.x, found.y] : [run.epochs, found];
  return values.map((value, place) => [at[place], value]).filter(([, value]) => value !== null);
}

function lines(setting, {name, bounds}) {
  return Object.entries(bounds).filter(([rule]) => !off.has(rule)).map(([rule, intervals]) => {
    const runs = setting.runs.map((anchor) => data.runs[anchor]).filter((run) => run.rule === rule);
    const seeds = runs.map((run) => curve(run, name));
    const points = intervals.map(([x, low, high]) => {
      const values = seeds.flatMap((seed) => seed.filter(([at]) => at === x).map(([, value]) => value));
      return {x, mean: mean(values), min: Math.min(...values), max: Math.max(...values), low, high, n: values.length};
    });
    return {name: rule, ...data.rules[rule], points, seeds: single ? seeds : []};
  });
}

function spans(setting, name) {
  const values = setting.runs.flatMap((anchor) => curve(data.runs[anchor], name).map(([, value]) => value));
  const low = values.reduce((a, b) => Math.min(a, b), Infinity), high = values.reduce((a, b) => Math.max(a, b), 0);
  return 0 < 10 * low && 10 * low < high;
}

function moved(setting) {
  const shown = setting.moved.filter(({rule}) => !off.has(rule));
  return shown.map(({rule, ...point}) => ({name: rule, ...data.rules[rule], points: [point]}));
}

function swatch({color, dash}) {
  const made = element("span", {class: "swatch", "aria-hidden": "true"});
  const pattern = (dash || []).map((part) => 2 * part).join(" ");
  const line = `<path d="M3 7H31" stroke="${color}" stroke-width="2.4" stroke-dasharray="${pattern}"/>`;
  made.innerHTML = `<svg class="stroke" width="34" height="14">${line}</svg>`;
  return made;
}

function legend(setting) {
  const made = element("div", {class: "legend", role: "group", "aria-label": "rules shown in all charts"});
  for (const rule of new Set(setting.runs.map((anchor) => data.runs[anchor].rule))) {
    const words = element("span", {}, swatch(data.rules[rule]), rule);
    const toggle = (on) => { off[on ? "delete" : "add"](rule); mirror(); };
    made.append(button(words, !off.has(rule), toggle, {"data-rule": rule}));
  }
  made.append(button("single seeds", single, (on) => { single = on; mirror(); }, {class: "single"}));
  return made;
}

// Every legend says the same, and every chart follows.
function mirror() {
  for (const each of document.querySelectorAll(".charts > .legend > button"))
    each.setAttribute("aria-pressed", each.dataset.rule === undefined ? single : !off.has(each.dataset.rule));
  redraw();
}

function add(place, spec, shown) {
  const made = chart(spec, shown);
  charts.push(made);
  place.append(made);
}

function fill(place) {
  const setting = data.settings[place.dataset.setting], plots = element("div", {class: "plots"});
  if (!setting.charts.length) return;
  place.append(legend(setting), plots);
  for (const each of setting.charts) {
    const ylog = each.name === "loss" && spans(setting, "loss");
    add(plots, {...each, xlabel: "epoch", whole: true, ylog}, () => lines(setting, each));
  }
  const axes = {xlabel: "bits of weights moved, relative to bp", xname: "moved", unit: "%", bars: true};
  if (setting.moved.length) add(plots, {title: "Test accuracy against bits moved", ...axes}, () => moved(setting));
  const meaning = "Lines are means over the seeds, bands reach from the smallest seed to the largest. "
    + "A point says its mean, the 95 % interval in brackets, and how many seeds it is made of.";
  place.append(element("p", {class: "note"}, meaning));
}

function table(rows, kind, head = []) {
  const body = element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row)));
  const names = element("thead", {}, element("tr", {}, ...head.map((name) => element("th", {}, name))));
  return element("div", {class: `scroll ${kind}`}, element("table", {}, ...(head.length ? [names] : []), body));
}

function fields(values) {
  const word = (value) => typeof value === "object" && value !== null
    ? Object.entries(value).map(([key, inner]) => (Array.isArray(value) ? inner : `${key} ${inner}`)).join(", ")
    : String(value ?? "–");
  const row = ([name, value]) => [element("th", {}, name), element("td", {}, word(value) || "–")];
  return table(Object.entries(values).map(row), "fields");
}

// The charts of one run: of each view a line for every name that matches.
function views(run) {
  const plots = element("div", {class: "plots"});
  for (const {match, ...spec} of data.views) {
    const found = Object.keys(run.curves).map((name) => [name, name.match(`^(?:${match})$`)]).filter(([, is]) => is);
    const shown = found.map(([name, is], at) => ({
      name: is.slice(1).find(Boolean),
      color: data.hues[at % data.hues.length],
      dash: at < data.hues.length ? [] : [4, 1.6],
      points: curve(run, name).map(([x, y]) => ({x, mean: y, min: y, max: y})),
      seeds: [],
    })).filter((line) => line.points.length);
    if (!shown.length) continue;
    add(plots, {...spec, xlabel: "epoch", whole: true}, () => shown);
    const key = element("div", {class: "legend"}, ...shown.map((line) => element("span", {}, swatch(line), line.name)));
    plots.lastChild.insertBefore(key, plots.lastChild.children[1]);
  }
  return plots;
}

// The numbers behind these charts, epoch by epoch.
function numbers(run) {
  const names = Object.keys(run.curves), at = names.map((name) => new Map(curve(run, name)));
  const cells = (epoch) => at.map((values) => element("td", {}, values.has(epoch) ? String(values.get(epoch)) : "–"));
  const rows = run.epochs.map((epoch) => [element("th", {}, String(epoch)), ...cells(epoch)]);
  return table(rows, "numbers", ["epoch", ...names]);
}

function view(run) {
  const title = element("h1", {tabindex: "-1"}, `${run.rule}, seed ${run.seed}`);
  const state = run.epochs.length ? `${run.state}, last epoch ${run.epochs[run.epochs.length - 1]}` : run.state;
  const parts = [element("p", {class: "back"}, element("a", {href: "#"}, "← all runs")), title];
  parts.push(element("p", {class: "soft"}, `run ${run.key} · ${state}${run.remark ? ` · ${run.remark}` : ""}`));
  if (run.error) parts.push(element("h2", {}, "Error"), element("p", {class: "error"}, run.error));
  if (run.traceback) parts.push(element("pre", {tabindex: "0"}, run.traceback));
  const part = (name, ...content) => parts.push(element("h2", {}, name), ...content);
  if (run.epochs.length) part("Curves", views(run));
  if (run.epochs.length) part("Numbers", numbers(run));
  part("Settings", fields({...data.common, ...run.own, ...(run.tuning && {tuning: run.tuning})}));
  part("Data", element("p", {}, data.data[run.data] || "–"));
  part("Environment", fields(data.environments[run.environment]));
  return parts;
}

// The address says what is shown: #run-KEY one run, anything else the whole.
function route() {
  const run = Object.hasOwn(data.runs, location.hash.slice(1)) && data.runs[location.hash.slice(1)];
  const all = document.getElementById("all"), one = document.getElementById("run");
  if (run && one.hidden) one.dataset.from = window.scrollY;
  for (let at = charts.length; at--;) if (one.contains(charts[at])) charts.splice(at, 1);
  one.replaceChildren(...(run ? view(run) : []));
  const back = !run && !one.hidden;
  [all.hidden, one.hidden] = [Boolean(run), !run];
  redraw();
  if (run) { window.scrollTo(0, 0); one.querySelector("h1").focus(); }
  if (back) window.scrollTo(0, one.dataset.from);
}

for (const place of document.querySelectorAll(".charts")) fill(place);
document.documentElement.classList.add("drawn");  // only now do the figures give way
window.addEventListener("hashchange", route);
window.addEventListener("resize", redraw);
route();
