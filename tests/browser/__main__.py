"""Looks at reports in headless Chromium: `python3 tests/browser CHROMIUM SHOTS REPORT.html...`."""

import pathlib
import sys
import tempfile

from broken import BROKEN, spoiled
from cdp import Browser, Page
from look import look


def misses(page, reports):
    """The checks that do not find what they are for, each on the first report that has it."""
    missed = []
    texts = [report.read_text() for report in reports]
    for check, more, *needs in BROKEN:
        text = next((text for text in texts if all(need in text for need in needs)), None)
        if text is None:
            # A report that is looked at alone need not have all that can be broken.
            if len(reports) > 1:
                missed.append(f"no report has {needs}, so nothing tries the check '{check}' with {more[:60]!r}")
            continue
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "report.html"
            file.write_text(spoiled(text, more))
            wrong, _ = look(page, file)
        if not any(check in one.split(": ")[:2] for one in wrong):
            missed.append(f"the check '{check}' does not find {more[:60]!r}")
    return missed


def main(chromium, shots, *reports):
    browser = Browser(chromium)
    page = Page(browser)
    failed = False
    for name in reports:
        file = pathlib.Path(name).resolve()
        # Eight paths have more to say than three: 100 KB a path, as the example has.
        most = {"most_words": 1500, "most_bytes": 800_000} if file.parent.name == "eight" else {}
        wrong, figures = look(page, file, pathlib.Path(shots) / file.parent.name, **most)
        print(f"{file.parent.name}: {figures['bytes']} bytes, {figures['words']} words unfolded, "
              f"{figures['bars']} bars read back, drawn in {figures['draw']:.0f} ms, {len(wrong)} wrong")
        for one in wrong:
            print(f"  {one}")
        failed |= bool(wrong)
    if not failed:
        missed = misses(page, [pathlib.Path(name).resolve() for name in reports])
        print("\n".join(missed) or f"each of {len(BROKEN)} broken pages was found out")
        failed = bool(missed)
    browser.close()
    print(f"pictures: {pathlib.Path(shots).resolve()}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
