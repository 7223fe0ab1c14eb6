"""IQ check of the device that computes: what torch sees of GPU and driver, against params.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sealproof.qualification.context import Context
from sealproof.qualification.registry import Finding, NoParameters, check

_DRIVER = Path("/proc/driver/nvidia/version")


@check("gpu-and-driver", NoParameters)
def gpu_and_driver(context: Context, parameters: NoParameters) -> Finding:
    """Is the device that computed the declared one, its driver known, and does it add as the processor does?

    `auto` in params.yaml stands for the kind of device that the record `train.device` names.
    """
    del parameters
    declared, used = context.settings.params.compute.device, str(context.book["train.device"].value)
    seen, driver = devices(), driver_version(_DRIVER)
    names = ", ".join(f"{item['name']} with {item['memory_gib']} GiB" for item in seen) or "no GPU"
    agrees = [item["agrees"] for item in seen]
    actual = (
        f"torch sees {names}; driver: {driver or 'none'}; params.yaml declares device {declared!r}; "
        f"training used {used}"
    )
    if seen:
        actual += f"; {sum(agrees)} of {len(agrees)} add the squares of 1 to 1000 as the processor does"
    return Finding(
        passed=_verdict(declared, used, seen, driver),
        actual=actual,
        values={"declared": declared, "used": used, "devices": seen, "driver": driver},
        records=("train.device",),
        files=(context.root / "params.yaml",),
    )


def _verdict(declared: str, used: str, seen: list[dict[str, Any]], driver: str) -> bool:
    if declared not in {"auto", used}:
        return False
    return used == "cpu" or (bool(seen) and bool(driver) and all(item["agrees"] for item in seen))


def devices() -> list[dict[str, Any]]:
    """Name, memory and capability of each GPU that torch can use, and whether it adds as the processor does."""
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return [_device(torch, number) for number in range(count)]


def _device(torch: Any, number: int) -> dict[str, Any]:
    facts = torch.cuda.get_device_properties(number)
    numbers = torch.arange(1, 1001, dtype=torch.float64)
    found = numbers.to(f"cuda:{number}").square().sum().item()
    return {
        "name": facts.name,
        "memory_gib": round(facts.total_memory / 1024**3, 1),
        "capability": f"{facts.major}.{facts.minor}",
        "agrees": found == numbers.square().sum().item(),
    }


def driver_version(path: Path) -> str:
    """First line of the kernel's statement on the NVIDIA driver; empty when there is none."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return lines[0].strip() if lines else ""
