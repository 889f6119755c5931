"""Room for equations before they are set, so that the text around them doesn't jump.

The browser sets equations after the page is shown. Until then each one stands as an empty box
whose size is estimated here from its TeX, in units of the text's size. An estimate that is off by
a little moves the text by a little; without it a line of TeX is several times too wide.
"""

import re
from html import unescape

# Approximate widths of MathJax's glyphs in em, with the room that TeX puts around operators.
WIDTHS = {",": 0.45, ";": 0.45, ".": 0.28, "'": 0.28, "|": 0.28, "!": 0.28, "/": 0.5}
WIDTHS |= dict.fromkeys("()[]", 0.39)
WIDTHS |= dict.fromkeys("=<>:", 1.33)
WIDTHS |= dict.fromkeys("+-", 1.22)
LETTER = 0.56

COMMANDS = {r"\,": 0.17, r"\;": 0.28, r"\:": 0.22, r"\!": -0.17, r"\ ": 0.25, r"\\": 0.0}
COMMANDS |= {r"\quad": 1.0, r"\qquad": 2.0, r"\{": 0.5, r"\}": 0.5, r"\|": 0.5}
COMMANDS |= dict.fromkeys((r"\sum", r"\prod"), 1.6)
COMMANDS |= dict.fromkeys((r"\to", r"\gets", r"\le", r"\ge", r"\leq", r"\geq", r"\neq"), 1.4)
COMMANDS |= dict.fromkeys((r"\in", r"\approx", r"\equiv", r"\sim", r"\propto"), 1.3)
COMMANDS |= dict.fromkeys((r"\cdot", r"\times", r"\odot", r"\pm"), 1.0)
COMMANDS |= dict.fromkeys((r"\partial", r"\delta", r"\xi", r"\ell"), 0.5)
# Names that change how something looks and take no room of their own.
SILENT = {r"\left", r"\right", r"\big", r"\Big", r"\bigl", r"\bigr", r"\displaystyle", r"\limits"}
SILENT |= {r"\mathrm", r"\mathbf", r"\mathbb", r"\mathcal", r"\text", r"\hat", r"\bar", r"\tilde"}
SILENT |= {r"\boldsymbol", r"\operatorname", r"\underbrace", r"\overbrace", r"\vec", r"\sqrt"}
FRACTIONS = {r"\frac", r"\tfrac", r"\dfrac"}

TOKEN = re.compile(r"\\[a-zA-Z]+|\\.|\s+|.", re.DOTALL)
INLINE = re.compile(r'<span class="math notranslate nohighlight">\\\((.*?)\\\)</span>', re.DOTALL)
DISPLAY = re.compile(
    r'(<div class="(?:amsmath )?math notranslate nohighlight"[^>]*)>(.*?)</div>', re.DOTALL
)


def read_argument(tokens):
    """Width of the next group, command or letter."""
    token = next(tokens, "")
    while token.isspace():
        token = next(tokens, "")
    if token == "{":
        return read_group(tokens)
    if token in FRACTIONS:
        return max(read_argument(tokens), read_argument(tokens))
    return glyph_width(token)


def read_group(tokens):
    """Width of everything up to the closing brace, or to the end."""
    width = 0.0
    scripts = 0.0  # a subscript and a superscript of one symbol stand above each other
    for token in tokens:
        if token == "}":
            break
        if token in "_^" and token:
            scripts = max(scripts, 0.72 * read_argument(tokens))
            continue
        width, scripts = width + scripts, 0.0
        if token == "{":
            width += read_group(tokens)
        elif token in FRACTIONS:
            width += 0.24 + 0.75 * max(read_argument(tokens), read_argument(tokens))
        else:
            width += glyph_width(token)
    return width + scripts


def glyph_width(token):
    if not token or token.isspace() or token in SILENT or token in "&~":
        return 0.0
    if token in COMMANDS:
        return COMMANDS[token]
    if token.startswith("\\"):
        letters = token[1:]
        return 0.5 * len(letters) if letters in {"tanh", "log", "exp", "max", "min"} else 0.6
    return WIDTHS.get(token, LETTER)


def inline_width(tex):
    """Estimated width of an equation within a line, in em."""
    return max(0.4, read_group(iter(TOKEN.findall(tex))))


def row_height(row):
    """Estimated height of one line of a display equation, in em."""
    height = 1.3
    if any(name in row for name in FRACTIONS):
        height = 2.5
    if r"\sum" in row or r"\prod" in row:
        height = max(height, 3.0)
    if "brace" in row:
        height += 1.1
    return height


def display_height(tex):
    """Estimated height of a display equation, in em."""
    tex = re.sub(r"\\(?:begin|end)\{[a-z*]+\}", "", tex)
    rows = [row for row in re.split(r"\\\\(?:\[[^]]*\])?", tex) if row.strip()]
    return sum(row_height(row) for row in rows) + 0.3 * max(0, len(rows) - 1)


def with_width(match):
    width = inline_width(unescape(match[1]))
    return match[0].replace("<span ", f'<span style="--math-width:{width:.2f}em" ', 1)


def with_height(match):
    tex = unescape(re.sub(r"<span class=\"eqno\">.*?</span>", "", match[2]))
    height = display_height(tex.replace(r"\[", "").replace(r"\]", ""))
    return f'{match[1]} style="--math-height:{height:.2f}em">{match[2]}</div>'


def reserve_room(app, pagename, templatename, context, doctree):
    """Write the estimates into the page."""
    if "body" in context:
        body = INLINE.sub(with_width, context["body"])
        context["body"] = DISPLAY.sub(with_height, body)


def setup(app):
    app.connect("html-page-context", reserve_room, priority=820)
