"""Reports that are broken in one way each: every check has to find its own."""

# What only some reports have.
MARGIN = '<rect class="margin"'

# The check, what is put at the end of the page's body, and what the page must have for it.
BROKEN = [
    ("width", '<p style="width:3000px">wide</p>'),
    ("width", '<div style="width:200px;overflow:hidden"><div style="width:500px">cut</div></div>'),
    ("size", '<p style="font-size:9px">small</p>'),
    ("size", '<svg width="100" height="50" viewBox="0 0 1000 500"><text y="200" font-size="40">small</text></svg>'),
    ("contrast", '<p style="color:#909090;background:#ffffff">pale</p>'),
    ("contrast", '<details><summary>more</summary><p style="color:#909090;background:#ffffff">pale</p></details>'),
    ("console", "<script>console.log('a word')</script>"),
    ("console", "<script>throw new Error('broken')</script>"),
    ("network", '<img src="http://127.0.0.1:9/a.png" alt=""/>'),
    ("verdict", "<style>td.verdict strong { position: absolute; left: 2000px }</style>"),
    ("verdict", "<style>td.verdict { display: none !important }</style>"),
    ("drawn", "<style>svg.forest .interval { transform: translateX(9px) }</style>"),
    ("drawn", "<style>svg.forest > svg > * { transform: translateX(9px) }</style>"),
    ("drawn", "<style>svg.forest .interval { display: none }</style>"),
    ("drawn", "<style>svg.forest .margin { transform: scaleX(0.9) }</style>", MARGIN),
    ("drawn", "<style>svg.forest .margin { display: none }</style>", MARGIN),
    ("drawn", "<style>svg.scale { width: 92% }</style>"),
    ("drawn", """<script>for (const told of document.querySelectorAll('td.plot > span')) {
      told.textContent = told.textContent.replace(/\\d/, digit => (Number(digit) + 5) % 10);
    }</script>"""),
    ("title", "<script>document.querySelectorAll('g > title').forEach(title => title.remove())</script>"),
    ("highlight", "<style>figure svg * { opacity: 1 !important }</style>"),
    ("highlight", "<style>figure svg * { opacity: .15 !important }</style>"),
    ("words", "<p>" + "word " * 1000 + "</p>"),
    ("bytes", "<!--" + "x" * 300_000 + "-->"),
    ("draw", "<script>for (const end = Date.now() + 800; end > Date.now();) {}</script>"),
    ("folded", "<style>details > section { display: none !important }</style>"),
]


def spoiled(report, more):
    """The page with something put into its body."""
    # What blocks drawing has to come before anything is drawn.
    place = "<main>" if "Date.now" in more else "</body>"
    assert place in report
    return report.replace(place, more + place, 1) if place == "</body>" else report.replace(place, place + more, 1)
