"""Company networks: certificates, an index with a password, and mirrors, which leave no trace in images."""

import http.server
import json
import os
import re
import shlex
import subprocess
import threading
from types import SimpleNamespace

import pytest
from conftest import EVERY_KERNEL, EVERY_SERVICE
from support import docker, unique, wait_until
from test_faults import WORKING, stub
from test_moving import PASSWORD as LOGIN
from test_moving import log_in, registry

PASSWORD = "canary-4711"
HASH = "$apr1$kFtW95AQ$NC6QrTob.kf4NU5ASVZb7/"
# An index of Python packages and a mirror of Debian's, with the company's certificate. Only /open needs no password.
SERVER = """
server {{
  listen 443 ssl;
  ssl_certificate /company/server.pem;
  ssl_certificate_key /company/server.key;
  auth_basic company;
  auth_basic_user_file /company/passwords;
  proxy_http_version 1.1;
  proxy_ssl_server_name on;
  proxy_set_header Accept-Encoding "";
  proxy_set_header Authorization "";
  location /simple/ {{
    proxy_pass {index}/;
    sub_filter {files} https://{address};
    sub_filter_types *;
    sub_filter_once off;
  }}
  location /packages/ {{ proxy_pass {files}; }}
  location /debian {{ proxy_pass {archive}; }}
  location = /open {{ auth_basic off; return 200 open; }}
}}
"""
# Makes the company's certificate, and the one of its server.
CERTIFICATES = """
set -e
cd /company
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj '/CN=Example company' \
  -addext keyUsage=critical,keyCertSign
openssl req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj '/CN=server'
echo "subjectAltName=IP:$1,DNS:company" >extensions
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -out server.pem -extfile extensions
chmod a+r *
"""
# Settings that do not need an engine to be refused, and the end of the error.
WRONG = {
    "CA_CERT=missing.pem": "CA_CERT=missing.pem does not exist. Correct the path, or remove the setting.",
    "CA_CERT=tests": "the folder CA_CERT=tests has no file *.pem, *.crt or *.cer. "
    "Use the folder that contains the certificates.",
    "CA_CERT=README.md": "README.md is not a certificate in PEM format. Ask for one, or convert it: "
    "openssl x509 -inform der -in 'README.md' -out company.pem.",
    "CA_CERT=key.pem": "key.pem contains a private key. Use a file with nothing but certificates.",
    "CA_CERT=cut.pem": "cut.pem is not a certificate in PEM format. Ask for one, or convert it: "
    "openssl x509 -inform der -in 'cut.pem' -out company.pem.",
    "NETRC=missing": "NETRC=missing does not exist. Correct the path, or remove the setting.",
    "NETRC=tests": "NETRC=tests is a folder. Use the file in it.",
    "UV_DEFAULT_INDEX=packages.example": "UV_DEFAULT_INDEX is not valid. "
    "Use an address such as UV_DEFAULT_INDEX=https://mirror.example/path.",
    "APT_MIRROR=ftp://mirror.example": "APT_MIRROR is not valid. "
    "Use an address such as APT_MIRROR=https://mirror.example/path.",
    "REGISTRY=https://registry.example": "REGISTRY='https://registry.example' is not valid. "
    "Use a name without https://, such as REGISTRY=registry.example/mirror.",
}


@pytest.mark.parametrize("setting", WRONG)
def test_wrong_setting_is_refused(bake, setting):
    folder = bake()
    (folder / "key.pem").write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    (folder / "cut.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n")
    done = subprocess.run(["make", "--silent", "lock", setting], cwd=folder, capture_output=True, text=True)
    assert done.returncode and done.stderr.splitlines()[0] == f"error: {WRONG[setting]}"
    assert not (folder / ".local" / "network").exists()


