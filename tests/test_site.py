"""The web pages: each link of the sources leads to a page, a place on it, or a picture; the search knows each word."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from places import TESTS

from scratchgan import site

# Pages from sources -----------------------------------------------------------------------------------------------


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A small repository."""
    sources = {
        "README.md": "# Small\n\n[The course](scratchgan/README.md#the-game), [tests](tests) and ![all](demos/a.png).",
        "scratchgan/README.md": "# Course\n\nRead [on](#the-game), or go [back](../README.md) to [all](__init__.py)."
        "\n\n![moves](../demos/b.gif)\n\n## The game\n\n| words | lines | lesson |\n|---|---|---|\n"
        "| play; *step* | [`step`](game.py), [`Game`](game.py), [`seed`](game.py) | [`play`](../demos/play.py) |\n",
        "scratchgan/__init__.py": "",
        "scratchgan/game.py": "seed = 1\n\n\ndef first_step():\n    pass\n\n\n"
        "class Game:\n    def step(self):\n        pass\n",
        "demos/play.py": '"""How to play.\n\nLike this.\n"""\n\ntick = "```"\n\n\ndef play():\n    pass\n',
        "demos/lonely.py": "import this\n",
        "demos/a.png": "",
        "demos/b.gif": "",
        "tests/deep/test_game.py": "def test_game():\n    assert [1](2)\n",
        "tests/.hidden": "",
        "tests/__pycache__/old": "",
        **{f"tests/{letter}.txt": "" for letter in "hcfadgbe"},
    }
    for path, text in sources.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    monkeypatch.setattr(site, "ROOT", tmp_path)
    return tmp_path


def test_all_that_the_pages_lead_to_is_gathered(tree):
    pages, pictures = site.gathered()
    texts = {f"tests.{letter}" for letter in "abcdefgh"}
    linked = {"index", "course", "demos.play", "tests", "tests.deep", "tests.deep.test_game"}
    assert set(pages) == linked | texts | {"demos.lonely"} and pictures == {"demos/a.png", "demos/b.gif"}


def test_links_between_pages_keep_their_places(tree):
    pages, _ = site.gathered()
    assert "[The course](course.html#the-game), [tests](tests.html) and ![all](demos/a.png)" in pages["index"]
    assert "[on](course.html#the-game), or go [back](index.html) to [all](scratchgan.html)" in pages["course"]
    assert "![moves](demos/b.gif)" in pages["course"]


def test_a_name_leads_to_its_lines(tree):
    course = site.gathered()[0]["course"]
    assert "[`Game`](scratchgan/game.html#Game)" in course and "[`step`](scratchgan/game.html#Game.step)" in course
    assert "[`seed`](scratchgan/game.html)" in course  # a variable within a function, say
    assert "[`play`](demos/play.html)" in course  # no module: its page has no places


def test_deep_pages_find_their_way(tree):
    pages, _ = site.gathered()
    assert "- [deep](tests/deep.html)" in pages["tests"] and ".hidden" not in pages["tests"]
    assert [line[3] for line in pages["tests"].splitlines()[2:]] == [*"abcdefgh"[:4], "d", *"efgh"]
    assert "- [test_game.py](../tests/deep/test_game.html)" in pages["tests.deep"]


def test_a_link_that_leads_nowhere_is_left_as_it_is(tree):
    assert site.linked("[a](b.md), [c](https://d.org/e.md)", "README.md", []) == "[a](b.md), [c](https://d.org/e.md)"


def test_a_program_is_its_docstring_and_its_lines(tree):
    text, bare = site.text_of("demos/play.py"), site.text_of("demos/lonely.py")
    assert "\n\nHow to play.\n\nLike this.\n\n" in text and text.count(site.FENCE) == 2
    assert text.endswith('`python\ntick = "```"\n\n\ndef play():\n    pass\n' + site.FENCE + "\n")
    assert bare == f"# demos/lonely.py\n\n\n\n{site.FENCE}python\nimport this\n\n{site.FENCE}\n"


def test_the_search_knows_sections_and_each_word_of_the_course(tree):
    pages, _ = site.gathered()
    (title, *_), game, play = site.entries(pages["course"])
    assert title == "Course" and game[:2] == ("The game", "The game")
    assert play == ("play; *step*", "The game", " `step`, `Game`, `seed`  ·  `play` ")
    ((_, _, words),) = site.entries(pages["demos.play"])
    assert words.strip() == "How to play.\n\nLike this."


