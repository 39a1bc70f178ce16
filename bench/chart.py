"""A bar chart as SVG, plain text: readable in any browser, in light and in dark."""

import html

WIDTH, LABEL, BAR, GAP = 760, 250, 22, 10
STYLE = """
  text { font: 13px sans-serif; fill: #444 }
  .title { font-weight: bold }
  .ours { fill: #1f7a8c } .other { fill: #b8c0c8 } .floor { fill: #5d6d7e }
  @media (prefers-color-scheme: dark) { text { fill: #ccc } }
"""


def bars(title, entries):
    """`entries`: (label, value, what is written beside it, class). Bars are as long as their value,
    on one scale from zero."""
    most = max(value for _, value, _, _ in entries)
    room = WIDTH - LABEL - 130
    height = 40 + len(entries) * (BAR + GAP)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{html.escape(title)}</title>",
        f"<style>{STYLE}</style>",
        f'<text class="title" x="10" y="20">{html.escape(title)}</text>',
    ]
    for number, (label, value, text, kind) in enumerate(entries):
        top = 36 + number * (BAR + GAP)
        length = max(1, round(room * value / most))
        lines += [
            f'<text x="{LABEL - 8}" y="{top + 16}" text-anchor="end">{html.escape(label)}</text>',
            f'<rect class="{kind}" x="{LABEL}" y="{top}" width="{length}" height="{BAR}" rx="2"/>',
            f'<text x="{LABEL + length + 8}" y="{top + 16}">{html.escape(text)}</text>',
        ]
    return "\n".join([*lines, "</svg>", ""])