def test_builds_use_the_proxies_in_env(untouched, host, tmp_path):
    proxy = "http://proxy.example:3128"
    (untouched.path / ".env").write_text(f"HTTPS_PROXY={proxy}\nPORT=9000\n")
    keep = f"""echo "$HTTPS_PROXY" "${{HTTP_PROXY-none}}" "$@" >'{tmp_path}/given'; exit 1"""
    stub(host, f"""case "$1" in build) {keep} ;; compose) exit ;; esac\n{WORKING}""")
    untouched.error("lock", PATH=str(host))
    assert re.match(f"{proxy} none build .*--build-arg HTTPS_PROXY ", (tmp_path / "given").read_text())


@pytest.fixture(scope="module")
def company(built, tmp_path_factory):
    """A server with a certificate of the company. The packages and their index are those that uv.lock names."""
    folder, name = tmp_path_factory.mktemp("company"), unique("company")
    # For nginx, which is another user.
    folder.chmod(0o755)
    lock = built.read("uv.lock")
    waiting = "until [ -f /company/server.conf ]; do sleep 0.1; done; cp /company/server.conf /etc/nginx/conf.d/; "
    docker("run", "--detach", "--name", name, "--volume", f"{folder}:/company:ro", "nginx:1.29",
           "sh", "-c", waiting + "exec nginx -g 'daemon off;'")  # fmt: skip
    try:
        address = docker("inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", name)
        base = docker("run", "--rm", "python:3.13-slim-trixie", "sh", "-c", "cat /etc/apt/sources.list* 2>/dev/null; "
                      "cat /etc/apt/sources.list.d/* 2>/dev/null || true")  # fmt: skip
        docker("run", "--rm", "--user", "0", "--volume", f"{folder}:/company", built.image, "sh", "-c", CERTIFICATES,
               "sh", address)  # fmt: skip
        (folder / "passwords").write_text(f"ann:{HASH}\n")
        for file, password in (("netrc", PASSWORD), ("wrong", "guess")):
            (folder / file).write_text(f"machine {address}\n  login ann\n  password {password}\n")
        text = SERVER.format(
            address=address,
            index=re.search(r'registry = "([^"]*)"', lock)[1],
            files=re.search(r'url = "(https://[^/]*)/', lock)[1],
            archive=re.search(r"https?://[^/\s]*", base)[0],
        )
        (folder / "server.conf").write_text(text)
        wait_until(lambda: "start worker" in subprocess.getoutput(f"docker logs {name}"))
        yield SimpleNamespace(
            name=name,
            address=address,
            requests=lambda: subprocess.getoutput(f"docker logs {name}"),
            folder=folder,
            settings={
                "UV_DEFAULT_INDEX": f"https://{address}/simple",
                "CA_CERT": str(folder / "ca.pem"),
                "NETRC": str(folder / "netrc"),
                "APT_MIRROR": f"https://{address}",
            },
        )
    finally:
        docker("rm", "--force", "--volumes", name)


