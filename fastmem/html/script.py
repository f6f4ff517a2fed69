"""The script of a page: what a mark says, under the pointer and by the keyboard, and tables that are sorted.

All that it shows stands in the page already. Of the marks of a chart one is reached by the tab key, the others from
there by arrows.
"""

__all__ = ["SCRIPT"]

SCRIPT = """
"use strict";
(() => {
  const said = document.getElementById("said");
  function say(mark) {
    said.textContent = mark.getAttribute("aria-label");
    said.hidden = false;
    const box = mark.getBoundingClientRect(), own = said.getBoundingClientRect();
    const width = document.documentElement.clientWidth;
    const left = Math.min(Math.max(box.left + box.width / 2 - own.width / 2, 8), width - own.width - 8);
    const top = box.top - own.height - 10 < 0 ? box.bottom + 10 : box.top - own.height - 10;
    said.style.left = `${left + window.scrollX}px`;
    said.style.top = `${top + window.scrollY}px`;
  }
  function hush() { said.hidden = true; }

  for (const chart of document.querySelectorAll("[data-marks]")) {
    const marks = [...chart.querySelectorAll(".mark")];
    marks.forEach((mark, k) => {
      const title = mark.querySelector("title");
      mark.setAttribute("role", "img");
      mark.setAttribute("aria-label", title.textContent);
      mark.setAttribute("tabindex", k ? "-1" : "0");
      title.remove();
    });
    const markOf = event => event.target.closest(".mark");
    chart.addEventListener("pointerover", event => markOf(event) && say(markOf(event)));
    chart.addEventListener("pointerout", hush);
    chart.addEventListener("focusin", event => markOf(event) && say(markOf(event)));
    chart.addEventListener("focusout", hush);
    chart.addEventListener("keydown", event => {
      const here = marks.indexOf(markOf(event));
      const steps = { ArrowRight: here + 1, ArrowDown: here + 1, ArrowLeft: here - 1, ArrowUp: here - 1,
        Home: 0, End: marks.length - 1 };
      if (event.key === "Escape") hush();
      if (here < 0 || !(event.key in steps)) return;
      event.preventDefault();
      const next = marks[Math.min(Math.max(steps[event.key], 0), marks.length - 1)];
      marks[here].setAttribute("tabindex", "-1");
      next.setAttribute("tabindex", "0");
      next.focus();
    });
  }

  function compared(one, other) {
    const numbers = [Number(one), Number(other)];
    if (one !== "" && other !== "" && !numbers.some(Number.isNaN)) {
      return numbers[0] < numbers[1] ? -1 : numbers[0] > numbers[1] ? 1 : 0;
    }
    return one.localeCompare(other, "en", { numeric: true });
  }
  function keyOf(row, column) {
    const cell = row.cells[column];
    return "key" in cell.dataset ? cell.dataset.key : cell.textContent.trim();
  }
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      head.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => {
        const ascends = head.getAttribute("aria-sort") !== "ascending";
        heads.forEach(other => other.setAttribute("aria-sort", "none"));
        head.setAttribute("aria-sort", ascends ? "ascending" : "descending");
        const rows = [...body.rows], isEmpty = row => keyOf(row, column) === "";
        const full = rows.filter(row => !isEmpty(row));
        full.sort((a, b) => (ascends ? 1 : -1) * compared(keyOf(a, column), keyOf(b, column)));
        body.append(...full, ...rows.filter(isEmpty));
      });
    });
  }
})();
"""
