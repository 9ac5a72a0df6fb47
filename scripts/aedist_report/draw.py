"""Figures for a page that is light or dark, and for files beside it.

matplotlib draws with stand-in colours. In the page they become variables of its style sheet; in the
files those of paper. The colours of data are middle tones that both backgrounds bear.
"""

import base64
import dataclasses
import io
import re

import matplotlib
import matplotlib.backends.backend_agg
import matplotlib.backends.backend_svg
import matplotlib.figure
import matplotlib.ticker
import numpy
from matplotlib.collections import LineCollection
from PIL import Image

INK, MUTED, GRID, PAPER = "#010203", "#020304", "#030405", "#040506"
THEME = {
    INK: ("var(--ink)", "#22252b"),
    MUTED: ("var(--muted)", "#6a6f78"),
    GRID: ("var(--line)", "#dddddd"),
    PAPER: ("var(--paper)", "#ffffff"),
}
ACCENT = "#2a8ca6"
CATEGORIES = [
    "#2f83c5",
    "#d9614c",
    "#3f9f6e",
    "#b98022",
    "#8f6fc0",
    "#c25b94",
    "#6d8796",
    "#8a9a2b",
    "#4aa7b8",
    "#a8674a",
]
LEVELS = ["#3b7fc4", "#2f9e9e", "#6aa544", "#c59a2a", "#dc7437", "#c4435a"]  # few to much

matplotlib.rcParams.update(
    {
        "svg.fonttype": "none",
        "font.size": 10,
        "text.color": INK,
        "axes.labelcolor": MUTED,
        "axes.edgecolor": GRID,
        "axes.facecolor": "none",
        "figure.facecolor": "none",
        "savefig.facecolor": "none",
        "xtick.color": GRID,
        "ytick.color": GRID,
        "xtick.labelcolor": MUTED,
        "ytick.labelcolor": MUTED,
        "axes.grid": True,
        "grid.color": GRID,
        "grid.linewidth": 0.6,
        "axes.axisbelow": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.spines.left": False,
        "ytick.major.size": 0,
        "ytick.minor.size": 0,
        "xtick.minor.size": 0,
        "lines.linewidth": 1.8,
        "lines.solid_capstyle": "round",
        "axes.labelsize": 10,
        "xtick.labelsize": 9,
        "ytick.labelsize": 9,
        "legend.frameon": False,
        "axes.titlesize": 10,
        "axes.formatter.useoffset": False,
        "axes.formatter.limits": (-3, 5),
    }
)


@dataclasses.dataclass
class Panel:
    """One picture. `html` is what stands in the page, `file` what is written beside it."""

    html: str
    label: str = ""
    file: str = ""  # its name
    content: bytes = b""
    wide: bool = False


@dataclasses.dataclass
class Exhibit:
    """Pictures that show one thing, and its numbers."""

    name: str
    title: str
    finding: str  # what it shows, in words: also for those who cannot see it
    how: str  # how to read it
    panels: list = dataclasses.field(default_factory=list)
    legend: list = dataclasses.field(default_factory=list)  # [(label, colour)]
    head: list = dataclasses.field(default_factory=list)
    rows: list = dataclasses.field(default_factory=list)
    pairs: bool = False  # every two panels belong together


def level_colours(count):
    """Colours of `count` ordered levels."""
    if count <= 1:
        return [ACCENT]
    knots = numpy.array([matplotlib.colors.to_rgb(colour) for colour in LEVELS])
    at = numpy.linspace(0, len(LEVELS) - 1, count)
    return [
        matplotlib.colors.to_hex(
            [numpy.interp(x, range(len(LEVELS)), knots[:, i]) for i in range(3)]
        )
        for x in at
    ]


def colours_of(values):
    """A colour for each: levels if they are numbers, else categories."""
    if len(values) > 1 and all(isinstance(value, (int, float, numpy.number)) for value in values):
        return level_colours(len(values))
    return [CATEGORIES[i % len(CATEGORIES)] for i in range(len(values))]


