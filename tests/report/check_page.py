"""Looks at pages in a browser: check_page.py PAGE ... ; screenshots go beside each page."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from browser import Browser  # noqa: E402

SHOW_ALL = """
document.querySelectorAll(".trial, [role=tabpanel]").forEach((item) => item.hidden = false);
document.querySelectorAll("details").forEach((item) => item.open = true)"""


def check(truth, what):
    if not truth:
        sys.exit(f"FAILED: {what}")


def check_figures(browser, page):
    """Every image has pixels, every drawing has size and lines, and all have words."""
    browser.run(SHOW_ALL)
    browser.run("Promise.all([...document.images].map((image) => image.decode()))")
    bad = browser.run("""[...document.images].filter((image) => !image.naturalWidth || !image.alt ||
        image.getBoundingClientRect().width < 5).map((image) => image.alt)""")
    check(not bad, f"{page}: images that are not there or say nothing: {bad}")
    bad = browser.run("""[...document.querySelectorAll("svg")].filter((item) =>
        item.getBoundingClientRect().width < 50 || item.getBoundingClientRect().height < 20 ||
        !item.querySelector("path, image") || item.getAttribute("aria-label").length < 10)
        .map((item) => item.outerHTML.slice(0, 200))""")
    check(not bad, f"{page}: drawings that are not there or say nothing: {bad}")
    count = browser.run("""document.querySelectorAll("svg, img").length""")
    check(count > 1, f"{page}: {count} figures")
    bad = browser.run("""[...document.querySelectorAll(".exhibit")].filter((item) =>
        !item.querySelector("svg, img, table") ||
        item.querySelector(".finding").textContent.length < 10)
        .map((item) => item.id)""")
    check(not bad, f"{page}: exhibits without figure or finding: {bad}")
    bad = browser.run("""(() => { const seen = new Set();
        return [...document.querySelectorAll("[id]")].map((item) => item.id)
            .filter((id) => seen.size === seen.add(id).size); })()""")
    check(not bad, f"{page}: ids that are there twice: {bad}")
    bad = browser.run("""/\\b(nan|NaN|None|undefined|Infinity)\\b/.exec(
        [...document.querySelectorAll("header, figcaption, .how, .facts, svg")]
            .map((item) => item.textContent)
            .join(" "))?.input.slice(0, 100)""")
    check(not bad, f"{page}: says {bad}")


def check_width(browser, page):
    for width in 1280, 360:
        for dark in False, True:
            browser.look(width, dark=dark)
            wide = browser.run("document.documentElement.scrollWidth")
            check(wide <= width, f"{page}: {wide} pixels wide in a window of {width}")
            paper, ink = browser.run("""[getComputedStyle(document.body).backgroundColor,
                getComputedStyle(document.body).color].map((text) => text.match(/\\d+/g)
                .slice(0, 3).reduce((sum, value) => sum + +value, 0))""")
            check((paper < ink) == dark, f"{page}: is not {'dark' if dark else 'light'}")
            browser.screenshot(f"{page[:-5]}-{width}-{'dark' if dark else 'light'}.png")
    browser.look(1280)


def check_tabs(browser, page):
    first = '[role="tablist"] [role="tab"]'
    count = browser.run("""document.querySelector('[role="tablist"]').children.length""")
    check(count > 1, f"{page}: no tabs")

    def chosen(number):
        """Whether this tab of the first row is selected, and its panel alone is seen."""
        return browser.becomes(f"""(() => {{
            const row = document.querySelector('[role="tablist"]');
            const here = (items) => [...items].map((item, i) => i === {number});
            const same = (a, b) => a.join() === b.join();
            const alone = (test) => same([...row.children].map(test), here(row.children));
            return alone((tab) => tab.ariaSelected === "true") &&
                alone((tab) => tab.tabIndex === 0) &&
                alone((tab) => !document.getElementById(
                    tab.getAttribute("aria-controls")).hidden); }})()""")

    check(chosen(0), f"{page}: the first tab must be chosen at first")
    browser.click(f"{first}:nth-child(2)")
    check(chosen(1), f"{page}: a click chooses no tab")
    browser.press("ArrowLeft")
    check(chosen(0), f"{page}: an arrow chooses no tab")
    check(browser.run("document.activeElement.id").endswith("-1"), f"{page}: the focus stays")
    browser.press("ArrowLeft")
    check(chosen(count - 1), f"{page}: the arrows must lead round")
    browser.press("Home")
    check(chosen(0), f"{page}: Home does not choose the first tab")
    browser.press("End")
    check(chosen(count - 1), f"{page}: End does not choose the last tab")


def check_slider(browser, page):
    """In the trial that is shown; by keys, by mouse, and played."""
    player = """document.querySelector(".player")"""
    slider, button = f"{player}.querySelector('input')", f"{player}.querySelector('button')"
    told = f"{player}.querySelector('output').textContent"
    picture = f"""(() => {{ const film = document.getElementById({player}.dataset.film);
        const image = film.querySelector("img"), line = '[data-part="part-output"] path';
        return image ? getComputedStyle(image).transform
            : film.querySelector(line).getAttribute("d"); }})()"""
    tab = browser.run(f"{player}.closest('[role=tabpanel]').getAttribute('aria-labelledby')")
    browser.click(f"[id='{tab}']")
    check(browser.becomes(f"!!{slider}.offsetParent"), f"{page}: the slider is not seen")
    last = browser.run(picture)
    browser.run(f"{slider}.focus()")
    browser.press("Home")
    check(browser.becomes(f"{slider}.value === '0'"), f"{page}: Home does not move the slider")
    text = browser.run(told)
    check(text.startswith("epoch 0"), f"{page}: at its start the slider says {text}")
    check(text == browser.run(f"{slider}.ariaValueText"), f"{page}: it says two things")
    check(browser.run(picture) != last, f"{page}: the slider changes nothing")
    browser.press("ArrowRight")
    check(browser.becomes(f"{slider}.value === '1'"), f"{page}: an arrow moves no slider")
    browser.press("End")
    check(browser.becomes(f"{slider}.value === {slider}.max"), f"{page}: End moves no slider")
    browser.click(".player input")
    check(
        browser.becomes(f"+{slider}.value > 0 && +{slider}.value < +{slider}.max"),
        f"{page}: a click does not move the slider",
    )
    browser.press("Home")
    browser.click(".player button")
    check(browser.becomes(f"{slider}.value === {slider}.max", 60), f"{page}: it is not played")
    check(browser.becomes(f"{button}.ariaPressed === 'false'"), f"{page}: it does not stop")
    check(browser.run(picture) == last, f"{page}: played to its end it shows something else")


def check_choice(browser, page):
    ids = browser.run(
        "[...document.querySelectorAll('#which option')].map((option) => option.value)"
    )
    shown = (
        "[...document.querySelectorAll('.trial')].filter((item) => !item.hidden).map((item) =>"
        " item.dataset.trial)"
    )
    check(browser.run(shown) == ids[:1], f"{page}: one trial must be shown at first")
    if len(ids) > 1:
        browser.run("document.getElementById('which').focus()")
        browser.run("""(() => { const which = document.getElementById("which");
            which.selectedIndex = 1; which.dispatchEvent(new Event("change")); })()""")
        check(browser.run(shown) == ids[1:2], f"{page}: another trial was chosen and is not shown")
        browser.run("""(() => { const which = document.getElementById("which");
            which.selectedIndex = 0; which.dispatchEvent(new Event("change")); })()""")


def check_sorting(browser, page):
    browser.run("document.querySelectorAll('#trials details').forEach((item) => item.open = true)")
    column = """[...document.querySelector('.sortable').tBodies[0].rows].map((row) =>
        row.querySelector('th').textContent)"""
    browser.click(".sortable thead th:first-child button")
    up = browser.run(column)
    check(up == sorted(up), f"{page}: the table is not sorted")
    browser.run("document.querySelector('.sortable thead button').focus()")
    browser.press("Enter", "\r")
    check(browser.run(column) == up[::-1], f"{page}: Enter does not sort the other way round")


def main(pages):
    with Browser() as browser:
        for page in pages:
            browser.look(1280)
            browser.open(page)
            has = {
                name: browser.run(f"!!document.querySelector('{name}')")
                for name in ("[role=tab]", ".player", "#which", ".sortable")
            }
            if has["#which"]:
                check_choice(browser, page)
            if has["[role=tab]"]:
                check_tabs(browser, page)
            if has[".player"]:
                check_slider(browser, page)
            check_sorting(browser, page)
            check_width(browser, page)
            check_figures(browser, page)
            check(not browser.errors, f"{page}: {browser.errors}")
            with open(page, encoding="utf-8") as file:
                check(len(file.read()) < 10e6, f"{page}: more than 10 MB")


main(sys.argv[1:])
