"use strict";
(() => {
  const body = document.querySelector("tbody");
  const rows = [...body.rows];
  const failed = rows.filter((row) => row.classList.contains("failed"));
  const good = rows.filter((row) => !row.classList.contains("failed"));
  const heads = [...document.querySelectorAll("thead th")];

  const value = (row, column) => row.cells[column].dataset.v;
  const compare = (column, numeric) => (a, b) => {
    const [x, y] = [value(a, column), value(b, column)];
    if (x === "" || y === "") return (x === "") - (y === ""); // what is not known comes last, whichever the direction
    return numeric ? x - y : x.localeCompare(y, undefined, { numeric: true, sensitivity: "base" });
  };
  heads.forEach((head, column) => {
    head.firstElementChild.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      const numeric = head.classList.contains("n");
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const order = compare(column, numeric);
      const sorted = [...good].sort((a, b) => {
        const known = value(a, column) !== "" && value(b, column) !== "";
        return known && down ? -order(a, b) : order(a, b);
      });
      body.append(...failed, ...sorted);
    });
  });

  document.querySelector("#filter").addEventListener("input", (event) => {
    const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      shown += !row.hidden;
    }
    document.querySelector("#count").textContent = shown;
    document.querySelector("#none").hidden = shown > 0;
  });
})();