def axes(width=4.6, height=3.0, left=0.62):
    """A figure of one plot, in inches: `left` is the room of the tick labels."""
    figure = matplotlib.figure.Figure(figsize=(width, height), dpi=144)
    plot = figure.add_axes(
        [left / width, 0.5 / height, 1 - (left + 0.1) / width, 1 - 0.62 / height]
    )
    return figure, plot


def log_scale(axis, values):
    """A logarithmic axis ("x" or "y" of a plot) with few ticks: powers of ten or, where there
    are none of them, plain numbers."""
    values = numpy.asarray([value for value in values if numpy.isfinite(value) and value > 0])
    plot, side = axis
    getattr(plot, f"set_{side}scale")("log")
    ticks = getattr(plot, f"{side}axis")
    ticks.set_minor_locator(matplotlib.ticker.NullLocator())
    if values.size == 0:
        return
    decades = numpy.log10(values.max() / values.min())
    ticks.set_major_locator(
        matplotlib.ticker.MaxNLocator(4)
        if decades < 0.7
        else matplotlib.ticker.LogLocator(subs=(1,) if decades > 2 else (1, 2, 5), numticks=8)
    )
    ticks.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda value, _: tick_text(value)))


def tick_text(value):
    if 1e-3 <= abs(value) < 1e5:
        return f"{value:.4g}"
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa.replace('.0', '')}e{int(exponent)}"


# ---- SVG --------------------------------------------------------------------------------------