@pytest.mark.docker
def test_index_with_a_certificate_and_a_password(company, generate):
    project = generate("network").slim()
    project.ok("lock")
    before = project.read("uv.lock")
    index = {"UV_DEFAULT_INDEX": company.settings["UV_DEFAULT_INDEX"]}
    untrusted = "error: a certificate is not trusted; your company probably inspects HTTPS traffic."
    assert project.error("add", "PKG=requests", **index).startswith(untrusted)
    trusted = {**index, "CA_CERT": company.settings["CA_CERT"]}
    refused = f"error: the package index {index['UV_DEFAULT_INDEX']} does not accept your password, or none. "
    assert project.error("add", "PKG=requests", **trusted).startswith(refused)
    wrong = {**trusted, "NETRC": str(company.folder / "wrong")}
    assert project.error("add", "PKG=requests", **wrong).startswith(refused)
    assert project.read("uv.lock") == before

    # In .env, in a folder of certificates, once and for all.
    (project.path / ".env").write_text("".join(f"{name}='{value}'\n" for name, value in company.settings.items()))
    project.ok("add", "PKG=requests")
    # Nothing but the package is new in the lock file, and no index is in the project's settings.
    removed = [line for line in before.splitlines() if line not in project.read("uv.lock")]
    assert removed == [] and company.address not in project.read("pyproject.toml")
    assert company.address in project.read("uv.lock")
    project.ok("build")
    log = project.read(".local/build.log")
    # Builds and the project's containers are in different networks.
    project.run("true")
    network = f"{project.setting('COMPOSE_PROJECT_NAME')}_default"
    docker("network", "connect", "--alias", "company", network, company.name)
    try:
        ask = "import requests; print(requests.get('https://company/open').text)"
        assert project.run(f'python -c "{ask}"') == "open\n"
    finally:
        docker("network", "disconnect", network, company.name)

    # An image of somebody who has none of the settings is the same. The steps of its last stage run again.
    with_settings = docker("image", "inspect", "--format", "{{.Id}}", project.setting("IMAGE"))
    own = "".join(
        line + "\n" for line in project.read(".env").splitlines() if line.partition("=")[0] not in company.settings
    )
    (project.path / ".env").write_text(own)
    line = next(line for line in project.make("build", "V=1").stderr.splitlines() if line.startswith("+ docker build "))
    assert (project.path / ".local" / "network" / "build.sh").read_text() == ""
    iid = project.path / ".local" / "iid"
    command = [*shlex.split(line)[1:-1], "--no-cache-filter", "dev", "--iidfile", str(iid), "."]
    subprocess.run(command, cwd=project.path, check=True, capture_output=True)
    assert iid.read_text() == with_settings

    # Neither the certificate nor the password is in the image, its configuration, or the log of the build.
    certificate = (company.folder / "ca.pem").read_text().splitlines()[3]
    saved = subprocess.run(["docker", "save", with_settings], capture_output=True, check=True).stdout
    told = log + docker("inspect", with_settings) + docker("history", "--no-trunc", with_settings)
    for canary in (PASSWORD, certificate):
        assert canary.encode() not in saved and canary not in told


@pytest.mark.docker
def test_programs_in_builds_use_the_settings(company, copy):
    """apt takes packages from the mirror, git finds the password, and Java trusts the certificate."""
    project = copy("programs")
    project.ok("jobs", **company.settings)
    secret = f"{project.path / '.local' / 'network' / 'build.sh'}:/run/secrets/network:ro"

    def in_build(image, command):
        # As root and with the shell of a build.
        return docker("run", "--rm", "--user", "0", "--volume", secret, image, "sh", "-euc",
                      f". /run/secrets/network; {command}")  # fmt: skip

    lists = in_build("python:3.13-slim-trixie", "apt-get update")
    assert f"https://{company.address}/debian" in lists and "Err:" not in lists
    assert '"GET /debian' in company.requests()
    question = f"printf 'protocol=https\\nhost={company.address}\\n\\n' | git credential fill"
    assert f"username=ann\npassword={PASSWORD}" in in_build(project.image, question)
    trusted = in_build("maven:3-eclipse-temurin-21", 'keytool -list -storepass changeit -keystore "$network/java"; '
                       'echo "$JAVA_TOOL_OPTIONS"')  # fmt: skip
    assert "company-1" in trusted and "javax.net.ssl.trustStore=/dev/shm/network/java" in trusted
    assert "open" in in_build("node:24-slim", f"node -e \"fetch('https://{company.address}/open')"
                              ".then(each => each.text()).then(console.log)\"")  # fmt: skip


ASK = """
class Ask {
    public static void main(String[] addresses) throws Exception {
        for (var address : addresses) java.net.URI.create(address).toURL().openStream().transferTo(System.out);
    }
}
"""


