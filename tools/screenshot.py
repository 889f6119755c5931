"""Take a picture of a page of the built book with the system's Chromium.

    python tools/screenshot.py book/counting/linear-rnn.html --width 390 --scheme dark --full
    python tools/screenshot.py book/index.html --clip 800 -o page.png

PAGE is a page of the built site (`_build/html`, or the folder given by --site), or the path of any
HTML file. Without --full or --clip the picture shows what fits in the window.
"""

import argparse
import functools
import http.server
import shutil
import sys
import threading
from pathlib import Path

from playwright.sync_api import sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
FLAGS += ["--disable-component-update", "--disable-sync"]


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def serve(folder):
    """Serve a folder on this machine alone; returns the server, which runs in a thread."""
    handler = functools.partial(QuietHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def find_browser():
    for name in BROWSERS:
        if path := shutil.which(name):
            return path
    sys.exit(f"no browser found; looked for {', '.join(BROWSERS)} on the path")


def locate(page, site):
    """Folder to serve and the page's address in it."""
    if (site / page).is_file():
        return site, page
    path = Path(page)
    if path.is_file():
        return path.parent, path.name
    sys.exit(f"no page {page} in {site}, and no such file")


def shoot(address, options):
    """Open the address, wait until its equations are set, and write the picture."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
        page = browser.new_page(
            viewport={"width": options.width, "height": options.height},
            color_scheme=options.scheme,
            device_scale_factor=options.scale,
        )
        page.goto(address, wait_until="load")
        page.evaluate("window.MathJax?.startup?.promise ?? Promise.resolve()")
        if options.open:
            page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
        page.wait_for_timeout(300)
        clip = {"x": 0, "y": 0, "width": options.width, "height": options.clip}
        page.screenshot(
            path=options.output,
            full_page=options.full or bool(options.clip),
            clip=clip if options.clip else None,
        )
        browser.close()


def parse(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("page", help="page of the site, or path of an HTML file")
    parser.add_argument("--site", type=Path, default=Path("_build/html"), help="the built site")
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=900)
    parser.add_argument("--scale", type=float, default=1.0, help="dots per pixel (2: sharper)")
    parser.add_argument("--scheme", choices=["light", "dark"], default="light")
    parser.add_argument("--full", action="store_true", help="the whole page")
    parser.add_argument("--clip", type=int, metavar="HEIGHT", help="the top of the page")
    parser.add_argument("--open", action="store_true", help="with all drop-downs open")
    parser.add_argument("-o", "--output", type=Path, default=Path("page.png"))
    return parser.parse_args(arguments)


def main(arguments=None):
    options = parse(arguments)
    folder, page = locate(options.page, options.site)
    server = serve(folder)
    try:
        shoot(f"http://127.0.0.1:{server.server_port}/{page}", options)
    finally:
        server.shutdown()
    print(f"wrote {options.output}")


if __name__ == "__main__":
    main()
