"use strict";
// The tables of the panel: sorting, searching, and the CSV of what is shown.
Siting.tables = (() => {
  const { data, state, el, word, number, percent, figure, unit, at } = Siting;

  // column: { key, head, note, value (sorts and exports), show (text), left }
  const cost = (value) => figure("delivered_cost", value);
  const tables = {
    ranking: () => ({
      rows: data.ranking.map((number_) => Siting.byId.get(number_)),
      open: (row) => ({ kind: "site", id: row.site }),
      search: (row) => `${row.nearest_city || ""} ${row.nearest_city_zh || ""} ${Siting.provinceName(row.province)} ${row.province} ${names(row.province)}`,
      columns: [
        { key: "rank", head: "#", value: (row) => row.rank },
        { key: "site", head: word("site"), left: true, value: (row) => row.nearest_city || "", show: (row) => [el("span", { class: "name" }, Siting.place(row)), el("small", {}, Siting.provinceName(row.province))] },
        { key: "delivered_cost", head: word("cost_short"), note: unit("CNY kWh-1"), value: (row) => at(row, "delivered_cost"), show: (row) => cost(at(row, "delivered_cost")) },
        { key: "mix", head: `${word("pv_short")} + ${word("wind_short")}`, note: "MW", value: (row) => at(row, "pv_capacity") + at(row, "wind_capacity"), show: (row) => `${figure("pv_capacity", at(row, "pv_capacity"))} + ${figure("wind_capacity", at(row, "wind_capacity"))}` },
        { key: "scope2_location", head: word("carbon_short"), note: unit("kg kWh-1").replace(" CO₂", ""), value: (row) => at(row, "scope2_location"), show: (row) => figure("scope2_location", at(row, "scope2_location")) },
        { key: "score", head: word("score_short"), value: (row) => row.score, show: (row) => number(row.score, 3) },
      ],
      csv: ["rank", "site", "latitude", "longitude", "province", "nearest_city", "distance_to_city", "altitude", "score", "delivered_cost", "island_cost", "pv_capacity", "wind_capacity",
        "battery_power", "battery_energy", "matched_share", "import_energy", "curtailed_energy", "scope2_location", "carbon_free_share", "pv_full_load_hours", "wind_full_load_hours"],
      cell: (row, name) => (Array.isArray(row[name]) ? at(row, name) : row[name]),
    }),
    zones: () => ({
      rows: data.zones.map((row, index) => ({ ...row, index })),
      open: (row) => ({ kind: "zone", id: row.index }),
      search: (row) => `${Siting.zoneName(row)} ${Object.values(row.values).filter((value) => typeof value === "string").join(" ")}`,
      columns: [
        { key: "rank", head: "#", value: (row) => row.values.rank ?? row.values.zone ?? row.index + 1 },
        { key: "zone", head: word("zone"), left: true, value: (row) => Siting.zoneName(row), show: (row) => el("span", { class: "name" }, Siting.zoneName(row)) },
        ...zoneColumns(),
      ],
      csv: data.zones.length ? Object.keys(data.zones[0].values) : [],
      cell: (row, name) => row.values[name],
    }),
    provinces: () => ({
      rows: [...data.provinces].sort((one, other) => (one.best_rank ?? Infinity) - (other.best_rank ?? Infinity) || one.code.localeCompare(other.code)),
      open: (row) => ({ kind: "province", id: row.code }),
      search: (row) => `${row.en} ${row.zh} ${row.code}`,
      columns: [
        { key: "province", head: word("province"), left: true, value: (row) => Siting.provinceName(row.code), show: (row) => el("span", { class: "name" }, Siting.provinceName(row.code)) },
        { key: "ranked", head: word("ranked"), note: word("cells").toLowerCase(), value: (row) => row.ranked, show: (row) => number(row.ranked) },
        { key: "best_cost", head: word("best"), note: unit("CNY kWh-1"), value: (row) => row.best_cost, show: (row) => cost(row.best_cost) },
        { key: "median_cost", head: word("median"), note: unit("CNY kWh-1"), value: (row) => row.median_cost, show: (row) => cost(row.median_cost) },
        { key: "pv_hours", head: word("pv_short"), note: unit("h"), value: (row) => row.pv_hours, show: (row) => number(row.pv_hours) },
        { key: "wind_hours", head: word("wind_short"), note: unit("h"), value: (row) => row.wind_hours, show: (row) => number(row.wind_hours) },
        { key: "emission_factor", head: word("factor"), note: "kg/kWh 2022", value: (row) => row.emission_factor["2022"], show: (row) => number(row.emission_factor["2022"], 4) },
        { key: "generation_share", head: word("share"), note: `${word("share_note")} 2022`, value: (row) => row.generation_share["2022"], show: (row) => percent(row.generation_share["2022"]) },
      ],
      csv: ["code", "en", "zh", "cells", "ranked", "best_rank", "best_cost", "median_cost", "pv_hours", "wind_hours", "emission_factor", "generation_share"],
      cell: (row, name) => (row[name] !== null && typeof row[name] === "object" ? row[name]["2022"] : row[name]),
    }),
    clusters: () => ({
      rows: data.clusters,
      open: (row) => ({ kind: "cluster", id: row.id }),
      search: (row) => `${row.name} ${row.industry} ${Siting.provinceName(row.province)} ${names(row.province)}`,
      columns: [
        { key: "cluster", head: word("cluster"), left: true, value: (row) => row.name, show: (row) => [el("span", { class: "name" }, row.name), el("small", {}, `${row.industry || ""} · ${Siting.provinceName(row.province)}`)] },
        { key: "rank", head: word("distance_short"), note: word("rank"), value: (row) => nearest(row, (site) => site.rank), show: (row) => number(nearest(row, (site) => site.rank)) },
        { key: "distance", head: "km", value: (row) => row.distance_km, show: (row) => number(row.distance_km) },
        { key: "cost", head: word("cost_short"), note: unit("CNY kWh-1"), value: (row) => nearest(row, (site) => at(site, "delivered_cost")), show: (row) => cost(nearest(row, (site) => at(site, "delivered_cost"))) },
      ],
      csv: ["id", "name", "latitude", "longitude", "coordinate_confidence", "province", "industry", "announced_features", "nearest", "distance_km", "reason"],
      cell: (row, name) => row[name],
      foot: data.clusters_elsewhere ? word("elsewhere", { n: data.clusters_elsewhere }) : null,
    }),
  };

  const names = (code) => (Siting.provinces.has(code) ? `${Siting.provinces.get(code).en} ${Siting.provinces.get(code).zh}` : "");
  const nearest = (row, read) => (row.nearest === null ? null : read(Siting.byId.get(row.nearest)));

  function zoneColumns() {
    const first = data.zones.length ? data.zones[0].values : {};
    const wanted = [["sites", word("cells")], ["area_km2", word("area_km2")], ["delivered_cost", word("best")], ["delivered_cost_mean", word("mean")], ["score", word("score_short")]];
    return wanted.filter(([name]) => typeof first[name] === "number").map(([name, head]) => {
      const known = (data.zone_columns[name] || {}).unit;
      return { key: name, head, note: SitingUnits[known] ? unit(known) : null, value: (row) => row.values[name], show: (row) => Siting.zoneFigure(name, row.values[name], true) };
    });
  }

  function compare(one, other) {
    const missing = (value) => value === null || value === undefined || value === "";
    if (missing(one) || missing(other)) return missing(one) - missing(other);
    return typeof one === "string" ? one.localeCompare(other, state.language === "zh" ? "zh" : "en") : one - other;
  }

  function rowsOf(table) {
    const query = state.query.trim().toLowerCase();
    const rows = query ? table.rows.filter((row) => table.search(row).toLowerCase().includes(query)) : [...table.rows];
    const sort = state.sort[state.tab], column = sort && table.columns.find((one) => one.key === sort.key);
    if (!column) return rows;
    return rows.sort((a, b) => {
      const [one, other] = [column.value(a), column.value(b)];
      const order = compare(one, other);
      return sort.down && one !== null && other !== null && one !== undefined && other !== undefined ? -order : order;
    });
  }

  function header(column) {
    const sort = state.sort[state.tab], active = sort && sort.key === column.key;
    const toggle = () => {
      state.sort[state.tab] = { key: column.key, down: active ? !sort.down : false };
      Siting.showList();
      document.querySelector(`[data-column="${column.key}"] button`).focus();
    };
    return el("th", { scope: "col", class: column.left ? "left" : null, "data-column": column.key, "aria-sort": active ? (sort.down ? "descending" : "ascending") : "none" },
      el("button", { type: "button", onclick: toggle }, column.head, el("span", { class: "arrow", "aria-hidden": "true" }, active ? (sort.down ? "▼" : "▲") : "")), column.note ? el("small", {}, column.note) : null);
  }

  function line(table, row) {
    const target = table.open(row), chosen = state.selected && state.selected.kind === target.kind && state.selected.id === target.id;
    const cells = table.columns.map((column) => {
      const shown = column.show ? column.show(row) : number(column.value(row));
      return el("td", { class: column.left ? "left" : null }, column.left ? el("button", { type: "button", class: "row-button" }, shown) : shown);
    });
    return el("tr", { class: chosen ? "chosen" : null, "data-row": `${target.kind}-${target.id}`, onclick: () => Siting.select(target, true) }, cells);
  }

  function show(name) {
    const table = tables[name]();
    const rows = rowsOf(table);
    if (!table.rows.length) return [el("p", { class: "empty" }, word(name === "ranking" ? "none_ranked" : "nothing"))];
    return [
      el("div", { class: "scroll" }, el("table", { class: `list ${name}` },
        el("caption", { class: "hidden" }, word(`tab_${name}`)),
        el("thead", {}, el("tr", {}, table.columns.map(header))),
        el("tbody", {}, rows.map((row) => line(table, row))))),
      rows.length ? null : el("p", { class: "empty" }, word("nothing")),
      el("p", { class: "count" }, word("count", { n: number(rows.length), m: number(table.rows.length) }), table.foot ? ` · ${table.foot}` : ""),
    ];
  }

  // Text that a spreadsheet would take for a formula gets an apostrophe; numbers stay numbers.
  function field(value) {
    if (value === null || value === undefined) return "";
    if (typeof value === "number" || typeof value === "boolean") return String(value);
    const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }

  function csv(name) {
    const table = tables[name]();
    const lines = [table.csv.join(","), ...rowsOf(table).map((row) => table.csv.map((column) => field(table.cell(row, column))).join(","))];
    return `\ufeff${lines.join("\r\n")}\r\n`;
  }

  function download(name) {
    const address = URL.createObjectURL(new Blob([csv(name)], { type: "text/csv;charset=utf-8" }));
    const link = el("a", { href: address, download: `${name}.csv` });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
  }

  return { show, csv, download, names: Object.keys(tables) };
})();
