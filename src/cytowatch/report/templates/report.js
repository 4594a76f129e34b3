"use strict";
// Without this script everything is readable; it adds sorting, opening a linked patient, comparing
// two scales at an hour, and all sections in print.
(() => {
  const key = (row, column) => {
    const cell = row.cells[column];
    const text = cell.dataset.sort !== undefined ? cell.dataset.sort : cell.textContent.trim();
    return text === "" ? null : text;
  };
  const compare = (a, b) => {
    // Empty last in both directions: handled by the caller.
    const x = Number(a), y = Number(b);
    return Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b, undefined, { numeric: true }) : x - y;
  };
  const sort = (table, heading, column) => {
    const down = heading.getAttribute("aria-sort") === "ascending";
    table.querySelectorAll("th[aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    const body = table.tBodies[0];
    const rows = Array.from(body.rows).map((row) => [key(row, column), row]);
    rows.sort(([a], [b]) => {
      if (a === null || b === null) return (a === null) - (b === null);
      return down ? compare(b, a) : compare(a, b);
    });
    body.append(...rows.map(([, row]) => row));
  };
  document.querySelectorAll("table.sortable").forEach((table) => {
    Array.from(table.tHead.rows[0].cells).forEach((heading, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      button.addEventListener("click", () => sort(table, heading, column));
      heading.append(button);
    });
  });
  // ---- why two scales differ: the rows of one patient and the words of the page, put beside each other
  const said = document.getElementById("why-words");
  const book = said ? JSON.parse(said.textContent) : null;
  const element = (name, text, look) => {
    const made = document.createElement(name);
    if (text) made.textContent = text;
    if (look) made.className = look;
    return made;
  };
  const fill = (text, names) => text.replace(/\{(\w+)\}/g, (_, key) => names[key]);
  const rowAt = (rows, hour) => rows.find((row) => row[0] <= hour && hour < row[1]) || null;
  const graded = (row) => row !== null && row[2] !== null && row[3] !== null;
  const grade = (scale, row) => {
    if (row === null) return "not watched";
    if (!graded(row)) return "not graded";
    const text = row[2] === row[3] ? String(row[2]) : `${row[2]}–${row[3]}`;
    return book.scales[scale].sum ? `${text} points` : text;
  };
  const comparable = (a, b) => a.subject === b.subject && !a.sum && !b.sum;
  const verdict = (a, b, one, other) => {
    if (!graded(one) || !graded(other)) return "none";
    if (!comparable(a, b)) return "apart";
    if (one[2] === one[3] && other[2] === other[3]) return one[2] === other[2] ? "same" : "differ";
    return one[2] > other[3] || other[2] > one[3] ? "disjoint" : "open";
  };
  const met = (scale, row) => [...row[4], ...row[5]].map((place) => scale.signs[place]);
  // What the other scale makes of a met sign, as why.py tells it.
  const standing = (sign, row, evidence, own, other, beside) => {
    if (beside === null || met(own, row).some((item) => item[4] === sign[4] && (item[1] || 0) > (sign[1] || 0))) return ["", []];
    // It rests here on those of the concepts it reads that have a row among the evidence.
    const shown = new Set(row[7].flatMap((place) => evidence[place][2]));
    const active = sign[2].some((key) => shown.has(key)) ? sign[2].filter((key) => shown.has(key)) : sign[2];
    if (!active.some((key) => other.reads.includes(key))) return ["alone", []];
    if (!comparable(own, other)) return ["shared", []];
    const like = met(other, beside).filter((item) => item[2].some((key) => active.includes(key)));
    if (!like.length) return ["unmet", []];
    const worst = Math.max(...like.map((item) => item[1] || 0));
    return [worst === sign[1] ? "same" : "otherwise", like.filter((item) => (item[1] || 0) === worst)];
  };
  const tagged = (sign, row, evidence, own, other, beside) => {
    const [found, like] = standing(sign, row, evidence, own, other, beside);
    const there = like.map((item) => item[0] + (item[1] ? ` (grade ${item[1]})` : "")).join("; ");
    return [found, found ? fill(book.tags[found], { b: other.short, there }) : ""];
  };
  const listed = (list, title, items) => {
    if (!items.length) return;
    list.append(element("dt", title));
    items.forEach((item) => list.append(item));
  };
  const side = (data, scale, row, other, beside) => {
    const own = book.scales[scale], box = element("div"), list = element("dl");
    const what = own.sum || !graded(row) ? grade(scale, row) : `grade ${grade(scale, row)}`;
    box.append(element("h5", `${own.short}: ${what}`), element("span", own.title, "tag"));
    if (row === null) return box;
    const signs = (places) => places.map((place) => {
      const sign = own.signs[place], item = element("dd", sign[0] + (sign[1] === null ? "" : ` (${own.sum ? "points" : "grade"} ${sign[1]})`));
      const [kind, tag] = tagged(sign, row, data.evidence, own, book.scales[other], beside);
      if (tag) item.append(element("span", tag, kind === "alone" ? "tag alone" : "tag"));
      if (sign[3]) item.append(element("span", sign[3], "source"));
      return item;
    });
    const made = row[4].length || !graded(row) || !row[2] ? signs(row[4]) : [element("dd", book.between)];
    listed(list, "Made by", made);
    listed(list, "Also met", signs(row[5]));
    listed(list, "Not known", row[6].map((place) => element("dd", book.missing[place])));
    listed(list, "Rows", row[7].map((place) => {
      const item = element("dd", data.evidence[place][1].join("; "));
      item.append(element("span", ` ${data.evidence[place][0]}`, "source"));
      return item;
    }));
    if (row[8]) listed(list, "Published probability", [element("dd", row[8])]);
    box.append(list);
    return box;
  };
  const sentence = (first, second, one, other) => {
    const a = book.scales[first], b = book.scales[second], kind = verdict(a, b, one, other);
    const gaps = [[a, one], [b, other]].filter(([, row]) => !graded(row))
      .map(([scale, row]) => fill(book.gaps[row === null ? "unwatched" : "ungraded"], { a: scale.short }));
    const text = fill(book.sentences[kind], {
      a: a.short, b: b.short, ga: grade(first, one), gb: grade(second, other), gap: gaps.join(" and "),
    });
    const families = [a, b].map((scale) => book.families[scale.family].toLowerCase());
    return kind === "apart" && families[0] !== families[1] ? `${text} (${families.join("; ")})` : text;
  };
  const moment = (data, hour) => data.zero === null
    ? `${+hour.toFixed(2)} h`
    : `${new Date(data.zero + hour * 3600000).toISOString().slice(0, 16).replace("T", " ")} UTC, day ${(hour / 24).toFixed(1)}`;
  const start = (tool) => {
    const data = JSON.parse(tool.querySelector(".why-rows").textContent), scales = Object.keys(data.rows);
    const [a, b] = [".why-a", ".why-b"].map((name) => tool.querySelector(name));
    const at = tool.querySelector(".why-at"), slide = tool.querySelector(".why-range"), out = tool.querySelector(".why-out");
    const patient = tool.closest("details.patient");
    [a, b].forEach((choice) => {
      const groups = {};
      scales.forEach((scale) => {
        const family = book.scales[scale].family;
        if (!groups[family]) choice.append(groups[family] = Object.assign(document.createElement("optgroup"), { label: book.families[family] }));
        groups[family].append(Object.assign(element("option", book.scales[scale].short), { value: scale }));
      });
    });
    const edges = (chosen) => [...new Set(chosen.flatMap((scale) => data.rows[scale].map((row) => row[0])))].sort((x, y) => x - y);
    const differs = (first, second, hour) => ["differ", "disjoint"].includes(
      verdict(book.scales[first], book.scales[second], rowAt(data.rows[first], hour), rowAt(data.rows[second], hour)));
    const ends = Object.values(data.rows).flatMap((rows) => [rows[0][0], rows[rows.length - 1][1]]);
    [slide.min, slide.max] = [Math.min(...ends), Math.max(...ends)];
    const cursor = (hour) => patient.querySelectorAll("svg.strips").forEach((figure) => {
      const { low, high, left, width } = figure.dataset;
      const x = Number(left) + (hour / (data.zero === null ? 1 : 24) - low) / (high - low) * width;
      let line = figure.querySelector(".cursor");
      if (!line) {
        line = document.createElementNS("http://www.w3.org/2000/svg", "line");
        Object.entries({ class: "cursor", y1: 14, y2: figure.viewBox.baseVal.height - 36, stroke: "#b35c00", "stroke-width": 1.5 })
          .forEach(([name, value]) => line.setAttribute(name, value));
        figure.append(line);
      }
      line.setAttribute("x1", x);
      line.setAttribute("x2", x);
    });
    const show = () => {
      const hour = Number(at.value), pair = [a.value, b.value];
      const rows = pair.map((scale) => rowAt(data.rows[scale], hour));
      const sides = element("div", "", "why-sides");
      sides.append(side(data, pair[0], rows[0], pair[1], rows[1]), side(data, pair[1], rows[1], pair[0], rows[0]));
      out.replaceChildren(element("p", `${moment(data, hour)}: ${sentence(...pair, ...rows)}`), sides);
      cursor(hour);
    };
    const go = (hour) => { at.value = +hour.toFixed(4); slide.value = hour; show(); };
    const next = (wanted) => {
      const found = edges([a.value, b.value]).filter((hour) => hour > Number(at.value));
      const hour = found.find(wanted);
      if (hour !== undefined) go(hour); else out.prepend(element("p", "There is none later."));
    };
    // The first two scales of one family that differ, at the hour where they first do.
    const pairs = scales.flatMap((one, place) => scales.slice(place + 1).map((other) => [one, other]));
    const like = pairs.filter(([one, other]) => comparable(book.scales[one], book.scales[other]));
    const first = like.find((pair) => edges(pair).some((hour) => differs(...pair, hour))) || like[0] || pairs[0];
    [a.value, b.value] = first;
    const begin = edges(first);
    go(begin.find((hour) => differs(...first, hour)) ?? begin[0]);
    [a, b].forEach((choice) => choice.addEventListener("change", show));
    at.addEventListener("input", () => { if (at.value !== "") { slide.value = at.value; show(); } });
    slide.addEventListener("input", () => go(Number(slide.value)));
    tool.querySelector(".why-on").addEventListener("click", () => next(() => true));
    tool.querySelector(".why-next").addEventListener("click", () => next((hour) => differs(a.value, b.value, hour)));
    tool.querySelector(".why-back").addEventListener("click", () => {
      const found = edges([a.value, b.value]).filter((hour) => hour < Number(at.value));
      if (found.length) go(found[found.length - 1]);
    });
    patient.querySelectorAll("svg.strips").forEach((figure) => figure.addEventListener("click", (event) => {
      const { low, high, left, width } = figure.dataset, box = figure.getBoundingClientRect();
      const part = ((event.clientX - box.left) * figure.viewBox.baseVal.width / box.width - left) / width;
      if (part >= 0 && part <= 1) go((Number(low) + part * (high - low)) * (data.zero === null ? 1 : 24));
    }));
    tool.hidden = false;
  };
  // Only what is opened is worked out: a page may carry many patients.
  document.querySelectorAll("details.patient").forEach((patient) => {
    const tool = patient.querySelector(".why");
    if (!tool || !book) return;
    const once = () => { if (patient.open && tool.hidden) start(tool); };
    patient.addEventListener("toggle", once);
    once();
  });
  const open = () => {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    if (target && target.tagName === "DETAILS") { target.open = true; target.scrollIntoView(); }
  };
  addEventListener("hashchange", open);
  open();
  addEventListener("beforeprint", () => {
    document.querySelectorAll("details:not([open])").forEach((item) => { item.open = true; item.dataset.printed = "1"; });
  });
  addEventListener("afterprint", () => {
    document.querySelectorAll("details[data-printed]").forEach((item) => { item.open = false; delete item.dataset.printed; });
  });
})();
