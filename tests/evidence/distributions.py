"""Made-up installed distributions."""

import base64
import hashlib


def record_hash(content, algorithm="sha256"):
    digest = base64.urlsafe_b64encode(hashlib.new(algorithm, content).digest()).rstrip(b"=").decode()
    return f"{algorithm}={digest}"


def install(site, name, files, record=..., requires=(), version="1.0", metadata=""):
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    lines = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{metadata}"]
    (info / "METADATA").write_text("".join(lines + [f"Requires-Dist: {row}\n" for row in requires]))
    rows = []
    for path, content in files.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_bytes(content)
        rows.append(f"{path},{record_hash(content)},{len(content)}")
    rows.append(f"{info.name}/RECORD,,")
    if record is ...:
        (info / "RECORD").write_text("\n".join(rows) + "\n")
    elif record is not None:
        (info / "RECORD").write_text(record)
    return info
