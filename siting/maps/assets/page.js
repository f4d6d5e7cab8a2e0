"use strict";
// The data of the page, its state, and the few ways of making elements, numbers and labels.
const Siting = (() => {
  const data = JSON.parse(document.getElementById("payload").textContent);
  const state = { language: data.language, theme: data.layers.length ? data.layers[0].key : null, tab: "ranking", query: "", sort: {}, selected: null };
  const byId = new Map(data.sites.map((site) => [site.site, site]));
  const byCell = new Map(data.sites.map((site) => [site.cell, site]));
  const provinces = new Map(data.provinces.map((row) => [row.code, row]));

  const pick = (pair) => (state.language === "zh" ? pair[1] : pair[0]);

  function word(key, values = {}) {
    return pick(SitingWords[key] || [key, key]).replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
  }

  // Text only ever enters as text nodes.
  function fill(node, attributes, children) {
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (name === "css") for (const [property, setting] of Object.entries(value)) node.style.setProperty(property, setting);
      else node.setAttribute(name, value === true ? "" : value);
    }
    for (const child of children.flat(3)) if (child !== null && child !== undefined && child !== false) node.append(child);
    return node;
  }
  const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
  const svg = (tag, attributes, ...children) => fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

  function put(id, ...children) {
    const node = document.getElementById(id);
    node.replaceChildren(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
    return node;
  }

  function number(value, digits = 0) {
    if (value === null || value === undefined || !Number.isFinite(value)) return "–";
    return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  }
  const percent = (value, digits = 1) => (value === null || value === undefined ? "–" : `${number(100 * value, digits)} %`);
  const digitsOf = (unit) => ({ "CNY kWh-1": 3, "kg kWh-1": 3, "m s-1": 1, 1: 2 })[unit] ?? 0;
  const unit = (name) => pick(SitingUnits[name] || [name, name]);
  const isShare = (name) => /share|fraction/.test(name);

  function figure(name, value) {
    const declared = (data.variables[name] || {}).unit || "";
    if (isShare(name)) return percent(value);
    return number(value, digitsOf(declared));
  }
  const withUnit = (name, value) => {
    const declared = (data.variables[name] || {}).unit || "";
    return isShare(name) || declared === "1" || declared === "" ? figure(name, value) : `${figure(name, value)} ${unit(declared)}`;
  };

  function label(name) {
    const known = data.variables[name];
    if (known) return state.language === "zh" ? known.zh : known.en;
    return SitingWords[name] ? word(name) : String(name).replaceAll("_", " ");
  }
  // Name for tight places; the vocabulary's where there is none.
  const short = (name) => (SitingWords[`short_${name}`] ? word(`short_${name}`) : label(name));
  function criterion(name) {
    const parts = /^(.*)_(\d+(?:\.\d+)?)$/.exec(name);
    return parts && data.variables[parts[1]] ? `${short(parts[1])}, ${parts[2]} %` : short(name);
  }
  function component(name) {
    const known = SitingComponents[name];
    return known ? pick(known) : label(name);
  }
  const componentColour = (name, position) => (SitingComponents[name] || [])[2] || ["#332288", "#88ccee", "#ddcc77", "#cc6677", "#aa4499"][position % 5];

  const provinceName = (code) => (provinces.has(code) ? pick([provinces.get(code).en, provinces.get(code).zh]) : code);
  const targetName = (target) => `${number(100 * target, 0)} %`;
  // Lulls that no synthetic hour knows decide what the last percents take.
  const needsRealWeather = (target) => target >= 0.95 && data.sources.some((source) => source.kind === "synthetic");
  const targets = data.labels.target || [];
  const main = data.main; // position of the target of the score
  const at = (site, name, position = main) => (Array.isArray(site[name]) ? site[name][position] : site[name]);

  function place(site) {
    if (!site.nearest_city) return `${number(site.latitude, 2)}° N, ${number(site.longitude, 2)}° E`;
    return word("near", { km: number(site.distance_to_city, 0), city: pick([site.nearest_city, site.nearest_city_zh || site.nearest_city]) });
  }
  const storageHours = (site, position = main) => {
    const power = at(site, "battery_power", position);
    return power > 0 ? at(site, "battery_energy", position) / power : null;
  };

  // Plants away from a park at the target of the score: kind and the way from the plants to the park.
  function lines(site) {
    const away = ["pv", "wind"].filter((plant) => at(site, `${plant}_plant_distance`) > 0 && at(site, `${plant}_capacity`) > 0 && at(site, `${plant}_spot`));
    return away.map((plant) => [plant, [at(site, `${plant}_spot`), [site.latitude, site.longitude]]]);
  }

  function reason(flag) {
    const layer = data.layers.find((one) => one.key === "load_reason");
    const found = layer && layer.classes.find((one) => one.value === flag);
    return found ? pick([found.en, found.zh]) : String(flag);
  }

  return {
    data, state, byId, byCell, provinces, pick, word, el, svg, put, number, percent, digitsOf, unit, isShare, figure, withUnit, label, short, criterion, component,
    componentColour, provinceName, targetName, needsRealWeather, targets, main, at, place, storageHours, lines, reason,
  };
})();