@pytest.mark.docker
def test_java_in_containers_trusts_the_certificate(company, copy, tmp_path):
    """And those of everybody: the store has all certificates of the bundle."""
    project = copy("java")
    (tmp_path / "Ask.java").write_text(ASK)
    project.ok("jobs", **company.settings)
    done = subprocess.run(
        ["docker", "compose", "config", "--format", "json"], cwd=project.path, capture_output=True, check=True
    )
    lab = json.loads(done.stdout)["services"]["lab"]
    (store,) = [each["source"] for each in lab["volumes"] if each["target"] == "/etc/company-ca.p12"]

    def in_java(*command, check=True):
        return docker("run", "--rm", "--env", f"JAVA_TOOL_OPTIONS={lab['environment']['JAVA_TOOL_OPTIONS']}",
                      "--volume", f"{store}:/etc/company-ca.p12:ro", "--volume", f"{tmp_path}:/ask:ro",
                      "maven:3-eclipse-temurin-21", *command, check=check)  # fmt: skip

    assert in_java("java", "/ask/Ask.java", f"https://{company.address}/open") == "open"
    listed = in_java("keytool", "-list", "-keystore", "/etc/company-ca.p12", "-storepass", "any")
    bundle = project.read(".local/network/ca.pem")
    assert listed.count("trustedCertEntry") == bundle.count("BEGIN CERTIFICATE") > 1
    # The store follows the setting, and is made only once.
    file = project.path / ".local" / "network" / "java.p12"
    before = file.stat().st_mtime_ns
    project.ok("jobs", **company.settings)
    assert file.stat().st_mtime_ns == before
    other, end, _ = bundle.partition("-----END CERTIFICATE-----\n")
    (project.path / "other.pem").write_text(other + end)
    project.ok("jobs", CA_CERT="other.pem")
    assert in_java("java", "/ask/Ask.java", f"https://{company.address}/open", check=False) == ""


@pytest.mark.parametrize(
    "answers", [{"accelerator": "cuda"}, EVERY_KERNEL, EVERY_SERVICE], ids=["cuda", "kernels", "services"]
)
def test_every_image_can_come_from_a_registry(baked, answers):
    """In a Dockerfile, REGISTRY_PREFIX is before the name of each image. The other names are stages, without a tag."""
    dockerfiles = list(baked(**answers).rglob("Dockerfile"))
    assert len(dockerfiles) > 1
    for dockerfile in dockerfiles:
        text = dockerfile.read_text(encoding="utf-8")
        assert "\nFROM ${" in text and not re.findall(r"^FROM [^$ ]*:.*", text, re.MULTILINE), dockerfile


@pytest.mark.docker
def test_images_come_from_a_registry_with_a_password(copy, tmp_path):
    project = copy("registry")
    dockerfile = project.read("Dockerfile")
    images = [image for image in re.findall(r"FROM \$\{REGISTRY_PREFIX\}(\S+)", dockerfile) if "cuda" not in image]
    project.ok("build")
    before = docker("image", "inspect", "--format", "{{.Id}}", project.setting("IMAGE"))
    with registry(tmp_path) as address:
        login = log_in(tmp_path / "login", address, LOGIN)
        for image in images:
            name = f"{address}/mirror/{image}"
            docker("tag", image, name)
            pushing = ["docker", "push", "--quiet", name]
            subprocess.run(pushing, env={**os.environ, **login}, check=True, capture_output=True)
            docker("image", "rm", name)
        assert project.error("build", REGISTRY=f"{address}/mirror") == (
            "error: cannot pull the image: its registry does not accept your login, or none. "
            "Run 'docker login' with the name of the registry."
        )
        project.ok("build", REGISTRY=f"{address}/mirror/", **login)
        assert docker("image", "inspect", "--format", "{{.Id}}", project.setting("IMAGE")) == before
        assert "cannot pull the image" in project.error("build", REGISTRY=f"{address}/none", **login)


@pytest.mark.docker
def test_registry_that_limits_requests_is_named(copy):
    class Busy(http.server.BaseHTTPRequestHandler):
        # BuildKit tries HTTPS first, and HTTP if the answer to that is HTTP.
        default_request_version = "HTTP/1.1"

        def do_GET(self):
            self.send_error(429)

        do_HEAD = do_GET

        def log_message(self, *arguments):
            pass

    project = copy("busy")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Busy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        error = project.error("build", REGISTRY=f"127.0.0.1:{server.server_port}")
        server.shutdown()
    assert error.startswith("error: cannot pull the image: its registry limits how often you can ask. ")
