# SPDX-License-Identifier: BSD-3-Clause
"""A page of HTML that needs no other file, with its figures beside it as PNG and SVG."""

from __future__ import annotations

import base64
import html
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glassnmr import plots
from glassnmr.files import replacing
from glassnmr.version import __version__

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["ReportPage", "table_text"]


class ReportPage:
    """Grows by text and figures, and is written last; ValueError for a path that does not end in .html."""

    def __init__(self, path: str | os.PathLike[str], title: str) -> None:
        self._path, self._title = Path(path), title
        if self._path.suffix not in (".html", ".htm"):
            raise ValueError(f"a report is written as .html, got {self._path}")
        self._written: list[Path] = []
        self._parts: list[str] = []

    def beside(self, ending: str) -> Path:
        """A file that belongs to the page: its name with another ending."""
        self._written.append(self._path.with_name(self._path.stem + ending))
        return self._written[-1]

    def add(self, *parts: str) -> None:
        """Parts of the body, as HTML."""
        self._parts += parts

    def add_figure(self, name: str, figure: Figure, caption: str) -> None:
        """A figure in the page, and as PNG and SVG beside it."""
        for suffix in (".png", ".svg"):
            plots.save_figure(figure, self.beside(f"-{name}{suffix}"))
        self._parts.append(_embedded(figure, caption))

    def write(self, settings: Mapping[str, Any]) -> list[Path]:
        """The page, settings at its end; all files written, the page last."""
        if settings:
            lines = "\n".join(f"{name} = {value}" for name, value in settings.items())
            self._parts.append(f"<h3>Settings</h3><pre>{html.escape(lines)}</pre>")
        with replacing(self._path) as file:
            file.write(_PAGE.format(title=html.escape(self._title), body="\n".join(self._parts), version=__version__))
        return [*self._written, self._path]


def _embedded(figure: Figure, caption: str) -> str:
    """A figure inside the page, as SVG, or as PNG where that is smaller."""
    with io.BytesIO() as vector, io.BytesIO() as raster:
        figure.savefig(vector, format="svg")
        figure.savefig(raster, format="png")
        svg, png = vector.getvalue(), raster.getvalue()
    kind, data = ("svg+xml", svg) if len(svg) < 4 * len(png) else ("png", png)
    text = base64.b64encode(data).decode()
    alt = html.escape(caption, quote=True)
    width = figure.get_figwidth()
    return (f'<figure style="width:{width:.2f}in"><img alt="{alt}" src="data:image/{kind};base64,{text}">'
            f"<figcaption>{html.escape(caption)}</figcaption></figure>")


def table_text(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table as HTML."""
    top = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; color: #1a1a1a; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }}
h1 {{ font-size: 1.5rem; }} h2 {{ font-size: 1.25rem; margin-top: 2.5rem; }} h3 {{ font-size: 1.05rem; }}
table {{ border-collapse: collapse; font-size: 13px; margin: 1rem 0; font-variant-numeric: tabular-nums; }}
th {{ text-align: left; border-bottom: 1px solid #1a1a1a; padding: 2px 12px 2px 0; }}
td {{ border-bottom: 1px solid #e4e4e4; padding: 2px 12px 2px 0; }}
figure {{ display: inline-block; margin: 0.8rem 1.2rem 0.8rem 0; vertical-align: top; max-width: 100%; }}
figure img {{ width: 100%; height: auto; }}
figcaption {{ font-size: 12.5px; color: #555; }}
pre {{ font-size: 12px; background: #f6f6f6; padding: 0.8rem; overflow-x: auto; }}
footer {{ color: #777; font-size: 12px; margin-top: 2rem; }}
</style>
</head>
<body>
<h1>{title}</h1>
{body}
<footer>glassnmr {version}</footer>
</body>
</html>
"""
