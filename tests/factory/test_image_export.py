"""A world served from a container is the world served from here."""

from __future__ import annotations

import io
import json
import socket
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import httpx
import pytest

from app_clones.kit.serve import serve_world
from factory.build import build, load_suite
from factory.errors import BuildError, SpecError
from factory.image.base import SPEC, load_image_spec, locked_base
from factory.image.export import Image, export
from factory.lock import Lock, resolve
from factory.spec import parse_spec
from factory.store import Store
from factory.worlds.suite import WorldSuite
from sandboxes.engine import docker_engine

WORLD = """
kind: world
name: office
seed: 3
start: 2025-03-03T09:00:00Z
step_seconds: 60
persons: 6
apps:
  mail: {messages: 40}
  notes: {}
tasks: {templates: {note: {train: 2, heldout: 0}}}
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(tmp_path_factory.mktemp("image") / "store")
    spec = parse_spec(WORLD, "office.yaml")
    build(spec, resolve(spec, store), store)
    return store


@pytest.fixture(scope="module")
def lock(store: Store) -> Lock:
    """The lock that comes with Grindworks; where the archive has dropped a pinned file, one made anew beside it."""
    from factory.errors import InputGone

    try:
        return locked_base(store)
    except InputGone:
        copy = store.root.parent / "server.yaml"
        copy.write_text(SPEC.read_text())
        return locked_base(store, path=copy)


@pytest.fixture(scope="module")
def image(store: Store, lock: Lock) -> Image:
    return export(store, "office", lock=lock)


@pytest.fixture(scope="module")
def served(image: Image) -> Iterator[str]:
    """The container's address; its engine has no bridge, so it listens on the host's loopback itself."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with docker_engine() as url:
        client = docker.APIClient(base_url=url, version="auto", timeout=120)
        client.load_image(image.archive)
        host = client.create_host_config(network_mode="host", cap_drop=["ALL"], read_only=True)
        container = client.create_container(image.tag, ["--host", "127.0.0.1", "--port", str(port)], host_config=host)[
            "Id"
        ]
        try:
            client.start(container)
            _await(f"http://127.0.0.1:{port}/notes/", client, container)
            yield f"http://127.0.0.1:{port}"
            client.stop(container, timeout=10)
            assert client.inspect_container(container)["State"]["ExitCode"] == 0, "SIGTERM ends it in good order"
        finally:
            client.remove_container(container, force=True, v=True)
            client.close()


def _await(url: str, client: docker.APIClient, container: str) -> None:
    for _ in range(300):
        try:
            if httpx.get(url).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(client.logs(container).decode())


def _play(url: str, token: str) -> list[str]:
    """The state digest at the start and after each of some changes, made through a page and through Gmail's API."""
    digests = []

    def look() -> None:
        digests.append(httpx.get(f"{url}/admin/state.json").json()["state_digest"])

    look()
    form = {"to": "", "subject": "Lunch", "body": "At noon?", "do": "save"}
    assert httpx.post(f"{url}/mail/compose", data=form).status_code == 303
    look()
    labels = f"{url}/mail/gmail/v1/users/me/labels"
    assert httpx.post(labels, json={"name": "Errands"}, headers={"authorization": f"Bearer {token}"}).is_success
    look()
    return digests


def test_a_container_serves_the_same_digests_as_this_process(store: Store, served: str) -> None:
    suite = load_suite(store, "office")
    assert isinstance(suite, WorldSuite)
    with suite.fork_world() as world, serve_world(world, admin=True) as here:
        expected = _play(here.url, here.token())
        token = here.token()
    assert expected[0] == suite.start_digest
    assert len(set(expected)) == 3
    assert _play(served, token) == expected


def test_the_same_world_gives_the_same_image(store: Store, lock: Lock, image: Image) -> None:
    assert export(store, "office", lock=lock).digest == image.digest


def test_the_archive_is_an_oci_layout_and_one_that_the_engine_loads(image: Image) -> None:
    with tarfile.open(fileobj=io.BytesIO(image.archive)) as tar:
        index = json.load(tar.extractfile("index.json"))
        place = "blobs/" + index["manifests"][0]["digest"].replace(":", "/")
        manifest = json.load(tar.extractfile(place))
        engine = json.load(tar.extractfile("manifest.json"))
        assert engine[0]["Layers"] == ["blobs/" + one["digest"].replace(":", "/") for one in manifest["layers"]]
        for one in (*manifest["layers"], manifest["config"]):
            assert tar.getmember("blobs/" + one["digest"].replace(":", "/")).size == one["size"]


def test_only_worlds_are_exported(store: Store) -> None:
    with pytest.raises(BuildError, match="no environment 'nothing'"):
        export(store, "nothing")


def test_a_base_with_a_wrong_key_is_told_by_line(tmp_path: Path) -> None:
    path = tmp_path / "server.yaml"
    path.write_text(SPEC.read_text().replace("requires:", "require:"))
    with pytest.raises(SpecError, match=r"server.yaml:\d+: base.require: unknown key; did you mean requires\?"):
        load_image_spec(path)


def test_a_lock_of_another_base_is_refused(store: Store, lock: Lock, tmp_path: Path) -> None:
    path = tmp_path / "server.yaml"
    path.write_text(SPEC.read_text().replace("    - dash\n", ""))
    path.with_suffix(".lock").write_text(lock.model_dump_json())
    with pytest.raises(SpecError, match="another state"):
        locked_base(store, path=path)
