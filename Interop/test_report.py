"""Pages of reports in a browser: sorting, filtering, hovering, keys, themes, widths and paper; no error, no network, and axe-core finds nothing."""

import json
import os
import shutil

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed; run `scripts/setup python`")
axe_api = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core is not installed; run `scripts/setup python`")


@pytest.fixture(scope="module")
def browser():
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("there is no Chromium; run `scripts/setup browser`")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"] if os.geteuid() == 0 else [])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def folder(winnow, tmp_path_factory):
    """A report of a recipe with rounds, one of a search, one of sensitivities, one of a student, and their index."""
    folder = tmp_path_factory.mktemp("reports")
    random = np.random.default_rng(1)
    shapes = [("w0", (32, 8)), ("w1", (32, 32)), ("w2", (4, 32))]
    weights = [numpy_helper.from_array((random.normal(size=shape) * 0.4).astype(np.float32), name) for name, shape in shapes]
    nodes, value = [], "x"
    for place in range(3):
        nodes.append(helper.make_node("Gemm", [value, f"w{place}"], [f"h{place}"], f"layer {place}", transB=1))
        value = f"h{place}"
        if place < 2:
            nodes.append(helper.make_node("Relu", [value], [f"r{place}"], f"relu {place}"))
            value = f"r{place}"
    graph = helper.make_graph(
        nodes, "a <small> network", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 8])],
        [helper.make_tensor_value_info(value, TensorProto.FLOAT, ["N", 4])], weights,
    )  # fmt: skip
    model, data = folder / "model.onnx", folder / "data.npz"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), model)
    x = random.normal(size=(1200, 8)).astype(np.float32)
    np.savez(data, x=x, labels=np.argmax(x[:, :4] + 0.5 * x[:, 4:], axis=1))
    recipe = folder / "my recipe.yaml"
    recipe.write_text("""version: 1
steps:
  - finetune: { epochs: 4 }
  - iterative-pruning: { sparsities: [0.3, 0.5, 0.7], max-drop: 30, finetune: { epochs: 1 } }
  - static-quantization
""")
    winnow("run", recipe, model, "-o", folder / "small.onnx", "--data", data, "--report", folder / "small.html", "--seed", 5)
    (folder / "in").mkdir()
    winnow("compress", model, "-o", folder / "found.onnx", "--data", data, "--time-budget", "20s", "--max-drop", "5",
           "--report", folder / "in" / "found one.html")  # fmt: skip
    winnow("sensitivity", model, "--data", data, "--report", folder / "parts.html", "--strengths", "0.2,0.5,0.8", "--by", "layer")
    winnow("finetune", model, "--data", data, "--epochs", 8, "-o", folder / "teacher.onnx")
    winnow("distill", model, "--teacher", folder / "teacher.onnx", "--data", data, "--epochs", 4, "-o", folder / "student.onnx",
           "--report", folder / "student.html")  # fmt: skip
    deep(folder / "deep.onnx", blocks=42)
    np.savez(folder / "pictures.npz", x=random.normal(size=(12, 3, 8, 8)).astype(np.float32))
    recipe = folder / "deep.yaml"
    recipe.write_text("""version: 1
steps:
  - fold-batch-norm
  - svd-factorization: { rank: 4, only: [stem] }
  - structured-pruning: { sparsity: 0.5, only: ["block 2[0-2]*"] }
  - static-quantization
""")
    winnow("run", recipe, folder / "deep.onnx", "-o", folder / "deep small.onnx", "--data", folder / "pictures.npz", "--report", folder / "deep.html")
    winnow("report", folder)
    return folder


