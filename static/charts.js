// Draws each chart from the table beneath it. A click on a bar or a point follows the link of its number.
// Series differ by pattern or dash as well as by colour; nothing moves; colours follow the theme.
const Chart = window.Chart;
const DASHES = [[], [6, 4], [2, 3]];
const UNITS = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
const FEW = 12; // so many bars or fewer fill the chart
const drawn = new Map();

function colour(name) {
  const probe = document.createElement("span");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

// Full, stripes down, dots, stripes up, a grid: told apart without colour.
function pattern(place, ink, ground) {
  if (place === 0) return ink;
  const tile = document.createElement("canvas");
  tile.width = tile.height = 8;
  const pen = tile.getContext("2d");
  pen.fillStyle = ground;
  pen.fillRect(0, 0, 8, 8);
  pen.strokeStyle = pen.fillStyle = ink;
  pen.lineWidth = 3;
  const lines = { 1: [[-2, -2, 10, 10], [-2, 6, 2, 10], [6, -2, 10, 2]], 3: [[-2, 10, 10, -2], [-2, 2, 2, -2], [6, 10, 10, 6]], 4: [[0, 4, 8, 4], [4, 0, 4, 8]] };
  for (const [x, y, toX, toY] of lines[place] ?? []) {
    pen.beginPath();
    pen.moveTo(x, y);
    pen.lineTo(toX, toY);
    pen.stroke();
  }
  if (!lines[place]) {
    pen.beginPath();
    pen.arc(4, 4, 2.2, 0, 2 * Math.PI);
    pen.fill();
  }
  return pen.createPattern(tile, "repeat");
}

function read(section) {
  const heads = [...section.querySelectorAll("thead th")].slice(1);
  const rows = [...section.querySelectorAll("tbody tr")];
  const series = heads
    .map((head, index) => ({ label: head.textContent.trim(), tone: head.dataset.tone, index: index + 1 }))
    .filter(({ tone }) => tone);
  return { rows, series, labels: rows.map((row) => row.cells[0].textContent.trim()), ticks: rows.map((row) => row.cells[0].dataset.tick) };
}

function cell(table, { index, datasetIndex }) {
  return table.rows[index].cells[table.series[datasetIndex].index];
}

// Durations are seconds in the table, and drawn in the largest unit that the longest of them fills twice.
function unit(kind, { rows, series }) {
  if (kind === "stack") return ["", 1];
  const longest = Math.max(0, ...rows.flatMap((row) => series.map(({ index }) => Number(row.cells[index].dataset.value))));
  return UNITS.find(([, seconds]) => longest >= 2 * seconds) ?? UNITS.at(-1);
}

function datasets(kind, table) {
  const { rows, series } = table;
  const [, divisor] = unit(kind, table);
  const ground = colour("surface");
  const seen = {};
  return series.map(({ label, tone, index }, place) => {
    const ink = colour(tone === "calm" ? "ink-muted" : tone);
    seen[tone] = (seen[tone] ?? -1) + 1;
    const data = rows.map((row) => (row.cells[index].dataset.value === "" ? null : Number(row.cells[index].dataset.value) / divisor));
    return kind === "stack"
      ? { label, data, backgroundColor: pattern(place % 6, ink, ground), borderColor: ink, borderWidth: 1, maxBarThickness: rows.length > FEW ? 36 : undefined }
      : { label, data, borderColor: ink, backgroundColor: ink, borderDash: DASHES[place % 3], pointStyle: place ? "rectRot" : "circle", pointRadius: 4, borderWidth: 2, spanGaps: true };
  });
}

function options(kind, table) {
  const ink = colour("ink-muted");
  const line = colour("line");
  const words = { color: ink, font: { family: getComputedStyle(document.body).fontFamily, size: 12 } };
  return {
    animation: false,
    maintainAspectRatio: false,
    interaction: { mode: "nearest", axis: "x", intersect: kind === "stack" },
    onClick: (_event, [hit]) => hit && cell(table, hit).querySelector("a")?.click(),
    onHover: (event, hits) => (event.native.target.style.cursor = hits.length ? "pointer" : ""),
    scales: {
      x: { stacked: kind === "stack", offset: true, ticks: { ...words, maxRotation: 0, autoSkipPadding: 16, callback: (_value, index) => table.ticks[index] }, grid: { display: false }, border: { color: line } },
      y: { stacked: kind === "stack", beginAtZero: true, ticks: { ...words, precision: kind === "stack" ? 0 : undefined, maxTicksLimit: 6 }, grid: { color: line }, border: { display: false }, title: { ...words, display: kind === "lines", text: unit(kind, table)[0] } },
    },
    plugins: {
      legend: { align: "start", labels: { ...words, boxWidth: 14, boxHeight: kind === "lines" ? 6 : 12, usePointStyle: kind === "lines" } },
      tooltip: { callbacks: { label: ({ dataset, dataIndex: index, datasetIndex }) => `${dataset.label}: ${cell(table, { index, datasetIndex }).textContent.trim()}` } },
    },
  };
}

function draw() {
  for (const section of document.querySelectorAll("[data-chart]")) {
    const kind = section.dataset.chart;
    const table = read(section);
    drawn.get(section)?.destroy();
    drawn.set(
      section,
      new Chart(section.querySelector("canvas"), {
        type: kind === "stack" ? "bar" : "line",
        data: { labels: table.labels, datasets: datasets(kind, table) },
        options: options(kind, table),
      }),
    );
  }
}

draw();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