def panel(figure, name, alt, label="", wide=False):
    """The figure as a picture of the page and as a file."""
    text = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": name}):
        canvas = matplotlib.backends.backend_svg.FigureCanvasSVG(figure)
        canvas.print_svg(text, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    source = text.getvalue()
    return Panel(
        html=_inline(source, name, alt),
        label=label,
        wide=wide,
        file=f"{name}.svg",
        content=_on_paper(source).encode(),
    )


def _on_paper(source):
    at = source.index(">", source.index("<svg")) + 1
    paper = f'<rect width="100%" height="100%" fill="{PAPER}"/>'
    return _coloured(source[:at] + paper + source[at:], 1)


def with_legend(content, label, legend):
    """The file of a figure, with what the page has beside the figure written below it."""
    source = content.decode()
    view = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', source)
    width, height = float(view.group(1)), float(view.group(2))
    x, y, items = 6.0, height + 12, []
    for text, colour in ([(label, None)] if label else []) + list(legend):
        room = 5.6 * len(text) + (22 if colour else 12)
        if x > 6 and x + room > width:
            x, y = 6.0, y + 14
        colour = {"var(--ink)": INK, "var(--muted)": MUTED}.get(colour, colour)
        if colour:
            items.append(f'<circle cx="{x + 4:.1f}" cy="{y - 3:.1f}" r="3.5" fill="{colour}"/>')
        at = x + (11 if colour else 0)
        items.append(
            f'<text x="{at:.1f}" y="{y:.1f}" font-family="sans-serif" font-size="9"'
            f' fill="{INK}">{escape(text)}</text>'
        )
        x += room
    whole = y + 8 if items else height
    source = source.replace(view.group(), f'viewBox="0 0 {width:g} {whole:g}"', 1)
    source = re.sub(r' height="[\d.]+pt"', f' height="{whole:g}pt"', source, count=1)
    end = source.rindex("</svg>")
    return _coloured(source[:end] + "".join(items) + source[end:], 1).encode()


def _coloured(source, theme):
    for stand_in, colours in THEME.items():
        source = source.replace(stand_in, colours[theme])
    return source


def _inline(source, name, alt):
    body = source[source.index("<svg") :]
    view = re.search(r'viewBox="([^"]*)"', body).group(1)
    body = body[body.index(">") + 1 : body.rindex("</svg>")]
    body = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", body, flags=re.S)
    body = re.sub(
        r' (?:d|x|y|transform)="[^"]*"',
        lambda match: re.sub(r"(\d\.\d\d)\d+", r"\1", match.group()),
        body,
    )
    body = re.sub(r' transform="rotate\(-0 [^"]*"', "", body)
    body = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", body)
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', body))

    def keep(match):
        if match.group(1) in used:
            return f' id="{name}-{match.group(1)}"'
        return f' data-part="{match.group(1)}"' if match.group(1).startswith("part-") else ""

    body = re.sub(r' id="([^"]*)"', keep, body)
    body = re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", body)
    body = re.sub(r"\n?\s*\n\s*", " ", body)
    width = float(view.split()[2])
    return (
        f'<svg class="plot" viewBox="{view}" role="img" aria-label="{escape(alt)}" '
        f'style="max-width:{width * 1.55:.0f}px" xmlns:xlink="http://www.w3.org/1999/xlink">'
        f"{_coloured(body, 0)}</svg>"
    )


def escape(text):
    return (
        str(text)
        .replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace('"', "&quot;")
    )


# ---- Images -----------------------------------------------------------------------------------


def png(pixels):
    """Pixels [H][W], [H][W][3] or [H][W][4] of bytes as a PNG file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True)
    return file.getvalue()


def animation(frames, milliseconds=200):
    """Frames of bytes, all alike in shape, as an animated PNG."""
    images = [Image.fromarray(frame) for frame in frames]
    file = io.BytesIO()
    images[0].save(
        file,
        "PNG",
        save_all=True,
        append_images=images[1:],
        loop=0,
        duration=[milliseconds] * (len(images) - 1) + [4 * milliseconds],
    )
    return file.getvalue()


def data_uri(content, kind="image/png"):
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def image(content, alt, width=0, kind=""):
    """A PNG in the page; `width` pixels at most."""
    style = f' style="max-width:{width}px"' if width else ""
    return f'<img class="{kind or "pixels"}"{style} alt="{escape(alt)}" src="{data_uri(content)}">'


def grey(values, low, high):
    """[H][W] or [H][W][3] numbers as bytes."""
    scaled = (numpy.asarray(values, dtype=float) - low) / ((high - low) or 1)
    return (numpy.clip(numpy.nan_to_num(scaled), 0, 1) * 255 + 0.5).astype(numpy.uint8)


def signed(values, most):
    """[H][W] numbers of both signs as bytes: blue and red, transparent at 0, for any background."""
    values = numpy.nan_to_num(numpy.asarray(values, dtype=float))
    colours = numpy.array(
        [matplotlib.colors.to_rgb(LEVELS[0]), matplotlib.colors.to_rgb(LEVELS[4])]
    )
    pixels = numpy.empty(values.shape + (4,), dtype=numpy.uint8)
    pixels[..., :3] = (colours[(values > 0).astype(int)] * 255).astype(numpy.uint8)
    pixels[..., 3] = (numpy.clip(numpy.abs(values) / (most or 1), 0, 1) * 255).astype(numpy.uint8)
    return pixels


def side_by_side(tiles, gap, fill):
    """Tiles of equal shape beside each other."""
    shape = (tiles[0].shape[0], gap) + tiles[0].shape[2:]
    between = numpy.full(shape, fill, dtype=tiles[0].dtype)
    parts = [part for tile in tiles for part in (between, tile)][1:]
    return numpy.concatenate(parts, axis=1)


# ---- Small multiples ----------------------------------------------------------------------------


@dataclasses.dataclass
class Line:
    y: numpy.ndarray
    colour: str = INK
    width: float = 1.6
    dashed: bool = False
    alpha: float = 1.0
    part: str = ""  # a name by which the page's script finds it


class Cells:
    """Many small plots of lines in one figure, all to the same scale; cheap, without axes."""

    TOP, MARGIN = 0.2, 0.05  # parts of a cell: above for the title, and around the lines

    def __init__(self, count, low, high, columns=4, width=1.9, height=1.2):
        self.columns = max(1, min(columns, count))
        self.rows = -(-count // self.columns)
        self.low, self.high = (low, high) if high > low else (low - 1, high + 1)
        self.size = (self.columns * width, self.rows * height)
        self.lines, self.titles = [], []

    def place(self, cell, y):
        """The points of a line in a cell, in cells from the upper left."""
        y = numpy.asarray(y, dtype=float).ravel()
        row, column = divmod(cell, self.columns)
        x = numpy.linspace(0, 1, y.size) if y.size > 1 else numpy.array([0.5])
        x = column + self.MARGIN + (1 - 2 * self.MARGIN) * x
        up = (numpy.nan_to_num(y) - self.low) / (self.high - self.low)
        room = 1 - self.TOP - self.MARGIN
        return numpy.stack([x, row + self.TOP + room * (1 - numpy.clip(up, -0.1, 1.1))], axis=1)

    def points(self, cell, y):
        """The same in the units of the SVG."""
        scale = [72 * self.size[0] / self.columns, 72 * self.size[1] / self.rows]
        return (self.place(cell, y) * scale).round(1)

    def add(self, cell, title, lines):
        self.titles.append((cell, title))
        self.lines += [(cell, line) for line in lines]

    def figure(self):
        figure = matplotlib.figure.Figure(figsize=self.size)
        self.placed = (
            matplotlib.transforms.Affine2D().scale(1 / self.columns, -1 / self.rows).translate(0, 1)
            + figure.transFigure
        )
        if self.low < 0 < self.high:
            self._draw(
                figure,
                [self.place(cell, [0, 0]) for cell, _ in self.titles],
                colors=GRID,
                linewidths=0.8,
            )
        kinds = {}
        for cell, line in self.lines:
            key = (line.colour, line.width, line.dashed, line.alpha, line.part)
            kinds.setdefault(key, []).append(self.place(cell, line.y))
        for (colour, width, dashed, alpha, part), paths in kinds.items():
            self._draw(
                figure,
                paths,
                colors=colour,
                linewidths=width,
                alpha=alpha,
                capstyle="round",
                linestyles=[(0, (3, 2))] if dashed else "solid",
                gid=f"part-{part}" if part else None,
            )
        for cell, title in self.titles:
            row, column = divmod(cell, self.columns)
            figure.text(
                column + self.MARGIN,
                row + 0.13,
                title,
                fontsize=8.5,
                color=MUTED,
                transform=self.placed,
            )
        return figure

    def _draw(self, figure, paths, **look):
        # Without axes, whose ticks would cost more than all the lines.
        figure.add_artist(LineCollection(paths, transform=self.placed, **look))


def raster_frames(cells, y, x, captions):
    """Frames of bytes of moving lines: what stands still is drawn once, on paper's colours."""
    figure = cells.figure()
    figure.set_facecolor("white")
    figure.set_dpi(80)
    canvas = matplotlib.backends.backend_agg.FigureCanvasAgg(figure)
    moving = next(item for item in figure.artists if item.get_gid() == "part-output")
    moving.set_visible(False)
    told = figure.text(0.01, 0.02, "", fontsize=8, color=INK)
    canvas.draw()
    still = canvas.copy_from_bbox(figure.bbox)
    moving.set_visible(True)
    scale = numpy.array([cells.columns / (72 * cells.size[0]), cells.rows / (72 * cells.size[1])])
    frames = []
    for xs, ys, caption in zip(x, y, captions):
        canvas.restore_region(still)
        moving.set_segments([numpy.stack(line, axis=1) * scale for line in zip(xs, ys)])
        told.set_text(caption)
        figure.draw_artist(moving)
        figure.draw_artist(told)
        frames.append(numpy.asarray(canvas.buffer_rgba())[..., :3].copy())
    return frames
