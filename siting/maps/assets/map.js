"use strict";
// What lies on the map: land, one coloured layer, zones, sites, clusters; the legend; and the value under the cursor.
Siting.map = (() => {
  const { data, state, el, put, word, number, percent } = Siting;
  const groups = {};
  let map, overlay, ring, ways, readout, opacity = 0.85;

  const theme = () => data.layers.find((layer) => layer.key === state.theme);

  function open(leaflet) {
    map = leaflet;
    map.getContainer().setAttribute("role", "region");
    L.control.attribution({ prefix: "Leaflet" }).addTo(map);
    L.control.scale({ imperial: false, position: "bottomleft" }).addTo(map);
    L.control.zoom({ position: "bottomleft" }).addTo(map);
    const paper = { pane: "land", renderer: L.svg({ pane: "land", padding: 1 }), interactive: false };
    L.rectangle(data.land.sheet, { ...paper, className: "sea" }).addTo(map);
    L.polygon(data.land.polygons, { ...paper, className: "land", fillRule: "evenodd" }).addTo(map);
    const beside = window.innerWidth > 760 ? 214 : 8; // the box of layers stands there
    map.fitBounds(data.bounds, { animate: false, paddingTopLeft: [beside, 8], paddingBottomRight: [8, beside > 8 ? 8 : 150] });
    map.setMaxBounds(L.latLngBounds(data.land.sheet).pad(0.3));
    if (theme()) overlay = L.imageOverlay(theme().png, data.bounds, { pane: "pictures", className: "picture", opacity, interactive: false }).addTo(map);
    readout = decode();
    Object.assign(groups, { zones: zones(), sites: sites(), clusters: clusters(), names: L.layerGroup(), graticule: graticule() });
    for (const name of ["zones", "sites", "clusters", "names"]) groups[name].addTo(map);
    names();
    map.on("zoomend", names);
    map.on("mousemove", (event) => hover(event.latlng));
    map.on("mouseout", () => hover(null));
    map.on("click", (event) => clicked(event.latlng));
    window.addEventListener("beforeprint", print);
    window.addEventListener("afterprint", () => map.invalidateSize({ animate: false }));
    new ResizeObserver(() => map.invalidateSize({ animate: false })).observe(map.getContainer());
  }

  // Paper has another shape than the screen: what was seen is fitted into it.
  function print() {
    const seen = map.getBounds();
    map.invalidateSize({ animate: false });
    map.fitBounds(seen, { animate: false });
  }

  const tip = (...lines) => el("div", {}, lines.filter(Boolean).map((text, index) => el(index ? "div" : "b", {}, text)));

  function sites() {
    const group = L.layerGroup(), renderer = L.svg({ pane: "sites", padding: 0.5 });
    for (const number_ of [...data.ranking].reverse()) {
      const row = Siting.byId.get(number_), spot = [row.latitude, row.longitude];
      const marker = row.rank <= 10
        ? L.marker(spot, { pane: "sites", keyboard: false, zIndexOffset: 1000 - row.rank, icon: L.divIcon({ className: "pin", iconSize: [22, 22], html: el("span", {}, String(row.rank)) }) })
        : L.circleMarker(spot, { pane: "sites", renderer, radius: 4.5, className: "spot" });
      marker.bindTooltip(() => tip(`${row.rank}. ${Siting.place(row)}`, Siting.provinceName(row.province), `${Siting.withUnit("delivered_cost", Siting.at(row, "delivered_cost"))}`), { direction: "top" });
      marker.on("click", (event) => { L.DomEvent.stopPropagation(event); Siting.select({ kind: "site", id: row.site }); });
      group.addLayer(marker);
    }
    return group;
  }

  function zones() {
    const group = L.layerGroup(), renderer = L.svg({ pane: "zones", padding: 0.5 });
    data.zones.forEach((row, index) => {
      const shape = L.polygon(row.rings, { pane: "zones", renderer, className: "zone" });
      shape.bindTooltip(() => tip(Siting.zoneName(row), word("zone")), { sticky: true });
      shape.on("click", (event) => { L.DomEvent.stopPropagation(event); Siting.select({ kind: "zone", id: index }); });
      group.addLayer(shape);
    });
    return group;
  }

  function clusters() {
    const group = L.layerGroup();
    for (const row of data.clusters) {
      const marker = L.marker([row.latitude, row.longitude], { pane: "clusters", keyboard: false, icon: L.divIcon({ className: "diamond", iconSize: [14, 14], html: el("span", {}) }) });
      marker.bindTooltip(() => tip(row.name, row.industry), { direction: "top" });
      marker.on("click", (event) => { L.DomEvent.stopPropagation(event); Siting.select({ kind: "cluster", id: row.id }); });
      group.addLayer(marker);
    }
    return group;
  }

  // Larger provinces first, then larger cities; a name that would touch another waits for a closer view.
  function names() {
    groups.names.clearLayers();
    const taken = [], zoom = map.getZoom(), chinese = state.language === "zh";
    const write = (text, at_, kind) => {
      const spot = map.project(at_, zoom), half = (text.length * (chinese ? 12 : 6.4)) / 2 + 5;
      if (taken.some((other) => Math.abs(other.x - spot.x) < other.half + half && Math.abs(other.y - spot.y) < 16)) return;
      taken.push({ x: spot.x, y: spot.y, half });
      const icon = L.divIcon({ className: kind, iconSize: [120, 16], html: el("span", {}, text) });
      groups.names.addLayer(L.marker(at_, { pane: "names", icon, interactive: false, keyboard: false }));
    };
    for (const row of [...data.provinces].sort((one, other) => other.size - one.size)) write(Siting.provinceName(row.code), row.label, "province");
    const count = zoom < 4.5 ? 0 : zoom < 5.5 ? 40 : zoom < 6.5 ? 150 : 400;
    for (const [name, name_zh, latitude, longitude] of data.cities.slice(0, count)) write(chinese ? name_zh || name : name, [latitude, longitude], "city");
  }

  function graticule() {
    const lines = [];
    for (let degree = -180; degree <= 180; degree += 10) lines.push([[-80, degree], [80, degree]]);
    for (let degree = -80; degree <= 80; degree += 10) lines.push([[degree, -180], [degree, 180]]);
    return L.polyline(lines, { pane: "graticule", renderer: L.svg({ pane: "graticule" }), interactive: false, className: "graticule" });
  }

  // --- values under the cursor
  function bytes(text) {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  }

  function decode() {
    const packed = data.readout;
    if (!packed) return null;
    const mask = bytes(packed.mask), size = packed.nx * packed.ny, order = new Int32Array(size).fill(-1), values = {};
    for (let cell = 0, next = 0; cell < size; cell += 1) if (mask[cell >> 3] & (128 >> (cell & 7))) order[cell] = next++;
    for (const [name, one] of Object.entries(packed.values)) {
      const raw = bytes(one.data);
      values[name] = (cell) => {
        const step = raw[2 * order[cell]] | (raw[2 * order[cell] + 1] << 8);
        return step === 0 ? null : one.offset + (step - 1) * one.step;
      };
    }
    return { ...packed, order, values };
  }

  // Cell at a point, interpolated between the nodes of the table; null outside the study.
  function cellAt(point) {
    if (!readout) return null;
    const last = readout.nodes - 1;
    const u = ((point.lng - readout.west) / (readout.east - readout.west)) * last, v = ((point.lat - readout.south) / (readout.north - readout.south)) * last;
    if (!(u >= 0 && u <= last && v >= 0 && v <= last)) return null;
    const i = Math.min(Math.floor(u), last - 1), j = Math.min(Math.floor(v), last - 1), a = u - i, b = v - j;
    const mixed = (table) => {
      const node = (dj, di) => table[(j + dj) * readout.nodes + i + di];
      return (1 - b) * ((1 - a) * node(0, 0) + a * node(0, 1)) + b * ((1 - a) * node(1, 0) + a * node(1, 1));
    };
    const column = Math.floor(mixed(readout.column)), row = Math.floor(mixed(readout.row));
    if (column < 0 || row < 0 || column >= readout.nx || row >= readout.ny) return null;
    const cell = row * readout.nx + column;
    return readout.order[cell] < 0 ? null : cell;
  }

  function valuesOf(cell) {
    const values = {};
    for (const name of Object.keys(readout.values)) values[name] = readout.values[name](cell);
    for (const name of ["rank", "province", "load_reason"]) if (values[name] !== null && values[name] !== undefined) values[name] = Math.round(values[name]);
    return values;
  }

  function hover(point) {
    const cell = point && cellAt(point), layer = theme(), node = document.getElementById("here");
    if (!node || !layer) return;
    const value = cell === null ? null : valuesOf(cell)[layer.key];
    const text = cell === null ? "" : value === null || value === undefined ? word("no_value") : layer.classes ? Siting.reason(value) : Siting.withUnit(layer.variable, value);
    node.textContent = text || "\u00a0";
    const mark = document.getElementById("mark");
    if (mark) {
      const part = value === null || value === undefined ? null : Math.min(1, Math.max(0, (value - layer.low) / (layer.high - layer.low)));
      mark.hidden = part === null;
      if (part !== null) mark.style.left = `${100 * part}%`;
    }
  }

  function clicked(point) {
    const cell = cellAt(point);
    if (cell === null) return Siting.select(null);
    if (Siting.byCell.has(cell)) return Siting.select({ kind: "site", id: Siting.byCell.get(cell).site });
    const values = valuesOf(cell);
    const code = values.province === null ? "" : readout.codes[values.province];
    return Siting.select({ kind: "cell", id: cell, found: { values, province: code, latitude: point.lat, longitude: point.lng } });
  }

  // --- layers and legend
  function showControls() {
    const radio = (layer) => el("label", { class: "choice" },
      el("input", { type: "radio", name: "theme", value: layer.key, checked: layer.key === state.theme, onchange: () => setTheme(layer.key) }), el("span", {}, Siting.themeName(layer)));
    const kinds = [...new Set(data.layers.map((layer) => layer.group))];
    const check = (name) => el("label", { class: "choice" },
      el("input", { type: "checkbox", value: name, checked: map.hasLayer(groups[name]), onchange: (event) => (event.target.checked ? groups[name].addTo(map) : groups[name].remove()) }), el("span", {}, word(`show_${name}`)));
    const slider = el("input", { type: "range", id: "opacity", min: 0, max: 100, step: 5, value: Math.round(100 * opacity), "aria-label": word("opacity"), oninput: (event) => setOpacity(event.target.value / 100) });
    const box = el("details", { open: document.getElementById("layers").dataset.open !== "no" },
      el("summary", {}, word("layers")),
      el("fieldset", {}, el("legend", { class: "hidden" }, word("layers")), kinds.map((kind) => [el("div", { class: "group" }, word(`group_${kind}`)), data.layers.filter((layer) => layer.group === kind).map(radio)])),
      el("label", { class: "slider" }, el("span", {}, word("opacity")), slider),
      el("fieldset", { class: "shown" }, el("legend", { class: "hidden" }, word("show")), ["sites", "zones", "clusters", "names", "graticule"].map(check)));
    box.addEventListener("toggle", () => { document.getElementById("layers").dataset.open = box.open ? "yes" : "no"; });
    put("layers", box);
  }

  function setTheme(key) {
    state.theme = key;
    overlay.setUrl(theme().png);
    showLegend();
  }

  function setOpacity(value) {
    opacity = value;
    if (overlay) overlay.setOpacity(value);
  }

  const captions = { score: "darker_better", delivered_cost: "darker_cheaper", scope2_location: "darker_cleaner", carbon_free_share: "darker_cleaner", feedin_carbon_free_share: "darker_cleaner" };

  function showLegend() {
    const layer = theme();
    if (!layer) return;
    const here = readout ? el("div", { id: "here" }, "\u00a0") : null;
    if (layer.classes) put("legend", el("h2", {}, word("why_not")), el("ul", { class: "classes" }, layer.classes.filter((one) => one.cells > 0).map((one) => el("li", {}, el("i", { css: { background: one.colour } }), Siting.pick([one.en, one.zh]), el("small", {}, number(one.cells))))), here);
    else {
      const unit = Siting.isShare(layer.variable) || layer.unit === "1" ? null : Siting.unit(layer.unit);
      put("legend", el("h2", {}, Siting.themeName(layer), unit ? el("small", {}, ` ${unit}`) : null),
        el("div", { class: `ramp${layer.below ? " below" : ""}${layer.above ? " above" : ""}`, title: layer.below || layer.above ? word("scale_hint") : null }, layer.colours.map((colour) => el("i", { css: { background: colour } })), el("b", { id: "mark", hidden: true })),
        el("div", { class: "ticks" }, ticks(layer)), el("p", {}, [word(captions[layer.variable] || "darker_more"), el("span", { class: "key" }, el("i", { css: { background: layer.grey } }), word("no_data"))]), here);
    }
  }

  // Round values inside the scale; arrows at its ends say that values lie beyond.
  function ticks(layer) {
    const span = layer.high - layer.low, rough = span / 4, power = 10 ** Math.floor(Math.log10(rough));
    const step = power * (rough < 1.5 * power ? 1 : rough < 3.5 * power ? 2 : rough < 7.5 * power ? 5 : 10);
    const share = Siting.isShare(layer.variable), digits = Math.max(0, -Math.floor(Math.log10(step * (share ? 100 : 1)) + 1e-9));
    const text = (value) => (share ? percent(value, digits) : number(value, digits));
    const marks = [];
    for (let value = Math.ceil(layer.low / step - 1e-9) * step; value <= layer.high + 1e-9 * span && marks.length < 9; value += step) {
      marks.push(el("span", { css: { left: `${(100 * (value - layer.low)) / span}%` } }, text(value)));
    }
    return marks;
  }

  // --- moving
  function highlight(spot) {
    if (ring) ring.remove();
    ring = spot ? L.circleMarker(spot, { pane: "clusters", renderer: L.svg({ pane: "clusters" }), radius: 13, interactive: false, className: "ring" }).addTo(map) : null;
  }

  // The plants of a site that stand elsewhere, with their lines to the park.
  function showLines(lines) {
    if (ways) ways.remove();
    const renderer = L.svg({ pane: "clusters", padding: 1 }), group = L.layerGroup();
    for (const [plant, way] of lines) {
      const drawn = { pane: "clusters", renderer, interactive: false };
      group.addLayer(L.polyline(way, { ...drawn, className: `way ${plant}` }));
      group.addLayer(L.circleMarker(way[0], { ...drawn, radius: 6, className: `plant ${plant}` }));
      const west = way[0][1] <= way[1][1]; // the name stands on the far side of the plant
      const icon = L.divIcon({ className: `plant-name${west ? " west" : ""}`, iconSize: [60, 16], iconAnchor: west ? [70, 8] : [-10, 8], html: el("span", {}, word(`${plant}_short`)) });
      group.addLayer(L.marker(way[0], { pane: "clusters", interactive: false, keyboard: false, icon }));
    }
    ways = group.addTo(map);
  }

  function flyTo(spot, zoom) {
    map.invalidateSize({ animate: false }); // the card may just have folded the panel
    const card = document.getElementById("card"), wide = window.innerWidth > 760;
    const shift = card.hidden ? [0, 0] : wide ? [card.offsetWidth / 2, 0] : [0, card.offsetHeight / 2];
    const level = Math.max(map.getZoom(), zoom);
    const centre = map.unproject(map.project(spot, level).add(shift), level);
    if (window.matchMedia("(prefers-reduced-motion: reduce)").matches) map.setView(centre, level, { animate: false });
    else map.flyTo(centre, level, { duration: 0.6 });
  }

  function fit(bounds) {
    map.invalidateSize({ animate: false });
    const card = document.getElementById("card"), wide = window.innerWidth > 760;
    const right = card.hidden || !wide ? 30 : card.offsetWidth + 30, bottom = card.hidden || wide ? 30 : card.offsetHeight + 10;
    map.flyToBounds(bounds, { duration: 0.6, maxZoom: 8, paddingTopLeft: [wide ? 230 : 20, 30], paddingBottomRight: [right, bottom] });
  }

  function relabel() {
    map.getContainer().setAttribute("aria-label", word("map"));
    names();
    showControls();
    showLegend();
  }

  return { open, relabel, highlight, showLines, flyTo, fit, setTheme, setOpacity, cellAt: (latitude, longitude) => cellAt({ lat: latitude, lng: longitude }), valuesOf, zoneBounds: (row) => L.polygon(row.rings).getBounds() };
})();
