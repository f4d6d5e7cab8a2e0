"use strict";
// Small pictures drawn as inline SVG; each has a text that says the same.
Siting.charts = (() => {
  const { el, svg, number } = Siting;
  const WIDTH = 340;

  // rows: [label, value, text, colour]; bars share one scale
  function bars(rows, title) {
    const top = Math.max(...rows.map((row) => row[1] || 0), 1e-9);
    const line = (row) => el("div", { class: "bar" },
      el("span", { class: "bar-label" }, row[0]),
      el("span", { class: "bar-track" }, el("span", { class: "bar-fill", css: { width: `${Math.max(0, (100 * (row[1] || 0)) / top)}%`, background: row[3] } })),
      el("span", { class: "bar-value" }, row[2]));
    return el("div", { class: "bars", role: "img", "aria-label": `${title}: ${rows.map((row) => `${row[0]} ${row[2]}`).join(", ")}` }, rows.map(line));
  }

  // rows: [label, [parts]], parts: [name, value, colour]; one stacked bar per row on a common scale
  function stacks(rows, title, digits) {
    const sum = (parts) => parts.reduce((total, part) => total + Math.max(0, part[1] || 0), 0);
    const top = Math.max(...rows.map((row) => sum(row[1])), 1e-9);
    const height = rows.length * 24;
    const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${height}`, class: "chart", role: "img", "aria-label": title });
    rows.forEach((row, index) => {
      let x = 44;
      picture.append(svg("text", { x: 0, y: index * 24 + 15, class: "chart-text" }, row[0]));
      for (const [name, value, colour] of row[1]) {
        const width = (Math.max(0, value || 0) / top) * (WIDTH - 44);
        picture.append(svg("rect", { x, y: index * 24 + 3, width, height: 17, fill: colour }, svg("title", {}, `${name}: ${number(value, digits)}`)));
        x += width;
      }
    });
    return picture;
  }

  // series: [name, colour, twelve values]
  function months(series, title, top) {
    const height = 92, base = 74, high = top || Math.ceil(10 * Math.max(...series.flatMap((one) => one[2].map((value) => value || 0)), 0.01)) / 10;
    const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${height}`, class: "chart", role: "img", "aria-label": title });
    const step = (WIDTH - 34) / 12, bar = (step - 6) / series.length;
    for (const part of [0, 0.5, 1]) {
      const y = base - part * 64;
      picture.append(svg("line", { x1: 30, x2: WIDTH, y1: y, y2: y, class: "chart-line" }));
      picture.append(svg("text", { x: 26, y: y + 4, class: "chart-text end" }, number(100 * part * high, 0)));
    }
    for (let month = 0; month < 12; month += 1) {
      series.forEach(([name, colour, values], index) => {
        const value = values[month] || 0, tall = (value / high) * 64;
        picture.append(svg("rect", { x: 34 + month * step + index * bar, y: base - tall, width: bar, height: tall, fill: colour },
          svg("title", {}, `${name} ${month + 1}: ${number(100 * value, 1)} %`)));
      });
      picture.append(svg("text", { x: 34 + month * step + (step - 6) / 2, y: height - 4, class: "chart-text middle" }, String(month + 1)));
    }
    return picture;
  }

  function keys(entries) {
    return el("div", { class: "keys" }, entries.map(([name, colour, text]) => el("span", { class: "key" },
      el("i", { css: { background: colour } }), name, text ? el("b", {}, text) : null)));
  }

  return { bars, stacks, months, keys };
})();
