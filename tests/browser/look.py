"""Looks at one report in every form that it has, says what is wrong with it, and takes its pictures."""

import base64
import pathlib
import shutil
import subprocess

CHECKS = (pathlib.Path(__file__).parent / "checks.js").read_text()

MOST_BYTES = 300_000
MOST_WORDS = 900
MOST_DRAW_MS = 500.0
# The width of a sheet of A4 between margins of 14 mm, in CSS pixels.
SHEET = 688

# Name, width, height, dark, medium.
FORMS = [
    ("light", 1280, 900, False, ""),
    ("dark", 1280, 900, True, ""),
    ("phone", 390, 844, False, ""),
    ("phone-dark", 390, 844, True, ""),
    ("print", SHEET, 900, False, "print"),
]


def look(page, file, shots=None, most_words=MOST_WORDS, most_bytes=MOST_BYTES):
    """What is wrong with a report, as sentences; and its figures. Pictures go to the folder `shots`."""
    wrong, figures = [], {"bytes": file.stat().st_size}
    if figures["bytes"] > most_bytes:
        wrong.append(f"bytes: {figures['bytes']}, at most {most_bytes}")
    for name, width, height, dark, media in FORMS:
        page.look(width, height, dark, media)
        page.open(str(file))
        if media:
            page.run("dispatchEvent(new Event('beforeprint'))")
        found = page.run(CHECKS)
        if name == "light":
            figures["words"], figures["bars"] = found["words"], found["bars"]
            if found["words"] > most_words:
                wrong.append(f"words: {found['words']} unfolded, at most {most_words}")
            figures["draw"] = min(found["draw"], *(drawn(page, file) for _ in range(2)))
            if figures["draw"] > MOST_DRAW_MS:
                wrong.append(f"draw: {figures['draw']:.0f} ms, at most {MOST_DRAW_MS:.0f}")
        if media and found["folded"]:
            wrong.append(f"folded: {found['folded']} sections stay folded in print")
        wrong += [f"{name}: {one}" for one in found["wrong"]]
        if not media:
            # What is folded has to hold too, once it is opened.
            page.run("document.querySelectorAll('details').forEach(fold => { fold.open = true; })")
            wrong += [f"{name}, opened: {one}" for one in page.run(CHECKS)["wrong"] if one not in found["wrong"]]
        said, asked = page.heard()
        wrong += [f"console: {one}" for one in said] + [f"network: {one}" for one in asked]
    if shots:
        take(page, file, shots)
    return wrong, figures


def drawn(page, file):
    page.open(str(file))
    return page.run(CHECKS)["draw"]


def take(page, file, shots):
    """The first screen, the whole page light and dark, a phone's, and print as pages."""
    shots.mkdir(parents=True, exist_ok=True)
    for name, width, height, dark, whole in [
        ("first", 1280, 900, False, False), ("first-phone", 390, 844, False, False),
        ("whole", 1280, 900, False, True), ("whole-dark", 1280, 900, True, True), ("whole-phone", 390, 844, False, True),
    ]:
        page.look(width, height, dark)
        page.open(str(file))
        clip = {}
        if whole:
            page.run("document.querySelectorAll('details').forEach(fold => { fold.open = true; })")
            tall = page.run("document.documentElement.scrollHeight")
            clip = {"captureBeyondViewport": True, "clip": {"x": 0, "y": 0, "width": width, "height": tall, "scale": 1}}
        shot = page.call("Page.captureScreenshot", format="png", **clip)["data"]
        (shots / f"{name}.png").write_bytes(base64.b64decode(shot))
    page.look(1280, 900)
    page.open(str(file))
    sheets = page.call("Page.printToPDF", preferCSSPageSize=False, paperWidth=8.27, paperHeight=11.69)["data"]
    (shots / "print.pdf").write_bytes(base64.b64decode(sheets))
    if shutil.which("pdftoppm"):
        subprocess.run(["pdftoppm", "-png", "-r", "60", shots / "print.pdf", shots / "print"], check=True)
