"""The site: `python -m scratchgan.site` writes these sources as web pages, for any browser, with a search.

Pages in Markdown lead to one another as in the sources, and so do the names of files. A module of the package becomes a
page by pdoc, each function's text beside its lines; any other program is its docstring and its lines, and a folder a
list of what is in it. Equations stay in Unicode, so nothing is loaded from elsewhere.
"""

import argparse
import ast
import os
import re
import shutil
from functools import cache
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parent.parent
SOURCES = ("README.md", "scratchgan/**/*.md", "demos/*.md", "demos/*.py", "tests/*.md")
MENU = {
    "README.md": "index",
    "scratchgan/README.md": "course",
    "scratchgan/models/README.md": "systems",
    "scratchgan/training/README.md": "processes",
    "demos/README.md": "lessons",
    "tests/README.md": "checks",
    "scratchgan": "scratchgan",
}
FENCE = "`" * 9  # no program has so many in it


def address(path):
    """The name of the page that shows a file or folder, `demos/latent.py` -> "demos.latent"; None for a picture."""
    if path in MENU or path.endswith(".md"):
        return MENU.get(path, Path(path).stem)
    if path.endswith((".png", ".gif")):
        return None
    return path.removesuffix("/__init__.py").removesuffix(Path(path).suffix).replace("/", ".")


def text_of(path):
    """A file or folder as Markdown."""
    here = ROOT / path
    if here.is_dir():
        inside = sorted(p.name for p in here.iterdir() if p.name[0] not in "._")
        return f"# {path}\n\n" + "\n".join(f"- [{name}]({here.name}/{name})" for name in inside)
    text, language, lead = here.read_text(encoding="utf-8"), "text", ""
    if path.endswith(".md"):
        return text
    if path.endswith(".py"):
        tree, language = ast.parse(text), "python"
        if lead := ast.get_docstring(tree) or "":
            text = "\n".join(text.splitlines()[tree.body[0].end_lineno :]).strip("\n")
    return f"# {path}\n\n{lead}\n\n{FENCE}{language}\n{text}\n{FENCE}\n"


def place_of(word, path):
    """Where the page of a module has a name: "Game.critic_step" for critic_step in models/game.py."""
    for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
        for inner in [node, *getattr(node, "body", [])]:
            if getattr(inner, "name", None) == word:
                return word if inner is node else f"{node.name}.{word}"
    return ""


def linked(text, path, found):
    """The text of a page with its links as the site has them; the files they lead to are added to `found`."""
    up = "../" * address(path).count(".")

    def on_the_site(link):
        words, target, place = link.groups()
        goal = os.path.normpath(Path(path).parent / target) if target else path
        if not (ROOT / goal).exists():
            return link[0]
        found.append(goal)
        if goal.startswith("scratchgan/") and goal.endswith(".py"):
            place = place_of(words.strip("`"), goal)
        name = address(goal)
        return f"[{words}]({up}{name.replace('.', '/') + '.html' if name else goal}{'#' * bool(place)}{place})"

    return re.sub(r"\[([^][]*)\]\((?!http)([^)#\s]*)#?([^)\s]*)\)", on_the_site, text)


def gathered():
    """{name: text} of the pages that are no modules, and the pictures: the Markdown, and all that it leads to."""
    found = [p.relative_to(ROOT).as_posix() for pattern in SOURCES for p in sorted(ROOT.glob(pattern))]
    pages, pictures = {}, set()
    for path in found:  # which grows
        name = address(path)
        if name is None:
            pictures.add(path)
        elif name not in pages and (path.endswith(".md") or path.partition("/")[0] != "scratchgan"):
            pages[name] = linked(text_of(path), path, found)
    return pages, pictures


def entries(text):
    """What the search knows of a page: (title, heading, words) of each section and of each row of the course."""
    words = re.sub(rf"^{FENCE}.*", "", text, flags=re.S | re.M)
    words = re.sub(r"!?\[([^]]*)\]\([^)]*\)", r"\1", words)  # links lead elsewhere from other pages
    for heading, section in re.findall(r"^##? (.*)\n((?:(?!##? ).*\n?)*)", words, re.M):
        yield heading, heading, section
        rows = section.partition("\n| words |")[2].partition("---|\n")[2]
        for word, rest in re.findall(r"^\| (.*?) \|(.*)\|$", rows, re.M):
            yield word, heading, rest.replace("|", " · ")


def build(out):
    """Write the site into a folder."""
    import pdoc
    import pygments
    from markdown2 import _slugify as slug
    from markupsafe import Markup
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    def page(name, text, title=None, parts=()):
        module = ModuleType(name, text)
        module.__all__, module.__docformat__ = [], "markdown"
        doc = pdoc.doc.Module(module)
        doc.fullname = title or name
        for title, heading, words in parts:
            part = pdoc.doc.Variable(name, slug(heading), taken_from=(name, heading), docstring=words)
            part.fullname = title
            doc.own_members.append(part)
        return doc

    @cache
    def coloured(source):
        return Markup(pygments.highlight(source, PythonLexer(), HtmlFormatter(cssclass="pdoc-code codehilite")))

    def lines(doc):
        """The lines of a file; or of a function without its docstring, which stands beside them."""
        docstring = "" if doc.kind == "module" else r'\n *""".*?"""(?=\n)'
        return coloured(re.sub(docstring, "", doc.source, count=1, flags=re.S))

    def write(name, text):
        """A file of the site, which does not say where on this machine the sources are."""
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        text = text.replace(f"{ROOT}{os.sep}", "").replace(str(ROOT), ".")
        (out / name).write_text(text, encoding="utf-8")

    pdoc.render.configure(docformat="numpy", template_directory=Path(__file__).with_name("templates"))
    pdoc.render.env.filters["highlight"] = lines
    pdoc.render.env.globals |= {"menu": MENU.values(), "private": "__"}
    texts, pictures = gathered()
    names = [address(p.relative_to(ROOT).as_posix()) for p in sorted(ROOT.glob("scratchgan/**/*.py"))]
    modules = {name: pdoc.doc.Module.from_name(name) for name in names if "__main__" not in name}
    for shown in (doc for module in modules.values() for doc in module.classes):
        shown.source = ""  # its methods have theirs
    everything = modules | {name: page(name, text) for name, text in texts.items()}
    for name, module in everything.items():
        html = re.sub(r"(<li>\s*<p><strong>.*\)):(?=\s*</p>)", r"\1", pdoc.render.html_module(module, everything))
        write(f"{name.replace('.', '/')}.html", html)
    pdoc.render.env.globals["private"] = "_"  # who searches looks for lessons, and for what may be used
    known = {name: entries(text) for name, text in texts.items() if not name.startswith("tests.")}
    prose = {name: page(name, lead, title, parts) for name, ((title, _, lead), *parts) in known.items()}
    write("search.js", pdoc.render.search_index(modules | prose))
    for path in pictures:
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, out / path)


def main():
    """The command."""
    parser = argparse.ArgumentParser("python -m scratchgan.site", description="Write the sources as web pages.")
    parser.add_argument("--out", type=Path, default=ROOT / "site", help="the folder (default: site, in the clone)")
    out = parser.parse_args().out
    if not (ROOT / "README.md").exists():
        raise SystemExit("the pages are made from a clone of the repository; here is the package alone")
    try:
        build(out)
    except ModuleNotFoundError as error:
        raise SystemExit(f'{error}; the pages are made by pdoc: pip install -e ".[docs]"') from None
    except OSError as error:
        raise SystemExit(f"error: {error}") from None
    print(f"open {out / 'index.html'}")


if __name__ == "__main__":
    main()
