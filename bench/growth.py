"""Draws what an operation costs among more and more others: an SVG, both axes logarithmic."""

import math

WIDTH, HEIGHT, MARGIN = 640, 400, 60
COLOURS = ["#1b6ca8", "#c2571a", "#7a4fa3", "#a3264f", "#3a7d44"]


def draw(curves, path):
    """`curves`: {name: {how many: nanoseconds}}."""
    last = max(n for curve in curves.values() for n in curve)
    top = max(value for curve in curves.values() for value in curve.values())
    decades_x = math.ceil(math.log10(last))
    decades_y = math.ceil(math.log10(top))

    def x(n):
        return MARGIN + (WIDTH - 2 * MARGIN) * math.log10(n) / decades_x

    def y(ns):
        return HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * math.log10(max(ns, 1)) / decades_y

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
           f'font-size="12"><rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>']
    for d in range(decades_x + 1):
        out.append(f'<line x1="{x(10 ** d):.0f}" x2="{x(10 ** d):.0f}" y1="{MARGIN}" y2="{HEIGHT - MARGIN}" '
                   f'stroke="#ddd"/><text x="{x(10 ** d):.0f}" y="{HEIGHT - MARGIN + 18}" '
                   f'text-anchor="middle">{10 ** d:,}</text>')
    for d in range(decades_y + 1):
        out.append(f'<line x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{y(10 ** d):.0f}" y2="{y(10 ** d):.0f}" '
                   f'stroke="#ddd"/><text x="{MARGIN - 8}" y="{y(10 ** d) + 4:.0f}" text-anchor="end">{10 ** d:,} ns</text>')
    for (name, curve), colour in zip(curves.items(), COLOURS):
        points = sorted(curve.items())
        line = " ".join(f"{x(n):.1f},{y(ns):.1f}" for n, ns in points)
        out.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out.extend(f'<circle cx="{x(n):.1f}" cy="{y(ns):.1f}" r="3" fill="{colour}"/>' for n, ns in points)
        n, ns = points[-1]
        out.append(f'<text x="{x(n) - 4:.0f}" y="{y(ns) - 8:.0f}" text-anchor="end" fill="{colour}">{name}</text>')
    out.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 12}" text-anchor="middle">how many others there are</text>')
    out.append(f'<text x="{WIDTH / 2}" y="28" text-anchor="middle">nanoseconds an operation</text></svg>')
    with open(path, "w") as f:
        f.write("\n".join(out) + "\n")
