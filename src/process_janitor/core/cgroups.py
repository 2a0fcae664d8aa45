"""What a cgroup path says about who runs a process."""

from __future__ import annotations

_CONTAINER_PARTS = ("kubepods", "docker-", "libpod-", "crio-", "cri-containerd-", "lxc.payload.")


def service_unit(cgroup: str) -> str:
    """The systemd service a cgroup path lies in, "" for logins, scopes, containers and the user manager itself.

    Seen from the inside of a container, the service that runs the container is its whole world, not a unit in it.
    """
    for part in reversed(cgroup.split("/")):
        if part.endswith(".scope") or part.startswith(_CONTAINER_PARTS) or ":cri-" in part:
            return ""
        if part.endswith(".service"):
            return "" if part.startswith("user@") else part
    return ""


__all__ = ["service_unit"]
