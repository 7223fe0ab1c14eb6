"""Software bill of materials: what the software, the model and the data consist of, as CycloneDX 1.6 (ECMA-424).

The same environment, weights and images give the same bytes: no time, and a serial number that is made from the
content.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sealproof import __version__
from sealproof.evidence.errors import EvidenceMissingError
from sealproof.evidence.files import read_json
from sealproof.evidence.hashing import canonical_json, sha256_file
from sealproof.evidence.packages import Package, required_packages
from sealproof.evidence.workspace import Workspace

if TYPE_CHECKING:
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component

#: Name space of the serial numbers: any fixed one will do, this is the UUID of `sealproof` among URLs.
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:sealproof:sbom")


def software_bill(workspace: Workspace) -> bytes:
    """The bill of materials of a product as indented JSON.

    Components: every installed package the software needs (name, version, purl, licence as stated, SHA-256 of its
    RECORD as property `sealproof:record-sha256`), the model (SHA-256 of its weights, reference to its card) and the
    data set (SHA-256 of its manifest, licence, number of images).

    Args:
        workspace: of a product that is trained.

    Raises:
        EvidenceMissingError: required packages, the model or the manifest are missing.
    """
    _require(workspace)
    direct, packages = required_packages(workspace.root)
    return _serialise(_bill(workspace, direct, packages.values()))


def _require(workspace: Workspace) -> None:
    files = [
        workspace.artifacts(stage) / name
        for stage, name in (
            ("ingest", "manifest.parquet"),
            ("ingest", "split_summary.json"),
            ("train", "model.json"),
            ("train", "model.safetensors"),
        )
    ]
    missing = [workspace.relative(path) for path in files if not path.is_file()]
    if missing:
        raise EvidenceMissingError(
            "a bill of materials needs the model and the data",
            where=", ".join(missing),
            why="the files named above do not exist",
            mend="run `dvc repro`",
        )


def _bill(workspace: Workspace, direct: Iterable[str], packages: Iterable[Package]) -> Bom:
    from cyclonedx.model.bom import Bom, BomMetaData
    from cyclonedx.model.component import Component, ComponentType

    libraries = {package.name: _library(package) for package in packages}
    model, data = _model(workspace), _data(workspace)
    product = Component(name=workspace.product, type=ComponentType.APPLICATION, bom_ref="product")
    software = Component(
        name="sealproof",
        version=__version__,
        type=ComponentType.APPLICATION,
        bom_ref=f"pkg:pypi/sealproof@{__version__}",
        licenses=_licences("Apache-2.0"),
    )
    bom = Bom(
        metadata=BomMetaData(component=product), components=[software, model, data, *libraries.values()]
    )
    bom.register_dependency(product, [software, model])
    bom.register_dependency(software, [libraries[name] for name in direct])
    bom.register_dependency(model, [data])
    for package in packages:
        bom.register_dependency(libraries[package.name], [libraries[name] for name in package.needs])
    return bom


def _library(package: Package) -> Component:
    from cyclonedx.model import Property
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    purl = PackageURL("pypi", None, package.name, package.version)
    record = [Property(name="sealproof:record-sha256", value=package.record_sha256)]
    return Component(
        name=package.name,
        version=package.version,
        type=ComponentType.LIBRARY,
        bom_ref=purl.to_string(),
        purl=purl,
        licenses=_licences(package.licence),
        properties=record if package.record_sha256 else [],
    )


def _model(workspace: Workspace) -> Component:
    from cyclonedx.model import ExternalReference, ExternalReferenceType, XsUri
    from cyclonedx.model.component import Component, ComponentType

    path, weights = (workspace.artifacts("train") / name for name in ("model.json", "model.safetensors"))
    described = read_json(path)
    digest = sha256_file(weights)
    card = ExternalReference(
        type=ExternalReferenceType.MODEL_CARD, url=XsUri(workspace.relative(path)), hashes=_hashes(path)
    )
    return Component(
        name=str(described.get("architecture", "model")),
        version=digest[:12],
        description=described.get("card", {}).get("summary"),
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref=f"model:{digest}",
        hashes=_hashes(weights),
        external_references=[card],
    )


def _data(workspace: Workspace) -> Component:
    from cyclonedx.model import Property
    from cyclonedx.model.component import Component, ComponentType

    manifest, summary = (
        workspace.artifacts("ingest") / name for name in ("manifest.parquet", "split_summary.json")
    )
    described = read_json(summary)
    properties = {
        "sealproof:images": described["images"],
        "sealproof:manifest": workspace.relative(manifest),
        "sealproof:simulated": str(described["simulated"]).lower(),
    }
    return Component(
        name=f"images of {workspace.product}",
        version=sha256_file(manifest)[:12],
        description=described["source"] or None,
        type=ComponentType.DATA,
        bom_ref=f"data:{sha256_file(manifest)}",
        hashes=_hashes(manifest),
        licenses=_licences(described["licence"]),
        properties=[Property(name=name, value=str(value)) for name, value in properties.items()],
    )


def _hashes(path: Path) -> list[Any]:
    from cyclonedx.model import HashAlgorithm, HashType

    return [HashType(alg=HashAlgorithm.SHA_256, content=sha256_file(path))]


def _licences(stated: str) -> list[Any]:
    from cyclonedx.contrib.license.factories import LicenseFactory

    return [LicenseFactory().make_from_string(stated)] if stated else []


def _serialise(bom: Bom) -> bytes:
    from cyclonedx.output.json import JsonV1Dot6

    content = json.loads(JsonV1Dot6(bom).output_as_string())
    content.pop("serialNumber", None)
    content["metadata"].pop("timestamp", None)
    content["serialNumber"] = f"urn:uuid:{uuid.uuid5(_NAMESPACE, canonical_json(content))}"
    return (json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()
