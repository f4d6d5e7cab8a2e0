"use strict";
// The card of a site, a cell, a zone or a named cluster.
Siting.cards = (() => {
  const { data, el, word, pick, number, percent, figure, withUnit, label, unit, at, targets, main, charts } = Siting;

  const section = (title, ...children) => el("section", { class: "part" }, el("h3", {}, title), children);
  const pairs = (rows) => el("dl", { class: "pairs" }, rows.filter(Boolean).map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));

  function head(kind, title, lines, badge) {
    return el("header", { class: "card-head" },
      badge ? el("span", { class: `badge ${kind}` }, badge) : null,
      el("div", { class: "card-title" }, el("h2", {}, title), lines.filter(Boolean).map((line) => el("p", {}, line))),
      el("button", { type: "button", class: "close", "aria-label": word("close"), onclick: () => Siting.select(null) }, "×"));
  }

  function site(row) {
    return [head("site", Siting.place(row), siteLines(row), row.rank > 0 ? String(row.rank) : "–"), costs(row), mix(row), plants(row), carbon(row), rules(row), contributions(row), months(row), resource(row), kinds()];
  }

  function siteLines(row) {
    const range = row.rank_range && row.rank_range[0] !== null
      ? word("rank_range", { a: number(row.rank_range[0]), b: number(row.rank_range[row.rank_range.length - 1]) }) : null;
    const rank = row.rank > 0 ? word("rank_of", { r: number(row.rank), n: number(data.ranked) }) : word("not_ranked");
    const tie = row.tie_group > 0 ? word("tie_group", { g: row.tie_group }) : null;
    const where = `${number(row.latitude, 2)}° N, ${number(row.longitude, 2)}° E`;
    const altitude = row.altitude === null || row.altitude === undefined ? null : `${word("altitude")} ${number(row.altitude)} ${unit("m")}`;
    return [
      [Siting.provinceName(row.province), where, altitude].filter(Boolean).join(" · "),
      [rank, range, tie].filter(Boolean).join(" · "),
    ];
  }

  // One line per figure, one column per target.
  function grid(rows) {
    const order = targets.map((_, index) => index).sort((a, b) => targets[b] - targets[a]);
    return el("table", { class: "grid" },
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, word("mix_target")), order.map((index) => el("th", { scope: "col", class: index === main ? "main" : null }, Siting.targetName(targets[index]))))),
      el("tbody", {}, rows.filter(Boolean).map(([name, value, note]) => el("tr", {}, el("th", { scope: "row" }, name, note ? el("small", {}, ` ${note}`) : null),
        order.map((index) => el("td", { class: index === main ? "main" : null }, value(index)))))));
  }

  function costs(row) {
    const names = data.labels.component || [];
    const parts = (index) => names.map((name, position) => [Siting.component(name), (row.cost_by_component[index] || [])[position], Siting.componentColour(name, position)]);
    const has = row.cost_by_component && names.length;
    const order = targets.map((_, index) => index).sort((a, b) => targets[b] - targets[a]);
    const range = row.delivered_cost_range && row.delivered_cost_range[0] !== null ? row.delivered_cost_range : null;
    return section(word("cost"),
      el("p", { class: "big" }, figure("delivered_cost", at(row, "delivered_cost")), el("span", {}, ` ${unit("CNY kWh-1")} ${word("matched_at", { t: Siting.targetName(targets[main]) })}`)),
      range ? el("p", { class: "note" }, word("rank_range", { a: figure("delivered_cost", range[0]), b: figure("delivered_cost", range[range.length - 1]) })) : null,
      has ? charts.stacks(order.map((index) => [Siting.targetName(targets[index]), parts(index)]), word("components"), 3) : null,
      targets.some(Siting.needsRealWeather) ? el("p", { class: "note" }, `${targets.filter(Siting.needsRealWeather).map(Siting.targetName).join(", ")}: ${word("needs_real_weather")}`) : null,
      has ? charts.keys(parts(main).filter((part) => part[1]).map((part) => [part[0], part[2], number(part[1], 3)])) : null);
  }

  function mix(row) {
    const has = (name) => row[name] !== undefined;
    const value = (name) => (index) => figure(name, at(row, name, index));
    const share = (name, whole) => (index) => percent(at(row, name, index) / at(row, whole, index));
    const battery = (index) => {
      const hours = Siting.storageHours(row, index);
      return `${value("battery_power")(index)} / ${value("battery_energy")(index)}${hours === null ? "" : ` (${word("hours_of_storage", { h: number(hours, 1) })})`}`;
    };
    return section(word("mix"), grid([
      has("pv_capacity") && [label("pv_capacity"), value("pv_capacity"), "MW"],
      has("wind_capacity") && [label("wind_capacity"), value("wind_capacity"), "MW"],
      has("battery_energy") && [word("battery"), battery, "MW / MWh"],
      has("matched_share") && [word("matched"), value("matched_share")],
      has("import_energy") && has("load_energy") && [word("imported"), share("import_energy", "load_energy")],
      has("curtailed_energy") && has("generation") && [word("curtailed"), share("curtailed_energy", "generation")],
      [word("short_delivered_cost"), value("delivered_cost"), unit("CNY kWh-1")],
    ]));
  }

  // Only where some plant stands elsewhere; lines are drawn beside it.
  function plants(row) {
    if (!targets.some((_, index) => at(row, "line_cost", index) > 0)) return null;
    const away = (plant, index) => at(row, `${plant}_plant_distance`, index) > 0;
    const where = (plant) => (index) => {
      if (!(at(row, `${plant}_capacity`, index) > 0)) return word("plants_none");
      return away(plant, index) ? number(at(row, `${plant}_plant_distance`, index)) : word("plants_own");
    };
    const line = (plant) => (index) => (away(plant, index) ? `${number(at(row, `${plant}_line_voltage`, index))} kV, ${percent(at(row, `${plant}_line_loss_share`, index))}` : "–");
    const rows = ["pv", "wind"].map((plant) => [
      [word(`${plant}_short`), where(plant), unit("km")],
      targets.some((_, index) => away(plant, index)) && [word(`plants_line_${plant}`), line(plant)],
    ]);
    return section(word("plants"), grid([
      ...rows.flat(),
      [word("plants_lines"), (index) => number(at(row, "line_cost", index) / 1e6, 1), unit("million CNY")],
    ]), el("p", { class: "note" }, word("plants_note")));
  }

  function carbon(row) {
    if (row.scope2_location === undefined) return null;
    const value = (name) => (index) => figure(name, at(row, name, index));
    return section(word("carbon"), grid([
      [word("short_scope2_location"), value("scope2_location"), unit("kg kWh-1")],
      row.scope2_market !== undefined && [word("short_scope2_market"), value("scope2_market"), unit("kg kWh-1")],
      row.carbon_free_share !== undefined && [word("short_carbon_free_share"), value("carbon_free_share")],
      row.cfe_total !== undefined && [word("short_cfe_total"), value("cfe_total")],
    ]), el("p", { class: "note" }, `${word("short_scope2_location")}: ${word("scope2_note")}`),
    Object.keys(data.methods).filter((name) => row[name] !== undefined).map((name) => el("p", { class: "note" }, `${label(name)}${pick([": ", "："])}${pick([data.methods[name].en, data.methods[name].zh])}`)));
  }

  // What the rules of policy say at the main target: what fails first, then what passes, the rest counted.
  function rules(row) {
    if (!row.rule_verdict || !data.rules.length) return null;
    const found = data.rules.map((rule, index) => ({ rule, code: row.rule_verdict[main][index], margin: row.rule_margin[main][index] }));
    const room = ({ rule, margin }) => margin === null ? "" : rule.unit === "1" ? word("rule_points", { m: number(100 * margin, 1) }) : `${number(margin, 3)} ${unit(rule.unit)}`;
    const line = (one) => el("li", { class: one.code === 2 ? "fail" : "pass" },
      el("strong", {}, word(one.code === 2 ? "rule_fail" : "rule_pass")), ` ${pick([one.rule.title, one.rule.title_local || one.rule.title])} `, el("small", {}, [`${one.rule.number}, ${one.rule.article}`, room(one)].filter(Boolean).join(" · ")));
    const of = (code) => found.filter((one) => one.code === code);
    return section(word("rules", { t: Siting.targetName(targets[main]), f: of(2).length, p: of(1).length }),
      el("ul", { class: "kinds rules" }, [...of(2), ...of(1)].map(line)), el("p", { class: "note" }, word("rules_note", { u: of(0).length })));
  }

  function contributions(row) {
    const names = data.labels.criterion || [];
    if (!row.contribution || !names.length) return null;
    const rows = names.map((name, index) => [Siting.criterion(name), row.contribution[index], number(row.contribution[index], 3), "#4b3b8f"]);
    return section(`${word("contributions")}: ${number(row.score, 3)}`, charts.bars(rows, word("contributions")));
  }

  function months(row) {
    const pv = row.pv_capacity_factor_monthly, wind = row.wind_capacity_factor_monthly, matched = row.matched_share_monthly;
    if (!pv || !wind) return null;
    const colours = [SitingComponents.pv[2], SitingComponents.wind[2]];
    return section(`${word("months")} [%]`,
      charts.months([[word("pv_short"), colours[0], pv], [word("wind_short"), colours[1], wind]], word("months")),
      charts.keys([[word("pv_short"), colours[0], withUnit("pv_full_load_hours", row.pv_full_load_hours)], [word("wind_short"), colours[1], withUnit("wind_full_load_hours", row.wind_full_load_hours)]]),
      matched ? [el("h4", {}, `${word("matched_months", { t: Siting.targetName(targets[main]) })} [%]`), charts.months([[word("matched"), "#7b6fae", matched[main]]], word("matched"), 1)] : null);
  }

  function resource(row) {
    const level = (name) => row[name] !== undefined && [label(name), `${figure(name, row[name])}${row[`${name}_error`] === undefined || row[`${name}_error`] === null ? "" : ` ± ${figure(name, row[`${name}_error`])}`} ${unit(data.variables[name].unit)}`];
    return section(word("resource"), pairs([level("wind_speed_100m_mean"), level("annual_ghi"), level("annual_dni")]),
      row.distance_to_place === undefined ? null : el("p", { class: "note" }, word("resource_note", { km: number(row.distance_to_place) })), flags(row));
  }

  function flags(row) {
    const set = data.status.filter((flag) => (row.site_status & flag.mask) !== 0);
    return set.length ? el("p", { class: "note flag" }, `${word("status")}: ${set.map((flag) => flag.meaning).join("; ")}`) : null;
  }

  function kinds() {
    if (!data.sources.length) return null;
    return section(word("data_kinds"), el("ul", { class: "kinds" }, data.sources.map((source) => el("li", {}, Siting.kind(source.kind), source.title || source.id))));
  }

  // A cell that has no full card: what the layers say of it.
  function cell(found) {
    const known = data.layers.filter((layer) => !layer.classes && found.values[layer.key] !== null);
    const rows = known.map((layer) => [Siting.themeName(layer), withUnit(layer.variable, found.values[layer.key])]);
    const { rank, load_reason: flag } = found.values;
    return [
      head("cell", word("this_cell"), [
        [Siting.provinceName(found.province), `${number(found.latitude, 2)}° N, ${number(found.longitude, 2)}° E`].filter(Boolean).join(" · "),
        rank === null ? word("not_ranked") : word("rank_of", { r: number(rank), n: number(data.ranked) }),
      ]),
      flag > 0 ? el("p", { class: "why" }, word("screened_out", { why: Siting.reason(flag) })) : null,
      rows.length ? section(word("model_finds"), pairs(rows), el("p", { class: "note" }, word("cell_note", { n: data.ranking.length }))) : null,
    ];
  }

  function cluster(row) {
    const near = row.nearest === null ? null : Siting.byId.get(row.nearest);
    const kilometres = number(row.distance_km, 0);
    const text = near ? word("nearest_site", { r: number(near.rank), km: kilometres })
      : row.distance_km === null ? word("no_site_at_all") : word("no_site_near", { n: data.near_km, km: kilometres });
    const screened = row.reason === null ? null : row.reason === 0 ? word("not_screened") : word("screened", { why: Siting.reason(row.reason) });
    return [
      head("cluster", row.name, [`${row.industry || ""} · ${Siting.provinceName(row.province)}`, word("confidence", { c: row.coordinate_confidence || "–" })], "◆"),
      section(word("announced"), el("p", {}, row.announced_features || "–")),
      section(word("model_finds"), el("p", {}, text), screened ? el("p", { class: "note" }, screened) : null,
        near ? el("button", { type: "button", class: "link", onclick: () => Siting.select({ kind: "site", id: near.site }) }, word("open_site")) : null),
      near ? mix(near) : null,
      near ? carbon(near) : null,
      twoNumbers(row.province),
    ];
  }

  function province(row) {
    const cost = (value) => (value === null ? "–" : withUnit("delivered_cost", value));
    return [
      head("province", Siting.provinceName(row.code), [row.best_rank === null ? word("not_ranked") : `${word("best_place")}: ${word("rank_of", { r: number(row.best_rank), n: number(data.ranked) })}`]),
      section(word("model_finds"), pairs([
        [word("ranked_here"), `${number(row.ranked)} / ${number(row.cells)}`],
        [`${word("short_delivered_cost")}: ${word("best").toLowerCase()}`, cost(row.best_cost)], [`${word("short_delivered_cost")}: ${word("median").toLowerCase()}`, cost(row.median_cost)],
        [word("short_pv_full_load_hours"), withUnit("pv_full_load_hours", row.pv_hours)], [word("short_wind_full_load_hours"), withUnit("wind_full_load_hours", row.wind_hours)],
      ])),
      twoNumbers(row.code),
    ];
  }

  // A generation share and a consumption factor are different things, and are shown as such.
  function twoNumbers(code) {
    const province = Siting.provinces.get(code);
    if (!province) return null;
    const years = (values, format) => Object.entries(values).filter((entry) => entry[1] !== null).map(([year, value]) => `${format(value)} (${year})`).join(", ") || word("no_factor");
    const official = province.generation_share_official;
    return section(word("two_numbers", { p: Siting.provinceName(code) }), el("div", { class: "two" },
      el("div", {}, el("h4", {}, word("generation_share")), el("p", { class: "value" }, years(province.generation_share, (value) => percent(value))),
        official === null ? null : el("p", {}, word("generation_official", { s: percent(official), y: 2021 })), el("p", { class: "note" }, word("generation_note"))),
      el("div", {}, el("h4", {}, word("consumption_factor")), el("p", { class: "value" }, years(province.emission_factor, (value) => `${number(value, 4)} kg/kWh`)),
        el("p", { class: "note" }, word("factor_note")))), el("p", { class: "note" }, word("two_numbers_note")));
  }

  function zone(row) {
    const shown = Object.entries(row.values).filter(([, value]) => value !== null && typeof value !== "object");
    const shownAs = (name, value) => (typeof value === "number" ? Siting.zoneFigure(name, value) : String(value));
    return [head("zone", Siting.zoneName(row), [], String(row.values.rank ?? row.values.zone ?? "")), section(word("zone"), pairs(shown.map(([name, value]) => [Siting.zoneLabel(name), shownAs(name, value)])))];
  }

  return { site, cell, cluster, zone, province };
})();
