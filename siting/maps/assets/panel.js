"use strict";
// The panel: title, caveats, headline, tabs; what is selected; and the language.
{
  const { data, state, el, put, word, number, percent, at, targets, main } = Siting;
  const TABS = ["ranking", "zones", "provinces", "clusters", "about"];

  Siting.kind = (kind) => el("span", { class: `kind ${["real", "interpolated", "synthetic", "recalled", "user"].includes(kind) ? kind : "user"}` }, word(`kind_${kind}`));
  Siting.zoneName = (row) => {
    const { name, nearest_city: city, rank, zone } = row.values;
    return String(name || [word("zone"), rank ?? zone ?? "", city || ""].filter((part) => part !== "").join(" "));
  };
  Siting.zoneLabel = (name) => (data.zone_columns[name] ? Siting.pick([data.zone_columns[name].en, data.zone_columns[name].zh]) : Siting.label(name));
  Siting.zoneFigure = (name, value, bare = false) => {
    const unit = (data.zone_columns[name] || data.variables[name] || {}).unit || "";
    const digits = /score/.test(name) ? 3 : /^(latitude|longitude)$/.test(name) ? 2 : Siting.digitsOf(unit) === 2 ? 0 : Siting.digitsOf(unit);
    return bare || !SitingUnits[unit] ? number(value, digits) : `${number(value, digits)} ${Siting.unit(unit)}`;
  };
  Siting.themeName = (layer) => {
    const name = layer.classes ? word("why_not") : Siting.short(layer.variable);
    if (layer.target === null) return name;
    const told = word("at_target", { n: name, t: Siting.targetName(layer.target) });
    return Siting.needsRealWeather(layer.target) ? `${told} (${word("needs_real_weather")})` : told;
  };

  const narrow = () => window.matchMedia("(max-width: 760px)").matches;

  function showBanner(all = false) {
    const kinds = new Set(data.sources.map((source) => source.kind));
    const lead = word(kinds.has("synthetic") || kinds.has("recalled") ? "teaching" : "estimate");
    const leans = ["synthetic", "interpolated", "recalled"].filter((kind) => kinds.has(kind)).map((kind) => word(`lean_${kind}`));
    const [colon, stop, join] = state.language === "zh" ? ["：", "。", "；"] : [": ", ".", "; "];
    const count = data.warnings.length;
    const toggle = count ? el("button", { type: "button", class: "link", "aria-expanded": String(all), onclick: () => showBanner(!all) }, word(all ? "less" : "more", { n: count })) : null;
    put("banner", el("strong", {}, lead), el("span", {}, leans.length ? colon + leans.join(join) + stop : stop, " "), toggle,
      all ? el("ul", {}, data.warnings.map((warning) => el("li", {}, String(warning)))) : null);
  }

  function showHeadline() {
    const best = Siting.byId.get(data.ranking[0]);
    if (!best) return put("headline", el("p", {}, word("none_ranked")));
    const leading = data.ranking.slice(0, 10).map((number_) => Siting.byId.get(number_));
    const where = [...new Set(leading.map((row) => Siting.provinceName(row.province)))].join(state.language === "zh" ? "、" : ", ");
    const tied = best.tie_group > 0 ? data.ranking.filter((number_) => Siting.byId.get(number_).tie_group === best.tie_group).length : 0;
    const tile = (value, unit, text) => el("div", { class: "tile" }, el("b", {}, value), el("span", { class: "unit" }, unit), el("span", {}, text));
    return put("headline",
      el("div", { class: "tiles" },
        tile(number(at(best, "delivered_cost"), 3), Siting.unit("CNY kWh-1"), `${word("best_place")}, ${word("matched_at", { t: Siting.targetName(targets[main]) })}`),
        tile(percent(at(best, "carbon_free_share"), 0), "", word("short_carbon_free_share")),
        tile(number(data.ranked), "", word("ranked_cells", { m: number(data.candidates) }))),
      el("p", {}, word("lead_provinces", { n: leading.length, p: where }), " ", tied > 1 ? word("tie_note", { n: tied, m: data.ranking.length, g: best.tie_group }) : ""));
  }

  function showTabs() {
    const move = (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      setTab(TABS[(TABS.indexOf(state.tab) + step + TABS.length) % TABS.length]);
      document.getElementById(`tab-${state.tab}`).focus();
    };
    put("tabs", TABS.map((name) => el("button", { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": "list", "aria-selected": String(name === state.tab), tabindex: name === state.tab ? 0 : -1, onclick: () => setTab(name), onkeydown: move }, word(`tab_${name}`))));
    document.getElementById("list").setAttribute("aria-labelledby", `tab-${state.tab}`);
  }

  function setTab(name) {
    state.tab = name;
    showTabs();
    Siting.showList();
  }

  Siting.showList = () => {
    document.getElementById("csv").disabled = state.tab === "about";
    put("list", state.tab === "about" ? about() : Siting.tables.show(state.tab));
  };

  function about() {
    const source = (one) => el("li", {}, Siting.kind(one.kind), el("b", {}, String(one.title || one.id)), one.citation ? el("div", {}, String(one.citation)) : null,
      el("small", {}, [one.licence ? `${word("licence")}: ${one.licence}` : "", one.note || ""].filter(Boolean).join(" · ")));
    return el("div", { class: "about" },
      el("p", {}, word("about_what")),
      el("h3", {}, word("about_warnings")), el("ul", {}, data.warnings.map((warning) => el("li", {}, String(warning)))),
      el("h3", {}, word("about_definitions")), el("ul", {}, ["cost", "matched", "scope2", "share", "map"].map((name) => el("li", {}, word(`about_${name}`)))),
      el("h3", {}, word("about_sources")), el("ul", { class: "sources" }, data.sources.map(source)));
  }

  const finders = {
    site: (id) => { const row = Siting.byId.get(id); return { spot: [row.latitude, row.longitude], lines: Siting.lines(row), card: () => Siting.cards.site(row) }; },
    cluster: (id) => { const row = data.clusters.find((one) => one.id === id); return { spot: [row.latitude, row.longitude], card: () => Siting.cards.cluster(row) }; },
    zone: (id) => ({ bounds: Siting.map.zoneBounds(data.zones[id]), card: () => Siting.cards.zone(data.zones[id]) }),
    province: (id) => ({ bounds: Siting.provinces.get(id).bounds, card: () => Siting.cards.province(Siting.provinces.get(id)) }),
    cell: (id, choice) => ({ spot: [choice.found.latitude, choice.found.longitude], card: () => Siting.cards.cell(choice.found) }),
  };

  // Select on the map or in a table: both follow, and the card opens.
  Siting.select = (choice, move = false) => {
    state.selected = choice;
    const found = choice ? finders[choice.kind](choice.id, choice) : { card: null };
    showCard(found.card);
    Siting.map.highlight(found.spot || null);
    Siting.map.showLines(found.lines || []);
    if (move && found.spot) Siting.map.flyTo(found.spot, 6);
    if (move && found.bounds) Siting.map.fit(found.bounds);
    for (const row of document.querySelectorAll("#list tr.chosen")) row.classList.remove("chosen");
    const row = choice && document.querySelector(`#list tr[data-row="${CSS.escape(`${choice.kind}-${choice.id}`)}"]`);
    if (!row) return;
    row.classList.add("chosen");
    if (!move) row.scrollIntoView({ block: "nearest" });
  };

  function showCard(card) {
    const node = document.getElementById("card");
    node.hidden = !card;
    document.body.classList.toggle("with-card", Boolean(card));
    put("card", card ? card() : []);
    if (!card) return;
    if (narrow()) fold(true);
    node.scrollTop = 0;
    node.setAttribute("aria-label", node.querySelector("h2").textContent);
    node.focus({ preventScroll: true });
  }

  function setLanguage(language) {
    state.language = language;
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
    document.querySelector(".skip").textContent = word("skip");
    document.getElementById("panel").setAttribute("aria-label", word("panel"));
    const texts = { language: "other_language", csv: "csv", print: "print" };
    for (const [id, key] of Object.entries(texts)) document.getElementById(id).textContent = word(key);
    document.getElementById("csv").title = word("csv_long");
    Object.assign(document.getElementById("search"), { placeholder: word("search"), ariaLabel: word("search") });
    fold(document.getElementById("app").classList.contains("folded"));
    showBanner();
    showHeadline();
    showTabs();
    Siting.showList();
    Siting.map.relabel();
    if (!state.selected) return;
    const found = finders[state.selected.kind](state.selected.id, state.selected);
    showCard(found.card);
    Siting.map.showLines(found.lines || []);
  }

  function fold(folded) {
    const button = document.getElementById("fold");
    document.getElementById("app").classList.toggle("folded", folded);
    button.setAttribute("aria-expanded", String(!folded));
    button.setAttribute("aria-label", word(folded ? "unfold" : "fold"));
    button.textContent = folded ? "▴" : "▾";
  }

  Siting.open = (leaflet) => {
    put("title", data.title);
    put("footer", data.footer || "");
    document.getElementById("layers").dataset.open = narrow() ? "no" : "yes";
    document.getElementById("app").classList.toggle("folded", narrow());
    Siting.map.open(leaflet);
    const on = (id, event, action) => document.getElementById(id).addEventListener(event, action);
    on("language", "click", () => setLanguage(state.language === "zh" ? "en" : "zh"));
    on("fold", "click", () => fold(!document.getElementById("app").classList.contains("folded")));
    on("search", "input", (event) => { state.query = event.target.value; Siting.showList(); });
    on("csv", "click", () => Siting.tables.download(state.tab));
    on("print", "click", () => window.print());
    document.addEventListener("keydown", (event) => { if (event.key === "Escape" && state.selected) Siting.select(null); });
    setLanguage(data.language);
  };
}