def test_every_page_of_the_sources_has_a_name_of_its_own_and_none_is_called_readme():
    paths = [path for pattern in site.SOURCES for path in site.ROOT.glob(pattern) if path.suffix == ".md"]
    names = [site.address(path.relative_to(site.ROOT).as_posix()) for path in paths]
    assert len(set(names)) == len(names) and "README" not in names


# The command ------------------------------------------------------------------------------------------------------


def test_without_pdoc_it_says_what_to_install(tree, monkeypatch):
    monkeypatch.setattr("sys.argv", ["site"])
    monkeypatch.setitem(__import__("sys").modules, "pdoc", None)
    with pytest.raises(SystemExit, match=r'pip install -e "\.\[docs\]"'):
        site.main()


def test_without_a_clone_it_says_so(tree, monkeypatch):
    monkeypatch.setattr("sys.argv", ["site"])
    (tree / "README.md").unlink()
    with pytest.raises(SystemExit, match="from a clone"):
        site.main()


def test_a_folder_that_is_a_file_is_said(tree, monkeypatch):
    monkeypatch.setattr("sys.argv", ["site", "--out", str(tree / "README.md")])
    monkeypatch.setattr(site, "build", lambda out: out.mkdir())
    with pytest.raises(SystemExit, match="error: .*exists: .*README.md"):
        site.main()


# The pages themselves, where pdoc is installed --------------------------------------------------------------------


class Page(HTMLParser):
    """What a page has names for, and where it leads."""

    def __init__(self, file):
        super().__init__()
        self.ids, self.links, self.loaded = set(), set(), set()
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.ids.add(given.get("id"))
        (self.links if tag == "a" else self.loaded).update({given.get("href"), given.get("src")} - {None})


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    pytest.importorskip("pdoc")
    out = tmp_path_factory.mktemp("site")
    site.build(out)
    return {file: Page(file) for file in out.rglob("*.html")}


@pytest.mark.slow
def test_no_link_is_dead(pages):
    dead = set()
    for file, page in pages.items():
        for link in page.links | page.loaded:
            scheme, _, path, _, place = urlsplit(link)
            goal = (file.parent / unquote(path)).resolve() if path else file
            if not scheme and not (goal.exists() and (not place or unquote(place) in pages[goal].ids)):
                dead.add((file.stem, link))
    assert dead == set()


@pytest.mark.slow
def test_nothing_is_loaded_from_elsewhere(pages):
    assert {link for page in pages.values() for link in page.loaded if link.startswith("http")} == set()


@pytest.mark.slow
def test_no_page_says_where_it_was_made(pages):
    (home,) = (file.parent for file in pages if file.name == "index.html")
    written = [*pages, home / "search.js"]
    assert [file for file in written if str(site.ROOT) in file.read_text(encoding="utf-8")] == []


@pytest.mark.slow
def test_every_page_and_every_lesson_is_there(pages):
    (home,) = (file.parent for file in pages if file.name == "index.html")
    there = {file.relative_to(home).as_posix() for file in pages}
    lessons = {f"demos/{path.stem}.html" for path in TESTS.parent.glob("demos/*.py")}
    assert lessons | {f"{name}.html" for name in site.MENU.values()} | {"errata.html"} <= there
    for file, page in pages.items():
        menu = {(file.parent / Path(link.partition("#")[0])).resolve() for link in page.links}
        assert {home / f"{name}.html" for name in site.MENU.values()} <= menu, file


@pytest.mark.slow
def test_the_search_has_modules_and_pages(pages):
    (home,) = (file.parent for file in pages if file.name == "index.html")
    search = (home / "search.js").read_text(encoding="utf-8")
    private = re.findall(r'"fullname": ?"[\w.]*\._(?!_init__")\w+"', search)
    assert private == [] and '"fullname":' in search.replace('": ', '":')  # but their pages have them
    assert 'id="_factors"' in (home / "scratchgan" / "functional" / "conv.html").read_text(encoding="utf-8")
    assert (
        '"scratchgan.losses.penalties.gradient_penalty"' in search
        and '"two players, minimax, zero-sum; V(D, G)"' in search
    )
