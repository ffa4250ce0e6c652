"use strict";
(() => {
  const PAGE = 25;
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const state = { view: 0, sort: null, way: "descending", page: 0, rows: [], shown: -1 };

  // Text only ever goes in as text, so that markup in documents stays what it is.
  function make(tag, properties, ...children) {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  }

  const view = () => data.views[state.view];
  const address = (query) => `#query=${encodeURIComponent(query.id)}`;
  const tagged = data.queries.some((query) => query.tags.length);
  const numeral = new Intl.Collator("en", { numeric: true });

  function cell(value, column) {
    if (value === null || value === undefined) return "–";
    if (view().columns[column] === "ms") return value.toFixed(1);
    const sign = view().change === column && value > 0 ? "+" : "";
    return sign + value.toFixed(view().digits);
  }

  function matching() {
    const words = at("text").value.toLowerCase().split(/\s+/).filter(Boolean);
    const tag = at("tag").value;
    const moved = at("moved") && at("moved").checked;
    return data.queries.map((_, number) => number).filter((number) => {
      const query = data.queries[number];
      const text = [query.id, query.text, ...query.tags].join(" ").toLowerCase();
      return words.every((word) => text.includes(word))
        && (!tag || query.tags.includes(tag))
        && (!moved || Math.abs(view().rows[number][view().change] || 0) > 1e-6);
    });
  }

  function ordered(numbers) {
    const { sort, way } = state;
    if (sort === null) return numbers;
    const turn = way === "ascending" ? 1 : -1;
    if (typeof sort === "string") {
      return numbers.sort((a, b) => turn * numeral.compare(data.queries[a][sort], data.queries[b][sort]));
    }
    const plain = (number) => view().rows[number][sort];
    // The largest changes first, whichever way they go.
    const size = (number) => (plain(number) === null ? null : Math.abs(plain(number)));
    const value = way === "other" ? size : plain;
    // What has no value stands last either way.
    return numbers.sort((a, b) => (value(a) === null) - (value(b) === null)
      || turn * (value(a) - value(b)) || a - b);
  }

  function heading(key, name, kind) {
    const press = () => {
      const first = typeof key === "number" ? "descending" : "ascending";
      const turned = state.way === "descending" ? "ascending" : "descending";
      state.way = state.sort === key ? turned : first;
      state.sort = key;
      draw();
      at("queries").querySelector(`[data-key="${key}"]`).focus();
    };
    const button = make("button", { type: "button", textContent: name, onclick: press });
    button.dataset.key = key;
    const head = make("th", { scope: "col", className: kind }, button);
    head.setAttribute("aria-sort", state.sort === key ? state.way : "none");
    return head;
  }

  function row(number) {
    const query = data.queries[number];
    const open = make("button", { type: "button", className: "open", textContent: query.id });
    open.setAttribute("aria-haspopup", "dialog");
    open.onclick = () => { show(number); };
    open.dataset.query = number;
    const tags = query.tags.map((tag) => make("span", { className: "tag", textContent: tag }));
    return make("tr", {},
      make("td", {}, open),
      make("td", { className: "query", textContent: query.text }),
      ...(tagged ? [make("td", { className: "tags" }, ...tags.flatMap((tag) => [tag, " "]))] : []),
      ...view().rows[number].map((value, column) =>
        make("td", { className: "number", textContent: cell(value, column) })));
  }

  function draw() {
    state.rows = ordered(matching());
    const pages = Math.max(1, Math.ceil(state.rows.length / PAGE));
    state.page = Math.min(state.page, pages - 1);
    const heads = [heading("id", "id", ""), heading("text", "query", "")];
    if (tagged) heads.push(make("th", { scope: "col", className: "tags", textContent: "tags" }));
    view().columns.forEach((name, column) => heads.push(heading(column, name, "number")));
    at("queries").tHead.replaceChildren(make("tr", {}, ...heads));
    const shown = state.rows.slice(state.page * PAGE, (state.page + 1) * PAGE);
    at("queries").tBodies[0].replaceChildren(...shown.map(row));
    at("status").textContent = `${state.rows.length} of ${data.queries.length} queries`;
    at("page").textContent = `${state.page + 1} of ${pages}`;
    at("back").disabled = state.page === 0;
    at("forth").disabled = state.page === pages - 1;
  }

  function stage(name, found) {
    if (!found) return [];
    const [normalized, rank, score] = found;
    const own = rank === null || score === null ? "" : ` (rank ${rank}, score ${score.toFixed(3)})`;
    return [`${name} ${normalized.toFixed(3)}${own}`];
  }

  function hitLine([number, score, dense, lexical, boosts], place, grades) {
    const [id, title] = data.documents[number];
    const grade = grades[number] || 0;
    const why = [`score ${score.toFixed(3)}`, ...stage("dense", dense), ...stage("lexical", lexical),
      ...Object.entries(boosts).map(([name, by]) => `${name} ${by > 0 ? "+" : ""}${by.toFixed(3)}`)];
    const mark = make("span", { className: "badge good", textContent: `relevant, grade ${grade}` });
    return make("li", { className: grade > 0 ? "relevant" : "" },
      `${place}. `, make("strong", { textContent: id }), " ", ...(grade > 0 ? [mark] : []),
      ...(title ? [make("div", { textContent: title })] : []),
      make("div", { className: "why", textContent: why.join(" · ") }));
  }

  function list(answer, number) {
    const grades = data.queries[number].grades;
    const hits = answer.hits[number];
    const box = make("section", {}, make("h3", { textContent: answer.name }));
    const read = Object.entries(answer.corrections[number] || {});
    if (read.length) {
      const words = read.map(([word, other]) => `${word} → ${other}`).join(", ");
      box.append(make("p", { className: "note corrections", textContent: `Read as: ${words}` }));
    }
    if (!hits || !hits.length) {
      box.append(make("p", { textContent: hits ? "No hits." : "Not asked." }));
      return box;
    }
    const found = new Set(hits.map(([document]) => String(document)));
    const missed = Object.keys(grades).filter((name) => grades[name] > 0 && !found.has(name));
    const joined = hits[0][5] || "run evaluate with --explain to see why hits stand where they do";
    box.append(make("p", { className: "note", textContent: joined }),
      make("ol", {}, ...hits.map((hit, place) => hitLine(hit, place + 1, grades))));
    if (missed.length) {
      const names = missed.slice(0, 10).map((name) => data.documents[name][0]).join(", ");
      const more = missed.length > 10 ? ` and ${missed.length - 10} more` : "";
      box.append(make("p", { className: "note", textContent: `Relevant, but not here: ${names}${more}` }));
    }
    return box;
  }

  function show(number) {
    const query = data.queries[number];
    state.shown = number;
    at("answer-title").textContent = query.text;
    const values = view().columns.map((name, column) => `${name} ${cell(view().rows[number][column], column)}`);
    at("answer-about").textContent = [query.id, ...query.tags, view().name, ...values].join(" · ");
    at("answer-lists").replaceChildren(...view().answers.map((each) => list(data.answers[each], number)));
    const place = state.rows.indexOf(number);
    at("previous").disabled = place <= 0;
    at("next").disabled = place < 0 || place === state.rows.length - 1;
    if (!at("answer").open) at("answer").showModal();
    at("answer").scrollTop = 0;
    history.replaceState(null, "", address(query));
  }

  function step(by) {
    show(state.rows[state.rows.indexOf(state.shown) + by]);
  }

  function choose(number) {
    state.view = number;
    state.sort = view().change;
    state.way = "other";
    state.page = 0;
    draw();
  }

  const option = (text, value) => make("option", { textContent: text, value });
  at("view").append(...data.views.map((each, number) => option(each.name, number)));
  const tags = [...new Set(data.queries.flatMap((query) => query.tags))].sort(numeral.compare);
  at("tag").append(option("all", ""), ...tags.map((tag) => option(tag, tag)));
  at("tag-label").hidden = !tagged;
  const anew = () => { state.page = 0; draw(); };
  at("filters").onsubmit = (event) => event.preventDefault();
  at("view").onchange = () => choose(Number(at("view").value));
  at("text").oninput = anew;
  at("tag").onchange = anew;
  if (at("moved")) at("moved").onchange = anew;
  at("back").onclick = () => { state.page -= 1; draw(); };
  at("forth").onclick = () => { state.page += 1; draw(); };
  at("previous").onclick = () => step(-1);
  at("next").onclick = () => step(1);
  at("close").onclick = () => at("answer").close();
  at("answer").onclose = () => {
    history.replaceState(null, "", location.pathname + location.search);
    const origin = at("queries").querySelector(`[data-query="${state.shown}"]`);
    if (origin) origin.focus();
  };
  choose(0);
  const linked = data.queries.findIndex((query) => location.hash === address(query));
  if (linked >= 0) show(linked);
})();