def deep(path, blocks):
    """A residual network of 7 nodes a block."""
    random, nodes, weights = np.random.default_rng(2), [], []

    def convolution(name, source, channels, inputs, *, relu):
        arrays = {"w": random.normal(size=(channels, inputs, 3, 3)) * 0.1, "s": np.ones(channels), "b": np.zeros(channels), "m": np.zeros(channels), "v": np.ones(channels)}
        weights.extend(numpy_helper.from_array(value.astype(np.float32), f"{name} {key}") for key, value in arrays.items())
        nodes.append(helper.make_node("Conv", [source, f"{name} w"], [f"{name} c"], name, pads=[1, 1, 1, 1]))
        nodes.append(helper.make_node("BatchNormalization", [f"{name} c", *(f"{name} {key}" for key in "sbmv")], [f"{name} n"], f"{name} norm"))
        if not relu:
            return f"{name} n"
        nodes.append(helper.make_node("Relu", [f"{name} n"], [f"{name} r"], f"{name} relu"))
        return f"{name} r"

    value = convolution("stem", "x", 16, 3, relu=True)
    for block in range(blocks):
        inner = convolution(f"block {block} a", value, 16, 16, relu=True)
        outer = convolution(f"block {block} b", inner, 16, 16, relu=False)
        nodes.append(helper.make_node("Add", [outer, value], [f"sum {block}"], f"block {block} add"))
        nodes.append(helper.make_node("Relu", [f"sum {block}"], [f"out {block}"], f"block {block} out"))
        value = f"out {block}"
    nodes.append(helper.make_node("GlobalAveragePool", [value], ["y"], "pool"))
    info = helper.make_tensor_value_info
    graph = helper.make_graph(nodes, "deep", [info("x", TensorProto.FLOAT, ["N", 3, 8, 8])], [info("y", TensorProto.FLOAT, ["N", 16, 1, 1])], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


PAGES = ["small.html", "in/found one.html", "parts.html", "deep.html", "student.html", "index.html"]


@pytest.fixture
def show(browser, folder):
    """Opens a page; whatever it logs, throws or asks of the network fails the test."""
    opened = []

    def show(page, **options):
        context = browser.new_context(**{"viewport": {"width": 1100, "height": 900}, **options})
        view, complaints = context.new_page(), []
        opened.append((context, complaints))
        view.on("console", lambda message: complaints.append(message.text))
        view.on("pageerror", lambda error: complaints.append(str(error)))
        view.on("request", lambda request: request.url.startswith("file:") or complaints.append(request.url))
        view.goto((folder / page).as_uri())
        return view

    yield show
    for context, complaints in opened:
        context.close()
        assert complaints == []


def violations(view):
    return [(rule["id"], [node["html"][:120] for node in rule["nodes"][:3]]) for rule in axe_api.Axe().run(view).response["violations"]]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("options", [{}, {"color_scheme": "dark"}, {"viewport": {"width": 390, "height": 800}}], ids=["light", "dark", "phone"])
def test_axe_finds_nothing(show, page, options):
    view = show(page, **options)
    assert violations(view) == []
    # Tables and plots scroll by themselves, the page does not.
    assert view.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_a_manager_reads_one_sentence(show, folder):
    view = show("small.html")
    sentence = view.locator(".headline").inner_text()
    assert sentence.startswith("a <small> network is now ") and "smaller" in sentence and "top-1" in sentence and "σ" in sentence
    assert sentence == view.locator("header p").first.inner_text()
    text = view.locator("main").inner_text()
    for part in [f"winnow run '{folder}/my recipe.yaml'", "static-quantization", "Versions and seed", "by its contents each sample"]:
        assert part in text, part
    assert view.locator("table[aria-label='Versions and seed']").inner_text().split("seed")[1].strip() == "5"


def column(view, label, place):
    return view.evaluate(
        "([label, place]) => [...document.querySelectorAll(`table[aria-label='${label}'] tbody tr`)]"
        ".filter((row) => !row.hidden).map((row) => row.cells[place].textContent)", [label, place])  # fmt: skip


def test_tables_sort_by_pointer_and_keys(show):
    view = show("small.html")
    label = "Layers before and after"
    before = column(view, label, 2)
    numbers = [int(text.replace(",", "")) for text in before]
    head = view.locator(f"table[aria-label='{label}'] thead th").nth(2)
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert [int(text.replace(",", "")) for text in column(view, label, 2)] == sorted(numbers)
    head.get_by_role("button").focus()
    view.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    assert [int(text.replace(",", "")) for text in column(view, label, 2)] == sorted(numbers, reverse=True)
    other = view.locator(f"table[aria-label='{label}'] thead th").nth(0)
    other.get_by_role("button").click()
    assert head.get_attribute("aria-sort") is None and column(view, label, 0) == sorted(column(view, label, 0))


def test_what_is_missing_comes_last(show):
    view = show("in/found one.html")
    head = view.locator("table[aria-label='Candidates'] thead th").nth(3)
    for _ in range(2):
        head.get_by_role("button").click()
        cells = column(view, "Candidates", 3)
        assert len(cells) > 3
        missing = [cell == "–" for cell in cells]
        assert missing == sorted(missing)
        times = [float(cell.split()[0]) for cell in cells if cell != "–"]
        assert times == sorted(times, reverse=head.get_attribute("aria-sort") == "descending")


def test_tables_filter(show):
    view = show("small.html")
    label = "Findings of step 3, static-quantization"
    table = view.locator(f"table[aria-label='{label}']")
    rows = column(view, label, 0)
    assert len(rows) >= 8
    box = view.locator("details", has=table).get_by_role("searchbox")
    box.fill("W1 done")
    shown = column(view, label, 0)
    assert 0 < len(shown) < len(rows) and all("w1" in name for name in shown)
    assert view.locator("details", has=table).locator("[role=status]").inner_text() == f"{len(shown)} of {len(rows)} rows"
    box.fill("")
    assert column(view, label, 0) == rows


def test_what_became_of_the_graph_is_told(show):
    view = show("deep.html")
    region = view.get_by_role("region", name="Nodes before and after")
    region.scroll_into_view_if_needed()
    items = region.locator("li:not(.run)")
    # Three hundred nodes: what changed by itself is there, the rest is folded, and told in sums.
    assert items.count() > 250
    shown = [item for item in items.all() if item.is_visible()]
    assert 4 <= len(shown) <= 30, len(shown)
    assert region.bounding_box()["height"] < 600
    text = " ".join(region.inner_text().split())
    for part in ["2 factors of rank 4", "outputs 16 → 8", "inputs 16 → 8", "BatchNormalization removed", "float32 → int8, computes with integers", "unchanged"]:
        assert part in text, part
    # One summary has the focus; a key opens it, and the items behind it are read in the order of data.
    summary = region.locator("summary").first
    summary.focus()
    view.keyboard.press("Enter")
    assert region.locator("details").first.get_attribute("open") is not None
    button = view.get_by_role("button", name="Unfold all")
    button.click()
    assert all(item.is_visible() for item in (items.first, items.nth(100), items.last))
    assert violations(view) == []
    names = region.locator(".name").all_inner_texts()
    places = [names.index(f"block {block} add") for block in range(42)]
    assert places == sorted(places) and [name for name in names if name.startswith("stem")][0] == "stem"
    view.get_by_role("button", name="Fold again").click()
    assert not items.last.is_visible() or len([item for item in items.all() if item.is_visible()]) <= 30


def test_layers_tell_their_times(show):
    view = show("deep.html")
    heads = [text.strip() for text in view.locator("table[aria-label='Layers before and after'] thead th").all_inner_texts()]
    place = heads.index("ms before")
    for column_place in (place, place + 1):
        times = [float(text) for text in column(view, "Layers before and after", column_place) if text != "–"]
        assert len(times) >= 85 and all(time >= 0 for time in times) and sum(times) > 0
    assert "Winnow's own engine on one thread" in view.locator("main").inner_text()


@pytest.mark.parametrize("page, plot", [
    ("small.html", "svg.chart"), ("in/found one.html", "svg.chart"), ("parts.html", "svg.map"), ("student.html", "svg.chart"),
    ("deep.html", "svg.curve"), ("student.html", "svg.bars"),
])  # fmt: skip
def test_plots_tell_their_marks(show, page, plot):
    view = show(page)
    marks = view.locator(f"{plot} [data-tip]")
    # Bars of nothing have no place to point at.
    mark = next(own for own in marks.all()[1:] if own.evaluate("mark => mark.getBoundingClientRect().height > 0"))
    mark.scroll_into_view_if_needed()
    mark.hover(force=True)
    tip = view.locator("#tip")
    assert tip.inner_text() and tip.inner_text() in [marks.nth(place).get_attribute("data-tip") for place in range(marks.count())]
    box, edge = tip.bounding_box(), view.evaluate("document.documentElement.clientWidth")
    assert box["x"] >= 0 and box["x"] + box["width"] <= edge
    view.mouse.move(1, 1)
    assert not tip.inner_text()
    chart = view.locator(plot).first
    chart.focus()
    told = []
    for _ in range(3):
        view.keyboard.press("ArrowRight")
        told.append(tip.inner_text())
    assert len(set(told)) == len(told) and all(told)
    view.keyboard.press("Home")
    assert tip.inner_text() == told[0]
    view.keyboard.press("Escape")
    assert not tip.inner_text()


def section(view, title):
    return view.locator("section", has=view.locator("h2", has_text=title))


def test_training_is_drawn_beside_teacher_and_beginning(show, folder):
    part = section(show("student.html"), "Course of training")
    words = part.locator("svg.chart").text_content()
    findings = json.loads((folder / "student.json").read_text())["steps"][0]["findings"]
    known = {finding["subject"]: finding["after"] for finding in findings if finding["quantity"] == "validation top-1"}
    assert f"teacher {100 * known['teacher']:.2f} %" in words and f"before training {100 * known['student']:.2f} %" in words
    tips = [mark.get_attribute("data-tip") for mark in part.locator("svg.chart circle").all()]
    assert tips[0].startswith(f"epoch 1: validation top-1 {100 * known['epoch 1']:.2f} %, training loss ") and len(tips) == 4
    assert part.locator("line.bound").count() == 2


def test_spectra_tell_what_was_kept(show):
    view = show("deep.html")
    part = section(view, "Spectrum of each layer")
    assert part.locator("svg.curve").count() == 1 and "stem w: rank 4 of 16" in part.inner_text()
    taken = part.locator("svg.curve .chosen").get_attribute("data-tip")
    assert taken.startswith("stem w: rank 4 of 16 holds ") and taken.endswith("and was taken")
    assert column(view, "Kept energy", 0) == ["stem w"] and column(view, "Kept energy", 4) == ["4"]


def test_what_rounding_costs_is_told_worst_first(show):
    view = show("small.html")
    part = section(view, "What rounding costs")
    noises = [float(text.replace("−", "-")) for text in column(view, "What rounding each tensor costs", 2) if text != "–"]
    assert len(noises) >= 3 and noises == sorted(noises, reverse=True)
    worst = column(view, "What rounding each tensor costs", 0)[0]
    assert f"Most is lost by {worst}: " in part.inner_text()
    heads = part.locator("thead th").all_inner_texts()
    assert {"SQNR alone (dB)", "SQNR so far (dB)", "clipped", "scale", "codes"} <= {head.strip() for head in heads}
    assert part.locator("svg.chart circle").count() >= 6
    assert any("int8" in text for text in column(view, "What rounding each tensor costs", len(heads) - 1))


def test_stages_and_runtimes_are_told(show):
    view = show("small.html")
    stages = column(view, "Stage by stage", 0)
    assert [stage.split(". ")[-1] for stage in stages] == ["model", "finetune", "iterative-pruning", "static-quantization"]
    assert all(text.endswith(" %") for text in column(view, "Stage by stage", 5))
    assert "any" in column(view, "What each runtime gains", 0) and "onnxruntime" in column(view, "What each runtime gains", 0)
    gains = dict(zip(column(view, "What each runtime gains", 0), column(view, "What each runtime gains", 2)))
    assert gains["onnxruntime"].endswith("layers in integers") and "smaller on disk" in gains["any"]


def test_sensitivities_say_how_to_get_the_same(show, folder):
    text = show("parts.html").locator("main").inner_text()
    assert "winnow sensitivity " in text and "--strengths 0.2,0.5,0.8" in text and "by its contents each sample" in text


def test_everything_is_reached_by_keys(show):
    view = show("small.html")
    wanted = view.evaluate("[...document.querySelectorAll('button, input, summary, a, svg[tabindex], .scroll')].filter((e) => e.checkVisibility()).length")
    seen = set()
    for _ in range(wanted + 10):
        view.keyboard.press("Tab")
        seen.add(view.evaluate("""() => { const e = document.activeElement;
            return e === document.body ? '' : [...document.querySelectorAll('*')].indexOf(e); }"""))
    assert len(seen - {""}) >= wanted


def test_light_and_dark(show):
    for scheme, other in (("light", "Dark"), ("dark", "Light")):
        view = show("small.html", color_scheme=scheme)
        paper = view.evaluate("getComputedStyle(document.body).backgroundColor")
        button = view.locator("button.theme")
        assert button.inner_text() == other
        button.click()
        assert view.evaluate("getComputedStyle(document.body).backgroundColor") != paper
        assert violations(view) == []
        button.click()
        assert view.evaluate("getComputedStyle(document.body).backgroundColor") == paper


def test_paper_shows_everything(show, tmp_path):
    view = show("in/found one.html", color_scheme="dark")
    closed = view.locator("details:not([open])").count()
    view.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert view.locator("details:not([open])").count() == 0
    view.evaluate("dispatchEvent(new Event('afterprint'))")
    assert view.locator("details:not([open])").count() == closed
    view.emulate_media(media="print")
    assert view.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not view.locator("button.theme").is_visible() and not view.locator("nav").is_visible()
    # On a sheet of A4 nothing is beyond the margin.
    view.set_viewport_size({"width": 700, "height": 1000})
    assert view.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert view.pdf(path=tmp_path / "page.pdf")[:4] == b"%PDF"


def test_without_its_script_the_page_reads_well(browser, folder):
    context = browser.new_context(java_script_enabled=False)
    view = context.new_page()
    view.goto((folder / "small.html").as_uri())
    assert view.locator("svg.chart title").count() > 1 and view.locator("thead th").first.inner_text() == "stage"
    context.close()


def test_the_index_leads_to_reports(show, winnow, folder):
    view = show("index.html")
    assert view.locator("table[aria-label='Reports'] tbody tr").count() == 4
    assert view.get_by_role("link", name="Sensitivity of a <small> network").get_attribute("href") == "parts.html"
    view.get_by_role("link", name="a <small> network").nth(0).click()
    assert view.locator("h2", has_text="How to get the same").count() == 1
    listed = json.loads(winnow("report", folder, "--json").stdout)
    assert {entry["page"] for entry in listed} == {"small.html", "deep.html", "student.html", "in/found%20one.html"}


def test_report_writes_over_nothing_of_others(winnow, folder, tmp_path):
    """A page of somebody's stays; a folder without reports and a file that is none are told in one sentence."""
    page = tmp_path / "index.html"
    page.write_text("<html><body>mine</body></html>")
    shutil.copy(folder / "small.json", tmp_path)
    for arguments, code, words in [([tmp_path], 2, "no page of Winnow's"), ([tmp_path / "none"], 1, "no such"), ([folder / "model.onnx"], 1, "is no report")]:
        result = winnow("report", *arguments, check=False)
        assert result.returncode == code and words in result.stderr and len(result.stderr.strip().splitlines()) == 1, result.stderr
    assert page.read_text() == "<html><body>mine</body></html>" and not (tmp_path / "small.html").exists()
    winnow("report", tmp_path / "small.json")
    assert (tmp_path / "small.html").read_text() == (folder / "small.html").read_text()
