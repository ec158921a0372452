"""Reports that R renders: their content, their parameters and names, and what remains after an error."""

import csv
import os
import re
import shutil
import statistics

import pytest
import support
from selenium.webdriver.common.by import By
from support import Project, docker, wait_until

pytestmark = pytest.mark.docker

REPORT = "reports/report.html"


@pytest.fixture(scope="module")
def project(with_service):
    project = with_service("rmarkdown")
    project.ok("data")
    project.ok("report")
    return project


def rows(project):
    with open(project.path / "data" / "raw" / "tumors.csv", newline="") as file:
        return list(csv.DictReader(file))


def page_text(html):
    """Return the text of a page, without tags and scripts and with single blanks."""
    body = re.sub(r"<(script|style).*?</\1>", " ", html.partition("<body>")[2], flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", body).split())


def hidden(project):
    return [name for name in os.listdir(project.path / "reports") if name.startswith(".report")]


def test_report_has_plots_and_numbers_of_the_first_column(project):
    html, table = project.read(REPORT), rows(project)
    column = next(iter(table[0]))
    assert len(re.findall(r'<img src="data:image/png;base64,[^"]{1000}', html)) == 3
    assert f"rows read {len(table)}" in page_text(html)
    for group in ("benign", "malignant"):
        values = [float(row[column]) for row in table if row["diagnosis"] == group]
        assert f"{group} {len(values)} {statistics.mean(values):.3f}" in page_text(html)


def test_report_needs_no_other_file_and_no_network(project):
    outside = re.sub(r"(<script[^>]*>).*?</script>", r"\1", project.read(REPORT), flags=re.DOTALL)
    assert not re.findall(r'(?:src|href)="(?!data:|#)[^"]+"', outside)


def test_same_data_gives_the_same_report(project):
    before = project.read(REPORT)
    project.ok("report")
    assert project.read(REPORT) == before


def test_parameters_choose_column_and_bins(project):
    column = list(rows(project)[0])[2]
    output = project.ok("report", f"PARAMS=column={column.replace(' ', '_')}; bins=9;", "OUTPUT=reports/a b/it's.html")
    assert output.splitlines()[-1] == "wrote reports/a b/it's.html"
    assert f"about {column} in" in page_text(project.read("reports/a b/it's.html"))


def test_own_report_may_have_any_name_and_any_value(project):
    folder = project.path / 'my "reports"'
    folder.mkdir()
    (folder / "it's $one.Rmd").write_text(
        "---\nparams: {text: a, number: 2, flag: true}\n---\n\n"
        "```{r}\nlist(a = params$text, b = params$number * 2, c = !params$flag)\n```\n"
        "![](pixel.png)\n"
    )
    pixel = bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108040000 00b51c0c020000000b4944415478da6364f80f0001050101"
        "2718e3660000000049454e44ae426082".replace(" ", "")
    )
    (folder / "pixel.png").write_bytes(pixel)
    value = "'); system('touch /workspace/owned') #\"`touch /workspace/owned`$(touch /workspace/owned); x y"
    project.ok("report", 'REPORT=my "reports"/it\'s $one.Rmd', f"PARAMS=text={value}; number=1.5; flag=false")
    html = project.read("reports/it's $one.html")
    assert '"data:image/png;base64,iVBORw0KGgo' in html
    assert "$b ## [1] 3" in page_text(html) and "$c ## [1] TRUE" in page_text(html)
    assert "system(" in page_text(html)
    assert not (project.path / "owned").exists()
    assert set(os.listdir(folder)) == {"it's $one.Rmd", "pixel.png"}


def test_error_in_a_report_leaves_the_old_one(project):
    (project.path / "report.Rmd").write_text("---\ntitle: x\n---\n\ntext\n\n```{r}\n1\nsto('x')\n```\n")
    before = project.read(REPORT)
    error = project.error("report", "REPORT=report.Rmd")
    assert error.startswith("error: report.Rmd, lines 7-")
    assert 'could not find function "sto"' in error
    assert project.read(REPORT) == before
    assert not hidden(project)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["PARAMS=column=x"], "there is no numeric column 'x'. Use one of: "),
        (["PARAMS=bins=many"], "bins=many is not a number"),
        (["PARAMS=bins=0"], "bins=0 is not valid"),
        (["PARAMS=colour=red"], "the report has no parameter 'colour'. Use data, column, group, bins"),
        (["PARAMS=texture"], "PARAMS contains 'texture'"),
        (["PARAMS=data=data/raw/none.csv"], "data/raw/none.csv is missing. Run: make data."),
        (["REPORT=none.Rmd"], "the report none.Rmd does not exist"),
        (["REPORT=../other.Rmd"], "is not in this project"),
        (["REPORT=README.md"], "is not an R Markdown file"),
        (["OUTPUT=/tmp/a.html"], "is not in this project"),
        (["OUTPUT=reports/a.pdf"], "is not an HTML file"),
        (["OUTPUT=Makefile/a.html"], "Makefile/a.html cannot be written"),
    ],
)
def test_invalid_setting_is_one_line(project, arguments, message):
    before = project.read(REPORT)
    assert message in project.error("report", *arguments)
    assert project.read(REPORT) == before


def test_report_belongs_to_the_user(project, open_folder):
    copy = Project(shutil.copytree(project.path, open_folder / "copy", ignore=shutil.ignore_patterns(".local")))
    data = open_folder / "data"
    (data / "raw").mkdir(parents=True)
    # One row has no size, one is a duplicate.
    (data / "raw" / "tumors.csv").write_text("a size,diagnosis\n1,x\n2,x\n2,x\n,y\n7,y\n")
    data.chmod(0o700)
    for folder in (copy.path, data):
        for path in (folder, *folder.rglob("*")):
            os.lchown(path, 12345, 12346)
    try:
        copy.ok("report", "OUTPUT=reports/mine.html", user=(12345, 12346), DATA_DIR=str(data), HOME=str(data))
        made = (copy.path / "reports" / "mine.html").stat()
        assert (made.st_uid, made.st_gid, made.st_mode & 0o777) == (12345, 12346, 0o644)
        text = page_text(copy.read("reports/mine.html"))
        assert "about a size in" in text
        assert "rows read 5 with a missing value 1 duplicate 1 rows kept 3" in text
    finally:
        copy.make("clean")


def test_page_shows_its_plots(project):
    column = next(iter(rows(project)[0]))
    mount = f"type=bind,source={project.path / 'reports'},target=/reports,readonly"
    server = docker(
        *("run", "--detach", "--rm", "--mount", mount, "--workdir", "/reports", project.image),
        *("python", "-m", "http.server", "8000"),
    )
    try:
        with support.browser(f"container:{server}", size=(1400, 1000)) as driver:
            driver.get("http://127.0.0.1:8000/report.html")
            assert column in driver.find_element(By.TAG_NAME, "body").text
            plots = driver.find_elements(By.CSS_SELECTOR, "img[src^='data:image/png']")
            assert len(plots) == 3
            wait_until(lambda: all(plot.get_property("naturalWidth") > 500 for plot in plots))
            # Show the plot and the table below it.
            driver.execute_script("document.getElementById('explore').scrollIntoView()")
            support.picture(driver, "rmarkdown")
            log = driver.execute("getLog", {"type": "browser"})["value"]
            assert [entry for entry in log if "favicon" not in entry["message"]] == []
    finally:
        docker("rm", "--force", server)
