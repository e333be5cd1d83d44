"""An OCI image out of layer tars, in one archive that ``docker load`` of any age reads as well as OCI's own tools."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Mapping, Sequence
from typing import Any

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"


def image_archive(tag: str, layers: Sequence[bytes], config: Mapping[str, Any] | None = None) -> bytes:
    """An image of these layer tars, lowest first, named ``tag`` (``name:version``). ``config``: OCI's (``Entrypoint``,
    ``Env``, ``User``, ``ExposedPorts`` …).

    Both forms lie side by side over the same blobs: OCI's layout (``oci-layout``, ``index.json``) and the engine's own
    ``manifest.json``. Nothing in it names a time, so the same layers give the same bytes.
    """
    blobs = {_digest(data): data for data in layers}
    digests = [_digest(data) for data in layers]
    about = _json(
        {
            "architecture": _ARCHITECTURES.get(os.uname().machine, os.uname().machine),
            "os": "linux",
            "config": dict(config or {}),
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": _descriptor(_CONFIG, about),
            "layers": [_descriptor(_LAYER, data) for data in layers],
        }
    )
    blobs |= {_digest(about): about, _digest(manifest): manifest}
    named = {**_descriptor(_MANIFEST, manifest), "annotations": {"org.opencontainers.image.ref.name": tag}}
    engine = [{"Config": _place(_digest(about)), "RepoTags": [tag], "Layers": [_place(digest) for digest in digests]}]
    files = {_place(digest): data for digest, data in sorted(blobs.items())}
    files["index.json"] = _json({"schemaVersion": 2, "manifests": [named]})
    files["manifest.json"] = _json(engine)
    files["oci-layout"] = _json({"imageLayoutVersion": "1.0.0"})
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path, data in files.items():
            info = tarfile.TarInfo(path)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def _json(data: Any) -> bytes:
    return json.dumps(data, sort_keys=True, separators=(",", ":")).encode()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _place(digest: str) -> str:
    return f"blobs/sha256/{digest}"


def _descriptor(media_type: str, data: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": f"sha256:{_digest(data)}", "size": len(data)}
