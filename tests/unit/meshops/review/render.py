"""A comment as a reviewer sees it: `python -m tests.unit.meshops.review.render build/pr/comment.md build/pr/look`.

Writes `<target>-<light|dark>-<wide|narrow>.png`, by headless Chromium (Debian: chromium, fonts-noto-color-emoji). The
Markdown is GitHub's dialect by markdown-it; the colours and sizes are near GitHub's, and not its style sheet.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from markdown_it import MarkdownIt

# Width and height in pixels: a pull request's column on a desk, and a telephone.
SCREENS = {"wide": (910, 1130), "narrow": (480, 1330)}
_CODE = "ui-monospace, 'DejaVu Sans Mono', monospace"
_STYLE = f"""
body {{ margin: 0; padding: 24px; background: #fff; color: #1f2328;
  font: 14px/1.5 'Segoe UI', 'Noto Sans', Helvetica, Arial, 'DejaVu Sans', sans-serif, 'Noto Color Emoji' }}
main {{ border: 1px solid #d1d9e0; border-radius: 6px; padding: 16px; overflow-wrap: break-word }}
code {{ background: #818b981f; padding: .2em .4em; border-radius: 6px; font: 85% {_CODE}; white-space: break-spaces }}
pre {{ background: #f6f8fa; padding: 16px; border-radius: 6px; overflow: auto }}
pre code {{ background: none; padding: 0; white-space: pre }}
table {{ border-collapse: collapse; display: block; width: max-content; max-width: 100%; overflow: auto }}
td, th {{ border: 1px solid #d1d9e0; padding: 6px 13px }}
h2 {{ border-bottom: 1px solid #d1d9e0b3; padding-bottom: .3em; font-size: 1.5em; margin: 0 0 16px }}
h3 {{ font-size: 1.25em; margin: 24px 0 16px }} ul {{ padding-left: 2em }} li + li {{ margin-top: .25em }}
blockquote {{ border-left: .25em solid #d1d9e0; margin: 0 0 16px; padding: 0 1em; color: #59636e }}
sub {{ font-size: 75%; vertical-align: baseline }} details {{ margin-bottom: 16px }}
"""
_DARK = """
body { background: #0d1117; color: #f0f6fc } main, td, th, h2, blockquote { border-color: #3d444d }
code { background: #656c7633 } pre { background: #151b23 } blockquote { color: #9198a1 }
"""


def main(source: Path, target: str) -> None:
    body = MarkdownIt("gfm-like", {"html": True, "linkify": True}).render(source.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as scratch:
        page = Path(scratch) / "page.html"
        for theme, style in (("light", _STYLE), ("dark", _STYLE + _DARK)):
            head = f'<meta charset="utf-8"><style>:root {{ color-scheme: {theme} }}{style}</style>'
            page.write_text(f"{head}<main>{body}</main>", encoding="utf-8")
            for screen, (width, height) in SCREENS.items():
                command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
                command += [f"--window-size={width},{height}", f"--screenshot={target}-{theme}-{screen}.png"]
                subprocess.run([*command, page.as_uri()], check=True, capture_output=True, timeout=120)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
