"""A figure as inline SVG: static, crisp in print, with a text alternative and no script."""

from __future__ import annotations

import json
import re

import altair as alt
import vl_convert
from markupsafe import Markup, escape

from cytowatch.report.theme import FONT, styled

_VERSION = ".".join(alt.SCHEMA_VERSION.lstrip("v").split(".")[:2])
_OPENING = re.compile(r"<svg [^>]*?width=\"([\d.]+)\" height=\"([\d.]+)\"[^>]*>")
_NOISE = re.compile(r' (?:class|role|pointer-events|aria-[a-z]+)="[^"]*"')
_FONT = re.compile(r' font-family="[^"]*"')
_HIDDEN = re.compile(r'<path[^>]*? d=""[^>]*/>|<path d="M0,0h0v0h0Z"/>| opacity="1"')
_IDS = re.compile(r'(id="|url\(#)((?:clip|gradient)[^")]*)')
_LONG_NUMBER = re.compile(r"(\d+\.\d{2})\d+")

# Drawn once a page; figures refer to it for everything that is unknown.
HATCH_DEFINITION = Markup(
    '<svg width="0" height="0" aria-hidden="true" focusable="false" style="position:absolute"><defs>'
    '<pattern id="cw-hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="1.6" height="6" fill="#7b8794"/></pattern></defs></svg>'
)


def inline(chart: alt.TopLevelMixin, *, name: str, label: str, least_width: float = 0.0) -> Markup:
    """The chart as one ``<svg role="img">`` element with a title.

    ``name`` must be unique on the page; ``label`` says in a sentence what the figure shows. ``least_width``: room is
    left at the right up to this width, so that figures under each other shrink alike.
    """
    spec = json.dumps(styled(chart))
    # The figure maker escapes every text in it, and the label is escaped here; the tests hold both to it.
    return Markup(_tidy(vl_convert.vegalite_to_svg(spec, vl_version=_VERSION), name, label, least_width))  # noqa: S704


def _tidy(svg: str, name: str, label: str, least_width: float) -> str:
    opening = _OPENING.match(svg)
    if opening is None:
        raise AssertionError("the figure maker returned no SVG element")
    height = opening[2]
    width = f"{max(float(opening[1]), least_width):g}"
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="{name}-title" width="{width}" '
        f'height="{height}" viewBox="0 0 {width} {height}" font-family="{FONT}">'
        f'<title id="{name}-title">{escape(label)}</title>'
    )
    body = _FONT.sub("", _HIDDEN.sub("", _NOISE.sub("", svg[opening.end() :])))
    # Ids are made afresh in every figure, and a page has many figures.
    body = _IDS.sub(rf"\1{name}-\2", body)
    return head + _LONG_NUMBER.sub(r"\1", body)
