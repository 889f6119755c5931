/* What cannot be put right while the book is built. The pages can be read without this file. */
(function () {
  "use strict";

  var root = document.documentElement;

  /* Equations are shown once all are set (course.css hides the raw TeX until then),
     and shown as TeX where MathJax did not arrive. */
  function whenMathIsReady() {
    var startup = window.MathJax && window.MathJax.startup;
    return startup && startup.promise ? startup.promise : Promise.resolve();
  }

  function mathIsReady() {
    root.classList.add("math-ready");
    markScrollable();
  }

  /* What is wider than the page scrolls in its own box. Such a box must be reachable with the
     keyboard, and must say what it is; one that fits must not stop the Tab key. */
  var BOXES = "mjx-container, .cell_output .text_html, .pst-scrollable-table-container, pre";

  function nameOf(box) {
    var number = box.parentElement.querySelector(".eqno");
    if (box.matches("mjx-container")) {
      return number ? "Equation " + number.firstChild.textContent.trim() : "Equation";
    }
    return box.matches("pre") ? "Code or output" : "Table";
  }

  function isTooWide(box) {
    if (box.matches("mjx-container:not([display='true'])")) {
      /* Within a line an equation has no box to be measured against but its paragraph. */
      var line = box.closest("p, li, dd, td, th, figcaption, summary");
      return line && !line.matches("td, th") && box.firstChild.offsetWidth > line.clientWidth + 1;
    }
    return box.scrollWidth > box.clientWidth; /* by one dot, too: it would scroll by one */
  }

  function markScrollable() {
    var boxes = Array.from(document.querySelectorAll(BOXES));
    var wide = boxes.map(isTooWide); /* measure all first: writing in between is slow */
    boxes.forEach(function (box, i) {
      if (wide[i]) {
        box.classList.add("course-scrolls");
        box.tabIndex = 0;
        box.setAttribute("role", "group");
        box.setAttribute("aria-label", nameOf(box) + ", scrolls sideways");
      } else if (box.classList.contains("course-scrolls")) {
        box.classList.remove("course-scrolls");
        ["tabindex", "role", "aria-label"].forEach(function (name) { box.removeAttribute(name); });
      }
    });
  }

  /* Buttons of the theme: their label must contain the text that is seen. */
  function labelButtons() {
    document.querySelectorAll(".search-button__button").forEach(function (button) {
      if (button.textContent.trim()) button.removeAttribute("aria-label");
    });
    document.querySelectorAll(".theme-switch-button").forEach(function (button) {
      var text = button.textContent.trim().replace(/\s+/g, " ");
      button.setAttribute("aria-label", text || "Colour scheme");
    });
  }

  /* A link to something inside a closed drop-down opens it. */
  function openTarget() {
    var target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (var box = target; box; box = box.parentElement) {
      if (box.tagName === "DETAILS") box.open = true;
    }
    if (target && target.closest("details")) target.scrollIntoView();
  }

  /* Drop-downs are printed open. */
  function printOpen() {
    var opened = [];
    window.addEventListener("beforeprint", function () {
      opened = Array.from(document.querySelectorAll("article details:not([open])"));
      opened.forEach(function (box) { box.open = true; });
    });
    window.addEventListener("afterprint", function () {
      opened.forEach(function (box) { box.open = false; });
    });
  }

  /* Opened as a file, the search cannot read the pages for its excerpts: it lists the titles. */
  if (location.protocol === "file:" && typeof DOCUMENTATION_OPTIONS !== "undefined") {
    DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
  }

  /* On a page with a margin note and no list of sections the theme's script looks for the
     missing list and fails: it gets an empty one. */
  if (!document.querySelector("div.bd-sidebar-secondary")) {
    var empty = document.createElement("div");
    empty.className = "bd-sidebar-secondary";
    empty.style.display = "none";
    document.body.appendChild(empty);
  }

  document.addEventListener("DOMContentLoaded", function () {
    whenMathIsReady().then(mathIsReady, mathIsReady);
    markScrollable();
    openTarget();
    printOpen();
  });
  window.addEventListener("hashchange", openTarget);
  window.addEventListener("resize", markScrollable);
  document.addEventListener("toggle", markScrollable, true);
  /* The theme sets its labels when the page is loaded: ours come after. */
  window.addEventListener("load", function () {
    setTimeout(function () { labelButtons(); markScrollable(); }, 0);
  });
})();
