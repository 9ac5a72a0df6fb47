"use strict";
// Tabs, the choice of a trial, the slider of epochs, sorted tables, and the page that reloads.
(() => {
  const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
  const remember = (key, value) => { try { sessionStorage.setItem(location.pathname + key, value); } catch { /* no storage */ } };
  const recall = (key) => { try { return sessionStorage.getItem(location.pathname + key); } catch { return null; } };

  const choose = (tab, focus) => {
    for (const other of all('[role="tab"]', tab.parentElement)) {
      const chosen = other === tab;
      other.setAttribute("aria-selected", chosen);
      other.tabIndex = chosen ? 0 : -1;
      document.getElementById(other.getAttribute("aria-controls")).hidden = !chosen;
    }
    if (focus) tab.focus();
  };
  for (const list of all('[role="tablist"]')) {
    const tabs = all('[role="tab"]', list);
    list.addEventListener("click", (event) => {
      const tab = event.target.closest('[role="tab"]');
      if (tab) { choose(tab, false); remember(tabs[0].id, tabs.indexOf(tab)); }
    });
    list.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      const at = tabs.indexOf(document.activeElement);
      if (at < 0 || !(step || event.key === "Home" || event.key === "End")) return;
      event.preventDefault();
      const next = step ? (at + step + tabs.length) % tabs.length : event.key === "Home" ? 0 : tabs.length - 1;
      choose(tabs[next], true);
      remember(tabs[0].id, next);
    });
    const before = tabs[recall(tabs[0].id)];
    if (before) choose(before, false);
  }

  const which = document.getElementById("which");
  if (which) {
    const show = () => {
      for (const trial of all(".trial")) trial.hidden = trial.dataset.trial !== which.value;
      remember("trial", which.value);
    };
    which.addEventListener("change", show);
    const before = recall("trial");
    if ([...which.options].some((option) => option.value === before)) which.value = before;
    show();
  }

  for (const player of all(".player")) {
    const [slider] = all("input", player), [button] = all("button", player), [told] = all("output", player);
    const film = document.getElementById(player.dataset.film);
    const data = JSON.parse(document.getElementById(player.dataset.film + "-data").textContent);
    const image = film.querySelector("img"), lines = all('[data-part="part-output"] path', film);
    const show = () => {
      const frame = +slider.value;
      const text = data.captions[frame];
      told.textContent = text;
      slider.setAttribute("aria-valuetext", text);
      if (image) image.style.transform = `translateY(${-100 * frame / data.captions.length}%)`;
      if (data.y) lines.forEach((line, i) => line.setAttribute("d", data.x[i].map(
        (x, k) => `${k ? "L" : "M"}${x} ${data.y[frame][i][k]}`).join("")));
    };
    let timer = null;
    const stop = () => { clearInterval(timer); timer = null; button.textContent = "Play"; button.setAttribute("aria-pressed", "false"); };
    slider.addEventListener("input", () => { stop(); show(); });
    button.addEventListener("click", () => {
      if (timer) { stop(); return; }
      if (+slider.value === +slider.max) slider.value = 0;
      button.textContent = "Stop";
      button.setAttribute("aria-pressed", "true");
      show();
      timer = setInterval(() => {
        slider.value = +slider.value + 1;
        show();
        if (+slider.value === +slider.max) stop();
      }, Math.max(60, Math.min(400, 6000 / data.captions.length)));
    });
    show();
  }

  for (const table of all(".sortable")) {
    const body = table.tBodies[0];
    all("thead button", table).forEach((button, column) => button.addEventListener("click", () => {
      const head = button.closest("th");
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of all("thead th", table)) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = (row) => row.cells[column].textContent;
      const rows = [...body.rows].sort((a, b) => {
        const x = parseFloat(key(a)), y = parseFloat(key(b));
        const order = Number.isNaN(x) || Number.isNaN(y)
          ? (Number.isNaN(x) - Number.isNaN(y)) || key(a).localeCompare(key(b)) : x - y;
        return down ? -order : order;
      });
      body.append(...rows);
    }));
  }

  const seconds = +document.body.dataset.refresh;
  if (seconds) {
    const pause = document.getElementById("pause");
    const busy = () => document.activeElement && document.activeElement.matches("input, select");
    scrollTo(0, +recall("scroll") || 0);
    setInterval(() => {
      if (pause.getAttribute("aria-pressed") === "true" || busy()) return;
      remember("scroll", scrollY);
      location.reload();
    }, seconds * 1000);
    pause.addEventListener("click", () => {
      const on = pause.getAttribute("aria-pressed") !== "true";
      pause.setAttribute("aria-pressed", on);
      pause.textContent = on ? "Go on" : "Pause";
    });
  }
})();
